// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/cost/concepts.hpp"
#include "berth/model/fleet.hpp"
#include "berth/objective/concepts.hpp"

#include <span>

namespace berth::inline v0 {

/// The sum of c(task, GPU) over all GPUs of every task: the objective of the generalised assignment problem. A task
/// that is left out, or has no GPU, costs nothing; `left_out` counts the former. A delta is O(GPUs of the slots).
///
/// An infinite cost forbids a pair: it counts as `forbidden_cost`, so that a search avoids it, or leaves it if it
/// starts there; a value from `forbidden_cost` on tells that one is left. The sum of the other costs is kept apart.
template <pair_cost Cost>
struct assignment_cost_term {
    static constexpr double forbidden_cost = 1e30;  ///< of a pair of infinite cost

    Cost cost;  ///< per GPU, see `pair_cost`

    /// The term in plans and in the self-check.
    [[nodiscard]] static constexpr const char* name() noexcept { return "assignment cost"; }

    /// The state of a run, see `term_state`.
    class state {
    public:
        /// Made by `prepare`.
        state(const Cost& cost, const fleet& machines, std::span<const slot> start)
            : cost_{cost}, machines_{&machines} {
            for (std::size_t t = 0; t < start.size(); ++t) value_ += of(task_index{t}, start[t]);
        }
        /// Over the assignment as it stands. O(1).
        [[nodiscard]] double value() const noexcept { return value_.all(); }
        /// The change of the value if these moves happened at once.
        [[nodiscard]] double delta(task_moves all) const { return change(all).all(); }
        /// The same for one move between two GPUs.
        [[nodiscard]] double delta(const gpu_move& r) const {
            const double more = static_cast<double>(cost_(r.task, r.to));
            const double less = static_cast<double>(cost_(r.task, r.from));
            if (more < forbidden_cost && less < forbidden_cost) return more - less;
            return (of(more).forbidden - of(less).forbidden) * forbidden_cost;
        }
        /// Carries the moves out.
        void apply(task_moves all) { value_ += change(all); }

    private:
        /// Finite costs, and how many are forbidden.
        struct costs {
            double sum = 0.0;
            double forbidden = 0.0;

            [[nodiscard]] double all() const noexcept {
                return forbidden == 0.0 ? sum : sum + forbidden * forbidden_cost;
            }
            void operator+=(const costs& other) noexcept {
                sum += other.sum;
                forbidden += other.forbidden;
            }
        };

        [[nodiscard]] costs change(task_moves all) const {
            costs sum;
            for (const task_move& r : all) {
                const costs more = of(r.task, r.to);
                const costs less = of(r.task, r.from);
                sum += {more.sum - less.sum, more.forbidden - less.forbidden};
            }
            return sum;
        }
        [[nodiscard]] static costs of(double cost) noexcept {
            return cost < forbidden_cost ? costs{cost, 0.0} : costs{0.0, 1.0};
        }
        [[nodiscard]] costs of(task_index t, const slot& where) const {
            costs sum;
            for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1)
                sum += of(static_cast<double>(cost_(t, machines_->gpu(where.node, lowest_gpu(rest)))));
            return sum;
        }

        Cost cost_;
        const fleet* machines_;
        costs value_;
    };
    /// The state of a run that starts with this assignment; allocates all its memory here. O(tasks + fleet).
    [[nodiscard]] state prepare(const problem& p, std::span<const slot> start) const {
        return state{cost, p.fleet(), start};
    }
};
template <class Cost>
assignment_cost_term(Cost) -> assignment_cost_term<Cost>;

}  // namespace berth::inline v0
