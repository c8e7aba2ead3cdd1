// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/search/local_search.hpp"

#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/objective/measures/fragmentation.hpp"
#include "berth/objective/terms/assignment_cost.hpp"
#include "berth/objective/terms/gpu_loads.hpp"
#include "berth/objective/terms/grouping.hpp"
#include "berth/objective/terms/node_sum.hpp"

#include "allocate/search/search_problems.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

double quirky_cost(task_index t, gpu_index g) { return static_cast<double>((t.value() * 7 + g.value() * 13) % 29); }
amount quirky_load(task_index t, gpu_index g) { return static_cast<amount>(1 + (t.value() * 5 + g.value() * 3) % 17); }

/// Applies no move of a task with an odd number.
struct wrong_term {
    [[nodiscard]] static constexpr const char* name() noexcept { return "wrong term"; }
    struct state {
        double sum = 0.0;
        [[nodiscard]] double value() const { return sum; }
        [[nodiscard]] double delta(task_moves all) const {
            double change = 0.0;
            for (const auto& r : all) {
                if (r.task.value() % 2 == 0) change += of(r.to) - of(r.from);
            }
            return change;
        }
        void apply(task_moves all) { sum += delta(all); }
        [[nodiscard]] static double of(const slot& where) {
            return where.placed() ? static_cast<double>(where.node.value()) : 0.0;
        }
    };
    [[nodiscard]] state prepare(const problem&, std::span<const slot> start) const {
        state s;
        for (const auto& where : start) s.sum += state::of(where);
        return s;
    }
};

/// All slots a task may have on a small fleet.
std::vector<slot> all_slots(const problem& p, task_index t) {
    std::vector<slot> all;
    for (std::size_t n = 0; n < p.fleet().node_count(); ++n) {
        for (gpu_mask mask = 0; mask < gpu_mask{1} << p.fleet().gpu_count(node_index{n}); ++mask) {
            if (may_go(p, t, {node_index{n}, mask})) all.push_back({node_index{n}, mask});
        }
    }
    return all;
}

/// The least values over all complete assignments.
template <class Objective>
auto brute_force(const problem& p, const Objective& wish) {
    std::vector<std::vector<slot>> options;
    for (std::size_t t = 0; t < p.workload().task_count(); ++t) options.push_back(all_slots(p, task_index{t}));
    std::vector<std::size_t> at(options.size(), 0);
    auto best = wish.prepare(p, assignment(options.size(), unplaced)).value();
    bool any = false;
    for (;;) {
        assignment a;
        for (std::size_t t = 0; t < options.size(); ++t) a.push_back(options[t][at[t]]);
        const auto value = wish.prepare(p, a).value();
        if (!any || value < best) best = value;
        any = true;
        std::size_t t = 0;
        while (t < at.size() && ++at[t] == options[t].size()) at[t++] = 0;
        if (t == at.size()) return best;
    }
}

struct count_hooks {
    std::size_t* improvements;
    double* last;
    void on_progress(const progress& p) const {
        ++*improvements;
        CHECK(p.objective <= *last);
        *last = p.objective;
    }
};

struct stop_at_once {
    [[nodiscard]] static bool stop_requested() { return true; }
};

}  // namespace

