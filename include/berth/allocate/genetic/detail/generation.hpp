// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/batch/evaluate_tile.hpp"
#include "berth/core/config.hpp"
#include "berth/core/philox.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace berth::inline v0::detail::evolution {

// Length: the steps of a generation, which host and device share.

/// Genes are read, mixed and written eight at a time: 16 bytes, gene i in bits 16 i and up.
inline constexpr std::size_t chunk_genes = 8;
struct alignas(16) gene_chunk {
    std::uint64_t half[2] = {};

    [[nodiscard]] BERTH_HD constexpr std::uint16_t get(std::size_t i) const noexcept {
        return static_cast<std::uint16_t>(half[i / 4] >> (i % 4 * 16));
    }
    BERTH_HD constexpr void set(std::size_t i, std::uint16_t gpu) noexcept {
        const std::uint64_t others = half[i / 4] & ~(std::uint64_t{0xffff} << (i % 4 * 16));
        half[i / 4] = others | std::uint64_t{gpu} << (i % 4 * 16);
    }
    friend constexpr bool operator==(const gene_chunk&, const gene_chunk&) noexcept = default;
};
static_assert(sizeof(gene_chunk) == 16 && std::is_trivially_copyable_v<gene_chunk>);

/// All 16 bits of a gene for each of four bits.
[[nodiscard]] BERTH_HD constexpr std::uint64_t gene_mask(std::uint32_t bits) noexcept {
    const std::uint64_t spread = (std::uint64_t{bits & 15U} * 0x0000'2000'4000'8001ULL) & 0x0001'0001'0001'0001ULL;
    return (spread << 16U) - spread;
}

[[nodiscard]] BERTH_HD constexpr std::size_t chunks_of(std::size_t tasks) noexcept {
    return (tasks + chunk_genes - 1) / chunk_genes;
}

/// Cost and excess of an individual, in whole units above the base of the table.
struct member_value {
    std::int64_t cost = 0;
    amount excess = 0;

    friend constexpr bool operator==(const member_value&, const member_value&) noexcept = default;
};

[[nodiscard]] BERTH_HD constexpr bool lower(const member_value& a, const member_value& b) noexcept {
    return a.excess != b.excess ? a.excess < b.excess : a.cost < b.cost;
}

/// The parameters of a generation. Probabilities are in units of 2^-32.
struct generation_rules {
    std::uint64_t seed = 0;
    std::uint32_t population = 0;
    std::uint32_t tournament = 2;
    std::uint32_t elite_group = 64;
    std::uint32_t steps = 0;
    std::uint64_t crossed_below = 0;
    std::uint64_t mutated_below = 0;  // of a chunk
    std::int64_t penalty = 1;         // of a unit of excess, except where less excess always comes first

    [[nodiscard]] BERTH_HD constexpr std::int64_t penalised(std::int64_t cost, amount excess) const noexcept {
        return cost + penalty * excess;
    }
    [[nodiscard]] BERTH_HD constexpr bool is_elite(std::uint32_t member) const noexcept {
        return member % elite_group == 0;
    }
    /// One past the last member of the group that begins here.
    [[nodiscard]] BERTH_HD constexpr std::uint32_t group_end(std::uint32_t first) const noexcept {
        return population - first < elite_group ? population : first + elite_group;
    }
};
static_assert(std::is_trivially_copyable_v<generation_rules>);

/// Purposes of random numbers; part of their counters.
enum class draw : std::uint32_t { initial = 0, parent = 1, other_parent = 2, crossing = 3, chunk = 4, step = 5 };

[[nodiscard]] BERTH_HD constexpr philox_block drawn(const generation_rules& rules, std::uint32_t generation,
                                                    std::uint32_t member, draw what, std::uint32_t which) noexcept {
    return philox4x32({{which, member, generation, static_cast<std::uint32_t>(what)}}, rules.seed);
}

/// A packed table with a candidate list for each task, cheapest GPU first; no lists if `width` is 0.
template <class Word>
struct listed_table {
    packed_table<Word> table{};
    const std::uint16_t* lists = nullptr;
    std::uint32_t width = 0;

    [[nodiscard]] BERTH_HD constexpr std::uint16_t any_gpu(std::size_t task, std::uint32_t word) const noexcept {
        return width == 0 ? static_cast<std::uint16_t>(scaled(word, static_cast<std::uint32_t>(table.gpus)))
                          : lists[task * width + scaled(word, width)];
    }
    [[nodiscard]] BERTH_HD constexpr std::size_t genes_in(std::size_t chunk) const noexcept {
        const std::size_t left = table.tasks - chunk * chunk_genes;
        return left < chunk_genes ? left : chunk_genes;
    }
};

/// Eight genes of a member of the first generation: the cheapest GPU with probability one half, else any of the
/// candidate list.
template <class Word>
[[nodiscard]] BERTH_HD constexpr gene_chunk initial_chunk(const generation_rules& rules, const listed_table<Word>& p,
                                                          std::uint32_t member, std::uint32_t chunk) noexcept {
    gene_chunk genes;
    const std::size_t count = p.genes_in(chunk);
    philox_block words;
    for (std::size_t i = 0; i < count; ++i) {
        if (i % 4 == 0) words = drawn(rules, 0, member, draw::initial, 2 * chunk + (i == 0 ? 0U : 1U));
        const std::uint32_t word = words[i % 4];
        const std::size_t task = std::size_t{chunk} * chunk_genes + i;
        const bool cheapest = p.width > 0 && word >> 31U == 0;
        genes.set(i, cheapest ? p.lists[task * p.width] : p.any_gpu(task, word << 1U));
    }
    return genes;
}

/// The member of least penalised cost of a few drawn with replacement; of equals the first drawn.
[[nodiscard]] BERTH_HD constexpr std::uint32_t tournament(const generation_rules& rules, const member_value* values,
                                                          std::uint32_t generation, std::uint32_t member,
                                                          draw what) noexcept {
    std::uint32_t best = 0;
    std::int64_t lowest = 0;
    philox_block words;
    for (std::uint32_t i = 0; i < rules.tournament; ++i) {
        if (i % 4 == 0) words = drawn(rules, generation, member, what, i / 4);
        const std::uint32_t it = scaled(words[i % 4], rules.population);
        const std::int64_t cost = rules.penalised(values[it].cost, values[it].excess);
        if (i > 0 && cost >= lowest) continue;
        best = it;
        lowest = cost;
    }
    return best;
}

/// The best of the members first, first + stride, ... before `end`; of equals the lowest position. There is one.
[[nodiscard]] BERTH_HD constexpr std::uint32_t best_member(const member_value* values, std::uint32_t first,
                                                           std::uint32_t end, std::uint32_t stride) noexcept {
    std::uint32_t best = first;
    for (std::uint32_t i = first + stride; i < end; i += stride) best = lower(values[i], values[best]) ? i : best;
    return best;
}

[[nodiscard]] BERTH_HD constexpr bool is_crossed(const generation_rules& rules, std::uint32_t generation,
                                                 std::uint32_t member) noexcept {
    return drawn(rules, generation, member, draw::crossing, 0)[0] < rules.crossed_below;
}

/// Eight genes of a child: the first parent's, with a sixteenth of them the second's if the child is crossed; at most
/// one of them mutates. `second` is not read unless the child is crossed.
template <class Word>
[[nodiscard]] BERTH_HD constexpr gene_chunk
child_chunk(const generation_rules& rules, const listed_table<Word>& p, std::uint32_t generation, std::uint32_t member,
            std::uint32_t chunk, bool crossed, const gene_chunk& first, const gene_chunk& second) noexcept {
    const philox_block words = drawn(rules, generation, member, draw::chunk, chunk);
    const std::uint32_t from_second = words[0] & words[0] >> 8U & words[0] >> 16U & words[0] >> 24U;
    gene_chunk genes = first;
    if (crossed) {
        genes.half[0] ^= (first.half[0] ^ second.half[0]) & gene_mask(from_second);
        genes.half[1] ^= (first.half[1] ^ second.half[1]) & gene_mask(from_second >> 4U);
    }
    if (words[1] < rules.mutated_below) {
        const std::size_t at = words[2] >> 29U;
        if (at < p.genes_in(chunk)) genes.set(at, p.any_gpu(std::size_t{chunk} * chunk_genes + at, words[3]));
    }
    return genes;
}

/// The load beyond a capacity.
[[nodiscard]] BERTH_HD constexpr amount over(amount load, amount capacity) noexcept {
    return load > capacity ? load - capacity : 0;
}

/// A child whose loads are known. `stride` words lie between the loads of two GPUs.
template <class Word>
struct loaded_child {
    gene_chunk* chunks;
    Word* loads;
    std::size_t stride;
    member_value value;

    [[nodiscard]] BERTH_HD constexpr std::uint32_t gpu_of(std::size_t t) const noexcept {
        return chunks[t / chunk_genes].get(t % chunk_genes);
    }
};

/// Improves some tasks of a child one after the other: each makes the move that lowers the penalised cost most, to a
/// GPU of its candidate list or in exchange with one other task, or none. With `excess_first`, the one that lowers
/// excess most and then cost.
template <class Word>
class improver {
public:
    BERTH_HD constexpr improver(const generation_rules& rules, const listed_table<Word>& p, bool excess_first) noexcept
        : rules_{rules}, p_{p}, excess_first_{excess_first} {}

    BERTH_HD constexpr void operator()(loaded_child<Word>& child, std::uint32_t generation,
                                       std::uint32_t member) const noexcept {
        for (std::uint32_t s = 0; s < rules_.steps; ++s) {
            improve_task(child, drawn(rules_, generation, member, draw::step, s));
        }
    }

private:
    struct change {
        member_value by{};  // zero: no change
        std::uint32_t to = 0;
        std::uint32_t with = 0;  // the task in exchange, or the moved task itself
    };

    [[nodiscard]] BERTH_HD constexpr bool falls_more(const member_value& a, const member_value& b) const noexcept {
        return excess_first_ ? lower(a, b) : rules_.penalised(a.cost, a.excess) < rules_.penalised(b.cost, b.excess);
    }
    [[nodiscard]] BERTH_HD constexpr Word word(std::size_t t, std::size_t g) const noexcept {
        return p_.table.words[t * p_.table.gpus + g];
    }
    [[nodiscard]] BERTH_HD static constexpr amount load_of(Word word) noexcept {
        return static_cast<amount>(packing<Word>::load(word));
    }
    [[nodiscard]] BERTH_HD static constexpr std::int64_t cost_of(Word word) noexcept {
        return static_cast<std::int64_t>(packing<Word>::cost(word));
    }
    [[nodiscard]] BERTH_HD static constexpr amount on(const loaded_child<Word>& child, std::size_t g) noexcept {
        return static_cast<amount>(child.loads[g * child.stride]);
    }

    BERTH_HD constexpr void improve_task(loaded_child<Word>& child, const philox_block& words) const noexcept {
        const auto tasks = static_cast<std::uint32_t>(p_.table.tasks);
        const std::uint32_t t = scaled(words[0], tasks);
        const std::uint32_t from = child.gpu_of(t);
        const Word here = word(t, from);
        const amount left = more_over(child, from, -load_of(here));
        change best;
        const std::uint32_t tries = p_.width == 0 ? 1 : p_.width;
        for (std::uint32_t i = 0; i < tries; ++i) {
            const std::uint32_t to = p_.width == 0 ? p_.any_gpu(t, words[2]) : p_.lists[std::size_t{t} * p_.width + i];
            if (to == from) continue;
            const Word there = word(t, to);
            consider(best, {{cost_of(there) - cost_of(here), left + more_over(child, to, load_of(there))}, to, t});
        }
        const std::uint32_t u = scaled(words[1], tasks);
        const std::uint32_t to = child.gpu_of(u);
        if (to != from) {
            const Word there = word(t, to);
            const Word other_here = word(u, from);
            const Word other_there = word(u, to);
            consider(best, {{cost_of(there) + cost_of(other_here) - cost_of(here) - cost_of(other_there),
                             more_over(child, from, load_of(other_here) - load_of(here)) +
                                 more_over(child, to, load_of(there) - load_of(other_there))},
                            to,
                            u});
        }
        if (!falls_more(best.by, member_value{})) return;
        move_task(child, t, from, best.to);
        if (best.with != t) move_task(child, best.with, best.to, from);
        child.value.cost += best.by.cost;
        child.value.excess += best.by.excess;
    }
    /// By how much the excess of a GPU grows if its load grows.
    [[nodiscard]] BERTH_HD constexpr amount more_over(const loaded_child<Word>& child, std::size_t g,
                                                      amount more) const noexcept {
        const amount now = on(child, g);
        return over(now + more, p_.table.capacities[g]) - over(now, p_.table.capacities[g]);
    }
    BERTH_HD constexpr void consider(change& best, const change& it) const noexcept {
        if (falls_more(it.by, best.by)) best = it;
    }
    BERTH_HD constexpr void move_task(loaded_child<Word>& child, std::size_t t, std::size_t from,
                                      std::size_t to) const noexcept {
        Word& old_load = child.loads[from * child.stride];
        old_load = static_cast<Word>(old_load - packing<Word>::load(word(t, from)));
        Word& new_load = child.loads[to * child.stride];
        new_load = static_cast<Word>(new_load + packing<Word>::load(word(t, to)));
        child.chunks[t / chunk_genes].set(t % chunk_genes, static_cast<std::uint16_t>(to));
    }

    const generation_rules& rules_;
    const listed_table<Word>& p_;
    bool excess_first_;
};

/// Summary of a population; merging is associative and commutative.
struct population_summary {
    member_value best{};
    std::uint32_t best_member = 0;
    std::uint32_t members = 0;
    std::uint32_t feasible = 0;
    std::uint64_t cost_low = 0;  // sums of the lower and upper halves of costs
    std::uint64_t cost_high = 0;

    [[nodiscard]] BERTH_HD static constexpr population_summary of(const member_value& value,
                                                                  std::uint32_t member) noexcept {
        const auto cost = static_cast<std::uint64_t>(value.cost);
        return {value, member, 1, value.excess == 0 ? 1U : 0U, cost & 0xffffffffU, cost >> 32U};
    }
    [[nodiscard]] BERTH_HD constexpr double mean_cost() const noexcept {
        return (static_cast<double>(cost_high) * 0x1p32 + static_cast<double>(cost_low)) / static_cast<double>(members);
    }
};

struct merge_summaries {
    [[nodiscard]] BERTH_HD constexpr population_summary operator()(const population_summary& a,
                                                                   const population_summary& b) const noexcept {
        if (a.members == 0) return b;
        if (b.members == 0) return a;
        const bool second = lower(b.best, a.best) || (b.best == a.best && b.best_member < a.best_member);
        return {second ? b.best : a.best, second ? b.best_member : a.best_member,
                a.members + b.members,    a.feasible + b.feasible,
                a.cost_low + b.cost_low,  a.cost_high + b.cost_high};
    }
};

}  // namespace berth::inline v0::detail::evolution
