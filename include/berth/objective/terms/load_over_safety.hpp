// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/objective/concepts.hpp"
#include "berth/objective/detail/excess_rows.hpp"
#include "berth/objective/places.hpp"

#include <cstddef>
#include <span>
#include <utility>

namespace berth::inline v0 {

namespace detail {

struct weighted_counter {
    amount factor = 1;

    [[nodiscard]] amount weight() const noexcept { return factor; }
    [[nodiscard]] static amount change(const amount* wanted, std::size_t k) noexcept { return wanted[k]; }
};

}  // namespace detail

/// The use of counters beyond a safety capacity: the sum over counters r and places m of w(r) * max(0, U(m, r) - SC(m,
/// r)), the load cost of the ROADEF/EURO challenge 2012. Without `safety` the limits are the capacities.
///
/// `Counters` is the number of counters of a place where it is known at compile time, for loops of known length; the
/// values are the same. It follows from the type of the weights: an array has a known number, a vector has not.
///
/// Integers inside, exact while the sum stays below 2^53. Deterministic. A delta is O(places of the slots times
/// counters).
///
/// ```
/// const std::array<amount, 2> weights{10, 1};
/// const objective wish{tier(capacity_excess{}),
///                      tier(load_over_safety{safety, weights}, load_over_safety<on_gpus, 2>{gpu_safety})};
/// ```
template <counter_places Places = on_nodes, std::size_t Counters = std::dynamic_extent>
struct load_over_safety {
    matrix_view<const amount> safety{};    ///< SC, a row for each place; outlives the objective
    std::span<const amount> weights = {};  ///< w, not negative; none: all are 1; outlives the objective

    /// The term in plans and in the self-check.
    [[nodiscard]] static constexpr const char* name() noexcept { return "load over safety"; }

    /// The state of a run, see `term_state`.
    using state = detail::excess_rows<Places, detail::weighted_counter, Counters>;
    /// The state of a run that starts with this assignment; allocates all its memory here. O(tasks + fleet).
    [[nodiscard]] state prepare(const problem& p, std::span<const slot> start) const {
        const std::size_t counters = Places::counters(p.fleet());
        BERTH_ASSERT(weights.empty() || weights.size() == counters, "berth: a weight for every counter of a place");
        BERTH_ASSERT(safety.rows() == 0 || (safety.rows() == Places::count(p.fleet()) && safety.cols() == counters),
                     "berth: a safety capacity for every counter of every place");
        detail::row_of<detail::weighted_counter, Counters> columns{counters};
        for (std::size_t k = 0; k < weights.size(); ++k) columns[k].factor = weights[k];
        state s{p, columns, [&](std::size_t place, std::size_t k) {
                    return -detail::summable(safety.rows() == 0 ? Places::capacity(p.fleet(), place)[k]
                                                                : safety(place, k));
                }};
        for (std::size_t t = 0; t < start.size(); ++t) s.carry_out({task_index{t}, unplaced, start[t]});
        return s;
    }
};
load_over_safety() -> load_over_safety<>;
load_over_safety(matrix_view<const amount>) -> load_over_safety<>;
template <class Weights>
load_over_safety(matrix_view<const amount>, const Weights&)
    -> load_over_safety<on_nodes, decltype(std::span{std::declval<const Weights&>()})::extent>;

static_assert(term<load_over_safety<>> && term<load_over_safety<on_gpus, 2>>);

}  // namespace berth::inline v0
