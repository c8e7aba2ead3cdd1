// SPDX-License-Identifier: Apache-2.0
#include "berth/objective/terms/group_move_peak.hpp"

#include "objective/terms/services.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

/// Weights that are added as integers.
struct whole_weights {
    std::span<const double> weights;

    amount operator()(task_index t) const { return static_cast<amount>(weights[t.value()]); }
};

}  // namespace

TEST_CASE("the peak of a group's moves by hand") {
    fleet_builder builder{{.node = {"cpu"}}};
    for (int n = 0; n < 3; ++n) (void)need(builder.add_node({}));
    const auto machines = need(std::move(builder).build());
    workload_builder make{machines};
    for (const std::string_view service : {"web", "web", "web", "db", "", ""}) {
        (void)need(make.add_task({.gpus = 0, .group = service, .state_bytes = 5}));
    }
    const auto tasks = need(std::move(make).build());
    const problem p{machines, tasks};
    const slot home{node_index{0}, 0};
    const slot away{node_index{1}, 0};
    const assignment initial{home, home, unplaced, home, home, home};
    const group_move_peak<> peak{initial};
    CHECK(peak.prepare(p, initial).value() == 0);
    CHECK(peak.prepare(p, assignment{away, home, home, away, away, away}).value() == 1);
    CHECK(peak.prepare(p, assignment{away, unplaced, home, away, away, away}).value() == 2);
    const group_move_peak bytes{std::span<const slot>{initial}, move_bytes{&tasks}};
    CHECK(bytes.prepare(p, assignment{away, away, home, away, away, away}).value() == 10);

    // The group with the most falls below another, which is found.
    auto state = peak.prepare(p, assignment{away, away, unplaced, away, home, home});
    const task_move back[] = {{task_index{0}, away, home}, {task_index{1}, away, home}, {task_index{3}, away, home}};
    CHECK(state.delta({back, 1}) == -1);
    CHECK(state.delta({back, 2}) == -1);
    CHECK(state.delta(back) == -2);
}

TEST_CASE("the peak of a group's moves equals a recount") {
    for (std::uint64_t seed = 1; seed <= 16; ++seed) {
        const auto made = service_problem(seed, {.groups = 1 + seed});
        const problem p{made.machines, made.tasks};
        xoshiro256 g{seed};
        const assignment initial = random_assignment(g, p);
        std::vector<double> weights(initial.size());
        for (auto& w : weights) w = static_cast<double>(below(g, 6));
        const auto most = [&](std::span<const slot> a, const auto& weight) {
            std::vector<double> moved(p.workload().group_count(), 0.0);
            double highest = 0.0;
            for (std::size_t t = 0; t < a.size(); ++t) {
                const group_index group = p.workload().group(task_index{t});
                if (!group.valid() || !initial[t].placed() || initial[t] == a[t]) continue;
                moved[group.value()] += weight(t);
                highest = std::max(highest, moved[group.value()]);
            }
            return highest;
        };
        const auto one_each = [&](std::span<const slot> a) { return most(a, [](std::size_t) { return 1.0; }); };
        const auto weighted = [&](std::span<const slot> a) {
            return most(a, [&](std::size_t t) { return weights[t]; });
        };
        check_walk(group_move_peak<>{initial}, p, seed, one_each);
        check_walk(group_move_peak{std::span<const slot>{initial}, move_weights{weights}}, p, seed, weighted);
        check_walk(group_move_peak{std::span<const slot>{initial}, whole_weights{weights}}, p, seed, weighted);
    }
}

TEST_CASE("a workload without groups has no peak") {
    fleet_builder builder{{.node = {"cpu"}}};
    (void)need(builder.add_node({}));
    const auto machines = need(std::move(builder).build());
    workload_builder make{machines};
    (void)need(make.add_task({.gpus = 0}));
    const auto tasks = need(std::move(make).build());
    const problem p{machines, tasks};
    const assignment initial{{node_index{0}, 0}};
    auto state = group_move_peak<>{initial}.prepare(p, initial);
    const task_move out{task_index{0}, initial[0], unplaced};
    CHECK(state.delta({&out, 1}) == 0);
    state.apply({&out, 1});
    CHECK(state.value() == 0);
}
