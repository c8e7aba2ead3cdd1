// SPDX-License-Identifier: Apache-2.0
#pragma once

// Customisation points of objectives, plain const values and lambdas:
//
//   term          one part of an objective           objective/terms/*.hpp
//   load_source   how much a task loads a GPU        objective/terms/gpu_loads.hpp
//   node_measure  a value of one node as it stands   objective/terms/node_sum.hpp
//   node_distance what moving between nodes costs    objective/terms/move_distance.hpp
//   counter_places whose counters a term looks at    objective/places.hpp
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

/// What a term knows of the assignment of one run.
///
/// 1. `s.value()` is the term's value of the assignment as it stands; O(1) or nearly so.
/// 2. `s.delta(r)` is by how much the value would change if all the moves happened at once. They are of distinct
///    tasks, and each `from` is where the task is now. Changes nothing that can be seen; does not allocate; costs in
///    proportion to what the moves touch, never to the fleet.
/// 3. `s.apply(r)` carries them out. Afterwards `value()` equals, up to rounding, that of a state prepared from the new
///    assignment; `objective_state::self_check` asks for it.
/// 4. Deterministic: depends on the assignment and, in the last bits, on the order of what was applied.
/// 5. A state is used by one thread at a time, `delta` included: it may have scratch memory of its own. Copies are independent.
/// 6. Optional, for speed, in a term that looks at GPUs and not at nodes: `s.delta(const gpu_move&)`, equal to that of the same
///    move between slots. It makes the usual question of a search, a task with one GPU to another GPU, as cheap as in a loop
///    written by hand: slots are taken apart once, not in every term.
template <class S>
concept term_state = std::copy_constructible<S> && requires(S& s, const S& c, task_moves r) {
    { c.value() } -> std::convertible_to<double>;
    { c.delta(r) } -> std::convertible_to<double>;
    s.apply(r);
};

/// One part of an objective over a whole assignment; lower is better. A description: small, const, shared between runs.
///
/// 1. `t.name()` names it in plans and in the self-check.
/// 2. `t.prepare(problem, assignment)` makes the state of a run. Everything that must be allocated is allocated here. Any
///    assignment will do, also one that breaks capacities or leaves tasks out: that it does is the business of other terms.
///
/// What is written for one term works in every objective; `examples/own_term.cpp` is one from start to end.
template <class T>
concept term = std::copy_constructible<T> && requires(const T& t, const problem& p, std::span<const slot> a) {
    { t.name() } -> std::convertible_to<const char*>;
    { t.prepare(p, a) } -> term_state;
};

/// A number that a node has by itself, whatever is on the others: its fragmentation F(n), its power draw, ... Read-only and
/// deterministic.
template <class F>
concept node_measure = requires(const F& f, const node_view& node) {
    { f(node) } -> std::convertible_to<double>;
};

/// What it costs to take a task from one node to another: 0 from a node to itself, for most. Read-only and deterministic;
/// integers are added exactly.
template <class D>
concept node_distance = std::copy_constructible<D> && requires(const D& d, node_index a, node_index b) {
    { d(a, b) } -> std::convertible_to<double>;
};

namespace detail {
struct ignore_place {
    void operator()(std::size_t, amount) const noexcept {}
};
}  // namespace detail

/// Places with counters, numbered from 0: nodes, GPUs, domains. Stateless, read-only, deterministic.
///
/// 1. `P::count(fleet)` places have `P::counters(fleet)` counters each, of `P::capacity(fleet, place)`.
/// 2. `P::demand(demand_view)` is what a task takes of every place that its slot covers, one amount for each counter.
/// 3. `P::each(fleet, move, f)` calls `f(place, -1)` for every place that the move gives up and `f(place, +1)` for
///    every one that it takes, each once; those in both slots are left out.
template <class P>
concept counter_places = requires(const fleet& m, const demand_view& d, const task_move& r, std::size_t place) {
    { P::count(m) } -> std::same_as<std::size_t>;
    { P::counters(m) } -> std::same_as<std::size_t>;
    { P::capacity(m, place) } -> std::same_as<std::span<const amount>>;
    { P::demand(d) } -> std::same_as<std::span<const amount>>;
    P::each(m, r, detail::ignore_place{});
};

}  // namespace berth::inline v0
