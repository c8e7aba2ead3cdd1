// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/order/detail/wave_schedule.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

using berth::amount;
using berth::node_index;
using berth::detail::counter_touch;
using berth::detail::flat;
using berth::detail::wave_room;
using berth::detail::wave_traffic;
using berth_test::below;

TEST_CASE("wave room: agrees with a table of all waves") {
    constexpr std::size_t waves = 12;
    constexpr std::size_t counters = 3;
    berth::xoshiro256 g{5};
    flat<amount> start;
    for (std::size_t c = 0; c < counters; ++c) start.push_back(10);
    wave_room room{start};
    std::vector<std::vector<amount>> table(counters, std::vector<amount>(waves, 10));
    for (int i = 0; i < 400; ++i) {
        const std::size_t c = below(g, counters);
        const std::size_t from = below(g, waves - 1);
        const int sign = berth_test::chance(g, 50) ? 1 : -1;
        const counter_touch touch{static_cast<std::uint32_t>(c), static_cast<amount>(1 + below(g, 4))};
        room.add({&touch, 1}, from, sign);
        for (std::size_t w = from; w < waves; ++w) table[c][w] += sign * touch.demand;

        const std::size_t a = below(g, waves);
        const std::size_t b = a + below(g, waves - a);
        amount least = table[c][a];
        for (std::size_t w = a; w <= b; ++w) least = table[c][w] < least ? table[c][w] : least;
        CHECK(room.least(c, a, b) == least);
        CHECK(room.free_during({&touch, 1}, a, b) == (least >= touch.demand));
        std::size_t earliest = waves;
        while (earliest > a && table[c][earliest - 1] >= touch.demand) --earliest;
        const std::size_t answer = room.earliest({&touch, 1}, a);
        if (earliest == waves) {
            CHECK(answer >= waves - 1);
        } else {
            CHECK(answer == earliest);
        }
    }
}

TEST_CASE("wave room: keeps changes, not waves") {
    // A row of all waves up to the change would take 8 TB.
    constexpr std::size_t late = std::size_t{1} << 40U;
    flat<amount> start;
    start.push_back(10);
    wave_room room{start};
    const counter_touch touch{0, 4};
    room.add({&touch, 1}, late, -1);
    CHECK(room.least(0, 0, late - 1) == 10);
    CHECK(room.least(0, 0, late) == 6);
    room.add({&touch, 1}, 5, -1);
    CHECK(room.least(0, 5, late - 1) == 6);
    CHECK(room.least(0, late, late) == 2);
    CHECK(room.earliest({&touch, 1}, 0) == wave_room::never);
    room.add({&touch, 1}, late + 7, +1);
    CHECK(room.earliest({&touch, 1}, 0) == late + 7);
    room.add({&touch, 1}, 5, +1);
    CHECK(room.earliest({&touch, 1}, 0) == 0);
}

TEST_CASE("wave traffic: nodes, links either way, and waves") {
    constexpr auto any = std::numeric_limits<std::size_t>::max();
    const node_index a{0};
    const node_index b{1};
    const node_index c{2};
    wave_traffic nodes{{2, any, any}};
    nodes.add(3, a, b, +1);
    nodes.add(3, a, a, +1);
    CHECK_FALSE(nodes.admits(3, c, a));
    CHECK(nodes.admits(3, c, b));
    CHECK(nodes.admits(4, c, a));
    nodes.add(3, a, a, -1);
    CHECK(nodes.admits(3, c, a));
    CHECK(nodes.admits(3, node_index{}, a));

    wave_traffic links{{any, 1, any}};
    links.add(0, a, b, +1);
    CHECK_FALSE(links.admits(0, b, a));
    CHECK(links.admits(0, b, c));
    CHECK(links.admits(0, a, a));
    CHECK(links.admits(0, a, node_index{}));

    wave_traffic waves{{any, any, 1}};
    for (std::size_t w = 0; w < 200; ++w) waves.add(w, a, b, +1);
    for (std::size_t w = 0; w < 200; ++w) CHECK_FALSE(waves.admits(w, c, c));
    CHECK(waves.admits(200, c, c));
}

TEST_CASE("wave traffic: the first wave that is open is the one that a scan finds, whatever was added and taken back") {
    constexpr auto any = std::numeric_limits<std::size_t>::max();
    berth::xoshiro256 g{11};
    for (const auto& limits : {berth::detail::wave_limits{1, any, any}, berth::detail::wave_limits{any, 1, any},
                               berth::detail::wave_limits{3, 2, 4}, berth::detail::wave_limits{any, any, any}}) {
        wave_traffic traffic{limits};
        struct step {
            std::size_t wave;
            node_index from;
            node_index to;
        };
        std::vector<step> steps;
        const auto node = [&] { return berth_test::chance(g, 20) ? node_index{} : node_index{below(g, 4)}; };
        std::size_t later = 0;
        for (int i = 0; i < 1500; ++i) {
            const step s{below(g, 3) == 0 ? below(g, 300) : 0, node(), node()};
            const std::size_t open = traffic.first_open(s.wave, s.from, s.to);
            std::size_t scanned = s.wave;
            while (!traffic.admits(scanned, s.from, s.to)) ++scanned;
            REQUIRE(open == scanned);
            later += open > s.wave + 64 ? 1 : 0;
            traffic.add(open, s.from, s.to, +1);
            steps.push_back({open, s.from, s.to});
            if (!berth_test::chance(g, 30)) continue;
            const std::size_t back = below(g, steps.size());
            traffic.add(steps[back].wave, steps[back].from, steps[back].to, -1);
            steps[back] = steps.back();
            steps.pop_back();
        }
        if (limits.per_node == 1 || limits.per_link == 1) CHECK(later > 0);
    }
}
