// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/parallelism.hpp"
#include "berth/core/index.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/random.hpp"
#include "berth/core/run_control.hpp"
#include "berth/allocate/reassignment/detail/reassignment_reach.hpp"
#include "berth/allocate/reassignment/detail/reassignment_annealer.hpp"
#include "berth/allocate/reassignment/evaluate_reassignment.hpp"
#include "berth/allocate/reassignment/reassignment_bound.hpp"
#include "berth/allocate/reassignment/reassignment_plan.hpp"
#include "berth/allocate/reassignment/reassignment_problem.hpp"
#include "berth/allocate/reassignment/reassignment_state.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// How a search for a better assignment goes on. Temperatures and prices are above 0.
struct reassignment_search_options {
    std::uint64_t seed = 1;
    /// Searches of their own, the best of which counts; as many as there are threads to run them.
    std::size_t islands = 1;
    /// Evaluations of each island if neither the control's budget nor its clock bounds the run.
    std::uint64_t evaluations = 50'000'000;
    /// Of the load weight of an average task.
    double first_temperature = 0.5;
    /// The same, when large tasks have found their places; what is left is for the small ones.
    double last_temperature = 1e-2;
    /// A unit beyond capacity costs so many times what one beyond safety capacity does: first, and when large tasks have found their places.
    double first_overload_price = 3.0;
    double last_overload_price = 300.0;
    reassignment_mix mix{};
};

/// Moves tasks so that a reassignment problem costs less: simulated annealing from the initial placement.
///
/// ```
/// const reassignment_plan plan = reassignment_search{{.seed = 7}}.run(problem, initial, run_control<>{.max_evaluations = 20'000'000});
/// ```
///
/// 1. Walks through assignments that exceed capacities, at a price that rises while the temperature falls; everything else is
///    kept once it holds, and mended first if the start breaks it. What it returns is feasible unless neither the start nor
///    anything it found is.
/// 2. Never worse than its start.
/// 3. Cools by `control.elapsed`: the share of the budget or of the time; by `options.evaluations` if nothing bounds the control. A run
///    that is stopped early returns the best so far.
/// 4. Same seed, islands and budget, same plan, for any number of threads. A clock does not reproduce.
/// 5. Half of the steps take a task back to where it was initial, alone or against a task that is there: under transient resources a node
///    that gave too much away can be filled by nothing else.
/// 6. Looks at its control, and tells its observer of what is better, every 50,000 evaluations of each island. The objective it tells is the
///    cost of the best feasible assignment, infinite while there is none.
///
/// Source: Kirkpatrick, Gelatt, Vecchi, "Optimization by simulated annealing", Science 220 (1983); the overload price is that of
/// strategic oscillation (Glover). Memory: O(islands × problem). A description: immutable and shareable.
class reassignment_search {
public:
    explicit reassignment_search(const reassignment_search_options& options = {}) : options_{options} {
        BERTH_ASSERT(options.islands > 0, "berth: a reassignment search has an island");
        BERTH_ASSERT(options.first_temperature > 0.0 && options.last_temperature > 0.0,
                     "berth: temperatures of a reassignment search are above 0");
        BERTH_ASSERT(options.first_overload_price > 0.0 && options.last_overload_price > 0.0,
                     "berth: overload prices of a reassignment search are above 0");
    }

    [[nodiscard]] const reassignment_search_options& options() const noexcept { return options_; }

    /// @param start  a node for every task; `initial_assignment(problem)` is the usual one.
    template <class Stop = never_stop, class Observer = no_observer, parallelism Parallelism = const sequential>
    [[nodiscard]] reassignment_plan run(const reassignment_problem& p, std::span<const node_index> start,
                                        run_control<Stop, Observer> control = {}, Parallelism&& threads = {}) const {
        BERTH_ASSERT(start.size() == p.task_count(), "berth: an assignment has a node for every task");
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
        using walk = detail::reassignment_annealer<Wides>;
        const detail::reassignment_reach<Wides> reach{p};
        std::vector<walk> islands;
        islands.reserve(options_.islands);
        for (std::size_t i = 0; i < options_.islands; ++i) {
            reassignment_mix mix = options_.mix;
            if (i % 2 == 1) {
                mix.make_room *= second_kind_room;
                mix.chain *= second_kind_chain;
            }
            islands.emplace_back(p, reach, start, mix, stream_seed(options_.seed, i));
        }
        const auto best = [&]() -> const walk& {
            std::size_t at = 0;
            for (std::size_t i = 1; i < islands.size(); ++i) at = islands[i].better_than(islands[at]) ? i : at;
            return islands[at];
        };
        const auto evaluations = [&] {
            std::uint64_t sum = 0;
            for (const walk& one : islands) sum += one.evaluations();
            return sum;
        };
        const auto objective = [&] {
            return best().best_is_feasible() ? best().best_value() : std::numeric_limits<double>::infinity();
        };
        const auto progress = [&](double share) {
            return berth::progress{.done = static_cast<std::size_t>(share * 100.0),
                                   .total = 100,
                                   .evaluations = evaluations(),
                                   .objective = objective()};
        };

        notify::begin(control.observer, progress(0.0));
        const double gain = best().best_is_feasible() ? best().best_value() - static_cast<double>(reassignment_bound(p))
                                                      : std::numeric_limits<double>::infinity();
        const cooling sky{p, options_, gain};
        stop_reason stopped = stop_reason::completed;
        double last = objective();
        std::uint64_t rounds = 0;
        std::vector<double> pressure(islands.size(), 1.0);
        double before = 0.0;
        while (p.task_count() > 0 && p.node_count() > 1) {
            const std::uint64_t done = evaluations();
            if (stopped = control.check(done); stopped != stop_reason::completed) break;
            const double share = elapsed(control, done, rounds);
            if (share >= 1.0) break;
            const double growth = share > pressure_from ? std::exp(pressure_growth * (share - before)) : 1.0;
            before = share;
            std::uint64_t left = (control.max_evaluations - done - 1) / islands.size() + 1;
            if (!control.bounded()) left = options_.evaluations - rounds * round;
            const std::uint64_t next = left < round ? left : round;
            threads.for_each(islands.size(), [&](std::size_t i) {
                pressure[i] *= islands[i].has_fitted() ? 1.0 / growth : growth;
                if (pressure[i] < 1.0) pressure[i] = 1.0;
                islands[i].run(sky.at(share, pressure[i], i % 2 == 1 ? second_kind_last : 1.0), next);
            });
            ++rounds;
            if (evaluations() == done) break;  // no step of the mix can be taken
            if (objective() < last) {
                last = objective();
                notify::step(control.observer, progress(share));
            }
        }
        notify::end(control.observer, progress(1.0));
        return plan_of(p, islands, best(), stopped);
    }

