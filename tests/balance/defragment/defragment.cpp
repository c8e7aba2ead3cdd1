// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/defragment/defragment.hpp"

#include "berth/core/observer.hpp"
#include "berth/core/random.hpp"
#include "berth/core/run_control.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/workload_builder.hpp"

#include "balance/defragment/tight_fleets.hpp"
#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

template <class Defragment>
eviction_plan ask(const tight_fleet& f, const Defragment& how) {
    auto state = how.start(f.problem());
    for (std::size_t t = 0; t < f.initial.size(); ++t) {
        if (f.initial[t].placed()) REQUIRE(state.occupy(task_index{t}, f.initial[t]));
    }
    const ledger before = state.ledger();
    eviction_plan r = state.make_room(f.waiting);
    CHECK(state.ledger() == before);
    return r;
}

}  // namespace

TEST_CASE("defragment: plans of one and two moves are found whenever they exist, and no longer ones") {
    std::size_t seen[4] = {};
    for (const fleet_shape& shape : {plain, with_gangs, with_domains}) {
        for (std::uint64_t seed = 1; seed <= 160; ++seed) {
            const tight_fleet f = make_tight(seed, shape);
            const std::size_t fewest = fewest_by_force(f, 2);
            ++seen[fewest];
            for (const std::size_t most : {std::size_t{1}, std::size_t{2}, std::size_t{4}}) {
                CAPTURE(seed);
                CAPTURE(most);
                CAPTURE(shape.domains);
                CAPTURE(shape.gangs);
                const eviction_plan r = ask(f, defragment{{.max_steps = most}});
                if (r.placed()) CHECK(fault_of(f, r, false) == "");
                if (fewest <= most && fewest <= 2) {
                    REQUIRE(r.placed());
                    CHECK(r.plan.steps.size() == fewest);
                    CHECK(r.proven);
                } else if (most <= 2) {
                    CHECK_FALSE(r.placed());
                    CHECK((r.proven || r.outcome == eviction_outcome::no_node));
                } else if (r.placed()) {
                    CHECK(r.plan.steps.size() > 2);
                    CHECK(r.plan.steps.size() <= most);
                }
            }
        }
    }
    for (const std::size_t count : seen) CHECK(count > 5);
}

TEST_CASE("defragment: tasks that may not move stay, and the shortest plan of the others is found") {
    std::size_t evicted = 0;
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        const tight_fleet f = make_tight(seed, plain);
        const auto movable = [](const task_move& r) {
            return r.task.value() % 3 != 0 && (r.task.value() + r.to.node.value()) % 4 != 0;
        };
        const std::size_t fewest = fewest_by_force(f, 2, movable);
        CAPTURE(seed);
        const eviction_plan r = ask(f, defragment{{.max_steps = 2}, expected_fragmentation_cost{}, movable});
        REQUIRE(r.placed() == (fewest <= 2));
        if (!r.placed()) continue;
        CHECK(r.plan.steps.size() == fewest);
        CHECK(fault_of(f, r, false).empty());
        for (const migration_step& s : r.plan.steps) CHECK(movable(s.move()));
        evicted += fewest > 0 ? 1 : 0;
    }
    CHECK(evicted > 5);
}

TEST_CASE("defragment: long plans can be carried out, with and without host memory") {
    std::size_t longer = 0;
    std::size_t parked = 0;
    for (std::uint64_t seed = 1000; seed < 1200; ++seed) {
        const tight_fleet f = make_tight(seed, seed % 2 == 0 ? plain : with_gangs);
        for (const bool park : {false, true}) {
            const eviction_plan r = ask(f, defragment{{.max_steps = 16, .park = park}});
            if (!r.placed()) continue;
            CAPTURE(seed);
            CHECK(fault_of(f, r, park) == "");
            CHECK(r.plan.steps.size() <= 16);
            longer += r.plan.steps.size() > 2 ? 1 : 0;
            parked += r.plan.extra_steps > 0 ? 1 : 0;
        }
    }
    CHECK(longer > 5);
    CHECK(parked > 5);
}

