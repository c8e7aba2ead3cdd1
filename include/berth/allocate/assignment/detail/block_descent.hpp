// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/detail/block_tree.hpp"
#include "berth/allocate/assignment/detail/load_tilt.hpp"
#include "berth/allocate/assignment/detail/poller.hpp"
#include "berth/allocate/assignment/lagrangian_bound.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/random.hpp"
#include "berth/core/wide_int.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace berth::inline v0::detail {

/// An assignment that changes block by block: the state of a run of `block_search`. Allocates only until its scratch
/// memory has reached its size.
class block_descent {
public:
    /// @param max_nodes  of one block, 1 or more
    /// @param max_gpus   of one block, 2 or more
    /// @param tolerance  rise above the best cost, in units of (best cost - bound) / GPUs
    block_descent(const priced_problem& p, std::uint64_t max_nodes, std::size_t max_gpus, double tolerance)
        : p_{&p},
          tilt_{tilt_of(p)},
          tree_{p, tilt_},
          max_nodes_{max_nodes},
          max_gpus_{std::min({max_gpus, block_tree::max_gpus, p.gpus()})},
          tolerance_{tolerance},
          gpu_of_(p.tasks(), 0),
          next_(p.tasks(), 0),
          before_(p.tasks(), 0),
          first_(p.gpus(), none) {
        step_ = p.has_whole_costs() ? 1.0 - 1e-6 : 1e-9 * (1.0 + p.largest_cost());
        wide_ = p.has_whole_costs() && !p.has_exact_sums();
        tree_step_ = tilt_ > 0.0 ? std::min(step_, 0.5 * tilt_) : step_;
    }

    /// Begins anew from the assignment `gpu(t)`.
    template <class GpuOf>
    void start(const GpuOf& gpu) {
        first_.assign(p_->gpus(), none);
        room_.clear();
        room_.append(p_->capacities());
        cost_ = 0.0;
        load_ = 0.0;
        wide_cost_ = 0;
        for (std::size_t t = p_->tasks(); t-- > 0;) {
            enter(static_cast<std::uint32_t>(t), gpu(t));
            pay(p_->cost(t, gpu_of_[t]), 0.0);
        }
        excess_ = 0;
        for (const amount room : room_) excess_ += room < 0 ? -room : 0;
        known_ = excess_ == 0;
        best_cost_ = cost_;
        best_wide_ = wide_cost_;
        lowest_ = tilted();
        best_.clear();
        best_.append(gpu_of_.view());
        size_ = 2.0;
    }

    /// Searches one block. True on a new best.
    bool visit(xoshiro256& random) {
        ++blocks_;
        choose(random);
        if (gpus_.size() < 2) return false;
        const double goal = excess_ > 0 ? above_all_costs() : part_ + allowance(random);
        const bool found = tree_.search(gpus_.view(), tasks_.view(), goal, tree_step_, max_nodes_, random);
        evaluations_ += tree_.nodes() + tasks_.size();
        // The size at which about one block in five is cut off.
        size_ = tree_.cut_off() ? std::max(2.0, size_ - 0.04) : std::min(static_cast<double>(max_gpus_), size_ + 0.01);
        if (!found) return false;
        carry_out();
        if (excess_ > 0) return false;
        lowest_ = known_ ? std::min(lowest_, tilted()) : tilted();
        if (known_ && (wide_ ? wide_cost_ >= best_wide_ : cost_ >= best_cost_ - 0.5 * step_)) return false;
        known_ = true;
        best_cost_ = cost_;
        best_wide_ = wide_cost_;
        best_.clear();
        best_.append(gpu_of_.view());
        return true;
    }

    /// The best so far: the cheapest feasible one, else the start.
    [[nodiscard]] std::span<const std::uint32_t> best() const noexcept { return best_.view(); }
    [[nodiscard]] double best_cost() const noexcept { return best_cost_; }
    [[nodiscard]] bool feasible() const noexcept { return known_; }
    [[nodiscard]] std::uint64_t evaluations() const noexcept { return evaluations_; }
    [[nodiscard]] std::uint64_t moves() const noexcept { return moves_; }
    [[nodiscard]] std::uint64_t visited() const noexcept { return blocks_; }

private:
    static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();
    static constexpr std::size_t most_tasks = 2048;  // of a block of more than two GPUs

    void enter(std::uint32_t t, std::size_t g) {
        gpu_of_[t] = static_cast<std::uint32_t>(g);
        before_[t] = none;
        next_[t] = first_[g];
        if (first_[g] != none) before_[first_[g]] = t;
        first_[g] = t;
        room_[g] -= p_->load(t, g);
        load_ += static_cast<double>(p_->load(t, g));
    }
    void leave(std::uint32_t t) {
        const std::size_t g = gpu_of_[t];
        if (before_[t] == none) {
            first_[g] = next_[t];
        } else {
            next_[before_[t]] = next_[t];
        }
        if (next_[t] != none) before_[next_[t]] = before_[t];
        room_[g] += p_->load(t, g);
        load_ -= static_cast<double>(p_->load(t, g));
    }
    /// Adds to the cost; in integers where doubles would round whole costs.
    void pay(double more, double less) noexcept {
        cost_ += more - less;
        if (!wide_) return;
        wide_cost_ += static_cast<std::int64_t>(more);
        wide_cost_ -= static_cast<std::int64_t>(less);
        cost_ = static_cast<double>(wide_cost_);
    }
    /// A small cost of load where capacity has hardly any price: light ones among equally cheap assignments win, and
    /// leave room. Nothing where prices tell the loads apart.
    [[nodiscard]] static double tilt_of(const priced_problem& p) {
        if (p.has_whole_costs() && !p.has_exact_sums()) return 0.0;
        endless_poller endless;
        const double tilt = load_tilt(p, endless);
        for (std::size_t g = 0; g < p.gpus(); ++g) {
            if (p.price(g) >= 0.1 * tilt) return 0.0;
        }
        return std::isfinite(tilt) ? tilt : 0.0;
    }
    /// The present cost with the tilt.
    [[nodiscard]] double tilted() const noexcept { return cost_ + tilt_ * load_; }
    [[nodiscard]] std::uint32_t draw(xoshiro256& random, std::size_t n) const {
        return bounded(random, static_cast<std::uint32_t>(n));
    }

