// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a local search tries next. When to use which, all of them combined by `neighbourhoods{...}`:
//
//   shift               one task to another slot; a gang that is left out, all of it          1 delta
//   swap                two tasks exchange slots: when capacities are nearly used up          1 delta
//   chain               2 or 3 tasks move up into each other's slots, the last anywhere       1 delta
//   ejection_chain      follows what a move pushes out: tight capacities                samples × depth deltas
//   ruin_and_recreate   takes tasks of neighbouring nodes out and puts each where it is best: many constraints,
//                       several GPUs for a task                                               samples × tasks deltas
//   shift_group         a whole group to one node: co-location                                1 delta
//   take_out            a task, or a whole gang, out: with `left_out` in the objective        1 delta
//
// All are O(their deltas) plus the cost of drawing slots, deterministic per generator, and allocate nothing. Left out: scanning
// whole neighbourhoods for the best move (tasks × GPUs deltas for one step; candidate lists and samples come closer sooner),
// and cyclic exchanges of more than three tasks (ejection chains find those that pay).

#include "berth/allocate/search/move_list.hpp"
#include "berth/allocate/search/search_space.hpp"
#include "berth/core/random.hpp"
#include "berth/objective/objective.hpp"
#include "berth/objective/terms/move_cost.hpp"

#include <concepts>

namespace berth::inline v0 {

namespace detail {

/// Some space, to ask a neighbourhood whether it is one.
using space_archetype =
    search_space<decltype(objective{tier(left_out<>{})}.prepare(std::declval<const problem&>(), {})),
                 any_node::no_lists>;

}  // namespace detail

/// A rule that proposes changes to an assignment.
///
/// 1. `n.propose(space, random, out)` writes moves of distinct tasks from where they are, and returns true; or returns
///    false and the search tries something else. `out` comes empty. The space is the same afterwards (`go` has its `back`).
/// 2. A task goes where `space.admits` it, or, if it says so in its documentation, to `unplaced`. A gang is never left in part: a
///    member that is nowhere is placed with all others, and taken out with all others.
/// 3. Deterministic per state of `random`. Draws are statements of their own: the order of evaluation differs between compilers.
///
/// `examples/local_search.cpp` uses them; a lambda is none, a struct with this one member is.
template <class N>
concept neighbourhood = std::copy_constructible<N> &&
                        requires(const N& n, detail::space_archetype& space, xoshiro256& random, move_list& out) {
                            { n.propose(space, random, out) } -> std::convertible_to<bool>;
                        };

}  // namespace berth::inline v0
