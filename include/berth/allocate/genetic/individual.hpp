// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0 {

/// The position of a GPU, in two bytes: memory bandwidth bounds how fast populations are evaluated.
using gpu_gene = std::uint16_t;
/// Maximum number of GPUs of genetic allocation: what a `gpu_gene` can hold.
inline constexpr std::size_t max_genetic_gpus = 65'535;

/// An assignment that repair and improvement policies change: a GPU for every task, with cost, excess, the room left on
/// every GPU and its tasks kept up to date. Positions are unchecked. Copyable; allocates only when it is made.
class individual {
public:
    /// Of a problem with at most `max_genetic_gpus` GPUs, which outlives it; every task on GPU 0. Allocates all memory.
    explicit individual(const priced_problem& p)
        : p_{&p}, genes_(p.tasks()), next_(p.tasks()), previous_(p.tasks()), first_(p.gpus(), none), room_(p.gpus()) {
        BERTH_ASSERT(p.gpus() <= max_genetic_gpus, "berth: genetic allocation takes at most 65535 GPUs");
        reset();
    }

    /// Takes over a whole assignment, a gene below `gpus()` for every task; O(tasks + GPUs).
    void assign(std::span<const gpu_gene> genes) noexcept {
        BERTH_ASSERT(genes.size() == tasks(), "berth: an individual has a gene for every task");
        for (std::size_t g = 0; g < gpus(); ++g) {
            first_[g] = none;
            room_[g] = p_->capacities()[g];
        }
        cost_ = 0.0;
        for (std::size_t t = 0; t < tasks(); ++t) {
            genes_[t] = genes[t];
            cost_ += p_->cost(t, genes[t]);
            room_[genes[t]] -= p_->load(t, genes[t]);
        }
        for (std::size_t t = tasks(); t-- > 0;) enter(t);
        excess_ = 0;
        for (const amount left : room_) excess_ += over(left);
    }
    /// Takes over another individual's genes; O(tasks + GPUs).
    void assign(const individual& other) noexcept { assign(other.genes()); }

    /// The problem.
    [[nodiscard]] const priced_problem& problem() const noexcept { return *p_; }
    /// Number of tasks.
    [[nodiscard]] std::size_t tasks() const noexcept { return genes_.size(); }
    /// Number of GPUs.
    [[nodiscard]] std::size_t gpus() const noexcept { return room_.size(); }
    /// The GPU of every task.
    [[nodiscard]] std::span<const gpu_gene> genes() const noexcept { return genes_.view(); }
    /// The GPU of a task.
    [[nodiscard]] std::size_t gpu_of(std::size_t t) const noexcept { return genes_[t]; }
    /// Free capacity of a GPU, negative if it is overloaded.
    [[nodiscard]] amount room(std::size_t g) const noexcept { return room_[g]; }
    /// The sum of costs, kept up to date by additions: its last digits depend on the moves made.
    [[nodiscard]] double cost() const noexcept { return cost_; }
    /// Load beyond the capacities, over all GPUs.
    [[nodiscard]] amount excess() const noexcept { return excess_; }

    /// The tasks on a GPU: `for (auto t = i.first_on(g); t < i.tasks(); t = i.next_on_same(t))`.
    [[nodiscard]] std::size_t first_on(std::size_t g) const noexcept { return first_[g]; }
    /// The next task on the same GPU, or a number not below `tasks()`.
    [[nodiscard]] std::size_t next_on_same(std::size_t t) const noexcept { return next_[t]; }

    /// Moves a task to a GPU. O(1).
    void move_task(std::size_t t, std::size_t g) noexcept {
        const std::size_t from = genes_[t];
        if (from == g) return;
        cost_ += p_->cost(t, g) - p_->cost(t, from);
        change_room(from, p_->load(t, from));
        change_room(g, -p_->load(t, g));
        if (previous_[t] == none) {
            first_[from] = next_[t];
        } else {
            next_[previous_[t]] = next_[t];
        }
        if (next_[t] != none) previous_[next_[t]] = previous_[t];
        genes_[t] = static_cast<gpu_gene>(g);
        enter(t);
    }
    /// Exchanges the GPUs of two tasks. O(1).
    void swap(std::size_t t, std::size_t u) noexcept {
        const std::size_t g = genes_[t];
        move_task(t, genes_[u]);
        move_task(u, g);
    }

private:
    static constexpr std::uint32_t none = ~std::uint32_t{0};

    [[nodiscard]] static constexpr amount over(amount room) noexcept { return room < 0 ? -room : 0; }
    void reset() noexcept {
        for (gpu_gene& g : genes_) g = 0;
        if (gpus() > 0) assign(genes_.view());
    }
    void change_room(std::size_t g, amount by) noexcept {
        excess_ -= over(room_[g]);
        room_[g] += by;
        excess_ += over(room_[g]);
    }
    void enter(std::size_t t) noexcept {
        const std::size_t g = genes_[t];
        next_[t] = first_[g];
        previous_[t] = none;
        if (first_[g] != none) previous_[first_[g]] = static_cast<std::uint32_t>(t);
        first_[g] = static_cast<std::uint32_t>(t);
    }

    const priced_problem* p_;
    double cost_ = 0.0;
    amount excess_ = 0;
    detail::flat<gpu_gene> genes_;
    detail::flat<std::uint32_t> next_;
    detail::flat<std::uint32_t> previous_;
    detail::flat<std::uint32_t> first_;
    detail::flat<amount> room_;
};

}  // namespace berth::inline v0
