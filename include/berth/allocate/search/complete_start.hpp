// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <span>

namespace berth::inline v0 {

/// A start of a search with a slot of the fleet, or `unplaced`, for every task. Starts come from outside: tasks that it
/// does not reach, or whose slot has a node or GPUs that do not exist, are left out; entries beyond the last task are
/// dropped. Room, health and the number of GPUs are not checked. O(tasks).
[[nodiscard]] inline assignment complete_start(const problem& p, std::span<const slot> start) {
    assignment complete(p.workload().task_count(), unplaced);
    for (std::size_t t = 0; t < complete.size() && t < start.size(); ++t) {
        const slot& given = start[t];
        if (given.placed() && p.fleet().has(given, gpu_count(given.gpus))) complete[t] = given;
    }
    return complete;
}

}  // namespace berth::inline v0
