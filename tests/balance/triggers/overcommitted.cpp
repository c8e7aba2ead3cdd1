// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/triggers/overcommitted.hpp"

#include "berth/balance/balancer.hpp"
#include "berth/balance/triggers/load_above.hpp"
#include "berth/core/random.hpp"

#include "balance/balance_fleets.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using berth_test::at;

namespace {

/// Nodes of one GPU with so much memory (GB) each, in one domain with `power` for all; tasks that want some.
berth_test::instance hosts(const std::vector<berth::amount>& memory, const std::vector<berth::amount>& tasks,
                           berth::amount power = 1000) {
    berth::fleet_builder builder{berth::resource_schema{.gpu = {"share"}, .node = {"memory"}, .domain = {"power"}}};
    const berth::amount watts[] = {power};
    (void)berth_test::need(builder.add_domain("rack", 0, watts));
    const std::vector<berth::gpu_description> gpus(1);
    const std::string_view rack[] = {"rack"};
    for (std::size_t n = 0; n < memory.size(); ++n) {
        const berth::amount capacity[] = {memory[n]};
        if (n + 1 < memory.size()) {
            (void)berth_test::need(builder.add_node({.capacity = capacity, .gpus = gpus, .domains = rack}));
        } else {
            (void)berth_test::need(builder.add_node({.capacity = capacity, .gpus = gpus}));
        }
    }
    berth::fleet machines = berth_test::need(std::move(builder).build());
    berth::workload_builder work{machines};
    for (const berth::amount wanted : tasks) {
        const berth::amount share[] = {100};
        const berth::amount demand[] = {wanted};
        const berth::amount draw[] = {10};
        (void)berth_test::need(work.add_task({.gpu_demand = share, .node_demand = demand, .domain_demand = draw}));
    }
    berth::workload all = berth_test::need(std::move(work).build());
    return {std::move(machines), std::move(all)};
}

const berth::balancer relief{berth::triggers{berth::overcommitted{}}};

/// The sum over all counters of what is below zero.
berth::amount below(const berth::ledger& ledger) {
    berth::amount sum = 0;
    const auto add = [&sum](std::span<const berth::amount> free) {
        for (const berth::amount left : free) sum += left < 0 ? -left : 0;
    };
    const berth::fleet& fleet = ledger.fleet();
    for (std::size_t n = 0; n < fleet.node_count(); ++n) add(ledger.free(berth::node_index{n}));
    for (std::size_t g = 0; g < fleet.gpu_count(); ++g) add(ledger.free(berth::gpu_index{g}));
    for (std::size_t d = 0; d < fleet.domain_count(); ++d) add(ledger.free(berth::domain_index{d}));
    return sum;
}

}  // namespace

TEST_CASE("overcommitted: a node falls from 64 to 48 GB with 30 + 30 running, one task moves, before anything else") {
    const auto all = hosts({48, 64}, {30, 30});
    const berth::problem p{all.machines, all.tasks};
    berth::assignment placement{at(0), at(0)};
    const std::vector<double> gpu_load{1.0, 0.0};
    const std::vector<double> task_load{0.7, 0.3};
    // The load alone would move task 0 as well; both end below the limit.
    auto state = berth::balancer{berth::triggers{berth::overcommitted{},
                                                 berth::load_above{.enter = 0.9, .rounds = 1, .sweep = 0}}}
                     .prepare(p);
    const auto round = state.round({.placement = placement, .gpu_load = gpu_load, .task_load = task_load}).value();
    REQUIRE(round.chosen.size() == 1);
    CHECK(std::string_view{round.reason(round.chosen[0])} == "overcommitted");
    CHECK(round.chosen[0].move.to == at(1));
    CHECK(round.alarms.at(0).pressure == doctest::Approx(12.0 / 48.0));
    CHECK(round.alarms.at(0).gpus == 0);
    CHECK(state.projected().ledger().free(berth::node_index{0})[0] == 18);
    CHECK(round.answered == round.alarms.size());
    berth_test::carry_out(p, round, placement);
    CHECK(relief.prepare(p).round({.placement = placement}).value().alarms.empty());
}

TEST_CASE("overcommitted: relief waits neither for a cooldown nor for payback") {
    const auto all = hosts({48, 64}, {30, 30});
    const berth::problem p{all.machines, all.tasks};
    const berth::assignment placement{at(0), at(0)};
    const std::vector<double> remaining{1.0, 1.0};
    auto state = berth::balancer{berth::triggers{berth::overcommitted{}},
                                 berth::move_choice{berth::payback{berth::uniform_migration{.seconds = 1e9}},
                                                    berth::all_movable{},
                                                    {.cooldown = 1e6, .min_gain = 1e12}}}
                     .prepare(p);
    for (const double time : {0.0, 1.0}) {
        const auto round = state.round({.time = time, .placement = placement, .remaining = remaining}).value();
        REQUIRE(round.chosen.size() == 1);
        CHECK(round.chosen[0].cost > round.chosen[0].gain);
    }
}

