// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/model/resources.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace berth::inline v0 {

/// The position of a task's GPU in an individual: 16 bits for up to 65,535 GPUs, 32 bits beyond.
template <class G>
concept gene = std::same_as<G, std::uint16_t> || std::same_as<G, std::uint32_t>;

/// Cost and excess of one individual of a population.
struct assignment_value {
    double cost = 0.0;  ///< the sum of costs
    amount excess = 0;  ///< load beyond the capacities, over all GPUs

    /// Equal bit for bit.
    friend constexpr bool operator==(const assignment_value&, const assignment_value&) noexcept = default;
};

/// True if `a` is better than `b`: less excess, then less cost.
[[nodiscard]] BERTH_HD constexpr bool better(const assignment_value& a, const assignment_value& b) noexcept {
    return a.excess != b.excess ? a.excess < b.excess : a.cost < b.cost;
}

namespace detail {

/// Cost in the upper half of a word, load in the lower: 16 + 16 or 32 + 32 bits. The sum of loads of a GPU fits a whole
/// word, which `pack_assignments` checks.
template <class Word>
struct packing {
    static_assert(std::same_as<Word, std::uint32_t> || std::same_as<Word, std::uint64_t>);
    static constexpr unsigned half = sizeof(Word) * 4;
    static constexpr std::uint64_t most = (std::uint64_t{1} << half) - 1;

    [[nodiscard]] BERTH_HD static constexpr Word pack(std::uint64_t cost, std::uint64_t load) noexcept {
        return static_cast<Word>(cost << half | load);
    }
    [[nodiscard]] BERTH_HD static constexpr Word load(Word word) noexcept { return word & static_cast<Word>(most); }
    [[nodiscard]] BERTH_HD static constexpr std::uint64_t cost(Word word) noexcept { return word >> half; }

