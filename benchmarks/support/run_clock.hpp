// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/progress.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace bench {

/// The unit of a second: wall-clock time, or CPU time per thread (N threads together have N of them), which is fair on
/// a shared machine.
enum class clock_kind : std::uint8_t { wall, cpu };

/// The time limit of a run, from the construction of this. Reading it nearly always needs no system call. Several
/// threads may read it.
class run_clock {
public:
    /// @param seconds  infinite: no limit
    explicit run_clock(clock_kind kind = clock_kind::wall, double seconds = std::numeric_limits<double>::infinity(),
                       std::size_t threads = 1) noexcept;

    [[nodiscard]] clock_kind kind() const noexcept { return kind_; }
    /// The budget.
    [[nodiscard]] double seconds() const noexcept { return seconds_; }
    /// The time used so far.
    [[nodiscard]] double used() const noexcept;
    [[nodiscard]] bool reached() const noexcept { return elapsed() >= 1.0; }
    /// The share of the time that is used, from 0 to 1; CPU time is read once per millisecond. 0 if there is no limit.
    [[nodiscard]] double elapsed() const noexcept;

private:
    clock_kind kind_;
    double seconds_;
    double threads_;
    std::int64_t wall_origin_;  // in steady nanoseconds
    double cpu_origin_;
    mutable std::atomic<std::int64_t> look_again_{std::numeric_limits<std::int64_t>::min()};
    mutable std::atomic<double> seen_{0.0};
};

/// Ends a run of the programs: Ctrl-C, or its clock. Copies share the clock, which outlives them.
struct timed_stop {
    const run_clock* clock = nullptr;

    [[nodiscard]] bool stop_requested() const noexcept { return interrupted(); }
    [[nodiscard]] bool deadline_reached() const noexcept { return clock != nullptr && clock->reached(); }
    [[nodiscard]] bool bounded() const noexcept {
        return clock != nullptr && clock->seconds() < std::numeric_limits<double>::infinity();
    }
    /// The share of the time that is used, for searches with a cooling schedule.
    [[nodiscard]] double elapsed() const noexcept { return clock != nullptr ? clock->elapsed() : 0.0; }
};

}  // namespace bench