TEST_CASE("defragment: a case computed by hand") {
    // Three nodes with one GPU each, of which 600, 400 and 900 are in use: 900 fits once the 600 and the 400 share a
    // GPU.
    fleet_builder nodes{resource_schema{.gpu = {"share"}, .node = {}, .domain = {}}};
    const std::vector<gpu_description> one(1);
    for (int n = 0; n < 3; ++n) (void)need(nodes.add_node({.gpus = one}));
    const fleet machines = need(std::move(nodes).build());
    workload_builder tasks{machines};
    for (const amount share : {600, 400, 900, 900, 1000}) {
        const amount wanted[] = {share};
        (void)need(tasks.add_task({.gpu_demand = wanted, .state_bytes = 7}));
    }
    const workload work = need(std::move(tasks).build());
    auto state = defragment{{.max_steps = 1}}.start(problem{machines, work});
    CHECK(state.occupy(task_index{0}, {node_index{0}, 1}));
    CHECK(state.occupy(task_index{1}, {node_index{1}, 1}));
    CHECK(state.occupy(task_index{2}, {node_index{2}, 1}));
    CHECK_FALSE(state.occupy(task_index{3}, {node_index{2}, 1}));

    const eviction_plan r = state.make_room(task_index{3});
    REQUIRE(r.outcome == eviction_outcome::evicted);
    REQUIRE(r.plan.steps.size() == 1);
    CHECK((r.plan.steps[0].task == task_index{0} || r.plan.steps[0].task == task_index{1}));
    CHECK(r.plan.wave_count() == 1);
    CHECK(r.plan.duration == 1.0);
    state.carry_out(task_index{3}, r);
    CHECK(state.where(task_index{3}) == r.where);
    const eviction_plan none = state.make_room(task_index{4});
    CHECK(none.outcome == eviction_outcome::not_found);
    CHECK(none.proven);
    CHECK(state.make_room(task_index{4}).outcome == eviction_outcome::not_found);  // remembered

    state.remove(task_index{3});
    CHECK(state.make_room(task_index{4}).outcome == eviction_outcome::fits);
}

TEST_CASE("defragment: a task in flight holds both ends and is left alone") {
    fleet_builder nodes{resource_schema{.gpu = {"share"}, .node = {}, .domain = {}}};
    const std::vector<gpu_description> one(1);
    for (int n = 0; n < 2; ++n) (void)need(nodes.add_node({.gpus = one}));
    const fleet machines = need(std::move(nodes).build());
    workload_builder tasks{machines};
    for (const amount share : {400, 300, 700}) {
        const amount wanted[] = {share};
        (void)need(tasks.add_task({.gpu_demand = wanted}));
    }
    const workload work = need(std::move(tasks).build());
    auto state = defragment{}.start(problem{machines, work});
    CHECK(state.occupy(task_index{0}, {node_index{0}, 1}));
    CHECK(state.occupy(task_index{1}, {node_index{1}, 1}));
    CHECK(state.make_room(task_index{2}).outcome == eviction_outcome::fits);
    CHECK(state.begin({task_index{1}, {node_index{1}, 1}, {node_index{0}, 1}}));
    CHECK(state.make_room(task_index{2}).outcome == eviction_outcome::fits);
    CHECK(state.occupy(task_index{2}, {node_index{1}, 1}));
    state.remove(task_index{2});
    CHECK(state.begin({task_index{0}, {node_index{0}, 1}, {node_index{1}, 1}}));
    CHECK(state.make_room(task_index{2}).outcome == eviction_outcome::not_found);
    state.cancel(task_index{0});
    state.finish(task_index{1});
    CHECK(state.where(task_index{1}) == slot{node_index{0}, 1});
    CHECK(state.make_room(task_index{2}).where == slot{node_index{1}, 1});
}

