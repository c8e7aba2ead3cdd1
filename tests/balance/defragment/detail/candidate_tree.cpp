// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/defragment/detail/candidate_tree.hpp"

#include "berth/core/random.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

using namespace berth;
using berth::detail::candidate_tree;
using berth::detail::stop_poll;
using berth_test::below;

TEST_CASE("candidate_tree: evicted, waiting and placed tasks belong to their candidate") {
    stop_poll poll;
    candidate_tree tree;
    tree.start(7, 4);
    CHECK(tree[0].key == 7);
    tree.open(0);
    tree.wait(0, task_index{9});
    CHECK(tree.waiting(0).size() == 1);
    const std::array gone{task_index{1}, task_index{2}};
    tree.add({.key = 3, .node = node_index{5}, .used = 2}, gone);
    tree.add({.key = 4, .used = 1}, {gone.data(), 1});
    REQUIRE(tree.evicted(1).size() == 2);
    CHECK(tree.evicted(1)[1] == task_index{2});
    CHECK(tree.evicted(2).size() == 1);
    CHECK(tree.evicted(0).empty());

    tree.open(1);
    for (const task_index t : gone) tree.wait(1, t);
    const task_move r{task_index{9}, unplaced, {node_index{5}, 1}};
    tree.put(1, r);
    tree.keep_waiting(1, 1);
    tree.open(2);
    tree.wait(2, task_index{4});
    CHECK(tree.waiting(0)[0] == task_index{9});
    REQUIRE(tree.waiting(1).size() == 1);
    CHECK(tree.waiting(1)[0] == task_index{1});
    CHECK(tree.waiting(2)[0] == task_index{4});
    REQUIRE(tree.put(1).size() == 1);
    CHECK(tree.put(1)[0] == r);
    CHECK(tree.put(0).empty());

    tree.start(8, 2);
    CHECK(tree[0].key == 8);
    REQUIRE(tree.choose(0, {}, poll).size() == 1);
    CHECK(tree.choose(1, {}, poll).empty());
}

TEST_CASE("candidate_tree: a level yields its best candidates in order, few of one key") {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        xoshiro256 g{seed};
        stop_poll poll;
        candidate_tree tree;
        tree.start(0, 3);
        const std::size_t count = below(g, 60);
        std::vector<std::size_t> expected;
        for (std::size_t i = 0; i < count; ++i) {
            const std::uint64_t key = below(g, 6);
            const auto shortage = static_cast<amount>(below(g, 8));
            const auto left = static_cast<amount>(below(g, 4));
            tree.add({.key = key, .used = 2, .shortage = shortage, .left = left}, {});
            expected.push_back(i + 1);
        }
        std::sort(expected.begin(), expected.end(), [&](std::size_t a, std::size_t b) {
            if (tree[a].shortage != tree[b].shortage) return tree[a].shortage < tree[b].shortage;
            if (tree[a].left != tree[b].left) return tree[a].left > tree[b].left;
            return a < b;
        });
        const eviction_beam beam{.width = 1 + below(g, 20), .alternatives = 1 + below(g, 3)};
        std::vector<std::size_t> kept;
        std::array<std::size_t, 6> seen{};
        for (const std::size_t d : expected) {
            if (kept.size() < beam.width && seen[tree[d].key]++ < beam.alternatives) kept.push_back(d);
        }
        const auto chosen = tree.choose(2, beam, poll);
        CHECK(std::vector<std::size_t>(chosen.begin(), chosen.end()) == kept);
        CHECK(tree.choose(3, beam, poll).empty());
    }
}
