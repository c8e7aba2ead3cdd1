// SPDX-License-Identifier: Apache-2.0
#include "berth/objective/terms/load_over_safety.hpp"

#include "berth/objective/terms/capacity_excess.hpp"

#include "allocate/problems.hpp"
#include "objective/terms/services.hpp"

#include <doctest/doctest.h>

#include <array>
#include <concepts>
#include <vector>

using namespace berth;
using namespace berth_test;

static_assert(!term<load_over_safety<>::state> && term_state<load_over_safety<>::state>);
static_assert(std::same_as<decltype(load_over_safety{matrix_view<const amount>{}, std::vector<amount>{}}),
                           load_over_safety<on_nodes, std::dynamic_extent>>);
static_assert(std::same_as<decltype(load_over_safety{matrix_view<const amount>{}, std::array<amount, 4>{}}),
                           load_over_safety<on_nodes, 4>>);

namespace {

std::vector<amount> random_amounts(xoshiro256& g, std::size_t n, std::size_t top) {
    std::vector<amount> values(n);
    for (auto& value : values) value = static_cast<amount>(below(g, top + 1));
    return values;
}

}  // namespace

TEST_CASE("load over safety by hand") {
    const fleet machines = hand_fleet({{{1000, 1000}, 8000, 100}, {{1000}, 4000, 100}});
    const workload tasks = hand_workload(machines, {{1, 600, 1000}, {1, 600, 3000}, {0, 0, 5000}});
    const problem p{machines, tasks};
    const assignment a{{node_index{0}, 1}, {node_index{0}, 1}, {node_index{1}, 0}};
    const std::vector<amount> safety{3000, 80, 4500, 0};  // CPU and memory of each node
    const matrix_view<const amount> limits{safety.data(), 2, 2};
    const std::array<amount, 2> weights{10, 1};
    CHECK(load_over_safety{limits}.prepare(p, a).value() == 1000 + 500);
    CHECK(load_over_safety{limits, weights}.prepare(p, a).value() == 10 * 1500);
    CHECK(load_over_safety{}.prepare(p, a).value() == 1000);          // beyond the capacity of node 1
    CHECK(load_over_safety<on_gpus>{}.prepare(p, a).value() == 200);  // GPU 0 holds 1200
}

TEST_CASE("load over safety equals a recount for nodes and GPUs of known and unknown numbers of counters") {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        const auto made = service_problem(seed);
        const problem p{made.machines, made.tasks};
        xoshiro256 g{seed};
        const auto safety = random_amounts(g, p.fleet().node_count() * 3, 40);
        const matrix_view<const amount> limits{safety.data(), p.fleet().node_count(), 3};
        const auto weights = random_amounts(g, 3, 9);
        const auto on_hosts = [&](std::span<const slot> a) {
            const auto used = node_usage(p, a);
            amount sum = 0;
            for (std::size_t n = 0; n < used.size(); ++n) {
                for (std::size_t r = 0; r < 3; ++r) sum += weights[r] * above(used[n][r], limits(n, r));
            }
            return sum;
        };
        check_walk(load_over_safety{limits, weights}, p, seed, on_hosts);
        check_walk(load_over_safety{limits, std::span<const amount, 3>{weights}}, p, seed, on_hosts);

        const auto gpu_safety = random_amounts(g, p.fleet().gpu_count() * 2, 1200);
        const matrix_view<const amount> gpu_limits{gpu_safety.data(), p.fleet().gpu_count(), 2};
        const std::array<amount, 2> gpu_weights{1, 70};
        const auto on_boards = [&](std::span<const slot> a) {
            const auto used = gpu_usage(p, a);
            amount sum = 0;
            for (std::size_t i = 0; i < used.size(); ++i) {
                for (std::size_t r = 0; r < 2; ++r) sum += gpu_weights[r] * above(used[i][r], gpu_limits(i, r));
            }
            return sum;
        };
        check_walk(load_over_safety<on_gpus>{gpu_limits, gpu_weights}, p, seed, on_boards);
        check_walk(load_over_safety<on_gpus, 2>{gpu_limits, gpu_weights}, p, seed, on_boards);
    }
}

TEST_CASE("without safety levels the excesses of nodes and GPUs and domains add up to the capacity excess") {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        const auto made = service_problem(seed);
        const problem p{made.machines, made.tasks};
        xoshiro256 g{seed};
        for (int i = 0; i < 20; ++i) {
            const assignment a = random_assignment(g, p);
            CHECK(load_over_safety<on_nodes>{}.prepare(p, a).value() +
                      load_over_safety<on_gpus>{}.prepare(p, a).value() +
                      load_over_safety<on_domains>{}.prepare(p, a).value() ==
                  capacity_excess{}.prepare(p, a).value());
        }
        check_walk(load_over_safety<on_domains>{}, p, seed,
                   [&](std::span<const slot> a) { return load_over_safety<on_domains>{}.prepare(p, a).value(); });
    }
}
