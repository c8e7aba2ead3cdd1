// SPDX-License-Identifier: Apache-2.0
#include "support/reassignment_run.hpp"

#include "support/mrp_instance.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <vector>

using bench::reassignment_run;

namespace {

reassignment_run run_of(const berth::reassignment_input& input, std::uint64_t evaluations, std::uint64_t seed = 1,
                        std::size_t threads = 1) {
    const auto problem = berth::make_reassignment_problem(input);
    REQUIRE(problem.has_value());
    bench::progress_line quiet{bench::progress_line::mode::off};
    return bench::run_reassignment(input, *problem, bench::run_clock{},
                                   {.evaluations = evaluations, .seed = seed, .threads = threads, .islands = 2}, 0.0,
                                   quiet, "test");
}

}  // namespace

TEST_CASE("a run finds the optimum of the worked example") {
    const auto read = bench::read_mrp_instance(*bench::find_mrp_instance("example"));
    REQUIRE(read.has_value());
    const auto run = run_of(read->input, 20'000);
    CHECK(run.fault == "");
    CHECK(run.initial.cost.total() == 4200);
    CHECK(run.verdict.feasible());
    CHECK(run.verdict.cost.total() == 2411);
    CHECK(run.plan.moved == 2);
    REQUIRE_FALSE(run.trajectory.empty());
    CHECK(run.trajectory.front().cost == 4200.0);
    CHECK(run.trajectory.back().cost == 2411.0);
    CHECK(run.evaluations_per_core_second() > 0.0);
}

TEST_CASE("runs agree with the checker on instances of all kinds") {
    for (const bench::mrp_recipe& recipe :
         {bench::mrp_recipe{.machines = 20, .processes = 150},
          bench::mrp_recipe{.machines = 5, .processes = 20, .resources = 1, .locations = 1, .neighbourhoods = 1},
          bench::mrp_recipe{
              .machines = 30, .processes = 200, .resources = 12, .locations = 30, .neighbourhoods = 30, .balances = 3},
          bench::mrp_recipe{.machines = 12, .processes = 100, .resources = 20, .balances = 10, .fill = 0.97},
          bench::mrp_recipe{.machines = 1, .processes = 3}}) {
        const auto made = bench::generate_mrp_instance(recipe, 3);
        CAPTURE(made.name);
        const auto run = run_of(made.input, 60'000);
        CHECK(run.fault == "");
        CHECK(run.verdict.feasible());
        CHECK(run.verdict.cost.total() <= run.initial.cost.total());
        CHECK(run.plan.violations == run.verdict.violations);
    }
}

TEST_CASE("an infeasible start is mended or left no worse") {
    auto made = bench::generate_mrp_instance({.machines = 20, .processes = 150}, 4);
    // Two of a service on one machine.
    std::size_t other = 1;
    while (made.input.group[other] != made.input.group[0]) ++other;
    made.input.initial[other] = made.input.initial[0];
    const auto run = run_of(made.input, 60'000);
    CHECK(run.fault == "");
    CHECK_FALSE(run.initial.feasible());
    CHECK(run.plan.violations == run.verdict.violations);
}

TEST_CASE("a budget of evaluations repeats for any number of threads") {
    const auto made = bench::generate_mrp_instance({.machines = 20, .processes = 150}, 5);
    const auto one = run_of(made.input, 100'000, 7, 1);
    const auto two = run_of(made.input, 100'000, 7, 2);
    CHECK(one.plan.assignment == two.plan.assignment);
    CHECK(one.plan.evaluations == two.plan.evaluations);
}

TEST_CASE("the score is that of the challenge") {
    CHECK(bench::mrp_score(110.0, 100.0, 1000.0) == 1.0);
    CHECK(bench::mrp_score(90.0, 100.0, 1000.0) == -1.0);
    CHECK(bench::mrp_score(0.0, 0.0, 0.0) == 0.0);
}

TEST_CASE("the chart of loads has a point for each node before and after") {
    const auto read = bench::read_mrp_instance(*bench::find_mrp_instance("example"));
    REQUIRE(read.has_value());
    const std::vector<berth::node_index> best{berth::node_index{0}, berth::node_index{2}, berth::node_index{1}};
    const auto chart = bench::load_chart(read->input, best, "example");
    REQUIRE(chart.series.size() == 3);
    // Before: nothing, nothing, 125 % on machine 3, 210 of 80 on machine 0.
    CHECK(chart.series[0].points == std::vector<std::pair<double, double>>{{1, 0}, {2, 0}, {3, 125}, {4, 262.5}});
    // After: nothing, 12 of 16, 10 of 12, 200 of 160.
    CHECK(chart.series[1].points[3].second == 125.0);
    CHECK(chart.series[1].points[1].second == 75.0);
    CHECK(bench::to_svg(chart).find("after") != std::string::npos);
}
