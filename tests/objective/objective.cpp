// SPDX-License-Identifier: Apache-2.0
#include "berth/objective/objective.hpp"

#include "berth/cost/divisible/load_cost.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/task_mix.hpp"
#include "berth/objective/measures/fragmentation.hpp"
#include "berth/objective/measures/power.hpp"
#include "berth/objective/terms/assignment_cost.hpp"
#include "berth/objective/terms/capacity_excess.hpp"
#include "berth/objective/terms/counter_balance.hpp"
#include "berth/objective/terms/gpu_loads.hpp"
#include "berth/objective/terms/group_dependencies.hpp"
#include "berth/objective/terms/group_move_peak.hpp"
#include "berth/objective/terms/grouping.hpp"
#include "berth/objective/terms/least_spread.hpp"
#include "berth/objective/terms/load_dependent_cost.hpp"
#include "berth/objective/terms/load_over_safety.hpp"
#include "berth/objective/terms/move_cost.hpp"
#include "berth/objective/terms/move_distance.hpp"
#include "berth/objective/terms/node_sum.hpp"
#include "berth/objective/terms/transient_excess.hpp"

#include "allocate/problems.hpp"
#include "common/counting_new.hpp"
#include "objective/random_moves.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

/// A faulty term: apply ignores every second move.
struct forgetful {
    [[nodiscard]] static constexpr const char* name() noexcept { return "forgetful"; }
    struct state {
        double count = 0.0;
        int calls = 0;
        [[nodiscard]] double value() const { return count; }
        [[nodiscard]] double delta(task_moves all) const {
            double sum = 0.0;
            for (const auto& r : all) sum += (r.to.placed() ? 1.0 : 0.0) - (r.from.placed() ? 1.0 : 0.0);
            return sum;
        }
        void apply(task_moves all) {
            if (calls++ % 2 == 0) count += delta(all);
        }
    };
    [[nodiscard]] state prepare(const problem&, std::span<const slot> start) const {
        state s;
        for (const slot& where : start) s.count += where.placed() ? 1.0 : 0.0;
        return s;
    }
};

double quirky_cost(task_index t, gpu_index g) { return static_cast<double>((t.value() * 7 + g.value() * 13) % 29); }
amount quirky_load(task_index t, gpu_index g) { return static_cast<amount>(1 + (t.value() * 5 + g.value() * 3) % 17); }

/// Values of the state and of a newly prepared one, term by term.
template <class Objective, class State>
void check_against_full(const Objective& wish, const problem& p, const State& state) {
    const auto kept = state.by_term();
    const auto full = wish.prepare(p, state.assignment()).by_term();
    REQUIRE(kept.size() == full.size());
    for (std::size_t i = 0; i < kept.size(); ++i) {
        CAPTURE(std::string{kept[i].name});
        CHECK(kept[i].value == doctest::Approx(full[i].value).epsilon(1e-9).scale(1.0));
    }
}

}  // namespace

TEST_CASE("every term: delta and incremental value equal a full recomputation, over thousands of moves") {
    std::size_t counted = 0;
    for (std::uint64_t seed = 1; seed <= 24; ++seed) {
        CAPTURE(seed);
        const auto made = random_problem(
            seed, {.nodes = 3 + seed % 6, .tasks = 40, .gpu_counters = 1 + seed % 2, .domains = seed % 3 != 0});
        const problem p{made.machines, made.tasks};
        xoshiro256 g{seed};
        const assignment initial = random_assignment(g, p);
        const auto model = need(make_load_cost(p, seed % 2 == 0 ? load_measure::absolute : load_measure::relative));
        const std::vector<amount> limits(made.machines.gpu_count(), 20);
        std::vector<double> weights;
        for (std::size_t t = 0; t < initial.size(); ++t) weights.push_back(0.25 * static_cast<double>(below(g, 9)));
        const std::vector<std::size_t> counters{1, 0};
        const std::vector<balance_goal> goals{{.counter = 0, .partner = 1}, {.counter = 1, .partner = 0, .target = 3}};
        const std::vector<std::size_t> least(made.tasks.group_count(), 3);
        std::vector<group_dependency> needs;
        for (std::size_t i = 1; i < least.size(); ++i) needs.push_back({group_index{i - 1}, group_index{i}});

        const objective wish{
            tier(capacity_excess{}, left_out{move_weights{weights}}, transient_excess<on_nodes, 2>{initial, counters},
                 transient_excess<on_gpus>{initial, {counters.data() + 1, 1}}, least_spread{least},
                 group_dependencies{needs}),
            tier(0.5 * assignment_cost_term{quirky_cost}, load_dependent_cost{&model}, 3.0 * makespan{quirky_load},
                 makespan{share_load{&made.tasks}}, gpu_load_sum{quirky_load, over_limit{limits}},
                 gpu_load_sum{quirky_load, load_to_power{.power = 4, .unit = 10.0}}, load_variance{quirky_load}),
            tier(node_sum{fragmentation{p, typical_mix(made.tasks)}, "fragmentation"},
                 0.01 * node_sum{power_model{made.machines, power_table{}}, "power"},
                 node_sum{whole_gpu_holes{2}, "holes of two GPUs"}, move_cost<>{initial},
                 move_cost{std::span<const slot>{initial}, move_weights{weights}},
                 move_cost{std::span<const slot>{initial}, move_bytes{&made.tasks}}, spread_of_groups{},
                 spread_of_groups{{.level = 0}}, colocation_of_groups{}, colocation_of_groups{{.level = 1}},
                 load_over_safety<on_domains>{}, load_over_safety<on_nodes, 2>{}, load_over_safety<on_gpus>{},
                 counter_balance<on_nodes, 2>{goals}, group_move_peak<>{initial},
                 group_move_peak{std::span<const slot>{initial}, move_weights{weights}},
                 move_distance{std::span<const slot>{initial}, domain_distance{&made.machines}})};

        auto state = wish.prepare(p, random_assignment(g, p));
        for (int step = 0; step < 120; ++step) {
            const auto r = random_relocations(g, p, state.assignment());
            const auto before = state.value();
            tier_values<3> delta;
            counted += allocations_of([&] { delta = state.delta(r); });
            state.apply(r);
            const auto after = wish.prepare(p, state.assignment()).value();
            for (std::size_t i = 0; i < 3; ++i) {
                CHECK(before[i] + delta[i] == doctest::Approx(after[i]).epsilon(1e-9).scale(1.0));
            }
            if (step % 20 == 0) check_against_full(wish, p, state);
        }
        CHECK(state.self_check());
        for (const auto& one : state.by_term()) {
            if (std::string_view{one.name} == "power") CHECK(one.weight == 0.01);
        }
    }
    CHECK(counted == 0);
}

