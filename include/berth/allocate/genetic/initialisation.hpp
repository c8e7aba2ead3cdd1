// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/allocate/genetic/concepts.hpp"
#include "berth/allocate/genetic/individual.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/message.hpp"
#include "berth/core/random.hpp"
#include "berth/core/result.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace berth::inline v0 {

// When to use which:
//
//   price_guided       the default: near the relaxed optimum from the start
//   near_start         the first members resemble the warm start: for rebalancing with few moves
//   randomised_greedy  by cost alone: for loose capacities, whose prices are all near 0
//   random_start       ignores costs: textbook runs

/// A random GPU for every task. O(tasks).
struct random_start {
    /// Tables and scratch memory of one island and one run.
    class state {
    public:
        /// Allocates all memory of the state.
        explicit state(const priced_problem& p) : genes_(p.tasks()) {}
        /// Makes member `k` of an island.
        void operator()(individual& i, std::size_t, xoshiro256& random) {
            for (gpu_gene& g : genes_) g = static_cast<gpu_gene>(bounded(random, static_cast<std::uint32_t>(i.gpus())));
            i.assign(genes_.view());
        }

    private:
        detail::flat<gpu_gene> genes_;
    };
    /// Makes the state of one island and one run.
    [[nodiscard]] state prepare(const priced_problem& p, warm_start) const { return state{p}; }
};

/// Assigns tasks in random order, each to a random one of its `choices` cheapest GPUs with room, or, if no GPU has
/// room, to the one that it overloads least. O(tasks × GPUs).
struct randomised_greedy {
    std::size_t choices = 2;  ///< 1 or more; 1 is greedy with a random order

    /// Tables and scratch memory of one island and one run.
    class state {
    public:
        /// Allocates all memory of the state.
        state(const randomised_greedy& s, const priced_problem& p)
            : p_{&p}, genes_(p.tasks()), room_(p.gpus()), cheapest_(s.choices < p.gpus() ? s.choices : p.gpus()) {
            for (std::size_t t = 0; t < p.tasks(); ++t) order_.push_back(static_cast<std::uint32_t>(t));
        }
        /// Makes member `k` of an island.
        void operator()(individual& i, std::size_t, xoshiro256& random) {
            for (std::size_t g = 0; g < room_.size(); ++g) room_[g] = p_->capacities()[g];
            shuffle(random, std::span{order_.data(), order_.size()});
            for (const std::size_t t : order_) {
                const std::size_t g = choose(t, random);
                genes_[t] = static_cast<gpu_gene>(g);
                room_[g] -= p_->load(t, g);
            }
            i.assign(genes_.view());
        }

    private:
        [[nodiscard]] std::size_t choose(std::size_t t, xoshiro256& random) {
            std::size_t count = 0;
            std::size_t least_over = 0;
            for (std::size_t g = 0; g < room_.size(); ++g) {
                if (p_->load(t, g) - room_[g] < p_->load(t, least_over) - room_[least_over]) least_over = g;
                if (p_->load(t, g) > room_[g]) continue;
                if (count == cheapest_.size() && p_->cost(t, g) >= p_->cost(t, cheapest_[count - 1])) continue;
                std::size_t at = count < cheapest_.size() ? count++ : count - 1;
                for (; at > 0 && p_->cost(t, g) < p_->cost(t, cheapest_[at - 1]); --at)
                    cheapest_[at] = cheapest_[at - 1];
                cheapest_[at] = g;
            }
            return count == 0 ? least_over : cheapest_[bounded(random, static_cast<std::uint32_t>(count))];
        }

        const priced_problem* p_;
        detail::flat<gpu_gene> genes_;
        detail::flat<amount> room_;
        detail::flat<std::size_t> cheapest_;
        detail::flat<std::uint32_t> order_;
    };
    /// Makes the state of one island and one run.
    [[nodiscard]] state prepare(const priced_problem& p, warm_start) const { return {*this, p}; }
    /// Success, or the option that is out of its range.
    [[nodiscard]] result<void> validate() const {
        if (choices >= 1) return {};
        return detail::refuse(error_code::invalid_value, {"randomised_greedy.choices is 0, expected 1 or more"});
    }
};

/// Assigns tasks in order of falling regret (by how much the second best GPU costs more than the best, at the prices of
/// capacity), each to the cheapest GPU of its short list with room. A task that finds no room there goes to the first
/// GPU of its list and is left to repair. Member 0 is made without noise, the others with noise on costs and order.
/// O(tasks × candidates).
struct price_guided {
    double noise = 0.25;  ///< as a multiple of the average regret; 0 or more

