// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/run_control.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace berth::inline v0::detail {

/// A run control for inner loops: counts evaluations, ends exactly at the budget, and asks the control once per
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
          check_{[](const void* erased, std::uint64_t evaluations) {
              return static_cast<const run_control<Stop, Observer>*>(erased)->check(evaluations);
          }},
          max_evaluations_{std::min(control.max_evaluations, max_evaluations)} {}

    void count() noexcept { ++evaluations_; }
    [[nodiscard]] std::uint64_t evaluations() const noexcept { return evaluations_; }
    /// True from the first call on that finds a reason to end.
    [[nodiscard]] bool stopped(std::uint32_t work = 1) {
        if (reason_ != stop_reason::completed) return true;
        work_ += work;
        if (evaluations_ >= max_evaluations_) {
            reason_ = stop_reason::budget_exhausted;
        } else if (work_ >= interval && check_ != nullptr) {
            work_ = 0;
            reason_ = check_(control_, evaluations_);
        }
        return reason_ != stop_reason::completed;
    }
    [[nodiscard]] stop_reason reason() const noexcept { return reason_; }

private:
    const void* control_ = nullptr;
    stop_reason (*check_)(const void*, std::uint64_t) = nullptr;
    std::uint64_t max_evaluations_ = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t evaluations_ = 0;
    std::uint32_t work_ = interval;  // the first call asks
    stop_reason reason_ = stop_reason::completed;
};

}  // namespace berth::inline v0::detail
