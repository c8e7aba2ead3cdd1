// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/migrate/order/detail/order_run.hpp"
#include "berth/migrate/order/detail/wave_board.hpp"

#include "migrate/order/detail/random_moves.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace berth_test {

/// Random moves that can be ordered without breaking any, entered in that order; move m lasts 1 to 4 seconds.
struct board_of_moves {
    random_moves in;
    berth::detail::wave_board board;
    bool possible = false;

    board_of_moves(std::uint64_t seed, std::size_t count, std::size_t counters,
                   const berth::detail::wave_limits& limits = {std::size_t(-1), std::size_t(-1), std::size_t(-1)})
        : in{seed, count, counters}, board{in.moves, amounts(in.free), limits} {
        const std::vector<std::uint32_t> dice(in.moves.size(), 0);
        berth::detail::order_control control;
        berth::detail::order_run run{in.moves, in.free, control};
        if (!run.finish_all(in.weight, berth::detail::order_run::no_limit, 0.0, dice) || !run.broken().empty()) return;
        possible = true;
        for (const std::uint32_t m : run.first()) enter(m);
        for (std::size_t i = run.last().size(); i > 0; --i) enter(run.last()[i - 1]);
    }
    board_of_moves(const board_of_moves&) = delete;

    void enter(std::uint32_t m) {
        const double seconds = 1.0 + static_cast<double>(m * 7 % 4);
        (void)board.enter({.move = m,
                           .from = {berth::node_index{m % 3}, 0},
                           .to = {berth::node_index{3 + m % 2}, 0},
                           .cost = {seconds, seconds, 0}},
                          0);
    }
    /// Every counter at the worst instant of every wave, from the definition.
    void check_room() const {
        for (std::size_t w = 0; w < board.waves(); ++w) {
            std::vector<berth::amount> left = in.free;
            for (const auto& s : board.steps()) {
                if (s.wave < w) {
                    for (const auto& t : in.moves.from(s.move)) left[t.counter] += t.demand;
                }
                if (s.wave <= w) {
                    for (const auto& t : in.moves.to(s.move)) left[t.counter] -= t.demand;
                }
            }
            for (std::size_t c = 0; c < left.size(); ++c) {
                REQUIRE(left[c] >= 0);
                REQUIRE(board.room().least(c, w, w) == left[c]);
            }
        }
    }

private:
    static berth::detail::flat<berth::amount> amounts(const std::vector<berth::amount>& values) {
        berth::detail::flat<berth::amount> made;
        made.append(values);
        return made;
    }
};

}  // namespace berth_test
