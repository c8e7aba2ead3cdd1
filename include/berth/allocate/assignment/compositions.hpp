// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/detail/composition.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/core/config.hpp"
#include "berth/core/parallelism.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/random.hpp"
#include "berth/core/run_control.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>

// Allocators made of allocators; each is an `assignment_allocator` again. When to use which:
//
//   then{a, b}             b improves or proves what a found; a ends by itself (a greedy, `limited`)
//   limited{n, a}          a with n evaluations of its own, after which it counts as complete
//   best_of{a, b}          both from the same start, on threads if asked: `best_of{a, b}.on(pool)`
//   time_sliced{a, b}      in turns, each from the best so far, with a fresh seed at every turn
//
// All of them: the evaluation budget is shared out, exceeded by no more than the parts exceed their shares; stop and deadline are
// passed on; the plan has the best assignment (of equal ones that of the earlier part), the highest bound, and the sums of the
// counters. `then` and `time_sliced` end at a plan that meets its lower bound. `a.reseeded(salt)` has other seeds.
//
// Left out: racing parts against the clock and learning which part pays (the plan would depend on the machine).

namespace berth::inline v0 {

/// An allocator with an evaluation budget of its own. Used up, the plan says `completed`, unless the caller's is, too.
template <class Allocator>
struct limited {
    static_assert(
        assignment_allocator<Allocator>,
        "berth: limited{evaluations, allocator} limits an assignment allocator: const run(priced_problem, start, "
        "control) that returns an assignment_plan");
    std::uint64_t max_evaluations;
    Allocator allocator;

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
    [[nodiscard]] limited reseeded(std::uint64_t salt) const {
        return {max_evaluations, detail::reseeded(allocator, salt)};
    }
};
template <class Evaluations, class Allocator>
limited(Evaluations, Allocator) -> limited<Allocator>;

/// One after the other, each from the plan before; the first from the start. The evaluation budget goes to whoever runs: what
/// a part leaves is the next one's. A part that never ends by itself leaves nothing; limit it.
template <class... Allocators>
class then {
    static_assert(sizeof...(Allocators) > 0, "berth: then{...} needs at least one assignment allocator");
    static_assert(
        (assignment_allocator<Allocators> && ...),
        "berth: every part of then{...} is an assignment allocator: const run(priced_problem, start, control) that "
        "returns an assignment_plan");

public:
    constexpr explicit then(Allocators... parts) : parts_{std::move(parts)...} {}

    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(const priced_problem& p, warm_start start = {},
                                      run_control<Stop, Observer> control = {}) const {
        detail::joint_run<Stop, Observer> run{p, start, control};
        std::apply([&](const auto&... part) { (void)(run.take_turn(part, run.budget_left()) && ...); }, parts_);
        return run.finish();
    }
    [[nodiscard]] then reseeded(std::uint64_t salt) const {
        return std::apply([&](const auto&... part) { return then{detail::reseeded(part, salt)...}; }, parts_);
    }

private:
    std::tuple<Allocators...> parts_;
};

/// All from the same start, each with an equal share of the evaluations; the best plan wins, ties go to the earlier part. On an
/// parallelism with threads the same plan comes sooner; the observer then hears of the parts only when all have ended.
template <class Parallelism, class... Allocators>
class best_of_on {
    static_assert(sizeof...(Allocators) > 0, "berth: best_of{...} needs at least one assignment allocator");
    static_assert(
        (assignment_allocator<Allocators> && ...),
        "berth: every part of best_of{...} is an assignment allocator: const run(priced_problem, start, control) "
        "that returns an assignment_plan");

public:
    constexpr best_of_on(Parallelism& parallelism, std::tuple<Allocators...> parts)
        : parallelism_{&parallelism}, parts_{std::move(parts)} {}

    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(const priced_problem& p, warm_start start = {},
                                      run_control<Stop, Observer> control = {}) const {
        constexpr std::size_t count = sizeof...(Allocators);
        detail::joint_run<Stop, Observer> run{p, start, control};
        std::array<assignment_plan, count> plans;
        parallelism_->for_each(count, [&](std::size_t i) {
            run_control<Stop> share{control.stop, control.max_evaluations / count, {}};
            if (i < control.max_evaluations % count) ++share.max_evaluations;
            detail::visit_part(parts_, i, [&](const auto& part) { plans[i] = part.run(p, start, share); });
        });
        for (assignment_plan& plan : plans) run.add(std::move(plan));
        return run.finish();
    }
    [[nodiscard]] best_of_on reseeded(std::uint64_t salt) const {
        return {*parallelism_,
                std::apply([&](const auto&... part) { return std::tuple{detail::reseeded(part, salt)...}; }, parts_)};
    }

private:
    Parallelism* parallelism_;
    std::tuple<Allocators...> parts_;
};

/// `best_of_on` without threads: the parts run in order, and the observer follows them. `on(parallelism)` spreads them over threads.
template <class... Allocators>
class best_of {
    static_assert(sizeof...(Allocators) > 0, "berth: best_of{...} needs at least one assignment allocator");
    static_assert(
        (assignment_allocator<Allocators> && ...),
        "berth: every part of best_of{...} is an assignment allocator: const run(priced_problem, start, control) "
        "that returns an assignment_plan");

public:
    constexpr explicit best_of(Allocators... parts) : parts_{std::move(parts)...} {}

