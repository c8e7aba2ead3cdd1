// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/objective/concepts.hpp"

#include <span>

namespace berth::inline v0 {

/// Every move costs one.
struct each_move {
    [[nodiscard]] constexpr double operator()(task_index) const noexcept { return 1.0; }
};

/// A move costs what the caller says of the task.
struct move_weights {
    std::span<const double> weights;  ///< one for each task; outlives the objective

    [[nodiscard]] double operator()(task_index t) const noexcept { return weights[t.value()]; }
};

/// A move costs the bytes of state that it carries.
struct move_bytes {
    const berth::workload* tasks;

    [[nodiscard]] double operator()(task_index t) const noexcept { return static_cast<double>(tasks->state_bytes(t)); }
};

/// What it takes to get from the initial placement to the assignment: the weights of all tasks that run somewhere and are
/// assigned to another slot, or left out. The *initial* placement stays what it is during a search, wherever the search
/// starts. A task that does not run yet has nothing to move. A delta is O(moves).
template <class Weight = each_move>
struct move_cost {
    std::span<const slot> initial;  ///< a slot or `unplaced` for each task; outlives the objective
    Weight weight{};

    [[nodiscard]] static constexpr const char* name() noexcept { return "move cost"; }

    class state {
    public:
        state(const move_cost& term, std::span<const slot> start) : term_{term} {
            BERTH_ASSERT(term.initial.size() == start.size(), "berth: an initial slot for every task");
            for (std::size_t t = 0; t < start.size(); ++t) value_ += of(task_index{t}, start[t]);
        }
        [[nodiscard]] double value() const noexcept { return value_; }
        [[nodiscard]] double delta(task_moves all) const {
            double change = 0.0;
            for (const task_move& r : all) change += of(r.task, r.to) - of(r.task, r.from);
            return change;
        }
        void apply(task_moves all) { value_ += delta(all); }

    private:
        [[nodiscard]] double of(task_index t, const slot& where) const {
            const slot& home = term_.initial[t.value()];
            return home.placed() && !(home == where) ? static_cast<double>(term_.weight(t)) : 0.0;
        }

        move_cost term_;
        double value_ = 0.0;
    };
    [[nodiscard]] state prepare(const problem&, std::span<const slot> start) const { return {*this, start}; }
};
move_cost(std::span<const slot>) -> move_cost<>;
template <class Weight>
move_cost(std::span<const slot>, Weight) -> move_cost<Weight>;

static_assert(term<move_cost<>> && term<move_cost<move_weights>>);

/// How many tasks have no place, each counted with its weight. Usually a tier of its own, before costs.
template <class Weight = each_move>
struct left_out {
    Weight weight{};

    [[nodiscard]] static constexpr const char* name() noexcept { return "left out"; }

    class state {
    public:
        state(const Weight& weight, std::span<const slot> start) : weight_{weight} {
            for (std::size_t t = 0; t < start.size(); ++t) value_ += of(task_index{t}, start[t]);
        }
        [[nodiscard]] double value() const noexcept { return value_; }
        [[nodiscard]] double delta(task_moves all) const {
            double change = 0.0;
            for (const task_move& r : all) change += of(r.task, r.to) - of(r.task, r.from);
            return change;
        }
        void apply(task_moves all) { value_ += delta(all); }

    private:
        [[nodiscard]] double of(task_index t, const slot& where) const {
            return where.placed() ? 0.0 : static_cast<double>(weight_(t));
        }

        Weight weight_;
        double value_ = 0.0;
    };
    [[nodiscard]] state prepare(const problem&, std::span<const slot> start) const { return {weight, start}; }
};

left_out() -> left_out<>;
template <class Weight>
left_out(Weight) -> left_out<Weight>;

static_assert(term<left_out<>>);

}  // namespace berth::inline v0
