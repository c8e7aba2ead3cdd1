// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/detail/part_clock.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/run_control.hpp"

#include <cstdint>

namespace berth::inline v0::detail {

/// The control of one attempt at a target: it ends after so many evaluations or with the whole run, and cools by the
/// evaluations or, if only a clock bounds the run and is nearer to its end, by the time left.
template <class Control>
class makespan_attempt {
public:
    static constexpr std::uint64_t stretch = 500;  ///< evaluations at one temperature

    makespan_attempt(const Control& whole, std::uint64_t begin, std::uint64_t length)
        : max_evaluations{begin + length},
          whole_{&whole},
          begin_{begin},
          length_{static_cast<double>(length)},
          timed_{is_timed(whole)},
          share_before_{timed_ ? whole.elapsed(begin) : 0.0} {}

    std::uint64_t max_evaluations;  ///< those at the end of the attempt
    no_observer observer{};         ///< hears nothing of attempts

    [[nodiscard]] stop_reason check(std::uint64_t evaluations) {
        run_ended_ = whole_->check(evaluations);
        if (run_ended_ != stop_reason::completed) return run_ended_;
        return evaluations < max_evaluations ? stop_reason::completed : stop_reason::budget_exhausted;
    }
    [[nodiscard]] static bool bounded() noexcept { return true; }
    [[nodiscard]] double elapsed(std::uint64_t evaluations) const {
        const double by_evaluations = static_cast<double>(evaluations - begin_ + stretch) / length_;
        if (!timed_ || share_before_ >= 1.0) return by_evaluations;
        const double by_time = (whole_->elapsed(evaluations) - share_before_) / (1.0 - share_before_);
        return by_time > by_evaluations ? by_time : by_evaluations;
    }
    /// Why the whole run ended, `completed` if only the attempt did.
    [[nodiscard]] stop_reason run_ended() const noexcept { return run_ended_; }

private:
    const Control* whole_;
    std::uint64_t begin_;
    double length_;
    bool timed_;
    double share_before_;
    stop_reason run_ended_ = stop_reason::completed;
};

}  // namespace berth::inline v0::detail
