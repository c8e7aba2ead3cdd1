// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/random.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

// Length: pricing, ordering and the recursion share the scratch memory of one block.

namespace berth::inline v0::detail {

/// The cheapest assignment of some tasks to a few GPUs that hold no others: depth-first search over tasks, bounded by
/// the Lagrangian relaxation of the block's capacities. A choice costs its *regret*, the reduced cost above the task's
/// cheapest; near the optimum the sum of regrets and unused capacity is so limited that few branches remain. Reuses its
/// memory.
class block_tree {
public:
    static constexpr std::size_t max_gpus = 16;

    /// @param tilt  a unit of load costs so much, besides its price: among assignments of equal cost, lighter ones win
    explicit block_tree(const priced_problem& p, double tilt = 0.0) : p_{&p}, tilt_{tilt} {}

    /// Searches an assignment within the capacities that costs at most `goal`, then cheaper ones, each by at least
    /// `step`; equal tasks come in random order. Cut off after `max_nodes`, and at once if more than 10,000 tasks are
    /// open. True if it found any.
    ///
    /// O((tasks + nodes) × GPUs), apart from sorting.
    [[nodiscard]] bool search(std::span<const std::uint32_t> gpus, std::span<const std::uint32_t> tasks, double goal,
                              double step, std::uint64_t max_nodes, xoshiro256& random) {
        BERTH_ASSERT(gpus.size() <= max_gpus, "berth: a block has 16 GPUs at most");
        count_ = gpus.size();
        gpus_ = gpus;
        tasks_ = tasks;
        step_ = step;
        max_nodes_ = max_nodes;
        nodes_ = 0;
        found_ = false;
        cut_off_ = false;
        gather();
        const double bound = price(goal);
        if (!(bound <= goal)) return false;
        budget_ = goal - bound;
        collect();
        order(random);
        if (sorted_.size() > max_open) {
            cut_off_ = true;
            return false;
        }
        look_ahead();
        descend(0, 0.0);
        cost_ = budget_ + step_ + bound;
        return found_;
    }

    /// The position in `gpus` of the i-th task's GPU in the cheapest assignment found.
    [[nodiscard]] std::size_t target(std::size_t i) const noexcept { return target_[i]; }
    [[nodiscard]] double cost() const noexcept { return cost_; }
    [[nodiscard]] std::uint64_t nodes() const noexcept { return nodes_; }
    /// True if the search did not complete.
    [[nodiscard]] bool cut_off() const noexcept { return cut_off_; }

private:
    static constexpr std::size_t price_steps = 12;
    static constexpr std::size_t max_open = 10'000;  // depth of the recursion
    static constexpr std::size_t tile = 8;           // tasks that are priced side by side

    using per_gpu = std::array<double, max_gpus>;

    /// A task with more than one GPU within the budget; the first is its cheapest.
    struct open_task {
        std::uint32_t task;  // position in tasks_
        std::uint32_t choices;
        std::uint32_t tie;
        std::array<std::uint32_t, max_gpus> gpu;
        std::array<double, max_gpus> regret;
        std::array<double, max_gpus> load;  // in the order of `gpu`
    };

    /// Of the i-th task on the k-th GPU.
    [[nodiscard]] double load(std::size_t i, std::size_t k) const noexcept { return loads_[k * stride_ + i]; }
    [[nodiscard]] double capacity(std::size_t k) const noexcept {
        return static_cast<double>(p_->capacities()[gpus_[k]]);
    }

    /// Copies the block's costs and loads, GPU by GPU.
    void gather() {
        stride_ = (tasks_.size() + tile - 1) / tile * tile;
        costs_.resize(count_ * stride_);
        loads_.resize(count_ * stride_);
        for (std::size_t i = 0; i < stride_; ++i) {
            const std::uint32_t t = tasks_[i < tasks_.size() ? i : 0];
            for (std::size_t k = 0; k < count_; ++k) {
                costs_[k * stride_ + i] = p_->cost(t, gpus_[k]);
                loads_[k * stride_ + i] = static_cast<double>(p_->load(t, gpus_[k]));
            }
        }
    }
    struct cheapest_of_tile {
        std::array<double, tile> reduced;
        std::array<double, tile> gpu;  // its position, a double so that compilers vectorise the choice
    };
    /// The first GPU of least reduced cost of each of some tasks.
    [[nodiscard]] cheapest_of_tile cheapest(std::size_t first, const per_gpu& prices) const noexcept {
        cheapest_of_tile best;
        best.reduced.fill(std::numeric_limits<double>::infinity());
        best.gpu.fill(0.0);
        for (std::size_t k = 0; k < count_; ++k) {
            const double* cost = costs_.data() + k * stride_ + first;
            const double* load = loads_.data() + k * stride_ + first;
            const double weight = prices[k] + tilt_;
            const auto gpu = static_cast<double>(k);
            for (std::size_t j = 0; j < tile; ++j) {
                const double reduced = cost[j] + weight * load[j];
                const bool less = reduced < best.reduced[j];
                best.gpu[j] = less ? gpu : best.gpu[j];
                best.reduced[j] = less ? reduced : best.reduced[j];
            }
        }
        return best;
    }