TEST_CASE(
    "random objectives on random problems: never worse than the start, and every plan agrees with a recomputation") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        const auto made = random_problem(
            seed, {.nodes = 3 + seed % 6, .tasks = 40, .gpu_counters = 1 + seed % 2, .domains = seed % 3 == 0});
        const problem p{made.machines, made.tasks};
        xoshiro256 g{seed};
        const assignment initial = greedy{best_fit{}}.run(p).assignment;
        const assignment start = seed % 2 == 0   ? initial
                                 : seed % 4 == 1 ? assignment(40, unplaced)
                                                 : random_assignment(g, p);
        const auto tried = neighbourhoods{shift{},
                                          swap{},
                                          chain{2},
                                          chain{3},
                                          0.2 * ejection_chain{},
                                          0.2 * ruin_and_recreate{},
                                          0.3 * shift_group{}};
        const run_control<> budget{.max_evaluations = 4000};
        const local_search_options options{.seed = seed, .self_check_every = 50};

        const objective costs{tier(capacity_excess{}, left_out{}),
                              tier(assignment_cost_term{quirky_cost}, 3.0 * move_cost<>{initial})};
        check_plan(p, costs, start, local_search{tried, descent{}, any_node{}, options}.run(p, costs, start, budget));
        const objective loads{tier(left_out{}), tier(capacity_excess{}), tier(makespan{quirky_load}),
                              tier(gpu_load_sum{quirky_load, load_to_power{.power = 3, .unit = 8.0}})};
        check_plan(p, loads, start,
                   local_search{tried, late_acceptance{20}, any_node{}, options}.run(p, loads, start, budget));
        const objective groups{tier(capacity_excess{}),
                               tier(2.0 * left_out{}, spread_of_groups{}, colocation_of_groups{},
                                    0.1 * load_variance{share_load{&made.tasks}})};
        check_plan(p, groups, start,
                   local_search{neighbourhoods{tried, 0.3 * take_out{}}, annealing{geometric_cooling{}, 1000},
                                any_node{}, options}
                       .run(p, groups, start, budget));
        const objective holes{tier(capacity_excess{}, left_out{}),
                              tier(node_sum{fragmentation{p, typical_mix(made.tasks)}, "fragmentation"},
                                   node_sum{whole_gpu_holes{2}, "holes"})};
        check_plan(
            p, holes, start,
            local_search{tried, adaptive_penalty{record_to_record{}}, cheapest_gpus{quirky_cost, 3}, options}.run(
                p, holes, start, budget));
        check_plan(p, holes, start, local_search{options}.run(p, holes, start, budget));
    }
}

