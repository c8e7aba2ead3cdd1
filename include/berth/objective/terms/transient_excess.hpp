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

/// What tasks hold at home they hold anyway: a slot that is a task's home does not count.
struct beside_home {
    std::span<const slot> initial;

    [[nodiscard]] task_move operator()(const task_move& r) const noexcept {
        const slot& home = initial[r.task.value()];
        return {r.task, r.from == home ? unplaced : r.from, r.to == home ? unplaced : r.to};
    }
};

}  // namespace detail

/// By how much counters are exceeded while all moves from the initial placement are under way. A move holds both
/// ends until it ends: a task that is where it was initial counts once, one that goes elsewhere counts at both slots (twice on
/// a node that it does not leave), one that is left out still counts where it was initial. 0 if and only if all moves fit
/// at once, in any order. What a place held when initial is never free for others: a constraint beside `capacity_excess`, and
/// the stricter one for the counters named.
///
/// Name the counters to which this applies (memory that has to be copied), not those that follow the task when it starts
/// (cores). Integers inside. Deterministic. A delta is O(places of the slots times counters named).
template <counter_places Places = on_nodes, std::size_t Counters = std::dynamic_extent>
struct transient_excess {
    std::span<const slot> initial;         ///< a slot or `unplaced` for each task; outlives the objective
    std::span<const std::size_t> counters;  ///< positions of distinct counters; outlives the objective

    [[nodiscard]] static constexpr const char* name() noexcept { return "transient excess"; }

    using state = detail::excess_rows<Places, detail::held_counter, Counters, detail::beside_home>;
    [[nodiscard]] state prepare(const problem& p, std::span<const slot> start) const {
        BERTH_ASSERT(initial.size() == start.size(), "berth: an initial slot for every task");
        detail::row_of<detail::held_counter, Counters> columns{counters.size()};
        for (std::size_t k = 0; k < counters.size(); ++k) {
            BERTH_ASSERT(counters[k] < Places::counters(p.fleet()), "berth: a transient counter that places have");
            columns[k].counter = counters[k];
        }
        state s{p, columns,
                [&](std::size_t place, std::size_t k) { return -Places::capacity(p.fleet(), place)[counters[k]]; },
                detail::beside_home{initial}};
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
