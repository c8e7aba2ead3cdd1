// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/reassignment/detail/reassignment_annealer.hpp"
#include "berth/allocate/reassignment/detail/reassignment_cooling.hpp"
#include "berth/allocate/reassignment/detail/reassignment_island.hpp"
#include "berth/allocate/reassignment/detail/reassignment_pace.hpp"
#include "berth/allocate/reassignment/detail/reassignment_reach.hpp"
#include "berth/allocate/reassignment/detail/reassignment_steps.hpp"
#include "berth/allocate/reassignment/detail/shared_control.hpp"
#include "berth/allocate/reassignment/evaluate_reassignment.hpp"
#include "berth/allocate/reassignment/reassignment_bound.hpp"
#include "berth/allocate/reassignment/reassignment_mix.hpp"
#include "berth/allocate/reassignment/reassignment_plan.hpp"
#include "berth/allocate/reassignment/reassignment_problem.hpp"
#include "berth/allocate/reassignment/reassignment_state.hpp"
#include "berth/core/config.hpp"
#include "berth/core/index.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/parallelism.hpp"
#include "berth/core/random.hpp"
#include "berth/core/result.hpp"
#include "berth/core/run_control.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

// Length: one class, whose rounds, islands and result belong together.

namespace berth::inline v0 {

/// The options of `reassignment_search`. Temperatures and penalties are above 0.
struct reassignment_search_options {
    std::uint64_t seed = 1;   ///< of the islands' random streams
    std::size_t islands = 1;  ///< searches, 1 or more, of which the best counts; give each a thread
    /// Evaluations of each island if neither a budget nor a clock bounds the run.
    std::uint64_t max_evaluations = 50'000'000;
    /// Start temperature, as a multiple of the load cost of an average task.
    double first_temperature = 0.5;
    /// Temperature when three quarters of the run are used: large tasks have settled, the rest is for small ones.
    double last_temperature = 1e-2;
    /// Start penalty of a unit beyond capacity, as a multiple of the largest load weight.
    double first_overload_penalty = 3.0;
    double last_overload_penalty = 300.0;  ///< penalty when three quarters of the run are used; it rises on
    reassignment_mix mix{};                ///< how often each kind of step is taken
};

/// Looks for a better assignment of a reassignment problem: simulated annealing from a start.
///
/// ```
/// const run_control<> budget{.max_evaluations = 20'000'000};
/// const auto plan = reassignment_search{{.seed = 7}}.run(problem, initial_assignment(problem), budget);
/// ```
///
/// 1. Never worse than its start: fewer violations, or as many and no more cost. It may exceed capacities on the way,
///    at a penalty that rises while the temperature falls; other constraints are kept once they hold, and mended first
///    if the start breaks them. The plan is feasible if the start is, or if anything feasible was found.
/// 2. Cools by `control.elapsed`: by the share of the budget, or of the time if there is a clock and no budget. If
///    nothing bounds the control it cools over `options.max_evaluations` and then completes. A run that is stopped
///    early returns the best so far. Once loads and balances are near their bound, the rest of the run saves moves.
/// 3. Deterministic: same seed, islands and budget, same plan, for any number of threads. A clock does not reproduce.
/// 4. Polls the control at least once per millisecond of work, from whichever thread is at work but from one at a time.
///    Setting up one island and evaluating the answer, each O(problem), are not interrupted.
/// 5. Notifies its observer of improvements, under a budget at most once per 50,000 evaluations of each island;
///    `objective` is the cost of the best feasible assignment, infinite while there is none.
///
/// Half of the steps take a task back to its initial node, alone or in exchange with a task there: under transient
/// resources nothing else can fill a node that gave too much away.
///
/// Source: Kirkpatrick, Gelatt, Vecchi, "Optimization by simulated annealing", Science 220 (1983); the overload penalty
/// is that of strategic oscillation (Glover). Memory: O(islands × problem). A description: immutable and shareable.
class reassignment_search {
public:
    /// Options out of their range are a programmer's error.
    explicit reassignment_search(const reassignment_search_options& options = {}) : options_{options} {
        BERTH_ASSERT(options.islands > 0, "berth: a reassignment search has at least one island");
        BERTH_ASSERT(options.first_temperature > 0.0 && options.last_temperature > 0.0,
                     "berth: temperatures of a reassignment search are above 0");
        BERTH_ASSERT(options.first_overload_penalty > 0.0 && options.last_overload_penalty > 0.0,
                     "berth: overload penalties of a reassignment search are above 0");
        const reassignment_mix& m = options.mix;
        const double shares[] = {m.shift, m.shift_back, m.swap,        m.swap_back, m.swap_alike,
                                 m.chain, m.make_room,  m.whole_group, m.node_pair};
        [[maybe_unused]] double sum = 0.0;
        for (const double share : shares) {
            BERTH_ASSERT(share >= 0.0, "berth: no share of a reassignment_mix is negative");
            sum += share;
        }
        BERTH_ASSERT(sum > 0.0, "berth: some share of a reassignment_mix is above 0");
    }

