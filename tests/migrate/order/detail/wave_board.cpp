// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/order/detail/wave_board.hpp"

#include "migrate/order/detail/board_of_moves.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>

using berth::detail::counter_touch;
using berth::detail::planned_step;
using berth::detail::wave_limits;
using berth_test::board_of_moves;

TEST_CASE(
    "wave board: random moves - each is in the earliest wave that has room for good, and the room is counted right") {
    std::size_t boards = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        CAPTURE(seed);
        board_of_moves made{seed, 1 + seed % 12, 2 + seed % 9};
        if (!made.possible) continue;
        ++boards;
        auto& board = made.board;
        REQUIRE(board.size() == made.in.moves.size());
        made.check_room();
        berth::detail::flat<std::uint32_t> by_wave;
        berth::detail::flat<std::size_t> first;
        board.list_waves(by_wave, first);
        double sum = 0.0;
        for (std::size_t w = 0; w < board.waves(); ++w) {
            REQUIRE(first[w] < first[w + 1]);
            double longest = 0.0;
            for (std::size_t i = first[w]; i < first[w + 1]; ++i) {
                REQUIRE(board[by_wave[i]].wave == w);
                longest = board[by_wave[i]].cost.duration > longest ? board[by_wave[i]].cost.duration : longest;
            }
            CHECK(board.longest(w) == longest);
            sum += longest;
        }
        CHECK(board.measure() == sum);
        // Every step taken back leaves what was there.
        board.leave_from(0);
        for (std::size_t c = 0; c < made.in.free.size(); ++c) REQUIRE(board.room().least(c, 0, 100) == made.in.free[c]);
    }
    CHECK(boards > 50);
}

TEST_CASE("wave board: limits spread steps that have room over waves") {
    const auto waves = [](const wave_limits& limits) {
        std::size_t most = 0;
        for (std::uint64_t seed = 0; seed < 60; ++seed) {
            board_of_moves made{seed, 12, 60, limits};
            if (!made.possible) continue;
            made.check_room();
            most = made.board.waves() > most ? made.board.waves() : most;
        }
        return most;
    };
    constexpr auto none = static_cast<std::size_t>(-1);
    CHECK(waves({none, none, none}) < 6);
    CHECK(waves({none, none, 1}) == 12);
    CHECK(waves({1, none, none}) >= 6);
}

TEST_CASE("wave board: a move by way of a temporary host holds it from its first step to its second") {
    berth::detail::move_table moves;
    moves.touches().push_back({0, 5});
    moves.end_part();
    moves.touches().push_back({1, 5});
    moves.end_part();
    berth::detail::flat<berth::amount> free;
    for (const berth::amount left : {0, 5, 7}) free.push_back(left);
    constexpr auto none = static_cast<std::size_t>(-1);
    berth::detail::wave_board board{moves, free, {1, none, none}};
    const berth::slot from{berth::node_index{0}, 0};
    const berth::slot to{berth::node_index{1}, 0};
    const berth::slot host{berth::node_index{2}, 0};
    (void)board.enter({.move = 0, .from = from, .kind = berth::step_kind::park, .partner = 1}, 0);
    (void)board.enter({.move = 0, .to = to, .kind = berth::step_kind::fetch, .partner = 0}, 3);
    CHECK(board.room().least(2, 0, 9) == 7);
    const counter_touch there[] = {{2, 5}};
    for (std::size_t i = 0; i < 2; ++i) board.count(board[i], -1);
    board.stage(board[0], board[1], host, there);
    for (std::size_t i = 0; i < 2; ++i) board.count(board[i], +1);
    CHECK(board[0].kind == berth::step_kind::stage);
    CHECK(board[0].to == host);
    CHECK(board[1].from == host);
    CHECK(board.room().least(2, 0, 0) == 2);
    CHECK(board.room().least(2, 3, 3) == 2);
    CHECK(board.room().least(2, 4, 4) == 7);
    CHECK(board.room().least(0, 1, 1) == 5);
    CHECK(board.room().least(1, 2, 2) == 5);
    CHECK(board.room().least(1, 3, 3) == 0);
    CHECK_FALSE(board.admits(planned_step{.from = host, .to = to}, 0));
    CHECK(board.admits(planned_step{.from = host, .to = to}, 1));
    // The target is taken later, the source kept longer.
    CHECK(board.source_is_free(board[0], 2));
    board.change_wave(board[0], 2);
    CHECK(board.room().least(2, 1, 1) == 7);
    CHECK(board.room().least(0, 2, 2) == 0);
}

TEST_CASE("wave board: entering under limits does not scan the waves that are full") {
    // With one step a wave, a scan would look at 50 000 * 50 000 / 2 waves: more than ten seconds.
    constexpr std::size_t steps = 50'000;
    constexpr auto none = static_cast<std::size_t>(-1);
    for (const wave_limits& limits :
         {wave_limits{none, none, 1}, wave_limits{1, none, none}, wave_limits{none, 1, none}}) {
        berth::detail::move_table moves;
        moves.end_part();
        moves.end_part();
        berth::detail::wave_board board{moves, {}, limits};
        const auto begin = std::chrono::steady_clock::now();
        for (std::size_t i = 0; i < steps; ++i) {
            (void)board.enter({.from = {berth::node_index{0}, 0}, .to = {berth::node_index{1}, 0}}, 0);
        }
        CHECK(board.waves() == steps);
        CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds{4});
    }
}