TEST_CASE("overcommitted: what is in flight counts as gone, and where there is no room nothing moves") {
    const auto all = hosts({48, 64}, {30, 30});
    const berth::problem p{all.machines, all.tasks};
    const berth::assignment placement{at(0), at(0)};
    const berth::task_move flight[] = {{berth::task_index{1}, at(0), at(1)}};
    auto state = relief.prepare(p);
    CHECK(state.round({.placement = placement, .in_flight = flight}).value().alarms.empty());
    const auto full = hosts({48, 29}, {30, 30});
    auto other = relief.prepare({full.machines, full.tasks});
    const auto round = other.round({.placement = placement}).value();
    CHECK(round.chosen.empty());
    CHECK(round.alarms.size() == 1);
    CHECK(round.answered == 0);
    CHECK(round.stays(berth::stay_reason::no_room) == 2);
}

TEST_CASE("overcommitted: only tasks on the GPU concerned leave it, also to another GPU of the node") {
    const std::vector<berth_test::small_task> tasks{{.memory = 50}, {.memory = 40}, {.memory = 10}};
    const auto all = berth_test::make_instance({.nodes = 1, .gpus = 2}, tasks);
    const berth::problem p{all.machines, all.tasks};
    const berth::assignment placement{at(0, 1), at(0, 1), at(0, 2)};
    auto state = relief.prepare(p);
    const auto round = state.round({.placement = placement}).value();
    REQUIRE(round.chosen.size() == 1);
    CHECK(round.alarms.at(0).gpus == 1);
    CHECK(round.chosen[0].move.task.value() == 0);  // either ends the alarm: the lowest index
    CHECK(round.chosen[0].move.to == at(0, 2));
    // Nothing comes to an over-committed GPU, whatever the reason.
    const berth::assignment crowded{at(0, 1), at(0, 1), at(0, 1)};
    CHECK(berth_test::ledger_of(p, crowded).free(berth::gpu_index{0})[1] == -20);
}

TEST_CASE("overcommitted: a domain is relieved by tasks that leave it, not by those that stay in it") {
    const auto all = hosts({64, 64, 64}, {10, 10, 10}, 25);  // the last node is in no rack
    const berth::problem p{all.machines, all.tasks};
    const berth::assignment placement{at(0), at(0), at(1)};
    auto state = relief.prepare(p);
    const auto round = state.round({.placement = placement}).value();
    CHECK(round.alarms.size() == 2);
    REQUIRE(round.chosen.size() == 1);
    CHECK(round.chosen[0].move.to.node.value() == 2);
    CHECK(round.answered == 2);
    const berth::task_move flight[] = {{berth::task_index{2}, at(1), at(2)}};
    CHECK(state.round({.placement = placement, .in_flight = flight}).value().alarms.empty());
}

TEST_CASE("overcommitted: random fleets - every move fits, the excess falls, and no single move is overlooked") {
    std::size_t relieved = 0;
    std::size_t stuck = 0;
    for (std::uint64_t seed = 1; seed <= 120; ++seed) {
        CAPTURE(seed);
        berth::xoshiro256 g{seed};
        std::vector<berth::amount> memory(2 + berth_test::below(g, 5));
        for (auto& m : memory) m = 20 + static_cast<berth::amount>(berth_test::below(g, 60));
        std::vector<berth::amount> tasks(2 + berth_test::below(g, 10));
        for (auto& t : tasks) t = static_cast<berth::amount>(berth_test::below(g, 40));
        const auto all = hosts(memory, tasks, 20 + static_cast<berth::amount>(10 * berth_test::below(g, 10)));
        const berth::problem p{all.machines, all.tasks};
        berth::assignment placement;
        for (std::size_t t = 0; t < tasks.size(); ++t) placement.push_back(at(berth_test::below(g, memory.size())));
        berth::amount excess = below(berth_test::ledger_of(p, placement));
        auto state = relief.prepare(p);
        for (int rounds = 0;; ++rounds) {
            REQUIRE(rounds < 50);
            const auto round = state.round({.time = static_cast<double>(rounds), .placement = placement}).value();
            if (round.alarms.empty()) CHECK(excess == 0);
            for (const auto& c : round.chosen) {
                auto ledger = berth_test::ledger_of(p, placement);
                REQUIRE(ledger.fits(all.tasks.demand(c.move.task), c.move.to));
                placement[c.move.task.value()] = c.move.to;
                const berth::amount left = below(berth_test::ledger_of(p, placement));
                REQUIRE(left < excess);
                excess = left;
            }
            if (round.chosen.empty()) break;
        }
        relieved += excess == 0 ? 1 : 0;
        stuck += excess > 0 ? 1 : 0;
        // No move is left that lowers the excess.
        for (std::size_t t = 0; t < tasks.size() && excess > 0; ++t) {
            for (std::size_t n = 0; n < memory.size(); ++n) {
                const auto demand = all.tasks.demand(berth::task_index{t});
                auto ledger = berth_test::ledger_of(p, placement);
                if (at(n) == placement[t] || !ledger.fits(demand, at(n))) continue;
                ledger.place(demand, at(n));
                ledger.remove(demand, placement[t]);
                CHECK(below(ledger) == excess);
            }
        }
    }
    CHECK(relieved > 20);
    CHECK(stuck > 20);
}
