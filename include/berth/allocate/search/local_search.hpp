// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/search/acceptance.hpp"
#include "berth/allocate/search/neighbourhoods/concepts.hpp"
#include "berth/allocate/search/neighbourhoods/ejection_chain.hpp"
#include "berth/allocate/search/neighbourhoods/neighbourhoods.hpp"
#include "berth/allocate/search/neighbourhoods/ruin_and_recreate.hpp"
#include "berth/allocate/search/neighbourhoods/shift.hpp"
#include "berth/allocate/search/neighbourhoods/swap.hpp"
#include "berth/allocate/plan.hpp"
#include "berth/allocate/search/search_space.hpp"
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

/// How a local search goes on. The defaults end by themselves; a search with a budget or a deadline may want `restarts` without end.
struct local_search_options {
    static constexpr std::size_t automatic = 0;
    static constexpr std::size_t without_end = std::numeric_limits<std::size_t>::max();

    std::uint64_t seed = 1;
    /// Proposals without a new best before the search goes back to the best and shakes it; automatic: 1000 and 100 for each task.
    std::size_t patience = automatic;
    /// Shaken so often in a row without a new best, the search is complete.
    std::size_t restarts = 20;
    /// Moves of one shake.
    std::size_t shake = 3;
    /// Every so many accepted proposals all incremental values are compared with a full recomputation; 0: never.
    std::size_t self_check_every = 0;
};

/// What `local_search` tries when nothing else is said.
[[nodiscard]] inline auto standard_neighbourhoods() {
    return neighbourhoods{2.0 * shift{},  1.0 * swap{},           0.5 * chain{2},
                          0.2 * chain{3}, 0.3 * ejection_chain{}, 0.05 * ruin_and_recreate{}};
}

/// The state of a run of `local_search`, which makes it (`local_search::start`). One thread at a time; the problem must outlive it.
template <class ObjectiveState, class Neighbourhood, class Acceptance, class Lists>
class local_search_state {
public:
    using values = typename ObjectiveState::values;
    static constexpr std::size_t tier_count = ObjectiveState::tier_count;

    local_search_state(const problem& p, ObjectiveState start, const Neighbourhood& tried, const Acceptance& rule,
                       Lists lists, const local_search_options& options)
        : options_{options},
          tried_{tried},
          space_{p, std::move(start), std::move(lists)},
          now_{space_.state().value()},
          best_value_{now_},
          rule_{rule.start(now_)},
          random_{options.seed},
          changed_(p.workload().task_count()) {
        const std::size_t tasks = p.workload().task_count();
        best_.append(space_.state().assignment());
        changes_.reserve(tasks);
        proposal_.reserve(space_.longest_proposal());
        if (options_.patience == local_search_options::automatic) options_.patience = 1000 + 100 * tasks;
    }

    /// Goes on until the control says so or nothing is left to try. `control.max_evaluations` counts from the first call.
    /// Allocates nothing, provided that terms and acceptance do not.
    template <class Control>
    stop_reason improve(Control& control) {
        constexpr std::uint64_t poll_every = 256;
        std::uint64_t next_poll = 0;
        const bool movable = !space_.tasks().empty();
        while (movable && disagreement_.empty()) {
            if (space_.evaluations() + idle_ >= next_poll) {
                if (const auto why = control.check(space_.evaluations()); why != stop_reason::completed) return why;
                next_poll = space_.evaluations() + idle_ + poll_every;
            } else if (space_.evaluations() >= control.max_evaluations) {
                return stop_reason::budget_exhausted;
            }
            if (since_best_ >= options_.patience) {
                if (shakes_ >= options_.restarts || space_.evaluations() == evaluations_at_shake_) break;
                ++shakes_;
                evaluations_at_shake_ = space_.evaluations();
                shake();
            }
            if (step()) notify::step(control.observer, progress());
        }
        return stop_reason::completed;
    }

