// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/gantt.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using bench::gantt_chart;
using bench::stay;

constexpr double h = 3600.0;

std::vector<bench::gantt_place> equal_nodes(std::size_t count, std::uint32_t gpus) {
    std::vector<bench::gantt_place> places;
    for (std::size_t n = 0; n < count; ++n) places.push_back({"n" + std::to_string(n), gpus});
    return places;
}

/// GPU hours that the bars of a row may stand for.
struct drawn {
    double least = 0.0;
    double most = 0.0;
};
drawn of_row(const bench::timeline_row& row, double gpus) {
    constexpr double low[] = {0.0, 0.25, 0.5, 0.75, 1.0};
    constexpr double high[] = {0.25, 0.5, 0.75, 1.0, 1.0};
    drawn out;
    for (const bench::timeline_bar& bar : row.bars) {
        out.least += (bar.end - bar.begin) * gpus * low[bar.kind];
        out.most += (bar.end - bar.begin) * gpus * high[bar.kind];
    }
    return out;
}

}  // namespace

TEST_CASE("a small fleet has a row for each GPU, a bar for each stay") {
    const std::vector<berth::simulated_job> jobs{{.gpus = 1}, {.gpus = 4}, {.gpus = 2}};
    const std::vector<stay> stays{{h, 3 * h, 0, 1, 1},
                                  {3 * h, 4 * h, 1, 0, 2},
                                  {3 * h, 4 * h, 1, 1, 2},
                                  {1.5 * h, 2 * h, 2, 0, 2},
                                  {5 * h, 5 * h, 2, 0, 2}};
    const auto chart = gantt_chart(stays, jobs, equal_nodes(2, 2), {.title = "t", .begin_s = h, .end_s = 5 * h});
    REQUIRE(chart.rows.size() == 4);
    CHECK(chart.subtitle == "3 jobs; a row for each GPU, by node");
    CHECK(chart.rows[2].name == "n1.0");
    const auto has = [&](std::size_t row, std::vector<bench::timeline_bar> bars) {
        REQUIRE(chart.rows[row].bars.size() == bars.size());
        for (std::size_t b = 0; b < bars.size(); ++b) {
            CHECK(chart.rows[row].bars[b].begin == doctest::Approx(bars[b].begin));
            CHECK(chart.rows[row].bars[b].end == doctest::Approx(bars[b].end));
            CHECK(chart.rows[row].bars[b].kind == bars[b].kind);
        }
    };
    has(0, {{0.5, 1.0, 1}, {2.0, 3.0, 2}});
    has(1, {{0.5, 1.0, 1}, {2.0, 3.0, 2}});
    has(2, {{0.0, 2.0, 0}, {2.0, 3.0, 2}});
    has(3, {{2.0, 3.0, 2}});
}

TEST_CASE("a large fleet has a row for each node, or for so many nodes, and no stay is left out") {
    const std::vector<berth::simulated_job> jobs(1000, {.gpus = 8});
    for (const std::size_t nodes : {20U, 128U, 129U, 1000U}) {
        CAPTURE(nodes);
        const auto places = equal_nodes(nodes, 8);
        std::vector<stay> stays;
        std::vector<double> hours(nodes, 0.0);
        for (std::uint32_t j = 0; j < 1000; ++j) {
            const auto node = static_cast<std::uint32_t>(j % nodes);
            const std::uint32_t gpus = 1 + j % 8;
            const double from = static_cast<double>(j / nodes) * h;  // one after the other on each node
            const double to = from + (0.1 + 0.9 * static_cast<double>(j % 7) / 6.0) * h;
            stays.push_back({from, to, j, node, gpus});
            hours[node] += (to - from) / h * gpus;
        }
        const double end = 1000.0 / static_cast<double>(nodes) + 2.0;
        const auto chart = gantt_chart(stays, jobs, places, {.title = "t", .end_s = end * h});
        const std::size_t together = (nodes + 127) / 128;
        REQUIRE(chart.rows.size() == (nodes + together - 1) / together);
        CHECK(chart.subtitle.starts_with(
            std::to_string(8 * nodes) + " GPUs; a row for " +
            (together == 1 ? "each node:" : "every " + std::to_string(together) + " nodes:")));
        for (std::size_t r = 0; r < chart.rows.size(); ++r) {
            double used = 0.0;
            std::size_t members = 0;
            for (std::size_t n = r * together; n < std::min(nodes, (r + 1) * together); ++n, ++members)
                used += hours[n];
            const drawn shown = of_row(chart.rows[r], 8.0 * static_cast<double>(members));
            CHECK(shown.least <= used + 1e-6);
            CHECK(shown.most >= used - 1e-6);
        }
    }
}

TEST_CASE("all GPUs of a row in use are one bar of the fullest kind, none is no bar") {
    const std::vector<berth::simulated_job> jobs(1, {.gpus = 200});
    const std::vector<stay> stays{{2 * h, 8 * h, 0, 0, 200}};
    const auto chart = gantt_chart(stays, jobs, std::vector<bench::gantt_place>{{"v100", 200}, {"k80", 8}},
                                   {.title = "t", .place_word = "model", .end_s = 10 * h});
    REQUIRE(chart.rows.size() == 2);
    REQUIRE(chart.rows[0].bars.size() == 1);
    CHECK(chart.rows[0].bars[0].begin == doctest::Approx(2.0));
    CHECK(chart.rows[0].bars[0].end == doctest::Approx(8.0));
    CHECK(chart.rows[0].bars[0].kind == 4);
    CHECK(chart.rows[1].bars.empty());
    CHECK(gantt_chart({}, jobs, equal_nodes(100, 8), {.title = "t"}).rows.size() == 100);
}