    /// How temperature and overload price go over time.
    class cooling {
    public:
        /// @param gain  how much lower the cost can get at most.
        cooling(const reassignment_problem& p, const reassignment_search_options& o, double gain) noexcept {
            double largest_weight = 1.0;
            double size = 0.0;
            for (std::size_t r = 0; r < p.resource_count(); ++r) {
                const auto weight = static_cast<double>(p.resources()[r].load_weight);
                largest_weight = weight > largest_weight ? weight : largest_weight;
                double demand = 0.0;
                for (std::size_t t = 0; t < p.task_count(); ++t)
                    demand += static_cast<double>(p.demand(task_index{t})[r]);
                size += weight * demand;
            }
            size = p.task_count() > 0 && size > 0 ? size / static_cast<double>(p.task_count()) : 1.0;
            first_ = o.first_temperature * size;
            last_ = o.last_temperature * size;
            // Where little can be gained, what is good already is not melted.
            const double hottest = most_of_gain * gain;
            if (hottest > 0.0 && hottest < first_) {
                last_ *= hottest / first_;
                first_ = hottest;
            }
            first_price_ = o.first_overload_price * largest_weight;
            last_price_ = o.last_overload_price * largest_weight;
        }
        /// @param colder  times the last temperature.
        [[nodiscard]] detail::reassignment_cooling at(double share, double pressure, double colder) const noexcept {
            const double last = last_ * colder;
            constexpr double main_part = 0.75;
            const double main = share < main_part ? share / main_part : 1.0;
            const double rest = share < main_part ? 0.0 : (share - main_part) / (1.0 - main_part);
            constexpr double cold = 0.05;  // a twentieth of what a move costs at least
            const double coldest = last < cold ? last : cold;
            const double warm = first_ * std::pow(last / first_, main);
            const double price = pressure * first_price_ * std::pow(last_price_ / first_price_, main + rest);
            constexpr double dearest = 0x1.0p50;
            return {warm * std::pow(coldest / last, rest),
                    static_cast<amount>(price < dearest ? std::ceil(price) : dearest)};
        }

    private:
        double first_;
        double last_;
        double first_price_;
        double last_price_;
    };

    /// The share of the run that is used: the control's, or that of the options' evaluations if nothing bounds the control.
    template <class Control>
    [[nodiscard]] double elapsed(const Control& control, std::uint64_t done, std::uint64_t rounds) const {
        if (control.bounded()) return control.elapsed(done);
        if (options_.evaluations == 0) return 1.0;
        return static_cast<double>(rounds) * static_cast<double>(round) / static_cast<double>(options_.evaluations);
    }

    template <class Walk>
    [[nodiscard]] static reassignment_plan plan_of(const reassignment_problem& p, const std::vector<Walk>& islands,
                                                   const Walk& best, stop_reason stopped) {
        reassignment_plan plan;
        plan.assignment.assign(best.best().begin(), best.best().end());
        const reassignment_evaluation verdict = evaluate(p, plan.assignment);
        plan.cost = verdict.cost;
        plan.violations = verdict.violations;
        for (std::size_t t = 0; t < plan.assignment.size(); ++t)
            plan.moved += plan.assignment[t] == p.initial(task_index{t}) ? 0 : 1;
        for (const Walk& one : islands) {
            plan.evaluations += one.evaluations();
            plan.accepted += one.accepted();
        }
        plan.stopped = stopped;
        return plan;
    }

    static constexpr std::uint64_t round = 50'000;  // evaluations between two looks at the control

    // Every other island moves several tasks at once more often and cools further while large tasks find their places: better for few tasks,
    // slower for many small ones.
    static constexpr double second_kind_room = 4.0;
    static constexpr double second_kind_chain = 50.0;
    static constexpr double second_kind_last = 0.2;
    // An assignment that is nearly as good as the bound is kept, and a few moves are looked for.
    static constexpr double most_of_gain = 0.1;
    // From this share on an island that finds nothing within capacities has its price raised, a hundredfold in a sixth of the run.
    static constexpr double pressure_from = 0.6;
    static constexpr double pressure_growth = 28.0;

    reassignment_search_options options_;
};

}  // namespace berth::inline v0
