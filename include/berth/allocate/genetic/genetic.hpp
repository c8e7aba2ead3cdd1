// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/batch/population_evaluator.hpp"
#include "berth/allocate/assignment/compositions.hpp"
#include "berth/allocate/assignment/opening.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/allocate/genetic/concepts.hpp"
#include "berth/allocate/genetic/crossover/gene_mixing.hpp"
#include "berth/allocate/genetic/crossover/path_relinking.hpp"
#include "berth/allocate/genetic/improvement.hpp"
#include "berth/allocate/genetic/individual.hpp"
#include "berth/allocate/genetic/initialisation.hpp"
#include "berth/allocate/genetic/mutation.hpp"
#include "berth/allocate/genetic/repair.hpp"
#include "berth/allocate/genetic/replacement.hpp"
#include "berth/allocate/genetic/run.hpp"
#include "berth/allocate/genetic/selection.hpp"
#include "berth/core/config.hpp"
#include "berth/core/message.hpp"
#include "berth/core/parallelism.hpp"
#include "berth/core/part_exchange.hpp"
#include "berth/core/result.hpp"
#include "berth/core/run_control.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

// The two genetic algorithms of this folder, both for assignment problems:
//
//   genetic          on the CPU: a small population, every child repaired and improved; policies are exchangeable
//   philox_genetic   for CUDA devices (cuda/genetic.cuh): thousands of members; the same generations bit for bit on the
//                    CPU, as reference (allocate/genetic/philox_genetic.hpp)
//
// On a CPU take `genetic`: it finds far better plans in the same time (docs/cuda.md has figures). Take `philox_genetic`
// if a device is idle anyway and the problem is large.

// Length: the description, its checks and one `with_` function for each of ten policies.

namespace berth::inline v0 {

/// Several populations (islands) in a ring. Every `interval` generations each sends copies of its best members to the
/// next island, where they replace the worst.
struct island_ring {
    std::size_t count = 1;      ///< islands, 1 or more
    std::size_t interval = 50;  ///< generations, 1 or more
    std::size_t copies = 1;     ///< members that an island sends, at most half the population
};

namespace detail {

/// The calling thread for `sequential`; null for others, which have to be set.
template <class Parallelism>
[[nodiscard]] constexpr Parallelism* usual_threads() noexcept {
    if constexpr (std::same_as<Parallelism, const sequential>) {
        return &in_order;
    } else {
        return nullptr;
    }
}

}  // namespace detail

/// An opening that finds nothing: `run` begins with the initialisation and the caller's start.
struct no_opening {};

/// Genetic allocation for assignment problems. A genotype is the GPU of every task. The defaults make a *memetic*
/// search: a small population of good and different assignments, the first of them found by an `opening` of other
/// searches, path relinking between two of them, repair and descent by the prices of capacity for every child.
/// `textbook_genetic` below is the algorithm of textbooks. Every part is a policy value
/// (`allocate/genetic/concepts.hpp` lists them):
///
/// ```
/// genetic{.population = 32, .crossover = gpu_bundle{}}      // deduced; clang before 17 cannot
/// genetic<>{.population = 32}.with_crossover(gpu_bundle{})  // the same for every compiler
/// ```
///
/// A description: const, shared between threads and runs. `start(problem)` makes the state of a run. Deterministic per
/// seed and evaluation budget for any number of threads: every island draws from streams of its own, numbered by
/// generation.
template <class Initialisation = price_guided, class Selection = uniform_selection, class Crossover = path_relinking,
          class Mutation = candidate_mutation, class Repair = price_repair, class Improvement = candidate_descent,
          class Replacement = steady_state, class Evaluator = tiled_evaluator, class Parallelism = const sequential,
          class Opening = berth::opening>
struct genetic {
    static_assert(
        berth::initialisation<Initialisation>,
        "berth: an initialisation is called as (individual&, std::size_t k, xoshiro256&) and assigns genes to the "
        "individual, or is a description whose prepare(problem, warm_start) makes that");
    static_assert(
        berth::parent_selection<Selection>,
        "berth: a selection is called as (const population&, xoshiro256&) and returns the position of a member, "
        "or is a description whose prepare(problem) makes that");
    static_assert(
        berth::crossover<Crossover>,
        "berth: a crossover is called as (const parents&, std::span<gpu_gene> child, xoshiro256&), writes the child "
        "and "
        "returns nothing or the std::uint64_t number of evaluations, or is a description whose prepare(problem) "
        "makes that");
    static_assert(
        berth::mutation<Mutation>,
        "berth: a mutation is called as (std::span<gpu_gene> child, xoshiro256&), writes to the child and returns "
        "nothing, or is a description whose prepare(problem) makes that");
    static_assert(
        berth::repair<Repair>,
        "berth: a repair has value(double cost, amount excess), what members are compared by, and may be called as "
        "(individual&, xoshiro256&), or is a description whose prepare(problem) makes that");
    static_assert(berth::improvement<Improvement>,
                  "berth: an improvement is called as (individual&, xoshiro256&, std::uint64_t budget) and returns the "
                  "std::uint64_t number of evaluations, or is a description whose prepare(problem) makes that; "
                  "improve_with{allocator} takes an assignment allocator");
    static_assert(berth::replacement<Replacement>,
                  "berth: a replacement has children(size), a static usual_population, and is called as (population&)");
    static_assert(population_evaluator<Evaluator>,
                  "berth: the evaluator is one of allocate/assignment/batch/population_evaluator.hpp");
    static_assert(std::same_as<Opening, no_opening> || assignment_allocator<Opening>,
                  "berth: an opening is an assignment allocator that ends by itself, or no_opening");
    static_assert(parallelism<Parallelism>, "berth: threads points to a parallelism, such as a thread_pool");

