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

namespace detail {

struct held_counter {
    std::size_t counter = 0;

    [[nodiscard]] static constexpr amount weight() noexcept { return 1; }
    [[nodiscard]] amount change(const amount* wanted, std::size_t) const noexcept { return wanted[counter]; }
};

/// Leaves a task's initial slot out of its moves: it is held throughout.
struct except_initial {
    std::span<const slot> initial;

    [[nodiscard]] task_move operator()(const task_move& r) const noexcept {
        const slot& before = initial[r.task.value()];
        return {r.task, r.from == before ? unplaced : r.from, r.to == before ? unplaced : r.to};
    }
};

}  // namespace detail

/// The excess of counters while all moves from the initial placement are under way. A move holds both slots until it
/// ends: a task that stays counts once, one that moves counts at both slots (twice on a node that it does not leave),
/// one that is left out still counts at its initial slot. 0 if and only if all moves fit at once, in any order. The
/// transient constraints of the ROADEF/EURO challenge 2012: beside `capacity_excess`, and stricter for the counters
/// named.
///
/// Name the counters to which this applies (memory that has to be copied), not those that are free as soon as the task
/// stops (cores). Integers inside. Deterministic. A delta is O(places of the slots times counters named).
template <counter_places Places = on_nodes, std::size_t Counters = std::dynamic_extent>
struct transient_excess {
    std::span<const slot> initial;          ///< a slot or `unplaced` for each task; outlives the objective
    std::span<const std::size_t> counters;  ///< positions of distinct counters; outlives the objective

    /// The term in plans and in the self-check.
    [[nodiscard]] static constexpr const char* name() noexcept { return "transient excess"; }

    /// The state of a run, see `term_state`.
    using state = detail::excess_rows<Places, detail::held_counter, Counters, detail::except_initial>;
    /// The state of a run that starts with this assignment; allocates all its memory here. O(tasks + fleet).
    [[nodiscard]] state prepare(const problem& p, std::span<const slot> start) const {
        BERTH_ASSERT(initial.size() == start.size(), "berth: the initial placement has a slot for every task");
        detail::row_of<detail::held_counter, Counters> columns{counters.size()};
        for (std::size_t k = 0; k < counters.size(); ++k) {
            BERTH_ASSERT(counters[k] < Places::counters(p.fleet()),
                         "berth: transient_excess::counters are positions in the schema");
            columns[k].counter = counters[k];
        }
        state s{p, columns,
                [&](std::size_t place, std::size_t k) {
                    return -detail::summable(Places::capacity(p.fleet(), place)[counters[k]]);
                },
                detail::except_initial{initial}};
        for (std::size_t t = 0; t < start.size(); ++t) {
            s.carry_out({task_index{t}, unplaced, initial[t]});
            const task_move arrival{task_index{t}, unplaced, start[t]};
            s.apply({&arrival, 1});
        }
        return s;
    }
};
template <class Observed, class Counters>
transient_excess(const Observed&, const Counters&)
    -> transient_excess<on_nodes, decltype(std::span{std::declval<const Counters&>()})::extent>;

static_assert(term<transient_excess<>> && term<transient_excess<on_gpus, 1>>);

}  // namespace berth::inline v0
