// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/objective/concepts.hpp"
#include "berth/objective/detail/maximum_tree.hpp"
#include "berth/objective/terms/move_cost.hpp"

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>

namespace berth::inline v0 {

/// The largest `move_cost` of any one group, as a number of tasks or by weight, so that the moves of a service are
/// spread over several rounds. Tasks without group do not count. The service move cost of the ROADEF/EURO challenge
/// 2012.
///
/// Exact for integers, and for doubles that are integers; deterministic. A delta is O(1); where the largest group
/// falls, it searches a tree, O(log groups) in the usual case.
template <class Weight = each_move>
struct group_move_peak {
    std::span<const slot> initial;  ///< a slot or `unplaced` for each task; outlives the objective
    Weight weight{};                ///< cost of moving one task, as for `move_cost`

    /// The term in plans and in the self-check.
    [[nodiscard]] static constexpr const char* name() noexcept { return "group move peak"; }

    /// The state of a run, see `term_state`.
    class state {
    public:
        /// Made by `prepare`.
        state(const group_move_peak& term, const problem& p, std::span<const slot> start)
            : term_{term}, tasks_{&p.workload()}, moved_{counted(start)} {}

        /// Over the assignment as it stands. O(1).
        [[nodiscard]] double value() const noexcept { return static_cast<double>(moved_.top()); }
        /// The change of the value if these moves happened at once.
        [[nodiscard]] double delta(task_moves all) const {
            sum highest{};
            bool lowers = false;
            for (std::size_t i = 0; i < all.size(); ++i) {
                const group_index g = tasks_->group(all[i].task);
                if (!g.valid() || contains(all.first(i), g)) continue;
                sum change = of(all[i].task, all[i].to) - of(all[i].task, all[i].from);
                for (std::size_t j = i + 1; j < all.size(); ++j) {
                    if (tasks_->group(all[j].task) != g) continue;
                    change += of(all[j].task, all[j].to) - of(all[j].task, all[j].from);
                }
                highest = moved_.higher(highest, moved_[g.value()] + change);
                lowers = lowers || (change < sum{} && !(moved_[g.value()] < moved_.top()));
            }
            if (highest < moved_.top()) {
                highest =
                    lowers ? moved_.top_without(highest, [&](std::size_t g) { return contains(all, group_index{g}); })
                           : moved_.top();
            }
            return static_cast<double>(highest - moved_.top());
        }
        /// Carries the moves out.
        void apply(task_moves all) {
            for (const task_move& r : all) {
                const group_index g = tasks_->group(r.task);
                const sum change = of(r.task, r.to) - of(r.task, r.from);
                if (g.valid() && change != sum{}) moved_.set(g.value(), moved_[g.value()] + change);
            }
        }

    private:
        using sum = std::conditional_t<std::integral<std::invoke_result_t<const Weight&, task_index>>, amount, double>;

        [[nodiscard]] sum of(task_index t, const slot& where) const {
            const slot& before = term_.initial[t.value()];
            return before.placed() && !(before == where) ? static_cast<sum>(term_.weight(t)) : sum{};
        }
        [[nodiscard]] bool contains(task_moves some, group_index g) const {
            for (const task_move& r : some) {
                if (tasks_->group(r.task) == g) return true;
            }
            return false;
        }
        [[nodiscard]] detail::flat<sum> counted(std::span<const slot> start) const {
            BERTH_ASSERT(term_.initial.size() == start.size(),
                         "berth: the initial placement has a slot for every task");
            detail::flat<sum> moved(tasks_->group_count(), sum{});
            for (std::size_t t = 0; t < start.size(); ++t) {
                const group_index g = tasks_->group(task_index{t});
                if (g.valid()) moved[g.value()] += of(task_index{t}, start[t]);
            }
            return moved;
        }

        group_move_peak term_;
        const workload* tasks_;
        detail::maximum_tree<sum> moved_;  // per group
    };
    /// The state of a run that starts with this assignment; allocates all its memory here. O(tasks + fleet).
    [[nodiscard]] state prepare(const problem& p, std::span<const slot> start) const { return {*this, p, start}; }
};
group_move_peak(std::span<const slot>) -> group_move_peak<>;
template <class Weight>
group_move_peak(std::span<const slot>, Weight) -> group_move_peak<Weight>;

static_assert(term<group_move_peak<>> && term<group_move_peak<move_weights>>);

}  // namespace berth::inline v0
