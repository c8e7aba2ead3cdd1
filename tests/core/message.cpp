// SPDX-License-Identifier: Apache-2.0
#include "berth/core/message.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

using berth::error_code;
using berth::detail::phrase;
using berth::detail::refuse;
using berth::detail::sentence;

TEST_CASE("message: texts of every type, in order") {
    const std::string owned = "owned";
    const std::string_view view = "view of more than fits";
    CHECK(sentence({"literal, ", owned, ", ", view.substr(0, 4)}) == "literal, owned, view");
    CHECK(sentence({}) == "");
    CHECK(sentence({"subject"}, {": predicate"}) == "subject: predicate");
}

TEST_CASE("message: whole numbers of every width, including the extremes") {
    CHECK(sentence({0, " ", 7, " ", -7}) == "0 7 -7");
    CHECK(sentence({std::numeric_limits<std::int64_t>::min()}) == "-9223372036854775808");
    CHECK(sentence({std::numeric_limits<std::int64_t>::max()}) == "9223372036854775807");
    CHECK(sentence({std::numeric_limits<std::uint64_t>::max()}) == "18446744073709551615");
    CHECK(sentence({std::numeric_limits<std::int32_t>::min()}) == "-2147483648");
    CHECK(sentence({std::uint8_t{200}, " ", std::int8_t{-100}}) == "200 -100");
}

TEST_CASE("message: names are quoted without escapes") {
    CHECK(sentence({"model ", phrase::quoted("A100")}) == "model \"A100\"");
    CHECK(sentence({phrase::quoted("")}) == "\"\"");
    CHECK(sentence({phrase::quoted("a\"b\n")}) == "\"a\"b\n\"");
}

TEST_CASE("message: an item has its position and its name, or its default name") {
    CHECK(sentence({phrase::item("task", 17, "train-3")}) == "task 17 (\"train-3\")");
    CHECK(sentence({phrase::item("task", 17, "")}) == "task 17 (\"task-17\")");
    CHECK(sentence({phrase::item("node", 0, "")}) == "node 0 (\"node-0\")");
}

TEST_CASE("message: refuse makes an error of the sentence") {
    const auto failure = refuse(error_code::overflow, {phrase::item("gpu", 3, "g")}, {": load is ", -1});
    CHECK(failure.code == error_code::overflow);
    CHECK(failure.message == "gpu 3 (\"g\"): load is -1");
}
