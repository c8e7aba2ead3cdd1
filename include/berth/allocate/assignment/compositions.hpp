// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/detail/composition.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/core/config.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/parallelism.hpp"
#include "berth/core/random.hpp"
#include "berth/core/run_control.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>

// Allocators made of allocators; each is an `assignment_allocator` again. When to use which:
//
//   then{a, b}             b improves or proves the plan of a; a ends by itself (a greedy, `limited`)
//   limited{n, a}          a with n evaluations of its own, after which it counts as complete
//   best_of{a, b}          both from the same start, on threads with `best_of{a, b}.on(pool)`
//   time_sliced{a, b}      in turns, each from the best so far, with a fresh seed at every turn
//
// All of them share out the evaluation budget and exceed it by no more than the parts exceed their shares. Every part
// gets the caller's stop; if only a clock bounds the run, `best_of` and `time_sliced` share out the time in the same
// way, and a part's `elapsed` is that of its own share. The plan has the best assignment (the earlier part's among
// equals), the highest bound, and the sums of the counters. `then` and `time_sliced` end at a plan that meets its lower
// bound. `a.reseeded(salt)` has other seeds.
//
// Left out: learning which part pays per second (the plan would depend on the machine).

// Length: the four compositions, read side by side to choose one.

namespace berth::inline v0 {

/// An allocator with an evaluation budget of its own. Its plan is `completed` when only that budget is used up, not the
/// caller's.
template <class Allocator>
struct limited {
    static_assert(
        assignment_allocator<Allocator>,
        "berth: limited{evaluations, allocator} limits an assignment allocator: const run(priced_problem, start, "
        "control) that returns an assignment_plan");
    std::uint64_t max_evaluations;  ///< of the allocator, at most the caller's
    Allocator allocator;            ///< to limit

    /// See `assignment_allocator`.
    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(const priced_problem& p, warm_start start = {},
                                      run_control<Stop, Observer> control = {}) const {
        const std::uint64_t all = control.max_evaluations;
        if (max_evaluations < all) control.max_evaluations = max_evaluations;
        assignment_plan plan = allocator.run(p, start, control);
        if (plan.stopped == stop_reason::budget_exhausted && plan.evaluations < all)
            plan.stopped = stop_reason::completed;
        return plan;
    }
    /// The same with other seeds; salt 0 changes nothing.
    [[nodiscard]] limited reseeded(std::uint64_t salt) const {
        return {max_evaluations, detail::reseeded(allocator, salt)};
    }
};
template <class Evaluations, class Allocator>
limited(Evaluations, Allocator) -> limited<Allocator>;

/// One after the other, the first from the start, each other one from the best plan so far. A part may use all of the
/// budget and the time left; one that never ends by itself leaves nothing to the next: limit it.
template <class... Allocators>
class then {
    static_assert(sizeof...(Allocators) > 0, "berth: then{...} needs at least one assignment allocator");
    static_assert(
        (assignment_allocator<Allocators> && ...),
        "berth: every part of then{...} is an assignment allocator: const run(priced_problem, start, control) that "
        "returns an assignment_plan");

public:
    /// The parts, in order.
    constexpr explicit then(Allocators... parts) : parts_{std::move(parts)...} {}

    /// See `assignment_allocator`.
    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(const priced_problem& p, warm_start start = {},
                                      run_control<Stop, Observer> control = {}) const {
        detail::joint_run<Stop, Observer> run{p, start, control};
        std::apply([&](const auto&... part) { (void)(run.take_turn(part, run.budget_left()) && ...); }, parts_);
        return run.finish();
    }
    /// The same with other seeds; salt 0 changes nothing.
    [[nodiscard]] then reseeded(std::uint64_t salt) const {
        return std::apply([&](const auto&... part) { return then{detail::reseeded(part, salt)...}; }, parts_);
    }

private:
    std::tuple<Allocators...> parts_;
};

/// All from the same start, each with an equal share of the evaluations, on threads; the best plan wins, ties go to the
/// earlier part. The plan under an evaluation budget does not depend on the threads. The observer is called once all
/// parts have ended.
template <class Parallelism, class... Allocators>
class best_of_on {
    static_assert(sizeof...(Allocators) > 0, "berth: best_of{...} needs at least one assignment allocator");
    static_assert(
        (assignment_allocator<Allocators> && ...),
        "berth: every part of best_of{...} is an assignment allocator: const run(priced_problem, start, control) "
        "that returns an assignment_plan");

public:
    /// See `best_of::on`.
    constexpr best_of_on(Parallelism& parallelism, std::tuple<Allocators...> parts)
        : parallelism_{&parallelism}, parts_{std::move(parts)} {}

