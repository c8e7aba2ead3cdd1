// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/order/detail/move_groups.hpp"

#include "migrate/order/detail/random_moves.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

using berth::detail::counter_touch;
using berth::detail::move_groups;
using berth::detail::move_table;
using berth::detail::order_run;
using berth_test::random_moves;

TEST_CASE("move groups: two exchanges are two groups") {
    // 0 and 2 exchange counters 0 and 1, 1 and 3 counters 2 and 3; 4 has room and is in no group.
    move_table moves;
    const std::uint32_t ends[][2] = {{0, 1}, {2, 3}, {1, 0}, {3, 2}, {4, 5}};
    for (const auto& end : ends) {
        for (const std::uint32_t counter : end) {
            moves.touches().push_back({counter, 1});
            moves.end_part();
        }
    }
    const berth::amount free[] = {0, 0, 0, 0, 0, 1};
    berth::detail::order_control control;
    order_run rules{moves, free, control};
    rules.settle();
    move_groups groups;
    CHECK(groups.size() == 0);
    groups.split(moves, rules, 6);
    REQUIRE(groups.size() == 2);
    CHECK(groups.moves() == 4);
    CHECK(std::vector<std::uint32_t>{groups[0].begin(), groups[0].end()} == std::vector<std::uint32_t>{0, 2});
    CHECK(std::vector<std::uint32_t>{groups[1].begin(), groups[1].end()} == std::vector<std::uint32_t>{1, 3});
}

TEST_CASE("move groups: random moves - every pending move is in one group, and groups share no contested counter") {
    std::size_t several = 0;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        CAPTURE(seed);
        const random_moves in = random_moves::tight(seed, 1 + seed % 12, 2 + seed % 17);
        berth::detail::order_control control;
        order_run rules{in.moves, in.free, control};
        rules.settle();
        move_groups groups;
        groups.split(in.moves, rules, in.free.size());
        constexpr std::size_t none = 1'000;
        std::vector<std::size_t> group_of(in.moves.size(), none);
        std::vector<std::size_t> owner(in.free.size(), none);
        for (std::size_t g = 0; g < groups.size(); ++g) {
            REQUIRE_FALSE(groups[g].empty());
            for (const std::uint32_t m : groups[g]) {
                REQUIRE(group_of[m] == none);
                group_of[m] = g;
                for (const auto& part : {in.moves.from(m), in.moves.to(m)}) {
                    for (const counter_touch& t : part) {
                        if (!rules.contested(t.counter)) continue;
                        REQUIRE((owner[t.counter] == none || owner[t.counter] == g));
                        owner[t.counter] = g;
                    }
                }
            }
        }
        for (std::size_t m = 0; m < in.moves.size(); ++m) REQUIRE((group_of[m] != none) == rules.pending(m));
        REQUIRE(groups.moves() == rules.left());
        several += groups.size() > 1 ? 1 : 0;
    }
    CHECK(several > 10);
}
