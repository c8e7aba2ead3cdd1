// SPDX-License-Identifier: Apache-2.0
#include "support/cpu_deadline.hpp"

#include "berth/core/run_control.hpp"

#include <time.h>

#include <chrono>

namespace bench {

static_assert(berth::stoppable<search_stop>);

double cpu_seconds() noexcept {
    timespec used{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}

bool cpu_deadline::reached() const noexcept {
    if (until_ == std::numeric_limits<double>::infinity()) return false;
    const std::int64_t now =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
            .count();
    if (now < look_again_.load(std::memory_order_relaxed)) return false;
    const double left = until_ - cpu_seconds();
    if (left <= 0.0) return true;
    constexpr double longest = 3600.0;
    const double wait = left / threads_ < longest ? left / threads_ : longest;
    look_again_.store(now + static_cast<std::int64_t>(wait * 1e9), std::memory_order_relaxed);
    return false;
}

}  // namespace bench
