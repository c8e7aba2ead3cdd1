// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/cost/sites/site_links.hpp"

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace berth::inline v0 {

/// A place on the earth.
struct geo_point {
    double latitude = 0.0;   ///< degrees, -90..90
    double longitude = 0.0;  ///< degrees, -180..180
};

/// The great-circle distance on a sphere of 6,371,000 m (haversine). O(1).
[[nodiscard]] inline double metres_between(const geo_point& a, const geo_point& b) noexcept {
    constexpr double radian = 3.14159265358979323846 / 180.0;
    const double north = std::sin((b.latitude - a.latitude) * radian / 2.0);
    const double east = std::sin((b.longitude - a.longitude) * radian / 2.0);
    const double h = north * north + std::cos(a.latitude * radian) * std::cos(b.latitude * radian) * east * east;
    return 2.0 * 6'371'000.0 * std::asin(std::sqrt(h < 1.0 ? h : 1.0));
}

/// For every user the sites that may serve it, in ascending order.
using site_reach = std::vector<std::vector<site_index>>;

/// The sites within a distance of every user. O(users * sites).
[[nodiscard]] inline site_reach sites_within(std::span<const geo_point> users, std::span<const geo_point> sites,
                                             double metres) {
    site_reach reach(users.size());
    for (std::size_t u = 0; u < users.size(); ++u) {
        for (std::size_t s = 0; s < sites.size(); ++s) {
            if (metres_between(users[u], sites[s]) <= metres) reach[u].emplace_back(s);
        }
    }
    return reach;
}

}  // namespace berth::inline v0
