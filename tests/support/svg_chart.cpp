// SPDX-License-Identifier: Apache-2.0
#include "support/svg_chart.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdio>
#include <limits>
#include <string>
#include <string_view>

using bench::line_chart;
using bench::to_svg;

namespace {

bool contains(std::string_view text, std::string_view piece) { return text.find(piece) != std::string_view::npos; }

std::size_t count(std::string_view text, std::string_view piece) {
    std::size_t found = 0;
    for (std::size_t at = text.find(piece); at != std::string_view::npos; at = text.find(piece, at + 1)) ++found;
    return found;
}

line_chart two_lines() {
    return {.title = "title",
            .subtitle = "subtitle",
            .x = {.label = "x axis", .least = 0.0, .most = 10.0, .step = 5.0},
            .y = {.label = "y axis"},
            .series = {{.name = "up", .points = {{0, 0}, {5, 10}, {10, 20}}},
                       {.name = "flat", .points = {{0, 5}, {10, 5}}, .emphasised = true}}};
}

}  // namespace

TEST_CASE("a chart has its title, axes, ticks and a name for each curve") {
    const std::string svg = to_svg(two_lines());
    for (const char* text :
         {">title<", ">subtitle<", ">x axis<", ">y axis<", ">up<", ">flat<", ">0<", ">5<", ">10<", ">20<"}) {
        INFO(text);
        CHECK(contains(svg, text));
    }
    CHECK(svg.starts_with("<svg xmlns="));
    CHECK(svg.ends_with("</svg>\n"));
    CHECK(to_svg(two_lines()) == svg);
}

TEST_CASE("text is escaped") {
    auto chart = two_lines();
    chart.series[0].name = "a<b>&\"c\"\n";
    const std::string svg = to_svg(chart);
    CHECK(contains(svg, "a&lt;b&gt;&amp;&quot;c&quot; <"));
}

TEST_CASE("a gap in the data is a gap in the curve") {
    auto chart = two_lines();
    chart.series = {
        {.name = "gap", .points = {{0, 1}, {2, 2}, {4, std::numeric_limits<double>::quiet_NaN()}, {6, 3}, {8, 4}}}};
    const std::string svg = to_svg(chart);
    const std::size_t at = svg.find("stroke-linejoin");
    REQUIRE(at != std::string::npos);
    const std::size_t begin = svg.rfind("<path d=\"", at);
    CHECK(count(std::string_view{svg}.substr(begin, at - begin), "M") == 2);
    CHECK_FALSE(contains(svg, "nan"));
}

TEST_CASE("charts without data are charts") {
    for (auto chart :
         {line_chart{}, line_chart{.title = "t",
                                   .subtitle = {},
                                   .x = {},
                                   .y = {},
                                   .series = {{.name = "none", .points = {}}, {.name = "one", .points = {{3, 3}}}}}}) {
        const std::string svg = to_svg(chart);
        CHECK(svg.ends_with("</svg>\n"));
        CHECK_FALSE(contains(svg, "nan"));
        CHECK_FALSE(contains(svg, "inf"));
    }
}

TEST_CASE("a logarithmic axis puts equal ratios at equal distances and leaves out what it cannot show") {
    line_chart chart{.title = "t",
                     .subtitle = {},
                     .x = {.label = "s", .least = 0.1, .most = 10.0, .logarithmic = true},
                     .y = {.label = "gap", .logarithmic = true},
                     .series = {{.name = "a", .points = {{0.1, 5}, {1, 0.05}, {10, 0.0005}}},
                                {.name = "b", .points = {{0.1, 0}, {1, 3}, {5, -1}, {10, 0.004}}}}};
    const std::string svg = to_svg(chart);
    for (const char* tick : {">0.1<", ">1<", ">10<", ">0.001<", ">0.01<", ">0.2<"}) {
        INFO(tick);
        CHECK(contains(svg, tick));
    }
    CHECK_FALSE(contains(svg, ">0.0002<"));  // four decades and more: powers of ten alone
    CHECK_FALSE(contains(svg, "nan"));
    CHECK_FALSE(contains(svg, "inf"));
    // The curve a is a straight line: its middle is in the middle.
    const std::size_t at = svg.find("<path d=\"M68 ", svg.find(">gap<"));
    REQUIRE(at != std::string::npos);
    double x[3] = {};
    double y[3] = {};
    REQUIRE(std::sscanf(svg.c_str() + at, "<path d=\"M%lf %lfL%lf %lfL%lf %lf\"", &x[0], &y[0], &x[1], &y[1], &x[2],
                        &y[2]) == 6);
    CHECK(x[1] - x[0] == doctest::Approx(x[2] - x[1]).epsilon(0.001));
    CHECK(y[1] - y[0] == doctest::Approx(y[2] - y[1]).epsilon(0.001));
    CHECK(y[1] > y[0]);
    // Of b nothing but the two points above 0 is left, apart from each other.
    CHECK(count(svg, "stroke-linejoin") == 2);
}

TEST_CASE("a logarithmic axis without data is an axis") {
    for (const double value : {0.0, 3.0, 1e-5, 1e5}) {
        INFO(value);
        const std::string svg = to_svg({.title = "t",
                                        .subtitle = {},
                                        .x = {.label = "x", .logarithmic = true},
                                        .y = {.label = "y", .logarithmic = true},
                                        .series = {{.name = "one", .points = {{value, value}}}}});
        CHECK(svg.ends_with("</svg>\n"));
        CHECK_FALSE(contains(svg, "nan"));
        CHECK_FALSE(contains(svg, "inf"));
    }
}
