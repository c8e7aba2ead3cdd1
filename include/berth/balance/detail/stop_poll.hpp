// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/run_control.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace berth::inline v0::detail {

/// A run control for inner loops: counts evaluations, ends exactly at the budget, and polls the control once per
/// `interval` units of work of about a microsecond each. The control's type is erased, so that searches compile once
/// for all of them; it must outlive the poll.
class stop_poll {
public:
    static constexpr std::uint32_t interval = 256;

    /// Never stops.
    stop_poll() noexcept = default;
    template <class Stop, class Observer>
    explicit stop_poll(const run_control<Stop, Observer>& control,
                       std::uint64_t max_evaluations = std::numeric_limits<std::uint64_t>::max()) noexcept
        : control_{&control},
          check_{[](const void* erased) {
              return static_cast<const run_control<Stop, Observer>*>(erased)->interruption();
          }},
          max_evaluations_{std::min(control.max_evaluations, max_evaluations)} {}

    /// @param work  that the evaluation took beyond the unit that `stopped` adds
    void count(std::uint32_t work = 0) noexcept {
        ++evaluations_;
        work_ += work;
    }
    [[nodiscard]] std::uint64_t evaluations() const noexcept { return evaluations_; }
    /// True from the first call on that finds a reason to end.
    [[nodiscard]] bool stopped(std::uint32_t work = 1) {
        if (reason_ != stop_reason::completed) return true;
        if (evaluations_ >= max_evaluations_) {
            reason_ = stop_reason::budget_exhausted;
            return true;
        }
        return interrupted(work);
    }
    /// The same, except that a spent budget is no reason: for work that is finished even then, so that the budget alone
    /// decides what is in a cache.
    [[nodiscard]] bool interrupted(std::uint32_t work = 1) {
        if (interrupted_) return true;
        work_ += work;
        if (work_ < interval || check_ == nullptr) return false;
        work_ = 0;
        const stop_reason why = check_(control_);
        interrupted_ = why != stop_reason::completed;
        if (interrupted_ && reason_ == stop_reason::completed) reason_ = why;
        return interrupted_;
    }
    [[nodiscard]] stop_reason reason() const noexcept { return reason_; }

private:
    const void* control_ = nullptr;
    stop_reason (*check_)(const void*) = nullptr;
    std::uint64_t max_evaluations_ = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t evaluations_ = 0;
    std::uint32_t work_ = interval;  // the first call polls
    stop_reason reason_ = stop_reason::completed;
    bool interrupted_ = false;
};

}  // namespace berth::inline v0::detail