TEST_CASE("defragment: of equally short plans the cheapest is taken, and small tasks may not be worth one") {
    fleet_builder nodes{resource_schema{.gpu = {"share"}, .node = {}, .domain = {}}};
    const std::vector<gpu_description> one(1);
    for (int n = 0; n < 3; ++n) (void)need(nodes.add_node({.gpus = one}));
    const fleet machines = need(std::move(nodes).build());
    workload_builder tasks{machines};
    constexpr amount bytes[] = {900, 5, 700, 0};
    for (std::size_t t = 0; t < 4; ++t) {
        const amount wanted[] = {t < 3 ? 400 : 700};
        (void)need(tasks.add_task({.gpu_demand = wanted, .state_bytes = bytes[t]}));
    }
    const workload work = need(std::move(tasks).build());
    for (const double min_share_per_step : {0.0, 700.0, 701.0}) {
        auto state = defragment{{.min_share_per_step = min_share_per_step}}.start(problem{machines, work});
        for (std::size_t t = 0; t < 3; ++t) REQUIRE(state.occupy(task_index{t}, {node_index{t}, 1}));
        const eviction_plan r = state.make_room(task_index{3});
        CHECK(r.outcome == (min_share_per_step > 700.0 ? eviction_outcome::not_worth : eviction_outcome::evicted));
        if (r.placed()) CHECK(r.plan.steps[0].task == task_index{1});
    }
}

namespace {

double fragmentation_of(const problem& p, const ledger& ledger) {
    const auto fragmentation = expected_fragmentation_cost{}.prepare(p);
    double sum = 0.0;
    for (std::size_t n = 0; n < p.fleet().node_count(); ++n) sum += fragmentation(ledger.node(node_index{n}));
    return sum;
}
double fragmentation_after(const tight_fleet& f, const eviction_plan& r) {
    assignment where = f.initial;
    for (const migration_step& s : r.plan.steps) where[s.task.value()] = s.to;
    where[f.waiting.value()] = r.where;
    return fragmentation_of(f.problem(), need(make_ledger(f.problem(), where)));
}

}  // namespace

TEST_CASE("defragment: with a step cost the plan that saves most is taken, and none that is not worth it") {
    std::size_t longer = 0;
    std::size_t refused = 0;
    std::size_t taken = 0;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        const tight_fleet f = make_tight(seed, seed % 2 == 0 ? plain : with_gangs);
        const eviction_plan shortest = ask(f, defragment{{.max_steps = 6, .park = true}});
        if (shortest.outcome == eviction_outcome::fits || shortest.outcome == eviction_outcome::no_node) continue;
        for (const double step_cost : {1.0, 100.0, 400.0}) {
            CAPTURE(seed);
            CAPTURE(step_cost);
            const auto total = [&](const eviction_plan& r) {
                return r.fragmentation + step_cost * static_cast<double>(r.plan.steps.size());
            };
            const eviction_plan r = ask(f, defragment{{.max_steps = 6, .park = true, .step_cost = step_cost}});
            if (!shortest.placed()) {
                CHECK_FALSE(r.placed());
                continue;
            }
            const bool counts = f.work.demand(f.waiting).gpus > 0;
            if (!r.placed()) {
                CHECK(r.outcome == eviction_outcome::not_worth);
                CHECK_FALSE(r.proven);
                CHECK(r.plan.steps.empty());
                CHECK(counts);
                CHECK(total(shortest) > 0.0);
                ++refused;
                continue;
            }
            CHECK(fault_of(f, r, true) == "");
            CHECK(r.plan.steps.size() <= 6);
            CHECK(
                r.fragmentation ==
                doctest::Approx(fragmentation_after(f, r) - fragmentation_of(f.problem(), ledger_of(f))).epsilon(1e-6));
            CHECK(total(r) <= total(shortest) + 1e-6);
            if (counts) CHECK(total(r) <= 1e-6);
            longer += r.plan.steps.size() > shortest.plan.steps.size() ? 1 : 0;
            ++taken;
        }
    }
    CHECK(longer > 5);
    CHECK(refused > 5);
    CHECK(taken > 20);
}

