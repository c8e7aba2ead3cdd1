// SPDX-License-Identifier: Apache-2.0
#include "berth/io/prometheus_text.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

using namespace berth;
using namespace berth::io;

namespace {

std::vector<std::string> names_of(std::string_view text) {
    std::vector<std::string> names;
    prometheus_text lines{text};
    while (lines.next()) names.emplace_back(lines.line().name);
    return names;
}

}  // namespace

TEST_CASE("a scrape is read line by line") {
    const std::string text = "# HELP heat of a GPU (in C).\n# TYPE heat gauge\n\n"
                             "heat{gpu=\"0\",UUID=\"GPU-1\"} 41\n"
                             "  heat { gpu = \"1\" , UUID=\"a\\\\b\\\"c\\nd{}=,\", }\t4.25e1 1700000000500\r\n"
                             "up 1\nempty{} -Inf\n:rule:x_9{} +Inf\nnone NaN # {trace=\"1\"} 0.5\n";
    prometheus_text lines{text};
    REQUIRE(lines.next());
    CHECK(lines.line().name == "heat");
    CHECK(lines.line().value == 41.0);
    CHECK(lines.line().labels.size() == 2);
    CHECK(lines.line().label("UUID") == "GPU-1");
    CHECK(lines.line().label("missing").empty());
    CHECK_FALSE(lines.line().time);
    CHECK(lines.number() == 4);
    REQUIRE(lines.next());
    CHECK(lines.line().value == 42.5);
    CHECK(lines.line().time == 1700000000.5);
    std::string whole;
    unescape(lines.line().label("UUID"), whole);
    CHECK(whole == "a\\b\"c\nd{}=,");
    REQUIRE(lines.next());
    CHECK(lines.line().name == "up");
    CHECK(lines.line().labels.empty());
    REQUIRE(lines.next());
    CHECK(lines.line().value == -std::numeric_limits<double>::infinity());
    REQUIRE(lines.next());
    CHECK(lines.line().name == ":rule:x_9");
    REQUIRE(lines.next());
    CHECK(std::isnan(lines.line().value));
    CHECK_FALSE(lines.next());
    CHECK_FALSE(lines.next());
    CHECK(lines.refused() == 0);
}

TEST_CASE("numbers beyond a double are infinite or nothing, as for Prometheus") {
    prometheus_text lines{"a 1e999\nb -1e999\nc 1e-999\nd -1e-999\ne 0.5\n"};
    const double expected[] = {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(), 0.0,
                               -0.0, 0.5};
    for (const double value : expected) {
        REQUIRE(lines.next());
        CHECK(lines.line().value == value);
    }
}

TEST_CASE("a line that cannot be read is counted and hides no other") {
    struct broken {
        const char* line;
        const char* message;
    };
    const broken cases[] = {
        {"9a 1", "line 2: name does not begin with a letter, an underscore or a colon"},
        {"{gpu=\"0\"} 1", "line 2: name does not begin with a letter, an underscore or a colon"},
        {"a-b 1", "line 2: name has a character that names do not have"},
        {"a", "line 2: value is not a number"},
        {"a x", "line 2: value is not a number"},
        {"a 1x", "line 2: value is not a number"},
        {"a ++1", "line 2: value is not a number"},
        {"a 0x10", "line 2: value is not a number"},
        {"a 1 x", "line 2: timestamp is not a finite number"},
        {"a 1 NaN", "line 2: timestamp is not a finite number"},
        {"a 1 2 3", "line 2: end of line has more than a value and a timestamp"},
        {"a{ 1", "line 2: label has no name, or the braces are not closed"},
        {"a{b=\"1\" 1", "line 2: labels are not separated by commas or closed by a brace"},
        {"a{b\"1\"} 1", "line 2: label has no = after its name"},
        {"a{b=1} 1", "line 2: label has no value in quotes"},
        {"a{b=\"1} 1", "line 2: label has a value whose quotes are not closed"},
        {"a{b=\"\\", "line 2: label has an escape other than \\\\, \\\" and \\n"},
        {"a{b=\"\\q\"} 1", "line 2: label has an escape other than \\\\, \\\" and \\n"},
        {"a{b=\"1\",,c=\"2\"} 1", "line 2: label has no name, or the braces are not closed"},
        {"a{9=\"1\"} 1", "line 2: label has no name, or the braces are not closed"},
        {"a{b:c=\"1\"} 1", "line 2: label has no = after its name"},
        {"a{} ", "line 2: value is not a number"},
    };
    for (const broken& each : cases) {
        CAPTURE(each.line);
        const std::string text = std::string{"before 1\n"} + each.line + "\nafter 2\n";
        CHECK(names_of(text) == std::vector<std::string>{"before", "after"});
        prometheus_text lines{text};
        while (lines.next()) {}
        REQUIRE(lines.refused() == 1);
        CHECK(lines.first_refusal().message == each.message);
    }
    std::string many = "a{";
    for (int i = 0; i < 65; ++i) many += "l" + std::to_string(i) + "=\"\",";
    prometheus_text lines{many.append("} 1\n")};
    CHECK_FALSE(lines.next());
    REQUIRE(lines.refused() == 1);
    CHECK(lines.first_refusal().message == "line 1: labels are more than 64");
}

TEST_CASE("a body that was cut off yields no half of a number, wherever it was cut") {
    const std::string text = "a{x=\"1\"} 12345\nb 678\n";
    for (std::size_t n = 0; n <= text.size(); ++n) {
        prometheus_text lines{std::string_view{text}.substr(0, n)};
        while (lines.next()) CHECK(lines.line().value == (lines.line().name == "a" ? 12345.0 : 678.0));
    }
}
