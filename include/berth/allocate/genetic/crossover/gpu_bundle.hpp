// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/allocate/genetic/concepts.hpp"
#include "berth/allocate/genetic/individual.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/random.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace berth::inline v0 {

/// Inherits GPUs with all their tasks. It goes through the GPUs in random order and takes each one's tasks as a bundle
/// from the parent where the bundle is cheaper at the prices of capacity, unless one of these tasks already has a GPU.
/// Tasks in no bundle go to the cheapest GPU at these prices among those of either parent and the short list, GPUs with
/// room first.
///
/// O(tasks × candidates). Deterministic. Source: the grouping crossover of Falkenauer, "A hybrid grouping genetic
/// algorithm for bin packing", 1996.
struct gpu_bundle {
    /// Tables and scratch memory of one island and one run.
    class state {
    public:
        /// Allocates all memory of the state.
        explicit state(const priced_problem& p) : p_{&p}, a_{p}, b_{p}, settled_(p.tasks()), room_(p.gpus()) {
            for (std::size_t g = 0; g < p.gpus(); ++g) order_.push_back(static_cast<std::uint32_t>(g));
            late_.reserve(p.tasks());
        }

        /// Writes the child's genes.
        void operator()(const parents& two, std::span<gpu_gene> child, xoshiro256& random) {
            a_.assign(two.better);
            b_.assign(two.other);
            late_.clear();
            for (unsigned char& settled : settled_) settled = 0;
            for (std::size_t g = 0; g < room_.size(); ++g) room_[g] = p_->capacities()[g];
            shuffle(random, std::span{order_.data(), order_.size()});
            for (const std::size_t g : order_) {
                const double first = value(a_, g);
                const double second = value(b_, g);
                if (first == taken && second == taken) continue;
                take(first <= second ? a_ : b_, g, child);
            }
            for (std::size_t t = 0; t < child.size(); ++t) {
                if (settled_[t] == 0) late_.push_back(static_cast<std::uint32_t>(t));
            }
            shuffle(random, std::span{late_.data(), late_.size()});
            for (const std::size_t t : late_) put(t, child);
        }

    private:
        static constexpr double taken = std::numeric_limits<double>::infinity();

        /// Average reduced cost of a task of the bundle above that on its cheapest GPU; infinite if the bundle cannot
        /// be taken.
        [[nodiscard]] double value(const individual& i, std::size_t g) const {
            double sum = 0.0;
            std::size_t size = 0;
            for (std::size_t t = i.first_on(g); t < i.tasks(); t = i.next_on_same(t), ++size) {
                if (settled_[t] != 0) return taken;
                const auto list = p_->candidates().of(task_index{t});
                sum += p_->reduced(t, g) - p_->reduced(t, list[0].value());
            }
            if (size == 0 || i.room(g) < 0) return taken;
            // Unused capacity is paid for, too.
            sum += p_->price(g) * static_cast<double>(i.room(g));
            return sum / static_cast<double>(size);
        }
        void take(const individual& i, std::size_t g, std::span<gpu_gene> child) {
            for (std::size_t t = i.first_on(g); t < i.tasks(); t = i.next_on_same(t)) settle(t, g, child);
        }
        void settle(std::size_t t, std::size_t g, std::span<gpu_gene> child) {
            child[t] = static_cast<gpu_gene>(g);
            settled_[t] = 1;
            room_[g] -= p_->load(t, g);
        }
        void put(std::size_t t, std::span<gpu_gene> child) {
            choice best{p_->reduced(t, a_.gpu_of(t)), a_.gpu_of(t), p_->load(t, a_.gpu_of(t)) <= room_[a_.gpu_of(t)]};
            look(t, b_.gpu_of(t), best);
            for (const gpu_index g : p_->candidates().of(task_index{t})) look(t, g.value(), best);
            settle(t, best.gpu, child);
        }

        struct choice {
            double cost;
            std::size_t gpu;
            bool fits;
        };
        void look(std::size_t t, std::size_t g, choice& best) const {
            const bool fits = p_->load(t, g) <= room_[g];
            const double cost = p_->reduced(t, g);
            if (fits != best.fits ? fits : cost < best.cost) best = {cost, g, fits};
        }

        const priced_problem* p_;
        individual a_;
        individual b_;
        detail::flat<std::uint32_t> order_;
        detail::flat<std::uint32_t> late_;
        detail::flat<unsigned char> settled_;
        detail::flat<amount> room_;
    };
    /// Makes the state of one island and one run.
    [[nodiscard]] state prepare(const priced_problem& p) const { return state{p}; }
};

static_assert(crossover<gpu_bundle>);

}  // namespace berth::inline v0
