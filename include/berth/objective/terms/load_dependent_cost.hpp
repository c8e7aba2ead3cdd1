// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/cost/divisible/load_cost.hpp"
#include "berth/objective/concepts.hpp"
#include "berth/objective/terms/gpu_loads.hpp"

#include <cstddef>
#include <span>

namespace berth::inline v0 {

/// The published state-dependent cost, sum of C_i * P_a(i): every GPU's load P times the execution costs C of its tasks
/// (`load_cost` names the source). A task with several GPUs counts on each of them. A delta is O(GPUs of the slots).
struct load_dependent_cost {
    const load_cost* model;  ///< outlives the objective

    /// The term in plans and in the self-check.
    [[nodiscard]] static constexpr const char* name() noexcept { return "load-dependent cost"; }

    /// The state of a run, see `term_state`.
    class state {
    public:
        /// Made by `prepare`.
        state(const load_cost& model, const problem& p, std::span<const slot> start)
            : model_{&model}, machines_{&p.fleet()} {
            for (std::size_t g = 0; g < model.gpus().size(); ++g) {
                places_.push_back({.micro = model.gpus()[g].load * 1000, .execution = 0.0});
            }
            for (std::size_t t = 0; t < start.size(); ++t) {
                const task_move arrival{task_index{t}, unplaced, start[t]};
                apply({&arrival, 1});
            }
        }
        /// Over the assignment as it stands. O(1).
        [[nodiscard]] double value() const noexcept { return value_; }
        /// The change of the value if these moves happened at once.
        [[nodiscard]] double delta(task_moves all) const {
            double change = 0.0;
            for (std::size_t i = 0; i < all.size(); ++i) {
                each_gpu(all[i], [&](std::size_t g, amount, double) {
                    for (std::size_t j = 0; j < i; ++j) {
                        bool seen = false;
                        each_gpu(all[j], [&](std::size_t other, amount, double) { seen = seen || other == g; });
                        if (seen) return;
                    }
                    place after = places_[g];
                    for (std::size_t j = i; j < all.size(); ++j) {
                        each_gpu(all[j], [&](std::size_t other, amount micro, double execution) {
                            if (other != g) return;
                            after.micro += micro;
                            after.execution += execution;
                        });
                    }
                    change += of(g, after) - of(g, places_[g]);
                });
            }
            return change;
        }
        /// Carries the moves out.
        void apply(task_moves all) {
            for (const task_move& r : all) {
                each_gpu(r, [this](std::size_t g, amount micro, double execution) {
                    value_ -= of(g, places_[g]);
                    places_[g].micro += micro;
                    places_[g].execution += execution;
                    value_ += of(g, places_[g]);
                });
            }
        }

    private:
        struct place {
            amount micro;      // P in millionths
            double execution;  // sum of C
        };
        [[nodiscard]] double of(std::size_t g, const place& at) const noexcept {
            if (model_->measure() == load_measure::absolute) return at.execution * static_cast<double>(at.micro) * 1e-6;
            const amount most = model_->gpus()[g].max_load * 1000;
            return at.execution * (static_cast<double>(at.micro) / static_cast<double>(most > 0 ? most : 1));
        }
        template <class F>
        void each_gpu(const task_move& r, const F& f) const {
            const detail::gpus_touched gpus{r};
            const load_task& task = model_->task(r.task);
            const auto each = [&](node_index n, gpu_mask rest, amount sign) {
                for (; rest != 0; rest &= rest - 1) {
                    const gpu_index g = machines_->gpu(n, lowest_gpu(rest));
                    f(g.value(), sign * task.load * model_->gpu(g).available_time,
                      static_cast<double>(sign) * task.execution_cost);
                }
            };
            each(r.from.node, gpus.left, -1);
            each(r.to.node, gpus.taken, +1);
        }

        const load_cost* model_;
        const fleet* machines_;
        detail::flat<place> places_;
        double value_ = 0.0;
    };
    /// The state of a run that starts with this assignment; allocates all its memory here. O(tasks + fleet).
    [[nodiscard]] state prepare(const problem& p, std::span<const slot> start) const { return {*model, p, start}; }
};

static_assert(term<load_dependent_cost>);

}  // namespace berth::inline v0
