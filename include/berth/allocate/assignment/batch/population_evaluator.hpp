// SPDX-License-Identifier: Apache-2.0
#pragma once

// Evaluation of whole populations of assignments, on the host or on a device:
//
//   population_evaluator    a description; prepare(packed_problem) makes the state of a run
//   population_evaluation   that state, with evaluate(population, values, loads)
//
// When to use which:
//
//   scalar_evaluator     one individual after the other: the least memory, and the baseline of the others
//   tiled_evaluator      many individuals over a few rows of the table at a time: two to eight times as fast, serial
//   threaded_evaluator   the same on threads
//
// All of them give the same values, bit for bit. Left out: gathers of wide vector registers, which lose to plain loops
// here.

#include "berth/allocate/assignment/batch/evaluate_tile.hpp"
#include "berth/allocate/assignment/batch/packed_problem.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/core/parallelism.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0 {

/// The genes of some individuals: a row for each individual, a column for each task.
template <gene Gene>
using population_view = matrix_view<const Gene>;

/// The state of a run that evaluates populations.
///
/// 1. `s.evaluate(population, values)` writes the cost and the excess of every row of the population to `values`, which
///    has as many entries as the population has rows, 0 or more. The caller ensures that every gene is below `gpus()`
///    of the problem.
/// 2. `s.evaluate(population, values, loads)` also writes the load of every GPU, a row for each individual.
/// 3. Genes have 16 or 32 bits, at least `gene_bits()` of the problem.
/// 4. Values are exact integer sums of costs in units (`packed_problem`): equal bit for bit between all evaluators.
/// 5. Allocates nothing. O(rows × (tasks + GPUs)).
/// 6. One call at a time. The views point to memory that the evaluator reads directly: host memory for those below,
///    device memory for an evaluator on a device.
template <class S>
concept population_evaluation =
    requires(S& s, population_view<std::uint16_t> narrow, population_view<std::uint32_t> wide,
             std::span<assignment_value> values, matrix_view<amount> loads) {
        s.evaluate(narrow, values);
        s.evaluate(wide, values);
        s.evaluate(narrow, values, loads);
        s.evaluate(wide, values, loads);
    };

/// A description of how populations are evaluated: small, const, shared between runs. Write one for other hardware, as
/// `berth::cuda` does.
///
/// `e.prepare(problem)` makes the state of a run (`population_evaluation`) with all its memory. The problem outlives
/// the state.
template <class E>
concept population_evaluator = std::copy_constructible<E> && requires(const E& e, const packed_problem& p) {
    { e.prepare(p) } -> population_evaluation;
};

/// The size of a tile.
struct tile_options {
    /// Individuals. 0: chosen, 16 to 1024, so that loads and table stay in the second-level cache, or, if the table
    /// does not fit, so that the loads take 4 MiB and the table is read as rarely as that allows.
    std::size_t individuals = 0;
};

namespace detail {

[[nodiscard]] constexpr std::size_t within(std::size_t least, std::size_t value, std::size_t most) noexcept {
    return value < least ? least : (value > most ? most : value);
}

/// Checks the shapes of a call.
template <gene Gene>
void check_population(const packed_problem& p, population_view<Gene> population, std::span<assignment_value> values,
                      matrix_view<amount> loads) noexcept {
    BERTH_ASSERT(population.rows() == 0 || population.cols() == p.tasks(), "berth: an individual has a gene per task");
    BERTH_ASSERT(values.size() == population.rows(), "berth: a value for every individual");
    BERTH_ASSERT(loads.data() == nullptr || (loads.rows() == population.rows() && loads.cols() == p.gpus()),
                 "berth: a load for every individual and GPU");
    BERTH_ASSERT(sizeof(Gene) > 2 || p.gpus() <= packed_problem::max_narrow_gpus,
                 "berth: genes of 16 bits are too narrow for the number of GPUs");
    (void)p, (void)population, (void)values, (void)loads;
}

/// Evaluates one individual after the other.
class scalar_evaluation {
public:
    explicit scalar_evaluation(const packed_problem& p) : problem_{&p} {
        if (p.word_bits() == 32) {
            narrow_.resize(p.gpus());
        } else {
            wide_.resize(p.gpus());
        }
    }
    void evaluate(population_view<std::uint16_t> population, std::span<assignment_value> values,
                  matrix_view<amount> loads = {}) {
        run(population, values, loads);
    }
    void evaluate(population_view<std::uint32_t> population, std::span<assignment_value> values,
                  matrix_view<amount> loads = {}) {
        run(population, values, loads);
    }

private:
    template <gene Gene>
    void run(population_view<Gene> population, std::span<assignment_value> values, matrix_view<amount> loads) {
        check_population(*problem_, population, values, loads);
        if (problem_->word_bits() == 32) {
            run(problem_->table<std::uint32_t>(), narrow_.data(), population, values, loads);
        } else {
            run(problem_->table<std::uint64_t>(), wide_.data(), population, values, loads);
        }
    }
    template <class Word, gene Gene>
    static void run(const packed_table<Word>& table, Word* scratch, population_view<Gene> population,
                    std::span<assignment_value> values, matrix_view<amount> loads) {
        for (std::size_t i = 0; i < population.rows(); ++i) {
            for (std::size_t g = 0; g < table.gpus; ++g) scratch[g] = 0;
            const Gene* genes = population.data() + i * table.tasks;
            const std::uint64_t sum = add_genes(table.words, table.gpus, genes, table.tasks, scratch);
            values[i] = finish(table, sum, scratch, loads.data() == nullptr ? nullptr : loads.data() + i * table.gpus);
        }
    }

