// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment_allocator.hpp"
#include "berth/allocate/compositions.hpp"
#include "berth/allocate/exact.hpp"
#include "berth/allocate/priced_greedy.hpp"
#include "berth/allocate/priced_problem.hpp"
#include "berth/core/random.hpp"
#include "berth/core/run_control.hpp"

#include <cstdint>

namespace berth {

namespace detail {

/// The searches of `portfolio`, in turns. The one place to change when there is a better search.
[[nodiscard]] inline auto portfolio_searches(std::uint64_t seed) { return time_sliced{exact{.seed = seed}}; }

}  // namespace detail

/// The default composition for generalised assignment problems: greedy by price, a short attempt to prove the optimum where
/// there are at most 200 tasks, then the searches in turns. Anytime; deterministic per seed and evaluation budget. For another one, compose it:
/// `then{priced_greedy{}, time_sliced{a, b}}`.
struct portfolio {
    std::uint64_t seed = 0;

    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(const priced_problem& p, warm_start start = {},
                                      run_control<Stop, Observer> control = {}) const {
        const std::uint64_t attempt = p.tasks() <= 200 ? 12'000 * p.tasks() * p.gpus() : 0;
        const then parts{priced_greedy{.seed = seed}, limited{attempt, exact{.seed = seed}},
                         detail::portfolio_searches(seed)};
        return parts.run(p, start, control);
    }
};

static_assert(assignment_allocator<portfolio>);

}  // namespace berth
