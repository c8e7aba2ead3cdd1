// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/detail/shape_table.hpp"

#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fgd.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/allocate/greedy/scores/scarcity.hpp"
#include "berth/core/random.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

using namespace berth;
using namespace berth_test;
using berth::detail::shape_table;

namespace {

/// A demand that owns its counters.
struct own_demand {
    std::array<amount, 1> gpu;
    std::array<amount, 2> node;
    std::size_t gpus;

    [[nodiscard]] demand_view view() const { return {.gpu = gpu, .node = node, .gpus = gpus}; }
};

/// Tasks that differ in CPU and in memory.
workload memory_hogs(const fleet& machines) {
    workload_builder builder{machines};
    for (const amount cpu : {1000, 2000}) {
        for (const amount memory : {10, 20, 600'000}) {
            for (int copies = 0; copies < 2; ++copies) {
                const amount share[] = {250};
                const amount host[] = {cpu, memory};
                (void)need(builder.add_task({.gpu_demand = share, .node_demand = host}));
            }
        }
    }
    return need(std::move(builder).build());
}

fleet forty_hosts() { return hand_fleet(std::vector<hand_node>(40, {{1000, 1000}, 64'000})); }

}  // namespace

TEST_CASE("shapes that differ only in counters that are not read share a board") {
    const auto machines = forty_hosts();
    const auto work = memory_hogs(machines);
    const shape_table reads_cpu{problem{machines, work}, 1};
    CHECK(reads_cpu.size() == 6);
    CHECK(reads_cpu.board_count() == 2);
    for (std::size_t s = 0; s < 6; ++s) {
        const shape_index shape{s};
        CHECK(reads_cpu.board(shape) == s / 3);
        CHECK(reads_cpu.board_demand(shape).node[0] == work.demand(shape).node[0]);
        CHECK(reads_cpu.board_demand(shape).node[1] == 0);
        CHECK(reads_cpu.demand(shape).node[1] == work.demand(shape).node[1]);
        CHECK(!reads_cpu.occurs_once(reads_cpu.board(shape)));
    }
    CHECK(shape_table{problem{machines, work}, 0}.board_count() == 1);
    CHECK(shape_table{problem{machines, work}, 2}.board_count() == 6);
    CHECK(shape_table{problem{machines, work}, ~std::size_t{0}}.board_count() == 6);
}

TEST_CASE("a shape gets a board of its own once") {
    const auto machines = forty_hosts();
    const auto work = memory_hogs(machines);
    shape_table table{problem{machines, work}, 1};
    table.separate(shape_index{2});
    CHECK(table.board_count() == 3);
    CHECK(table.board(shape_index{2}) == 2);
    CHECK(table.board_demand(shape_index{2}).node[1] == 600'000);
    CHECK(table.board(shape_index{1}) == 0);
    table.separate(shape_index{2});
    CHECK(table.board_count() == 3);
}

TEST_CASE("a known demand is found, a new one is added") {
    const auto machines = forty_hosts();
    const auto work = memory_hogs(machines);
    shape_table table{problem{machines, work}, 1};
    CHECK(table.find_or_add(work.demand(shape_index{4})) == shape_index{4});
    const own_demand later{{750}, {3000, 10}, 1};
    const shape_index added = table.find_or_add(later.view());
    CHECK(added == shape_index{6});
    CHECK(table.find_or_add(own_demand{later}.view()) == added);
    CHECK(table.size() == 7);
    CHECK(table.demand(added).gpu[0] == 750);
    CHECK(table.demand(added).node[1] == 10);
    CHECK(table.board_count() == 3);
    const own_demand same_but_memory{{250}, {1000, 77}, 1};
    CHECK(table.board(table.find_or_add(same_but_memory.view())) == 0);
    CHECK(table.board_count() == 3);
}

TEST_CASE("add_shape refuses demands that no task may have") {
    const auto machines = forty_hosts();
    const auto work = memory_hogs(machines);
    auto placer = greedy{best_fit{}}.start({machines, work});
    const auto message = [&](const demand_view& demand) {
        const auto added = placer.add_shape(demand);
        REQUIRE(!added);
        return added.error().message;
    };
    CHECK(message(own_demand{{250}, {1000, 10}, 65}.view()) ==
          "demand: gpus is 65, a task gets at most 64 GPUs of one node");
    CHECK(message(own_demand{{-1}, {1000, 10}, 1}.view()).find("demand: gpu[0] is -1") == 0);
    CHECK(message(own_demand{{0}, {1000, 10}, 1}.view()) == "demand: gpu[0] is 0, but the task wants 1 GPUs");
    CHECK(message(own_demand{{5}, {1000, 10}, 0}.view()) == "demand: gpu[0] is 5, but the task wants 0 GPUs");
    const own_demand good{{250}, {1000, 10}, 1};
    demand_view short_of_counters = good.view();
    short_of_counters.node = short_of_counters.node.first(1);
    CHECK(message(short_of_counters).find("demand: it has 1 GPU, 1 node and 0 domain counters") == 0);
}

TEST_CASE_TEMPLATE("memory that a board does not know decides all the same", Score, best_fit, fgd, scarcity) {
    // Each host has memory for one of the large tasks, GPU and CPU for eight: more than 32 of the best nodes refuse.
    const auto machines = forty_hosts();
    const auto work = memory_hogs(machines);
    const greedy policy{Score{}, best_scored_gpu{}};
    auto indexed = policy.start({machines, work});
    auto exhaustive = policy.exhaustive().start({machines, work});
    xoshiro256 g{7};
    std::vector<std::pair<task_index, slot>> live;
    std::size_t large_refused = 0;
    for (int step = 0; step < 600; ++step) {
        if (!live.empty() && bounded(g, 4) == 0) {
            const std::size_t i = bounded(g, static_cast<std::uint32_t>(live.size()));
            indexed.remove(live[i].first, live[i].second);
            exhaustive.remove(live[i].first, live[i].second);
            live[i] = live.back();
            live.pop_back();
            continue;
        }
        const task_index t{bounded(g, static_cast<std::uint32_t>(work.task_count()))};
        const slot where = indexed.place(t);
        REQUIRE(where == exhaustive.place(t));
        if (where.placed()) live.emplace_back(t, where);
        if (!where.placed() && work.demand(t).node[1] == 600'000) ++large_refused;
    }
    CHECK(large_refused > 50);
}

TEST_CASE_TEMPLATE("a demand added later is placed as if it had been known", Score, best_fit, fgd, scarcity) {
    const auto machines = forty_hosts();
    const auto work = memory_hogs(machines);
    const greedy policy{Score{}, best_scored_gpu{}};
    auto indexed = policy.start({machines, work});
    auto exhaustive = policy.exhaustive().start({machines, work});
    xoshiro256 g{11};
    std::vector<shape_index> shapes;
    for (std::size_t s = 0; s < work.shape_count(); ++s) shapes.emplace_back(s);
    std::vector<std::pair<shape_index, slot>> live;
    for (int step = 0; step < 400; ++step) {
        if (step % 40 == 20) {
            const own_demand later{{100 + 10 * static_cast<amount>(step)}, {500, step}, step < 90 ? 1U : 0U};
            own_demand fixed = later;
            if (fixed.gpus == 0) fixed.gpu[0] = 0;
            if (fixed.gpus == 1 && fixed.gpu[0] > 1000) fixed.gpu[0] = 1000;
            const auto a = indexed.add_shape(fixed.view());
            const auto b = exhaustive.add_shape(fixed.view());
            REQUIRE((a && b));
            REQUIRE(*a == *b);
            shapes.push_back(*a);
        }
        const shape_index s = shapes[bounded(g, static_cast<std::uint32_t>(shapes.size()))];
        const slot where = indexed.place(s);
        REQUIRE(where == exhaustive.place(s));
        if (where.placed()) live.emplace_back(s, where);
        if (live.size() > 150) {
            indexed.remove(live.back().first, live.back().second);
            exhaustive.remove(live.back().first, live.back().second);
            live.pop_back();
        }
    }
    CHECK(shapes.size() > work.shape_count());
    for (const auto& [s, where] : live) indexed.remove(s, where);
    CHECK(indexed.ledger() == ledger{machines});
}
