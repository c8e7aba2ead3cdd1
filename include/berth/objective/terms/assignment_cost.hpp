// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/cost/concepts.hpp"
#include "berth/model/fleet.hpp"
#include "berth/objective/concepts.hpp"

#include <span>

namespace berth::inline v0 {

/// The sum of c(task, GPU) over all GPUs of every task: the objective of the generalised assignment problem. A task
/// that is left out, or has no GPU, costs nothing; `left_out` counts the former. A delta is O(GPUs of the slots).
template <pair_cost Cost>
struct assignment_cost_term {
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
        [[nodiscard]] double value() const noexcept { return value_; }
        /// The change of the value if these moves happened at once.
        [[nodiscard]] double delta(task_moves all) const {
            double change = 0.0;
            for (const task_move& r : all) change += of(r.task, r.to) - of(r.task, r.from);
            return change;
        }
        /// The same for one move between two GPUs.
        [[nodiscard]] double delta(const gpu_move& r) const {
            return static_cast<double>(cost_(r.task, r.to)) - static_cast<double>(cost_(r.task, r.from));
        }
        /// Carries the moves out.
        void apply(task_moves all) { value_ += delta(all); }

    private:
        [[nodiscard]] double of(task_index t, const slot& where) const {
            double sum = 0.0;
            for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
                sum += static_cast<double>(cost_(t, machines_->gpu(where.node, lowest_gpu(rest))));
            }
            return sum;
        }

        Cost cost_;
        const fleet* machines_;
        double value_ = 0.0;
    };
    /// The state of a run that starts with this assignment; allocates all its memory here. O(tasks + fleet).
    [[nodiscard]] state prepare(const problem& p, std::span<const slot> start) const {
        return state{cost, p.fleet(), start};
    }
};
template <class Cost>
assignment_cost_term(Cost) -> assignment_cost_term<Cost>;

}  // namespace berth::inline v0
