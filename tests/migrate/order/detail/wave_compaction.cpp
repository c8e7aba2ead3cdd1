// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/order/detail/wave_compaction.hpp"

#include "migrate/order/detail/board_of_moves.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>

using berth::detail::wave_compaction;
using berth_test::board_of_moves;

TEST_CASE("wave compaction: random moves - waves never last longer, often less, and there is room as before") {
    std::size_t boards = 0;
    std::size_t shorter = 0;
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
        CAPTURE(seed);
        constexpr auto none = static_cast<std::size_t>(-1);
        const std::size_t per_wave = seed % 3 == 0 ? 2 : none;
        board_of_moves made{seed, 2 + seed % 14, 2 + seed % 13, {none, none, per_wave}};
        if (!made.possible) continue;
        ++boards;
        const double before = made.board.measure();
        berth::detail::order_control control;
        wave_compaction{made.board, false, control}.run();
        const double after = made.board.measure();
        REQUIRE(after <= before);
        shorter += after < before ? 1 : 0;
        made.check_room();
        berth::detail::flat<std::uint32_t> by_wave;
        berth::detail::flat<std::size_t> first;
        made.board.list_waves(by_wave, first);
        for (std::size_t w = 0; w < made.board.waves(); ++w) REQUIRE(first[w + 1] - first[w] <= per_wave);
    }
    CHECK(boards > 100);
    CHECK(shorter > 10);
}

TEST_CASE("wave compaction: a long step joins a wave that is as long") {
    // Move 1 waits for move 0, which is short; move 2 is as long as 1 and has room anywhere.
    berth::detail::move_table moves;
    const std::uint32_t ends[][2] = {{1, 2}, {0, 1}, {3, 4}};
    for (const auto& end : ends) {
        for (const std::uint32_t counter : end) {
            moves.touches().push_back({counter, 1});
            moves.end_part();
        }
    }
    berth::detail::flat<berth::amount> free;
    for (const berth::amount left : {0, 0, 1, 0, 1}) free.push_back(left);
    constexpr auto none = static_cast<std::size_t>(-1);
    berth::detail::wave_board board{moves, free, {none, none, none}};
    for (std::uint32_t m = 0; m < 3; ++m) {
        const double seconds = m == 0 ? 1.0 : 5.0;
        (void)board.enter({.move = m,
                           .from = {berth::node_index{ends[m][0]}, 0},
                           .to = {berth::node_index{ends[m][1]}, 0},
                           .cost = {seconds, seconds, 0}},
                          0);
    }
    CHECK(board.measure() == 10.0);
    berth::detail::order_control control;
    wave_compaction{board, false, control}.run();
    CHECK(board.measure() == 6.0);
    CHECK(board[2].wave == board[1].wave);
}
