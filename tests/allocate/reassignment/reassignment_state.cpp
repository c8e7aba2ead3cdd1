// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/reassignment/reassignment_state.hpp"

#include "allocate/reassignment/reassignment_instances.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

/// Compares a state with an evaluation from scratch.
template <std::size_t Wides>
void check_state(const reassignment_state<Wides>& state, amount penalty) {
    const auto evaluation = evaluate(state.problem(), state.assignment());
    REQUIRE(state.cost() == evaluation.cost);
    REQUIRE(state.overload() == static_cast<double>(evaluation.violations.capacity));
    REQUIRE(state.cost_value() == static_cast<double>(evaluation.cost.total()));
    REQUIRE(state.overload_cost() == static_cast<double>(penalty * evaluation.violations.capacity));
    REQUIRE(state.value() == static_cast<double>(evaluation.cost.total() + penalty * evaluation.violations.capacity));
    const auto& broken = evaluation.violations;
    REQUIRE(state.violations() == static_cast<std::int64_t>(broken.conflicts + broken.spread + broken.dependencies));
    double overload = 0.0;
    for (std::size_t n = 0; n < state.problem().node_count(); ++n) overload += state.overload_of(node_index{n});
    REQUIRE(overload == state.overload());
}

template <std::size_t Wides>
bool meets_its_group(const reassignment_state<Wides>& state, task_index t, node_index n, task_index but) {
    for (const task_index other : state.problem().members(state.problem().group(t))) {
        if (other != t && other != but && state.where(other) == n) return true;
    }
    return false;
}

template <std::size_t Wides>
void one_shift(reassignment_state<Wides>& state, task_index t, node_index to, bool into_conflicts) {
    if (state.where(t) == to) return;
    const double delta = state.shift_delta(t, to);
    const bool meets = meets_its_group(state, t, to, t);
    REQUIRE((delta == state.infeasible) == meets);
    if (meets && !into_conflicts) return;
    const double before = state.value();
    const std::int64_t broken = state.violations() + state.shift_violations(t, to) + (meets ? 1 : 0);
    state.shift(t, to);
    REQUIRE(state.where(t) == to);
    if (!meets) REQUIRE(state.value() == before + delta);
    REQUIRE(state.violations() == broken);
}

template <std::size_t Wides>
void one_swap(reassignment_state<Wides>& state, task_index t, task_index u, bool into_conflicts) {
    const node_index a = state.where(t);
    const node_index b = state.where(u);
    if (a == b) return;
    const auto& p = state.problem();
    const double delta = state.swap_delta(t, u);
    const bool meets = p.group(t) != p.group(u) && (meets_its_group(state, t, b, u) || meets_its_group(state, u, a, t));
    REQUIRE((delta == state.infeasible) == meets);
    if (meets && !into_conflicts) return;
    const double before = state.value();
    const std::int64_t broken = state.violations() + state.swap_violations(t, u);
    state.swap(t, u);
    REQUIRE(state.where(t) == b);
    REQUIRE(state.where(u) == a);
    if (meets) return;
    REQUIRE(state.value() == before + delta);
    REQUIRE(state.violations() == broken);
}

/// Shifts, swaps and swaps within a group, some of them into conflicts; the penalty changes meanwhile.
template <std::size_t Wides>
void random_moves(const reassignment_problem& p, std::vector<node_index> start, std::uint64_t seed,
                  bool into_conflicts) {
    xoshiro256 random{seed};
    reassignment_state<Wides> state{p, start};
    amount penalty = 0;
    check_state(state, penalty);
    for (int step = 0; step < 150; ++step) {
        CAPTURE(step);
        if (step % 40 == 20) {
            penalty = static_cast<amount>(below(random, 1000));
            state.set_overload_penalty(penalty);
        }
        const task_index t{below(random, p.task_count())};
        const bool into = into_conflicts && below(random, 4) == 0;
        const std::size_t kind = below(random, 3);
        if (kind == 0) {
            one_shift(state, t, node_index{below(random, p.node_count())}, into);
        } else if (kind == 1) {
            one_swap(state, t, task_index{below(random, p.task_count())}, into);
        } else {
            const auto members = p.members(p.group(t));
            one_swap(state, t, members[below(random, members.size())], into);
        }
        check_state(state, penalty);
    }
}

template <std::size_t Wides>
void check_random_moves(bool from_initial, bool into_conflicts) {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        CAPTURE(seed);
        const reassignment_shape shape{.tasks = 8 + 2 * (seed % 5),
                                       .groups = 2 + seed % 7,
                                       .resources = 2 * Wides - seed % 2,
                                       .room = 1.0 + 0.2 * static_cast<double>(seed % 4)};
        const auto p = need(make_reassignment_problem(random_reassignment(shape, seed)));
        xoshiro256 random{seed + 100};
        random_moves<Wides>(p, from_initial ? initial_assignment(p) : random_assignment(p, random), seed,
                            into_conflicts);
    }
}

}  // namespace

