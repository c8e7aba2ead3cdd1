// SPDX-License-Identifier: Apache-2.0
#include "support/search_run.hpp"

#include "berth/allocate/assignment/priced_greedy.hpp"
#include "berth/core/observer.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <utility>

using bench::named_allocator;
using bench::search_run;
using bench::search_setup;

namespace {

named_allocator greedy() {
    return bench::name_allocator("greedy", "",
                                 [](const search_setup& s) { return berth::priced_greedy{.seed = s.seed}; });
}

/// What greedy says, after something was done to it.
template <class Change>
named_allocator changed(Change change) {
    return {"changed", "", [change](const berth::priced_problem& p, const search_setup& setup) {
                auto plan = greedy().run(p, setup);
                change(plan, setup);
                return plan;
            }};
}

search_run run(const named_allocator& allocator) {
    const auto instance = bench::generate_gap_instance('c', 4, 24, 1);
    const berth::priced_problem problem{instance.problem()};
    bench::progress_line quiet{bench::progress_line::mode::off};
    return bench::run_search(allocator, instance, problem, {.origin = bench::cpu_seconds()}, quiet, "test");
}

bool said(const std::string& text, const char* piece) { return text.find(piece) != std::string::npos; }

/// Takes no problem at all.
struct picky {
    template <class Stop = berth::never_stop, class Observer = berth::no_observer>
    [[nodiscard]] berth::assignment_plan run(const berth::priced_problem&, berth::warm_start = {},
                                             berth::run_control<Stop, Observer> = {}) const {
        return {};
    }
    [[nodiscard]] berth::result<void> validate(const berth::priced_problem& p) const {
        return berth::error{berth::error_code::limit_exceeded, std::to_string(p.gpus()) + " GPUs are too many"};
    }
};

}  // namespace

TEST_CASE("a run has its answer checked and its trajectory ended") {
    const search_run found = run(greedy());
    CHECK(found.fault.empty());
    CHECK(found.refused.empty());
    REQUIRE(found.verdict.feasible());
    CHECK(static_cast<double>(found.verdict.cost) == found.plan.cost);
    REQUIRE_FALSE(found.trajectory.empty());
    CHECK(found.trajectory.back().cost == found.plan.cost);
    CHECK(found.seconds >= found.trajectory.back().seconds);
}

TEST_CASE("wrong answers are found out") {
    const auto fault = [](auto change) { return run(changed(change)).fault; };
    CHECK(said(fault([](auto& plan, auto&) { plan.cost -= 1.0; }), "the cost is"));
    CHECK(said(fault([](auto& plan, auto&) { plan.excess = 3; }), "capacities"));
    CHECK(said(fault([](auto& plan, auto&) { plan.gpu_of.pop_back(); }), "an agent for every task"));
    CHECK(said(fault([](auto& plan, auto&) { plan.gpu_of[0] = berth::gpu_index{4}; }), "an agent for every task"));
    CHECK(said(fault([](auto& plan, auto&) { plan.lower_bound = plan.cost + 1.0; }), "at least"));
    CHECK(said(fault([](auto& plan, const search_setup& setup) {
                   const auto observer = setup.control.observer;
                   observer.on_progress({.evaluations = 1, .objective = plan.cost - 1.0});
               }),
               "on its way"));
    CHECK(fault([](auto&, auto&) {}).empty());
    CHECK(said(fault([](auto& plan, const search_setup& setup) {
                   const auto observer = setup.control.observer;
                   observer.on_progress({.evaluations = 1, .objective = 1e9});
                   plan.gpu_of.assign(plan.gpu_of.size(), berth::gpu_index{0});
                   const auto verdict = check_assignment(bench::generate_gap_instance('c', 4, 24, 1), plan.gpu_of);
                   plan.cost = static_cast<double>(verdict.cost);
                   plan.excess = verdict.excess;
               }),
               "a feasible one was reported"));
}

TEST_CASE("an allocator that does not take the problem says why") {
    const search_run none = run(bench::name_allocator("picky", "", [](const search_setup&) { return picky{}; }));
    CHECK(none.refused == "4 GPUs are too many");
}

TEST_CASE("short budgets leave the bound fewer rounds") {
    const auto rounds = [](std::size_t agents, std::size_t tasks, double seconds) {
        return bench::pricing_within(agents, tasks, seconds).bound.max_iterations;
    };
    const std::size_t all = berth::bound_options{}.max_iterations;
    CHECK(rounds(80, 1600, std::numeric_limits<double>::infinity()) == all);
    CHECK(rounds(80, 1600, 10.0) == all);
    CHECK(rounds(20, 400, 0.1) == all);
    CHECK(rounds(80, 1600, 0.1) < all);
    CHECK(rounds(80, 1600, 0.1) > rounds(80, 1600, 0.05));
    CHECK(rounds(1000, 10'000, 0.01) > 0);
}
