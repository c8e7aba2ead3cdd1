// SPDX-License-Identifier: Apache-2.0
#include "berth/queue/backfill/room_timeline.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

using namespace berth;

TEST_CASE("room over time equals a table of every instant, and so do the earliest starts") {
    constexpr std::int64_t span = 40;
    for (std::uint32_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        std::mt19937 random{seed};
        const auto below = [&](std::int64_t n) {
            return static_cast<std::int64_t>(random() % static_cast<unsigned>(n));
        };
        const std::vector<amount> capacity = {5, 8};
        room_timeline room{capacity};
        std::vector<std::array<amount, 2>> table(span, {5, 8});
        std::int64_t now = 0;
        for (int step = 0; step < 40; ++step) {
            const std::int64_t begin = now + below(span - now);
            const std::int64_t end = begin + below(span - begin + 1);
            const std::array<amount, 2> demand = {below(4), below(4)};
            const amount sign = below(3) == 0 ? 1 : -1;
            sign > 0 ? room.give(begin, end, demand) : room.take(begin, end, demand);
            for (std::int64_t t = begin; t < end; ++t) {
                for (std::size_t c = 0; c < 2; ++c) table[static_cast<std::size_t>(t)][c] += sign * demand[c];
            }
            if (below(5) == 0) room.forget_before(now = std::min(now + below(3), span - 1));
            std::size_t stretches = 1;
            for (std::int64_t t = now; t < span; ++t) {
                const auto& row = table[static_cast<std::size_t>(t)];
                CHECK(std::ranges::equal(room.free_at(t), row));
                stretches += t > now && row != table[static_cast<std::size_t>(t - 1)] ? 1U : 0U;
            }
            CHECK(room.size() <= stretches + 2);  // and no more than there are changes
            const std::array<amount, 2> wanted = {1 + below(5), below(8)};
            const std::int64_t duration = 1 + below(8);
            const std::int64_t before = below(3) == 0 ? now + below(span) : room_timeline::never;
            std::int64_t earliest = room_timeline::never;
            for (std::int64_t start = now; start < std::min(before, span + 1) && earliest == room_timeline::never;
                 ++start) {
                bool fits = true;
                for (std::int64_t t = start; t < start + duration; ++t) {
                    const auto& row = t < span ? table[static_cast<std::size_t>(t)] : std::array<amount, 2>{5, 8};
                    fits = fits && wanted[0] <= row[0] && wanted[1] <= row[1];
                }
                if (fits) earliest = start;
            }
            CHECK(room.earliest(wanted, duration, now, before) == earliest);
        }
    }
}

TEST_CASE("durations without an end and demands that never fit") {
    room_timeline room{std::array<amount, 1>{4}};
    room.take(10, room_timeline::never, std::array<amount, 1>{3});
    CHECK(room.free_at(10)[0] == 1);
    CHECK(room.earliest(std::array<amount, 1>{2}, 5, 0) == 0);
    CHECK(room.earliest(std::array<amount, 1>{2}, 11, 0) == room_timeline::never);
    CHECK(room.earliest(std::array<amount, 1>{1}, room_timeline::never, 3) == 3);
    room.give(10, room_timeline::never, std::array<amount, 1>{3});
    CHECK(room.size() == 1);
    room.take(5, 5, std::array<amount, 1>{3});
    CHECK(room.size() == 1);
}
