// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/migrate/order/detail/move_table.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/migrate/order/order_options.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// Refuses options out of range.
[[nodiscard]] inline result<void> check_order_options(const fleet& machines, const order_options& options) {
    const auto bad = [](error_code code, phrases subject, phrases predicate) -> result<void> {
        return refuse(code, subject, predicate);
    };
    if (!(options.step_cost >= 0.0) || !(options.drop_cost >= 0.0)) {
        return bad(error_code::invalid_value,
                   {"migration order: ", options.step_cost >= 0.0 ? "drop_cost" : "step_cost"},
                   {" is negative or not a number, expected seconds from 0 on"});
    }
    if (!options.host_memory.empty() && options.host_memory.size() != machines.node_count()) {
        return bad(error_code::inconsistent,
                   {"migration order: host_memory has ", options.host_memory.size(), " entries, expected 0 or "},
                   {machines.node_count(), ", one for each node"});
    }
    return {};
}

/// Refuses what `order_engine` takes for granted: sizes, slots, tasks in flight, options.
[[nodiscard]] inline result<void> check_order_input(const problem& p, std::span<const slot> initial,
                                                    std::span<const slot> wanted, task_moves in_flight,
                                                    const order_options& options) {
    const workload& work = p.workload();
    const auto bad = [](error_code code, phrases subject, phrases predicate = {}) -> result<void> {
        return refuse(code, subject, predicate);
    };
    for (const bool is_wanted : {false, true}) {
        const std::span<const slot> placement = is_wanted ? wanted : initial;
        const char* const name = is_wanted ? "wanted" : "initial";
        if (placement.size() != work.task_count()) {
            return bad(error_code::inconsistent, {"migration order: ", name, " has ", placement.size()},
                       {" slots, expected ", work.task_count(), ", one for each task"});
        }
        for (std::size_t t = 0; t < placement.size(); ++t) {
            const task_index task{t};
            const std::size_t gpus = work.demand(task).gpus;
            if (placement[t] == unplaced || p.fleet().has(placement[t], gpus)) continue;
            return bad(error_code::unknown_name,
                       {"migration order: ", phrase::item("task", t, work.name(task)), ": ", name},
                       {" is no slot of the fleet with ", gpus, " GPUs, nor unplaced"});
        }
    }
    flat<std::uint8_t> seen(work.task_count(), 0);
    for (std::size_t i = 0; i < in_flight.size(); ++i) {
        const task_move& move = in_flight[i];
        if (!move.task.valid() || move.task.value() >= work.task_count()) {
            return bad(error_code::unknown_name, {"migration order: in_flight[", i, "]: task does not exist"},
                       {", there are ", work.task_count(), " tasks"});
        }
        const phrase task = phrase::item("task", move.task.value(), work.name(move.task));
        if (seen[move.task.value()]++ != 0) {
            return bad(error_code::duplicate, {"migration order: in_flight[", i, "]: ", task},
                       {" is listed already, expected each task once"});
        }
        const std::size_t gpus = work.demand(move.task).gpus;
        for (const bool is_target : {false, true}) {
            const slot& end = is_target ? move.to : move.from;
            if (end == unplaced || p.fleet().has(end, gpus)) continue;
            return bad(error_code::unknown_name,
                       {"migration order: in_flight[", i, "]: ", task, ": ", is_target ? "to" : "from"},
                       {" is no slot of the fleet with ", gpus, " GPUs, nor unplaced"});
        }
    }
    return check_order_options(p.fleet(), options);
}

/// The same for what is wanted of a cluster. Entries of vacant positions are not looked at.
[[nodiscard]] inline result<void> check_order_input(const cluster& c, std::span<const slot> wanted,
                                                    const order_options& options) {
    const workload& work = c.workload();
    if (wanted.size() != work.task_count()) {
        return refuse(error_code::inconsistent, {"migration order: wanted has ", wanted.size()},
                      {" slots, expected ", work.task_count(), ", one for each position of a task"});
    }
    for (std::size_t t = 0; t < wanted.size(); ++t) {
        const task_index task{t};
        if (!work.present(task) || wanted[t] == unplaced) continue;
        const std::size_t gpus = work.demand(task).gpus;
        if (c.fleet().has(wanted[t], gpus) && c.fleet().present(wanted[t].node)) continue;
        return refuse(error_code::unknown_name,
                      {"migration order: ", phrase::item("task", t, work.name(task)), ": wanted"},
                      {" is no slot of the cluster with ", gpus, " GPUs, nor unplaced"});
    }
    return check_order_options(c.fleet(), options);
}

