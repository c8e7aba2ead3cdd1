// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/balance/concepts.hpp"
#include "berth/balance/projected_state.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <limits>
#include <vector>

namespace berth::inline v0 {

class fragmented_state;

/// A task waits for room that the fleet has, but not in one place: it fits nowhere, and would fit on some node if others left it.
/// The alarm begins when it has waited `patience` seconds without fitting and ends when it fits, or no longer waits. Moves
/// for it happen all or none, and the room that they make is kept for it. O(nodes) for every task that waits; a question
/// is O(counters of a node).
struct fragmented {
    double patience = 0.0;  ///< seconds
    std::size_t tasks = 8;  ///< waiting tasks looked after in one round, in the order in which they wait
    std::size_t nodes = 4;  ///< nodes tried for each, those that lack least first
    double weight = 1.0;    ///< what it costs a second that a task for one whole GPU waits

    [[nodiscard]] static constexpr const char* name() noexcept { return "fragmented"; }

    [[nodiscard]] fragmented_state prepare(const problem& p) const;
};

/// What `fragmented` remembers.
class fragmented_state {
public:
    fragmented_state(const fragmented& trigger, const problem& p)
        : trigger_{trigger}, since_(p.workload().task_count(), never), before_(p.workload().task_count(), never) {}

    void update(const projected_state& now) {
        before_.swap(since_);
        for (double& since : since_) since = never;
        stuck_.clear();
        for (const task_index t : now.seen().waiting) {
            if (now.in_flight(t) || fits_somewhere(now, t)) continue;
            double& since = since_[t.value()];
            since = before_[t.value()] == never ? now.time() : before_[t.value()];
            if (now.time() - since >= trigger_.patience && stuck_.size() < trigger_.tasks) stuck_.push_back(t);
        }
    }
    void alarms(const projected_state& now, std::vector<alarm>& out) const {
        for (const task_index t : stuck_) {
            const std::size_t first = out.size();
            for (std::size_t i = 0; i < now.machines().node_count(); ++i) {
                const node_index n{i};
                const double lacking = lack(now, t, n, nullptr);
                if (!(lacking > 0.0) || lacking == impossible) continue;
                std::size_t at = out.size();
                while (at > first && out[at - 1].pressure > lacking) --at;
                if (at - first >= trigger_.nodes) continue;
                out.insert(out.begin() + static_cast<std::ptrdiff_t>(at),
                           {.reason = fragmented::name(), .node = n, .pressure = lacking, .waiting = t});
                if (out.size() - first > trigger_.nodes) out.pop_back();
            }
        }
    }
    [[nodiscard]] bool wants(const projected_state& now, const alarm& a) const {
        return lack(now, a.waiting, a.node, nullptr) > 0.0;
    }
    [[nodiscard]] double gain(const projected_state& now, const alarm& a, const task_move& r) const {
        if (r.to.node == a.node) return 0.0;
        const double less = lack(now, a.waiting, a.node, nullptr) - lack(now, a.waiting, a.node, &r);
        const demand_view demand = now.problem().workload().demand(a.waiting);
        const double gpus =
            demand.gpus == 0 ? 1.0 : static_cast<double>(demand.total_share()) / static_cast<double>(whole_gpu);
        return trigger_.weight * gpus * less / a.pressure;
    }
    [[nodiscard]] bool admits(const projected_state&, const task_move&) const noexcept { return true; }

private:
    static constexpr double never = -std::numeric_limits<double>::infinity();
    static constexpr double impossible = std::numeric_limits<double>::infinity();

    [[nodiscard]] static bool fits_somewhere(const projected_state& now, task_index t) {
        const demand_view demand = now.problem().workload().demand(t);
        for (std::size_t i = 0; i < now.machines().node_count(); ++i) {
            const node_index n{i};
            if (!now.ledger().host_fits(demand, n)) continue;
            if (has_gpus(now.ledger().fitting_gpus(demand, n) & now.healthy(n), demand.gpus)) return true;
        }
        return false;
    }
    /// What of `wanted` is missing, as a share of the capacity; `impossible` if the capacity itself is too small.
    [[nodiscard]] static double missing(amount wanted, amount free, amount capacity) noexcept {
        if (wanted <= free) return 0.0;
        if (wanted > capacity) return impossible;
        return static_cast<double>(wanted - free) / static_cast<double>(capacity);
    }
    /// What is missing on a node for a task, summed over its counters and those of the GPUs that lack least; 0 if it fits. As if
    /// the move had left, if one is given. Domains have to have room already.
    [[nodiscard]] static double lack(const projected_state& now, task_index t, node_index n, const task_move* leaves) {
        const fleet& machines = now.machines();
        const demand_view demand = now.problem().workload().demand(t);
        const demand_view freed = leaves == nullptr ? demand_view{} : now.problem().workload().demand(leaves->task);
        if (!machines.healthy(n)) return impossible;
        double sum = 0.0;
        for (std::size_t r = 0; r < demand.node.size(); ++r) {
            const amount back = leaves == nullptr ? 0 : freed.node[r];
            sum += missing(demand.node[r], now.ledger().free(n)[r] + back, machines.capacity(n)[r]);
        }
        for (const domain_index d : machines.domains(n)) {
            for (std::size_t r = 0; r < demand.domain.size(); ++r) {
                if (demand.domain[r] > now.ledger().free(d)[r]) return impossible;
            }
        }
        double least[max_gpus_per_node];
        std::size_t found = 0;
        const gpu_mask healthy = demand.gpus == 0 ? 0 : now.healthy(n);
        for (gpu_mask rest = healthy; rest != 0; rest &= rest - 1) {
            const std::size_t i = lowest_gpu(rest);
            const gpu_index g = machines.gpu(n, i);
            if ((demand.accepted_models >> machines.model(g).value() & 1U) == 0) continue;
            const bool frees = leaves != nullptr && (leaves->from.gpus >> i & 1U) != 0;
            double here = 0.0;
            for (std::size_t r = 0; r < demand.gpu.size(); ++r) {
                const amount back = frees ? freed.gpu[r] : 0;
                here += missing(demand.gpu[r], now.ledger().free(g)[r] + back, machines.capacity(g)[r]);
            }
            std::size_t at = found < demand.gpus ? found++ : demand.gpus;
            if (at == demand.gpus && !(here < least[at - 1])) continue;
            if (at == demand.gpus) --at;
            for (; at > 0 && least[at - 1] > here; --at) least[at] = least[at - 1];
            least[at] = here;
        }
        if (found < demand.gpus) return impossible;
        for (std::size_t i = 0; i < demand.gpus; ++i) sum += least[i];
        return sum;
    }

    fragmented trigger_;
    detail::flat<double> since_;   // per task: since when it waits without fitting
    detail::flat<double> before_;  // the same, a round ago
    detail::flat<task_index> stuck_;
};

inline fragmented_state fragmented::prepare(const problem& p) const { return {*this, p}; }

static_assert(migration_trigger<fragmented>);

}  // namespace berth::inline v0
