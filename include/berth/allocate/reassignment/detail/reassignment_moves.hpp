// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/reassignment/reassignment_plan.hpp"
#include "berth/allocate/reassignment/reassignment_problem.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>

namespace berth::inline v0::detail {

/// The cost of moves of a reassignment: per task, per pair of nodes, and for the group with most moved tasks, whose
/// number is kept in O(1) by counting the groups with each number of moved tasks.
class reassignment_moves {
public:
    /// A task's old and new node, and the group it belongs to.
    struct change {
        std::size_t task;
        std::uint32_t group;
        node_index initial;
        node_index from;
        node_index to;

        /// +1 if the task leaves its initial node, -1 if it comes back.
        [[nodiscard]] int moved() const noexcept { return (to == initial ? 0 : 1) - (from == initial ? 0 : 1); }
    };

    explicit reassignment_moves(const reassignment_problem& p)
        : problem_{&p},
          moved_(p.group_count()),
          group_weight_{static_cast<double>(p.group_weight())},
          pair_weight_{static_cast<double>(p.pair_weight())} {
        std::size_t largest = 0;
        for (std::size_t g = 0; g < p.group_count(); ++g) {
            const std::size_t size = p.members(group_index{g}).size();
            largest = size > largest ? size : largest;
        }
        groups_with_.resize(largest + 2);
        groups_with_[0] = static_cast<std::uint32_t>(p.group_count());
        for (std::size_t t = 0; t < p.task_count(); ++t)
            move_cost_.push_back(static_cast<double>(p.task_weight()) *
                                 static_cast<double>(p.move_cost(task_index{t})));
    }

    [[nodiscard]] double shift_delta(const change& c) const noexcept {
        const int moved = c.moved();
        const double pair = pair_delta(c);
        return moved == 0 ? pair : pair + moved * move_cost_[c.task] + group_weight_ * most_delta(c.group, moved);
    }
    [[nodiscard]] double swap_delta(const change& c, const change& d) const noexcept {
        const int first = c.moved();
        const int second = d.moved();
        const double pair = pair_delta(c) + pair_delta(d);
        if (first == 0 && second == 0) return pair;
        const int most = second == 0  ? most_delta(c.group, first)
                         : first == 0 ? most_delta(d.group, second)
                                      : most_delta(c.group, first, d.group, second);
        return pair + first * move_cost_[c.task] + second * move_cost_[d.task] + group_weight_ * most;
    }
    void carry_out(const change& c) noexcept {
        pair_cost_ += pair_delta(c);
        const int moved = c.moved();
        if (moved == 0) return;
        task_cost_ += moved * move_cost_[c.task];
        std::uint32_t& count = moved_[c.group];
        --groups_with_[count];
        count += static_cast<std::uint32_t>(moved);
        ++groups_with_[count];
        if (count > most_moved_) most_moved_ = count;
        while (most_moved_ > 0 && groups_with_[most_moved_] == 0) --most_moved_;
    }

    [[nodiscard]] double task_cost() const noexcept { return task_cost_; }
    [[nodiscard]] double pair_cost() const noexcept { return pair_cost_; }
    [[nodiscard]] double group_cost() const noexcept { return group_weight_ * static_cast<double>(most_moved_); }
    void add_cost(reassignment_cost& parts) const noexcept {
        parts.tasks += static_cast<amount>(task_cost_);
        parts.groups += problem_->group_weight() * static_cast<amount>(most_moved_);
        parts.pairs += static_cast<amount>(pair_cost_);
    }

private:
    /// By how much the largest number of moved tasks grows if one more or one less task of a group is moved.
    [[nodiscard]] int most_delta(std::uint32_t g, int moved) const noexcept {
        if (moved_[g] != most_moved_) return 0;
        return moved > 0 ? 1 : groups_with_[most_moved_] == 1 ? -1 : 0;
    }
    /// The same for a task of each of two groups, or two tasks of one.
    [[nodiscard]] int most_delta(std::uint32_t g, int first, std::uint32_t h, int second) const noexcept {
        const bool g_most = moved_[g] == most_moved_;
        const bool h_most = moved_[h] == most_moved_;
        if (g == h) {
            if (first + second == 0) return 0;
            if (first > 0) return g_most ? 2 : moved_[g] + 1 == most_moved_ ? 1 : 0;
            return !g_most || groups_with_[most_moved_] > 1 ? 0 : groups_with_[most_moved_ - 1] > 0 ? -1 : -2;
        }
        if ((first > 0 && g_most) || (second > 0 && h_most)) return 1;
        const std::uint32_t fewer = (first < 0 && g_most ? 1U : 0U) + (second < 0 && h_most ? 1U : 0U);
        if (fewer == 0 || fewer < groups_with_[most_moved_]) return 0;
        const bool reached =
            (first > 0 && moved_[g] + 1 == most_moved_) || (second > 0 && moved_[h] + 1 == most_moved_);
        return reached ? 0 : -1;
    }
    /// A task on its initial node costs nothing, whatever the table has there.
    [[nodiscard]] double pair_cost_of(node_index initial, node_index to) const noexcept {
        return to == initial ? 0.0 : static_cast<double>(problem_->pair_cost(initial, to));
    }
    [[nodiscard]] double pair_delta(const change& c) const noexcept {
        return pair_weight_ * (pair_cost_of(c.initial, c.to) - pair_cost_of(c.initial, c.from));
    }

    const reassignment_problem* problem_;
    flat<double> move_cost_;
    flat<std::uint32_t> moved_;        // tasks of each group
    flat<std::uint32_t> groups_with_;  // groups with each number of moved tasks
    std::uint32_t most_moved_ = 0;
    double task_cost_ = 0.0;
    double pair_cost_ = 0.0;
    double group_weight_ = 0.0;
    double pair_weight_ = 0.0;
};

}  // namespace berth::inline v0::detail