    /// Subgradient steps from the problem's prices. Sets the block's own prices and returns their bound.
    [[nodiscard]] double price(double goal) {
        per_gpu trial{};
        per_gpu excess{};
        for (std::size_t k = 0; k < count_; ++k) trial[k] = p_->price(gpus_[k]);
        double best = -std::numeric_limits<double>::infinity();
        double factor = 0.5;
        for (std::size_t i = 0; i < price_steps; ++i) {
            double value = 0.0;
            for (std::size_t k = 0; k < count_; ++k) {
                excess[k] = -capacity(k);
                value += trial[k] * excess[k];
            }
            for (std::size_t first = 0; first < tasks_.size(); first += tile) {
                const cheapest_of_tile seen = cheapest(first, trial);
                const std::size_t size = std::min(tile, tasks_.size() - first);
                for (std::size_t j = 0; j < size; ++j) {
                    const auto at = static_cast<std::size_t>(seen.gpu[j]);
                    value += seen.reduced[j];
                    excess[at] += load(first + j, at);
                }
            }
            if (value > best) {
                best = value;
                prices_ = trial;
            } else {
                factor *= 0.6;
            }
            if (best > goal) return best;
            double norm = 0.0;
            for (std::size_t k = 0; k < count_; ++k) {
                if (trial[k] <= 0.0 && excess[k] < 0.0) excess[k] = 0.0;
                norm += excess[k] * excess[k];
            }
            if (norm == 0.0) return best;
            const double size = factor * (goal - best + step_) / norm;
            for (std::size_t k = 0; k < count_; ++k) {
                const double moved = trial[k] + size * excess[k];
                trial[k] = moved > 0.0 ? moved : 0.0;
            }
        }
        return best;
    }

    /// Puts every task on its cheapest GPU; tasks with another GPU within the budget are open.
    void collect() {
        for (std::size_t k = 0; k < count_; ++k) room_[k] = capacity(k);
        target_.resize(tasks_.size());
        open_.clear();
        for (std::size_t first = 0; first < tasks_.size(); first += tile) {
            const cheapest_of_tile seen = cheapest(first, prices_);
            const std::size_t size = std::min(tile, tasks_.size() - first);
            for (std::size_t j = 0; j < size; ++j) open(first + j, seen.reduced[j]);
        }
        chosen_.resize(open_.size());
    }

    /// Puts a task on its cheapest GPU, and lists those within the budget if there are others.
    void open(std::size_t i, double least) {
        per_gpu reduced{};
        std::size_t affordable = 0;
        for (std::size_t k = 0; k < count_; ++k) {
            reduced[k] = costs_[k * stride_ + i] + (prices_[k] + tilt_) * load(i, k);
            affordable += reduced[k] - least <= budget_ ? 1 : 0;
        }
        const bool alone = affordable < 2;
        if (!alone) open_.resize(open_.size() + 1);
        open_task only;
        open_task& o = alone ? only : open_.back();
        o.task = static_cast<std::uint32_t>(i);
        o.choices = 0;
        for (std::uint32_t k = 0; k < count_; ++k) {
            if (!(reduced[k] - least <= budget_)) continue;
            std::uint32_t at = o.choices++;
            for (; at > 0 && reduced[k] < o.regret[at - 1]; --at) {
                o.regret[at] = o.regret[at - 1];
                o.gpu[at] = o.gpu[at - 1];
            }
            o.regret[at] = reduced[k];
            o.gpu[at] = k;
        }
        for (std::uint32_t c = 0; c < o.choices; ++c) {
            o.regret[c] -= least;
            o.load[c] = load(i, o.gpu[c]);
        }
        target_[i] = o.gpu[0];
        room_[o.gpu[0]] -= o.load[0];
    }
    /// Sorts open tasks by falling regret of the second choice, equals in random order.
    void order(xoshiro256& random) {
        sorted_.clear();
        for (std::size_t i = 0; i < open_.size(); ++i) sorted_.push_back(static_cast<std::uint32_t>(i));
        shuffle(random, std::span{sorted_.data(), sorted_.size()});
        for (std::size_t i = 0; i < sorted_.size(); ++i) open_[sorted_[i]].tie = static_cast<std::uint32_t>(i);
        std::sort(sorted_.begin(), sorted_.end(), [this](std::uint32_t a, std::uint32_t b) {
            const open_task& x = open_[a];
            const open_task& y = open_[b];
            return x.regret[1] != y.regret[1] ? x.regret[1] > y.regret[1] : x.tie < y.tie;
        });
    }

