// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"

#include <cstddef>
#include <span>

namespace berth::inline v0 {

/// Where a search begins: a GPU for every task, or empty for the allocator's own start. It may exceed capacities.
///
/// Starts come from outside (yesterday's plan, another cluster): allocators pass what they get through `complete_start`
/// first.
using warm_start = std::span<const gpu_index>;

/// True if a start has a GPU of the problem for every task and nothing else, or is empty. O(tasks).
[[nodiscard]] inline bool is_complete(const priced_problem& p, warm_start start) noexcept {
    if (start.empty()) return true;
    if (start.size() != p.tasks()) return false;
    for (const gpu_index g : start) {
        if (!g.valid() || g.value() >= p.gpus()) return false;
    }
    return true;
}

/// Fills the gaps of a start: a task that it does not reach, or sends to a GPU that does not exist, goes to the first
/// GPU of its candidate list with room for it, else to the first of the list. Entries beyond the last task are dropped.
/// What is complete or empty stays as it is.
///
/// @return  as many entries as tasks, or none. O(tasks × candidates), deterministic
[[nodiscard]] inline gpu_assignment complete_start(const priced_problem& p, warm_start start) {
    if (is_complete(p, start)) return {start.begin(), start.end()};
    const auto known = [&](std::size_t t) {
        return t < start.size() && start[t].valid() && start[t].value() < p.gpus();
    };
    gpu_assignment complete(p.tasks(), gpu_index{0});
    detail::flat<amount> room;
    room.append(p.capacities());
    for (std::size_t t = 0; t < p.tasks(); ++t) {
        if (!known(t)) continue;
        complete[t] = start[t];
        room[start[t].value()] -= p.load(t, start[t].value());
    }
    for (std::size_t t = 0; t < p.tasks(); ++t) {
        if (known(t)) continue;
        const auto list = p.candidates().of(task_index{t});
        if (!list.empty()) complete[t] = list.front();
        for (const gpu_index g : list) {
            if (p.load(t, g.value()) > room[g.value()]) continue;
            complete[t] = g;
            break;
        }
        room[complete[t].value()] -= p.load(t, complete[t].value());
    }
    return complete;
}

}  // namespace berth::inline v0