    /// The options of the search.
    [[nodiscard]] const reassignment_search_options& options() const noexcept { return options_; }

    /// Searches from a start.
    ///
    /// @param start    a node for every task, `initial_assignment(p)` as a rule; it may be infeasible
    /// @param control  budget in evaluations over all islands, stop and observer
    /// @param threads  runs the islands
    /// @return the best assignment found, or the error of `check_assignment(p, start)`
    template <class Stop = never_stop, class Observer = no_observer, parallelism Parallelism = const sequential>
    [[nodiscard]] result<reassignment_plan> run(const reassignment_problem& p, std::span<const node_index> start,
                                                run_control<Stop, Observer> control = {},
                                                Parallelism&& threads = {}) const {
        if (auto checked = check_assignment(p, start); !checked) return checked.error();
        const std::size_t wides = (p.resource_count() + 1) / 2;
        if (wides <= 1) return run_with<1>(p, start, control, threads);
        if (wides <= 2) return run_with<2>(p, start, control, threads);
        if (wides <= 3) return run_with<3>(p, start, control, threads);
        if (wides <= 4) return run_with<4>(p, start, control, threads);
        if (wides <= 6) return run_with<6>(p, start, control, threads);
        return run_with<max_reassignment_resources / 2>(p, start, control, threads);
    }

private:
    template <std::size_t Wides, class Control, class Parallelism>
    [[nodiscard]] reassignment_plan run_with(const reassignment_problem& p, std::span<const node_index> start,
                                             Control& control, Parallelism& threads) const {
        using annealer = detail::reassignment_annealer<Wides>;
        detail::shared_control<Control> shared{control};
        const detail::reassignment_reach<Wides> reach{p, [&] { return shared.ends(); }};
        detail::reassignment_island<Wides> first{p, start};
        const auto bound = static_cast<double>(reassignment_bound(p));
        const double max_gain =
            first.value().feasible() ? first.value().cost - bound : std::numeric_limits<double>::infinity();
        const detail::reassignment_cooling cooling{p, options_, max_gain};
        first.follow(cooling);
        std::vector<annealer> islands;
        std::vector<detail::reassignment_pace> paces;
        islands.reserve(options_.islands);
        paces.reserve(options_.islands);
        for (std::size_t i = 0; i < options_.islands && (i == 0 || !shared.ends()); ++i) {
            reassignment_mix mix = options_.mix;
            const bool second_kind = i % 2 == 1;
            if (second_kind) {
                mix.make_room *= second_kind_room;
                mix.chain *= second_kind_chain;
            }
            const double colder = second_kind ? second_kind_last : 1.0;
            paces.emplace_back(p, cooling, colder, second_kind);
            islands.emplace_back(first, detail::reassignment_steps<Wides>{p, reach, mix},
                                 detail::island_cooling{cooling, colder},
                                 detail::island_options(stream_seed(options_.seed, i)));
        }
        const auto best = [&]() -> const annealer& {
            std::size_t at = 0;
            for (std::size_t i = 1; i < islands.size(); ++i)
                at = islands[i].best_value() < islands[at].best_value() ? i : at;
            return islands[at];
        };
        const auto evaluations = [&] {
            std::uint64_t sum = 0;
            for (const annealer& one : islands) sum += one.evaluations();
            return sum;
        };
        const auto objective = [&] {
            const detail::reassignment_value value = best().best_value();
            return value.feasible() ? value.cost : std::numeric_limits<double>::infinity();
        };
        const auto progress = [&](double share) {
            return berth::progress{.done = static_cast<std::size_t>(share * 100.0),
                                   .total = 100,
                                   .evaluations = evaluations(),
                                   .objective = objective()};
        };

        notify::begin(control.observer, progress(0.0));
        detail::round_length round{control.bounded() && control.max_evaluations == no_budget};
        stop_reason stopped = stop_reason::completed;
        double last = objective();
        std::uint64_t scheduled = 0;  // evaluations of each island
        double before = 0.0;
        while (p.task_count() > 0 && p.node_count() > 1) {
            const std::uint64_t done = evaluations();
            stopped = shared.reason() != stop_reason::completed ? shared.reason() : control.check(done);
            if (stopped != stop_reason::completed) break;
            const double share = elapsed(control, done, scheduled);
            if (share >= 1.0) break;
            round.adapt(share - before);
            before = share;
            std::uint64_t left = (control.max_evaluations - done - 1) / islands.size() + 1;
            if (!control.bounded()) left = options_.max_evaluations - scheduled;
            const std::uint64_t next = left < round.evaluations() ? left : round.evaluations();
            follow_the_settled(islands, paces, share, bound);
            threads.for_each(islands.size(), [&](std::size_t i) {
                islands[i].begin_round(paces[i].at(share), next);
                while (!shared.ends() && islands[i].advance()) {}
            });
            scheduled += next;
            if (evaluations() == done && shared.reason() == stop_reason::completed) break;  // the mix allows no step
            if (objective() < last) {
                last = objective();
                notify::step(control.observer, progress(share));
            }
        }
        notify::end(control.observer, progress(1.0));
        return plan_of(p, islands, best(), stopped);
    }