    /// For the tasks from the i-th on: the load that can still leave a GPU or come to it, and the least regret per unit
    /// leaving.
    void look_ahead() {
        const std::size_t rows = sorted_.size() + 1;
        leaving_.resize(rows * count_);
        coming_.resize(rows * count_);
        rate_.resize(rows * count_);
        for (std::size_t k = 0; k < count_; ++k) {
            leaving_[(rows - 1) * count_ + k] = 0.0;
            coming_[(rows - 1) * count_ + k] = 0.0;
            rate_[(rows - 1) * count_ + k] = 0.0;
        }
        for (std::size_t i = sorted_.size(); i-- > 0;) {
            for (std::size_t k = 0; k < count_; ++k) {
                leaving_[i * count_ + k] = leaving_[(i + 1) * count_ + k];
                coming_[i * count_ + k] = coming_[(i + 1) * count_ + k];
                rate_[i * count_ + k] = rate_[(i + 1) * count_ + k];
            }
            const open_task& o = open_[sorted_[i]];
            const std::size_t cheapest = i * count_ + o.gpu[0];
            if (o.load[0] > 0.0) {
                const double rate = o.regret[1] / o.load[0];
                if (leaving_[cheapest] == 0.0 || rate < rate_[cheapest]) rate_[cheapest] = rate;
                leaving_[cheapest] += o.load[0];
            }
            for (std::uint32_t c = 1; c < o.choices; ++c) coming_[i * count_ + o.gpu[c]] += o.load[c];
        }
    }

    void descend(std::size_t i, double regret) {
        if (++nodes_ > max_nodes_) {
            cut_off_ = true;
            return;
        }
        double least = regret;
        for (std::size_t k = 0; k < count_; ++k) {
            const std::size_t at = i * count_ + k;
            if (room_[k] < 0.0) {
                if (room_[k] + leaving_[at] < 0.0) return;
                least -= room_[k] * rate_[at];
            } else if (room_[k] > coming_[at]) {
                least += prices_[k] * (room_[k] - coming_[at]);
            }
        }
        if (least > budget_) return;
        if (i == sorted_.size()) {
            found_ = true;
            budget_ = least - step_;
            for (std::size_t j = 0; j < sorted_.size(); ++j) {
                target_[open_[sorted_[j]].task] = open_[sorted_[j]].gpu[chosen_[j]];
            }
            return;
        }
        const open_task& o = open_[sorted_[i]];
        chosen_[i] = 0;
        descend(i + 1, regret);
        for (std::uint32_t c = 1; c < o.choices && !cut_off_; ++c) {
            if (regret + o.regret[c] > budget_) return;
            chosen_[i] = c;
            room_[o.gpu[0]] += o.load[0];
            room_[o.gpu[c]] -= o.load[c];
            descend(i + 1, regret + o.regret[c]);
            room_[o.gpu[0]] -= o.load[0];
            room_[o.gpu[c]] += o.load[c];
        }
    }

    const priced_problem* p_;
    double tilt_;
    std::span<const std::uint32_t> gpus_;
    std::span<const std::uint32_t> tasks_;
    std::size_t count_ = 0;
    double step_ = 0.0;
    double budget_ = 0.0;  // for regrets and unused capacity
    double cost_ = 0.0;
    std::uint64_t max_nodes_ = 0;
    std::uint64_t nodes_ = 0;
    bool found_ = false;
    bool cut_off_ = false;
    per_gpu prices_{};
    per_gpu room_{};  // negative where overloaded; whole numbers, so exact
    std::size_t stride_ = 0;
    flat<double> costs_;  // of the block, GPU by GPU
    flat<double> loads_;
    flat<open_task> open_;
    flat<std::uint32_t> sorted_;
    flat<std::uint32_t> chosen_;
    flat<std::uint32_t> target_;
    flat<double> leaving_;
    flat<double> coming_;
    flat<double> rate_;
};

}  // namespace berth::inline v0::detail
