// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

namespace berth::inline v0::detail {

/// A clock that runs forward only, driven by the times of observations, which may be wrong now and then.
///
/// A time is *in step* if it is neither before the last accepted one nor more than `max_step` after it. One that is out
/// of step is refused, once: the next is accepted if it is in step after all, or if it is out of step to the same side
/// and not before the refused one, so that two in a row agree. Then the caller's clock has changed, and this one goes
/// on from where it was: by the whole step if the caller's went ahead, and by the time between the two that agree if it
/// was set back. So no wrong time locks a balancer for good, and cooldowns survive it.
class observation_clock {
public:
    struct judgement {
        bool accepted;
        bool ahead;      // which side a refused time is on
        double elapsed;  // what the clock shows once the time is accepted
    };

    explicit observation_clock(double max_step) noexcept : max_step_{max_step} {}

    [[nodiscard]] judgement judge(double time) const noexcept {
        if (!started_ || in_step(time)) return {true, false, time + offset_};
        const bool ahead = time > accepted_;
        if (!doubts_ || ahead != (doubted_ > accepted_) || time < doubted_) return {false, ahead, 0.0};
        const double step = ahead ? time - accepted_ : time - doubted_;
        const double most = ahead && std::isfinite(step) ? step : max_step_;
        return {true, ahead, accepted_ + offset_ + (step < most ? step : most)};
    }
    void accept(double time, double elapsed) noexcept {
        if (started_ && !in_step(time)) offset_ = elapsed - time;
        accepted_ = time;
        started_ = true;
        doubts_ = false;
    }
    void refuse(double time) noexcept {
        doubted_ = time;
        doubts_ = true;
    }

private:
    [[nodiscard]] bool in_step(double time) const noexcept {
        return time >= accepted_ && time - accepted_ <= max_step_;
    }

    double max_step_;
    double accepted_ = 0.0;
    double doubted_ = 0.0;
    double offset_ = 0.0;  // of this clock to the caller's
    bool started_ = false;
    bool doubts_ = false;
};

}  // namespace berth::inline v0::detail
