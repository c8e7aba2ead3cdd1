// SPDX-License-Identifier: Apache-2.0
#pragma once

// Customisation points of objectives, plain const values and lambdas:
//
//   term            one part of an objective               objective/terms/*.hpp
//   load_source     how much a task loads a GPU            objective/terms/gpu_loads.hpp
//   node_measure    a value of one node as it stands       objective/terms/node_sum.hpp, objective/measures/*.hpp
//   node_distance   the cost of a move between two nodes   objective/terms/move_distance.hpp
//   counter_places  nodes, GPUs or domains                 objective/places.hpp
//
// `objective` (objective/objective.hpp) puts terms together.

#include "berth/model/ledger.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <concepts>
#include <cstddef>
#include <span>

namespace berth::inline v0 {

/// The state of a term for the assignment of one run.
///
/// 1. `s.value()` is the term's value of the assignment as it stands; O(1) or nearly so.
/// 2. `s.delta(r)` is the change of the value if all the moves happened at once. They are of distinct tasks, and each
///    `from` is the task's present slot. Has no visible effect; does not allocate; costs in proportion to the slots of
///    the moves, never to the fleet.
/// 3. `s.apply(r)` carries them out. Afterwards `value()` equals, up to rounding, that of a state prepared from the new
///    assignment; `objective_state::self_check` verifies it.
/// 4. Deterministic: depends on the assignment and, in the last bits, on the order of the moves applied.
/// 5. One thread at a time uses a state, `delta` included: it may have scratch memory of its own. Copies are
///    independent.
/// 6. Optional, for speed, in a term that depends on GPUs and not on nodes: `s.delta(const gpu_move&)`, equal to that
///    of the same move between slots. It makes the usual move of a search, a task with one GPU to another GPU, as cheap
///    as in a loop written by hand: slots are decoded once, not in every term.
template <class S>
concept term_state = std::copy_constructible<S> && requires(S& s, const S& c, task_moves r) {
    { c.value() } -> std::convertible_to<double>;
    { c.delta(r) } -> std::convertible_to<double>;
    s.apply(r);
};

/// Customisation point: one part of an objective over a whole assignment; lower is better. A description: small, const,
/// shared between runs. Write one when a search should minimise something that no term of `objective/terms/` measures:
///
/// ```
/// struct nodes_in_use {
///     const char* name() const { return "nodes in use"; }
///     nodes_in_use_state prepare(const problem&, std::span<const slot> start) const;  // a term_state
/// };
/// ```
///
/// 1. `t.name()` names it in plans and in the self-check.
/// 2. `t.prepare(problem, assignment)` makes the state of a run and allocates all its memory. Infeasible or partial
///    assignments are valid input; other terms penalise them.
///
/// `examples/own_term.cpp` is a complete one.
template <class T>
concept term = std::copy_constructible<T> && requires(const T& t, const problem& p, std::span<const slot> a) {
    { t.name() } -> std::convertible_to<const char*>;
    { t.prepare(p, a) } -> term_state;
};

/// Customisation point: a number of one node that does not depend on the others, such as its fragmentation or its
/// power, for `node_sum`. Read-only and deterministic. A lambda `double(const node_view&)` is one.
template <class F>
concept node_measure = requires(const F& f, const node_view& node) {
    { f(node) } -> std::convertible_to<double>;
};

/// Customisation point: the cost of moving a task from one node to another, for `move_distance`; usually 0 from a node
/// to itself. Read-only and deterministic; integers are added exactly. A lambda `amount(node_index from, node_index
/// to)` is one.
template <class D>
concept node_distance = std::copy_constructible<D> && requires(const D& d, node_index a, node_index b) {
    { d(a, b) } -> std::convertible_to<double>;
};

namespace detail {
struct ignore_place {
    void operator()(std::size_t, amount) const noexcept {}
};
}  // namespace detail

/// Customisation point: places with counters, numbered from 0. `on_nodes`, `on_gpus` and `on_domains` are those of the
/// fleet; write one for counters of another grouping of nodes. Stateless, read-only, deterministic.
///
/// 1. `P::count(fleet)` places have `P::counters(fleet)` counters each, with the capacities `P::capacity(fleet,
///    place)`.
/// 2. `P::demand(demand_view)` has the amounts, one per counter, that a task takes of every place of its slot.
/// 3. `P::each(fleet, move, f)` calls `f(place, -1)` for every place that the move leaves and `f(place, +1)` for every
///    one that it enters, each once; places of both slots are left out.
template <class P>
concept counter_places = requires(const fleet& m, const demand_view& d, const task_move& r, std::size_t place) {
    { P::count(m) } -> std::same_as<std::size_t>;
    { P::counters(m) } -> std::same_as<std::size_t>;
    { P::capacity(m, place) } -> std::same_as<std::span<const amount>>;
    { P::demand(d) } -> std::same_as<std::span<const amount>>;
    P::each(m, r, detail::ignore_place{});
};

}  // namespace berth::inline v0