    [[nodiscard]] berth::progress progress() const {
        bool first_tiers_met = true;
        for (std::size_t i = 0; i + 1 < tier_count; ++i) first_tiers_met = first_tiers_met && best_value_[i] <= 1e-9;
        return {.done = static_cast<std::size_t>(accepted_),
                .total = 0,
                .evaluations = space_.evaluations(),
                .objective = first_tiers_met ? best_value_[tier_count - 1] : std::numeric_limits<double>::infinity()};
    }
    [[nodiscard]] const values& best_value() const noexcept { return best_value_; }
    [[nodiscard]] std::span<const slot> best() const noexcept { return best_.view(); }
    [[nodiscard]] std::span<const task_index> tasks_on(node_index n) const noexcept { return space_.tasks_on(n); }
    [[nodiscard]] const ObjectiveState& current() const noexcept { return space_.state(); }
    [[nodiscard]] std::uint64_t evaluations() const noexcept { return space_.evaluations(); }
    [[nodiscard]] std::uint64_t accepted() const noexcept { return accepted_; }
    [[nodiscard]] const std::string& disagreement() const noexcept { return disagreement_; }

    /// Goes to the best assignment found. O(tasks changed since).
    void return_to_best() {
        for (const task_index t : changes_) {
            changed_[t.value()] = 0;
            const slot& home = best_[t.value()];
            if (space_.where(t) == home) continue;
            const task_move r = space_.to(t, home);
            space_.carry_out({&r, 1});
        }
        changes_.clear();
        now_ = space_.state().value();
        best_value_ = now_;
    }
    /// Takes over what was decided elsewhere; what results counts as the best there is. Called at the best.
    void follow(task_moves all) {
        for (const task_move& r : all) {
            space_.carry_out({&r, 1});
            best_[r.task.value()] = r.to;
        }
        now_ = space_.state().value();
        best_value_ = now_;
        restarted();
    }
    /// Lets only a part be searched, with a random stream of its own.
    void confine(const search_region& region, std::uint64_t seed) {
        space_.confine(region);
        random_ = xoshiro256{seed};
        since_best_ = 0;
        shakes_ = 0;
    }

private:
    /// One proposal. True if it led to a new best.
    bool step() {
        proposal_.clear();
        ++since_best_;
        if (!tried_.propose(space_, random_, proposal_)) {
            ++idle_;
            return false;
        }
        const values delta = space_.delta(proposal_.view());
        if (!rule_.accepts({delta, now_, best_value_}, random_)) return false;
        space_.carry_out(proposal_.view());
        for (std::size_t i = 0; i < proposal_.size(); ++i) note_change(proposal_[i].task);
        now_ = space_.state().value();
        ++accepted_;
        if (options_.self_check_every > 0 && accepted_ % options_.self_check_every == 0) {
            if (const auto outcome = space_.state().self_check(); !outcome) disagreement_ = outcome.error().message;
        }
        if (!improves(now_ - best_value_)) return false;
        best_value_ = now_;
        for (const task_index t : changes_) {
            changed_[t.value()] = 0;
            best_[t.value()] = space_.where(t);
        }
        changes_.clear();
        since_best_ = 0;
        shakes_ = 0;
        return true;
    }
    void note_change(task_index t) {
        if (changed_[t.value()] != 0) return;
        changed_[t.value()] = 1;
        changes_.push_back(t);
    }
    /// From the best, a few tasks go to other slots, whatever that costs.
    void shake() {
        return_to_best();
        since_best_ = 0;
        for (std::size_t i = 0; i < options_.shake; ++i) {
            const task_index t = space_.any_task(random_);
            if (!space_.where(t).placed()) continue;
            const slot target = space_.any_slot(t, random_);
            if (!target.placed() || target == space_.where(t)) continue;
            const task_move r = space_.to(t, target);
            space_.carry_out({&r, 1});
            note_change(t);
        }
        now_ = space_.state().value();
        restarted();
    }
    void restarted() {
        if constexpr (requires { rule_.restarted(now_); }) rule_.restarted(now_);
    }

