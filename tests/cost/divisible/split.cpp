// SPDX-License-Identifier: Apache-2.0
#include "berth/cost/divisible/split.hpp"

#include "berth/core/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace {

using berth::amount;
using berth::split_target;

amount sum_of(const berth::load_split& split) {
    amount sum = 0;
    for (const auto& piece : split.pieces) sum += piece.load;
    return sum;
}

// Tries every split: the most that can be placed, and the earliest finish with that much.
struct brute_force {
    amount whole;
    const std::vector<split_target>& targets;
    amount min_piece;
    amount placed = -1;
    double finish = 0.0;

    void search(std::size_t g, amount so_far, double latest) {
        if (g == targets.size()) {
            if (so_far > placed || (so_far == placed && latest < finish)) {
                placed = so_far;
                finish = latest;
            }
            return;
        }
        search(g + 1, so_far, latest);
        for (amount piece = min_piece; piece <= std::min(targets[g].room, whole - so_far); ++piece) {
            search(g + 1, so_far + piece,
                   std::max(latest, static_cast<double>(targets[g].load + piece) / targets[g].speed));
        }
    }
};

}  // namespace

TEST_CASE("split: equal GPUs get equal pieces") {
    const std::vector<split_target> four(4, {.speed = 20.0});
    const auto split = berth::split_load(5'000'000, four).value();
    REQUIRE(split.pieces.size() == 4);
    for (const auto& piece : split.pieces) {
        CHECK(piece.load == 1'250'000);
        CHECK(piece.finish == 62'500.0);
    }
    CHECK(split.left_over == 0);
    CHECK(split.finish == 62'500.0);
}

TEST_CASE("split: faster and less loaded GPUs get more") {
    // by time 30: (100 + x) / 10, x / 20, x / 5 -> 200 + 600 + 150 = 950
    const std::vector<split_target> targets{{.speed = 10, .load = 100}, {.speed = 20}, {.speed = 5}};
    const auto split = berth::split_load(950, targets).value();
    REQUIRE(split.pieces.size() == 3);
    CHECK(split.pieces[0] == berth::load_piece{.target = 0, .load = 200, .finish = 30.0});
    CHECK(split.pieces[1] == berth::load_piece{.target = 1, .load = 600, .finish = 30.0});
    CHECK(split.pieces[2] == berth::load_piece{.target = 2, .load = 150, .finish = 30.0});
}

TEST_CASE("split: a GPU that is busy longer than the rest gets nothing") {
    const std::vector<split_target> targets{{.speed = 1, .load = 100}, {.speed = 1}, {.speed = 1, .load = 10}};
    const auto split = berth::split_load(50, targets).value();
    REQUIRE(split.pieces.size() == 2);
    CHECK(split.pieces[0] == berth::load_piece{.target = 1, .load = 30, .finish = 30.0});
    CHECK(split.pieces[1] == berth::load_piece{.target = 2, .load = 20, .finish = 30.0});
}

TEST_CASE("split: room limits pieces, other GPUs get more, the rest is left over") {
    const std::vector<split_target> targets{
        {.speed = 1, .room = 5}, {.speed = 1, .room = 100}, {.speed = 1, .room = 8}};
    auto split = berth::split_load(33, targets).value();
    REQUIRE(split.pieces.size() == 3);
    CHECK(split.pieces[0].load == 5);
    CHECK(split.pieces[1].load == 20);
    CHECK(split.pieces[2].load == 8);
    split = berth::split_load(120, targets).value();
    CHECK(split.left_over == 7);
    CHECK(sum_of(split) == 113);
    split = berth::split_load(10, std::vector<split_target>{}).value();
    CHECK(split.left_over == 10);
    CHECK(split.pieces.empty());
}

TEST_CASE("split: a minimum piece gives fewer pieces, and a smaller whole is not cut") {
    const std::vector<split_target> four(4, {.speed = 1.0});
    CHECK(berth::split_load(100, four, {.min_piece = 40}).value().pieces.size() == 2);
    CHECK(berth::split_load(100, four, {.min_piece = 51}).value().pieces.size() == 1);
    const auto small = berth::split_load(30, four, {.min_piece = 40}).value();
    REQUIRE(small.pieces.size() == 1);
    CHECK(small.pieces[0].load == 30);
    // One target alone takes too long to be dropped, but must be lifted to the minimum: 9 = 5 + 4, not 7 and 2 left over.
    const std::vector<split_target> unlike{{.speed = 100, .room = 7}, {.speed = 1, .room = 7}};
    const auto lifted = berth::split_load(9, unlike, {.min_piece = 4}).value();
    REQUIRE(lifted.pieces.size() == 2);
    CHECK(lifted.pieces[0].load == 5);
    CHECK(lifted.pieces[1].load == 4);
}

TEST_CASE("split: nothing to split") {
    const auto split = berth::split_load(0, std::vector<split_target>(3)).value();
    CHECK(split.pieces.empty());
    CHECK(split.left_over == 0);
    CHECK(split.finish == 0.0);
}

TEST_CASE("split equals brute force on small cases: most placed, then earliest finish") {
    berth::xoshiro256 random{3};
    for (int round = 0; round < 3000; ++round) {
        std::vector<split_target> targets;
        const std::size_t n = berth::bounded(random, 5);
        for (std::size_t g = 0; g < n; ++g) {
            targets.push_back({.speed = 0.25 * (1.0 + berth::bounded(random, 8)),
                               .load = static_cast<amount>(berth::bounded(random, 12)),
                               .room = static_cast<amount>(berth::bounded(random, 14))});
        }
        const auto whole = static_cast<amount>(berth::bounded(random, 18));
        const amount min_piece = 1 + static_cast<amount>(berth::bounded(random, 6));
        const auto split = berth::split_load(whole, targets, {.min_piece = min_piece}).value();
        const amount least = std::min(min_piece, whole);
        brute_force best{.whole = whole, .targets = targets, .min_piece = std::max<amount>(least, 1)};
        best.search(0, 0, 0.0);
        REQUIRE(sum_of(split) + split.left_over == whole);
        REQUIRE(sum_of(split) == best.placed);
        REQUIRE(split.finish == best.finish);
        for (std::size_t i = 0; i < split.pieces.size(); ++i) {
            const auto& piece = split.pieces[i];
            REQUIRE(piece.load >= least);
            REQUIRE(piece.load <= targets[piece.target].room);
            REQUIRE((i == 0 || split.pieces[i - 1].target < piece.target));
            REQUIRE(piece.finish ==
                    static_cast<double>(targets[piece.target].load + piece.load) / targets[piece.target].speed);
        }
    }
}

TEST_CASE("split at full size: exact sums, equal finishing times up to a unit") {
    berth::xoshiro256 random{5};
    for (int round = 0; round < 200; ++round) {
        std::vector<split_target> targets;
        const std::size_t n = 1 + berth::bounded(random, 60);
        for (std::size_t g = 0; g < n; ++g) {
            targets.push_back({.speed = 0.5 + 300.0 * berth::uniform01(random),
                               .load = static_cast<amount>(berth::bounded(random, 2'000'000'000)),
                               .room = round % 2 == 0 ? berth::max_load_amount
                                                      : static_cast<amount>(berth::bounded(random, 3'000'000'000))});
        }
        const amount whole = static_cast<amount>(berth::bounded(random, 4'000'000'000U)) * 50;
        const auto split = berth::split_load(whole, targets).value();
        REQUIRE(sum_of(split) + split.left_over == whole);
        for (const auto& piece : split.pieces) {
            const split_target& target = targets[piece.target];
            REQUIRE(piece.load <= target.room);
            // Done with the rest up to one unit of work, unless its room is used up.
            if (piece.load < target.room && split.left_over == 0) {
                REQUIRE(static_cast<double>(target.load + piece.load + 1) / target.speed >= split.finish - 1.0);
                REQUIRE(static_cast<double>(target.load + piece.load + 1) / target.speed >=
                        split.finish * (1.0 - 1e-12));
            }
        }
        if (split.left_over > 0) {
            for (const split_target& target : targets) {
                const auto used = std::find_if(split.pieces.begin(), split.pieces.end(),
                                               [&](const auto& piece) { return &targets[piece.target] == &target; });
                REQUIRE((used != split.pieces.end() ? used->load : 0) == target.room);
            }
        }
    }
}

TEST_CASE("split: extreme numbers terminate and add up") {
    const std::vector<split_target> targets{{.speed = 1e12, .load = berth::max_load_amount},
                                            {.speed = 1e-12, .load = berth::max_load_amount},
                                            {.speed = 1.0, .room = std::numeric_limits<amount>::max()}};
    for (const amount whole : {amount{1}, amount{2}, amount{999'999'937}, berth::max_load_amount}) {
        const auto split = berth::split_load(whole, targets).value();
        CHECK(sum_of(split) == whole);
        CHECK(split.left_over == 0);
    }
}

TEST_CASE("split_targets: rooms and loads of a load model, whose pieces can be placed") {
    const auto model = berth::make_load_cost({}, {{.max_load = 10'000, .available_time = 2000, .load = 2001},
                                                  {.max_load = 9000},
                                                  {.max_load = 5000, .available_time = 0, .load = 3}})
                           .value();
    berth::load_state state{model};
    const double speed[] = {1.0};
    const auto targets = berth::split_targets(state, speed);
    REQUIRE(targets.size() == 3);
    CHECK(targets[0].load == 1001);  // 2.001 / 2, rounded up
    CHECK(targets[0].room == 3999);  // (10 - 2.001) / 2, rounded down
    CHECK(targets[1].load == 0);
    CHECK(targets[1].room == 9000);
    CHECK(targets[2].room == berth::max_load_amount);
    const auto split = berth::split_load(8000, std::span{targets}.first(2)).value();
    CHECK(split.left_over == 0);
    for (const auto& piece : split.pieces) {
        const berth::load_task part{.load = piece.load};
        REQUIRE(state.admits(part, berth::gpu_index{piece.target}));
        state.place(part, berth::gpu_index{piece.target});
    }
}

TEST_CASE("split: wrong numbers are refused by name") {
    const std::vector<split_target> one(1);
    const auto message = [](split_target target) {
        const std::vector<split_target> targets{{}, target};
        return berth::split_load(10, targets).error().message;
    };
    CHECK(berth::split_load(-1, one).error().message == "split: whole is -1, expected 0..1000000000000");
    CHECK(berth::split_load(10, one, {.min_piece = 0}).error().message == "split: min_piece is 0, expected 1 or more");
    CHECK(message({.speed = 0.0}) == "split: target 1: speed is not a number of 1e-12..1e12");
    CHECK(message({.speed = std::numeric_limits<double>::quiet_NaN()}) ==
          "split: target 1: speed is not a number of 1e-12..1e12");
    CHECK(message({.load = -1}) == "split: target 1: load is -1, expected 0..1000000000000");
    CHECK(message({.room = -1}) == "split: target 1: room is -1, expected 0 or more");
}
