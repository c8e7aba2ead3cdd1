// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/defragment/detail/eviction_order.hpp"

#include "berth/balance/detail/stop_poll.hpp"

#include "balance/defragment/tight_fleets.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

using namespace berth;
using berth::detail::eviction_order;
using berth::detail::stop_poll;
using berth_test::below;
using berth_test::make_tight;
using berth_test::need;
using berth_test::tight_fleet;

namespace {

enum class state : std::uint8_t { waits, away, done };

/// Least number of parked tasks over all orders; `moves.size() + 1` if there is none. Tries everything.
std::size_t fewest_parked(ledger& ledger, const workload& work, const std::vector<task_move>& moves,
                          std::vector<state>& states) {
    bool all = true;
    std::size_t fewest = moves.size() + 1;
    for (std::size_t i = 0; i < moves.size(); ++i) {
        all = all && states[i] == state::done;
        const demand_view demand = work.demand(moves[i].task);
        const state before = states[i];
        if (before != state::done && ledger.has_room(demand, moves[i].to)) {
            ledger.place(demand, moves[i].to);
            if (before == state::waits) ledger.remove(demand, moves[i].from);
            states[i] = state::done;
            fewest = std::min(fewest, fewest_parked(ledger, work, moves, states));
            states[i] = before;
            if (before == state::waits) ledger.place(demand, moves[i].from);
            ledger.remove(demand, moves[i].to);
        }
        if (before == state::waits) {
            ledger.remove(demand, moves[i].from);
            states[i] = state::away;
            fewest = std::min(fewest, 1 + fewest_parked(ledger, work, moves, states));
            states[i] = before;
            ledger.place(demand, moves[i].from);
        }
    }
    return all ? 0 : fewest;
}

}  // namespace

TEST_CASE("eviction_order: random moves, compared with every order") {
    std::size_t seen[3] = {};
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        CAPTURE(seed);
        tight_fleet f = make_tight(seed, {.nodes = 2 + seed % 3, .gpus = 2, .gangs = seed % 2 == 0});
        for (std::size_t t = 0; t < f.initial.size(); t += 3) f.initial[t] = unplaced;  // not quite full
        xoshiro256 g{seed};
        ledger ledger = berth_test::ledger_of(f);
        // Distinct tasks, to slots that all have room once every source is free.
        berth::ledger after = ledger;
        std::vector<task_index> tasks;
        for (std::size_t t = 0; t < f.initial.size() && tasks.size() < 4; ++t) {
            if (f.initial[t].placed() && berth_test::chance(g, 60)) tasks.emplace_back(t);
        }
        for (const task_index t : tasks) after.remove(f.work.demand(t), f.initial[t.value()]);
        std::vector<task_move> moves;
        for (const task_index t : tasks) {
            const auto slots = berth_test::slots_for(after, f.work.demand(t));
            if (slots.empty()) break;
            const slot to = slots[below(g, slots.size())];
            after.place(f.work.demand(t), to);
            moves.push_back({t, f.initial[t.value()], to});
        }
        if (moves.size() < 2) continue;
        std::vector<state> states(moves.size(), state::waits);
        const std::size_t fewest = fewest_parked(ledger, f.work, moves, states);
        const berth::ledger before = ledger;
        eviction_order order;
        stop_poll poll;
        for (std::size_t max_parked = 0; max_parked <= moves.size(); ++max_parked) {
            const bool found = order.find(ledger, f.work, moves, max_parked, poll);
            CHECK(ledger == before);
            REQUIRE(found == (fewest <= max_parked));
            if (!found) continue;
            CHECK(order.parked() == fewest);
            CHECK(order.steps().size() == moves.size() + fewest);
            std::vector<state> now(moves.size(), state::waits);
            berth::ledger replay = before;
            for (const auto& step : order.steps()) {
                const task_move& r = moves[step.which];
                const demand_view demand = f.work.demand(r.task);
                if (step.kind == step_kind::park) {
                    REQUIRE(now[step.which] == state::waits);
                    replay.remove(demand, r.from);
                    now[step.which] = state::away;
                    continue;
                }
                REQUIRE(now[step.which] == (step.kind == step_kind::fetch ? state::away : state::waits));
                REQUIRE(replay.has_room(demand, r.to));
                replay.place(demand, r.to);
                if (step.kind == step_kind::move_task) replay.remove(demand, r.from);
                now[step.which] = state::done;
            }
            CHECK(replay == need(make_ledger(f.problem(), [&] {
                      assignment where = f.initial;
                      for (const task_move& r : moves) where[r.task.value()] = r.to;
                      return where;
                  }())));
        }
        ++seen[std::min<std::size_t>(fewest, 2)];
    }
    CHECK(seen[0] > 20);
    CHECK(seen[1] > 20);
}

TEST_CASE("eviction_order: more moves than it can order are refused") {
    const tight_fleet f = make_tight(1, {.nodes = 12});
    ledger ledger = berth_test::ledger_of(f);
    eviction_order order;
    stop_poll poll;
    const std::vector<task_move> moves(eviction_order::max_moves + 1);
    CHECK_FALSE(order.find(ledger, f.work, moves, 0, poll));
    CHECK(order.find(ledger, f.work, {}, 0, poll));
    CHECK(order.steps().empty());
}
