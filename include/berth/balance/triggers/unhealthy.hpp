// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/concepts.hpp"
#include "berth/balance/projected_state.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace berth::inline v0 {

class unhealthy_state;

/// Drains failed hardware. The alarm begins when a GPU, or a whole node, has been unhealthy for `rounds` rounds in a
/// row. Every task leaves it, whatever its cooldown, its remaining time and the cost of the move; of two tasks for the
/// same room the one of higher priority goes; the tasks of a gang that are on failed hardware leave together or stay.
/// None comes before a GPU, and its node, have been healthy for `recovery_rounds` rounds in a row. Tasks without GPU
/// leave a node only if it is sick as a whole (`fleet_status::node_healthy`, or the fleet says so). `gain` and `admits`
/// are O(GPUs of the slot), `wants` is O(tasks of the node).
struct unhealthy {
    std::uint32_t rounds = 1;           ///< 1 or more
    std::uint32_t recovery_rounds = 3;  ///< 1 or more; what was never seen unhealthy takes tasks at once
    double weight = 100.0;              ///< cost per second of a task on an unhealthy GPU, above 0

    /// The text of the alarms.
    [[nodiscard]] static constexpr const char* name() noexcept { return "unhealthy"; }
    /// The state for one balancer. O(GPUs + nodes).
    [[nodiscard]] unhealthy_state prepare(const problem& p) const;
};

/// The state of `unhealthy`: for how many rounds each GPU and node has been healthy or not.
class unhealthy_state {
public:
    static constexpr bool urgent = true;  ///< tasks leave whatever their cooldown and the cost
    static constexpr bool drains = true;  ///< every task has to leave: by priority, gangs together

    /// Every GPU trusted. O(GPUs + nodes).
    unhealthy_state(const unhealthy& trigger, const problem& p)
        : trigger_{trigger}, gpus_(p.fleet().gpu_count()), nodes_(p.fleet().node_count()) {}

    /// Counts one round. O(GPUs + nodes).
    void update(const projected_state& now) {
        const fleet& machines = now.machines();
        if (gpus_.size() < machines.gpu_count()) gpus_.resize(machines.gpu_count());
        if (nodes_.size() < machines.node_count()) nodes_.resize(machines.node_count());
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            const node_index n{i};
            const gpu_mask healthy = now.healthy(n);
            for (std::size_t g = 0; g < machines.gpu_count(n); ++g)
                count(gpus_[machines.gpu(n, g).value()], (healthy >> g & 1U) != 0);
            count(nodes_[i], now.node_healthy(n));
        }
    }
    /// The node at this position is another one, and takes tasks at once.
    void forget(node_index n) noexcept {
        if (n.value() < nodes_.size()) nodes_[n.value()] = {};
    }
    /// The same for a GPU.
    void forget(gpu_index g) noexcept {
        if (g.value() < gpus_.size()) gpus_[g.value()] = {};
    }
    /// Appends an alarm for every node with tasks that is sick, or has tasks on unhealthy GPUs. O(GPUs + tasks).
    void alarms(const projected_state& now, std::vector<alarm>& out) const {
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            const node_index n{i};
            const bool whole = nodes_[i].on != 0;
            const gpu_mask failed = whole ? 0 : unhealthy_gpus(now, n);
            if (!whole && failed == 0) continue;
            const alarm a{.reason = unhealthy::name(), .node = n, .gpus = failed, .pressure = 1.0};
            if (wants(now, a)) out.push_back(a);
        }
    }
    /// True while a task is left. O(tasks of the node).
    [[nodiscard]] bool wants(const projected_state& now, const alarm& a) const {
        bool used = false;
        now.each_task(a.node, [&](task_index t) { used = used || a.gpus == 0 || (now.where(t).gpus & a.gpus) != 0; });
        return used;
    }
    /// The weight; 0 for a move within an unhealthy node.
    [[nodiscard]] double gain(const projected_state&, const alarm& a, const task_move& r) const noexcept {
        return a.gpus == 0 && r.to.node == a.node ? 0.0 : trigger_.weight;
    }
    /// True if the node and every GPU of the target are trusted. O(GPUs of the slot).
    [[nodiscard]] bool admits(const projected_state& now, const task_move& r) const noexcept {
        for (gpu_mask rest = r.to.gpus; rest != 0; rest &= rest - 1) {
            if (gpus_[now.machines().gpu(r.to.node, lowest_gpu(rest)).value()].trusted == 0) return false;
        }
        return nodes_[r.to.node.value()].trusted != 0;
    }

private:
    struct record {
        std::uint32_t unhealthy_rounds = 0;
        std::uint32_t healthy_rounds = 0;
        std::uint8_t on = 0;
        std::uint8_t trusted = 1;
    };
    void count(record& at, bool healthy) const noexcept {
        if (healthy) {
            at.unhealthy_rounds = 0;
            if (at.trusted != 0) return;
            if (++at.healthy_rounds < trigger_.recovery_rounds) return;
            at = {};
        } else {
            at.healthy_rounds = 0;
            at.trusted = 0;
            if (at.unhealthy_rounds < trigger_.rounds) ++at.unhealthy_rounds;
            if (at.unhealthy_rounds >= trigger_.rounds) at.on = 1;
        }
    }
    [[nodiscard]] gpu_mask unhealthy_gpus(const projected_state& now, node_index n) const noexcept {
        gpu_mask failed = 0;
        for (std::size_t g = 0; g < now.machines().gpu_count(n); ++g) {
            if (gpus_[now.machines().gpu(n, g).value()].on != 0) failed |= gpu_mask{1} << g;
        }
        return failed;
    }

    unhealthy trigger_;
    detail::flat<record> gpus_;
    detail::flat<record> nodes_;
};

inline unhealthy_state unhealthy::prepare(const problem& p) const { return {*this, p}; }

static_assert(migration_trigger<unhealthy>);

}  // namespace berth::inline v0
