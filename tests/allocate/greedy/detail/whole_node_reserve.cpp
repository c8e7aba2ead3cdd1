// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/detail/whole_node_reserve.hpp"

#include "berth/core/random.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

using namespace berth;
using namespace berth_test;
using berth::detail::node_classes;
using berth::detail::whole_node_reserve;

namespace {

const hand_node large{.shares = std::vector<amount>(8, 1000), .cpu = 64'000, .model = "G2"};
const hand_node scarce{.shares = std::vector<amount>(8, 1000), .cpu = 64'000, .model = "G3"};
const hand_node small{.shares = {1000, 1000}, .cpu = 64'000, .model = "T4"};

std::vector<hand_node> nodes_of(std::size_t larges, std::size_t scarces, std::size_t smalls) {
    std::vector<hand_node> nodes(larges, large);
    nodes.insert(nodes.end(), scarces, scarce);
    nodes.insert(nodes.end(), smalls, small);
    return nodes;
}

}  // namespace

TEST_CASE("classes are reserved when whole nodes run out, by hand") {
    // Half of the GPU share is wanted by tasks on 8 GPUs. With w whole nodes out of 10 large and 20 small ones the free
    // GPUs are 8 w + 40, and the class is reserved while w <= 2 · 0.5 · (8 w + 40) / 8 + 2 = w + 7: always.
    const std::vector<hand_task> half{{.gpus = 8, .share = 1000}, {.gpus = 1, .share = 1000, .copies = 8}};
    {
        const auto machines = hand_fleet(nodes_of(10, 0, 20));
        const auto work = hand_workload(machines, half);
        const node_classes classes{machines};
        const whole_node_reserve reserve{problem{machines, work}, classes, ledger{machines}};
        CHECK(reserve.width() == 8);
        CHECK(reserve.reserved(0));
        CHECK(!reserve.reserved(1));
    }
    // A tenth: 10 large nodes and nothing else are 10 > 2 · 0.1 · 10 + 2 = 4. With w whole ones and nothing else free
    // w <= 0.2 w + 2 holds from w = 2 on.
    const std::vector<hand_task> tenth{{.gpus = 8, .share = 1000}, {.gpus = 1, .share = 1000, .copies = 72}};
    const auto machines = hand_fleet(nodes_of(10, 0, 0));
    const auto work = hand_workload(machines, tenth);
    const node_classes classes{machines};
    whole_node_reserve reserve{problem{machines, work}, classes, ledger{machines}};
    CHECK(!reserve.reserved(0));
    for (int left = 9; left >= 0; --left) {
        CAPTURE(left);
        reserve.note(0, -1, -8);
        CHECK(reserve.reserved(0) == (left <= 2 && left > 0));  // none left: nothing to keep
    }
    for (int left = 1; left <= 10; ++left) {
        reserve.note(0, +1, +8);
        CHECK(reserve.reserved(0) == (left <= 2));
    }
}

TEST_CASE("tasks confined to scarce nodes reserve those alone, tasks that fit anywhere reserve all") {
    // Confined to G3: 8 of 88 parts; anywhere: 8 of 88.
    const std::vector<hand_task> mix{{.gpus = 8, .share = 1000, .accepted = {"G3"}},
                                     {.gpus = 8, .share = 1000},
                                     {.gpus = 1, .share = 1000, .copies = 72}};
    const auto machines = hand_fleet(nodes_of(40, 3, 0));
    const auto work = hand_workload(machines, mix);
    const node_classes classes{machines};
    whole_node_reserve reserve{problem{machines, work}, classes, ledger{machines}};
    // {G3}: 3 <= 2 · (1/11) · 43 + 2 = 9.8. {G2, G3}: 43 > 2 · (2/11) · 43 + 2 = 17.6.
    CHECK(reserve.reserved(1));
    CHECK(!reserve.reserved(0));
    // 38 nodes of G2 in pieces but with free GPUs: 5 whole ones <= 2 · (2/11) · (5 + ...) + 2.
    reserve.note(0, -38, -38);
    CHECK(reserve.reserved(0));
    CHECK(reserve.reserved(1));
}

TEST_CASE("a node is whole if any of the widest tasks fits, until a placement breaks it") {
    const std::vector<hand_task> mix{{.gpus = 8, .share = 1000, .cpu = 40'000},
                                     {.gpus = 8, .share = 500, .cpu = 10'000},
                                     {.gpus = 1, .share = 100, .cpu = 0},
                                     {.gpus = 0, .cpu = 24'000},
                                     {.gpus = 0, .cpu = 24'001}};
    const auto machines = hand_fleet({large, {std::vector<amount>(8, 1000), 39'999, 0, "G2"}, small});
    const auto work = hand_workload(machines, mix);
    const node_classes classes{machines};
    ledger ledger{machines};
    const whole_node_reserve reserve{problem{machines, work}, classes, ledger};
    const auto node = [&](std::size_t n) { return ledger.node(node_index{n}); };
    CHECK(reserve.is_whole(node(0), 0));
    // Only the tasks that fit on a class define its whole nodes.
    CHECK(reserve.is_whole(node(1), 1));
    CHECK(!reserve.is_whole(node(2), 2));
    const auto breaks = [&](std::size_t n, std::size_t t) {
        const auto demand = work.demand(task_index{t});
        return reserve.breaks(node(n), classes.of(node_index{n}), demand, berth::first_gpus(demand.gpus));
    };
    CHECK(!breaks(0, 0));  // the reserved use
    CHECK(!breaks(0, 1));
    CHECK(breaks(0, 2));
    CHECK(!breaks(0, 3));  // leaves 40'000
    CHECK(breaks(0, 4));
    CHECK(!breaks(2, 2));  // never was whole
    ledger.place(work.demand(task_index{2}), {node_index{0}, 1});
    CHECK(!reserve.is_whole(node(0), 0));
    CHECK(whole_node_reserve::free_gpus(node(0)) == 7);
    CHECK(!breaks(0, 2));
    ledger.remove(work.demand(task_index{2}), {node_index{0}, 1});
    CHECK(reserve.is_whole(node(0), 0));
    ledger.place(work.demand(task_index{4}), {node_index{0}, 0});
    CHECK(!reserve.is_whole(node(0), 0));
}

TEST_CASE("unhealthy GPUs are not free, and a node with one is not whole") {
    fleet_builder builder;
    const amount host[] = {64'000, 0};
    std::vector<gpu_description> gpus(8, gpu_description{.model = "G2"});
    (void)need(builder.add_node({.capacity = host, .gpus = gpus}));
    gpus[3].healthy = false;
    (void)need(builder.add_node({.capacity = host, .gpus = gpus}));
    (void)need(builder.add_node({.capacity = host, .gpus = gpus, .healthy = false}));
    const auto machines = need(std::move(builder).build());
    const auto work = hand_workload(machines, {{.gpus = 8, .share = 1000}});
    const ledger ledger{machines};
    const node_classes classes{machines};
    const whole_node_reserve reserve{problem{machines, work}, classes, ledger};
    CHECK(whole_node_reserve::free_gpus(ledger.node(node_index{1})) == 7);
    CHECK(whole_node_reserve::free_gpus(ledger.node(node_index{2})) == 0);
    for (std::size_t n = 0; n < 3; ++n) {
        CHECK(reserve.is_whole(ledger.node(node_index{n}), classes.of(node_index{n})) == (n == 0));
    }
}

TEST_CASE("undoing every change restores every flag") {
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        CAPTURE(seed);
        xoshiro256 g{seed};
        const std::size_t larges = 2 + below(g, 12);
        const std::size_t scarces = 1 + below(g, 5);
        const auto machines = hand_fleet(nodes_of(larges, scarces, below(g, 20)));
        const auto work =
            hand_workload(machines, {{.gpus = 8, .share = 1000, .accepted = {"G3"}, .copies = 1 + below(g, 4)},
                                     {.gpus = 8, .share = 1000, .copies = 1 + below(g, 4)},
                                     {.gpus = 8, .share = 1000, .accepted = {"G2"}, .copies = below(g, 3)},
                                     {.gpus = 1, .share = 1000, .copies = 10 + below(g, 200)}});
        const node_classes classes{machines};
        const whole_node_reserve fresh{problem{machines, work}, classes, ledger{machines}};
        whole_node_reserve reserve = fresh;
        struct noted {
            std::size_t c;
            int whole;
            std::int64_t gpus;
        };
        std::vector<noted> done;
        for (int i = 0; i < 60; ++i) {
            done.push_back(
                {below(g, classes.size()), -static_cast<int>(below(g, 2)), -static_cast<std::int64_t>(below(g, 9))});
            reserve.note(done.back().c, done.back().whole, done.back().gpus);
        }
        for (; !done.empty(); done.pop_back()) reserve.note(done.back().c, -done.back().whole, -done.back().gpus);
        for (std::size_t c = 0; c < classes.size(); ++c) REQUIRE(reserve.reserved(c) == fresh.reserved(c));
    }
}

TEST_CASE("nothing is reserved where nobody wants whole nodes") {
    const auto never = [](const std::vector<hand_node>& nodes, const std::vector<hand_task>& tasks) {
        const auto machines = hand_fleet(nodes);
        const auto work = hand_workload(machines, tasks);
        const node_classes classes{machines};
        const ledger ledger{machines};
        whole_node_reserve reserve{problem{machines, work}, classes, ledger};
        for (std::size_t n = 0; n < machines.node_count(); ++n) {
            const std::size_t c = classes.of(node_index{n});
            CHECK(!reserve.reserved(c));
            CHECK(!reserve.is_whole(ledger.node(node_index{n}), c));
            for (std::size_t t = 0; t < work.task_count(); ++t) {
                const auto demand = work.demand(task_index{t});
                CHECK(!reserve.breaks(ledger.node(node_index{n}), c, demand, berth::first_gpus(demand.gpus)));
            }
            reserve.note(c, 0, -1);
            CHECK(!reserve.reserved(c));
        }
    };
    never({large, small}, {});
    never({large, small}, {{.gpus = 1, .share = 500}, {.gpus = 0, .cpu = 10}, {.gpus = 1, .share = 1000}});
    never({large, small}, {{.gpus = 9, .share = 1000}});                    // fits nowhere
    never({large, small}, {{.gpus = 8, .share = 1000, .cpu = 1'000'000}});  // fits nowhere
    // One GPU per node: every node is whole.
    never({{{1000}, 10}, {{1000}, 20}}, {{.gpus = 1, .share = 1000}, {.gpus = 1, .share = 100}});
    never({{{}, 10}}, {{.gpus = 0, .cpu = 1}});
}

TEST_CASE("a node wider than the widest task is whole until too few GPUs are left") {
    const hand_node sixteen{.shares = std::vector<amount>(16, 1000), .cpu = 96'000, .model = "G2"};
    const auto machines = hand_fleet({sixteen});
    const auto mix = hand_workload(machines, {{.gpus = 8, .share = 1000}, {.gpus = 1, .share = 500}});
    const node_classes classes{machines};
    ledger ledger{machines};
    const whole_node_reserve reserve{problem{machines, mix}, classes, ledger};
    const auto breaks = [&](berth::gpu_mask gpus) {
        return reserve.breaks(ledger.node(node_index{0}), 0, mix.demand(task_index{1}), gpus);
    };
    CHECK(reserve.width() == 8);
    CHECK(reserve.is_whole(ledger.node(node_index{0}), 0));
    CHECK(!breaks(1));  // 15 are left
    ledger.place(mix.demand(task_index{0}), {node_index{0}, berth::first_gpus(8)});
    CHECK(reserve.is_whole(ledger.node(node_index{0}), 0));
    CHECK(breaks(berth::gpu_mask{1} << 8));  // 7 would be left
    ledger.place(mix.demand(task_index{1}), {node_index{0}, berth::gpu_mask{1} << 8});
    CHECK(!reserve.is_whole(ledger.node(node_index{0}), 0));
}
