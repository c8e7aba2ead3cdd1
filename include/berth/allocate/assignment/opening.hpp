// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/block_search.hpp"
#include "berth/allocate/assignment/compositions.hpp"
#include "berth/allocate/assignment/dive.hpp"
#include "berth/allocate/assignment/exact.hpp"
#include "berth/allocate/assignment/priced_greedy.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/core/run_control.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace berth::inline v0 {

/// The first phase of long searches: `priced_greedy`, a short `block_search`, a `dive`, a wider dive, and up to 200
/// tasks an attempt at a proof. Each has an evaluation budget in proportion to the pairs of task and GPU, so that it
/// ends by itself, after seconds on the sizes of the public instances (a hard proof of 200 tasks: after half a minute).
/// Deterministic per seed and evaluation budget.
struct opening {
    std::uint64_t seed = 0;  ///< of all parts

    static constexpr std::size_t few_tasks = 200;  ///< up to as many tasks a proof is attempted

    /// See `assignment_allocator`.
    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(const priced_problem& p, warm_start start = {},
                                      run_control<Stop, Observer> control = {}) const {
        const std::uint64_t pairs = p.tasks() * p.gpus();
        const limited blocks{std::min<std::uint64_t>(300 * pairs, 45'000'000), block_search{.seed = seed}};
        const limited descent{100'000 * pairs, dive{.seed = seed}};
        const limited wider{100'000 * pairs,
                            dive{.seed = seed, .candidates = 8, .max_node_iterations = 20, .keep_within = 0.5}};
        if (p.tasks() > few_tasks)
            return then{priced_greedy{.seed = seed}, blocks, descent, wider}.run(p, start, control);
        const limited first{20'000 * pairs, dive{.seed = seed}};
        const limited proof{1'500'000 * pairs, exact{.seed = seed}};
        return then{priced_greedy{.seed = seed}, blocks, first, wider, proof}.run(p, start, control);
    }
};

static_assert(assignment_allocator<opening>);

}  // namespace berth::inline v0
