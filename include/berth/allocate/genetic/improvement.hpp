// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/allocate/genetic/concepts.hpp"
#include "berth/allocate/genetic/individual.hpp"
#include "berth/core/byte_box.hpp"
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

namespace berth::inline v0 {

// When to use which:
//
//   candidate_descent  the default, cheap: shift and swap over the short lists until neither helps
//   improve_with       any assignment allocator, run on every child within a budget
//   no_improvement     textbook runs

/// Leaves children as they are.
struct no_improvement {
    /// Improves an individual within a budget of evaluations; returns how many it used.
    std::uint64_t operator()(individual&, xoshiro256&, std::uint64_t) const noexcept { return 0; }
};

/// Descent by shift and swap: takes tasks in random order, moves each to the cheapest GPU of its short list where it
/// fits or into the best exchange with a task there, and takes the tasks of both GPUs again, until no task improves.
/// Overloads do not grow. O(candidates × tasks / GPUs) for a task. Deterministic.
struct candidate_descent {
    std::uint64_t max_evaluations = 1'000'000;  ///< for one child
    std::size_t candidates = 3;                 ///< GPUs of the short list to try, from the first

    /// Tables and scratch memory of one island and one run.
    class state {
    public:
        /// Allocates all memory of the state.
        state(const candidate_descent& d, const priced_problem& p)
            : max_evaluations_{d.max_evaluations},
              width_{std::min(d.candidates, p.candidates().width())},
              p_{&p},
              waits_(p.tasks()) {
            for (std::size_t t = 0; t < p.tasks(); ++t) {
                order_.push_back(static_cast<std::uint32_t>(t));
                queue_.push_back(0);
            }
        }

        /// Improves an individual within a budget of evaluations; returns how many it used.
        std::uint64_t operator()(individual& i, xoshiro256& random, std::uint64_t budget) {
            const std::uint64_t limit = std::min(budget, max_evaluations_);
            std::uint64_t evaluations = 0;
            shuffle(random, std::span{order_.data(), order_.size()});
            first_ = 0;
            size_ = order_.size();
            for (std::size_t k = 0; k < size_; ++k) {
                queue_[k] = order_[k];
                waits_[k] = 1;
            }
            while (size_ > 0 && evaluations < limit) {
                const std::size_t t = queue_[first_];
                first_ = first_ + 1 < queue_.size() ? first_ + 1 : 0;
                --size_;
                waits_[t] = 0;
                const std::size_t from = i.gpu_of(t);
                if (!improve(i, t, evaluations)) continue;
                requeue(i, from);
                requeue(i, i.gpu_of(t));
            }
            return evaluations;
        }

        /// Appends what it remembers from one child to the next: the order of the tasks.
        void save(byte_writer& out) const { out.put_all(order_.view()); }
        /// The same again. False, and in any state, if the bytes are not of that form.
        [[nodiscard]] bool restore(byte_reader& in) {
            in.get_all(std::span<std::uint32_t>{order_.data(), order_.size()});
            for (unsigned char& w : waits_) w = 0;
            for (const std::uint32_t t : order_) {
                if (t >= waits_.size() || waits_[t] != 0) return false;
                waits_[t] = 1;
            }
            for (unsigned char& w : waits_) w = 0;
            return in.complete();
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
            for (const gpu_index target : p_->candidates().of(task_index{t}).first(width_)) {
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
                    if (swap >= best || room + p_->load(u, g) < needed || left - p_->load(u, from) < needed_from)
                        continue;
                    best = swap;
                    to = g;
                    partner = u;
                }
            }
            if (to == none) return false;
            i.move_task(t, to);
            if (partner != none) i.move_task(partner, from);
            return true;
        }

        void requeue(const individual& i, std::size_t g) noexcept {
            for (std::size_t t = i.first_on(g); t < i.tasks(); t = i.next_on_same(t)) {
                if (waits_[t] != 0) continue;
                waits_[t] = 1;
                const std::size_t last = first_ + size_++;
                queue_[last < queue_.size() ? last : last - queue_.size()] = static_cast<std::uint32_t>(t);
            }
        }

        std::uint64_t max_evaluations_;
        std::size_t width_;
        const priced_problem* p_;
        std::size_t first_ = 0;  // of the queue, a ring
        std::size_t size_ = 0;
        detail::flat<std::uint32_t> queue_;
        detail::flat<unsigned char> waits_;
        detail::flat<std::uint32_t> order_;
    };
    /// Makes the state of one island and one run.
    [[nodiscard]] state prepare(const priced_problem& p) const { return {*this, p}; }
};

/// Runs an assignment allocator from the child, for at most `max_evaluations`. A `seed` member of the allocator, if it
/// has one, is drawn anew for every child. Allocates what the allocator allocates: wrap a search that is called
/// thousands of times as an improvement of your own, whose `prepare` makes the memory.
template <assignment_allocator Search>
struct improve_with {
    Search search;                            ///< the allocator
    std::uint64_t max_evaluations = 100'000;  ///< for one child

    /// Tables and scratch memory of one island and one run.
    class state {
    public:
        /// Allocates all memory of the state.
        state(const improve_with& how, const priced_problem& p)
            : how_{how}, p_{&p}, start_(p.tasks()), back_(p.tasks()) {}

        /// Improves an individual within a budget of evaluations; returns how many it used.
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
    /// Makes the state of one island and one run.
    [[nodiscard]] state prepare(const priced_problem& p) const { return {*this, p}; }
};
template <class Search>
improve_with(Search) -> improve_with<Search>;
template <class Search>
improve_with(Search, std::uint64_t) -> improve_with<Search>;

static_assert(improvement<no_improvement> && improvement<candidate_descent>);

namespace detail {

template <class Ready>
inline constexpr bool improves_children = true;
template <>
inline constexpr bool improves_children<no_improvement> = false;

}  // namespace detail

}  // namespace berth::inline v0
