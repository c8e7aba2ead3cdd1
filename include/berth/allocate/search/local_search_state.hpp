// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/search/move_list.hpp"
#include "berth/allocate/search/search_space.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/random.hpp"
#include "berth/core/run_control.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"
#include "berth/objective/tier_values.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>

namespace berth::inline v0 {

/// How a local search goes on. The defaults end by themselves; a search with a budget or a deadline may want
/// `max_restarts` without end.
struct local_search_options {
    static constexpr std::size_t automatic = 0;                                          ///< for `patience`
    static constexpr std::size_t without_end = std::numeric_limits<std::size_t>::max();  ///< for `max_restarts`

    std::uint64_t seed = 1;  ///< of all random draws
    /// Proposals without a new best before the search returns to the best and perturbs it; automatic: 1000 plus 100 for
    /// each task.
    std::size_t patience = automatic;
    /// Perturbations in a row without a new best after which the search is complete.
    std::size_t max_restarts = 20;
    /// Moves of one perturbation.
    std::size_t shake = 3;
    /// Accepted proposals between two comparisons of all incremental values with a full recomputation; 0: never.
    std::size_t self_check_every = 0;
};

/// The state of a run of `local_search`, made by `local_search::start`. One thread at a time; the problem must outlive
/// it. Memory: O(tasks + counters).
template <class ObjectiveState, class Neighbourhood, class Acceptance, class Lists>
class local_search_state {
public:
    using values = typename ObjectiveState::values;                        ///< of the tiers
    static constexpr std::size_t tier_count = ObjectiveState::tier_count;  ///< of the objective

    /// See `local_search::start`.
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

    /// Searches until the control ends the run, or `max_restarts` are used up. `control.max_evaluations` counts from
    /// the first call on. Polls every 256 evaluations. Allocates nothing, provided that terms and acceptance do not.
    template <class Control>
    stop_reason improve(Control& control) {
        constexpr std::uint64_t poll_every = 256;
        std::uint64_t next_poll = 0;
        const bool movable = !space_.tasks().empty();
        while (movable && disagreement_.empty()) {
            if (space_.evaluations() + idle_ >= next_poll) {
                if (const auto why = control.check(space_.evaluations()); why != stop_reason::completed) return why;
                if constexpr (requires { rule_.elapsed(0.0); }) {
                    if (control.bounded()) rule_.elapsed(control.elapsed(space_.evaluations()));
                }
                next_poll = space_.evaluations() + idle_ + poll_every;
            } else if (space_.evaluations() >= control.max_evaluations) {
                return stop_reason::budget_exhausted;
            }
            if (since_best_ >= options_.patience) {
                if (shakes_ >= options_.max_restarts || space_.evaluations() == evaluations_at_shake_) break;
                ++shakes_;
                evaluations_at_shake_ = space_.evaluations();
                shake();
            }
            if (step()) notify::step(control.observer, progress());
        }
        return stop_reason::completed;
    }

    /// `objective` is the best value of the last tier, infinite while a tier before it is above zero.
    [[nodiscard]] berth::progress progress() const {
        bool first_tiers_met = true;
        for (std::size_t i = 0; i + 1 < tier_count; ++i) first_tiers_met = first_tiers_met && best_value_[i] <= 1e-9;
        return {.done = static_cast<std::size_t>(accepted_),
                .total = 0,
                .evaluations = space_.evaluations(),
                .objective = first_tiers_met ? best_value_[tier_count - 1] : std::numeric_limits<double>::infinity()};
    }
    /// Tier values of the best assignment.
    [[nodiscard]] const values& best_value() const noexcept { return best_value_; }
    /// The best assignment.
    [[nodiscard]] std::span<const slot> best() const noexcept { return best_.view(); }
    /// Tasks on a node in the current assignment.
    [[nodiscard]] std::span<const task_index> tasks_on(node_index n) const noexcept { return space_.tasks_on(n); }
    /// The current assignment and its value.
    [[nodiscard]] const ObjectiveState& current() const noexcept { return space_.state(); }
    /// Deltas computed so far.
    [[nodiscard]] std::uint64_t evaluations() const noexcept { return space_.evaluations(); }
    /// Proposals carried out so far.
    [[nodiscard]] std::uint64_t accepted() const noexcept { return accepted_; }
    /// The message of a failed self-check, else empty.
    [[nodiscard]] const std::string& disagreement() const noexcept { return disagreement_; }

    /// Returns to the best assignment. O(tasks changed since).
    void return_to_best() {
        for (const task_index t : changes_) {
            changed_[t.value()] = 0;
            const slot& kept = best_[t.value()];
            if (space_.where(t) == kept) continue;
            const task_move r = space_.to(t, kept);
            space_.carry_out({&r, 1});
        }
        changes_.clear();
        now_ = space_.state().value();
        best_value_ = now_;
    }
    /// Carries out moves decided elsewhere; the result counts as the best. To call at the best assignment.
    void follow(task_moves all) {
        for (const task_move& r : all) {
            space_.carry_out({&r, 1});
            best_[r.task.value()] = r.to;
        }
        now_ = space_.state().value();
        best_value_ = now_;
        restarted();
    }
    /// Confines the search to a region, with a random stream of its own.
    void confine(const search_region& region, std::uint64_t seed) {
        space_.confine(region);
        random_ = xoshiro256{seed};
        since_best_ = 0;
        shakes_ = 0;
    }

private:
    /// One proposal. True on a new best.
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
    /// Moves a few tasks of the best assignment to random slots, at any cost.
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
    std::uint64_t idle_ = 0;  // proposals without a change
    std::uint64_t evaluations_at_shake_ = ~std::uint64_t{0};
    std::size_t since_best_ = 0;
    std::size_t shakes_ = 0;
    std::string disagreement_;
};

}  // namespace berth::inline v0