    std::uint64_t seed = 0;           ///< of all random streams
    std::size_t population = 0;       ///< members of an island, 2 or more; 0: the replacement's `usual_population`
    island_ring islands{};            ///< one island by default
    double crossover_rate = 1.0;      ///< 0 to 1; the other children begin as copies of a parent
    std::size_t max_generations = 0;  ///< 0: until the control ends the run, or 1000 if nothing bounds it
    std::size_t restart_after =
        0;  ///< generations without a new best after which all other members are made anew; 0: never

    Initialisation initialisation{};  ///< makes the first members
    Selection selection{};            ///< chooses parents
    Crossover crossover{};            ///< makes a child of two parents
    Mutation mutation{};              ///< changes some genes of a child
    Repair repair{};                  ///< values excess, and may end it
    Improvement improvement{};        ///< improves a child
    Replacement replacement{};        ///< chooses the members that children replace
    Evaluator evaluator{};            ///< evaluates children that are neither repaired nor improved
    /// Advances the islands; outlives the runs. With one island, give threads to the evaluator instead.
    Parallelism* threads = detail::usual_threads<Parallelism>();
    /// Finds the first member of `run`, unless it is `no_opening`; `seed` is added to its own. `start` does not use it.
    Opening opening{};

    static constexpr std::size_t usual_generations = 1000;  ///< of a run that nothing bounds

    /// Members of an island.
    [[nodiscard]] std::size_t members() const noexcept {
        return population > 0 ? population : std::size_t{Replacement::usual_population};
    }

    /// Success, or which option is out of its range.
    [[nodiscard]] result<void> validate() const {
        using detail::refuse;
        const auto code = error_code::invalid_value;
        if (members() < 2) return refuse(code, {"genetic.population is ", population, ", expected 2 or more"});
        if (!(crossover_rate >= 0.0 && crossover_rate <= 1.0)) {
            return refuse(code, {"genetic.crossover_rate is not within 0..1"});
        }
        if (islands.count == 0) return refuse(code, {"genetic.islands.count is 0, expected 1 or more"});
        if (islands.interval == 0) return refuse(code, {"genetic.islands.interval is 0, expected 1 or more"});
        if (islands.copies > members() / 2) {
            return refuse(code, {"genetic.islands.copies is ", islands.copies, ", expected at most half of the ",
                                 members(), " members"});
        }
        if (threads == nullptr) return refuse(code, {"genetic.threads is null, expected a parallelism"});
        result<void> outcome{};
        check(outcome, initialisation);
        check(outcome, selection);
        check(outcome, crossover);
        check(outcome, mutation);
        check(outcome, repair);
        check(outcome, improvement);
        check(outcome, replacement);
        return outcome;
    }
    /// Success, or why this cannot run on a problem and a start: options, too many GPUs, a start with gaps. O(tasks).
    [[nodiscard]] result<void> validate(const priced_problem& p, warm_start start = {}) const {
        using detail::refuse;
        if (auto options = validate(); !options) return options;
        if (p.gpus() > max_genetic_gpus) {
            return refuse(error_code::limit_exceeded,
                          {"genetic: ", p.gpus(), " GPUs, more than the ", max_genetic_gpus, " that a gene can name"});
        }
        if (!start.empty() && start.size() != p.tasks()) {
            return refuse(error_code::inconsistent,
                          {"genetic: the warm start has ", start.size(), " tasks, the problem ", p.tasks()});
        }
        for (std::size_t t = 0; t < start.size(); ++t) {
            if (start[t].valid() && start[t].value() < p.gpus()) continue;
            return refuse(error_code::invalid_value,
                          {"genetic: the warm start has no GPU of the problem for task ", t});
        }
        return {};
    }

