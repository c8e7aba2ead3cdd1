// SPDX-License-Identifier: Apache-2.0
#pragma once

// The changes that a local search proposes. When to use which, all of them combined by `neighbourhoods{...}`:
//
//   shift               one task to another slot; all of an unplaced gang                     1 delta
//   swap                two tasks exchange slots: when capacities are nearly used up          1 delta
//   chain               2 or 3 tasks move up into each other's slots, the last anywhere       1 delta
//   ejection_chain      each move displaces the next task: tight capacities                   samples × depth deltas
//   ruin_and_recreate   takes tasks out and reinserts each at its best slot: many constraints,
//                       several GPUs for a task                                               samples × tasks deltas
//   shift_group         a whole group to one node: co-location                                1 delta
//   take_out            leaves out a task or a whole gang: with `left_out` in the objective   1 delta
//
// All are O(their deltas) plus the cost of drawing slots, deterministic per generator, and allocate nothing. Left out:
// scanning whole neighbourhoods for the best move (tasks × GPUs deltas for one step; candidate lists and samples come
// closer sooner), and cyclic exchanges of more than three tasks (ejection chains find those that pay).

#include "berth/allocate/search/move_list.hpp"
#include "berth/allocate/search/search_space.hpp"
#include "berth/core/random.hpp"
#include "berth/objective/objective.hpp"
#include "berth/objective/terms/move_cost.hpp"

#include <concepts>

namespace berth::inline v0 {

namespace detail {

/// A space for the check of the concept.
using space_archetype =
    search_space<decltype(objective{tier(left_out<>{})}.prepare(std::declval<const problem&>(), {})),
                 any_node::no_lists>;

}  // namespace detail

/// A rule that proposes changes to an assignment. Write one for changes that the objective rewards and the ones above
/// rarely find:
///
/// ```
/// struct to_first_node {
///     template <class Space>
///     bool propose(Space& space, xoshiro256& random, move_list& out) const {
///         const task_index t = space.any_task(random);
///         const slot target = space.slot_on(t, node_index{0}, random);
///         if (!target.placed() || target == space.where(t)) return false;
///         out.push(space.to(t, target));
///         return true;
///     }
/// };
/// ```
///
/// 1. `n.propose(space, random, out)` appends moves of distinct tasks from their present slots to `out`, which is
///    empty, and returns true; or returns false, and the search tries again. It leaves the space unchanged (every `go`
///    is followed by `back`).
/// 2. Tasks move to slots that `space.admits`, or, if the documentation mentions it, to `unplaced`. A gang stays whole:
///    its unplaced members are placed together, and it is taken out together.
/// 3. Deterministic per state of `random`. Draws are statements of their own: the order of evaluation differs between
///    compilers.
///
/// A struct with this member, not a lambda. `examples/local_search.cpp` uses several.
template <class N>
concept neighbourhood = std::copy_constructible<N> &&
                        requires(const N& n, detail::space_archetype& space, xoshiro256& random, move_list& out) {
                            { n.propose(space, random, out) } -> std::convertible_to<bool>;
                        };

}  // namespace berth::inline v0
