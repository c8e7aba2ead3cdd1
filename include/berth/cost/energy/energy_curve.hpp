// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/cost/energy/detail/choice_hull.hpp"
#include "berth/cost/energy/power_profile.hpp"

#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// One task of a set: its profile and how many units of work it has.
struct profiled_task {
    const power_profile* profile = nullptr;  ///< outlives the curve's making
    double units = 1.0;                      ///< of work, above 0
};

/// A point of the curve: the sums over all tasks.
struct energy_point {
    double seconds = 0.0;    ///< of all tasks; divided by their number, the mean completion time on a GPU each
    double joules = 0.0;     ///< of all tasks
    std::size_t task = 0;    ///< the task whose limit changed since the point before; 0 at the first
    std::size_t option = 0;  ///< its new position in `power_profile::points`
};

/// Energy against completion time of a set of tasks, from the fastest choice of limits to that of the least energy.
/// Each point is optimal: no choice of limits takes at most its time and less energy. Choices that lie between two
/// neighbours save at most what the line between them says (`least_joules`).
class energy_curve {
public:
    /// The points, in ascending order of seconds, in descending order of joules.
    [[nodiscard]] std::span<const energy_point> points() const noexcept { return points_; }
    /// For every task the position in `power_profile::points` at a point of the curve. O(tasks + points).
    [[nodiscard]] std::vector<std::size_t> options(std::size_t point) const {
        BERTH_ASSERT(point < points_.size(), "berth: energy_curve has no such point");
        std::vector<std::size_t> chosen = first_;
        for (std::size_t p = 1; p <= point; ++p) chosen[points_[p].task] = points_[p].option;
        return chosen;
    }
    /// The last point within a time, which takes the least energy of all points within it; the first point if there is
    /// none. O(log points).
    [[nodiscard]] std::size_t within(double seconds) const noexcept {
        std::size_t low = 0;
        std::size_t high = points_.size();
        while (high - low > 1) {
            const std::size_t middle = low + (high - low) / 2;
            (points_[middle].seconds <= seconds ? low : high) = middle;
        }
        return low;
    }
    /// No choice of limits within the time takes less energy than this, up to rounding. O(log points).
    [[nodiscard]] double least_joules(double seconds) const noexcept {
        const std::size_t p = within(seconds);
        if (p + 1 == points_.size() || seconds < points_[p].seconds) return points_[p].joules;
        const energy_point& a = points_[p];
        const energy_point& b = points_[p + 1];
        return a.joules - (a.joules - b.joules) * ((seconds - a.seconds) / (b.seconds - a.seconds));
    }

private:
    friend result<energy_curve> make_energy_curve(std::span<const profiled_task> tasks);
    energy_curve() = default;

    std::vector<std::size_t> first_;
    std::vector<energy_point> points_;
};

/// Makes the curve. Fails without tasks, without a profile, or if units are not above 0; the error names the task.
/// O(points * log points), deterministic.
[[nodiscard]] inline result<energy_curve> make_energy_curve(std::span<const profiled_task> tasks) {
    if (tasks.empty()) return error{error_code::invalid_value, "energy curve: there are no tasks"};
    detail::choice_hull hull;
    detail::flat<detail::hull_option> options;
    for (std::size_t t = 0; t < tasks.size(); ++t) {
        if (tasks[t].profile == nullptr) {
            return detail::refuse(error_code::invalid_value, {"energy curve: task ", t}, {" has no profile"});
        }
        if (!(tasks[t].units > 0.0 && std::isfinite(tasks[t].units))) {
            return detail::refuse(error_code::invalid_value, {"energy curve: task ", t},
                                  {": units is not a finite number above 0"});
        }
        if (auto ok = validate(*tasks[t].profile); !ok) return ok.error();
        options.clear();
        for (const limit_point& p : tasks[t].profile->points) {
            options.push_back({p.seconds * tasks[t].units, p.joules() * tasks[t].units});
        }
        hull.add(options.view());
    }
    energy_curve curve;
    curve.first_.assign(hull.base().begin(), hull.base().end());
    energy_point at;
    for (std::size_t t = 0; t < tasks.size(); ++t) {
        const limit_point& p = tasks[t].profile->points[curve.first_[t]];
        at.seconds += p.seconds * tasks[t].units;
        at.joules += p.joules() * tasks[t].units;
    }
    curve.points_.push_back(at);
    for (const detail::hull_step& step : hull.sorted_steps()) {
        curve.points_.push_back({curve.points_.back().seconds + step.weight, curve.points_.back().joules - step.gain,
                                 step.item, step.option});
    }
    return curve;
}

}  // namespace berth::inline v0
