// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/progress.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace bench {

/// The CPU time that the process has used so far, over all its threads, in seconds.
[[nodiscard]] double cpu_seconds() noexcept;

/// A point in the CPU time of the process. CPU time passes at most `threads` times as fast as wall-clock time, so
/// `reached` reads the cheap steady clock, and the CPU clock (a system call) only when the deadline is possible.
class cpu_deadline {
public:
    /// @param until  on the clock of `cpu_seconds`; infinite: never
    explicit cpu_deadline(double until = std::numeric_limits<double>::infinity(), std::size_t threads = 1) noexcept
        : until_{until}, threads_{static_cast<double>(threads)} {}

    [[nodiscard]] bool reached() const noexcept;

private:
    double until_;
    double threads_;
    mutable std::atomic<std::int64_t> look_again_{std::numeric_limits<std::int64_t>::min()};  // in steady nanoseconds
};

/// Ends a search of the programs: Ctrl-C, or the deadline. Copies share the deadline, which outlives them.
struct search_stop {
    const cpu_deadline* deadline = nullptr;

    [[nodiscard]] bool stop_requested() const noexcept { return interrupted(); }
    [[nodiscard]] bool deadline_reached() const noexcept { return deadline != nullptr && deadline->reached(); }
};

}  // namespace bench