    /// @param parallelism  outlives the allocator; one run at a time.
    template <parallelism Parallelism>
    [[nodiscard]] best_of_on<Parallelism, Allocators...> on(Parallelism& parallelism) const {
        return {parallelism, parts_};
    }
    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(const priced_problem& p, warm_start start = {},
                                      run_control<Stop, Observer> control = {}) const {
        constexpr std::size_t count = sizeof...(Allocators);
        detail::joint_run<Stop, Observer> run{p, start, control};
        std::size_t i = 0;
        const auto share = [&] {
            const std::uint64_t rest = i++ < control.max_evaluations % count ? 1 : 0;
            return control.max_evaluations / count + rest;
        };
        std::apply([&](const auto&... part) { (run.add(run.run_part(part, start, share())), ...); }, parts_);
        return run.finish();
    }
    [[nodiscard]] best_of reseeded(std::uint64_t salt) const {
        return std::apply([&](const auto&... part) { return best_of{detail::reseeded(part, salt)...}; }, parts_);
    }

private:
    std::tuple<Allocators...> parts_;
};

struct slicing_options {
    std::uint64_t slice = 2'000'000;  ///< evaluations of a turn in the first round
    double growth = 1.5;              ///< by which turns get longer, round by round; 1 or more
    std::size_t rounds = 25;          ///< after which it is over; the defaults come to days
};

/// In turns, round after round, each from the best plan so far. A turn has `slice` evaluations, more in later rounds (what needs
/// long runs gets them in the end, at the price of at most a constant factor), but never more than its part of what is left: so
/// in the last round all get equal turns. From the second round on seeds differ from round to round.
///
/// A deadline ends whoever runs; with slices far shorter than the time there is, parts share the time by their evaluations.
template <class... Allocators>
class time_sliced {
    static_assert(sizeof...(Allocators) > 0, "berth: time_sliced{...} needs at least one assignment allocator");
    static_assert(
        (assignment_allocator<Allocators> && ...),
        "berth: every part of time_sliced{...} is an assignment allocator: const run(priced_problem, start, control) "
        "that returns an assignment_plan; slicing_options come first");

public:
    constexpr explicit time_sliced(slicing_options options, Allocators... parts)
        : options_{options}, parts_{std::move(parts)...} {
        BERTH_ASSERT(options.slice > 0 && options.growth >= 1.0, "berth: a slice is positive and does not shrink");
    }
    constexpr explicit time_sliced(Allocators... parts)
        requires(!(std::same_as<Allocators, slicing_options> || ...))
        : time_sliced{slicing_options{}, std::move(parts)...} {}

    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(const priced_problem& p, warm_start start = {},
                                      run_control<Stop, Observer> control = {}) const {
        detail::joint_run<Stop, Observer> run{p, start, control};
        auto slice = static_cast<double>(options_.slice);
        bool going = true;
        for (std::size_t round = 0; going && round < options_.rounds; ++round, slice *= options_.growth) {
            std::uint64_t waiting = sizeof...(Allocators);
            const auto turn = [&](const auto& part) {
                const std::uint64_t share = run.budget_left() / waiting--;
                const std::uint64_t most = slice < 1e18 ? static_cast<std::uint64_t>(slice) : std::uint64_t{1} << 60U;
                const limited sliced{share < most ? (share > 0 ? share : 1) : most, detail::reseeded(part, round)};
                return run.take_turn(sliced, run.budget_left());
            };
            going = std::apply([&](const auto&... part) { return (turn(part) && ...); }, parts_);
        }
        return run.finish();
    }
    [[nodiscard]] time_sliced reseeded(std::uint64_t salt) const {
        return std::apply([&](const auto&... part) { return time_sliced{options_, detail::reseeded(part, salt)...}; },
                          parts_);
    }

private:
    slicing_options options_;
    std::tuple<Allocators...> parts_;
};
}  // namespace berth::inline v0
