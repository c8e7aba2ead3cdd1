// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/allocate/genetic/concepts.hpp"
#include "berth/allocate/genetic/detail/overload_penalty.hpp"
#include "berth/allocate/genetic/individual.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/random.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>

namespace berth::inline v0 {

// When to use which:
//
//   price_repair   the default: moves tasks until a child is feasible; for tight capacities
//   penalty_only   textbook: excess has a fixed penalty, and infeasible members stay in the population
//   no_repair      less excess always comes first; for loose capacities

namespace detail {

/// Any excess is worse than any cost, more is worse than less.
[[nodiscard]] inline double excess_first(double cost, amount excess) noexcept {
    constexpr double beyond_all_costs = 1e300;
    return excess == 0 ? cost : beyond_all_costs + static_cast<double>(excess) * 1e284;
}

}  // namespace detail

/// Compares excess first, then cost; the costs of members with excess do not count.
struct no_repair {
    /// The value of a member with this cost and excess; lower is better.
    [[nodiscard]] double value(double cost, amount excess) const noexcept { return detail::excess_first(cost, excess); }
};

/// A fixed penalty for every unit of excess.
struct penalty_only {
    double per_unit =
        0.0;  ///< 0: twice the average range of a task's costs per unit of load, so that excess rarely pays

    /// Tables and scratch memory of one island and one run.
    class state {
    public:
        /// Allocates all memory of the state.
        state(const penalty_only& r, const priced_problem& p) : per_unit_{r.per_unit} {
            if (per_unit_ > 0.0) return;
            double range = 0.0;
            double load = 0.0;
            for (std::size_t t = 0; t < p.tasks(); ++t) {
                double least = p.cost(t, 0);
                double most = least;
                for (std::size_t g = 0; g < p.gpus(); ++g) {
                    least = p.cost(t, g) < least ? p.cost(t, g) : least;
                    most = p.cost(t, g) > most ? p.cost(t, g) : most;
                    load += static_cast<double>(p.load(t, g)) / static_cast<double>(p.gpus());
                }
                range += most - least;
            }
            per_unit_ = load > 0.0 && range > 0.0 ? 2.0 * range / load : 1.0;
        }
        /// The value of a member with this cost and excess; lower is better.
        [[nodiscard]] double value(double cost, amount excess) const noexcept {
            return cost + per_unit_ * static_cast<double>(excess);
        }

    private:
        double per_unit_;
    };
    /// Makes the state of one island and one run.
    [[nodiscard]] state prepare(const priced_problem& p) const { return {*this, p}; }
};

/// Moves tasks from overloaded GPUs to GPUs of their short lists, alone or in exchange with another task. A step takes
/// the cheapest of these moves for the tasks of one overloaded GPU, chosen at random, by reduced cost and by a penalty
/// of overload that rises while a GPU stays overloaded. A moved task stays put for a few steps. Members that still have
/// excess rank last.
///
/// A step is O(candidates × (tasks / GPUs)²). Deterministic.
struct price_repair {
    std::size_t max_steps = 500;  ///< moves and swaps

    /// Tables and scratch memory of one island and one run.
    class state {
    public:
        /// Allocates all memory of the state.
        state(const price_repair& r, const priced_problem& p)
            : max_steps_{r.max_steps}, p_{&p}, overload_{p}, rests_until_(p.tasks()) {
            overloaded_.reserve(p.gpus());
        }

        /// The value of a member with this cost and excess; lower is better.
        [[nodiscard]] double value(double cost, amount excess) const noexcept {
            return detail::excess_first(cost, excess);
        }

        /// Moves tasks until no GPU is overloaded, or `max_steps` are done; returns the number of moves evaluated.
        std::uint64_t operator()(individual& i, xoshiro256& random) {
            if (i.excess() == 0) return 0;
            overload_.reset();
            for (std::size_t& until : rests_until_) until = 0;
            std::uint64_t evaluations = 0;
            for (std::size_t round = 1; round <= max_steps_ && i.excess() > 0; ++round) {
                overloaded_.clear();
                for (std::size_t g = 0; g < i.gpus(); ++g) {
                    if (i.room(g) < 0) overloaded_.push_back(static_cast<std::uint32_t>(g));
                }
                const std::size_t from = overloaded_[bounded(random, static_cast<std::uint32_t>(overloaded_.size()))];
                const step best = best_step(i, from, round, evaluations);
                for (const std::size_t g : overloaded_) overload_.raise(g, 1.25);
                if (best.task == none) continue;
                i.move_task(best.task, best.to);
                rests_until_[best.task] = round + 4 + bounded(random, 8);
                if (best.other == none) continue;
                i.move_task(best.other, from);
                rests_until_[best.other] = round + 4 + bounded(random, 8);
            }
            return evaluations;
        }

    private:
        static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();
        struct step {
            double delta = std::numeric_limits<double>::infinity();
            std::size_t task = none;
            std::size_t to = none;
            std::size_t other = none;
        };

        [[nodiscard]] step best_step(const individual& i, std::size_t from, std::size_t round,
                                     std::uint64_t& evaluations) const {
            step best;
            for (std::size_t t = i.first_on(from); t < i.tasks(); t = i.next_on_same(t)) {
                if (rests_until_[t] > round) continue;
                const amount left = i.room(from) + p_->load(t, from);
                const double base = -overload_.of(from, i.room(from)) - p_->reduced(t, from);
                for (const gpu_index target : p_->candidates().of(task_index{t})) {
                    const std::size_t g = target.value();
                    if (g == from) continue;
                    const double arrives = base + p_->reduced(t, g) - overload_.of(g, i.room(g));
                    const amount room = i.room(g) - p_->load(t, g);
                    const double shift = arrives + overload_.of(from, left) + overload_.of(g, room);
                    ++evaluations;
                    if (shift < best.delta) best = {shift, t, g, none};
                    for (std::size_t u = i.first_on(g); u < i.tasks(); u = i.next_on_same(u)) {
                        if (rests_until_[u] > round) continue;
                        ++evaluations;
                        const double swap = arrives + p_->reduced(u, from) - p_->reduced(u, g) +
                                            overload_.of(from, left - p_->load(u, from)) +
                                            overload_.of(g, room + p_->load(u, g));
                        if (swap < best.delta) best = {swap, t, g, u};
                    }
                }
            }
            return best;
        }

        std::size_t max_steps_;
        const priced_problem* p_;
        detail::overload_penalty overload_;
        detail::flat<std::size_t> rests_until_;
        detail::flat<std::uint32_t> overloaded_;
    };
    /// Makes the state of one island and one run.
    [[nodiscard]] state prepare(const priced_problem& p) const { return {*this, p}; }
};

static_assert(repair<no_repair> && repair<penalty_only> && repair<price_repair>);

}  // namespace berth::inline v0
