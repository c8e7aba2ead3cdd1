// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/run_control.hpp"

#include <atomic>

namespace berth::inline v0::detail {

/// A run control that several threads poll: one of them at a time, because a stop need not be thread-safe; the others
/// go on. An evaluation budget is not its business.
template <class Control>
class shared_control {
public:
    explicit shared_control(const Control& control) noexcept : control_{&control} {}

    /// True if the run ends. Remembers the reason.
    [[nodiscard]] bool ends() {
        if (ended_.load(std::memory_order_relaxed)) return true;
        if (polled_.test_and_set(std::memory_order_acquire)) return false;
        if (reason_ == stop_reason::completed) reason_ = control_->interruption();
        const bool ended = reason_ != stop_reason::completed;
        if (ended) ended_.store(true, std::memory_order_relaxed);
        polled_.clear(std::memory_order_release);
        return ended;
    }
    /// `completed` unless the run ends. Not while other threads poll.
    [[nodiscard]] stop_reason reason() const noexcept { return reason_; }

private:
    const Control* control_;
    std::atomic<bool> ended_{false};
    std::atomic_flag polled_;
    stop_reason reason_ = stop_reason::completed;
};

}  // namespace berth::inline v0::detail