    local_search_options options_;
    Neighbourhood tried_;
    search_space<ObjectiveState, Lists> space_;
    values now_;
    values best_value_;
    decltype(std::declval<const Acceptance&>().start(std::declval<const values&>())) rule_;
    xoshiro256 random_;
    detail::flat<slot> best_;
    detail::flat<std::uint8_t> changed_;
    detail::flat<task_index> changes_;  // since the best
    move_list proposal_;
    std::uint64_t accepted_ = 0;
    std::uint64_t idle_ = 0;  // proposals that came to nothing
    std::uint64_t evaluations_at_shake_ = ~std::uint64_t{0};
    std::size_t since_best_ = 0;
    std::size_t shakes_ = 0;
    std::string disagreement_;
};

/// Improves an assignment under any objective: proposes changes, asks what they would bring, and goes there if the acceptance rule
/// says so. Works from any start, feasible or not.
///
/// ```
/// const objective wish{tier(capacity_excess{}, left_out{}), tier(assignment_cost_term{cost}, 0.5 * move_cost<>{observed})};
/// const plan better = local_search{}.run(problem, wish, observed, run_control<>{.max_evaluations = 1'000'000});
/// const local_search other{neighbourhoods{shift{}, 0.1 * ruin_and_recreate{}}, annealing{.first_temperature = 5.0}};
/// ```
///
/// 1. Never worse than its start: both are evaluated from scratch at the end, and the better one is returned.
/// 2. Anytime: control is asked every few hundred evaluations; a budget of evaluations is kept up to one proposal.
/// 3. Same seed and budget, same plan. One thread; `partitioned_search` uses more.
/// 4. Health and accepted models are heeded for every slot that it proposes; what the start has is left where it is until it moves.
///    Gangs are placed and left out as one. It leaves out what was placed only with `take_out` among the neighbourhoods.
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
    static_assert(slot_candidates<Candidates>,
                  "berth: the third argument of local_search says where to look: any_node{}, cheapest_gpus{cost, 16}, "
                  "listed_gpus{&lists}");

public:
    explicit local_search(const local_search_options& options = {})
        requires std::same_as<Neighbourhood, decltype(standard_neighbourhoods())>
        : local_search{standard_neighbourhoods(), {}, {}, options} {}
    explicit local_search(Neighbourhood tried, Acceptance rule = {}, Candidates candidates = {},
                          const local_search_options& options = {})
        : tried_{std::move(tried)}, rule_{std::move(rule)}, candidates_{std::move(candidates)}, options_{options} {}

    [[nodiscard]] const local_search_options& options() const noexcept { return options_; }

    /// The state of a run that begins with this assignment, a slot or `unplaced` for every task.
    template <class... Tiers>
    [[nodiscard]] auto start(const problem& p, const objective<Tiers...>& wish, std::span<const slot> from) const {
        auto lists = candidates_.prepare(p);
        return local_search_state<objective_state<Tiers...>, Neighbourhood, Acceptance, decltype(lists)>{
            p, wish.prepare(p, from), tried_, rule_, std::move(lists), options_};
    }

    template <class... Tiers, class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] plan run(const problem& p, const objective<Tiers...>& wish, std::span<const slot> from,
                           run_control<Stop, Observer> control = {}) const {
        auto state = start(p, wish, from);
        notify::begin(control.observer, state.progress());
        const stop_reason stopped = state.improve(control);
        notify::end(control.observer, state.progress());
        return plan_of(p, wish, from, state, stopped);
    }

    /// The plan of a state that began with `from`.
    template <class... Tiers, class State>
    [[nodiscard]] static plan plan_of(const problem& p, const objective<Tiers...>& wish, std::span<const slot> from,
                                      const State& state, stop_reason stopped) {
        plan plan;
        const auto before = wish.prepare(p, from);
        const auto after = wish.prepare(p, state.best());
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
