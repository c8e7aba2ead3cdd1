// SPDX-License-Identifier: Apache-2.0
#include "berth/core/names.hpp"

#include "berth/core/random.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

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

TEST_CASE("name_table: names that come and go equal a map") {
    for (const std::size_t most : {3U, 8U, 40U, 700U}) {
        CAPTURE(most);
        berth::xoshiro256 g{most};
        name_table names;
        std::map<std::string, std::size_t> plain;
        std::vector<std::string> at(most);
        for (std::size_t step = 0; step < 4000; ++step) {
            const std::size_t p = berth_test::below(g, most);
            // Few names for many positions, so that names wander; long ones, so that they have memory of their own.
            const std::string name = (berth_test::below(g, 4) == 0 ? "" : "a name with memory of its own, ") +
                                     std::to_string(berth_test::below(g, 2 * most));
            if (!at[p].empty()) {
                const std::size_t to = berth_test::below(g, most);
                if (at[to].empty() && to < names.size() && berth_test::below(g, 3) == 0) {
                    names.pass(p, to);
                    plain[at[p]] = to;
                    at[to].swap(at[p]);
                } else {
                    names.erase(p);
                    plain.erase(at[p]);
                    at[p].clear();
                }
            } else if (!plain.contains(name)) {
                names.assign(p, name);
                plain[name] = p;
                at[p] = name;
            }
            const auto known = plain.find(name);
            const auto found = names.find(name);
            REQUIRE(found.has_value() == (known != plain.end()));
            if (found) REQUIRE(*found == known->second);
            if (step % 100 != 0) continue;
            for (std::size_t i = 0; i < names.size(); ++i) REQUIRE(names[i] == at[i]);
            for (const auto& [text, position] : plain) REQUIRE(names.find(text) == position);
        }
        const name_table copy = names;
        for (const auto& [text, position] : plain) REQUIRE(copy.find(text) == position);
    }
}

TEST_CASE("name_table: a part of a name of the table becomes a name") {
    name_table names;
    names.assign(0, "abcdef");
    for (std::size_t p = 1; p < 40; ++p) {
        names.assign(p, std::string_view{names[0]}.substr(0, 3));
        CHECK(names[p] == "abc");
        names.erase(p);
    }
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
