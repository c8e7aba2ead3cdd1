// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/fleet_observation.hpp"
#include "berth/balance/fleet_readings.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace berth::inline v0::detail {

/// A column of readings: empty, or for each GPU, node or task a number within bounds, or NaN for *not measured*.
struct observed_column {
    const char* field;
    std::span<const double> values;
    std::size_t expected;
    double least = -std::numeric_limits<double>::max();
    const char* complaint = "";  // about those below
    double most = std::numeric_limits<double>::max();

    [[nodiscard]] result<void> check() const {
        if (!values.empty() && values.size() != expected) return wrong_size(field, values.size(), expected);
        for (std::size_t i = 0; i < values.size(); ++i) {
            if ((values[i] >= least && values[i] <= most) || std::isnan(values[i])) continue;
            const char* what = std::isinf(values[i]) ? "not finite" : complaint;
            return refuse(error_code::invalid_value, {"observation: ", field, "[", i, "] is ", what});
        }
        return {};
    }
    [[nodiscard]] static result<void> wrong_size(const char* field, std::size_t is, std::size_t expected) {
        return refuse(error_code::inconsistent, {"observation: ", field, " has ", is, " entries, expected ", expected});
    }
};

/// Checks moves in flight, or settled ones: of distinct tasks at the right end of the move, between slots that exist.
[[nodiscard]] inline result<void> check_moves(const problem& p, std::span<const slot> placement, task_moves moves,
                                              bool in_flight, flat<std::uint8_t>& marks) {
    const auto check = [&](const task_move& r) -> result<void> {
        const bool known = r.task.valid() && r.task.value() < placement.size();
        if (!known || !(placement[r.task.value()] == (in_flight ? r.from : r.to))) {
            return refuse(error_code::inconsistent,
                          {"observation: a move ", in_flight ? "in flight" : "settled",
                           " is not of a task that is placed at its ", in_flight ? "source" : "target"});
        }
        const slot& other = in_flight ? r.to : r.from;
        const auto item = phrase::item("task", r.task.value(), p.workload().name(r.task));
        if (!(other == unplaced) && !p.fleet().has(other, p.workload().demand(r.task).gpus)) {
            return refuse(error_code::inconsistent,
                          {item, ": is ", in_flight ? "in flight to" : "settled from",
                           " a slot that the fleet does not have, or with another number of GPUs than the task wants"});
        }
        if (marks[r.task.value()] != 0) {
            return refuse(error_code::duplicate, {item, ": is ", in_flight ? "in flight" : "settled", " twice"});
        }
        marks[r.task.value()] = 1;
        return {};
    };
    result<void> ok;
    for (std::size_t i = 0; i < moves.size() && ok; ++i) ok = check(moves[i]);
    for (const task_move& r : moves) {
        if (r.task.valid() && r.task.value() < marks.size()) marks[r.task.value()] = 0;
    }
    return ok;
}

/// Checks that a slot exists and has as many GPUs as the task wants, or is `unplaced`. Room does not matter.
[[nodiscard]] inline result<void> check_slot(const problem& p, std::size_t t, const slot& where) {
    const fleet& machines = p.fleet();
    const auto item = [&] { return phrase::item("task", t, p.workload().name(task_index{t})); };
    if (!where.placed()) {
        if (where.gpus == 0) return {};
        return refuse(error_code::inconsistent, {item(), ": slot has GPUs, but no node"});
    }
    if (!where.node.below(machines.node_count())) {
        return refuse(error_code::unknown_name,
                      {item(), ": node is ", where.node.value(), ", the fleet has ", machines.node_count()});
    }
    const std::size_t gpus = machines.gpu_count(where.node);
    if ((where.gpus & ~first_gpus(gpus)) != 0) {
        return refuse(error_code::unknown_name, {item(), ": gpus has bits beyond the ", gpus, " GPUs of node ",
                                                 phrase::quoted(machines.name(where.node))});
    }
    const std::size_t wanted = p.workload().demand(task_index{t}).gpus;
    if (gpu_count(where.gpus) == wanted) return {};
    return refuse(error_code::inconsistent,
                  {item(), ": gpus has ", gpu_count(where.gpus), " GPUs, the task wants ", wanted});
}

/// Checks that the number of slots is that of the tasks, masks, waiting tasks and moves in flight. The caller checks
/// the slots. `marks` has a 0 for every task, before and after. O(entries).
[[nodiscard]] inline result<void> check_status(const problem& p, const fleet_status& seen, flat<std::uint8_t>& marks) {
    const std::size_t tasks = p.workload().task_count();
    const std::size_t nodes = p.fleet().node_count();
    if (seen.placement.size() != tasks) {
        return refuse(error_code::inconsistent,
                      {"assignment: it has ", seen.placement.size(), " slots, the workload has ", tasks, " tasks"});
    }
    if (!seen.healthy.empty() && seen.healthy.size() != nodes) {
        return observed_column::wrong_size("healthy", seen.healthy.size(), nodes);
    }
    if (!seen.node_healthy.empty() && seen.node_healthy.size() != nodes) {
        return observed_column::wrong_size("node_healthy", seen.node_healthy.size(), nodes);
    }
    for (const task_index t : seen.waiting) {
        if (t.valid() && t.value() < tasks && !seen.placement[t.value()].placed()) continue;
        return refuse(error_code::inconsistent, {"observation: waiting names an unknown task, or one that is placed"});
    }
    return check_moves(p, seen.placement, seen.in_flight, true, marks);
}

/// Checks that readings belong to the problem, and settled moves to the placement. `marks` has a 0 for every task,
/// before and after. O(entries).
[[nodiscard]] inline result<void> check_readings(const problem& p, std::span<const slot> placement,
                                                 const fleet_readings& read, flat<std::uint8_t>& marks) {
    const std::size_t tasks = p.workload().task_count();
    const std::size_t gpus = p.fleet().gpu_count();
    const std::size_t nodes = p.fleet().node_count();
    constexpr double positive = std::numeric_limits<double>::denorm_min();
    constexpr double infinite = std::numeric_limits<double>::infinity();
    if (!std::isfinite(read.time)) return refuse(error_code::invalid_value, {"observation: time is not finite"});
    const observed_column columns[] = {{"gpu_load", read.gpu_load, gpus, 0.0, "below 0"},
                                       {"task_load", read.task_load, tasks, 0.0, "below 0"},
                                       {"gpu_speed", read.gpu_speed, gpus, positive, "not above 0"},
                                       {"gpu_temperature", read.gpu_temperature, gpus},
                                       {"node_power", read.node_power, nodes},
                                       {"remaining", read.remaining, tasks, -infinite, "", infinite},
                                       {"gpu_age", read.gpu_age, gpus, 0.0, "below 0", infinite},
                                       {"node_age", read.node_age, nodes, 0.0, "below 0", infinite},
                                       {"task_age", read.task_age, tasks, 0.0, "below 0", infinite}};
    for (const observed_column& column : columns) {
        if (auto ok = column.check(); !ok) return ok;
    }
    return check_moves(p, placement, read.settled, false, marks);
}

}  // namespace berth::inline v0::detail
