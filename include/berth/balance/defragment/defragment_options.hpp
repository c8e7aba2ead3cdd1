// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace berth::inline v0 {

/// How wide `defragment` searches for plans of three steps and more.
struct eviction_beam {
    std::size_t width = 100;  ///< candidates followed for each number of moves, 1 or more
    /// Candidates kept in which tasks of the same shapes wait, and of evictions of the same shapes; 1 or more
    std::size_t alternatives = 2;
};

/// How much may be moved for one task, and how long `defragment` searches.
struct defragment_options {
    std::size_t max_steps = 4;  ///< steps for one task, at most 24; a parked task takes two, out and in
    /// A task may wait in host memory to break a cycle of tasks that wait for each other's slot
    bool park = false;
    /// Fragmentation that each step must save, in its policy's unit; 0: fewest steps first
    double step_cost = 0.0;
    /// GPU thousandths that a task must want for each step; tasks without GPU are exempt
    double min_share_per_step = 0.0;
    std::size_t max_candidates = 16;  ///< candidate plans of one and of two steps that are compared by cost, 1 or more
    eviction_beam beam{};             ///< for plans of three steps and more
    /// Evaluations for one task. The smaller of this and the run control's `max_evaluations` is the budget: this one
    /// bounds every call, the control a single one.
    std::uint64_t max_evaluations = 20'000'000;
};

}  // namespace berth::inline v0
