// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>

namespace berth::inline v0 {

/// How the evaluation of a population is divided on a device. It does not change the values.
enum class evaluation_layout : std::uint8_t {
    few_gpus,  ///< lanes are individuals; rows of the table and genes pass through shared memory, the loads stay there
    /// lanes are tasks; words are read from the second-level cache, loads of a few individuals are in shared memory
    many_gpus,
    /// as before, in windows of tasks whose rows fit into the second-level cache; loads are carried from window to
    /// window
    large_table,
};

namespace detail::evaluation {

/// One thread's share of the sums of an individual; threads merge them.
struct tally {
    std::uint64_t sum = 0;
    std::uint64_t moved_weight = 0;
    std::uint64_t total = 0;
    std::uint64_t excess = 0;
    std::uint64_t squares = 0;
    std::uint64_t most = 0;
    std::uint64_t least = ~std::uint64_t{0};

    BERTH_HD constexpr void see(std::uint64_t load, amount capacity) noexcept {
        const amount over = static_cast<amount>(load) - capacity;
        excess += over > 0 ? static_cast<std::uint64_t>(over) : 0;
        total += load;
        squares += load * load;
        most = load > most ? load : most;
        least = load < least ? load : least;
    }
    BERTH_HD constexpr void merge(const tally& other) noexcept {
        sum += other.sum;
        moved_weight += other.moved_weight;
        total += other.total;
        excess += other.excess;
        squares += other.squares;
        most = other.most > most ? other.most : most;
        least = other.least < least ? other.least : least;
    }
};

/// The properties of a device that the shape depends on.
struct device_limits {
    std::size_t multiprocessors = 1;
    std::size_t shared_per_block = std::size_t{99} << 10U;
    std::size_t shared_per_multiprocessor = std::size_t{100} << 10U;
    std::size_t second_level_cache = std::size_t{40} << 20U;
    std::size_t carried = std::size_t{1} << 30U;  ///< maximum bytes of loads in device memory
};

/// The properties of a problem that the shape depends on.
struct problem_sizes {
    std::size_t tasks = 0;
    std::size_t gpus = 0;
    std::size_t word_bytes = 4;  ///< of a load
    std::size_t unit_bytes = 4;  ///< of an element of a row
    std::size_t row_units = 0;
    std::size_t fixed_units = 0;
    std::size_t gene_bytes = 2;
    bool in_table = true;
};

/// How an evaluation is divided into launches, blocks and threads.
struct evaluation_shape {
    evaluation_layout layout = evaluation_layout::few_gpus;
    std::uint32_t individuals = 32;  ///< of a block, a power of two
    std::uint32_t parts = 8;         ///< threads for each of them, a power of two
    std::uint32_t rows = 0;          ///< tasks in shared memory at a time, a power of two
    std::uint32_t minor_bits = 0;    ///< log2 of individuals if lanes are individuals, else of parts
    std::uint32_t row_bits = 0;      ///< log2 of rows
    bool loads_shared = true;        ///< loads are in shared memory, else in device memory
    std::size_t window = 0;          ///< tasks of a launch
    std::size_t at_once = 0;         ///< individuals of a launch
    std::size_t first_bytes = 0;     ///< of shared memory, for the loads and later for tallies
    std::size_t stage_bytes = 0;     ///< of one of the two stages of rows and genes; rows first
    std::size_t row_bytes = 0;       ///< of a stage, for rows
    std::size_t shared = 0;          ///< bytes of shared memory of a block

