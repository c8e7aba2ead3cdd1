// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/detail/gpu_pairs.hpp"
#include "berth/allocate/detail/scoped_problem.hpp"
#include "berth/allocate/reassignment/detail/gpu_machines.hpp"
#include "berth/allocate/reassignment/detail/machine_table.hpp"
#include "berth/allocate/reassignment/detail/node_machines.hpp"
#include "berth/allocate/reassignment/detail/reassignment_groups_of.hpp"
#include "berth/allocate/reassignment/node_pair_costs.hpp"
#include "berth/allocate/reassignment/reassignment_input.hpp"
#include "berth/allocate/reassignment/reassignment_problem.hpp"
#include "berth/allocate/reassignment/reassignment_wishes.hpp"
#include "berth/allocate/search_scope.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/terms/move_distance.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

// Length: builds the input field by field.

namespace berth::inline v0 {

/// A reassignment problem made of a `problem` whose tasks run, and the way back from its answers to slots. Made by
/// `to_reassignment_problem`.
///
/// Its nodes are the GPUs or the nodes of the fleet, at the same positions (`reassignment_place`). Its tasks are those
/// that take part, numbered anew in ascending order. Its resources are the counters that can run out or that cost, and
/// some named `allowed`, which keep tasks away from places that are not healthy or not of an accepted model.
///
/// Movable and copyable; fleet and workload outlive it.
class reassignment_door {
public:
    /// The reassignment problem.
    [[nodiscard]] const reassignment_problem& problem() const noexcept { return problem_; }
    /// The tasks that take part, by their number in the workload: entry i is task i of `problem()`.
    [[nodiscard]] std::span<const task_index> tasks() const noexcept { return scope_.tasks(); }
    /// Tasks that stay where they are because the problem cannot express them, or because they fit nowhere; see
    /// `search_scope::inexpressible_stay`.
    [[nodiscard]] std::span<const task_index> left_out() const noexcept { return scope_.left_out(); }
    /// The names of the resources of `problem()`, such as `gpu.memory`, `node.cpu`, `gpus`, `allowed`.
    [[nodiscard]] std::span<const std::string> resources() const noexcept { return names_; }

    /// A slot for every task of the workload: that of the answer for the tasks that take part, the present one for all
    /// others, the target for those in flight. What `migration_order` takes as wanted. A task that stays on its place
    /// keeps its slot; on a node of which a GPU is sick, it may get another GPU. O(tasks + counters).
    ///
    /// @param placed  a node of `problem()` for each of its tasks, such as `reassignment_plan::assignment`
    /// @return the slots, or an error that names the first moved task that may not be where the answer has it, or for
    ///         which there is no room; never for an answer without violations
    [[nodiscard]] result<assignment> slots(std::span<const node_index> placed) const {
        if (placed.size() != tasks().size()) {
            return detail::refuse(
                error_code::inconsistent,
                {"answer: it has ", placed.size(), " places, expected one for each of ", tasks().size(), " tasks"});
        }
        if (place_ == reassignment_place::node) {
            const std::vector<slot> where = detail::node_machines::slots(scope_, usable_.view(), placed);
            for (std::size_t i = 0; i < placed.size(); ++i) {
                if (where[i].placed() || !placed[i].below(usable_.size())) continue;
                return detail::refuse(error_code::inconsistent,
                                      {scope_.item(tasks()[i]), ": the answer is not feasible, ",
                                       detail::phrase::item("node", placed[i].value(), scope_.fleet().name(placed[i])),
                                       " has too few free GPUs"});
            }
            return scope_.answer([&](std::size_t i) { return where[i]; });
        }
        return scope_.answer([&](std::size_t i) -> slot {
            if (!placed[i].below(node_of_.size())) return unplaced;
            const node_index n = node_of_[placed[i].value()];
            if (!n.valid()) return unplaced;
            return {n, gpu_mask{1} << (placed[i].value() - scope_.fleet().gpu(n, 0).value())};
        });
    }

private:
    friend result<reassignment_door> to_reassignment_problem(const berth::problem& p, std::span<const slot> current,
                                                             const reassignment_wishes& wishes,
                                                             const search_scope& scope);

    reassignment_door(detail::scoped_problem scope, reassignment_problem made, reassignment_place place)
        : scope_{std::move(scope)}, problem_{std::move(made)}, place_{place} {}

