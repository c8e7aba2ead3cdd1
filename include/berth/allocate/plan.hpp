// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/core/run_control.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/why_not.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace berth {

/// What a run did.
struct run_counters {
    std::uint64_t evaluations = 0;  ///< candidates scored
    std::size_t placed = 0;
    std::size_t rejected = 0;  ///< tasks that were looked at and had no place

    friend bool operator==(const run_counters&, const run_counters&) = default;
};

/// The answer of an allocator: a plain value without policy types. Valid whatever `stopped` says.
struct plan {
    berth::assignment assignment;  ///< a slot or `unplaced` for every task
    run_counters counters;
    stop_reason stopped = stop_reason::completed;
    std::vector<task_index> left_out;   ///< tasks without a place, in the order in which they were looked at
    std::vector<why_not> explanations;  ///< one per task left out, if asked for
};

}  // namespace berth