    /// Makes the state of a run, for stepwise use. Options and problem are those that `validate` accepts; the problem
    /// outlives the state. A start with gaps is completed (`complete_start`).
    ///
    /// @param exchange  spreads the islands over processes; the answer does not depend on it
    template <part_exchange Exchange = one_process>
    [[nodiscard]] genetic_run<genetic, Exchange> start(const priced_problem& p, warm_start start = {},
                                                       Exchange exchange = {}) const {
        return genetic_run<genetic, Exchange>{*this, p, start, std::move(exchange)};
    }
    /// Runs the opening and then generations until the control ends the run, `max_generations` are made or the bound is
    /// reached.
    ///
    /// @param given    a first answer and first member, or nothing; gaps are completed; the plan is never worse
    /// @param control polled between generations, and between members while the first generation is made; an evaluation
    ///                 is an individual or a move whose cost was computed
    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(const priced_problem& p, warm_start given = {},
                                      run_control<Stop, Observer> control = {}) const {
        if (p.tasks() == 0) return p.plan_of({});
        if constexpr (std::same_as<Opening, no_opening>) {
            auto state = start(p, given);
            return state.run(control);
        } else {
            const auto evolution = with_opening(no_opening{});
            BERTH_ASSERT(validate(p).has_value(), "berth: genetic needs a problem that validate(problem) accepts");
            return then{detail::reseeded(opening, seed), evolution}.run(p, given, control);
        }
    }

    /// The same algorithm with another initialisation.
    template <class P>
    [[nodiscard]] auto with_initialisation(P p) const {
        return of(p, selection, crossover, mutation, repair, improvement, replacement, evaluator, threads, opening);
    }
    /// The same with another selection.
    template <class P>
    [[nodiscard]] auto with_selection(P p) const {
        return of(initialisation, p, crossover, mutation, repair, improvement, replacement, evaluator, threads,
                  opening);
    }
    /// The same with another crossover.
    template <class P>
    [[nodiscard]] auto with_crossover(P p) const {
        return of(initialisation, selection, p, mutation, repair, improvement, replacement, evaluator, threads,
                  opening);
    }
    /// The same with another mutation.
    template <class P>
    [[nodiscard]] auto with_mutation(P p) const {
        return of(initialisation, selection, crossover, p, repair, improvement, replacement, evaluator, threads,
                  opening);
    }
    /// The same with another repair.
    template <class P>
    [[nodiscard]] auto with_repair(P p) const {
        return of(initialisation, selection, crossover, mutation, p, improvement, replacement, evaluator, threads,
                  opening);
    }
    /// The same with another improvement.
    template <class P>
    [[nodiscard]] auto with_improvement(P p) const {
        return of(initialisation, selection, crossover, mutation, repair, p, replacement, evaluator, threads, opening);
    }
    /// The same with another replacement.
    template <class P>
    [[nodiscard]] auto with_replacement(P p) const {
        return of(initialisation, selection, crossover, mutation, repair, improvement, p, evaluator, threads, opening);
    }
    /// The same with another evaluator.
    template <class P>
    [[nodiscard]] auto with_evaluator(P p) const {
        return of(initialisation, selection, crossover, mutation, repair, improvement, replacement, p, threads,
                  opening);
    }
    /// The same with another opening.
    template <class P>
    [[nodiscard]] auto with_opening(P p) const {
        return of(initialisation, selection, crossover, mutation, repair, improvement, replacement, evaluator, threads,
                  p);
    }
    /// The same with other threads, which outlive the runs.
    template <class E>
    [[nodiscard]] auto with_threads(E* e) const {
        return of(initialisation, selection, crossover, mutation, repair, improvement, replacement, evaluator, e,
                  opening);
    }

private:
    template <class I, class S, class C, class M, class R, class P, class W, class V, class E, class O>
    [[nodiscard]] genetic<I, S, C, M, R, P, W, V, E, O> of(I i, S s, C c, M m, R r, P p, W w, V v, E* e, O o) const {
        return {seed,          population,   islands,      crossover_rate, max_generations,
                restart_after, std::move(i), std::move(s), std::move(c),   std::move(m),
                std::move(r),  std::move(p), std::move(w), std::move(v),   e,
                std::move(o)};
    }
    template <class Policy>
    static void check(result<void>& outcome, const Policy& policy) {
        if constexpr (requires { policy.validate(); }) {
            if (outcome) outcome = policy.validate();
        }
    }
};

/// The genetic algorithm of textbooks, for teaching and comparison: tournament, uniform crossover, genes reset at
/// random, a penalty on excess, all but the elite replaced every generation. It ignores prices and repairs nothing, and
/// its plans are far worse than the default's; docs/genetic.md has figures.
using textbook_genetic = genetic<random_start, tournament, uniform_crossover, reset_mutation, penalty_only,
                                 no_improvement, generational, tiled_evaluator, const sequential, no_opening>;

static_assert(assignment_allocator<genetic<>> && assignment_allocator<textbook_genetic>);

}  // namespace berth::inline v0
