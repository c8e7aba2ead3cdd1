// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace berth::inline v0::detail {

/// The time of a run: that of the scheduler's clock as long as it goes on steadily, and steady where it does not. A
/// step back counts as no time, a jump ahead as no more than up to the next timeout and a limit beyond it.
class run_clock {
public:
    /// Starts with the first reading, but not before this time.
    explicit run_clock(double earliest) noexcept : time_{earliest} {}

    /// Takes a reading. One that is not finite counts as the one before.
    ///
    /// @param wake  when the run has something to do next, in its own time; infinite if no step is under way: then
    ///              all of a jump counts, and no timeout is near
    /// @param late  seconds beyond it that count at most
    /// @return      the time of the run; never less than before
    double tick(double now, double wake, double late) noexcept {
        if (!(now - now == 0.0)) return time_;
        const double elapsed = now - last_;
        last_ = now;
        if (!started_) {
            started_ = true;
            time_ = now > time_ ? now : time_;
        } else if (elapsed > 0.0) {
            const double most = (wake > time_ ? wake - time_ : 0.0) + late;
            // Not a sum of differences: on a steady clock the time of the run is the reading itself.
            const double next = elapsed <= most ? now + ahead_ : time_ + most;
            time_ = next > time_ ? next : time_;
        }
        ahead_ = time_ - now;
        return time_;
    }
    [[nodiscard]] double time() const noexcept { return time_; }
    /// What the scheduler's clock shows at a time of the run, if it goes on steadily.
    [[nodiscard]] double reading_at(double time) const noexcept { return time - ahead_; }

private:
    double time_;
    double last_ = 0.0;
    double ahead_ = 0.0;  // of the scheduler's clock
    bool started_ = false;
};

}  // namespace berth::inline v0::detail