TEST_CASE("reassignment state: deltas and values agree with evaluations from scratch - from the initial assignment") {
    check_random_moves<1>(true, false);
    check_random_moves<2>(true, false);
    check_random_moves<3>(true, false);
}

TEST_CASE(
    "reassignment state: deltas are differences and all is as if from scratch - from anywhere and into conflicts") {
    check_random_moves<1>(false, true);
    check_random_moves<2>(false, true);
    check_random_moves<6>(false, true);
}

TEST_CASE("reassignment state: nodes enough for several words of a group") {
    const auto p = need(make_reassignment_problem(random_reassignment(
        {.nodes = 150, .tasks = 60, .groups = 4, .resources = 2, .locations = 20, .neighbourhoods = 9}, 5)));
    random_moves<1>(p, initial_assignment(p), 5, true);
}

TEST_CASE("reassignment state: the largest number of moved tasks of a group - every exchange of two tasks") {
    auto in = random_reassignment({.nodes = 3, .tasks = 5, .groups = 2, .resources = 1}, 9);
    in.group_weight = 1000;
    for (std::uint32_t groups = 0; groups < 32; ++groups) {
        for (std::size_t t = 0; t < 5; ++t) in.group[t] = groups >> t & 1U;
        const auto p = need(make_reassignment_problem(in));
        for_each_assignment(3, 5, [&](const std::vector<node_index>& placed) {
            const reassignment_state<1> state{p, placed};
            for (std::size_t t = 0; t < 5; ++t) {
                for (std::size_t u = 0; u < 5; ++u) {
                    if (placed[t] == placed[u]) continue;
                    const double delta = state.swap_delta(task_index{t}, task_index{u});
                    if (delta == state.infeasible) continue;
                    auto after = placed;
                    after[t] = placed[u];
                    after[u] = placed[t];
                    REQUIRE(state.value() + delta == static_cast<double>(evaluate(p, after).cost.total()));
                }
            }
        });
    }
}

TEST_CASE("reassignment state: states of all widths agree") {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        CAPTURE(seed);
        const auto p =
            need(make_reassignment_problem(random_reassignment({.resources = 1 + seed % 2, .room = 1.1}, seed)));
        xoshiro256 random{seed};
        const auto start = random_assignment(p, random);
        reassignment_state<1> one{p, start};
        reassignment_state<2> two{p, start};
        reassignment_state<3> three{p, start};
        reassignment_state<6> six{p, start};
        reassignment_state<16> sixteen{p, start};
        const auto each = [&](const auto& what) {
            const auto expected = what(one);
            REQUIRE(what(two) == expected);
            REQUIRE(what(three) == expected);
            REQUIRE(what(six) == expected);
            REQUIRE(what(sixteen) == expected);
        };
        each([](auto& state) { return state.set_overload_penalty(77), state.value(); });
        for (int step = 0; step < 100; ++step) {
            const task_index t{below(random, p.task_count())};
            const task_index u{below(random, p.task_count())};
            const node_index to{below(random, p.node_count())};
            if (one.where(t) != to) {
                each([&](auto& state) { return state.shift_delta(t, to); });
                each([&](auto& state) { return state.shift(t, to), state.value(); });
            }
            if (one.where(t) != one.where(u)) {
                each([&](auto& state) { return state.swap_delta(t, u); });
                each([&](auto& state) { return state.swap(t, u), state.value(); });
            }
            each([](auto& state) { return state.cost(); });
            each([](auto& state) { return state.overload(); });
            each([](auto& state) { return state.violations(); });
        }
    }
}

TEST_CASE("reassignment state: the cost stays exact whatever overload costs") {
    auto in = random_reassignment({.tasks = 20, .resources = 4, .room = 0.8}, 3);
    constexpr amount scale = amount{1} << 24U;
    for (amount& value : in.demand) value *= scale;
    for (amount& value : in.capacity) value *= scale;
    for (amount& value : in.safety_capacity) value *= scale;
    const auto p = need(make_reassignment_problem(in));
    xoshiro256 random{3};
    reassignment_state<2> state{p, random_assignment(p, random)};
    state.set_overload_penalty((amount{1} << 50U) - 1);
    for (int step = 0; step < 300; ++step) {
        const task_index t{below(random, p.task_count())};
        const node_index to{below(random, p.node_count())};
        if (state.where(t) == to || state.shift_delta(t, to) == state.infeasible) continue;
        state.shift(t, to);
        REQUIRE(state.cost_value() == static_cast<double>(evaluate(p, state.assignment()).cost.total()));
    }
}
