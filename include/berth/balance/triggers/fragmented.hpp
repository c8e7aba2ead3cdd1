// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/concepts.hpp"
#include "berth/balance/projected_state.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace berth::inline v0 {

class fragmented_state;

/// Waiting tasks that fit on no node, but would fit on one if other tasks left it. The alarm begins when a task has
/// waited `patience` seconds without fitting, and ends when it fits or no longer waits. The moves for it are all or
/// none, and the room that they make is kept for it. `update` is O(nodes) for each distinct demand that waits, `alarms`
/// O(nodes) for each of `tasks`; `gain` and `wants` are O(counters of a node).
struct fragmented {
    double patience = 0.0;  ///< seconds, 0 or more
    std::size_t tasks = 8;  ///< maximum number of waiting tasks answered in one round, in the order of `waiting`
    std::size_t nodes = 4;  ///< maximum number of nodes tried for each task, least shortage first
    double weight = 1.0;    ///< cost per second of a waiting task that wants one whole GPU, above 0

    /// The text of the alarms.
    [[nodiscard]] static constexpr const char* name() noexcept { return "fragmented"; }
    /// The state for one balancer. O(tasks).
    [[nodiscard]] fragmented_state prepare(const problem& p) const;
};

/// The state of `fragmented`: since when each task has waited without fitting.
class fragmented_state {
public:
    /// No task waits. O(tasks).
    fragmented_state(const fragmented& trigger, const problem& p)
        : trigger_{trigger},
          since_(p.workload().task_count(), never),
          before_(p.workload().task_count(), never),
          fits_(p.workload().shape_count(), unknown) {}

    /// Notes which waiting tasks fit nowhere. O(tasks + shapes + nodes for each distinct demand that waits).
    void update(const projected_state& now) {
        const workload& work = now.problem().workload();
        if (since_.size() < work.task_count()) since_.resize(work.task_count(), never);
        if (before_.size() < work.task_count()) before_.resize(work.task_count(), never);
        if (fits_.size() < work.shape_count()) fits_.resize(work.shape_count(), unknown);
        before_.swap(since_);
        for (double& since : since_) since = never;
        for (std::uint8_t& fits : fits_) fits = unknown;
        stuck_.clear();
        for (const task_index t : now.waiting()) {
            if (now.in_flight(t) || fits_somewhere(now, t)) continue;
            double& since = since_[t.value()];
            since = before_[t.value()] == never ? now.elapsed() : before_[t.value()];
            if (now.elapsed() - since >= trigger_.patience && stuck_.size() < trigger_.tasks) stuck_.push_back(t);
        }
    }
    /// Appends, for each task that waited long enough, the nodes with the least shortage. O(nodes) for each.
    void alarms(const projected_state& now, std::vector<alarm>& out) const {
        for (const task_index t : stuck_) {
            const std::size_t first = out.size();
            for (std::size_t i = 0; i < now.machines().node_count(); ++i) {
                const node_index n{i};
                const double short_by = shortage(now, t, n, nullptr);
                if (!(short_by > 0.0) || short_by == impossible) continue;
                std::size_t at = out.size();
                while (at > first && out[at - 1].pressure > short_by) --at;
                if (at - first >= trigger_.nodes) continue;
                out.insert(out.begin() + static_cast<std::ptrdiff_t>(at),
                           {.reason = fragmented::name(), .node = n, .pressure = short_by, .waiting = t});
                if (out.size() - first > trigger_.nodes) out.pop_back();
            }
        }
    }
    /// True while the node is short of something for the task.
    [[nodiscard]] bool wants(const projected_state& now, const alarm& a) const {
        return shortage(now, a.waiting, a.node, nullptr) > 0.0;
    }
    /// The share of the shortage that the move removes, times the GPUs that the task wants.
    [[nodiscard]] double gain(const projected_state& now, const alarm& a, const task_move& r) const {
        if (r.to.node == a.node) return 0.0;
        const double less = shortage(now, a.waiting, a.node, nullptr) - shortage(now, a.waiting, a.node, &r);
        const demand_view demand = now.problem().workload().demand(a.waiting);
        const double gpus =
            demand.gpus == 0 ? 1.0 : static_cast<double>(demand.total_share()) / static_cast<double>(whole_gpu);
        return trigger_.weight * gpus * less / a.pressure;
    }
    /// The task at this position is another one.
    void forget(task_index t) noexcept {
        if (t.value() < since_.size()) since_[t.value()] = never;
    }
    /// Always true.
    [[nodiscard]] bool admits(const projected_state&, const task_move&) const noexcept { return true; }

private:
    static constexpr double never = -std::numeric_limits<double>::infinity();
    static constexpr double impossible = std::numeric_limits<double>::infinity();

    static constexpr std::uint8_t unknown = 2;

    /// Remembers the answer for the tasks of one shape.
    [[nodiscard]] bool fits_somewhere(const projected_state& now, task_index t) {
        std::uint8_t& known = fits_[now.problem().workload().shape(t).value()];
        if (known == unknown) known = some_node_fits(now, t) ? 1 : 0;
        return known == 1;
    }
    [[nodiscard]] static bool some_node_fits(const projected_state& now, task_index t) {
        const demand_view demand = now.problem().workload().demand(t);
        for (std::size_t i = 0; i < now.machines().node_count(); ++i) {
            const node_index n{i};
            if (!now.node_open(n) || !now.ledger().host_fits(demand, n)) continue;
            if (has_gpus(now.ledger().fitting_gpus(demand, n) & now.open_gpus(n), demand.gpus)) return true;
        }
        return false;
    }
    /// The part of `wanted` that is not free, as a share of the capacity; `impossible` if the capacity itself is too
    /// small.
    [[nodiscard]] static double missing(amount wanted, amount free, amount capacity) noexcept {
        if (wanted <= free) return 0.0;
        if (wanted > capacity) return impossible;
        return static_cast<double>(wanted - free) / static_cast<double>(capacity);
    }
    /// The shortage of a node for a task: summed over the node's counters and those of the GPUs with the least
    /// shortage; 0 if it fits. `leaves`: as if that move had left the node. Domains must have room already.
    [[nodiscard]] static double shortage(const projected_state& now, task_index t, node_index n,
                                         const task_move* leaves) {
        const fleet& machines = now.machines();
        const demand_view demand = now.problem().workload().demand(t);
        const demand_view freed = leaves == nullptr ? demand_view{} : now.problem().workload().demand(leaves->task);
        if (!now.node_open(n)) return impossible;
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
        const gpu_mask healthy = demand.gpus == 0 ? 0 : now.open_gpus(n);
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
    detail::flat<double> since_;       // per task: since when it waits without fitting
    detail::flat<double> before_;      // the same, a round ago
    detail::flat<std::uint8_t> fits_;  // per shape: whether it fits somewhere in this round
    detail::flat<task_index> stuck_;
};

inline fragmented_state fragmented::prepare(const problem& p) const { return {*this, p}; }

static_assert(migration_trigger<fragmented>);

}  // namespace berth::inline v0
