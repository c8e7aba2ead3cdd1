// SPDX-License-Identifier: Apache-2.0
#include "support/run_clock.hpp"

#include "berth/core/run_control.hpp"

#include "support/cpu_deadline.hpp"

#include <chrono>

namespace bench {

static_assert(berth::stoppable<timed_stop>);

namespace {

std::int64_t steady_nanoseconds() noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

}  // namespace

run_clock::run_clock(clock_kind kind, double seconds, std::size_t threads) noexcept
    : kind_{kind},
      seconds_{seconds},
      threads_{static_cast<double>(threads)},
      wall_origin_{steady_nanoseconds()},
      cpu_origin_{cpu_seconds()} {}

double run_clock::used() const noexcept {
    if (kind_ == clock_kind::cpu) return (cpu_seconds() - cpu_origin_) / threads_;
    return 1e-9 * static_cast<double>(steady_nanoseconds() - wall_origin_);
}

double run_clock::elapsed() const noexcept {
    if (seconds_ == std::numeric_limits<double>::infinity()) return 0.0;
    if (kind_ == clock_kind::wall) {
        const double share = used() / seconds_;
        return share < 1.0 ? share : 1.0;
    }
    constexpr std::int64_t pause = 1'000'000;
    const std::int64_t now = steady_nanoseconds();
    if (now >= look_again_.load(std::memory_order_relaxed)) {
        look_again_.store(now + pause, std::memory_order_relaxed);
        const double share = used() / seconds_;
        seen_.store(share < 1.0 ? share : 1.0, std::memory_order_relaxed);
    }
    return seen_.load(std::memory_order_relaxed);
}

}  // namespace bench
