// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/run_control.hpp"
#include "berth/cost/sites/site_links.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// What a route is chosen for. The first of equally good routes has fewer relays, then the lower sites.
enum class route_goal : std::uint8_t {
    widest,    ///< the largest bandwidth; that of a route is its narrowest link's
    cheapest,  ///< the lowest price for each GB; every link of a route is paid
    quickest,  ///< the shortest round trip; those of the links add up
};

/// Which routes are wanted. A bound that is set asks for the field to be known on every link; a field that is neither
/// the goal nor bounded may be unknown, and then is in the answer.
struct route_wish {
    route_goal goal = route_goal::widest;  ///< what is best
    std::size_t max_relays = 1;            ///< sites between the ends; 0: the direct link alone
    /// Bound of the round trip in seconds; infinity: none.
    double round_trip_at_most = std::numeric_limits<double>::infinity();
    /// Bound of the price for each GB; infinity: none.
    double price_at_most = std::numeric_limits<double>::infinity();
    /// Bytes per second that the route has at least; 0: no bound.
    double bytes_per_second_at_least = 0.0;
};

/// A way from a site to another.
struct site_route {
    std::vector<site_index> sites;                 ///< both ends and the relays between; empty: there is no such route
    site_link link;                                ///< of the whole route
    stop_reason stopped = stop_reason::completed;  ///< otherwise a better route may exist
};

namespace detail {

/// Labels by number of links. A label is kept unless another of the same site, with no more links, is at least as good
/// in the goal and in every bounded field, so the search is exact; without a second criterion a site keeps one label of
/// each length.
class route_search {
public:
    route_search(const site_links& links, const route_wish& wish) noexcept : links_{links}, wish_{wish} {
        uses_[0] = wish.goal == route_goal::quickest || wish.round_trip_at_most < infinite;
        uses_[1] = wish.goal == route_goal::widest || wish.bytes_per_second_at_least > 0.0;
        uses_[2] = wish.goal == route_goal::cheapest || wish.price_at_most < infinite;
    }

    template <class Control>
    [[nodiscard]] site_route run(site_index from, site_index to, const Control& control) {
        site_route answer;
        if (!from.below(links_.count()) || !to.below(links_.count())) return answer;
        if (from == to) return {{from}, links_.link(from, from), answer.stopped};
        newest_ = flat<std::size_t>(links_.count(), none);
        labels_.push_back({from.value(), none, none, true, {0.0, infinite, 0.0}});
        std::size_t best = none;
        std::size_t first = 0;
        std::uint64_t evaluations = 0;
        for (std::size_t hop = 0; hop <= wish_.max_relays && first < labels_.size(); ++hop) {
            const std::size_t last = labels_.size();
            for (std::size_t l = first; l < last; ++l) {
                if (!labels_[l].alive) continue;
                // Of the last link only the end is of interest.
                const bool ending = hop == wish_.max_relays;
                for (std::size_t s = ending ? to.value() : 0; s < (ending ? to.value() + 1 : links_.count()); ++s) {
                    answer.stopped = control.check(evaluations++);
                    if (answer.stopped != stop_reason::completed) return trace(best, to, std::move(answer));
                    extend(l, s, to.value(), last, best);
                }
            }
            first = last;
        }
        return trace(best, to, std::move(answer));
    }

private:
    static constexpr double infinite = std::numeric_limits<double>::infinity();
    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    struct label {
        std::size_t site;
        std::size_t before;  // the label that it extends
        std::size_t other;   // the one of this site that was added before it
        bool alive;          // not beaten; and not of the end, from where no route goes on
        site_link so_far;
    };

    /// Labels from `last` on have as many links as the new one.
    void extend(std::size_t l, std::size_t s, std::size_t to, std::size_t last, std::size_t& best) {
        const label from = labels_[l];
        if (s == from.site || s == labels_[0].site) return;
        const site_link over = links_.link(site_index{from.site}, site_index{s});
        const site_link& path = from.so_far;
        const bool unknown_width = !(over.bytes_per_second == over.bytes_per_second);
        const site_link next{path.round_trip + over.round_trip,
                             unknown_width || over.bytes_per_second < path.bytes_per_second ? over.bytes_per_second
                                                                                            : path.bytes_per_second,
                             path.price_per_gb + over.price_per_gb};
        // Comparisons with NaN are false: what is used and unknown is refused.
        if (uses_[0] && !(next.round_trip <= wish_.round_trip_at_most)) return;
        if (uses_[1] && !(next.bytes_per_second >= wish_.bytes_per_second_at_least)) return;
        if (uses_[2] && !(next.price_per_gb <= wish_.price_at_most)) return;
        if (s == to) {
            if (best != none && !better(next, labels_[best].so_far)) return;
            best = labels_.size();
            labels_.push_back({s, l, none, false, next});
            return;
        }
        for (std::size_t o = newest_[s]; o != none; o = labels_[o].other) {
            if (no_worse(labels_[o].so_far, next)) return;
            if (o >= last && no_worse(next, labels_[o].so_far)) labels_[o].alive = false;
        }
        labels_.push_back({s, l, newest_[s], true, next});
        newest_[s] = labels_.size() - 1;
    }
    [[nodiscard]] bool better(const site_link& a, const site_link& b) const noexcept {
        switch (wish_.goal) {
            case route_goal::widest: return a.bytes_per_second > b.bytes_per_second;
            case route_goal::cheapest: return a.price_per_gb < b.price_per_gb;
            case route_goal::quickest: return a.round_trip < b.round_trip;
        }
        return false;
    }
    [[nodiscard]] bool no_worse(const site_link& a, const site_link& b) const noexcept {
        return (!uses_[0] || a.round_trip <= b.round_trip) && (!uses_[1] || a.bytes_per_second >= b.bytes_per_second) &&
               (!uses_[2] || a.price_per_gb <= b.price_per_gb);
    }
    [[nodiscard]] site_route trace(std::size_t best, site_index to, site_route answer) const {
        if (best == none) return answer;
        answer.link = labels_[best].so_far;
        std::size_t length = 0;
        for (std::size_t l = best; l != none; l = labels_[l].before) ++length;
        answer.sites.resize(length);
        answer.sites[length - 1] = to;
        for (std::size_t l = labels_[best].before, at = length - 1; l != none; l = labels_[l].before) {
            answer.sites[--at] = site_index{labels_[l].site};
        }
        return answer;
    }

    const site_links& links_;
    const route_wish& wish_;
    bool uses_[3] = {};
    flat<label> labels_;
    flat<std::size_t> newest_;  // of every site
};

}  // namespace detail

/// The best route from a site to another over at most `max_relays` others, for bulk data that the relays pass on at
/// once. Exact: a shortest path with bounds. O(sites^2 * relays) if the goal is the only criterion; each bounded field
/// makes a site keep more than one way to it. Deterministic. A budget of evaluations counts links looked at.
///
/// @return  the route, without sites if there is none
template <class Control = run_control<>>
[[nodiscard]] site_route find_route(const site_links& links, site_index from, site_index to,
                                    const route_wish& wish = {}, const Control& control = {}) {
    return detail::route_search{links, wish}.run(from, to, control);
}

}  // namespace berth::inline v0
