// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/allocate/genetic/individual.hpp"
#include "berth/allocate/genetic/population.hpp"
#include "berth/core/random.hpp"
#include "berth/model/resources.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

// Customisation points of genetic allocation (allocate/genetic/genetic.hpp), plain const structs or lambdas:
//
//   initialisation   the first members of an island          allocate/genetic/initialisation.hpp
//   parent_selection which members become parents            allocate/genetic/selection.hpp
//   crossover        a child's genes from two parents        allocate/genetic/crossover/*.hpp
//   mutation         changes some genes of a child           allocate/genetic/mutation.hpp
//   repair           what excess costs, and how to end it    allocate/genetic/repair.hpp
//   improvement      improves a child before it is compared  allocate/genetic/improvement.hpp
//   replacement      which members children replace          allocate/genetic/replacement.hpp
//
// The same for all of them:
//
//   1. A policy is either a const callable with the signature below, or a *description* whose const `prepare(problem)`
//      makes one (for initialisation, `prepare(problem, warm_start)`). The prepared form belongs to one island and one
//      run: it may keep tables and scratch memory, allocates nothing once it is made, and is called by one thread at a
//      time.
//   2. Deterministic: the result depends on arguments, tables and random numbers only.
//   3. Random numbers come from the `xoshiro256&` argument, one draw after the other.
//
// Write one when you know more about good assignments than the policies here do: which GPUs belong together, which
// tasks should not share one. examples/own_crossover.cpp shows a crossover, from the policy to the plan; in short:
//
//   struct alternating {
//       void operator()(const parents& two, std::span<gpu_gene> child, xoshiro256&) const {
//           for (std::size_t t = 0; t < child.size(); ++t) child[t] = t % 2 == 0 ? two.better[t] : two.other[t];
//       }
//   };
//   const assignment_plan plan = genetic<>{.seed = 1}.with_crossover(alternating{}).run(problem);

namespace berth::inline v0 {

/// The genes of the two members that a child is made of. Different members; their genes may be equal.
struct parents {
    std::span<const gpu_gene> better;  ///< of the better member
    std::span<const gpu_gene> other;   ///< of the other one
};

namespace detail {

/// The prepared form of a policy: the result of `prepare`, or a copy of the policy.
template <class Policy>
[[nodiscard]] constexpr auto prepare_policy(const Policy& policy, const priced_problem& p) {
    if constexpr (requires { policy.prepare(p); }) {
        return policy.prepare(p);
    } else {
        return policy;
    }
}
template <class Policy>
[[nodiscard]] constexpr auto prepare_start(const Policy& policy, const priced_problem& p, warm_start start) {
    if constexpr (requires { policy.prepare(p, start); }) {
        return policy.prepare(p, start);
    } else {
        return policy;
    }
}

template <class S>
concept ready_initialisation = requires(S& s, individual& i, std::size_t k, xoshiro256& r) { s(i, k, r); };
template <class S>
concept ready_selection = requires(S& s, const population& members, xoshiro256& r) {
    { s(members, r) } -> std::convertible_to<std::size_t>;
};
template <class S>
concept ready_crossover = requires(S& s, const parents& two, std::span<gpu_gene> child, xoshiro256& r) {
    { s(two, child, r) } -> std::same_as<void>;
} || requires(S& s, const parents& two, std::span<gpu_gene> child, xoshiro256& r) {
    { s(two, child, r) } -> std::same_as<std::uint64_t>;
};
template <class S>
concept ready_mutation = requires(S& s, std::span<gpu_gene> child, xoshiro256& r) {
    { s(child, r) } -> std::same_as<void>;
};
template <class S>
concept ready_repair = requires(S& s, double cost, amount excess) {
    { s.value(cost, excess) } -> std::convertible_to<double>;
};
template <class S>
concept ready_improvement = requires(S& s, individual& i, xoshiro256& r, std::uint64_t budget) {
    { s(i, r, budget) } -> std::same_as<std::uint64_t>;
};

}  // namespace detail

/// Makes the first members: `s(individual, k, random)` turns `individual` into member k of its island, k = 0, 1, ...
/// Member 0 may be the same in every island; the others should differ. A warm start always becomes the first member of
/// the first island, whatever the policy.
template <class P>
concept initialisation =
    detail::ready_initialisation<const P> || requires(const P& policy, const priced_problem& p, warm_start start) {
        { policy.prepare(p, start) } -> detail::ready_initialisation;
    };

/// Chooses a parent: `s(population, random)` is the position of a member, below `population.size()`. Members are
/// ranked, best first. Called twice for a child; the second call is repeated up to three times while it returns the
/// first parent again.
template <class P>
concept parent_selection = detail::ready_selection<const P> || requires(const P& policy, const priced_problem& p) {
    { policy.prepare(p) } -> detail::ready_selection;
};

/// Makes a child: `s(parents, child, random)` writes a gene below the number of GPUs for every task. Returns nothing,
/// or the number of assignments or moves it evaluated.
template <class P>
concept crossover = detail::ready_crossover<const P> || requires(const P& policy, const priced_problem& p) {
    { policy.prepare(p) } -> detail::ready_crossover;
};

/// Changes a child: `s(child, random)` writes genes below the number of GPUs.
template <class P>
concept mutation = detail::ready_mutation<const P> || requires(const P& policy, const priced_problem& p) {
    { policy.prepare(p) } -> detail::ready_mutation;
};

/// Puts a value on cost and excess, and may move tasks to end the excess.
///
/// 1. `s.value(cost, excess)` is the value of a member, lower is better; at an excess of 0 it rises with the cost.
/// 2. Optional: `s(individual, random)` moves tasks until capacities are kept, or nearly; returns the moves it
///    evaluated. Without it children cost one evaluation each and are evaluated together.
template <class P>
concept repair = detail::ready_repair<const P> || requires(const P& policy, const priced_problem& p) {
    { policy.prepare(p) } -> detail::ready_repair;
};

/// Improves a child before it is compared: `s(individual, random, budget)` moves tasks and returns the number of moves
/// it evaluated, which should not exceed `budget` by much. The result has less excess, or as much and no more cost.
/// `improve_with` makes one of any assignment allocator.
template <class P>
concept improvement = detail::ready_improvement<const P> || requires(const P& policy, const priced_problem& p) {
    { policy.prepare(p) } -> detail::ready_improvement;
};

/// Chooses the members that children replace.
///
/// 1. `s.children(size)` is how many children a generation has, at least 1.
/// 2. `s(population)` exchanges members for children (`population.exchange`); members are ranked before, not after.
/// 3. `P::usual_population` is the default number of members.
template <class P>
concept replacement = requires(const P& s, population& members) {
    { s.children(std::size_t{}) } -> std::convertible_to<std::size_t>;
    { P::usual_population } -> std::convertible_to<std::size_t>;
    s(members);
};

namespace detail {

/// True if the ready form moves tasks, so that children need to be individuals.
template <class Ready>
inline constexpr bool repairs = requires(Ready& s, individual& i, xoshiro256& r) {
    { s(i, r) } -> std::same_as<std::uint64_t>;
};

/// Calls a crossover and returns what it evaluated.
template <class Ready>
std::uint64_t cross(Ready& crossover, const parents& two, std::span<gpu_gene> child, xoshiro256& random) {
    if constexpr (std::is_void_v<decltype(crossover(two, child, random))>) {
        crossover(two, child, random);
        return 0;
    } else {
        return crossover(two, child, random);
    }
}

}  // namespace detail

}  // namespace berth::inline v0