/// The placement that a list of moves leads to; an error if one does not begin where its task is.
[[nodiscard]] inline result<void> read_moves(const cluster& c, task_moves moves, flat<slot>& wanted) {
    const workload& work = c.workload();
    wanted.append(c.slots());
    for (const task_index t : c.moving()) wanted[t.value()] = c.targets()[t.value()];
    flat<std::uint8_t> seen(work.task_count(), 0);
    for (std::size_t i = 0; i < moves.size(); ++i) {
        const task_move& move = moves[i];
        if (!move.task.below(work.task_count()) || !work.present(move.task)) {
            return refuse(error_code::unknown_name, {"migration order: moves[", i, "]: task does not exist"});
        }
        const std::size_t t = move.task.value();
        const phrase task = phrase::item("task", t, work.name(move.task));
        if (seen[t]++ != 0) {
            return refuse(error_code::duplicate, {"migration order: moves[", i, "]: ", task},
                          {" is listed already, expected each task once"});
        }
        if (move.from != c.slots()[t]) {
            return refuse(error_code::inconsistent, {"migration order: moves[", i, "]: ", task},
                          {": from is not the slot where it is"});
        }
        wanted[t] = move.to;
    }
    return {};
}

/// What there is to order, as counters: the moves, what is free beside them, and the tasks in flight that are wanted
/// elsewhere.
struct order_input {
    counter_numbers numbers;
    flat<amount> free;           ///< with everything in place and both ends of tasks in flight held
    flat<task_move> wanted;      ///< of tasks that are not in flight
    move_table moves;            ///< the same, as counters
    flat<dropped_move> refused;  ///< in flight to elsewhere

    /// Of input that `check_order_input` accepts.
    order_input(const problem& p, std::span<const slot> initial, std::span<const slot> goal, task_moves in_flight)
        : numbers{p.fleet()}, free{numbers.capacities()} {
        const workload& work = p.workload();
        flat<counter_touch> touches;
        const auto take = [&](task_index task, const slot& where) {
            touches.clear();
            numbers.append(work.demand(task), where, touches);
            for (const counter_touch& t : touches) free[t.counter] -= t.demand;
        };
        flat<std::uint8_t> flies(work.task_count(), 0);
        for (const task_move& r : in_flight) {
            flies[r.task.value()] = 1;
            take(r.task, r.from);
            take(r.task, r.to);
            const slot& target = goal[r.task.value()];
            if (!(target == r.to) && !(target == r.from)) {
                refused.push_back({{r.task, initial[r.task.value()], target}, drop_reason::not_movable});
            }
        }
        for (std::size_t t = 0; t < initial.size(); ++t) {
            if (flies[t] != 0) continue;
            const task_index task{t};
            take(task, initial[t]);
            if (!(initial[t] == goal[t])) enter(work, {task, initial[t], goal[t]});
        }
    }
    /// Of input that `check_order_input` accepts. What is free is what the cluster's ledger says: beside tasks and moves
    /// there are reservations, and places that were observed to be over-committed. As on the cluster, nothing goes to a
    /// place while one of its counters is below zero.
    order_input(const cluster& c, std::span<const slot> goal) : numbers{c.fleet()}, free{numbers.free_of(c.ledger())} {
        numbers.watch(free.view());
        const workload& work = c.workload();
        for (std::size_t t = 0; t < goal.size(); ++t) {
            const task_index task{t};
            if (!work.present(task)) continue;
            const slot& from = c.slots()[t];
            const slot& moves_to = c.targets()[t];
            if (goal[t] == from || (moves_to.placed() && goal[t] == moves_to)) continue;
            if (moves_to.placed()) {
                refused.push_back({{task, from, goal[t]}, drop_reason::not_movable});
            } else if (!is_open(c.fleet(), work.demand(task), goal[t])) {
                refused.push_back({{task, from, goal[t]}, drop_reason::not_admissible});
            } else {
                enter(work, {task, from, goal[t]});
            }
        }
    }

private:
    void enter(const workload& work, const task_move& move) {
        wanted.push_back(move);
        numbers.append(work.demand(move.task), move.from, moves.touches());
        moves.end_part();
        numbers.append_target(work.demand(move.task), move.to, moves.touches());
        moves.end_part();
    }
    /// True if a slot that exists may take a task with this demand, apart from room.
    [[nodiscard]] static bool is_open(const fleet& machines, const demand_view& demand, const slot& where) noexcept {
        if (!where.placed()) return true;
        if (!machines.healthy(where.node) || (where.gpus & ~machines.healthy_gpus(where.node)) != 0) return false;
        for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
            const model_index model = machines.model(machines.gpu(where.node, lowest_gpu(rest)));
            if ((demand.accepted_models >> model.value() & 1U) == 0) return false;
        }
        return !demand.same_model || machines.one_model(where);
    }
};

}  // namespace berth::inline v0::detail