    /// Looks whether loads have settled on an island; the others then go on from there.
    template <class Annealer>
    static void follow_the_settled(std::vector<Annealer>& islands, std::vector<detail::reassignment_pace>& paces,
                                   double share, double bound) {
        std::size_t first = islands.size();
        for (std::size_t i = 0; i < islands.size(); ++i) {
            const auto& now = islands[i].state().now();
            const double moves = now.move_cost_value();
            const bool feasible = islands[i].value().feasible();
            const bool before = paces[i].settled();
            if (feasible) paces[i].look(share, now.cost_value() - moves - bound, moves);
            if (!before && paces[i].settled() && first == islands.size()) first = i;
        }
        for (std::size_t i = 0; first < islands.size() && i < islands.size(); ++i) {
            if (paces[i].settled()) continue;
            paces[i].settle(share);
            if (!(islands[first].best_value() < islands[i].best_value())) continue;
            islands[i].state().become(islands[first].state().best());
            islands[i].follow();
        }
    }

    /// The share of the run that is used: by the control, or by the options' evaluations if nothing bounds the control.
    template <class Control>
    [[nodiscard]] double elapsed(const Control& control, std::uint64_t done, std::uint64_t scheduled) const {
        if (control.bounded()) return control.elapsed(done);
        if (options_.max_evaluations == 0) return 1.0;
        return static_cast<double>(scheduled) / static_cast<double>(options_.max_evaluations);
    }

    template <class Annealer>
    [[nodiscard]] static reassignment_plan plan_of(const reassignment_problem& p, const std::vector<Annealer>& islands,
                                                   const Annealer& best, stop_reason stopped) {
        reassignment_plan plan;
        plan.assignment.assign(best.state().best().begin(), best.state().best().end());
        const reassignment_evaluation evaluation = evaluate(p, plan.assignment);
        plan.cost = evaluation.cost;
        plan.violations = evaluation.violations;
        for (std::size_t t = 0; t < plan.assignment.size(); ++t)
            plan.moved += plan.assignment[t] == p.initial(task_index{t}) ? 0 : 1;
        for (const Annealer& one : islands) {
            plan.evaluations += one.evaluations();
            plan.accepted += one.accepted();
        }
        plan.stopped = stopped;
        return plan;
    }

    static constexpr std::uint64_t no_budget = std::numeric_limits<std::uint64_t>::max();

    // Every other island moves several tasks at once more often, and is colder at the end of the main part: better for
    // few tasks, slower for many small ones.
    static constexpr double second_kind_room = 4.0;
    static constexpr double second_kind_chain = 50.0;
    static constexpr double second_kind_last = 0.2;
    reassignment_search_options options_;
};

}  // namespace berth::inline v0
