// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/random.hpp"
#include "berth/core/run_control.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/cost/sites/detail/coverage_matching.hpp"
#include "berth/cost/sites/site_reach.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// Which site serves which user.
struct site_coverage {
    std::vector<site_index> site_of;  ///< of every user; not valid: not served
    std::size_t served = 0;           ///< users with a site
    std::size_t sites = 0;            ///< sites with a user
    std::size_t least_sites = 0;      ///< no choice that serves as many users has fewer sites; 0 if not asked for
    stop_reason stopped = stop_reason::completed;  ///< why it ended
};

namespace detail {

[[nodiscard]] inline site_coverage coverage_of(const coverage_matching& m, std::size_t users) {
    site_coverage answer;
    answer.site_of.resize(users);
    for (std::size_t u = 0; u < users; ++u) {
        if (m.at(u) >= m.sites()) continue;
        answer.site_of[u] = site_index{m.at(u)};
        ++answer.served;
    }
    for (std::size_t s = 0; s < m.sites(); ++s) answer.sites += static_cast<std::size_t>(m.load(s) > 0);
    return answer;
}

/// Sites that must be used to serve so many users: the sites with the largest min(capacity, users in reach) that add
/// up.
[[nodiscard]] inline std::size_t least_sites(const site_reach& reach, std::size_t sites, std::size_t capacity,
                                             std::size_t served) {
    flat<std::size_t> could(sites, 0);
    for (const auto& list : reach) {
        for (const site_index s : list) could[s.value()] += static_cast<std::size_t>(could[s.value()] < capacity);
    }
    const auto order = sorted_positions(sites, [&](std::size_t a, std::size_t b) { return could[a] > could[b]; });
    std::size_t count = 0;
    for (std::size_t sum = 0; sum < served; ++count) sum += could[order[count]];
    return count;
}

}  // namespace detail

/// Serves as many users as possible, each by a site in its reach, at most `capacity` by a site: a maximum flow, exact.
/// O(users * reach of all users) at most. A budget of evaluations counts users; if it ends, fewer are served.
///
/// @param reach     for every user the sites that may serve it, each below `sites`
/// @param sites     number of sites
/// @param capacity  users that a site can serve
template <class Control = run_control<>>
[[nodiscard]] site_coverage most_users(const site_reach& reach, std::size_t sites, std::size_t capacity,
                                       const Control& control = {}) {
    detail::coverage_matching matching{reach, sites, capacity};
    stop_reason stopped = stop_reason::completed;
    for (std::size_t u = 0; u < reach.size(); ++u) {
        stopped = control.check(u);
        if (stopped != stop_reason::completed) break;
        (void)matching.serve(u);
    }
    site_coverage answer = detail::coverage_of(matching, reach.size());
    answer.stopped = stopped;
    return answer;
}

/// How `fewest_sites` searches.
struct fewest_sites_options {
    std::size_t rounds = 200;  ///< times that closed sites are opened again; it ends before if the bound is reached
    std::uint64_t seed = 1;    ///< of the sites that are opened
};

/// Serves as many users as `most_users`, with few sites: closes sites while all users can be served by others, the
/// sites that fewest users can reach first; then opens two at random and closes again, and keeps what is no worse. The
/// bound on the number of sites is proven, the number itself only where it equals the bound. Deterministic. A budget of
/// evaluations counts attempts to close a site; each is O(capacity * reach of all users).
template <class Control = run_control<>>
[[nodiscard]] site_coverage fewest_sites(const site_reach& reach, std::size_t sites, std::size_t capacity,
                                         const fewest_sites_options& options = {}, const Control& control = {}) {
    detail::coverage_matching matching{reach, sites, capacity};
    stop_reason stopped = stop_reason::completed;
    for (std::size_t u = 0; u < reach.size() && stopped == stop_reason::completed; ++u) {
        (void)matching.serve(u);
        stopped = control.interruption();
    }
    const std::size_t served = detail::coverage_of(matching, reach.size()).served;
    const std::size_t bound = detail::least_sites(reach, sites, capacity, served);
    detail::flat<std::size_t> reached(sites, 0);
    for (const auto& list : reach) {
        for (const site_index s : list) ++reached[s.value()];
    }
    auto order = detail::sorted_positions(sites, [&](std::size_t a, std::size_t b) { return reached[a] < reached[b]; });
    std::size_t used = sites;
    std::uint64_t evaluations = 0;
    const auto close_all = [&](std::size_t open) {
        for (const std::size_t s : order) {
            if (stopped != stop_reason::completed || open <= bound) break;
            if (!matching.open(s)) continue;
            stopped = control.check(evaluations++);
            if (stopped != stop_reason::completed) break;
            open -= static_cast<std::size_t>(matching.close(s));
        }
        return open;
    };
    used = close_all(used);
    std::uint64_t state = options.seed;
    const auto draw = [&state](std::size_t below) {
        state = splitmix64(state);
        return static_cast<std::size_t>(((state >> 32U) * below) >> 32U);
    };
    detail::coverage_matching best = matching;
    for (std::size_t round = 0; round < options.rounds && used > bound && stopped == stop_reason::completed; ++round) {
        for (std::size_t i = sites; i > 1; --i) std::swap(order[i - 1], order[draw(i)]);
        std::size_t open = used;
        for (std::size_t i = 0; i < sites && open < used + 2; ++i) {
            const std::size_t s = order[sites - 1 - i];  // closed last, if at all
            if (matching.open(s) || reached[s] == 0) continue;
            matching.open(s, true);
            ++open;
        }
        open = close_all(open);
        if (open <= used) {
            used = open;
            best.restore(matching);
        } else {
            matching.restore(best);
        }
    }
    site_coverage answer = detail::coverage_of(best, reach.size());
    answer.least_sites = bound;
    answer.stopped = stopped;
    return answer;
}

}  // namespace berth::inline v0
