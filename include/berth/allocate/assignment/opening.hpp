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
#include <limits>
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

/// The capacity of some GPU has a price. Without any, the relaxation only counts cheapest pairs and guides no dive.
[[nodiscard]] inline bool any_price(const priced_problem& p) noexcept {
    for (std::size_t g = 0; g < p.gpus(); ++g) {
        if (p.price(g) > 0.0) return true;
    }
    return false;
}

}  // namespace detail

/// The first phase of long searches: `priced_greedy`, a short `block_search`, a `dive`, a wider dive, and up to 200
/// tasks an attempt at a proof. Above 200 tasks the dives begin coarse and become finer, with short block searches
/// between them, as long as the bound is more than a fiftieth of a per cent away: the first good plan comes early, and
/// the better the plan, the smaller the tree of the next dive. Each part has an evaluation budget in proportion to the
/// pairs of task and GPU, so that it ends by itself, after seconds on the sizes of the public instances (a hard proof
/// of 200 tasks: after half a minute). Deterministic per seed and evaluation budget.
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
            const block_search wide_blocks{.seed = seed, .max_nodes = 1'000};
            const limited glance{30 * pairs, wide_blocks};
            const limited look{60 * pairs, wide_blocks};
            const limited coarse{
                2'000 * pairs, dive{.seed = seed, .max_root_iterations = 100, .keep_within = 0.1, .place_share = 0.1}};
            const limited finer{
                8'000 * pairs, dive{.seed = seed, .max_root_iterations = 100, .keep_within = 0.2, .place_share = 0.05}};
            const double far = detail::any_price(p) ? 0.02 : std::numeric_limits<double>::infinity();
            const detail::where_far sooner{far, coarse};
            const detail::where_far later{far, finer};
            return then{priced_greedy{.seed = seed}, glance, sooner, look, later, blocks, descent, wider}.run(p, start,
                                                                                                              control);
        }
        const limited first{20'000 * pairs, dive{.seed = seed}};
        const limited proof{1'500'000 * pairs, exact{.seed = seed}};
        return then{priced_greedy{.seed = seed}, blocks, first, wider, proof}.run(p, start, control);
    }
};

static_assert(assignment_allocator<opening>);

}  // namespace berth::inline v0
