// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/run_control.hpp"

#include <cstdint>
#include <utility>

namespace berth::inline v0::detail {

/// Spreads the polls of a long call evenly over its work, counted in pairs of task and GPU: 65,536 take less than a
/// millisecond. Once stopped, it stays so.
///
/// Between rounds `check` may heed an evaluation budget; within a round it heeds only stop and clock, so that a plan
/// that a budget reproduces does not depend on the number of polls.
template <class Check>
class poller {
public:
    static constexpr std::uint64_t interval = std::uint64_t{1} << 16U;

    /// @param check  `check(bool between_rounds)` returns the reason to end, or `completed`
    explicit poller(Check check) : check_{std::move(check)} {}

    /// At the end of a round: polls. False if the run ends.
    [[nodiscard]] bool next_round() {
        left_ = interval;
        if (reason_ == stop_reason::completed) reason_ = check_(true);
        return reason_ == stop_reason::completed;
    }
    /// Within a round, after some work: polls once per interval. False if stop or clock end the run.
    [[nodiscard]] bool work(std::uint64_t pairs) {
        if (pairs < left_) {
            left_ -= pairs;
            return !interrupted();
        }
        if (!interrupted()) {
            left_ = interval;
            const stop_reason reason = check_(false);
            if (reason != stop_reason::completed) reason_ = reason;
        }
        return !interrupted();
    }
    [[nodiscard]] stop_reason reason() const noexcept { return reason_; }

private:
    [[nodiscard]] bool interrupted() const noexcept {
        return reason_ != stop_reason::completed && reason_ != stop_reason::budget_exhausted;
    }

    Check check_;
    std::uint64_t left_ = interval;
    stop_reason reason_ = stop_reason::completed;
};
template <class Check>
poller(Check) -> poller<Check>;

/// Never ends a call.
struct endless_poller {
    [[nodiscard]] static constexpr bool next_round() noexcept { return true; }
    [[nodiscard]] static constexpr bool work(std::uint64_t) noexcept { return true; }
};

}  // namespace berth::inline v0::detail