    /// See `assignment_allocator`.
    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(const priced_problem& p, warm_start start = {},
                                      run_control<Stop, Observer> control = {}) const {
        constexpr std::size_t count = sizeof...(Allocators);
        detail::joint_run<Stop, Observer> run{p, start, control};
        std::array<assignment_plan, count> plans;
        const std::size_t lanes = std::clamp<std::size_t>(parallelism_->concurrency(), 1, count);
        parallelism_->for_each(count, [&](std::size_t i) {
            // One more part in each lane needs time after this one, and so on.
            const std::size_t in_lane = (count - i + lanes - 1) / lanes;
            const run_control<detail::part_stop_t<Stop>> share{
                detail::stop_of_part(control, 1.0 / static_cast<double>(in_lane)),
                detail::share_of(control.max_evaluations, i, count),
                {}};
            detail::visit_part(parts_, i, [&](const auto& part) { plans[i] = part.run(p, run.start(), share); });
        });
        for (assignment_plan& plan : plans) run.add(std::move(plan));
        return run.finish();
    }
    /// The same with other seeds; salt 0 changes nothing.
    [[nodiscard]] best_of_on reseeded(std::uint64_t salt) const {
        return {*parallelism_,
                std::apply([&](const auto&... part) { return std::tuple{detail::reseeded(part, salt)...}; }, parts_)};
    }

private:
    Parallelism* parallelism_;
    std::tuple<Allocators...> parts_;
};

/// `best_of_on` without threads: the parts run in order, and the observer follows them. `on(parallelism)` uses threads.
template <class... Allocators>
class best_of {
    static_assert(sizeof...(Allocators) > 0, "berth: best_of{...} needs at least one assignment allocator");
    static_assert(
        (assignment_allocator<Allocators> && ...),
        "berth: every part of best_of{...} is an assignment allocator: const run(priced_problem, start, control) "
        "that returns an assignment_plan");

public:
    /// The parts; the earlier one wins ties.
    constexpr explicit best_of(Allocators... parts) : parts_{std::move(parts)...} {}

