// SPDX-License-Identifier: Apache-2.0
#include "support/comparison.hpp"

#include "berth/core/observer.hpp"

#include "support/csv_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

using bench::comparison;
using bench::search_setup;

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

/// Three tasks on two agents, all costs and loads alike: task t costs t + 1 anywhere.
bench::gap_instance small(const char* name) {
    return {.name = name,
            .agents = 2,
            .tasks = 3,
            .costs = {1, 1, 2, 2, 3, 3},
            .loads = {1, 1, 1, 1, 1, 1},
            .capacities = {2, 2}};
}

/// All on agent 0, agent 1 or wherever there is room, as the seed says: the first two are infeasible.
bench::named_allocator by_seed() {
    return {"by_seed", "", [](const berth::priced_problem& p, const search_setup& setup) {
                const std::size_t s = setup.seed % 4;
                berth::gpu_assignment agents;
                for (std::size_t t = 0; t < 3; ++t) agents.emplace_back(s < 2 ? s : t % 2);
                auto plan = p.plan_of(agents);
                plan.evaluations = 3;
                return plan;
            }};
}
bench::named_allocator wrong() {
    return {"wrong", "", [](const berth::priced_problem& p, const search_setup&) {
                return p.plan_of(berth::gpu_assignment(2, berth::gpu_index{0}));
            }};
}
bench::named_allocator good() {
    return {"good", "", [](const berth::priced_problem& p, const search_setup&) {
                return p.plan_of({berth::gpu_index{0}, berth::gpu_index{1}, berth::gpu_index{0}});
            }};
}

comparison compared(std::size_t seeds, std::uint64_t first_seed) {
    comparison table{{good(), by_seed()}, {.seconds = {20.0, 10.0}, .seeds = seeds, .first_seed = first_seed}};
    bench::progress_line quiet{bench::progress_line::mode::off};
    table.add(small("c1"), bench::gap_reference{"c1", 2, 3, 5.0, 6.0}, quiet);
    table.add(small("d1"), std::nullopt, quiet);
    table.add(small("c2"), bench::gap_reference{"c2", 2, 3, 6.0, 6.0}, quiet);
    return table;
}

std::size_t count(const std::string& text, char c) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), c));
}

}  // namespace

TEST_CASE("the median") {
    CHECK(std::isnan(bench::median({})));
    CHECK(bench::median({3}) == 3);
    CHECK(bench::median({5, 1, 3}) == 3);
    CHECK(bench::median({5, 1, 3, 4}) == 3.5);
    CHECK(bench::median({1, infinite, 2}) == 2);
    CHECK(bench::median({1, infinite}) == infinite);
    CHECK(bench::median({infinite, infinite}) == infinite);
}

TEST_CASE("gaps are taken to the best bound known, else to the bound computed here") {
    const comparison table = compared(2, 2);
    REQUIRE(table.rows().size() == 6);
    REQUIRE(table.runs().size() == 12);
    CHECK(table.options().seconds == std::vector<double>{10.0, 20.0});
    const auto& first = table.rows()[0];
    CHECK(first.instance == "c1");
    CHECK(first.allocator == "good");
    CHECK(first.type == 'c');
    CHECK(first.reference_known);
    CHECK(first.gaps == std::vector<double>{20.0, 20.0});  // cost 6, bound 5
    const auto& computed = table.rows()[2];
    CHECK(computed.instance == "d1");
    CHECK_FALSE(computed.reference_known);
    CHECK(computed.gaps[1] == 0.0);  // the bound is 6
    CHECK(table.rows()[4].gaps[0] == 0.0);
    CHECK(table.rows()[5].evaluations_per_second > 0.0);
    CHECK(table.faults().empty());
    CHECK(table.text().find("bound computed here") != std::string::npos);
}

TEST_CASE("what is infeasible is so in every figure") {
    const comparison table = compared(3, 0);  // seeds 0 and 1 find nothing, 2 does
    const auto& row = table.rows()[1];
    CHECK(row.allocator == "by_seed");
    CHECK(row.feasible == 1);
    CHECK(row.runs == 3);
    CHECK(row.gaps[0] == infinite);
    CHECK(table.row_text(row).find("inf.") != std::string::npos);
    const auto lines = table.csv_lines(table.runs()[3]);
    CHECK(count(lines, '\n') == 2);
    CHECK(lines.find(",0,,,") != std::string::npos);  // no cost, no gap
    const std::string svg = to_svg(table.chart("good"));
    CHECK(svg.find("inf") == std::string::npos);
    CHECK(svg.find("nan") == std::string::npos);
}

TEST_CASE("summaries are by type and over all") {
    const auto all = compared(1, 2).summaries();
    REQUIRE(all.size() == 6);
    CHECK(all[0].type == 'c');
    CHECK(all[0].allocator == "good");
    CHECK(all[0].instances == 2);
    CHECK(all[0].median_gaps[0] == 10.0);
    CHECK(all[0].worst_gaps[0] == 20.0);
    CHECK(all[2].type == 'd');
    CHECK(all[4].type == '*');
    CHECK(all[4].instances == 3);
    CHECK(all[4].median_gaps[1] == 0.0);
}

TEST_CASE("CSV lines read back") {
    const comparison table = compared(2, 2);
    std::string text = comparison::csv_header();
    for (const auto& run : table.runs()) text += table.csv_lines(run);
    const auto read = bench::csv_table::parse("out.csv", text);
    REQUIRE(read.has_value());
    CHECK(read->row_count() == 24);
    CHECK(read->cell(0, *read->find_column("cost")) == "6");
    CHECK(read->cell(0, *read->find_column("gap_percent")) == "20");
    CHECK(read->cell(0, *read->find_column("budget_seconds")) == "10");
    CHECK(read->cell(1, *read->find_column("budget_seconds")) == "20");
}

TEST_CASE("smaller budgets have what was found by then") {
    const bench::named_allocator slow{"slow", "", [](const berth::priced_problem& p, const search_setup& setup) {
                                          const auto observer = setup.control.observer;
                                          observer.on_progress({.evaluations = 1, .objective = 9.0});
                                          const double begin = bench::cpu_seconds();
                                          while (bench::cpu_seconds() < begin + 0.03) {}
                                          return p.plan_of(
                                              {berth::gpu_index{0}, berth::gpu_index{1}, berth::gpu_index{0}});
                                      }};
    comparison table{{slow}, {.seconds = {0.02, 10.0}, .seeds = 1}};
    bench::progress_line quiet{bench::progress_line::mode::off};
    table.add(small("c1"), bench::gap_reference{"c1", 2, 3, 6.0, 6.0}, quiet);
    REQUIRE(table.runs().size() == 1);
    CHECK(table.runs()[0].costs == std::vector<double>{9.0, 6.0});
    CHECK(table.runs()[0].gaps == std::vector<double>{50.0, 0.0});
    CHECK(table.runs()[0].seconds >= 0.03);
}

TEST_CASE("an answer that the checker does not confirm is in no row") {
    comparison table{{wrong(), good()}, {.seconds = {10.0}, .seeds = 2}};
    bench::progress_line quiet{bench::progress_line::mode::off};
    std::size_t runs = 0;
    std::size_t rows = 0;
    table.add(small("c1"), std::nullopt, quiet, {[&](const auto&) { ++runs; }, [&](const auto&) { ++rows; }});
    CHECK(table.faults().size() == 2);
    CHECK(table.faults()[0].find("wrong on c1, seed 1") == 0);
    CHECK(table.rows().size() == 1);
    CHECK(runs == 2);
    CHECK(rows == 1);
}