    [[nodiscard]] BERTH_HD constexpr std::uint32_t threads() const noexcept { return individuals * parts; }
    /// Distance in genes between individuals of a stage: an odd number of banks.
    [[nodiscard]] BERTH_HD static constexpr std::uint32_t pitch(std::uint32_t rows, std::size_t gene_bytes) noexcept {
        return rows + (gene_bytes == 2 ? 2U : 1U);
    }
    [[nodiscard]] constexpr bool carries(const problem_sizes& p) const noexcept {
        return !loads_shared || window < p.tasks;
    }
};

inline constexpr std::uint32_t evaluation_threads = 1024;

[[nodiscard]] BERTH_HD constexpr std::size_t in_sixteens(std::size_t bytes) noexcept { return (bytes + 15) / 16 * 16; }

[[nodiscard]] constexpr std::uint32_t log2_of(std::uint32_t power) noexcept {
    std::uint32_t bits = 0;
    while (power > 1) power /= 2, ++bits;
    return bits;
}

/// Lanes as individuals, if the device has room for that; `shared` is 0 if not.
[[nodiscard]] constexpr evaluation_shape few_gpus_shape(const problem_sizes& p, std::size_t population,
                                                        const device_limits& d, std::uint32_t individuals,
                                                        std::uint32_t rows) noexcept {
    evaluation_shape s;
    s.individuals = individuals;
    s.parts = evaluation_threads / individuals;
    s.rows = rows;
    s.minor_bits = log2_of(individuals);
    s.row_bits = log2_of(rows);
    s.window = p.tasks;
    s.at_once = population;
    const std::size_t loads = individuals * p.gpus * p.word_bytes;
    const std::size_t tallies = evaluation_threads * sizeof(tally);
    s.first_bytes = in_sixteens(loads > tallies ? loads : tallies);
    s.row_bytes = in_sixteens(rows * p.row_units * p.unit_bytes);
    s.stage_bytes = s.row_bytes +
                    in_sixteens(std::size_t{individuals} * evaluation_shape::pitch(rows, p.gene_bytes) * p.gene_bytes);
    s.shared = s.first_bytes + 2 * s.stage_bytes + p.fixed_units * p.unit_bytes;
    if (s.shared > d.shared_per_block) s.shared = 0;
    return s;
}

/// Lanes as tasks.
[[nodiscard]] constexpr evaluation_shape many_gpus_shape(const problem_sizes& p, std::size_t population,
                                                         const device_limits& d) noexcept {
    evaluation_shape s;
    s.layout = evaluation_layout::many_gpus;
    s.window = p.tasks;
    // As many individuals in a block as let every multiprocessor run 2,048 threads; one, with more threads, for many
    // GPUs.
    const std::size_t loads = p.gpus * p.word_bytes;
    std::uint32_t threads = 256;
    const auto bytes = [&loads, &threads](std::uint32_t individuals) {
        const std::size_t tallies = threads * sizeof(tally);
        return in_sixteens(individuals * loads > tallies ? individuals * loads : tallies);
    };
    for (s.individuals = 8; s.individuals > 1; s.individuals /= 2) {
        const bool busy = population / s.individuals >= 4 * d.multiprocessors;
        if (busy && bytes(s.individuals) * 8 <= d.shared_per_multiprocessor) break;
    }
    while (s.individuals == 1 && threads < evaluation_threads &&
           in_sixteens(loads) >= std::size_t{2} * threads * sizeof(tally) &&
           d.shared_per_multiprocessor / bytes(1) < evaluation_threads / threads) {
        threads *= 2;
    }
    s.first_bytes = bytes(s.individuals);
    if (s.first_bytes > d.shared_per_block) {
        threads = 256;
        s.loads_shared = false;
        s.first_bytes = threads * sizeof(tally);
    }
    s.parts = threads / s.individuals;
    s.minor_bits = log2_of(s.parts);
    s.shared = s.first_bytes;
    const std::size_t row = p.row_units * p.unit_bytes;
    if (p.in_table && row > 0 && p.tasks > 0 && row > d.second_level_cache * 3 / 4 / p.tasks) {
        s.layout = evaluation_layout::large_table;
        const std::size_t rows = d.second_level_cache / 2 / row;
        s.window = rows < 64 ? 64 : rows;
        if (s.window > p.tasks) s.window = p.tasks;
    }
    s.at_once = population;
    if (s.carries(p) && loads > 0) {
        const std::size_t most = d.carried / loads;
        s.at_once = most < s.individuals ? s.individuals : (most < population ? most : population);
    }
    return s;
}

/// The layout for a problem and populations of this size. Rows pass through shared memory if that moves fewer bytes for
/// a gene than the 32 of a read from the second-level cache.
[[nodiscard]] constexpr evaluation_shape shape_for(const problem_sizes& p, std::size_t population,
                                                   const device_limits& d) noexcept {
    for (std::uint32_t individuals = 128; individuals >= 32; individuals /= 2) {
        const bool idle = (population + individuals - 1) / individuals < d.multiprocessors * 9 / 10;
        if (idle && individuals > 32) continue;
        if (p.row_units * p.unit_bytes > std::size_t{32} * individuals) continue;
        for (std::uint32_t rows = 128; rows >= 8; rows /= 2) {
            const evaluation_shape s = few_gpus_shape(p, population, d, individuals, rows);
            if (s.shared > 0) return s;
        }
    }
    return many_gpus_shape(p, population, d);
}

}  // namespace detail::evaluation
}  // namespace berth::inline v0
