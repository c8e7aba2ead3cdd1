// SPDX-License-Identifier: Apache-2.0
#include "berth/core/names.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>

using berth::name_table;

TEST_CASE("name_table: positions follow the order of first appearance") {
    name_table names;
    CHECK(names.size() == 0);
    CHECK_FALSE(names.find("a"));
    CHECK_FALSE(names.find(""));
    CHECK(names.intern("b") == 0);
    CHECK(names.intern("a") == 1);
    CHECK(names.intern("b") == 0);
    CHECK(names.size() == 2);
    CHECK(names[0] == "b");
    CHECK(names.find("a") == 1);
    CHECK_FALSE(names.find("A"));
    CHECK(names.all() == std::vector<std::string>{"b", "a"});
}

TEST_CASE("name_table: names may have any bytes") {
    using namespace std::string_view_literals;
    name_table names;
    CHECK(names.intern("") == 0);
    CHECK(names.intern("a\0b"sv) == 1);
    CHECK(names.intern("a\0c"sv) == 2);
    CHECK(names.intern("a") == 3);
    CHECK(names.find("a\0b"sv) == 1);
    CHECK(names.find("") == 0);
}

TEST_CASE("name_table: many names, names that lie in the table, and copies") {
    name_table names;
    for (std::size_t i = 0; i < 50'000; ++i) REQUIRE(names.intern("node-" + std::to_string(i)) == i);
    for (std::size_t i = 0; i < 50'000; i += 17) REQUIRE(names.find("node-" + std::to_string(i)) == i);
    CHECK_FALSE(names.find("node-50000"));
    const name_table copy = names;
    CHECK(copy.find("node-49999") == 49'999);
    name_table growing;
    growing.intern("0");
    for (std::size_t i = 0; i < 100; ++i) CHECK(growing.intern(growing[0]) == 0);
}

TEST_CASE("append_bytes: keys are equal only for equal records") {
    std::string a;
    berth::detail::append_bytes(a, std::int64_t{1});
    berth::detail::append_bytes(a, std::uint32_t{2});
    CHECK(a == std::string("\1\0\0\0\0\0\0\0\2\0\0\0", 12));
    std::string negative;
    berth::detail::append_bytes(negative, std::int64_t{-1});
    CHECK(negative == std::string(8, '\xff'));
}
