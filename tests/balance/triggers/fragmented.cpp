// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/triggers/fragmented.hpp"

#include "berth/balance/balancer.hpp"
#include "berth/core/random.hpp"

#include "balance/balance_fleets.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

using berth::task_index;
using berth_test::at;

TEST_CASE("fragmented: two halves on two GPUs share one, so that a whole GPU is free") {
    const std::vector<berth_test::small_task> tasks{{.share = 500}, {.share = 500}, {.share = 1000}};
    const auto all = berth_test::make_instance({.nodes = 2}, tasks);
    const berth::assignment placement{at(0), at(1), berth::unplaced};
    const task_index waiting[] = {task_index{2}};
    auto state =
        berth::balancer{berth::triggers{berth::fragmented{.patience = 60.0}}}.prepare({all.machines, all.tasks});
    const auto round = [&](double time) {
        return state.round({.time = time, .placement = placement, .waiting = waiting}).value();
    };
    CHECK(round(100.0).alarms.empty());
    CHECK(round(159.0).alarms.empty());
    const auto made = round(160.0);
    REQUIRE(made.chosen.size() == 1);
    CHECK(made.chosen[0].move == berth::task_move{task_index{0}, at(0), at(1)});
    CHECK(made.chosen[0].gain == doctest::Approx(600.0));
    REQUIRE(made.rooms.size() == 1);
    CHECK(made.rooms[0] == berth::room_made{task_index{2}, at(0)});
    CHECK(made.alarms.size() == 2);
    CHECK(made.answered == 1);
    CHECK(state.projected().ledger().free(berth::gpu_index{0})[0] == 0);  // kept for the task
}

TEST_CASE("fragmented: the moves for a task are all or none") {
    // Two tasks would have to leave a node; there is room for one.
    const std::vector<berth_test::small_task> tasks{{.share = 400}, {.share = 400}, {.share = 600}, {.share = 1000}};
    const auto all = berth_test::make_instance({.nodes = 2}, tasks);
    const berth::assignment placement{at(0), at(0), at(1), berth::unplaced};
    const task_index waiting[] = {task_index{3}};
    auto state = berth::balancer{berth::triggers{berth::fragmented{}}}.prepare({all.machines, all.tasks});
    const auto round = state.round({.placement = placement, .waiting = waiting}).value();
    CHECK(round.alarms.size() == 2);
    CHECK(round.chosen.empty());
    CHECK(round.rooms.empty());
    CHECK(round.stays(berth::stay_reason::group_incomplete) == 1);
    CHECK(state.projected().ledger() == berth_test::need(berth::make_ledger({all.machines, all.tasks}, placement)));
}

TEST_CASE("fragmented: no alarm while the task fits, or where no node could ever hold it") {
    const std::vector<berth_test::small_task> tasks{{.share = 500}, {.gpus = 2, .share = 1000}, {.share = 1000}};
    const auto all = berth_test::make_instance({.nodes = 2}, tasks);
    const berth::assignment placement{at(0), berth::unplaced, berth::unplaced};
    auto state = berth::balancer{berth::triggers{berth::fragmented{}}}.prepare({all.machines, all.tasks});
    for (const std::size_t t : {1U, 2U}) {
        const task_index waiting[] = {task_index{t}};
        CHECK(state.round({.placement = placement, .waiting = waiting}).value().alarms.empty());
    }
}

TEST_CASE("fragmented: no room is made for a waiting task in flight") {
    const std::vector<berth_test::small_task> tasks{
        {.share = 500}, {.share = 500}, {.share = 500}, {.share = 500}, {.share = 600}};
    const auto all = berth_test::make_instance({.nodes = 3}, tasks);
    const berth::assignment placement{at(0), at(0), at(1), at(1), berth::unplaced};
    const task_index waiting[] = {task_index{4}};
    const berth::task_move fetched[] = {{task_index{4}, berth::unplaced, at(2)}};
    auto state = berth::balancer{berth::triggers{berth::fragmented{}}}.prepare({all.machines, all.tasks});
    CHECK(state.round({.placement = placement, .in_flight = fetched, .waiting = waiting}).value().alarms.empty());
}

TEST_CASE("fragmented: random fleets - tasks fit where room was made for them") {
    std::size_t made = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        berth::xoshiro256 g{seed};
        std::vector<berth_test::small_task> tasks(40);
        for (auto& task : tasks) {
            task.gpus = berth_test::chance(g, 20) ? 2 : 1;
            task.share = static_cast<berth::amount>(100 * (1 + berth_test::below(g, 9)));
        }
        const auto all = berth_test::make_instance({.nodes = 4, .gpus = 4}, tasks);
        const berth::problem p{all.machines, all.tasks};
        berth::ledger ledger{all.machines};
        berth::assignment placement;
        std::vector<task_index> waiting;
        for (std::size_t t = 0; t < tasks.size(); ++t) {
            const auto demand = all.tasks.demand(task_index{t});
            const std::size_t first = berth_test::below(g, 4);
            berth::slot where = berth::unplaced;
            for (std::size_t i = 0; i < 4 && !where.placed(); ++i) {
                const berth::node_index n{(first + i) % 4};
                berth::gpu_mask fitting = ledger.fitting_gpus(demand, n);
                if (!berth::has_gpus(fitting, demand.gpus)) continue;
                while (berth::gpu_count(fitting) > demand.gpus) fitting &= fitting - 1;
                where = {n, fitting};
                ledger.place(demand, where);
            }
            placement.push_back(where);
            if (!where.placed()) waiting.emplace_back(t);
        }
        auto state = berth::balancer{berth::triggers{berth::fragmented{}}}.prepare(p);
        const auto round = state.round({.placement = placement, .waiting = waiting}).value();
        berth_test::carry_out(p, round, placement);
        berth::ledger after = berth_test::need(berth::make_ledger(p, placement));
        for (const auto& room : round.rooms) {
            const auto demand = all.tasks.demand(room.task);
            REQUIRE(after.fits(demand, room.where));
            after.place(demand, room.where);
            ++made;
        }
        REQUIRE((round.rooms.empty() ? round.chosen.empty() : !round.chosen.empty()));
    }
    CHECK(made > 15);
}
