// SPDX-License-Identifier: Apache-2.0
#include "berth/cost/sites/site_route.hpp"

#include "berth/core/random.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace {

using berth::route_goal;
using berth::site_index;
using berth::site_link;

constexpr double infinite = std::numeric_limits<double>::infinity();

/// Every simple path, by recursion: the best value of the goal, NaN without a path.
struct all_paths {
    const berth::site_links& links;
    const berth::route_wish& wish;
    site_index to;
    double best = std::nan("");

    void go(site_index at, std::vector<bool>& seen, std::size_t relays, site_link so_far) {
        for (std::size_t s = 0; s < links.count(); ++s) {
            if (seen[s]) continue;
            const site_link over = links.link(at, site_index{s});
            site_link next{so_far.round_trip + over.round_trip, 0.0, so_far.price_per_gb + over.price_per_gb};
            next.bytes_per_second =
                over.bytes_per_second != over.bytes_per_second || so_far.bytes_per_second != so_far.bytes_per_second
                    ? std::nan("")
                    : std::fmin(over.bytes_per_second, so_far.bytes_per_second);
            if (site_index{s} == to) {
                take(next);
            } else if (relays < wish.max_relays) {
                seen[s] = true;
                go(site_index{s}, seen, relays + 1, next);
                seen[s] = false;
            }
        }
    }
    void take(const site_link& link) {
        if (wish.round_trip_at_most < infinite && !(link.round_trip <= wish.round_trip_at_most)) return;
        if (wish.price_at_most < infinite && !(link.price_per_gb <= wish.price_at_most)) return;
        if (wish.bytes_per_second_at_least > 0.0 && !(link.bytes_per_second >= wish.bytes_per_second_at_least)) return;
        const double value = goal_of(link, wish.goal);
        if (value == value && !(best <= value)) best = value;
    }
    static double goal_of(const site_link& link, route_goal goal) {
        return goal == route_goal::widest     ? -link.bytes_per_second
               : goal == route_goal::cheapest ? link.price_per_gb
                                              : link.round_trip;
    }
};

}  // namespace

TEST_CASE("find_route equals all simple paths, under every goal and bound") {
    berth::xoshiro256 random{5};
    std::size_t found = 0;
    for (int round = 0; round < 600; ++round) {
        berth::site_links links;
        const std::size_t sites = 2 + random() % 5;
        for (std::size_t s = 0; s < sites; ++s) (void)links.add_site(std::string(1, static_cast<char>('a' + s)));
        const auto some = [&](double unit) {
            return random() % 4 == 0 ? std::nan("") : unit * static_cast<double>(1 + random() % 9);
        };
        for (std::size_t a = 0; a < sites; ++a) {
            for (std::size_t b = 0; b < sites; ++b) {
                if (a == b || random() % 5 == 0) continue;
                REQUIRE(links.set_link(site_index{a}, site_index{b}, {some(1.0), some(1.0), some(1.0)}).has_value());
            }
        }
        berth::route_wish wish{.goal = static_cast<route_goal>(random() % 3), .max_relays = random() % 4};
        if (random() % 3 == 0) wish.round_trip_at_most = static_cast<double>(random() % 20);
        if (random() % 3 == 0) wish.price_at_most = static_cast<double>(random() % 20);
        if (random() % 3 == 0) wish.bytes_per_second_at_least = static_cast<double>(random() % 9);
        const site_index from{0}, to{1};
        all_paths oracle{links, wish, to};
        std::vector<bool> seen(sites, false);
        seen[0] = true;
        oracle.go(from, seen, 0, {0.0, infinite, 0.0});
        const auto route = find_route(links, from, to, wish);
        CHECK(route.stopped == berth::stop_reason::completed);
        REQUIRE(route.sites.empty() == (oracle.best != oracle.best));
        if (route.sites.empty()) continue;
        ++found;
        CHECK(all_paths::goal_of(route.link, wish.goal) == oracle.best);
        CHECK(route.sites.size() <= wish.max_relays + 2);
        REQUIRE(route.sites.front() == from);
        REQUIRE(route.sites.back() == to);
        site_link sum{0.0, infinite, 0.0};
        for (std::size_t i = 1; i < route.sites.size(); ++i) {
            const auto over = links.link(route.sites[i - 1], route.sites[i]);
            sum.round_trip += over.round_trip;
            sum.price_per_gb += over.price_per_gb;
            if (!(over.bytes_per_second >= sum.bytes_per_second)) sum.bytes_per_second = over.bytes_per_second;
        }
        const auto same = [](double a, double b) { return a == b || (a != a && b != b); };
        CHECK(same(sum.round_trip, route.link.round_trip));
        CHECK(same(sum.price_per_gb, route.link.price_per_gb));
    }
    CHECK(found > 200);
}

TEST_CASE("find_route: ends, no way, a budget") {
    berth::site_links links;
    const auto a = *links.add_site("a");
    const auto b = *links.add_site("b");
    CHECK(find_route(links, a, b).sites.empty());
    CHECK(find_route(links, a, a).sites == std::vector<site_index>{a});
    CHECK(find_route(links, a, {}).sites.empty());
    REQUIRE(links.set_link(a, b, {1.0, 2.0, 3.0}).has_value());
    const auto route = find_route(links, a, b);
    CHECK(route.sites == std::vector<site_index>{a, b});
    CHECK(route.link.price_per_gb == 3.0);
    const auto none = find_route(links, a, b, {}, berth::run_control<>{.max_evaluations = 0});
    CHECK(none.sites.empty());
    CHECK(none.stopped == berth::stop_reason::budget_exhausted);
}
