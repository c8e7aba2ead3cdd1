// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/genetic/detail/generation.hpp"

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace berth::inline v0::detail::evolution {

/// An atomic addition among the threads of a block.
template <class Word>
BERTH_HD inline void add_together(Word& to, Word what) noexcept {
#ifdef __CUDA_ARCH__
    if constexpr (sizeof(Word) == 4) {
        atomicAdd(reinterpret_cast<unsigned int*>(&to), static_cast<unsigned int>(what));
    } else {
        atomicAdd(reinterpret_cast<unsigned long long*>(&to), static_cast<unsigned long long>(what));
    }
#else
    to = static_cast<Word>(to + what);
#endif
}

/// The arguments of one generation. A row of chunks for each member.
template <class Word>
struct generation_pass {
    generation_rules rules{};
    listed_table<Word> problem{};
    std::uint32_t generation = 0;  ///< 0 makes the first members, except for those given
    std::uint32_t given = 0;       ///< generation 0: number of members that exist already
    const gene_chunk* parents = nullptr;
    const member_value* parent_values = nullptr;
    gene_chunk* children = nullptr;
    member_value* child_values = nullptr;
};
static_assert(std::is_trivially_copyable_v<generation_pass<std::uint32_t>>);

/// Memory that the threads of a block share: loads of `lanes` members side by side, and one number of each kind for
/// every thread.
template <class Word>
struct block_scratch {
    Word* loads;          // GPUs × lanes
    std::uint64_t* sums;  // slices × lanes, as the others
    amount* excesses;
    std::uint32_t* picks;

    [[nodiscard]] BERTH_HD static constexpr std::size_t bytes_per_thread() noexcept {
        return sizeof(std::uint64_t) + sizeof(amount) + sizeof(std::uint32_t);
    }
};

/// Makes `lanes` members with `slices` threads for each, two or more. Every thread calls the phases in order, with a
/// barrier between them. Sums are of integers, so neither the shape of the block nor the order of its threads matters.
template <class Word>
class generation_block {
public:
    BERTH_HD constexpr generation_block(const generation_pass<Word>& pass, const block_scratch<Word>& scratch,
                                        std::uint32_t first, std::uint32_t lanes, std::uint32_t slices) noexcept
        : pass_{pass}, scratch_{scratch}, first_{first}, lanes_{lanes}, slices_{slices} {}

    /// Chooses parents and clears loads.
    BERTH_HD constexpr void select(std::uint32_t thread) const noexcept {
        const std::size_t loads = pass_.problem.table.gpus * lanes_;
        for (std::size_t i = thread; i < loads; i += std::size_t{lanes_} * slices_) scratch_.loads[i] = 0;
        const std::uint32_t member = first_ + thread % lanes_;
        if (pass_.generation == 0 || member >= rules().population) return;
        const std::uint32_t slice = thread / lanes_;
        if (rules().is_elite(member)) {
            const std::uint32_t end = rules().group_end(member);
            scratch_.picks[thread] =
                slice < end - member ? best_member(pass_.parent_values, member + slice, end, slices_) : member;
        } else if (slice < 2) {
            scratch_.picks[thread] = tournament(rules(), pass_.parent_values, pass_.generation, member,
                                                slice == 0 ? draw::parent : draw::other_parent);
        }
    }

    /// Makes the genes and adds up their costs and loads.
    BERTH_HD constexpr void mix(std::uint32_t thread) const noexcept {
        const std::uint32_t lane = thread % lanes_;
        const std::uint32_t member = first_ + lane;
        if (member >= rules().population) return;
        const auto chunks = static_cast<std::uint32_t>(chunks_of(pass_.problem.table.tasks));
        gene_chunk* child = pass_.children + std::size_t{member} * chunks;
        std::uint64_t sum = 0;
        if (pass_.generation == 0) {
            for (std::uint32_t c = thread / lanes_; c < chunks; c += slices_) {
                if (member >= pass_.given) child[c] = initial_chunk(rules(), pass_.problem, member, c);
                sum += add(child[c], c, lane);
            }
        } else if (rules().is_elite(member)) {
            const gene_chunk* parent = pass_.parents + std::size_t{best_pick(lane)} * chunks;
            for (std::uint32_t c = thread / lanes_; c < chunks; c += slices_) {
                child[c] = parent[c];
                sum += add(child[c], c, lane);
            }
        } else {
            const gene_chunk* one = pass_.parents + std::size_t{scratch_.picks[lane]} * chunks;
            const gene_chunk* other = pass_.parents + std::size_t{scratch_.picks[lanes_ + lane]} * chunks;
            const bool crossed = is_crossed(rules(), pass_.generation, member);
            for (std::uint32_t c = thread / lanes_; c < chunks; c += slices_) {
                const gene_chunk second = crossed ? other[c] : gene_chunk{};
                const gene_chunk genes =
                    child_chunk(rules(), pass_.problem, pass_.generation, member, c, crossed, one[c], second);
                child[c] = genes;
                sum += add(genes, c, lane);
            }
        }
        scratch_.sums[thread] = sum;
    }

    /// Adds up the loads.
    BERTH_HD constexpr void measure(std::uint32_t thread) const noexcept {
        const std::uint32_t lane = thread % lanes_;
        if (first_ + lane >= rules().population) return;
        amount excess = 0;
        std::uint64_t total = 0;
        for (std::size_t g = thread / lanes_; g < pass_.problem.table.gpus; g += slices_) {
            const Word load = scratch_.loads[g * lanes_ + lane];
            excess += over(static_cast<amount>(load), pass_.problem.table.capacities[g]);
            total += load;
        }
        scratch_.excesses[thread] = excess;
        if constexpr (packing<Word>::sums_words) scratch_.sums[thread] -= total;
    }

    /// Repairs and improves, one thread for each member.
    BERTH_HD constexpr void finish(std::uint32_t thread) const noexcept {
        const std::uint32_t member = first_ + thread;
        if (thread >= lanes_ || member >= rules().population) return;
        std::uint64_t sum = 0;
        amount excess = 0;
        for (std::uint32_t s = 0; s < slices_; ++s) {
            sum += scratch_.sums[s * lanes_ + thread];
            excess += scratch_.excesses[s * lanes_ + thread];
        }
        const std::size_t chunks = chunks_of(pass_.problem.table.tasks);
        loaded_child<Word> child{pass_.children + member * chunks,
                                 scratch_.loads + thread,
                                 lanes_,
                                 {static_cast<std::int64_t>(packing<Word>::cost_of_sum(sum, 0)), excess}};
        const improver<Word> improve{rules(), pass_.problem, rules().is_elite(member)};
        improve(child, pass_.generation, member);
        pass_.child_values[member] = child.value;
    }

private:
    [[nodiscard]] BERTH_HD constexpr const generation_rules& rules() const noexcept { return pass_.rules; }

    [[nodiscard]] BERTH_HD constexpr std::uint32_t best_pick(std::uint32_t lane) const noexcept {
        std::uint32_t best = scratch_.picks[lane];
        for (std::uint32_t s = 1; s < slices_; ++s) {
            const std::uint32_t it = scratch_.picks[s * lanes_ + lane];
            const member_value& value = pass_.parent_values[it];
            const member_value& least = pass_.parent_values[best];
            if (lower(value, least) || (value == least && it < best)) best = it;
        }
        return best;
    }
    [[nodiscard]] BERTH_HD constexpr std::uint64_t add(const gene_chunk& genes, std::size_t chunk,
                                                       std::uint32_t lane) const noexcept {
        const packed_table<Word>& table = pass_.problem.table;
        const Word* row = table.words + chunk * chunk_genes * table.gpus;
        const std::size_t count = pass_.problem.genes_in(chunk);
        Word words[chunk_genes] = {};
        for (std::size_t i = 0; i < chunk_genes; ++i) {
            if (i < count) words[i] = row[i * table.gpus + genes.get(i)];
        }
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < chunk_genes; ++i) {
            if (i < count) {
                add_together(scratch_.loads[std::size_t{genes.get(i)} * lanes_ + lane], packing<Word>::load(words[i]));
            }
            sum += packing<Word>::summand(words[i]);
        }
        return sum;
    }

    const generation_pass<Word>& pass_;
    block_scratch<Word> scratch_;
    std::uint32_t first_;
    std::uint32_t lanes_;
    std::uint32_t slices_;
};

}  // namespace berth::inline v0::detail::evolution
