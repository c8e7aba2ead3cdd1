// SPDX-License-Identifier: Apache-2.0
#include "berth/objective/terms/least_spread.hpp"

#include "objective/terms/services.hpp"

#include <doctest/doctest.h>

#include <set>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

struct two_services {
    fleet machines;
    workload tasks;
};

/// Nodes 0 and 1 in the first rack, 2 in the second, 3 in none. Tasks 0, 1, 2 of one service, 3 of another, 4 of none.
two_services racks() {
    fleet_builder builder{{.node = {"cpu"}}};
    (void)need(builder.add_domain("first", 0));
    (void)need(builder.add_domain("second", 0));
    for (const std::string_view rack : {"first", "first", "second", ""}) {
        const std::string_view named[] = {rack};
        (void)need(builder.add_node({.domains = std::span<const std::string_view>{named, rack.empty() ? 0U : 1U}}));
    }
    auto machines = need(std::move(builder).build());
    workload_builder make{machines};
    for (const std::string_view service : {"web", "web", "web", "db", ""}) {
        (void)need(make.add_task({.gpus = 0, .group = service}));
    }
    auto tasks = need(std::move(make).build());
    return {std::move(machines), std::move(tasks)};
}

slot host(std::size_t n) { return {node_index{n}, 0}; }

}  // namespace

TEST_CASE("least spread by hand") {
    const auto made = racks();
    const problem p{made.machines, made.tasks};
    const std::vector<std::size_t> least{2, 1};
    const least_spread racked{.least = least};
    const auto value = [&](const least_spread& part, const assignment& a) { return part.prepare(p, a).value(); };
    CHECK(value(racked, {host(0), host(1), host(0), host(2), host(0)}) == 1);
    CHECK(value(racked, {host(0), host(1), host(2), host(2), host(0)}) == 0);
    CHECK(value(racked, {host(0), host(1), host(3), host(3), host(0)}) == 2);  // node 3 is in no rack
    CHECK(value({.least = least, .place = {}}, {host(0), host(1), host(3), host(3), host(0)}) == 0);
    CHECK(value(racked, assignment(5, unplaced)) == 3);

    // A swap of two tasks keeps the spread, though each move alone would not.
    auto state = racked.prepare(p, assignment{host(0), host(2), unplaced, host(2), host(0)});
    const task_move exchange[] = {{task_index{0}, host(0), host(2)}, {task_index{1}, host(2), host(1)}};
    CHECK(state.delta({exchange, 1}) == 1);
    CHECK(state.delta({exchange + 1, 1}) == 1);
    CHECK(state.delta(exchange) == 0);
}

TEST_CASE("least spread equals a recount") {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        const auto made = service_problem(seed);
        const problem p{made.machines, made.tasks};
        xoshiro256 g{seed};
        std::vector<std::size_t> least(p.workload().group_count());
        for (auto& k : least) k = below(g, 6);
        for (const place_of what : {place_of{}, place_of{.level = 0}, place_of{.level = 1}}) {
            check_walk(least_spread{least, what}, p, seed, [&](std::span<const slot> a) {
                std::size_t missing = 0;
                for (std::size_t group = 0; group < least.size(); ++group) {
                    std::set<std::size_t> places;
                    for (const task_index t : p.workload().members(group_index{group})) {
                        const slot& where = a[t.value()];
                        if (!where.placed()) continue;
                        if (what.level == place_of::node_level) {
                            places.insert(where.node.value());
                        } else if (const auto d = domain_at(p.fleet(), where.node, what.level); d.valid()) {
                            places.insert(d.value());
                        }
                    }
                    missing += places.size() < least[group] ? least[group] - places.size() : 0;
                }
                return missing;
            });
        }
    }
}
