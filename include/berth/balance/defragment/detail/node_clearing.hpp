// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/defragment/detail/occupied_fleet.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <span>

namespace berth::inline v0::detail {

/// Chooses tasks to evict so that a demand on several GPUs fits on a node: the GPUs with the fewest tasks are cleared,
/// then the largest users of the first host counter leave. A heuristic for more tasks than the eviction table covers;
/// not minimal.
template <class Fleet = occupied_fleet>
class node_clearing {
public:
    /// Empty if more than `max_tasks` would have to leave, or if all tasks are not enough. Valid until the next call;
    /// the ledger is left as it was. O(GPUs² · tasks of the node).
    [[nodiscard]] std::span<const task_index> tasks(const demand_view& wanted, node_index n, Fleet& fleet,
                                                    std::size_t max_tasks) {
        fleet_ = &fleet;
        out_.clear();
        ledger& ledger = fleet.ledger();
        ledger.checkpoint();
        gpu_mask closed = fleet.machines().healthy_gpus(n) & ~ledger.fitting_gpus(wanted, n);
        while (out_.size() <= max_tasks && closed != 0 && !has_gpus(ledger.fitting_gpus(wanted, n), wanted.gpus)) {
            const std::size_t gpu = easiest(wanted, n, closed);
            for (const task_index t : fleet.tasks_on(n)) {
                if (uses(t, gpu) && !is_out(t) && (ledger.fitting_gpus(wanted, n) >> gpu & 1U) == 0) leave(t);
            }
            closed &= ~(gpu_mask{1} << gpu);
        }
        while (out_.size() <= max_tasks && !ledger.fits(wanted, n)) {
            task_index largest{};
            for (const task_index t : fleet.tasks_on(n)) {
                if (!is_out(t) && (!largest.valid() || host(t) > host(largest))) largest = t;
            }
            if (!largest.valid()) break;
            leave(largest);
        }
        const bool fits = ledger.fits(wanted, n);
        ledger.rollback();
        if (!fits || out_.size() > max_tasks) out_.clear();
        return out_.view();
    }

private:
    /// The closed GPU of an accepted model on which the fewest tasks are.
    [[nodiscard]] std::size_t easiest(const demand_view& wanted, node_index n, gpu_mask closed) const {
        const fleet& machines = fleet_->machines();
        std::size_t best = lowest_gpu(closed);
        std::size_t fewest = fleet_->tasks_on(n).size() + 1;
        for (gpu_mask rest = closed; rest != 0; rest &= rest - 1) {
            const std::size_t gpu = lowest_gpu(rest);
            if ((wanted.accepted_models >> machines.model(machines.gpu(n, gpu)).value() & 1U) == 0) continue;
            std::size_t count = 0;
            for (const task_index t : fleet_->tasks_on(n)) count += uses(t, gpu) && !is_out(t) ? 1 : 0;
            if (count < fewest) {
                fewest = count;
                best = gpu;
            }
        }
        return best;
    }
    [[nodiscard]] bool uses(task_index t, std::size_t gpu) const { return (fleet_->where(t).gpus >> gpu & 1U) != 0; }
    [[nodiscard]] amount host(task_index t) const {
        return fleet_->work().roles().cpu_of(fleet_->work().demand(t).node);
    }
    [[nodiscard]] bool is_out(task_index t) const {
        for (const task_index other : out_) {
            if (other == t) return true;
        }
        return false;
    }
    void leave(task_index t) {
        fleet_->ledger().remove(fleet_->work().demand(t), fleet_->where(t));
        out_.push_back(t);
    }

    Fleet* fleet_ = nullptr;
    flat<task_index> out_;
};

}  // namespace berth::inline v0::detail