    /// The summand of a gene. For 16 + 16 bits the whole word: subtracting the sum of loads at the end saves a shift
    /// per gene.
    static constexpr bool sums_words = sizeof(Word) == 4;
    [[nodiscard]] BERTH_HD static constexpr std::uint64_t summand(Word word) noexcept {
        return sums_words ? std::uint64_t{word} : cost(word);
    }
    [[nodiscard]] BERTH_HD static constexpr std::uint64_t cost_of_sum(std::uint64_t sum, std::uint64_t loads) noexcept {
        return sums_words ? (sum - loads) >> half : sum;
    }
};

/// A packed table as kernels see it: a row for each task, a word for each GPU. Trivially copyable; owns nothing.
template <class Word>
struct packed_table {
    const Word* words = nullptr;
    const amount* capacities = nullptr;
    std::size_t tasks = 0;
    std::size_t gpus = 0;
    std::int64_t base = 0;  ///< sum of the cheapest cost of every task, in units
    double unit = 1.0;      ///< cost of one unit
};
static_assert(std::is_trivially_copyable_v<packed_table<std::uint32_t>>);

/// Adds the loads of `count` tasks, whose rows begin at `words`, to those of their individual, and returns the increase
/// of its sum. The loads of two GPUs are `stride` words apart: 1 here, the number of lanes where lanes are individuals.
template <class Word, gene Gene>
[[nodiscard]] BERTH_HD inline std::uint64_t add_genes(const Word* words, std::size_t gpus, const Gene* genes,
                                                      std::size_t count, Word* loads, std::size_t stride = 1) noexcept {
    using bits = packing<Word>;
    std::uint64_t sum = 0;
    for (std::size_t t = 0; t < count; ++t, words += gpus) {
        const std::size_t g = genes[t];
        BERTH_ASSERT(g < gpus, "berth: a gene is the position of a GPU");
        const Word word = words[g];
        Word& load = loads[g * stride];
        load = static_cast<Word>(load + bits::load(word));
        sum += bits::summand(word);
    }
    return sum;
}

/// The same for two individuals alternately, so that neither waits for the other's stores.
template <class Word, gene Gene>
inline void add_genes_of_two(const Word* words, std::size_t gpus, const Gene* first, const Gene* second,
                             std::size_t count, Word* first_loads, Word* second_loads, std::uint64_t* sums) noexcept {
    using bits = packing<Word>;
    std::uint64_t first_sum = 0;
    std::uint64_t second_sum = 0;
    for (std::size_t t = 0; t < count; ++t, words += gpus) {
        const std::size_t g = first[t];
        const std::size_t h = second[t];
        BERTH_ASSERT(g < gpus && h < gpus, "berth: a gene is the position of a GPU");
        const Word word = words[g];
        const Word other = words[h];
        first_loads[g] = static_cast<Word>(first_loads[g] + bits::load(word));
        second_loads[h] = static_cast<Word>(second_loads[h] + bits::load(other));
        first_sum += bits::summand(word);
        second_sum += bits::summand(other);
    }
    sums[0] += first_sum;
    sums[1] += second_sum;
}

/// The value of an individual after all its genes; writes its loads to `out` unless that is null.
template <class Word>
[[nodiscard]] BERTH_HD inline assignment_value finish(const packed_table<Word>& table, std::uint64_t sum,
                                                      const Word* loads, amount* out, std::size_t stride = 1) noexcept {
    amount excess = 0;
    std::uint64_t total = 0;
    for (std::size_t g = 0; g < table.gpus; ++g) {
        const Word load = loads[g * stride];
        const amount over = static_cast<amount>(load) - table.capacities[g];
        excess += over > 0 ? over : 0;
        total += load;
        if (out != nullptr) out[g] = static_cast<amount>(load);
    }
    const auto cost = static_cast<std::int64_t>(packing<Word>::cost_of_sum(sum, total));
    return {static_cast<double>(table.base + cost) * table.unit, excess};
}

/// Prefetches words that are soon read in random order, which no hardware predicts.
template <class Word>
inline void fetch(const Word* words, std::size_t count) noexcept {
    constexpr std::size_t line = 64 / sizeof(Word);
    for (std::size_t i = 0; i < count; i += line) __builtin_prefetch(words + i);
}

/// Evaluates a tile: some individuals over all rows of the table, a few rows at a time. Rows stay in the cache for all
/// individuals of the tile, while the next ones are prefetched. `loads` (individuals × GPUs) and `sums` (individuals)
/// are scratch.
template <class Word, gene Gene>
inline void evaluate_tile(const packed_table<Word>& table, const Gene* genes, std::size_t individuals,
                          std::size_t rows_at_once, Word* loads, std::uint64_t* sums, assignment_value* values,
                          amount* loads_out) noexcept {
    if (individuals == 0) return;
    const std::size_t gpus = table.gpus;
    for (std::size_t i = 0; i < individuals * gpus; ++i) loads[i] = 0;
    for (std::size_t i = 0; i < individuals; ++i) sums[i] = 0;
    fetch(table.words, (rows_at_once < table.tasks ? rows_at_once : table.tasks) * gpus);
    for (std::size_t t = 0; t < table.tasks; t += rows_at_once) {
        const std::size_t rows = rows_at_once < table.tasks - t ? rows_at_once : table.tasks - t;
        const Word* words = table.words + t * gpus;
        const std::size_t left = table.tasks - t - rows;
        const Word* next = words + rows * gpus;
        const std::size_t next_words = (left < rows_at_once ? left : rows_at_once) * gpus;
        const std::size_t pairs = (individuals + 1) / 2;
        for (std::size_t p = 0; p < pairs; ++p) {
            const std::size_t from = next_words * p / pairs;
            fetch(next + from, next_words * (p + 1) / pairs - from);
            const std::size_t i = 2 * p;
            const Gene* mine = genes + i * table.tasks + t;
            if (i + 1 < individuals) {
                add_genes_of_two(words, gpus, mine, mine + table.tasks, rows, loads + i * gpus, loads + (i + 1) * gpus,
                                 sums + i);
            } else {
                sums[i] += add_genes(words, gpus, mine, rows, loads + i * gpus);
            }
        }
    }
    for (std::size_t i = 0; i < individuals; ++i) {
        values[i] = finish(table, sums[i], loads + i * gpus, loads_out == nullptr ? nullptr : loads_out + i * gpus);
    }
}

}  // namespace detail
}  // namespace berth::inline v0
