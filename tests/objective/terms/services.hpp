// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/core/random.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/workload.hpp"
#include "berth/model/workload_builder.hpp"
#include "berth/objective/objective.hpp"

#include "common/instances.hpp"
#include "objective/random_moves.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace berth_test {

/// The ingredients of a random problem of services.
struct service_options {
    std::size_t nodes = 8;
    std::size_t tasks = 40;
    std::size_t node_counters = 3;
    std::size_t groups = 7;
    bool gpus = true;        ///< up to five on a node, of two counters; tasks want none to three of them
    bool partition = false;  ///< every node has a location and a neighbourhood, every task a group
};

/// Nodes in locations (level 0) and neighbourhoods (level 1), some in neither; tasks of services large and small, and
/// of none.
[[nodiscard]] inline instance service_problem(std::uint64_t seed, const service_options& options = {}) {
    using berth::amount;
    berth::xoshiro256 g{seed};
    berth::resource_schema schema{.gpu = {"share", "memory"}, .node = {}, .domain = {"power"}};
    for (std::size_t r = 0; r < options.node_counters; ++r) schema.node.push_back("r" + std::to_string(r));
    berth::fleet_builder builder{schema};
    for (std::size_t d = 0; d < 4; ++d) {
        const amount power[] = {static_cast<amount>(below(g, 120))};
        (void)need(builder.add_domain("location" + std::to_string(d), 0, power));
    }
    for (std::size_t d = 0; d < 3; ++d) {
        const amount power[] = {static_cast<amount>(below(g, 160))};
        (void)need(builder.add_domain("neighbourhood" + std::to_string(d), 1, power));
    }
    for (std::size_t n = 0; n < options.nodes; ++n) {
        std::vector<amount> capacity;
        for (std::size_t r = 0; r < options.node_counters; ++r) capacity.push_back(static_cast<amount>(below(g, 60)));
        std::vector<berth::gpu_description> gpus(options.gpus ? below(g, 6) : 0);
        const amount gpu[] = {berth::whole_gpu, static_cast<amount>(below(g, 30))};
        for (auto& one : gpus) one.capacity = gpu;
        const std::string location = "location" + std::to_string(below(g, 4));
        const std::string neighbourhood = "neighbourhood" + std::to_string(below(g, 3));
        std::vector<std::string_view> domains;
        if (options.partition || chance(g, 85)) domains.push_back(neighbourhood);
        if (options.partition || chance(g, 85)) domains.push_back(location);
        (void)need(builder.add_node({.capacity = capacity, .gpus = gpus, .domains = domains}));
    }
    auto machines = need(std::move(builder).build());

    berth::workload_builder tasks{machines};
    for (std::size_t t = 0; t < options.tasks; ++t) {
        std::vector<amount> node;
        for (std::size_t r = 0; r < options.node_counters; ++r) node.push_back(static_cast<amount>(below(g, 14)));
        const std::size_t gpus = options.gpus ? below(g, 4) : 0;
        std::vector<amount> gpu;
        if (gpus > 0) {
            gpu.push_back(static_cast<amount>(100 + below(g, 900)));
            gpu.push_back(static_cast<amount>(below(g, 15)));
        }
        const amount power[] = {static_cast<amount>(below(g, 20))};
        // The first service has as many tasks as all others.
        const std::size_t service = chance(g, 50) ? 0 : below(g, options.groups);
        const std::string group =
            !options.partition && chance(g, 10) ? std::string{} : "service" + std::to_string(service);
        (void)need(tasks.add_task(
            {.gpus = gpus, .gpu_demand = gpu, .node_demand = node, .domain_demand = power, .group = group}));
    }
    auto work = need(std::move(tasks).build());
    return {std::move(machines), std::move(work)};
}

/// From a random assignment through random moves: `delta` and `value` equal the differences and values of
/// `naive(assignment)`, which has no increments. All values are integers.
template <berth::term Term, class Naive>
void check_walk(const Term& part, const berth::problem& p, std::uint64_t seed, const Naive& naive, int steps = 150) {
    CAPTURE(seed);
    berth::xoshiro256 g{seed};
    auto state = berth::objective{berth::tier(part)}.prepare(p, random_assignment(g, p));
    const auto value = [&](std::span<const berth::slot> a) { return static_cast<double>(naive(a)); };
    double now = value(state.assignment());
    REQUIRE(state.value()[0] == now);
    for (int step = 0; step < steps; ++step) {
        const auto r = random_relocations(g, p, state.assignment());
        berth::assignment after(state.assignment().begin(), state.assignment().end());
        for (const auto& one : r) after[one.task.value()] = one.to;
        const double then = value(after);
        REQUIRE(state.delta(r)[0] == then - now);
        REQUIRE(state.value()[0] == now);
        const berth::task_move& first = r.front();
        REQUIRE(state.delta(first) == state.delta(berth::task_moves{&first, 1}));
        if (step % 3 == 0) continue;
        state.apply(r);
        now = then;
        REQUIRE(state.value()[0] == now);
    }
    CHECK(state.self_check(0.0));
}

/// The domain of a node at a level; not valid if it has none.
[[nodiscard]] inline berth::domain_index domain_at(const berth::fleet& machines, berth::node_index n,
                                                   std::size_t level) {
    for (const berth::domain_index d : machines.domains(n)) {
        if (machines.level(d) == level) return d;
    }
    return {};
}

/// The use of every counter of every node, counted anew.
[[nodiscard]] inline std::vector<std::vector<berth::amount>> node_usage(const berth::problem& p,
                                                                        std::span<const berth::slot> a) {
    std::vector<std::vector<berth::amount>> used(p.fleet().node_count());
    for (auto& row : used) row.assign(p.fleet().schema().node.size(), 0);
    for (std::size_t t = 0; t < a.size(); ++t) {
        if (!a[t].placed()) continue;
        const auto wanted = p.workload().demand(berth::task_index{t}).node;
        for (std::size_t r = 0; r < wanted.size(); ++r) used[a[t].node.value()][r] += wanted[r];
    }
    return used;
}
/// The same of every GPU.
[[nodiscard]] inline std::vector<std::vector<berth::amount>> gpu_usage(const berth::problem& p,
                                                                       std::span<const berth::slot> a) {
    std::vector<std::vector<berth::amount>> used(p.fleet().gpu_count());
    for (auto& row : used) row.assign(p.fleet().schema().gpu.size(), 0);
    for (std::size_t t = 0; t < a.size(); ++t) {
        const auto wanted = p.workload().demand(berth::task_index{t}).gpu;
        for (std::size_t i = 0; a[t].placed() && i < p.fleet().gpu_count(a[t].node); ++i) {
            if ((a[t].gpus >> i & 1U) == 0) continue;
            for (std::size_t r = 0; r < wanted.size(); ++r) {
                used[p.fleet().gpu(a[t].node, i).value()][r] += wanted[r];
            }
        }
    }
    return used;
}

[[nodiscard]] inline berth::amount above(berth::amount value, berth::amount limit) {
    return value > limit ? value - limit : 0;
}

}  // namespace berth_test