TEST_CASE("tiny problems with tasks of several GPUs: as good as brute force") {
    std::size_t optimal = 0;
    std::size_t cases = 0;
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        CAPTURE(seed);
        xoshiro256 g{seed};
        const fleet machines = hand_fleet({{{1000, 1000, 500}, 8000}, {{1000, 1000}, 6000}});
        std::vector<hand_task> wanted;
        for (int t = 0; t < 4; ++t) {
            const std::size_t gpus = below(g, 3);
            const auto share = static_cast<amount>(gpus == 0 ? 0 : 200 + 100 * below(g, 7));
            wanted.push_back({gpus, share, static_cast<amount>(1000 + 1000 * below(g, 3))});
        }
        const workload tasks = hand_workload(machines, wanted);
        const problem p{machines, tasks};
        const objective wish{
            tier(capacity_excess{}, left_out{}),
            tier(assignment_cost_term{quirky_cost}, gpu_load_sum{quirky_load, load_to_power{.unit = 4.0}})};
        const assignment start(4, unplaced);
        const plan found = local_search{}.run(p, wish, start, run_control<>{.max_evaluations = 20'000});
        check_plan(p, wish, start, found);
        const auto value = wish.prepare(p, found.assignment).value();
        const auto best = brute_force(p, wish);
        if (best[0] > 0.0) continue;  // something has to be left out or exceeded: brute force places everything
        ++cases;
        CHECK_FALSE(improves(value - best));
        optimal += improves(best - value) ? 0 : 1;
    }
    CHECK(cases > 20);
    CHECK(optimal == cases);
}

TEST_CASE("same seed and budget give the same plan, another seed another") {
    const auto made = random_problem(7, {.nodes = 12, .tasks = 90});
    const problem p{made.machines, made.tasks};
    const assignment start = greedy{best_fit{}}.run(p).assignment;
    const objective wish{tier(capacity_excess{}, left_out{}), tier(assignment_cost_term{quirky_cost})};
    const run_control<> budget{.max_evaluations = 30'000};
    const plan once = local_search{}.run(p, wish, start, budget);
    const plan again = local_search{}.run(p, wish, start, budget);
    CHECK(once.assignment == again.assignment);
    CHECK(once.counters == again.counters);
    CHECK(once.stopped == stop_reason::budget_exhausted);
    CHECK(once.counters.evaluations < 30'000 + 100);
    const plan other = local_search{local_search_options{.seed = 2}}.run(p, wish, start, budget);
    CHECK_FALSE(once.assignment == other.assignment);
    // Taking a state up again continues the same run.
    const local_search search{};
    auto state = search.start(p, wish, start);
    run_control<> first{.max_evaluations = 10'000};
    run_control<> second{.max_evaluations = 30'000};
    CHECK(state.improve(first) == stop_reason::budget_exhausted);
    (void)state.improve(second);
    CHECK(std::equal(once.assignment.begin(), once.assignment.end(), state.best().begin()));
}

TEST_CASE("a golden plan") {
    const auto made = random_problem(3, {.nodes = 10, .tasks = 80});
    const problem p{made.machines, made.tasks};
    const assignment start = greedy{best_fit{}}.run(p).assignment;
    const objective wish{tier(capacity_excess{}, left_out{}),
                         tier(assignment_cost_term{quirky_cost}, 2.0 * move_cost<>{start})};
    const plan found = local_search{}.run(p, wish, start, run_control<>{.max_evaluations = 20'000});
    CHECK(hash_of(found.assignment) == 10615263217940034832ULL);
}

TEST_CASE("a search ends by itself, by token, without anything to do") {
    const auto made = random_problem(5, {.nodes = 5, .tasks = 12});
    const problem p{made.machines, made.tasks};
    const assignment start(12, unplaced);
    const objective wish{tier(capacity_excess{}, left_out{}), tier(assignment_cost_term{quirky_cost})};
    const plan done = local_search{local_search_options{.patience = 500, .max_restarts = 3}}.run(p, wish, start);
    CHECK(done.stopped == stop_reason::completed);
    check_plan(p, wish, start, done);
    const plan stopped = local_search{}.run(p, wish, start, run_control<stop_at_once>{});
    CHECK(stopped.stopped == stop_reason::cancelled);
    CHECK(stopped.assignment == start);
    CHECK(stopped.counters.evaluations == 0);

    const fleet machines = hand_fleet({{{1000}, 8000}});
    const workload none = hand_workload(machines, {});
    const problem empty{machines, none};
    CHECK(local_search{}.run(empty, wish, {}).stopped == stop_reason::completed);
    const workload too_large = hand_workload(machines, {{4, 1000, 0}});
    const problem hopeless{machines, too_large};
    const plan nothing = local_search{local_search_options{.max_restarts = local_search_options::without_end}}.run(
        hopeless, objective{tier(left_out{})}, assignment(1, unplaced));
    CHECK(nothing.stopped == stop_reason::completed);
    CHECK(nothing.left_out == std::vector{task_index{0}});
}

TEST_CASE("an acceptance rule sees how much of the budget or of the time is used") {
    const auto made = random_problem(5, {.nodes = 8, .tasks = 60});
    const problem p{made.machines, made.tasks};
    const assignment start(60, unplaced);
    const objective wish{tier(capacity_excess{}, left_out{}), tier(assignment_cost_term{quirky_cost})};
    std::vector<double> shares;
    const local_search search{standard_neighbourhoods(),
                              adaptive_penalty{records_elapsed{&shares}},
                              any_node{},
                              {.max_restarts = local_search_options::without_end}};
    (void)search.run(p, wish, start, run_control<>{.max_evaluations = 20'000});
    REQUIRE(shares.size() > 50);
    CHECK(std::is_sorted(shares.begin(), shares.end()));
    CHECK(shares.front() == 0.0);
    CHECK(shares.back() > 0.97);
    CHECK(shares.back() <= 1.0);

    shares.clear();
    double now = 0.0;
    const plan timed = search.run(p, wish, start, run_control<ticking_clock>{.stop = {&now, 0.01}});
    CHECK(timed.stopped == stop_reason::deadline_reached);
    CHECK(shares.size() >= 98);
    CHECK(std::is_sorted(shares.begin(), shares.end()));
    CHECK(shares.back() > 0.97);

    shares.clear();
    (void)local_search{standard_neighbourhoods(), records_elapsed{&shares}, any_node{}, {.max_restarts = 1}}.run(
        p, wish, start);
    CHECK(shares.empty());  // nothing bounds the run
}

TEST_CASE("annealing ends cold at a deadline and at a budget") {
    const auto made = random_problem(8, {.nodes = 10, .tasks = 80, .gangs = false});
    const problem p{made.machines, made.tasks};
    xoshiro256 g{3};
    const assignment start = random_assignment(g, p);
    const objective wish{tier(assignment_cost_term{quirky_cost})};
    const auto last_value = [&](annealing<> rule, auto control) {
        const local_search search{
            neighbourhoods{shift{}}, rule, any_node{}, {.max_restarts = local_search_options::without_end}};
        auto state = search.start(p, wish, start);
        (void)state.improve(control);
        return state.current().value()[0] - state.best_value()[0];
    };
    const annealing by_run{geometric_cooling{30.0, 0.05}};
    const annealing by_period{geometric_cooling{30.0, 0.05}, 1'000'000};
    const run_control<> budget{.max_evaluations = 30'000};
    // Where it ends, above the best that it saw: near it when cold, far above it when hot.
    CHECK(last_value(by_run, budget) < 20.0);
    CHECK(last_value(by_period, budget) > 100.0);
    double now = 0.0;
    CHECK(last_value(by_run, run_control<ticking_clock>{.stop = {&now, 0.01}}) < 20.0);
    now = 0.0;
    CHECK(last_value(by_period, run_control<ticking_clock>{.stop = {&now, 0.01}}) > 100.0);
}

TEST_CASE("a damaged start is completed") {
    const auto made = random_problem(6, {.nodes = 5, .tasks = 30, .gangs = false});
    const problem p{made.machines, made.tasks};
    const assignment start = damaged(greedy{best_fit{}}.run(p).assignment, made.machines);
    const assignment complete = complete_start(p, start);
    REQUIRE(complete.size() == 30);
    CHECK_FALSE(complete[0].placed());
    CHECK_FALSE(complete[1].placed());
    CHECK_FALSE(complete[29].placed());
    for (std::size_t t = 2; t < 29; ++t) CHECK(complete[t] == start[t]);
    const objective wish{tier(capacity_excess{}, left_out{}), tier(assignment_cost_term{quirky_cost})};
    check_plan(p, wish, complete, local_search{}.run(p, wish, start, run_control<>{.max_evaluations = 3000}));
    assignment longer = complete;
    longer.push_back({node_index{0}, 1});
    check_plan(p, wish, complete, local_search{}.run(p, wish, longer, run_control<>{.max_evaluations = 3000}));
}

TEST_CASE("the observer is called at every new best") {
    const auto made = random_problem(9, {.nodes = 8, .tasks = 50, .gangs = false});
    const problem p{made.machines, made.tasks};
    const objective wish{tier(capacity_excess{}), tier(assignment_cost_term{quirky_cost})};
    xoshiro256 g{1};
    const assignment start = random_assignment(g, p);
    std::size_t improvements = 0;
    double last = std::numeric_limits<double>::infinity();
    const run_control<never_stop, count_hooks> control{.max_evaluations = 20'000, .observer = {&improvements, &last}};
    const plan found = local_search{}.run(p, wish, start, control);
    CHECK(improvements > 10);
    if (found.by_term[0].value == 0.0) CHECK(last == doctest::Approx(found.by_term[1].value));
}

TEST_CASE("the self-check names a wrong term, and the plan is the start") {
    const auto made = random_problem(4, {.nodes = 6, .tasks = 30, .gangs = false});
    const problem p{made.machines, made.tasks};
    xoshiro256 g{2};
    const assignment start = random_assignment(g, p);
    const objective wish{tier(capacity_excess{}), tier(left_out{}, wrong_term{})};
    const plan found = local_search{local_search_options{.self_check_every = 1}}.run(
        p, wish, start, run_control<>{.max_evaluations = 5000});
    CHECK(found.disagreement.find("\"wrong term\"") != std::string::npos);
    CHECK(found.stopped == stop_reason::cancelled);
    CHECK_FALSE(improves(wish.prepare(p, start).value() - wish.prepare(p, found.assignment).value()));
}

TEST_CASE("a search leaves pairs of infinite cost and never takes one") {
    const auto made = random_problem(3, {.nodes = 60, .tasks = 40});
    const problem p{made.machines, made.tasks};
    const auto cost = [&made](task_index t, gpu_index g) {  // tasks of several GPUs could not avoid them all
        const bool forbidden = made.tasks.demand(t).gpus == 1 && (t.value() + g.value()) % 3 == 0;
        return forbidden ? std::numeric_limits<double>::infinity() : quirky_cost(t, g);
    };
    const assignment start = greedy{best_fit{}}.run(p).assignment;
    const objective wish{tier(capacity_excess{}, left_out{}), tier(assignment_cost_term{cost})};
    const double before = wish.prepare(p, start).value()[1];
    CHECK(before >= assignment_cost_term<decltype(cost)>::forbidden_cost);
    for (const std::uint64_t seed : {1U, 2U}) {
        const plan found = local_search{local_search_options{.seed = seed, .self_check_every = 1}}.run(
            p, wish, start, run_control<>{.max_evaluations = 20'000});
        CHECK(found.disagreement.empty());
        CHECK(wish.prepare(p, found.assignment).value()[1] < 1e6);
    }
}

TEST_CASE("types that the concepts reject") {
    struct no_propose {};
    static_assert(!neighbourhood<no_propose>);
    static_assert(!acceptance<no_propose>);
    static_assert(!slot_candidates<no_propose>);
    static_assert(neighbourhood<decltype(standard_neighbourhoods())>);
}
