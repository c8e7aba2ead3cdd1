// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/migrate/order/detail/move_table.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/migrate/order/order_options.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

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
    if (!(options.step_cost >= 0.0) || !(options.drop_cost >= 0.0)) {
        return bad(error_code::invalid_value,
                   {"migration order: ", options.step_cost >= 0.0 ? "drop_cost" : "step_cost"},
                   {" is negative or not a number, expected seconds from 0 on"});
    }
    if (!options.host_memory.empty() && options.host_memory.size() != p.fleet().node_count()) {
        return bad(error_code::inconsistent,
                   {"migration order: host_memory has ", options.host_memory.size(), " entries, expected 0 or "},
                   {p.fleet().node_count(), ", one for each node"});
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
            if (initial[t] == goal[t]) continue;
            wanted.push_back({task, initial[t], goal[t]});
            numbers.append(work.demand(task), initial[t], moves.touches());
            moves.end_part();
            numbers.append(work.demand(task), goal[t], moves.touches());
            moves.end_part();
        }
    }
};

}  // namespace berth::inline v0::detail