    void add(std::uint32_t g) {
        gpus_.push_back(g);
        for (std::uint32_t t = first_[g]; t != none; t = next_[t]) {
            tasks_.push_back(t);
            part_ += p_->cost(t, g) + tilt_ * static_cast<double>(p_->load(t, g));
        }
    }
    /// Picks a GPU (an overloaded one while there is any) and others from the candidate lists of the block's tasks.
    void choose(xoshiro256& random) {
        gpus_.clear();
        tasks_.clear();
        part_ = 0.0;
        const double wanted = size_ * (0.6 + 0.4 * uniform01(random)) + uniform01(random);
        const std::size_t size =
            std::clamp(static_cast<std::size_t>(wanted), std::min<std::size_t>(2, max_gpus_), max_gpus_);
        std::uint32_t seed = draw(random, p_->gpus());
        if (excess_ > 0) {
            while (room_[seed] >= 0) seed = seed + 1 < p_->gpus() ? seed + 1 : 0;
        }
        add(seed);
        const std::size_t width = std::min<std::size_t>(p_->candidates().width(), 5);
        for (std::size_t tries = 0; gpus_.size() < size && tries < 200; ++tries) {
            std::uint32_t g = draw(random, p_->gpus());
            if (!tasks_.empty() && uniform01(random) >= 0.25) {
                const std::uint32_t t = tasks_[draw(random, tasks_.size())];
                g = static_cast<std::uint32_t>(p_->candidates().of(task_index{t})[draw(random, width)].value());
            }
            if (std::find(gpus_.begin(), gpus_.end(), g) != gpus_.end()) continue;
            add(g);
            if (tasks_.size() > most_tasks) return;
        }
    }
    /// By how much the block's cost may rise: a random part of the tolerance above the best cost.
    [[nodiscard]] double allowance(xoshiro256& random) {
        const double gap = std::max(0.0, best_cost_ - p_->bound().value) / static_cast<double>(p_->gpus());
        const double height = tolerance_ * gap * uniform01(random);
        const double below = lowest_ + height - tilted();
        return std::max(-tree_step_, std::min(below, height));
    }
    /// More than the cost of any assignment of the block.
    [[nodiscard]] double above_all_costs() const noexcept {
        double sum = 1.0;
        for (const std::uint32_t t : tasks_) {
            double most = -std::numeric_limits<double>::infinity();
            for (const std::uint32_t g : gpus_) {
                most = std::max(most, p_->cost(t, g) + tilt_ * static_cast<double>(p_->load(t, g)));
            }
            sum += most;
        }
        return sum;
    }
    void carry_out() {
        for (std::size_t i = 0; i < tasks_.size(); ++i) {
            const std::uint32_t t = tasks_[i];
            const std::size_t from = gpu_of_[t];
            const std::size_t to = gpus_[tree_.target(i)];
            if (from == to) continue;
            leave(t);
            enter(t, to);
            pay(p_->cost(t, to), p_->cost(t, from));
            ++moves_;
        }
        excess_ = 0;
        for (const amount room : room_) excess_ += room < 0 ? -room : 0;
    }

    const priced_problem* p_;
    double tilt_;
    block_tree tree_;
    std::uint64_t max_nodes_;
    std::size_t max_gpus_;
    double tolerance_;
    double step_ = 0.0;
    double tree_step_ = 0.0;
    double load_ = 0.0;    // of all tasks
    double lowest_ = 0.0;  // the least cost with the tilt so far
    flat<std::uint32_t> gpu_of_;
    flat<std::uint32_t> next_;  // of the tasks on one GPU
    flat<std::uint32_t> before_;
    flat<std::uint32_t> first_;
    flat<amount> room_;
    bool wide_ = false;  // whole costs whose sums a double cannot hold
    double cost_ = 0.0;
    wide_int wide_cost_ = 0;
    amount excess_ = 0;
    bool known_ = false;
    double best_cost_ = 0.0;
    wide_int best_wide_ = 0;
    flat<std::uint32_t> best_;
    double size_ = 2.0;  // GPUs of a block
    flat<std::uint32_t> gpus_;
    flat<std::uint32_t> tasks_;
    double part_ = 0.0;  // present cost of the block
    std::uint64_t evaluations_ = 0;
    std::uint64_t moves_ = 0;
    std::uint64_t blocks_ = 0;
};

}  // namespace berth::inline v0::detail