TEST_CASE("one move by reference equals a list of one for terms with and without a delta of gpu_move") {
    std::size_t between_gpus = 0;
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        CAPTURE(seed);
        const auto made = random_problem(seed, {.nodes = 3 + seed % 6, .tasks = 30, .gpu_counters = 1 + seed % 2});
        const problem p{made.machines, made.tasks};
        xoshiro256 g{seed};
        const std::vector<amount> limits(made.machines.gpu_count(), 20);
        const objective wish{
            tier(gpu_load_sum{quirky_load, over_limit{limits}}, capacity_excess{}, load_over_safety<on_gpus>{}),
            tier(0.5 * assignment_cost_term{quirky_cost}, 2.0 * makespan{quirky_load}),
            tier(gpu_load_sum{quirky_load, load_to_power{.power = 3, .unit = 10.0}})};
        auto state = wish.prepare(p, random_assignment(g, p));
        for (int step = 0; step < 300; ++step) {
            const task_move r = random_relocations(g, p, state.assignment()).front();
            between_gpus += gpu_count(r.from.gpus) == 1 && gpu_count(r.to.gpus) == 1 ? 1 : 0;
            const auto one = state.delta(r);
            const auto list = state.delta(task_moves{&r, 1});
            for (std::size_t i = 0; i < 3; ++i) CHECK(one[i] == doctest::Approx(list[i]).epsilon(1e-12).scale(1.0));
            if (step % 3 == 0) state.apply(r);
        }
        CHECK(state.self_check());
    }
    CHECK(between_gpus > 500);
}

TEST_CASE("capacity excess is zero exactly when a ledger takes the assignment") {
    std::size_t feasible = 0;
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        const auto made = random_problem(
            seed, {.nodes = 8, .tasks = 1 + seed % 8, .gpu_counters = 2, .domains = true, .sick = false});
        const problem p{made.machines, made.tasks};
        xoshiro256 g{seed};
        const assignment a = random_assignment(g, p);
        const bool fits = static_cast<bool>(make_ledger(p, a));
        feasible += fits ? 1 : 0;
        CAPTURE(seed);
        CHECK((objective{tier(capacity_excess{})}.prepare(p, a).value()[0] == 0.0) == fits);
    }
    CHECK(feasible > 20);
    CHECK(feasible < 280);
}

TEST_CASE("tiers compare lexicographically, and rounding does not decide") {
    using pair_of_tiers = tier_values<2>;
    CHECK(pair_of_tiers{{0.0, 5.0}} < pair_of_tiers{{1.0, 0.0}});
    CHECK(pair_of_tiers{{1.0, 0.0}} < pair_of_tiers{{1.0, 2.0}});
    CHECK(improves(pair_of_tiers{{-1.0, 9.0}}));
    CHECK(improves(pair_of_tiers{{1e-13, -1.0}}));
    CHECK_FALSE(improves(pair_of_tiers{{1e-3, -1.0}}));
    CHECK_FALSE(improves(pair_of_tiers{{0.0, 0.0}}));
}

TEST_CASE("the self-check names the term that disagrees") {
    const auto machines = hand_fleet({{{1000, 1000}, 8000}});
    const auto tasks = hand_workload(machines, {{1, 100, 1}, {1, 100, 1}});
    const problem p{machines, tasks};
    const objective wish{tier(capacity_excess{}), tier(left_out{}, forgetful{})};
    auto state = wish.prepare(p, assignment(2, unplaced));
    state.apply(state.to(task_index{0}, {node_index{0}, 1}));
    CHECK(state.self_check());
    state.apply(state.to(task_index{1}, {node_index{0}, 2}));
    const auto outcome = state.self_check();
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().message.find("\"forgetful\"") != std::string::npos);
}