    const packed_problem* problem_;
    flat<std::uint32_t> narrow_;
    flat<std::uint64_t> wide_;
};

/// Evaluates tiles of individuals, each lane of the threads its own.
template <parallelism Parallelism>
class tiled_evaluation {
public:
    tiled_evaluation(const packed_problem& p, tile_options options, Parallelism& threads)
        : problem_{&p}, threads_{&threads}, lanes_{within(1, threads.concurrency(), 1024)} {
        const std::size_t word = p.word_bits() / 8;
        const std::size_t gpus = p.gpus() > 0 ? p.gpus() : 1;
        const bool cached = p.tasks() * gpus * word <= (std::size_t{1} << 20U);
        const std::size_t bytes = std::size_t{1} << (cached ? 17U : 22U);
        tile_ = options.individuals > 0 ? options.individuals : within(16, bytes / (gpus * word), 1024);
        rows_ = within(8, (std::size_t{3} << 17U) / (gpus * word), 128);
        if (rows_ >= 32) rows_ -= rows_ % 32;  // whole cache lines of genes
        sums_.resize(lanes_ * tile_);
        if (word == 4) {
            narrow_.resize(lanes_ * tile_ * p.gpus());
        } else {
            wide_.resize(lanes_ * tile_ * p.gpus());
        }
    }
    void evaluate(population_view<std::uint16_t> population, std::span<assignment_value> values,
                  matrix_view<amount> loads = {}) {
        run(population, values, loads);
    }
    void evaluate(population_view<std::uint32_t> population, std::span<assignment_value> values,
                  matrix_view<amount> loads = {}) {
        run(population, values, loads);
    }

private:
    template <gene Gene>
    void run(population_view<Gene> population, std::span<assignment_value> values, matrix_view<amount> loads) {
        check_population(*problem_, population, values, loads);
        if (problem_->word_bits() == 32) {
            run(problem_->table<std::uint32_t>(), narrow_.data(), population, values, loads);
        } else {
            run(problem_->table<std::uint64_t>(), wide_.data(), population, values, loads);
        }
    }
    template <class Word, gene Gene>
    void run(const packed_table<Word>& table, Word* scratch, population_view<Gene> population,
             std::span<assignment_value> values, matrix_view<amount> loads) {
        // As many tiles for one lane as for another, and none larger than the scratch.
        const std::size_t rounds = (population.rows() + tile_ * lanes_ - 1) / (tile_ * lanes_);
        const std::size_t tiles = rounds * lanes_;
        threads_->for_each(lanes_, [&, tiles](std::size_t lane) {
            for (std::size_t tile = lane; tile < tiles; tile += lanes_) {
                const std::size_t first = population.rows() * tile / tiles;
                const std::size_t count = population.rows() * (tile + 1) / tiles - first;
                evaluate_tile(table, population.data() + first * table.tasks, count, rows_,
                              scratch + lane * tile_ * table.gpus, sums_.data() + lane * tile_, values.data() + first,
                              loads.data() == nullptr ? nullptr : loads.data() + first * table.gpus);
            }
        });
    }

    const packed_problem* problem_;
    Parallelism* threads_;
    std::size_t lanes_;
    std::size_t tile_;  // individuals
    std::size_t rows_;  // of the table at a time
    flat<std::uint64_t> sums_;
    flat<std::uint32_t> narrow_;
    flat<std::uint64_t> wide_;
};

inline constexpr sequential in_order{};

}  // namespace detail

/// One individual after the other, all tasks of it. Scratch: a word per GPU.
struct scalar_evaluator {
    /// See `population_evaluator`.
    [[nodiscard]] detail::scalar_evaluation prepare(const packed_problem& p) const {
        return detail::scalar_evaluation{p};
    }
};

/// Many individuals over a few rows of the table, on the calling thread. Scratch: a word per GPU and individual of a
/// tile.
struct tiled_evaluator {
    tile_options tile{};  ///< see `tile_options`

    /// See `population_evaluator`.
    [[nodiscard]] detail::tiled_evaluation<const sequential> prepare(const packed_problem& p) const {
        return {p, tile, detail::in_order};
    }
};

/// Tiles on threads: as many at a time as `concurrency()` when the state is prepared, each with scratch memory of its
/// own. More than one thread pays off from about a million genes on.
template <parallelism Parallelism>
struct threaded_evaluator {
    Parallelism* threads;  ///< not null; outlives the states
    tile_options tile{};   ///< see `tile_options`

    /// See `population_evaluator`.
    [[nodiscard]] detail::tiled_evaluation<Parallelism> prepare(const packed_problem& p) const {
        BERTH_ASSERT(threads != nullptr, "berth: a threaded evaluator has threads");
        return {p, tile, *threads};
    }
};
template <class Parallelism>
threaded_evaluator(Parallelism*) -> threaded_evaluator<Parallelism>;
template <class Parallelism>
threaded_evaluator(Parallelism*, tile_options) -> threaded_evaluator<Parallelism>;

static_assert(population_evaluator<scalar_evaluator> && population_evaluator<tiled_evaluator> &&
              population_evaluator<threaded_evaluator<sequential>>);

}  // namespace berth::inline v0
