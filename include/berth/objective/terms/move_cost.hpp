// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/objective/concepts.hpp"

#include <span>

namespace berth::inline v0 {

/// Every move costs one.
struct each_move {
    /// 1.
    [[nodiscard]] constexpr double operator()(task_index) const noexcept { return 1.0; }
};

/// A move costs the task's weight.
struct move_weights {
    std::span<const double> weights;  ///< one for each task; outlives the objective

    /// The weight.
    [[nodiscard]] double operator()(task_index t) const noexcept { return weights[t.value()]; }
};

/// A move costs the bytes of the task's state.
struct move_bytes {
    const berth::workload* tasks;  ///< outlives the objective

    /// The bytes.
    [[nodiscard]] double operator()(task_index t) const noexcept { return static_cast<double>(tasks->state_bytes(t)); }
};

/// The weights of all tasks that are placed initially and are assigned to another slot, or left out. The initial
/// placement does not change during a search, wherever the search starts. A task that is unplaced initially costs
/// nothing. A delta is O(moves).
template <class Weight = each_move>
struct move_cost {
    std::span<const slot> initial;  ///< a slot or `unplaced` for each task; outlives the objective
    Weight weight{};                ///< cost of moving one task, a number of `task_index`

    /// The term in plans and in the self-check.
    [[nodiscard]] static constexpr const char* name() noexcept { return "move cost"; }

    /// The state of a run, see `term_state`.
    class state {
    public:
        /// Made by `prepare`.
        state(const move_cost& term, std::span<const slot> start) : term_{term} {
            BERTH_ASSERT(term.initial.size() == start.size(), "berth: the initial placement has a slot for every task");
            for (std::size_t t = 0; t < start.size(); ++t) value_ += of(task_index{t}, start[t]);
        }
        /// Over the assignment as it stands. O(1).
        [[nodiscard]] double value() const noexcept { return value_; }
        /// The change of the value if these moves happened at once.
        [[nodiscard]] double delta(task_moves all) const {
            double change = 0.0;
            for (const task_move& r : all) change += of(r.task, r.to) - of(r.task, r.from);
            return change;
        }
        /// Carries the moves out.
        void apply(task_moves all) { value_ += delta(all); }

    private:
        [[nodiscard]] double of(task_index t, const slot& where) const {
            const slot& before = term_.initial[t.value()];
            return before.placed() && !(before == where) ? static_cast<double>(term_.weight(t)) : 0.0;
        }

        move_cost term_;
        double value_ = 0.0;
    };
    /// The state of a run that starts with this assignment; allocates all its memory here. O(tasks + fleet).
    [[nodiscard]] state prepare(const problem&, std::span<const slot> start) const { return {*this, start}; }
};
move_cost(std::span<const slot>) -> move_cost<>;
template <class Weight>
move_cost(std::span<const slot>, Weight) -> move_cost<Weight>;

static_assert(term<move_cost<>> && term<move_cost<move_weights>>);

/// The weights of all tasks without a slot. Usually a tier of its own, before costs. A delta is O(moves).
template <class Weight = each_move>
struct left_out {
    Weight weight{};  ///< cost of leaving one task out, a number of `task_index`

    /// The term in plans and in the self-check.
    [[nodiscard]] static constexpr const char* name() noexcept { return "left out"; }

    /// The state of a run, see `term_state`.
    class state {
    public:
        /// Made by `prepare`.
        state(const Weight& weight, std::span<const slot> start) : weight_{weight} {
            for (std::size_t t = 0; t < start.size(); ++t) value_ += of(task_index{t}, start[t]);
        }
        /// Over the assignment as it stands. O(1).
        [[nodiscard]] double value() const noexcept { return value_; }
        /// The change of the value if these moves happened at once.
        [[nodiscard]] double delta(task_moves all) const {
            double change = 0.0;
            for (const task_move& r : all) change += of(r.task, r.to) - of(r.task, r.from);
            return change;
        }
        /// Carries the moves out.
        void apply(task_moves all) { value_ += delta(all); }

    private:
        [[nodiscard]] double of(task_index t, const slot& where) const {
            return where.placed() ? 0.0 : static_cast<double>(weight_(t));
        }

        Weight weight_;
        double value_ = 0.0;
    };
    /// The state of a run that starts with this assignment; allocates all its memory here. O(tasks + fleet).
    [[nodiscard]] state prepare(const problem&, std::span<const slot> start) const { return {weight, start}; }
};

left_out() -> left_out<>;
template <class Weight>
left_out(Weight) -> left_out<Weight>;

static_assert(term<left_out<>>);

}  // namespace berth::inline v0
