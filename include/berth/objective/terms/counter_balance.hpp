// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/objective/concepts.hpp"
#include "berth/objective/detail/excess_rows.hpp"
#include "berth/objective/places.hpp"

#include <cstddef>
#include <span>
#include <utility>

namespace berth::inline v0 {

/// For every free unit of one counter, a place needs `target` free units of another, or it cannot be used.
struct balance_goal {
    std::size_t counter = 0;  ///< r1, a position in the schema
    std::size_t partner = 0;  ///< r2, a position in the schema
    amount target = 1;        ///< units of r2 per unit of r1
    amount weight = 1;        ///< not negative
};

namespace detail {

struct balanced_counters {
    balance_goal goal{};

    [[nodiscard]] amount weight() const noexcept { return goal.weight; }
    [[nodiscard]] amount change(const amount* wanted, std::size_t) const noexcept {
        return wanted[goal.partner] - goal.target * wanted[goal.counter];
    }
};

}  // namespace detail

/// Free room that cannot be used because its partner is short: the sum over goals (r1, r2, target) and places m of
/// weight * max(0, target * A(m, r1) - A(m, r2)), where A is the free amount of a counter, below zero where it is
/// exceeded. The balance cost of the ROADEF/EURO challenge 2012.
///
/// An unlimited counter has `max_amount` free; leave it out of goals. `Goals` is their number where it is known at
/// compile time. Integers inside, exact while the sum stays below 2^53. Deterministic. A delta is O(places of the slots
/// times goals).
template <counter_places Places = on_nodes, std::size_t Goals = std::dynamic_extent>
struct counter_balance {
    std::span<const balance_goal> goals;  ///< outlives the objective

    /// The term in plans and in the self-check.
    [[nodiscard]] static constexpr const char* name() noexcept { return "counter balance"; }

    /// The state of a run, see `term_state`.
    using state = detail::excess_rows<Places, detail::balanced_counters, Goals>;
    /// The state of a run that starts with this assignment; allocates all its memory here. O(tasks + fleet).
    [[nodiscard]] state prepare(const problem& p, std::span<const slot> start) const {
        detail::row_of<detail::balanced_counters, Goals> columns{goals.size()};
        for (std::size_t k = 0; k < goals.size(); ++k) {
            BERTH_ASSERT(goals[k].counter < Places::counters(p.fleet()) &&
                             goals[k].partner < Places::counters(p.fleet()),
                         "berth: a balance_goal names counters of the schema");
            columns[k].goal = goals[k];
        }
        state s{p, columns, [&](std::size_t place, std::size_t k) {
                    const std::span<const amount> capacity = Places::capacity(p.fleet(), place);
                    return goals[k].target * capacity[goals[k].counter] - capacity[goals[k].partner];
                }};
        for (std::size_t t = 0; t < start.size(); ++t) s.carry_out({task_index{t}, unplaced, start[t]});
        return s;
    }
};
template <class Goals>
counter_balance(const Goals&) -> counter_balance<on_nodes, decltype(std::span{std::declval<const Goals&>()})::extent>;

static_assert(term<counter_balance<>> && term<counter_balance<on_gpus, 1>>);

}  // namespace berth::inline v0
