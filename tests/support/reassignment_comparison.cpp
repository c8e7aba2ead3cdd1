// SPDX-License-Identifier: Apache-2.0
#include "support/reassignment_comparison.hpp"

#include "support/mrp_instance.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

using bench::mrp_instance;
using bench::reassignment_comparison;
using run_type = bench::reassignment_comparison_run;

namespace {

bench::mrp_references known_values() {
    const auto path = std::filesystem::temp_directory_path() / ("berth_known_" + std::to_string(getpid()) + ".csv");
    std::ofstream{path} << "instance,name,seconds,value,source\n"
                           "b_1,initial,,4200,computed\nb_1,best,300,2411,final\nb_1,S41,300,2495,final\n"
                           "b_1,goal,0.02,2411,berth\nb_1,goal,0.01,2000,berth\n"
                           "b_2,initial,,4201,computed\nb_2,best,300,2411,final\nB,score_goal,0.02,5,berth\n";
    auto read = bench::mrp_references::read(path.string());
    std::filesystem::remove(path);
    REQUIRE(read.has_value());
    return *std::move(read);
}

mrp_instance example_called(const char* name) {
    auto read = bench::read_mrp_instance(*bench::find_mrp_instance("example"));
    REQUIRE(read.has_value());
    read->name = name;
    return *std::move(read);
}

bool contains(const std::string& text, const std::string& piece) { return text.find(piece) != std::string::npos; }

}  // namespace

TEST_CASE("costs stand beside those of the challenge") {
    bench::progress_line quiet{bench::progress_line::mode::off};
    reassignment_comparison table{known_values(), {.seconds = {0.02, 0.01, 0.02}, .seeds = 2, .threads = 1}};
    CHECK(table.options().seconds == std::vector<double>{0.01, 0.02});
    std::string csv = reassignment_comparison::csv_header();
    std::size_t rows = 0;
    const reassignment_comparison::listener tell{.on_run = [&](const run_type& run) { csv += table.csv_line(run); },
                                                 .on_row = [&](const auto&) { ++rows; }};
    table.add(example_called("b_1"), quiet, tell);
    table.add(example_called("b_2"), quiet, tell);  // costs another sum to begin with: not the one that is known
    table.add(example_called("mine"), quiet, tell);
    CHECK(table.faults().empty());
    CHECK(rows == 3);
    REQUIRE(table.rows().size() == 3);
    REQUIRE(table.runs().size() == 12);
    const auto& row = table.rows().front();
    CHECK(row.initial == 4200.0);
    CHECK(row.lower_bound == 1300.0);
    CHECK(row.best == 2411.0);
    CHECK(row.runs == 4);
    CHECK(row.feasible == 4);
    REQUIRE(row.scores.size() == 2);
    CHECK(row.scores[1].has_value());
    CHECK_FALSE(table.rows()[1].best.has_value());
    CHECK_FALSE(table.rows()[2].scores[0].has_value());
    const auto sums = table.sums();
    REQUIRE(sums.size() == 1);
    CHECK(sums[0].set == "B");
    CHECK(sums[0].instances == 1);
    CHECK_FALSE(sums[0].goals[1].has_value());  // that one is about five instances
    REQUIRE(sums[0].teams.size() == 1);
    CHECK(sums[0].teams[0].first == "S41");
    CHECK(sums[0].teams[0].second == doctest::Approx(2.0));
    CHECK(contains(table.header_text(), "0.01 s"));
    CHECK(contains(table.row_text(row), "b_1"));
    CHECK(contains(table.summary_text(), "Set B, 1 instance, sum of scores: "));
    CHECK(contains(table.summary_text(), "Goals of single instances: "));
    CHECK(contains(table.summary_text(), "goal 2000 ("));
    const auto chart = table.chart();
    REQUIRE(chart.series.size() == 3);
    CHECK(chart.series[0].name == "b_1");

    // What the file has is not run again.
    const auto path = std::filesystem::temp_directory_path() / ("berth_runs_" + std::to_string(getpid()) + ".csv");
    std::ofstream{path} << csv;
    reassignment_comparison again{known_values(), {.seconds = {0.02}, .seeds = 3, .threads = 1}};
    REQUIRE(again.take_runs(path.string()).has_value());
    again.add(example_called("b_1"), quiet);
    REQUIRE(again.runs().size() == 3);
    CHECK(again.runs()[0].taken);
    CHECK(again.runs()[1].taken);
    CHECK_FALSE(again.runs()[2].taken);
    CHECK(again.csv_line(again.runs()[0]) == table.csv_line(table.runs()[2]));
    reassignment_comparison other{known_values(), {.seconds = {0.02}, .threads = 2}};
    REQUIRE(other.take_runs(path.string()).has_value());
    other.add(example_called("b_1"), quiet);
    CHECK_FALSE(other.runs()[0].taken);  // on another number of threads
    std::ofstream{path} << "instance,seed\n";
    const auto refused = again.take_runs(path.string());
    REQUIRE_FALSE(refused.has_value());
    CHECK(contains(refused.error().message, "budget_seconds"));
    std::filesystem::remove(path);
}

TEST_CASE("without an answer the original assignment is one") {
    run_type run;
    run.initial = 200.0;
    run.cost = 150.0;
    CHECK_FALSE(run.score().has_value());
    run.best = 100.0;
    CHECK(run.score() == 50.0);
    run.feasible = true;
    CHECK(run.score() == 25.0);
}
