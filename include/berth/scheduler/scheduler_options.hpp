// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace berth::inline v0 {

/// When a scheduler takes an eviction or a move for done.
enum class acknowledgement : std::uint8_t {
    at_once,   ///< as soon as it is decided: for simulations, and to try a policy
    reported,  ///< when `stopped`, `moved` or `failed` is reported; until then a move holds both ends
};

/// What a scheduler says of jobs that wait.
enum class wait_reports : std::uint8_t {
    none,     ///< nothing; `explain` answers where somebody asks. For simulations
    changes,  ///< a decision `wait` for each job when its reasons change
};

/// Options of a scheduler.
struct scheduler_options {
    acknowledgement acknowledge = acknowledgement::at_once;  ///< when evictions and moves are done
    wait_reports waits = wait_reports::changes;              ///< whether decisions `wait` are made
    bool pass_over = true;   ///< false: a job that fits nowhere holds back all that come after it in the order
    double grace = 60.0;     ///< seconds for which a gang may run with fewer tasks than its least; then it is stopped
    double back_off = 30.0;  ///< seconds before what failed is tried again; doubles with each failure, up to 64 ×
    double relief_every = 30.0;       ///< seconds before a place that could not be relieved is looked at again
    double reading_age = 300.0;       ///< seconds; an older reading is not believed
    double cooling = 5.0;             ///< °C below the limit at which a drained place is used again
    std::uint64_t gang_steps = 1000;  ///< budget of the search for a gang, as `gang_options::max_steps`
    std::size_t remembered = 10'000;  ///< names of jobs that have ended, for which a second `finish` is a duplicate
};

}  // namespace berth::inline v0
