// SPDX-License-Identifier: Apache-2.0
#include "berth/core/change_list.hpp"

#include "berth/core/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

using berth::detail::change_list;

namespace {

std::vector<std::size_t> since(const change_list& changes, std::uint64_t time) {
    std::vector<std::size_t> items;
    changes.for_each_since(time, [&](std::size_t i) { items.push_back(i); });
    return items;
}

}  // namespace

TEST_CASE("change_list: latest first, each once, by hand") {
    change_list changes{5};
    CHECK(changes.now() > 0);
    CHECK(since(changes, 0).empty());
    changes.note(3);
    changes.note(1);
    const auto then = changes.now();
    changes.note(3);
    changes.note(3);
    changes.note(4);
    CHECK(since(changes, 0) == std::vector<std::size_t>{4, 3, 1});
    CHECK(since(changes, then) == std::vector<std::size_t>{4, 3});
    CHECK(since(changes, changes.now()).empty());
    CHECK(changes.ever_changed(1));
    CHECK(!changes.ever_changed(0));
}

TEST_CASE("change_list: equals a table of times") {
    for (const std::size_t size : {1U, 2U, 7U, 64U}) {
        CAPTURE(size);
        berth::xoshiro256 g{size};
        change_list changes{size};
        std::map<std::size_t, std::uint64_t> last;
        std::vector<std::uint64_t> looks{0, changes.now()};
        for (int step = 0; step < 3000; ++step) {
            const std::size_t item = berth::bounded(g, static_cast<std::uint32_t>(size));
            changes.note(item);
            last[item] = changes.now();
            if (berth::bounded(g, 10) == 0) looks.push_back(changes.now());
            const std::uint64_t time = looks[berth::bounded(g, static_cast<std::uint32_t>(looks.size()))];
            std::vector<std::pair<std::uint64_t, std::size_t>> expected;
            for (const auto& [i, at] : last) {
                if (at > time) expected.emplace_back(at, i);
            }
            std::sort(expected.rbegin(), expected.rend());
            std::vector<std::size_t> items;
            for (const auto& [at, i] : expected) items.push_back(i);
            REQUIRE(since(changes, time) == items);
        }
    }
}

TEST_CASE("change_list: items that are added later were never changed") {
    change_list changes;
    CHECK(changes.size() == 0);
    for (std::size_t i = 0; i < 200; ++i) {
        changes.resize(i + 1);
        CHECK_FALSE(changes.ever_changed(i));
        const auto before = changes.now();
        changes.note(i / 2);
        CHECK(since(changes, before) == std::vector<std::size_t>{i / 2});
    }
    CHECK(since(changes, 0).size() == 100);
}
