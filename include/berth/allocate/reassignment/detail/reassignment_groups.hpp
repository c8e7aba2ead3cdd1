// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/reassignment/reassignment_problem.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// The constraints between tasks of a reassignment: conflicts, spread and dependencies. `where` is the node of each
/// task.
class reassignment_groups {
public:
    explicit reassignment_groups(const reassignment_problem& p);

    [[nodiscard]] std::uint32_t of(task_index t) const noexcept { return group_of_[t.value()]; }
    [[nodiscard]] bool is_constrained(std::uint32_t g) const noexcept { return constrained_[g] != 0; }
    /// True if a task of the group is on the node; false for groups of one task, which is not tracked.
    [[nodiscard]] bool meets(std::uint32_t g, node_index n) const noexcept {
        const std::size_t first = group_bits_[g];
        return first != none && (bits_[first + n.value() / 64] >> (n.value() % 64) & 1U) != 0;
    }
    /// -1 if the task shares its node with another of its group, else 0. O(1) unless a start, or a swap that is half
    /// done, had such tasks.
    [[nodiscard]] std::int64_t leaving_a_conflict(task_index t, std::span<const node_index> where) const noexcept {
        return met_[of(t)] != 0 && shares_node(t, where[t.value()], where) ? -1 : 0;
    }
    /// By how much violations of spread and dependencies change if a task of the group moves. O(dependencies of the
    /// group).
    [[nodiscard]] std::int64_t spread_and_dependencies(std::uint32_t g, node_index from, node_index to) const noexcept {
        if (constrained_[g] == 0) return 0;
        std::int64_t change = 0;
        const std::size_t locations = location_counts_at_[g];
        if (locations != none) {
            const std::uint32_t lose = location_[from.value()];
            const std::uint32_t gain = location_[to.value()];
            if (lose != gain) {
                const std::int64_t least = least_spread_[g];
                const std::int64_t before = spread_[g];
                const std::int64_t after =
                    before - (counts_[locations + lose] == 1 ? 1 : 0) + (counts_[locations + gain] == 0 ? 1 : 0);
                change += (after < least ? least - after : 0) - (before < least ? least - before : 0);
            }
        }
        const std::size_t neighbourhoods = neighbourhood_counts_at_[g];
        const std::uint32_t lose = neighbourhood_[from.value()];
        const std::uint32_t gain = neighbourhood_[to.value()];
        if (neighbourhoods == none || lose == gain) return change;
        if (counts_[neighbourhoods + gain] == 0) change += lacking(g, gain) - lacked_by(g, gain);
        if (counts_[neighbourhoods + lose] == 1) change += lacked_by(g, lose) - lacking(g, lose);
        return change;
    }

    /// Enters a task of a start; `where` ends before it. Returns 1 if it meets another of its group.
    [[nodiscard]] std::int64_t enter(task_index t, node_index to) noexcept {
        const std::uint32_t g = of(t);
        const bool conflict = meets(g, to);
        if (conflict) met_[g] = 1;
        mark(g, to, true);
        if (location_counts_at_[g] != none && ++counts_[location_counts_at_[g] + location_[to.value()]] == 1)
            ++spread_[g];
        if (neighbourhood_counts_at_[g] != none) ++counts_[neighbourhood_counts_at_[g] + neighbourhood_[to.value()]];
        return conflict ? 1 : 0;
    }
    /// Violations of spread and dependencies, once every task has entered.
    [[nodiscard]] std::int64_t missing() const noexcept {
        std::int64_t violations = 0;
        for (std::uint32_t g = 0; g < problem_->group_count(); ++g) {
            if (location_counts_at_[g] != none && spread_[g] < least_spread_[g])
                violations += least_spread_[g] - spread_[g];
            if (neighbourhood_counts_at_[g] == none) continue;
            for (std::uint32_t n = 0; n < problem_->neighbourhood_count(); ++n) {
                if (counts_[neighbourhood_counts_at_[g] + n] > 0) violations += lacking(g, n);
            }
        }
        return violations;
    }
    /// A task of the group goes from one node to another.
    void count(std::uint32_t g, node_index from, node_index to) noexcept {
        if (constrained_[g] == 0) return;
        const std::size_t locations = location_counts_at_[g];
        if (locations != none) {
            if (--counts_[locations + location_[from.value()]] == 0) --spread_[g];
            if (++counts_[locations + location_[to.value()]] == 1) ++spread_[g];
        }
        const std::size_t neighbourhoods = neighbourhood_counts_at_[g];
        if (neighbourhoods != none) {
            --counts_[neighbourhoods + neighbourhood_[from.value()]];
            ++counts_[neighbourhoods + neighbourhood_[to.value()]];
        }
    }
    /// After the task has gone.
    void mark_moved(task_index t, node_index from, node_index to, std::span<const node_index> where) noexcept {
        const std::uint32_t g = of(t);
        if (group_bits_[g] == none) return;
        mark(g, from, met_[g] != 0 && shares_node(t, from, where));
        if (meets(g, to)) met_[g] = 1;
        mark(g, to, true);
    }

private:
    static constexpr std::size_t none = ~std::size_t{0};