TEST_CASE("defragment: that no plan was worth its steps is remembered for that number of steps") {
    std::size_t seen = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        const tight_fleet f = make_tight(seed, plain);
        const defragment how{{.max_steps = 3, .step_cost = 1000.0}};
        auto state = how.start(f.problem());
        for (std::size_t t = 0; t < f.initial.size(); ++t) {
            if (f.initial[t].placed()) REQUIRE(state.occupy(task_index{t}, f.initial[t]));
        }
        const eviction_plan first = state.make_room(f.waiting);
        const eviction_plan again = state.make_room(f.waiting);
        CHECK(again.outcome == first.outcome);
        if (first.outcome != eviction_outcome::not_worth) continue;
        ++seen;
        CHECK(first.evaluations > 0);
        CHECK(again.evaluations == 0);
        auto fresh = defragment{{.max_steps = 1, .step_cost = 1000.0}}.start(f.problem());
        for (std::size_t t = 0; t < f.initial.size(); ++t) {
            if (f.initial[t].placed()) REQUIRE(fresh.occupy(task_index{t}, f.initial[t]));
        }
        CHECK(state.make_room(f.waiting, 1).outcome == fresh.make_room(f.waiting).outcome);
    }
    CHECK(seen > 3);
}

TEST_CASE("defragment: a task that no node could take has its own outcome") {
    const tight_fleet f = make_tight(3, plain);
    workload_builder tasks{f.machines};
    const amount cpu[] = {1000};
    (void)need(tasks.add_task({.gpus = 0, .node_demand = cpu}));
    const workload work = need(std::move(tasks).build());
    auto state = defragment{}.start(problem{f.machines, work});
    CHECK(state.make_room(task_index{0}).outcome == eviction_outcome::no_node);
    CHECK(std::string{to_string(eviction_outcome::no_node)} == "no node would take it empty");
}

TEST_CASE("defragment: a state with a history answers like a new one") {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        const tight_fleet f = make_tight(seed, plain);
        const defragment how{{.max_steps = 4, .park = true}};
        auto old = how.start(f.problem());
        xoshiro256 g{seed};
        std::vector<bool> runs(f.initial.size());
        for (std::size_t round = 0; round < 20; ++round) {
            const std::size_t t = below(g, f.initial.size() - 1);
            if (!f.initial[t].placed()) continue;
            if (runs[t]) {
                old.remove(task_index{t});
            } else {
                REQUIRE(old.occupy(task_index{t}, f.initial[t]));
            }
            runs[t] = !runs[t];
            auto fresh = how.start(f.problem());
            for (std::size_t u = 0; u < runs.size(); ++u) {
                if (runs[u]) REQUIRE(fresh.occupy(task_index{u}, f.initial[u]));
            }
            const eviction_plan a = old.make_room(f.waiting);
            const eviction_plan b = fresh.make_room(f.waiting);
            CHECK(a.outcome == b.outcome);
            CHECK(a.plan.steps.size() == b.plan.steps.size());
        }
    }
}

TEST_CASE("defragment: answers are the same on every compiler") {
    std::uint64_t sum = 0;
    const auto mix = [&sum](std::uint64_t value) { sum = splitmix64(sum ^ value); };
    const auto mix_slot = [&mix](const slot& s) { mix(s.placed() ? (s.node.value() + 1) * 64 + s.gpus : 0); };
    constexpr defragment_options kinds[] = {
        {.max_steps = 2}, {.max_steps = 8, .park = true}, {.max_steps = 6, .step_cost = 100.0}};
    for (const fleet_shape& shape : {plain, with_gangs, with_domains}) {
        for (std::uint64_t seed = 1; seed <= 60; ++seed) {
            const tight_fleet f = make_tight(seed, shape);
            for (const defragment_options& options : kinds) {
                const eviction_plan r = ask(f, defragment{options});
                mix(static_cast<std::uint64_t>(r.outcome) * 2 + (r.proven ? 1 : 0));
                mix(r.evaluations);
                mix_slot(r.where);
                for (const migration_step& s : r.plan.steps) {
                    mix(s.task.value());
                    mix_slot(s.from);
                    mix_slot(s.to);
                }
            }
        }
    }
    CHECK(sum == 15449553537595309516ULL);
}

