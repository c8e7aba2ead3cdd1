// SPDX-License-Identifier: Apache-2.0
#include "support/load_chart.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace {

bool contains(std::string_view text, std::string_view piece) { return text.find(piece) != std::string_view::npos; }

std::size_t count(std::string_view text, std::string_view piece) {
    std::size_t found = 0;
    for (std::size_t at = text.find(piece); at != std::string_view::npos; at = text.find(piece, at + 1)) ++found;
    return found;
}

std::string drawn(const std::vector<double>& before, const std::vector<double>& after, double limit) {
    bench::load_bar_chart chart;
    chart.title = "a<b";
    chart.before = before;
    chart.after = after;
    chart.limit = limit;
    return bench::to_svg(chart);
}

}  // namespace

TEST_CASE("load chart: two bars for each place, the limit, a legend") {
    const std::string svg = drawn({1.0, 0.2, 0.3}, {0.5, 0.5, 0.5}, 0.75);
    for (const char* text : {">a&lt;b<", ">before<", ">after<", ">limit<", ">3 nodes<", ">0.2<", ">1<"}) {
        INFO(text);
        CHECK(contains(svg, text));
    }
    CHECK(count(svg, "z\" fill=") == 2);
    CHECK(count(svg, "v") + count(svg, "V") >= 12);
    CHECK(svg.ends_with("</svg>\n"));
    CHECK(svg == drawn({1.0, 0.2, 0.3}, {0.5, 0.5, 0.5}, 0.75));
}

TEST_CASE("load chart: nothing, no limit, values that are none, many places") {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    for (const std::string& svg : {drawn({}, {}, nan), drawn({0.0}, {0.0}, nan),
                                   drawn({nan, 1e300, -1.0}, {2.0, std::numeric_limits<double>::infinity()}, 0.0)}) {
        CHECK(svg.ends_with("</svg>\n"));
        CHECK_FALSE(contains(svg, "nan"));
        CHECK_FALSE(contains(svg, "inf"));
        CHECK_FALSE(contains(svg, ">limit<"));
    }
    const std::string many = drawn(std::vector<double>(5000, 1.0), std::vector<double>(5000, 0.5), 2.0);
    CHECK(contains(many, ">5000 nodes, the highest of each 13<"));
    CHECK(many.size() < 60'000);
}

TEST_CASE("load chart: a file that cannot be written") {
    CHECK_FALSE(bench::write_load_chart("/no/such/folder/a.svg", {}, {}, 1.0, "t"));
}