    void mark(std::uint32_t g, node_index n, bool here) noexcept {
        const std::size_t first = group_bits_[g];
        if (first == none) return;
        const std::uint64_t bit = std::uint64_t{1} << (n.value() % 64);
        std::uint64_t& word = bits_[first + n.value() / 64];
        word = here ? word | bit : word & ~bit;
    }
    /// True if another task of its group is on a node. O(tasks of the group).
    [[nodiscard]] bool shares_node(task_index t, node_index n, std::span<const node_index> where) const noexcept {
        for (const task_index other : problem_->members(problem_->group(t))) {
            if (!(other == t) && where[other.value()] == n) return true;
        }
        return false;
    }
    /// Number of groups that this one depends on and that are absent from a neighbourhood.
    [[nodiscard]] std::int64_t lacking(std::uint32_t g, std::uint32_t neighbourhood) const noexcept {
        std::int64_t groups = 0;
        for (const group_index on : problem_->dependencies(group_index{g}))
            groups += counts_[neighbourhood_counts_at_[on.value()] + neighbourhood] == 0 ? 1 : 0;
        return groups;
    }
    /// Number of groups in a neighbourhood that depend on this one.
    [[nodiscard]] std::int64_t lacked_by(std::uint32_t g, std::uint32_t neighbourhood) const noexcept {
        std::int64_t groups = 0;
        for (const group_index by : problem_->dependents(group_index{g}))
            groups += counts_[neighbourhood_counts_at_[by.value()] + neighbourhood] != 0 ? 1 : 0;
        return groups;
    }

    const reassignment_problem* problem_;
    flat<std::uint32_t> group_of_;
    flat<std::uint32_t> location_;
    flat<std::uint32_t> neighbourhood_;
    flat<std::size_t> group_bits_;  // where the nodes of a group begin in `bits_`; none for a group of one task
    flat<std::uint64_t> bits_;
    flat<std::uint8_t> met_;  // of each group: two of its tasks have been on one node
    flat<std::uint8_t> constrained_;
    flat<std::size_t> location_counts_at_;
    flat<std::size_t> neighbourhood_counts_at_;
    flat<std::uint32_t> counts_;  // tasks of a group in each location or neighbourhood
    flat<std::uint32_t> spread_;
    flat<std::uint32_t> least_spread_;
};

inline reassignment_groups::reassignment_groups(const reassignment_problem& p)
    : problem_{&p},
      group_bits_(p.group_count(), none),
      met_(p.group_count()),
      constrained_(p.group_count()),
      location_counts_at_(p.group_count(), none),
      neighbourhood_counts_at_(p.group_count(), none),
      spread_(p.group_count()),
      least_spread_(p.group_count()) {
    for (std::size_t n = 0; n < p.node_count(); ++n) {
        location_.push_back(p.location(node_index{n}));
        neighbourhood_.push_back(p.neighbourhood(node_index{n}));
    }
    for (std::size_t t = 0; t < p.task_count(); ++t)
        group_of_.push_back(static_cast<std::uint32_t>(p.group(task_index{t}).value()));
    std::size_t bits = 0;
    std::size_t counts = 0;
    for (std::size_t g = 0; g < p.group_count(); ++g) {
        const group_index group{g};
        const std::size_t size = p.members(group).size();
        if (size > 1) {
            group_bits_[g] = bits;
            bits += (p.node_count() + 63) / 64;
        }
        least_spread_[g] = static_cast<std::uint32_t>(p.spread(group));
        if (p.spread(group) > (size == 0 ? 0U : 1U)) {
            location_counts_at_[g] = counts;
            counts += p.location_count();
            constrained_[g] = 1;
        }
        if (!p.dependencies(group).empty() || !p.dependents(group).empty()) {
            neighbourhood_counts_at_[g] = counts;
            counts += p.neighbourhood_count();
            constrained_[g] = 1;
        }
    }
    bits_.resize(bits);
    counts_.resize(counts);
}

}  // namespace berth::inline v0::detail
