// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment_allocator.hpp"
#include "berth/allocate/genetic/concepts.hpp"
#include "berth/allocate/genetic/individual.hpp"
#include "berth/allocate/priced_problem.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/random.hpp"
#include "berth/core/run_control.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace berth {

// When to use which:
//
//   descent          cheap: shift and swap over the short lists until neither helps
//   improve_with     any assignment allocator, run for a while on every child
//   no_improvement   textbook runs: selection has to do all the work

/// Children are compared as they are.
struct no_improvement {
    std::uint64_t operator()(individual&, xoshiro256&, std::uint64_t) const noexcept { return 0; }
};

/// Every task in random order to the cheapest GPU of its short list where it fits, or into the best exchange with a task there,
/// until no task finds anything. Overloads do not grow. O(tasks × candidates × tasks / GPUs) for a pass. Deterministic.
struct descent {
    std::uint64_t max_evaluations = 1'000'000;  ///< for one child
    std::size_t max_passes = 20;

    class state {
    public:
        state(const descent& d, const priced_problem& p)
            : max_evaluations_{d.max_evaluations}, max_passes_{d.max_passes}, p_{&p} {
            for (std::size_t t = 0; t < p.tasks(); ++t) order_.push_back(static_cast<std::uint32_t>(t));
        }

        std::uint64_t operator()(individual& i, xoshiro256& random, std::uint64_t budget) {
            const std::uint64_t limit = std::min(budget, max_evaluations_);
            std::uint64_t evaluations = 0;
            for (std::size_t pass = 0; pass < max_passes_; ++pass) {
                bool improved = false;
                shuffle(random, std::span{order_.data(), order_.size()});
                for (const std::size_t t : order_) {
                    if (evaluations >= limit) return evaluations;
                    improved = improve(i, t, evaluations) || improved;
                }
                if (!improved) break;
            }
            return evaluations;
        }

    private:
        static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

        [[nodiscard]] bool improve(individual& i, std::size_t t, std::uint64_t& evaluations) const {
            const std::size_t from = i.gpu_of(t);
            const amount left = i.room(from) + p_->load(t, from);
            const amount needed_from = std::min<amount>(i.room(from), 0);
            double best = -1e-9;
            std::size_t to = none;
            std::size_t partner = none;
            for (const gpu_index target : p_->candidates().of(task_index{t})) {
                const std::size_t g = target.value();
                if (g == from) continue;
                const double arrives = p_->cost(t, g) - p_->cost(t, from);
                const amount room = i.room(g) - p_->load(t, g);
                ++evaluations;
                if (arrives < best && room >= 0) {
                    best = arrives;
                    to = g;
                    partner = none;
                }
                const amount needed = std::min<amount>(i.room(g), 0);
                for (std::size_t u = i.first_on(g); u < i.tasks(); u = i.next_on_same(u)) {
                    ++evaluations;
                    const double swap = arrives + p_->cost(u, from) - p_->cost(u, g);
                    if (swap >= best || room + p_->load(u, g) < needed || left - p_->load(u, from) < needed_from) continue;
                    best = swap;
                    to = g;
                    partner = u;
                }
            }
            if (to == none) return false;
            i.relocate(t, to);
            if (partner != none) i.relocate(partner, from);
            return true;
        }

        std::uint64_t max_evaluations_;
        std::size_t max_passes_;
        const priced_problem* p_;
        detail::flat<std::uint32_t> order_;
    };
    [[nodiscard]] state prepare(const priced_problem& p) const { return {*this, p}; }
};

/// Runs an assignment allocator from the child, for at most so many evaluations. A `seed` of the allocator, if it has one, is
/// drawn anew every time. Allocates whatever the allocator does; a search that is made for being called thousands of times
/// is better wrapped as an improvement of its own, whose `prepare` makes the memory.
template <assignment_allocator Search>
struct improve_with {
    Search search;
    std::uint64_t max_evaluations = 100'000;  ///< for one child

    class state {
    public:
        state(const improve_with& how, const priced_problem& p) : how_{how}, p_{&p}, start_(p.tasks()), back_(p.tasks()) {}

        std::uint64_t operator()(individual& i, xoshiro256& random, std::uint64_t budget) {
            for (std::size_t t = 0; t < start_.size(); ++t) start_[t] = gpu_index{i.gpu_of(t)};
            if constexpr (requires(Search& s) { s.seed = std::uint64_t{}; }) how_.search.seed = random();
            const Search& ready = how_.search;
            const run_control<> control{.max_evaluations = std::min(budget, how_.max_evaluations)};
            const assignment_plan plan = ready.run(*p_, warm_start{start_}, control);
            for (std::size_t t = 0; t < back_.size(); ++t) back_[t] = static_cast<gpu_gene>(plan.gpu_of[t].value());
            i.assign(back_.view());
            return plan.evaluations;
        }

    private:
        improve_with how_;
        const priced_problem* p_;
        std::vector<gpu_index> start_;
        detail::flat<gpu_gene> back_;
    };
    [[nodiscard]] state prepare(const priced_problem& p) const { return {*this, p}; }
};
template <class Search>
improve_with(Search) -> improve_with<Search>;
template <class Search>
improve_with(Search, std::uint64_t) -> improve_with<Search>;

static_assert(improvement<no_improvement> && improvement<descent>);

namespace detail {

template <class Ready>
inline constexpr bool improves_children = true;
template <>
inline constexpr bool improves_children<no_improvement> = false;

}  // namespace detail

}  // namespace berth
