// SPDX-License-Identifier: Apache-2.0
#include "berth/objective/terms/group_dependencies.hpp"

#include "objective/terms/services.hpp"

#include <doctest/doctest.h>

#include <array>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

slot host(std::size_t n) { return {node_index{n}, 0}; }

}  // namespace

TEST_CASE("dependencies by hand") {
    fleet_builder builder{{.node = {"cpu"}}};
    (void)need(builder.add_domain("west", 1));
    (void)need(builder.add_domain("east", 1));
    for (const std::string_view area : {"west", "west", "east", ""}) {
        const std::string_view named[] = {area};
        (void)need(builder.add_node({.domains = std::span<const std::string_view>{named, area.empty() ? 0U : 1U}}));
    }
    const auto machines = need(std::move(builder).build());
    workload_builder make{machines};
    for (const std::string_view service : {"web", "web", "db", "db"}) {
        (void)need(make.add_task({.gpus = 0, .group = service}));
    }
    const auto tasks = need(std::move(make).build());
    const problem p{machines, tasks};
    const group_index web{0};
    const group_index db{1};
    const std::array<group_dependency, 2> pairs{group_dependency{web, db}, group_dependency{web, web}};
    const group_dependencies near_by{.pairs = pairs};
    const auto value = [&](const assignment& a) { return near_by.prepare(p, a).value(); };
    CHECK(value({host(0), host(2), host(1), host(2)}) == 0);
    CHECK(value({host(0), host(2), host(1), host(1)}) == 1);
    CHECK(value({host(0), host(2), unplaced, unplaced}) == 2);
    CHECK(value({host(0), host(1), host(2), host(2)}) == 1);
    CHECK(value({host(3), unplaced, host(2), host(2)}) == 0);  // node 3 is in no neighbourhood
    const std::array<group_dependency, 2> twice{pairs[0], pairs[0]};
    CHECK(group_dependencies{.pairs = twice}.prepare(p, assignment{host(0), host(2), unplaced, unplaced}).value() == 4);

    // The provider follows: each move alone breaks something, both at once do not.
    auto state = near_by.prepare(p, assignment{host(0), unplaced, host(1), unplaced});
    const task_move both[] = {{task_index{0}, host(0), host(2)}, {task_index{2}, host(1), host(2)}};
    CHECK(state.delta({both, 1}) == 1);
    CHECK(state.delta({both + 1, 1}) == 1);
    CHECK(state.delta(both) == 0);
}

TEST_CASE("dependencies equal a recount") {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        const auto made = service_problem(seed, {.groups = 10});
        const problem p{made.machines, made.tasks};
        xoshiro256 g{seed};
        std::vector<group_dependency> pairs;
        for (std::size_t i = 0; i < 4 * seed; ++i) {
            const group_index dependent{below(g, p.workload().group_count())};
            const group_index provider{below(g, p.workload().group_count())};
            pairs.push_back({dependent, provider});
        }
        for (const place_of what : {place_of{}, place_of{.level = 0}, place_of{.level = 1}}) {
            const auto is_in = [&](std::span<const slot> a, group_index group, node_index n) {
                for (const task_index t : p.workload().members(group)) {
                    const slot& where = a[t.value()];
                    if (!where.placed()) continue;
                    if (what.level == place_of::node_level
                            ? where.node == n
                            : domain_at(p.fleet(), where.node, what.level) == domain_at(p.fleet(), n, what.level)) {
                        return true;
                    }
                }
                return false;
            };
            check_walk(
                group_dependencies{pairs, what}, p, seed,
                [&](std::span<const slot> a) {
                    std::size_t unmet = 0;
                    std::vector<char> seen(p.fleet().domain_count(), 0);
                    for (std::size_t i = 0; i < p.fleet().node_count(); ++i) {
                        const node_index n{i};
                        if (what.level != place_of::node_level) {  // one node stands for its domain
                            const auto d = domain_at(p.fleet(), n, what.level);
                            if (!d.valid() || seen[d.value()]) continue;
                            seen[d.value()] = 1;
                        }
                        for (const auto& pair : pairs) {
                            unmet += is_in(a, pair.dependent, n) && !is_in(a, pair.provider, n) ? 1 : 0;
                        }
                    }
                    return unmet;
                },
                60);
        }
    }
}