namespace {

/// Asks to stop from the given poll on.
struct stop_at {
    std::size_t* polls;
    std::size_t last;
    [[nodiscard]] bool stop_requested() const { return ++*polls >= last; }
};

struct begin_and_end {
    std::size_t* calls;
    void on_begin(const progress&) const { ++*calls; }
    void on_end(const progress&) const { ++*calls; }
};

template <class State>
void occupy_all(State& state, const tight_fleet& f) {
    for (std::size_t t = 0; t < f.initial.size(); ++t) {
        if (f.initial[t].placed()) REQUIRE(state.occupy(task_index{t}, f.initial[t]));
    }
}

}  // namespace

TEST_CASE("defragment: the smaller budget of options and control ends the search with the best plan so far") {
    std::size_t ended = 0;
    std::size_t found = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        const tight_fleet f = make_tight(seed, plain);
        const eviction_plan whole = ask(f, defragment{{.max_steps = 6, .step_cost = 1.0}});
        CHECK(whole.stopped == stop_reason::completed);
        for (const std::uint64_t budget : {std::uint64_t{0}, whole.evaluations / 3, whole.evaluations / 2}) {
            const defragment by_options{{.max_steps = 6, .step_cost = 1.0, .max_evaluations = budget}};
            auto one = by_options.start(f.problem());
            auto two = defragment{{.max_steps = 6, .step_cost = 1.0}}.start(f.problem());
            occupy_all(one, f);
            occupy_all(two, f);
            const eviction_plan a = one.make_room(f.waiting);
            const eviction_plan b = two.make_room(f.waiting, run_control<>{.max_evaluations = budget});
            CHECK(a.outcome == b.outcome);
            CHECK(a.where == b.where);
            CHECK(a.plan == b.plan);
            CHECK(a.evaluations == b.evaluations);
            CHECK(a.stopped == b.stopped);
            if (b.placed()) CHECK(fault_of(f, b, false) == "");
            if (b.stopped == stop_reason::completed) continue;
            CHECK(b.stopped == stop_reason::budget_exhausted);
            ++ended;
            found += b.placed() ? 1 : 0;
            // A control's budget does not spoil later questions.
            const eviction_plan again = two.make_room(f.waiting);
            CHECK(again.outcome == whole.outcome);
            CHECK(again.plan == whole.plan);
            CHECK(again.stopped == stop_reason::completed);
        }
    }
    CHECK(ended > 20);
    CHECK(found > 3);
}

TEST_CASE("defragment: a cancelled search is polled in every phase and answers as ever afterwards") {
    std::size_t placed = 0;
    std::size_t polled = 0;
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        CAPTURE(seed);
        const tight_fleet f = make_tight(seed, {.nodes = 150, .gpus = 2, .gangs = seed % 2 == 0});
        const defragment how{{.max_steps = 6, .park = true}};
        auto fresh = how.start(f.problem());
        occupy_all(fresh, f);
        const eviction_plan whole = fresh.make_room(f.waiting);
        for (std::size_t last = 1; last < 4000; last = 2 * last + 1) {
            auto state = how.start(f.problem());
            occupy_all(state, f);
            const ledger before = state.ledger();
            std::size_t polls = 0;
            std::size_t calls = 0;
            const eviction_plan r = state.make_room(
                f.waiting, run_control<stop_at, begin_and_end>{.stop = {&polls, last}, .observer = {&calls}});
            CHECK(calls == 2);
            CHECK(state.ledger() == before);
            if (r.placed()) CHECK(fault_of(f, r, true) == "");
            if (r.stopped == stop_reason::completed) {
                CHECK(r.plan == whole.plan);
                break;
            }
            CHECK(r.stopped == stop_reason::cancelled);
            CHECK(polls == last);
            ++polled;
            placed += r.placed() ? 1 : 0;
            const eviction_plan again = state.make_room(f.waiting);
            CHECK(again.outcome == whole.outcome);
            CHECK(again.plan.steps.size() == whole.plan.steps.size());
        }
    }
    CHECK(polled > 10);
    CHECK(placed > 0);
}