    /// Tables and scratch memory of one island and one run.
    class state {
    public:
        /// Allocates all memory of the state.
        state(const price_guided& s, const priced_problem& p)
            : p_{&p}, genes_(p.tasks()), room_(p.gpus()), key_(p.tasks()), sorted_(p.tasks()), merged_(p.tasks()) {
            double sum = 0.0;
            for (std::size_t t = 0; t < p.tasks(); ++t) sum += regret(t);
            noise_ = p.tasks() == 0 ? 0.0 : s.noise * sum / static_cast<double>(p.tasks());
        }
        /// Makes member `k` of an island.
        void operator()(individual& i, std::size_t k, xoshiro256& random) {
            const double spread = k == 0 ? 0.0 : noise_;
            for (std::size_t g = 0; g < room_.size(); ++g) room_[g] = p_->capacities()[g];
            for (std::size_t t = 0; t < key_.size(); ++t) {
                key_[t] = -regret(t) - spread * uniform01(random);
                sorted_[t] = static_cast<std::uint32_t>(t);
            }
            sort();
            for (const std::size_t t : sorted_) {
                const std::size_t g = choose(t, spread, random);
                genes_[t] = static_cast<gpu_gene>(g);
                room_[g] -= p_->load(t, g);
            }
            i.assign(genes_.view());
        }

    private:
        [[nodiscard]] double regret(std::size_t t) const {
            const auto list = p_->candidates().of(task_index{t});
            return list.size() < 2 ? 0.0 : p_->reduced(t, list[1].value()) - p_->reduced(t, list[0].value());
        }
        [[nodiscard]] std::size_t choose(std::size_t t, double spread, xoshiro256& random) const {
            const auto list = p_->candidates().of(task_index{t});
            std::size_t best = list[0].value();
            double least = std::numeric_limits<double>::infinity();
            for (const gpu_index g : list) {
                const double u = uniform01(random);
                if (p_->load(t, g.value()) > room_[g.value()]) continue;
                const double cost = p_->reduced(t, g.value()) + spread * u;
                if (cost >= least) continue;
                least = cost;
                best = g.value();
            }
            return best;
        }
        /// `detail::sort_positions` without its memory.
        void sort() {
            const std::size_t n = sorted_.size();
            for (std::size_t width = 1; width < n; width *= 2) {
                for (std::size_t first = 0; first < n; first += 2 * width) {
                    const std::size_t middle = first + width < n ? first + width : n;
                    const std::size_t last = middle + width < n ? middle + width : n;
                    std::size_t left = first;
                    std::size_t right = middle;
                    for (std::size_t out = first; out < last; ++out) {
                        const bool from_right =
                            left == middle || (right < last && key_[sorted_[right]] < key_[sorted_[left]]);
                        merged_[out] = sorted_[from_right ? right++ : left++];
                    }
                }
                sorted_.swap(merged_);
            }
        }

        const priced_problem* p_;
        double noise_ = 0.0;
        detail::flat<gpu_gene> genes_;
        detail::flat<amount> room_;
        detail::flat<double> key_;
        detail::flat<std::uint32_t> sorted_;
        detail::flat<std::uint32_t> merged_;
    };
    /// Makes the state of one island and one run.
    [[nodiscard]] state prepare(const priced_problem& p, warm_start) const { return {*this, p}; }
    /// Success, or the option that is out of its range.
    [[nodiscard]] result<void> validate() const {
        if (noise >= 0.0 && std::isfinite(noise)) return {};
        return detail::refuse(error_code::invalid_value, {"price_guided.noise is not a finite number from 0 on"});
    }
};

/// The warm start with some tasks, drawn independently, on another GPU of their short list. Without a warm start it is
/// `price_guided`. O(tasks × candidates).
struct near_start {
    double moved = 0.1;  ///< expected share of tasks on another GPU, 0 to 1

    /// Tables and scratch memory of one island and one run.
    class state {
    public:
        /// Allocates all memory of the state.
        state(const near_start& s, const priced_problem& p, warm_start start)
            : moved_{s.moved}, p_{&p}, otherwise_{price_guided{}.prepare(p, start)}, genes_(p.tasks()) {
            for (const gpu_index g : start) start_.push_back(static_cast<gpu_gene>(g.value()));
        }
        /// Makes member `k` of an island.
        void operator()(individual& i, std::size_t k, xoshiro256& random) {
            if (start_.size() != genes_.size()) {
                otherwise_(i, k, random);
                return;
            }
            const auto width = static_cast<std::uint32_t>(p_->candidates().width());
            for (std::size_t t = 0; t < genes_.size(); ++t) {
                genes_[t] = start_[t];
                if (uniform01(random) >= moved_) continue;
                const std::size_t rank = bounded(random, width);
                genes_[t] = static_cast<gpu_gene>(p_->candidates().of(task_index{t})[rank].value());
            }
            i.assign(genes_.view());
        }

    private:
        double moved_;
        const priced_problem* p_;
        price_guided::state otherwise_;
        detail::flat<gpu_gene> start_;
        detail::flat<gpu_gene> genes_;
    };
    /// Makes the state of one island and one run.
    [[nodiscard]] state prepare(const priced_problem& p, warm_start start) const { return {*this, p, start}; }
    /// Success, or the option that is out of its range.
    [[nodiscard]] result<void> validate() const {
        if (moved >= 0.0 && moved <= 1.0) return {};
        return detail::refuse(error_code::invalid_value, {"near_start.moved is not within 0..1"});
    }
};

static_assert(initialisation<random_start> && initialisation<randomised_greedy> && initialisation<price_guided> &&
              initialisation<near_start>);

}  // namespace berth::inline v0
