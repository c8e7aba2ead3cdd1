// SPDX-License-Identifier: Apache-2.0
#include "berth/objective/objective.hpp"
#include "berth/objective/terms/assignment_cost.hpp"
#include "berth/objective/terms/capacity_excess.hpp"
#include "berth/objective/terms/gpu_loads.hpp"
#include "berth/objective/terms/grouping.hpp"
#include "berth/objective/terms/load_dependent_cost.hpp"
#include "berth/objective/terms/move_cost.hpp"
#include "berth/objective/terms/node_sum.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

constexpr slot on(std::size_t node, gpu_mask gpus) { return {node_index{node}, gpus}; }

/// Two nodes: two GPUs and 8 cores, one GPU and 4 cores. Tasks: 600, 600, two whole GPUs, CPU only.
struct small {
    fleet machines = hand_fleet({{{1000, 1000}, 8000}, {{1000}, 4000}});
    workload tasks = hand_workload(machines, {{1, 600, 1000}, {1, 600, 1000}, {2, 1000, 1000}, {0, 0, 5000}});
    problem p{machines, tasks};
    assignment a{on(0, 1), on(0, 1), on(0, 3), on(1, 0)};

    template <term T>
    [[nodiscard]] double value(const T& t) const {
        return t.prepare(p, a).value();
    }
};

double ten_per_task(task_index t, gpu_index g) { return static_cast<double>(10 * t.value() + g.value()); }

}  // namespace

TEST_CASE("terms by hand") {
    const small s;
    // GPU 0 holds 600 + 600 + 1000, GPU 1 holds 1000; node 1 lacks 1000 milli-cores.
    CHECK(s.value(capacity_excess{}) == 1200 + 1000);
    CHECK(s.value(assignment_cost_term{ten_per_task}) == 0 + 10 + (20 + 21));
    const share_load share{&s.tasks};
    CHECK(s.value(makespan{share}) == 2200);
    CHECK(s.value(gpu_load_sum{share, load_to_power{}}) == doctest::Approx(2.2 * 2.2 + 1.0));
    CHECK(s.value(load_variance{share}) ==
          doctest::Approx((2200.0 * 2200 + 1000.0 * 1000) / 3 - (3200.0 / 3) * (3200.0 / 3)));
    const std::vector<amount> limits{2000, 900, 0};
    CHECK(s.value(gpu_load_sum{share, over_limit{limits}}) == 200 + 100);
    CHECK(s.value(node_sum{whole_gpu_holes{1}}) == -1);  // the GPU of node 1
    CHECK(s.value(left_out{}) == 0);
    const assignment initial{on(0, 2), on(0, 1), unplaced, on(0, 0)};
    CHECK(s.value(move_cost<>{initial}) == 2);
    const std::vector<double> weights{5, 7, 11, 13};
    CHECK(s.value(move_cost{std::span<const slot>{initial}, move_weights{weights}}) == 5 + 13);
}

TEST_CASE("the load-dependent cost equals that of load_cost") {
    const small s;
    const auto model = need(make_load_cost(s.p, load_measure::absolute));
    small one_gpu_each;
    one_gpu_each.a = {on(0, 1), on(0, 1), unplaced, unplaced};
    const std::vector<gpu_index> gpus{gpu_index{0}, gpu_index{0}, gpu_index{}, gpu_index{}};
    CHECK(one_gpu_each.value(load_dependent_cost{&model}) == doctest::Approx(assignment_cost(model, gpus)));
}

TEST_CASE("a makespan that falls is that of a GPU without moves") {
    const fleet machines = hand_fleet({{{1000, 1000, 1000, 1000, 1000}, 8000}});
    const workload tasks = hand_workload(machines, {{1, 900, 1}, {1, 400, 1}, {1, 400, 1}, {1, 100, 1}});
    const problem p{machines, tasks};
    auto state =
        objective{tier(makespan{share_load{&tasks}})}.prepare(p, assignment{on(0, 1), on(0, 2), on(0, 4), on(0, 8)});
    CHECK(state.value()[0] == 900);
    CHECK(state.delta(state.to(task_index{0}, unplaced))[0] == -500);
    CHECK(state.delta(state.to(task_index{0}, on(0, 8)))[0] == 100);
    const task_move both[] = {state.to(task_index{0}, unplaced), state.to(task_index{1}, unplaced)};
    CHECK(state.delta(both)[0] == -500);
    CHECK(state.delta(state.to(task_index{3}, on(0, 16)))[0] == 0);
}

TEST_CASE("pairs of a group, on nodes and on racks") {
    fleet_builder builder;
    (void)need(builder.add_domain("rack", 0));
    const gpu_description gpu{};
    const gpu_description gpus[] = {gpu, gpu};
    const amount host[] = {1000, 1000};
    const std::string_view rack[] = {"rack"};
    for (int n = 0; n < 3; ++n) {
        (void)need(builder.add_node({.capacity = host, .gpus = gpus, .domains = {rack, n < 2 ? 1U : 0U}}));
    }
    const auto machines = need(std::move(builder).build());
    workload_builder make{machines};
    for (int t = 0; t < 3; ++t) (void)need(make.add_task({.gpus = 1, .group = "service"}));
    const auto tasks = need(std::move(make).build());
    const problem p{machines, tasks};

    const assignment a{on(0, 1), on(0, 2), on(1, 1)};
    CHECK(spread_of_groups{}.prepare(p, a).value() == 1);
    CHECK(colocation_of_groups{}.prepare(p, a).value() == 2);
    CHECK(spread_of_groups{{.level = 0}}.prepare(p, a).value() == 3);
    const assignment elsewhere{on(0, 1), on(1, 2), on(2, 1)};  // node 2 is in no rack
    CHECK(spread_of_groups{{.level = 0}}.prepare(p, elsewhere).value() == 1);
    CHECK(colocation_of_groups{{.level = 0}}.prepare(p, elsewhere).value() == 0);
}