TEST_CASE("defragment: reports and questions that do not fit the state are refused") {
    const tight_fleet f = make_tight(7, plain);
    auto state = defragment{}.start(f.problem());
    occupy_all(state, f);
    std::size_t runs = 0;
    while (!f.initial[runs].placed()) ++runs;
    const task_index running{runs};
    const slot where = f.initial[runs];
    const ledger before = state.ledger();
    const task_index unknown{f.initial.size()};
    CHECK_FALSE(state.occupy(running, where));
    CHECK_FALSE(state.occupy(unknown, where));
    CHECK_FALSE(state.occupy(f.waiting, {node_index{99}, 1}));
    CHECK_FALSE(state.occupy(f.waiting, {node_index{0}, gpu_mask{1} << 40U}));
    CHECK_FALSE(state.remove(f.waiting));
    CHECK_FALSE(state.remove(task_index{}));
    CHECK_FALSE(state.begin({f.waiting, where, where}));
    CHECK_FALSE(state.begin({unknown, unplaced, where}));
    CHECK_FALSE(state.finish(running));
    CHECK_FALSE(state.cancel(unknown));
    for (const task_index t : {running, unknown, task_index{}}) {
        const eviction_plan r = state.make_room(t);
        CHECK(r.outcome == eviction_outcome::not_waiting);
        CHECK_FALSE(r.placed());
    }
    CHECK(state.ledger() == before);
    CHECK(std::string{to_string(eviction_outcome::not_waiting)} == "not a waiting task");
}

TEST_CASE("defragment: a plan that is out of date is not carried out, not even in part") {
    std::size_t stale = 0;
    for (std::uint64_t seed = 1; seed <= 80; ++seed) {
        CAPTURE(seed);
        const tight_fleet f = make_tight(seed, plain);
        auto state = defragment{{.max_steps = 6, .park = true}}.start(f.problem());
        occupy_all(state, f);
        const eviction_plan r = state.make_room(f.waiting);
        if (r.outcome != eviction_outcome::evicted) continue;
        const std::vector<slot> slots{state.slots().begin(), state.slots().end()};
        const auto unchanged = [&] { return std::equal(slots.begin(), slots.end(), state.slots().begin()); };
        eviction_plan other = r;
        other.where = {node_index{99}, 1};
        CHECK_FALSE(state.carry_out(f.waiting, other));
        CHECK(unchanged());
        other = r;
        other.plan.steps.back().to = {node_index{99}, 1};
        CHECK_FALSE(state.carry_out(f.waiting, other));
        CHECK(unchanged());
        other = r;
        other.plan.steps[0].from = {node_index{99}, 1};
        CHECK_FALSE(state.carry_out(f.waiting, other));
        other = r;
        other.plan.steps[0].task = task_index{f.initial.size()};
        CHECK_FALSE(state.carry_out(f.waiting, other));
        CHECK_FALSE(state.carry_out(f.waiting, eviction_plan{}));
        CHECK(unchanged());
        const berth::ledger before = state.ledger();
        CHECK(state.carry_out(f.waiting, r));
        CHECK_FALSE(state.carry_out(f.waiting, r));
        CHECK(state.where(f.waiting) == r.where);
        CHECK_FALSE(state.ledger() == before);
        ++stale;
    }
    CHECK(stale > 10);
}

static_assert(fragmentation_cost<expected_fragmentation_cost>);
static_assert(!fragmentation_cost<int>);
