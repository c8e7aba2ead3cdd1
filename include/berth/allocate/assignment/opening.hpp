// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/block_search.hpp"
#include "berth/allocate/assignment/compositions.hpp"
#include "berth/allocate/assignment/dive.hpp"
#include "berth/allocate/assignment/exact.hpp"
#include "berth/allocate/assignment/priced_greedy.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/allocate/assignment/warm_start.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/run_control.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace berth::inline v0 {

namespace detail {

/// The allocator, from starts that are infeasible or further than `gap` per cent above the bound; others are left as
/// they are.
template <class Allocator>
struct where_far {
    double gap;
    Allocator allocator;

    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(const priced_problem& p, warm_start start = {},
                                      run_control<Stop, Observer> control = {}) const {
        gpu_assignment given = complete_start(p, start);
        if (given.empty()) return allocator.run(p, start, control);
        assignment_plan plan = p.plan_of(std::move(given));
        if (!plan.feasible() || !(plan.gap() <= gap)) return allocator.run(p, start, control);
        notify::begin(control.observer, {});
        notify::end(control.observer, progress{.objective = plan.cost});
        return plan;
    }
};
template <class Allocator>
where_far(double, Allocator) -> where_far<Allocator>;

}  // namespace detail

/// The first phase of long searches: `priced_greedy`, a short `block_search`, a `dive`, a wider dive, and up to 200
/// tasks an attempt at a proof. Above 200 tasks the block search pauses after a tenth: where the bound is still more
/// than half a per cent away, a coarse dive gains more in less time. Each part has an evaluation budget in proportion
/// to the pairs of task and GPU, so that it ends by itself, after seconds on the sizes of the public instances (a hard
/// proof of 200 tasks: after half a minute). Deterministic per seed and evaluation budget.
struct opening {
    std::uint64_t seed = 0;  ///< of all parts

    static constexpr std::size_t few_tasks = 200;  ///< up to as many tasks a proof is attempted

    /// See `assignment_allocator`.
    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(const priced_problem& p, warm_start start = {},
                                      run_control<Stop, Observer> control = {}) const {
        const std::uint64_t pairs = p.tasks() * p.gpus();
        const limited blocks{std::min<std::uint64_t>(300 * pairs, 45'000'000), block_search{.seed = seed}};
        const limited descent{std::min<std::uint64_t>(100'000 * pairs, 1'000'000'000), dive{.seed = seed}};
        const limited wider{100'000 * pairs,
                            dive{.seed = seed, .candidates = 8, .max_node_iterations = 20, .keep_within = 0.5}};
        if (p.tasks() > few_tasks) {
            const limited glance{30 * pairs, block_search{.seed = seed}};
            const limited coarse{
                2'000 * pairs, dive{.seed = seed, .max_root_iterations = 100, .keep_within = 0.1, .place_share = 0.1}};
            const detail::where_far sooner{0.5, coarse};
            return then{priced_greedy{.seed = seed}, glance, sooner, blocks, descent, wider}.run(p, start, control);
        }
        const limited first{20'000 * pairs, dive{.seed = seed}};
        const limited proof{1'500'000 * pairs, exact{.seed = seed}};
        return then{priced_greedy{.seed = seed}, blocks, first, wider, proof}.run(p, start, control);
    }
};

static_assert(assignment_allocator<opening>);

}  // namespace berth::inline v0
