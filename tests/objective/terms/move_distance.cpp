// SPDX-License-Identifier: Apache-2.0
#include "berth/objective/terms/move_distance.hpp"

#include "objective/terms/services.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace berth;
using namespace berth_test;

static_assert(node_distance<double (*)(node_index, node_index)>);
static_assert(!node_distance<double (*)(gpu_index, gpu_index)>);

TEST_CASE("distance by domains: the same location and the same neighbourhood and neither") {
    fleet_builder builder{{.node = {"cpu"}}};
    for (const char* name : {"rack-a", "rack-b"}) (void)need(builder.add_domain(name, 0));
    for (const char* name : {"row-1", "row-2"}) (void)need(builder.add_domain(name, 1));
    const auto add = [&](std::vector<std::string_view> domains) { (void)need(builder.add_node({.domains = domains})); };
    add({"rack-a", "row-1"});
    add({"rack-a", "row-2"});  // locations and neighbourhoods need not nest
    add({"rack-b", "row-1"});
    add({"row-1"});
    add({});
    const auto machines = need(std::move(builder).build());
    const domain_distance far{&machines};
    const auto between = [&](std::size_t a, std::size_t b) {
        CHECK(far(node_index{a}, node_index{b}) == far(node_index{b}, node_index{a}));
        return far(node_index{a}, node_index{b});
    };
    CHECK(between(0, 0) == 0);
    CHECK(between(0, 1) == 0);
    CHECK(between(0, 2) == 1);
    CHECK(between(1, 2) == 2);
    CHECK(between(0, 3) == 1);
    CHECK(between(1, 3) == 2);
    CHECK(between(0, 4) == 2);
    CHECK(between(4, 4) == 0);
    CHECK(domain_distance{&machines, 9}(node_index{3}, node_index{4}) == 9);

    workload_builder make{machines};
    for (int t = 0; t < 4; ++t) (void)need(make.add_task({.gpus = 0}));
    const auto tasks = need(std::move(make).build());
    const problem p{machines, tasks};
    const slot host[] = {{node_index{0}, 0}, {node_index{1}, 0}, {node_index{2}, 0}, {node_index{3}, 0}};
    const assignment initial{host[0], host[1], unplaced, host[0]};
    const move_distance domains{std::span<const slot>{initial}, domain_distance{&machines}};
    CHECK(domains.prepare(p, assignment{host[2], host[2], host[3], unplaced}).value() == 1 + 2);
    const std::vector<amount> costs{0, 3, 5, 0, 0, 7, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    const move_distance listed{std::span<const slot>{initial}, matrix_distance{{costs.data(), 5, 5}}};
    CHECK(listed.prepare(p, assignment{host[2], host[2], host[3], host[0]}).value() == 5 + 9);
}

TEST_CASE("move distance equals a recount") {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        const auto made = service_problem(seed);
        const problem p{made.machines, made.tasks};
        xoshiro256 g{seed};
        const assignment initial = random_assignment(g, p);
        const auto recount = [&](const auto& distance) {
            return [&](std::span<const slot> a) {
                double sum = 0.0;
                for (std::size_t t = 0; t < a.size(); ++t) {
                    if (!initial[t].placed() || !a[t].placed() || initial[t] == a[t]) continue;
                    sum += static_cast<double>(distance(initial[t].node, a[t].node));
                }
                return sum;
            };
        };
        const auto levels = [&](node_index a, node_index b) {
            if (a == b) return 0;
            for (int level = 0; level < 2; ++level) {
                const auto of_a = domain_at(p.fleet(), a, static_cast<std::size_t>(level));
                if (of_a.valid() && of_a == domain_at(p.fleet(), b, static_cast<std::size_t>(level))) return level;
            }
            return 5;
        };
        check_walk(move_distance{std::span<const slot>{initial}, domain_distance{&p.fleet(), 5}}, p, seed,
                   recount(levels));
        const auto halves = [](node_index a, node_index b) {
            return 0.5 * static_cast<double>(a.value()) + static_cast<double>(b.value());
        };
        check_walk(move_distance{std::span<const slot>{initial}, halves}, p, seed, recount(halves));
    }
}
