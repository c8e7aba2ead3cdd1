// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/model/resources.hpp"

#include <cmath>
#include <concepts>
#include <cstddef>
#include <string>
#include <vector>

namespace berth::inline v0 {

/// One unit of a task's work (an epoch, a step) at one power limit, as measured.
struct limit_point {
    amount limit = 0;      ///< watts that the GPU may draw, 1..`max_amount`
    double seconds = 0.0;  ///< that the unit takes, above 0
    double watts = 0.0;    ///< drawn on average, above 0

    /// Energy of the unit. O(1).
    [[nodiscard]] double joules() const noexcept { return seconds * watts; }

    friend bool operator==(const limit_point&, const limit_point&) = default;
};

/// What a task does on a GPU model at every limit that was measured. Nothing is assumed between the points: in measured
/// tables a higher limit is often slower (in 333 of 1,391 neighbouring pairs of the Zeus table).
struct power_profile {
    std::string name;                 ///< of the task and the GPU model, for messages
    std::vector<limit_point> points;  ///< in ascending order of limits, at least one
};

/// Checks that there are points, that limits ascend, and the ranges that `limit_point` names. The error names the
/// profile, the point and the field. O(points).
[[nodiscard]] inline result<void> validate(const power_profile& profile) {
    const auto refused = [&](std::size_t i, const char* what) {
        return detail::refuse(error_code::invalid_value, {"power profile ", detail::phrase::quoted(profile.name)},
                              {": points[", i, "]", what});
    };
    if (profile.points.empty()) {
        return detail::refuse(error_code::invalid_value, {"power profile ", detail::phrase::quoted(profile.name)},
                              {": points is empty"});
    }
    for (std::size_t i = 0; i < profile.points.size(); ++i) {
        const limit_point& point = profile.points[i];
        if (point.limit < 1 || point.limit > max_amount) return refused(i, ".limit is not a number of watts from 1 on");
        if (!(point.seconds > 0.0 && std::isfinite(point.seconds))) {
            return refused(i, ".seconds is not a finite number above 0");
        }
        if (!(point.watts > 0.0 && std::isfinite(point.watts)))
            return refused(i, ".watts is not a finite number above 0");
        if (!std::isfinite(point.joules())) return refused(i, ": seconds times watts is not a finite number");
        if (i > 0 && point.limit <= profile.points[i - 1].limit) {
            return refused(i, ".limit is not above that of the point before");
        }
    }
    return {};
}

/// A customisation point: what one unit of work costs at a limit; lower is better, never NaN. A lambda is one:
///
/// ```
/// const auto joules_and_seconds = [](const berth::limit_point& p) { return p.joules() + 40.0 * p.seconds; };
/// ```
template <class C>
concept limit_cost = requires(const C& c, const limit_point& point) {
    { c(point) } -> std::convertible_to<double>;
};

/// The cost of Zeus (NSDI'23): eta * energy + (1 - eta) * most watts * time. At 1 only energy counts, at 0 only time.
struct energy_time_cost {
    double eta = 0.5;           ///< weight of energy, 0..1
    double most_watts = 300.0;  ///< the largest limit of the GPU model

    /// Joules, for the energy and for the time. O(1).
    [[nodiscard]] double operator()(const limit_point& point) const noexcept {
        return eta * point.joules() + (1.0 - eta) * most_watts * point.seconds;
    }
};

/// The point of least cost; of equal ones that of the smallest limit. The profile has a point. O(points).
///
/// @return  the position in `power_profile::points`
template <limit_cost Cost>
[[nodiscard]] std::size_t choose_limit(const power_profile& profile, const Cost& cost) {
    BERTH_ASSERT(!profile.points.empty(), "berth: choose_limit needs a profile with a point");
    std::size_t best = 0;
    for (std::size_t i = 1; i < profile.points.size(); ++i) {
        if (static_cast<double>(cost(profile.points[i])) < static_cast<double>(cost(profile.points[best]))) best = i;
    }
    return best;
}

/// The point of least energy among those that take at most so many seconds; of equal ones that of the smallest limit.
/// If none is as fast, the fastest point. The profile has a point. O(points).
[[nodiscard]] inline std::size_t least_energy_within(const power_profile& profile, double seconds) {
    BERTH_ASSERT(!profile.points.empty(), "berth: least_energy_within needs a profile with a point");
    const std::size_t fastest = choose_limit(profile, [](const limit_point& p) { return p.seconds; });
    std::size_t best = profile.points.size();
    for (std::size_t i = 0; i < profile.points.size(); ++i) {
        if (profile.points[i].seconds > seconds) continue;
        if (best == profile.points.size() || profile.points[i].joules() < profile.points[best].joules()) best = i;
    }
    return best == profile.points.size() ? fastest : best;
}

/// The points that no other beats in time and energy at once, from the fastest to that of the least energy; of equal
/// ones that of the smallest limit. O(points * log points).
///
/// @return  positions in `power_profile::points`
[[nodiscard]] inline std::vector<std::size_t> pareto_points(const power_profile& profile) {
    const auto& points = profile.points;
    const auto by_time = detail::sorted_positions(points.size(), [&](std::size_t a, std::size_t b) {
        return points[a].seconds < points[b].seconds ||
               (points[a].seconds == points[b].seconds && points[a].joules() < points[b].joules());
    });
    std::vector<std::size_t> front;
    for (const std::size_t i : by_time) {
        if (front.empty() || points[i].joules() < points[front.back()].joules()) front.push_back(i);
    }
    return front;
}

}  // namespace berth::inline v0
