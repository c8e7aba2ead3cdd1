// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/resources.hpp"
#include "berth/objective/concepts.hpp"

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>

namespace berth::inline v0 {

/// The distance of two nodes by their domains: 0 within one domain of level 0 (a rack, a location), 1 within one of
/// level 1 (a row, a neighbourhood), and so on.
struct domain_distance {
    const berth::fleet* machines;  ///< outlives the objective
    amount apart = 2;              ///< the distance of nodes without a common domain

    /// The distance. O(domains of the two nodes).
    [[nodiscard]] amount operator()(node_index a, node_index b) const noexcept {
        if (a == b) return 0;
        const std::span<const domain_index> of_a = machines->domains(a);
        const std::span<const domain_index> of_b = machines->domains(b);
        std::size_t i = 0;
        std::size_t j = 0;
        while (i < of_a.size() && j < of_b.size()) {
            if (of_a[i] == of_b[j]) return static_cast<amount>(machines->level(of_a[i]));
            const std::size_t level_a = machines->level(of_a[i]);
            const std::size_t level_b = machines->level(of_b[j]);
            if (level_a <= level_b) ++i;
            if (level_b <= level_a) ++j;
        }
        return apart;
    }
};

/// A matrix of costs, from the row's node to the column's.
struct matrix_distance {
    matrix_view<const amount> costs;  ///< nodes x nodes; outlives the objective

    /// The entry.
    [[nodiscard]] amount operator()(node_index from, node_index to) const noexcept {
        return costs(from.value(), to.value());
    }
};

static_assert(node_distance<domain_distance> && node_distance<matrix_distance>);

/// The cost of the moves from the initial placement by pairs of nodes: the sum of `distance(initial node, node)` over
/// all tasks that are placed initially and assigned to another slot, `distance(n, n)` for one on the same node. A task
/// that is unplaced initially or left out costs nothing. Exact for distances that are integers; deterministic. A delta
/// is O(moves). The machine move cost of the ROADEF/EURO challenge 2012.
template <node_distance Distance = domain_distance>
struct move_distance {
    std::span<const slot> initial;  ///< a slot or `unplaced` for each task; outlives the objective
    Distance distance;              ///< a `node_distance`

    /// The term in plans and in the self-check.
    [[nodiscard]] static constexpr const char* name() noexcept { return "move distance"; }

    /// The state of a run, see `term_state`.
    class state {
    public:
        /// Made by `prepare`.
        state(const move_distance& term, std::span<const slot> start) : term_{term} {
            BERTH_ASSERT(term.initial.size() == start.size(), "berth: the initial placement has a slot for every task");
            for (std::size_t t = 0; t < start.size(); ++t) value_ += of(task_index{t}, start[t]);
        }
        /// Over the assignment as it stands. O(1).
        [[nodiscard]] double value() const noexcept { return static_cast<double>(value_); }
        /// The change of the value if these moves happened at once.
        [[nodiscard]] double delta(task_moves all) const { return static_cast<double>(change(all)); }
        /// Carries the moves out.
        void apply(task_moves all) { value_ += change(all); }

    private:
        using sum = std::conditional_t<std::integral<std::invoke_result_t<const Distance&, node_index, node_index>>,
                                       amount, double>;

        [[nodiscard]] sum of(task_index t, const slot& where) const {
            const slot& before = term_.initial[t.value()];
            if (!before.placed() || !where.placed() || before == where) return sum{};
            return static_cast<sum>(term_.distance(before.node, where.node));
        }
        [[nodiscard]] sum change(task_moves all) const {
            sum total{};
            for (const task_move& r : all) total += of(r.task, r.to) - of(r.task, r.from);
            return total;
        }

        move_distance term_;
        sum value_{};
    };
    /// The state of a run that starts with this assignment; allocates all its memory here. O(tasks + fleet).
    [[nodiscard]] state prepare(const problem&, std::span<const slot> start) const { return {*this, start}; }
};
template <class Distance>
move_distance(std::span<const slot>, Distance) -> move_distance<Distance>;

static_assert(term<move_distance<>> && term<move_distance<matrix_distance>>);

}  // namespace berth::inline v0
