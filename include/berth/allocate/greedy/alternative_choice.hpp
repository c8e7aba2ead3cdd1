// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/fleet_room.hpp"
#include "berth/core/index.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <concepts>
#include <cstddef>

// Which of its alternatives a task of a cluster runs with. When to use which:
//
//   cheapest_first   GPUs while there are many, CPUs and slower GPUs when those run short; the default
//   fastest_first    the shortest run time, whatever it takes
//
// A lambda is a choice: prices of your own, or an order of your own.

namespace berth::inline v0 {

/// One alternative of a task, with the slot that the policy would give it.
struct alternative_candidate {
    demand_view demand;                ///< what it would hold
    slot where;                        ///< where
    double speed = 1.0;                ///< relative, above 0
    std::size_t position = 0;          ///< in `cluster::alternatives`
    const fleet* machines = nullptr;   ///< the nodes and GPUs, for their models
    const fleet_room* room = nullptr;  ///< what is free in the cluster, without the task
};

/// Customisation point: what it costs to run a task in one of its alternatives. The one of the least cost is taken, the
/// first of equals. A cost is any number but NaN; read-only and deterministic.
///
/// ```
/// // Euros: an hour of a GPU costs 2, of a CPU core 0.05.
/// const auto euros = [](const alternative_candidate& a) {
///     return (2.0 * static_cast<double>(a.demand.gpus) + 0.05 * static_cast<double>(a.demand.node[0])) / a.speed;
/// };
/// placer.place(task, euros);
/// ```
template <class C>
concept alternative_choice = requires(const C& choice, const alternative_candidate& a) {
    { choice(a) } -> std::convertible_to<double>;
};

/// The shortest run time: the cost is 1 / speed.
struct fastest_first {
    /// The cost.
    [[nodiscard]] double operator()(const alternative_candidate& a) const noexcept { return 1.0 / a.speed; }
};

/// The least part of what is free, times the run time: the cost is the largest part that the task would take of any
/// counter that is free in the cluster (host counters of all nodes; GPU counters of all GPUs of the slot's model),
/// divided by its speed. So a task uses GPUs while there are many, and leaves them to others when they run short.
/// Unlimited counters and those of domains cost nothing.
struct cheapest_first {
    /// The cost.
    [[nodiscard]] double operator()(const alternative_candidate& a) const noexcept {
        double part = 0.0;
        const auto see = [&](amount wanted, amount free) {
            if (wanted <= 0 || free <= 0) return;
            const double one = static_cast<double>(wanted) / static_cast<double>(free);
            part = one > part ? one : part;
        };
        const node_index n = a.where.node;
        for (std::size_t r = 0; r < a.demand.node.size(); ++r) {
            if (!a.machines->unlimited(n, r)) see(a.demand.node[r], a.room->on_nodes(r));
        }
        for (gpu_mask rest = a.where.gpus; rest != 0; rest &= rest - 1) {
            const gpu_index g = a.machines->gpu(n, lowest_gpu(rest));
            const amount alike = like(a, a.machines->model(g));
            for (std::size_t r = 0; r < a.demand.gpu.size(); ++r) {
                if (a.machines->unlimited(g, r)) continue;
                see(alike * a.demand.gpu[r], a.room->on_gpus(a.machines->model(g), r));
            }
        }
        return part / a.speed;
    }

private:
    /// The task's GPUs of a model.
    [[nodiscard]] static amount like(const alternative_candidate& a, model_index m) noexcept {
        amount count = 0;
        for (gpu_mask rest = a.where.gpus; rest != 0; rest &= rest - 1) {
            count += a.machines->model(a.machines->gpu(a.where.node, lowest_gpu(rest))) == m ? 1 : 0;
        }
        return count;
    }
};

static_assert(alternative_choice<fastest_first> && alternative_choice<cheapest_first>);

/// What was chosen for a task.
struct chosen_alternative {
    slot where = unplaced;        ///< `unplaced` if none of its demands fits
    std::size_t alternative = 0;  ///< in `cluster::alternatives`
};

}  // namespace berth::inline v0
