// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/model/fleet.hpp"

#include <concepts>
#include <span>
#include <type_traits>

namespace berth::inline v0 {

/// The records of the nodes and tasks of one region, in the order in which its problem numbers them. Views.
template <class Node, class Task>
struct region_records {
    std::span<const Node> nodes;             ///< by `node_index`
    std::span<const Task> tasks;             ///< by `task_index`
    const berth::fleet* machines = nullptr;  ///< of the region's problem

    /// The node of a GPU.
    [[nodiscard]] const Node& of(gpu_index g) const noexcept { return nodes[machines->node_of(g).value()]; }
    /// A task.
    [[nodiscard]] const Task& of(task_index t) const noexcept { return tasks[t.value()]; }
};

/// A customisation point: a problem too large to be held as one, described by what is known of a single node and a
/// single task. For a `distributed_search`.
///
/// 1. `M::node` and `M::task` are records, trivially copyable and default-constructible, so that they travel between
///    processes, and are read through `node_traits`, `gpu_traits` and `task_traits` (`model/traits.hpp`). Tasks have no
///    group, nodes no domain: a part sees neither as a whole.
/// 2. `m.goal(records)` is the `objective` of a region. Its terms may read the records, and add up over regions: the
///    value of all is the sum of the regions' values, as for `capacity_excess`, `left_out` and `assignment_cost_term`,
///    and unlike a makespan.
/// 3. `m.schema()`, optional: the `resource_schema` of the fleet.
///
/// ```
/// struct model {
///     using node = gpu_facts;
///     using task = task_facts;
///     auto goal(const berth::region_records<node, task>& r) const {
///         const auto cost = [r](berth::task_index t, berth::gpu_index g) { return r.of(t).work * r.of(g).price; };
///         return berth::objective{berth::tier(berth::capacity_excess{}), berth::tier(berth::left_out{}),
///                                 berth::tier(berth::assignment_cost_term{cost})};
///     }
/// };
/// ```
template <class M>
concept distributed_model =
    std::copy_constructible<M> && std::is_trivially_copyable_v<typename M::node> &&
    std::is_trivially_copyable_v<typename M::task> && std::default_initializable<typename M::node> &&
    std::default_initializable<typename M::task> &&
    requires(const M& m, const region_records<typename M::node, typename M::task>& r) { m.goal(r); };

}  // namespace berth::inline v0
