// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/makespan/detail/makespan_attempt.hpp"
#include "berth/allocate/assignment/makespan/detail/makespan_state.hpp"
#include "berth/allocate/assignment/makespan/makespan_bound.hpp"
#include "berth/allocate/search/annealer.hpp"
#include "berth/allocate/search/cooling.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/run_control.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace berth::inline v0 {

/// The answer to a makespan problem: a plain value, valid for every `stopped`.
struct makespan_plan {
    gpu_assignment gpu_of;                         ///< a GPU for every task
    amount makespan = 0;                           ///< the highest load of any GPU
    amount lower_bound = 0;                        ///< no assignment has a lower makespan
    std::uint64_t evaluations = 0;                 ///< moves and swaps whose effect was computed
    std::uint64_t accepted = 0;                    ///< moves and swaps carried out
    stop_reason stopped = stop_reason::completed;  ///< why the run ended

    /// True if the makespan is proven to be the least.
    [[nodiscard]] bool optimal() const noexcept { return makespan == lower_bound; }
};

/// Minimises the makespan of tasks whose loads differ from GPU to GPU. Greedy first; then for one target after the
/// other simulated annealing towards an assignment without load beyond the target and with little load in total.
/// Targets bisect the range from the lower bound to the best makespan. When all of them have failed, attempts get twice
/// as long, at another temperature. Complete at the bound, or after `patience`.
///
/// When to use: makespan alone. `local_search` minimises any objective, with the makespan or `load_to_power` as one of
/// its terms. O(tasks × GPUs) for candidate lists, greedy and bound, O(1) an evaluation; O(tasks × candidates)
/// memory, and a table of loads while the bound is computed. Deterministic per seed and evaluation budget.
struct makespan_search {
    std::uint64_t seed = 1;       ///< of all random draws
    std::size_t candidates = 20;  ///< GPUs on each task's candidate list: those where its load is least
    std::uint64_t max_attempt_evaluations = 400'000;  ///< of the first attempt at a target, above 0
    std::size_t max_bound_iterations = 150;           ///< of `bound_makespan`
    std::uint64_t patience = 12;  ///< doublings of an attempt without a better makespan before the search is complete

    /// @param start    used if it is better than greedy; may be empty. Gaps (tasks that it does not reach, or sends to
    ///                 a GPU that does not exist) are filled greedily, entries beyond the last task dropped.
    /// @param control  polled every 500 evaluations, and every 65,536 pairs of the bound. If only a clock bounds the
    ///                 run, an attempt that it would end hot cools by the time left. `progress::objective` is the best
    ///                 makespan.
    /// @return  never worse than the start
    template <load_source Load, class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] makespan_plan run(const makespan_problem<Load>& p, std::span<const gpu_index> start = {},
                                    run_control<Stop, Observer> control = {}) const;
};

namespace detail {

/// The targets of a run of `makespan_search`, one after the other.
template <load_source Load, class Control>
[[nodiscard]] makespan_plan search_makespan(const makespan_search& rule, const makespan_problem<Load>& p,
                                            std::span<const gpu_index> start, Control& control) {
    using attempt = makespan_attempt<Control>;
    const annealer_options options{
        .seed = rule.seed, .max_idle = annealer_options::without_end, .poll_every = attempt::stretch};
    annealer search{makespan_state<Load>{p, rule.candidates, start}, makespan_moves<Load>{}, geometric_cooling{},
                    options};
    makespan_plan plan;
    plan.makespan = search.state().makespan();
    const auto progress = [&] {
        return berth::progress{.done = static_cast<std::size_t>(search.accepted()),
                               .total = 0,
                               .evaluations = search.evaluations(),
                               .objective = static_cast<double>(plan.makespan)};
    };
    notify::begin(control.observer, progress());
    plan.lower_bound =
        bound_makespan(p, rule.max_bound_iterations, run_control<decltype(control.stop)>{.stop = control.stop}).rounded;
    std::uint64_t length = rule.max_attempt_evaluations;
    std::uint64_t doubled = 0;
    amount failed = plan.lower_bound - 1;
    while (plan.makespan > plan.lower_bound) {
        if (failed + 1 >= plan.makespan) {
            if (doubled >= rule.patience) break;
            ++doubled;
            length *= 2;
            failed = plan.lower_bound - 1;
        }
        const amount target = failed + 1 + (plan.makespan - 1 - failed - 1) / 2;
        const double first = 0.8 * search.state().unit() * static_cast<double>(1U << (doubled % 4));
        search.state().aim(target);
        search.restart(geometric_cooling{.first = first, .last = first / 8});
        attempt one{control, search.evaluations(), length};
        (void)search.improve(one);
        if (search.state().attained()) {
            plan.makespan = search.state().makespan();
            notify::step(control.observer, progress());
            doubled = 0;
            continue;
        }
        search.restore();
        plan.stopped = one.run_ended();
        if (plan.stopped != stop_reason::completed) break;
        failed = target;
    }
    notify::end(control.observer, progress());
    plan.evaluations = search.evaluations();
    plan.accepted = search.accepted();
    plan.gpu_of = std::move(search.state().best());
    return plan;
}

}  // namespace detail

template <load_source Load, class Stop, class Observer>
makespan_plan makespan_search::run(const makespan_problem<Load>& p, std::span<const gpu_index> start,
                                   run_control<Stop, Observer> control) const {
    return detail::search_makespan(*this, p, start, control);
}

}  // namespace berth::inline v0
