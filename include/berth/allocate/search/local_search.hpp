// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/plan.hpp"
#include "berth/allocate/search/acceptance.hpp"
#include "berth/allocate/search/complete_start.hpp"
#include "berth/allocate/search/local_search_state.hpp"
#include "berth/allocate/search/neighbourhoods/concepts.hpp"
#include "berth/allocate/search/neighbourhoods/ejection_chain.hpp"
#include "berth/allocate/search/neighbourhoods/neighbourhoods.hpp"
#include "berth/allocate/search/neighbourhoods/ruin_and_recreate.hpp"
#include "berth/allocate/search/neighbourhoods/shift.hpp"
#include "berth/allocate/search/neighbourhoods/swap.hpp"
#include "berth/allocate/search/slot_candidates.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/random.hpp"
#include "berth/core/run_control.hpp"
#include "berth/objective/objective.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>

namespace berth::inline v0 {

/// The default neighbourhoods of `local_search`.
[[nodiscard]] inline auto standard_neighbourhoods() {
    return neighbourhoods{2.0 * shift{},  1.0 * swap{},           0.5 * chain{2},
                          0.2 * chain{3}, 0.3 * ejection_chain{}, 0.05 * ruin_and_recreate{}};
}

/// Improves an assignment under any objective: proposes changes, computes their deltas, and carries out those that the
/// acceptance rule accepts. Works from any start, feasible or not.
///
/// ```
/// const objective goal{tier(capacity_excess{}, left_out{}),
///                      tier(assignment_cost_term{cost}, 0.5 * move_cost<>{initial})};
/// const plan better = local_search{}.run(problem, goal, initial, run_control<>{.max_evaluations = 1'000'000});
/// const local_search other{neighbourhoods{shift{}, 0.1 * ruin_and_recreate{}},
///                          annealing{geometric_cooling{.first = 5.0}}};
/// ```
///
/// 1. Never worse than its start: both are evaluated from scratch at the end, and the better one is returned.
/// 2. Anytime: polls every 256 evaluations; exceeds an evaluation budget by one proposal at most. An evaluation is a
///    delta.
/// 3. Same seed and budget, same plan. One thread; `partitioned_search` uses more.
/// 4. Every slot that it proposes is healthy and of an accepted model; slots of the start stay until their task moves.
///    Gangs are placed and left out as one. Placed tasks are left out only with `take_out` among the neighbourhoods.
///
/// A description: immutable and shareable; `start` makes the state of a run. Memory: O(tasks + counters).
template <class Neighbourhood = decltype(standard_neighbourhoods()), class Acceptance = adaptive_penalty<>,
          class Candidates = any_node>
class local_search {
    static_assert(neighbourhood<Neighbourhood>,
                  "berth: the first argument of local_search is a neighbourhood (shift{}, swap{}, ...), or several as "
                  "neighbourhoods{...}");
    static_assert(
        acceptance<Acceptance>,
        "berth: the second argument of local_search is an acceptance rule (descent{}, late_acceptance{}, ...)");
    static_assert(
        slot_candidates<Candidates>,
        "berth: the third argument of local_search describes candidate slots: any_node{}, cheapest_gpus{cost, 16}, "
        "listed_gpus{&lists}");

public:
    /// The default neighbourhoods, acceptance and candidates.
    explicit local_search(const local_search_options& options = {})
        requires std::same_as<Neighbourhood, decltype(standard_neighbourhoods())>
        : local_search{standard_neighbourhoods(), {}, {}, options} {}
    /// @param tried       changes to propose; several as `neighbourhoods{...}`
    /// @param rule        see `acceptance`
    /// @param candidates  see `slot_candidates`
    /// @param options     see `local_search_options`
    explicit local_search(Neighbourhood tried, Acceptance rule = {}, Candidates candidates = {},
                          const local_search_options& options = {})
        : tried_{std::move(tried)}, rule_{std::move(rule)}, candidates_{std::move(candidates)}, options_{options} {}

    /// As given.
    [[nodiscard]] const local_search_options& options() const noexcept { return options_; }

    /// The state of a run.
    ///
    /// @param from  a slot or `unplaced` for every task; gaps are completed (`complete_start`)
    template <class... Tiers>
    [[nodiscard]] auto start(const problem& p, const objective<Tiers...>& goal, std::span<const slot> from) const {
        const assignment given = complete_start(p, from);
        auto lists = candidates_.prepare(p);
        return local_search_state<objective_state<Tiers...>, Neighbourhood, Acceptance, decltype(lists)>{
            p, goal.prepare(p, given), tried_, rule_, std::move(lists), options_};
    }

    /// Runs from an assignment, a slot or `unplaced` for every task; gaps are completed (`complete_start`).
    ///
    /// @return  the plan, with its moves from the start and the value of every term; `stopped` is `cancelled` after a
    ///          failed self-check
    template <class... Tiers, class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] plan run(const problem& p, const objective<Tiers...>& goal, std::span<const slot> from,
                           run_control<Stop, Observer> control = {}) const {
        auto state = start(p, goal, from);
        notify::begin(control.observer, state.progress());
        const stop_reason stopped = state.improve(control);
        notify::end(control.observer, state.progress());
        return plan_of(p, goal, complete_start(p, from), state, stopped);
    }

    /// The plan of a state that began with the complete start `from`, evaluated from scratch.
    template <class... Tiers, class State>
    [[nodiscard]] static plan plan_of(const problem& p, const objective<Tiers...>& goal, std::span<const slot> from,
                                      const State& state, stop_reason stopped) {
        plan plan;
        const auto before = goal.prepare(p, from);
        const auto after = goal.prepare(p, state.best());
        const bool better = improves(after.value() - before.value());
        const auto& kept = better ? after : before;
        plan.assignment.assign(kept.assignment().begin(), kept.assignment().end());
        plan.moves = moves_between(from, plan.assignment);
        for (const term_value& one : kept.by_term()) plan.by_term.push_back(one);
        plan.counters.evaluations = state.evaluations();
        plan.counters.accepted = state.accepted();
        for (std::size_t t = 0; t < plan.assignment.size(); ++t) {
            if (plan.assignment[t].placed()) continue;
            plan.left_out.push_back(task_index{t});
        }
        plan.counters.rejected = plan.left_out.size();
        plan.counters.placed = plan.assignment.size() - plan.left_out.size();
        plan.stopped = state.disagreement().empty() ? stopped : stop_reason::cancelled;
        plan.disagreement = state.disagreement();
        return plan;
    }

private:
    Neighbourhood tried_;
    Acceptance rule_;
    Candidates candidates_;
    local_search_options options_;
};
local_search() -> local_search<>;
local_search(local_search_options) -> local_search<>;
template <neighbourhood N>
local_search(N) -> local_search<N>;
template <neighbourhood N, acceptance A>
local_search(N, A) -> local_search<N, A>;
template <neighbourhood N, acceptance A, slot_candidates C>
local_search(N, A, C) -> local_search<N, A, C>;
template <neighbourhood N, acceptance A, slot_candidates C>
local_search(N, A, C, local_search_options) -> local_search<N, A, C>;

}  // namespace berth::inline v0