    /// The same on threads.
    ///
    /// @param parallelism  outlives the allocator; one run at a time
    template <parallelism Parallelism>
    [[nodiscard]] best_of_on<Parallelism, Allocators...> on(Parallelism& parallelism) const {
        return {parallelism, parts_};
    }
    /// See `assignment_allocator`.
    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(const priced_problem& p, warm_start start = {},
                                      run_control<Stop, Observer> control = {}) const {
        constexpr std::size_t count = sizeof...(Allocators);
        detail::joint_run<Stop, Observer> run{p, start, control};
        std::size_t i = 0;
        const auto run_one = [&](const auto& part) {
            const std::uint64_t budget = detail::share_of(control.max_evaluations, i, count);
            const double time_share = 1.0 / static_cast<double>(count - i);
            ++i;
            run.add(run.run_part(part, run.start(), budget, time_share));
        };
        std::apply([&](const auto&... part) { (run_one(part), ...); }, parts_);
        return run.finish();
    }
    /// The same with other seeds; salt 0 changes nothing.
    [[nodiscard]] best_of reseeded(std::uint64_t salt) const {
        return std::apply([&](const auto&... part) { return best_of{detail::reseeded(part, salt)...}; }, parts_);
    }

private:
    std::tuple<Allocators...> parts_;
};

/// The turns of `time_sliced`.
struct slicing_options {
    std::uint64_t max_turn_evaluations = 2'000'000;  ///< of each turn of the first round, above 0
    double growth = 1.5;                             ///< factor on the length of turns from round to round, 1 or more
    std::size_t max_rounds = 25;                     ///< then the run is complete; the defaults take days
};

/// In turns, round after round, each from the best plan so far. A turn has `max_turn_evaluations`, more in later rounds
/// (so that parts that need long runs get them, at the cost of a constant factor), but never more than an equal share
/// of the evaluations left; if only a clock bounds the run, never more than an equal share of the time left. So all
/// turns of the last round are equal. From the second round on seeds differ from round to round.
template <class... Allocators>
class time_sliced {
    static_assert(sizeof...(Allocators) > 0, "berth: time_sliced{...} needs at least one assignment allocator");
    static_assert(
        (assignment_allocator<Allocators> && ...),
        "berth: every part of time_sliced{...} is an assignment allocator: const run(priced_problem, start, control) "
        "that returns an assignment_plan; slicing_options come first");

public:
    /// @param options  see `slicing_options`
    /// @param parts    in the order of their turns
    constexpr explicit time_sliced(slicing_options options, Allocators... parts)
        : options_{options}, parts_{std::move(parts)...} {
        BERTH_ASSERT(options.max_turn_evaluations > 0 && options.growth >= 1.0,
                     "berth: turns of time_sliced have evaluations and do not shrink");
    }
    /// The default options.
    constexpr explicit time_sliced(Allocators... parts)
        requires(!(std::same_as<Allocators, slicing_options> || ...))
        : time_sliced{slicing_options{}, std::move(parts)...} {}

    /// See `assignment_allocator`.
    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(const priced_problem& p, warm_start start = {},
                                      run_control<Stop, Observer> control = {}) const {
        detail::joint_run<Stop, Observer> run{p, start, control};
        auto turns = static_cast<double>(options_.max_turn_evaluations);
        std::array<double, sizeof...(Allocators)>
            speed{};  // evaluations in all of the time, by the last turn of each part
        bool going = true;
        for (std::size_t round = 0; going && round < options_.max_rounds; ++round, turns *= options_.growth) {
            std::uint64_t waiting = sizeof...(Allocators);
            const auto turn = [&](const auto& part) {
                double& evaluations_in_time = speed[sizeof...(Allocators) - waiting];
                const double time_share = 1.0 / static_cast<double>(waiting);
                const std::uint64_t share = run.budget_left() / waiting--;
                const std::uint64_t most = turns < 1e18 ? static_cast<std::uint64_t>(turns) : std::uint64_t{1} << 60U;
                const auto next = detail::reseeded(part, round);
                const double before = run.elapsed();
                const std::uint64_t spent = run.spent();
                // Where the clock is expected to end the turn, it alone bounds it, so that the part can tell how much
                // is left.
                const bool by_clock = run.timed() && evaluations_in_time > 0.0 &&
                                      evaluations_in_time * time_share * (1.0 - before) < static_cast<double>(most);
                const bool goes_on = by_clock
                                         ? run.take_turn(next, run.budget_left(), time_share)
                                         : run.take_turn(limited{share < most ? (share > 0 ? share : 1) : most, next},
                                                         run.budget_left(), time_share);
                const double used = run.elapsed() - before;
                if (used > 0.0) evaluations_in_time = static_cast<double>(run.spent() - spent) / used;
                return goes_on;
            };
            going = std::apply([&](const auto&... part) { return (turn(part) && ...); }, parts_);
        }
        return run.finish();
    }
    /// The same with other seeds; salt 0 changes nothing.
    [[nodiscard]] time_sliced reseeded(std::uint64_t salt) const {
        return std::apply([&](const auto&... part) { return time_sliced{options_, detail::reseeded(part, salt)...}; },
                          parts_);
    }

private:
    slicing_options options_;
    std::tuple<Allocators...> parts_;
};
}  // namespace berth::inline v0
