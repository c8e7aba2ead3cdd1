// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/random.hpp"
#include "berth/objective/tier_values.hpp"

#include <concepts>
#include <cstdint>
#include <utility>

namespace berth::inline v0 {

/// What an `annealer` changes: an assignment, an order, a set, with its value and the best that it has been. Write one
/// for a problem that no `problem` with an objective expresses; `examples/own_annealer.cpp` is complete.
///
/// 1. `s.value()`: the present value, the lower the better: a number, `tier_values`, or a type with `<`. It decides
///    what the best is. O(1) if the search shall be fast.
/// 2. `s.keep()`: the present counts as the best. Called at each new best, not at the start: a new state has kept it.
/// 3. `s.restore()`: returns to the best. `change_log` makes both O(changes).
///
/// With moves that `propose` (see `search_moves`) also:
///
/// 4. `S::move`: a change, default constructible, its memory reused from proposal to proposal.
/// 5. `s.delta(m)`: by how much the value would change; an evaluation. It may differ from the change of `value()`, such
///    as by a penalty: it decides what is accepted.
/// 6. `s.apply(m)`: carries it out.
///
/// Optional members: `evaluations()`, if a proposal is not one; `done()`, true if nothing better can be found;
/// `perturb(random)`, after a return to the best, see `annealer_options::patience`; `elapsed(share)`, called with the
/// schedule, for penalties that change over the run; `weigh(penalty)`, called before each proposal under a rule that
/// has one; `reserve(m)`, once, to make room in the move.
///
/// One thread at a time. No member is called between `propose` and the end of its step.
template <class S>
concept search_state = std::copy_constructible<S> && requires(S& s, const S& c) {
    c.value();
    s.keep();
    s.restore();
} && (requires(const S& c) {
                           { c.value() < c.value() } -> std::convertible_to<bool>;
                       });

/// Moves that propose one change at a time; the annealer evaluates, accepts and carries it out. See `search_moves`.
template <class M, class S>
concept proposing_moves = requires(M& m, S& s, xoshiro256& random, typename S::move& move) {
    { m.propose(s, random, move) } -> std::convertible_to<bool>;
    s.delta(move);
    s.apply(move);
} && std::default_initializable<typename S::move>;

namespace detail {

/// An acceptor for the check of the concept.
struct acceptor_archetype {
    xoshiro256 generator{1};
    [[nodiscard]] xoshiro256& random() noexcept { return generator; }
    template <class Delta>
    [[nodiscard]] bool accepts(const Delta&) noexcept {
        return true;
    }
};

}  // namespace detail

/// Moves that take a whole step by themselves: several changes on trial, a descent in passes. See `search_moves`.
template <class M, class S>
concept stepping_moves = requires(M& m, S& s, detail::acceptor_archetype& acceptor) {
    { m.step(s, acceptor) } -> std::convertible_to<bool>;
};

/// How an annealer changes its state. One of
///
/// 1. `m.propose(state, random, move)`: writes a change into `move` and returns true, or returns false if it found
///    none; leaves the state as it is. `move` holds what the last proposal left.
/// 2. `m.step(state, acceptor)`: changes the state as it likes and asks `acceptor.accepts(delta)` before a change
///    stays. True if one stays; else the state is as before. Random numbers come from `acceptor.random()`. A step takes
///    less than a millisecond; a longer one goes on in the next call, and `m.under_way()` (optional) is true meanwhile.
///
/// Deterministic per state of the generator. Draws are statements of their own: the order of evaluation differs between
/// compilers.
template <class M, class S>
concept search_moves = std::copy_constructible<M> && (proposing_moves<M, S> || stepping_moves<M, S>);

namespace detail {

/// True if the first value is better than the second. Tiers differ by more than rounding.
template <class Value>
[[nodiscard]] constexpr bool better(const Value& one, const Value& other) {
    return one < other;
}
template <std::size_t N>
[[nodiscard]] constexpr bool better(const tier_values<N>& one, const tier_values<N>& other) {
    return improves(one - other);
}

}  // namespace detail

}  // namespace berth::inline v0
