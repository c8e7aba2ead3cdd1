// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/order/detail/move_drops.hpp"

#include "migrate/order/detail/random_moves.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

using berth::amount;
using berth::drop_reason;
using berth::detail::counter_touch;
using berth::detail::move_drops;
using berth::detail::move_table;
using berth_test::random_moves;

namespace {

/// What is left at the end of the moves that are not dropped, from the definition.
std::vector<amount> left_over(const move_table& moves, std::vector<amount> free, const move_drops& drops) {
    for (std::size_t m = 0; m < moves.size(); ++m) {
        if (drops.dropped(m)) continue;
        for (const counter_touch& t : moves.from(m)) free[t.counter] += t.demand;
        for (const counter_touch& t : moves.to(m)) free[t.counter] -= t.demand;
    }
    return free;
}

std::size_t count(const move_drops& drops, std::size_t moves) {
    std::size_t dropped = 0;
    for (std::size_t m = 0; m < moves; ++m) dropped += drops.dropped(m) ? 1 : 0;
    return dropped;
}

}  // namespace

TEST_CASE("move drops: a chain is dropped from the move that stays on") {
    // 0 leaves counter 0 for 1, 1 leaves 1 for 2, 2 leaves 2 for 3: full counters of one each, 3 is free.
    move_table moves;
    for (std::uint32_t m = 0; m < 3; ++m) {
        moves.touches().push_back({m, 1});
        moves.end_part();
        moves.touches().push_back({m + 1, 1});
        moves.end_part();
    }
    const amount free[] = {0, 0, 0, 1};
    move_drops drops;
    drops.begin(moves, free);
    CHECK(drops.would_drop(0) == 1);
    CHECK(drops.would_drop(1) == 2);
    CHECK(drops.would_drop(2) == 3);
    CHECK(count(drops, 3) == 0);
    CHECK(drops.drop_with_others(1, drop_reason::not_movable) == 2);
    CHECK(drops.dropped(0));
    CHECK(drops.dropped(1));
    CHECK_FALSE(drops.dropped(2));
    CHECK(drops.reason(0) == drop_reason::not_movable);
    const std::uint32_t group[] = {2};
    berth::detail::order_control control;
    drops.drop_cheapest(group, drop_reason::cycle, control);
    CHECK(drops.reason(2) == drop_reason::cycle);
    CHECK(std::vector<amount>{drops.at_end().begin(), drops.at_end().end()} == std::vector<amount>{0, 0, 0, 1});
}

TEST_CASE("move drops: random moves - would_drop changes nothing, and drops leave no counter short") {
    std::size_t dropped = 0;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        CAPTURE(seed);
        const random_moves in{seed, 1 + seed % 30, 2 + seed % 7};
        const std::vector<amount> free{in.free.begin(), in.free.end()};
        move_drops drops;
        drops.begin(in.moves, free);
        drops.make_consistent(drop_reason::no_room);
        for (std::size_t m = 0; m < in.moves.size(); m += 3) {
            if (drops.dropped(m)) continue;
            const std::size_t before = count(drops, in.moves.size());
            const std::size_t more = drops.would_drop(m);
            REQUIRE(count(drops, in.moves.size()) == before);
            REQUIRE(drops.drop_with_others(m, drop_reason::cycle) == more);
            REQUIRE(count(drops, in.moves.size()) == before + more);
            const auto expected = left_over(in.moves, free, drops);
            REQUIRE(std::vector<amount>{drops.at_end().begin(), drops.at_end().end()} == expected);
            for (const amount left : expected) REQUIRE(left >= 0);
        }
        dropped += count(drops, in.moves.size());
    }
    CHECK(dropped > 1000);
}