    detail::scoped_problem scope_;
    reassignment_problem problem_;
    reassignment_place place_;
    detail::flat<node_index> node_of_;  // of each place
    detail::flat<gpu_mask> usable_;     // of each node, if places are nodes
    std::vector<std::string> names_;
};

namespace detail {

/// Resources, capacities, demands and balances.
[[nodiscard]] inline result<void> add_resources(reassignment_input& in, const scoped_problem& s,
                                                const machine_table& table, const reassignment_wishes& wishes) {
    if (table.resources.size() > max_reassignment_resources) {
        return refuse(error_code::limit_exceeded,
                      {"reassignment: counters, and places that tasks exclude, make ", table.resources.size(),
                       " resources, at most ", max_reassignment_resources, " are supported"});
    }
    for (std::size_t r = 0; r < table.resources.size(); ++r) {
        const machine_resource& one = table.resources[r];
        in.resources.push_back({one.wish.transient, one.wish.load_weight});
        amount all = 0;
        for (std::size_t row = 0; row < table.rows.size(); ++row) all += table.rows.tasks(row) * one.demand[row];
        if (all <= max_reassignment_amount) continue;
        return refuse(error_code::overflow,
                      {one.name, ": all tasks together want ", all, ", a reassignment problem counts up to ",
                       max_reassignment_amount, "; choose a larger unit, such as MiB"});
    }
    for (std::size_t m = 0; m < table.machines(); ++m) {
        for (std::size_t r = 0; r < table.resources.size(); ++r) {
            const machine_resource& one = table.resources[r];
            if (one.wish.balanced && one.capacity[m] > max_reassignment_amount) {
                return refuse(error_code::overflow,
                              {one.name, ": a capacity is ", one.capacity[m], " and in a balance, expected at most ",
                               max_reassignment_amount, "; choose a larger unit, such as MiB"});
            }
            const auto within = [](amount a) { return a < max_reassignment_amount ? a : max_reassignment_amount; };
            in.capacity.push_back(within(one.capacity[m]));  // larger ones never run out, see above
            in.safety_capacity.push_back(within(one.safety[m]));
        }
    }
    for (std::size_t i = 0; i < s.tasks().size(); ++i) {
        for (std::size_t r = 0; r < table.resources.size(); ++r)
            in.demand.push_back(table.resources[r].demand[table.rows.of(i)]);
    }
    const auto position = [&](std::string_view name) {
        std::size_t r = 0;
        while (r < table.resources.size() && table.resources[r].name != name) ++r;
        return r;  // exists unless no task uses GPUs
    };
    for (const reassignment_counter_balance& one : wishes.balances) {
        in.balances.push_back({position(one.first), position(one.second), one.target, one.weight});
    }
    return {};
}

/// Costs of moves by the distance of their nodes.
[[nodiscard]] inline node_pair_costs pair_costs_of(const scoped_problem& s, std::span<const node_index> node_of,
                                                   amount weight) {
    if (weight == 0) return node_pair_costs::none(node_of.size());
    std::size_t levels = 0;
    for (std::size_t d = 0; d < s.fleet().domain_count(); ++d) {
        const std::size_t level = s.fleet().level(domain_index{d}) + 1;
        levels = levels < level ? level : levels;
    }
    const domain_distance distance{&s.fleet(), static_cast<amount>(levels > 0 ? levels : 1)};
    node_pair_costs costs{node_of.size()};
    std::vector<std::uint32_t> row(node_of.size(), 0);
    for (const node_index from : node_of) {
        for (std::size_t m = 0; m < node_of.size(); ++m) {
            row[m] = from.valid() && node_of[m].valid() ? static_cast<std::uint32_t>(distance(from, node_of[m])) : 0;
        }
        costs.add_row(row);
    }
    costs.finish();
    return costs;
}

/// Everything but resources.
[[nodiscard]] inline result<void> add_tasks(reassignment_input& in, const scoped_problem& s, const machine_table& table,
                                            const reassignment_wishes& wishes) {
    if (!wishes.move_cost.empty() && wishes.move_cost.size() != s.workload().task_count()) {
        return refuse(error_code::inconsistent, {"wishes: move_cost has ", wishes.move_cost.size(),
                                                 " entries, the workload has ", s.workload().task_count(), " tasks"});
    }
    for (const task_index t : s.tasks()) {
        const slot& where = s.current(t);
        const std::size_t at = wishes.place == reassignment_place::node
                                   ? where.node.value()
                                   : s.fleet().gpu(where.node, lowest_gpu(where.gpus)).value();
        in.initial.push_back(static_cast<std::uint32_t>(at));
        const amount cost = wishes.move_cost.empty() ? 1 : wishes.move_cost[t.value()];
        if (cost < 0 || cost > max_reassignment_amount) {
            return refuse(error_code::invalid_value,
                          {s.item(t), ": its move_cost is ", cost, ", expected 0..", max_reassignment_amount});
        }
        in.move_cost.push_back(cost);
    }
    add_groups(in, s, wishes);
    if (auto ok = number_places(in.location, s, table.node_of.view(), wishes.spread_over, !wishes.least_spread.empty(),
                                "least_spread");
        !ok)
        return ok;
    if (auto ok = number_places(in.neighbourhood, s, table.node_of.view(), wishes.near, !wishes.dependencies.empty(),
                                "dependencies");
        !ok)
        return ok;
    in.pair_costs = pair_costs_of(s, table.node_of.view(), wishes.pair_weight);
    in.task_weight = wishes.task_weight;
    in.group_weight = wishes.group_weight;
    in.pair_weight = wishes.pair_weight;
    return {};
}

}  // namespace detail

/// Makes a reassignment problem of running tasks: many counters, costs of load and of moves, groups kept apart. Exact,
/// unless counters are divided: its feasible assignments are those of the problem.
///
/// ```
/// const reassignment_wishes wishes{.counters = {{.counter = "gpu.memory", .load_weight = 1, .safety = 0.8}}};
/// const auto door = to_reassignment_problem(p, placement, wishes);
/// if (!door) return door.error();
/// const auto plan = reassignment_search{}.run(door->problem(), initial_assignment(door->problem()), budget);
/// const auto wanted = door->slots(plan->assignment);
/// ```
///
/// Places are GPUs, for tasks of one GPU each, or nodes, for tasks of whole GPUs. A place that is not healthy takes
/// nothing, so tasks there have to leave; the start is infeasible then, and the search mends that first. A capacity is
/// what the tasks that stay leave free, and load is counted beyond the safety capacity of the whole place. Load that
/// stays beyond it costs the same for every answer, and is not counted.
///
/// @param current  a slot or `unplaced` for each task
/// @param wishes   places, weights, groups
/// @param scope    which tasks take part; the others stay and take their room
/// @return the door; or an error that names the task, if it does not run, fits nowhere, has not one GPU (where places
///         are GPUs) or is of a group of which others stay apart; or the node whose counters, or unlike or shared GPUs,
///         cannot be expressed; or the wish, or the entry of `current` or `scope`, that is wrong; or what
///         `make_reassignment_problem` refuses
///
/// O(demands × places × resources + tasks × resources); with a `pair_weight` also O(places²).
[[nodiscard]] inline result<reassignment_door> to_reassignment_problem(const problem& p, std::span<const slot> current,
                                                                       const reassignment_wishes& wishes,
                                                                       const search_scope& scope = {}) {
    auto scoped = detail::scoped_problem::of(p, current, scope);
    if (!scoped) return scoped.error();
    detail::scoped_problem& s = *scoped;
    const auto wished = detail::counter_wishes::of(p.fleet().schema(), wishes);
    if (!wished) return wished.error();
    if (auto ok = detail::check_group_wishes(p.workload(), wishes); !ok) return ok.error();
    const auto still = s.leave_out([&](task_index t) -> std::string {
        return s.current(t).placed() ? "" : "it runs nowhere, a reassignment problem has tasks that run";
    });
    if (!still) return still.error();
    if (const auto gangs = s.leave_out_gangs(); !gangs) return gangs.error();

    detail::machine_table table{detail::demand_rows{s}, {}, {}, {}};
    detail::flat<gpu_mask> usable;
    while (true) {
        if (wishes.place == reassignment_place::gpu) {
            const auto pairs = detail::one_gpu_each(s, "a reassignment problem with GPUs as places");
            if (!pairs) return pairs.error();
            auto made = detail::gpu_machines::of(s, *pairs, *wished, wishes.divide_node_counters);
            if (!made) return made.error();
            table = std::move(*made);
        } else {
            auto made = detail::node_machines::of(s, *wished);
            if (!made) return made.error();
            usable.clear();
            for (std::size_t n = 0; n < p.fleet().node_count(); ++n) usable.push_back(made->gpus(node_index{n}));
            table = std::move(made->table);
        }
        const auto split = detail::leave_out_split_groups(s, wishes);
        if (!split) return split.error();
        if (*split == 0) break;
    }
    if (auto ok = table.check_domains(s); !ok) return ok.error();
    table.add_exclusions();
    reassignment_input in;
    if (auto ok = detail::add_resources(in, s, table, wishes); !ok) return ok.error();
    if (auto ok = detail::add_tasks(in, s, table, wishes); !ok) return ok.error();
    auto made = make_reassignment_problem(std::move(in));
    if (!made) return made.error();
    reassignment_door door{std::move(*scoped), std::move(*made), wishes.place};
    door.node_of_ = std::move(table.node_of);
    door.usable_ = std::move(usable);
    for (std::size_t r = 0; r < table.resources.size(); ++r) door.names_.push_back(table.resources[r].name);
    return door;
}

}  // namespace berth::inline v0
