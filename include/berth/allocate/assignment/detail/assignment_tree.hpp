// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/detail/knapsack_rows.hpp"
#include "berth/allocate/assignment/detail/knapsack_tree.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace berth::inline v0::detail {

/// What is decided at a node of branch and bound: which pairs are still allowed, which tasks have a GPU, what room is left; with a
/// trail to take it back.
class assignment_domain {
public:
    static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

    explicit assignment_domain(const priced_problem& p)
        : p_{&p}, allowed_(p.tasks() * p.gpus(), 1), choices_(p.tasks(), p.gpus()), gpu_of_(p.tasks(), none) {
        room_.append(p.capacities());
    }
    [[nodiscard]] bool allowed(std::size_t t, std::size_t g) const noexcept {
        return allowed_[t * p_->gpus() + g] != 0;
    }
    [[nodiscard]] std::size_t gpu_of(std::size_t t) const noexcept { return gpu_of_[t]; }
    [[nodiscard]] std::size_t choices(std::size_t t) const noexcept { return choices_[t]; }
    [[nodiscard]] amount room(std::size_t g) const noexcept { return room_[g]; }
    [[nodiscard]] double cost() const noexcept {
        double sum = 0.0;
        for (std::size_t t = 0; t < p_->tasks(); ++t) sum += gpu_of_[t] == none ? 0.0 : p_->cost(t, gpu_of_[t]);
        return sum;
    }
    [[nodiscard]] bool complete() const noexcept {
        for (const std::size_t g : gpu_of_) {
            if (g == none) return false;
        }
        return true;
    }

    [[nodiscard]] std::size_t mark() const noexcept { return trail_.size(); }
    void undo(std::size_t mark) noexcept {
        for (; trail_.size() > mark; trail_.pop_back()) {
            const change last = trail_.back();
            if (last.placed) {
                gpu_of_[last.task] = none;
                room_[last.gpu] += p_->load(last.task, last.gpu);
            } else {
                allowed_[last.task * p_->gpus() + last.gpu] = 1;
                ++choices_[last.task];
            }
        }
    }
    void forbid(std::size_t t, std::size_t g) {
        if (!allowed(t, g)) return;
        allowed_[t * p_->gpus() + g] = 0;
        --choices_[t];
        trail_.push_back({static_cast<std::uint32_t>(t), static_cast<std::uint32_t>(g), false});
    }
    void place(std::size_t t, std::size_t g) {
        gpu_of_[t] = g;
        room_[g] -= p_->load(t, g);
        trail_.push_back({static_cast<std::uint32_t>(t), static_cast<std::uint32_t>(g), true});
    }
    /// Forbids what no longer fits and places tasks with one choice, until nothing changes. False if some task has no choice left.
    [[nodiscard]] bool settle() {
        for (bool changed = true; changed;) {
            changed = false;
            for (std::size_t t = 0; t < p_->tasks(); ++t) {
                if (gpu_of_[t] != none) continue;
                std::size_t only = none;
                for (std::size_t g = 0; g < p_->gpus(); ++g) {
                    if (!allowed(t, g)) continue;
                    if (p_->load(t, g) > room_[g]) {
                        forbid(t, g);
                    } else {
                        only = g;
                    }
                }
                if (choices_[t] == 0) return false;
                if (choices_[t] > 1) continue;
                place(t, only);
                changed = true;
            }
        }
        return true;
    }

private:
    struct change {
        std::uint32_t task;
        std::uint32_t gpu;
        bool placed;
    };

    const priced_problem* p_;
    flat<char> allowed_;
    flat<std::size_t> choices_;
    flat<std::size_t> gpu_of_;
    flat<amount> room_;
    flat<change> trail_;
};

/// The Lagrangian relaxation of the assignments: with a reward v for serving each task,
///
///     L(v) = sum over tasks of v_t  -  sum over GPUs of the most that a knapsack makes of profits v_t - cost(t, g)
///
/// which bounds at least as well as the linear relaxation, and better wherever knapsacks do not fill up. Capacities beyond `width`
/// are counted in coarser units, loads rounded down, which keeps it a bound.
class reward_bound {
public:
    reward_bound(const priced_problem& p, std::size_t width)
        : p_{&p},
          width_{width},
          hopeless_(p.gpus(), std::numeric_limits<std::size_t>::max()),
          served_(p.tasks(), 0),
          taken_on_(p.tasks(), 0),
          through_(p.tasks() * p.gpus(), 0.0) {}

    /// Takes note of what is open and allowed. Before `evaluate` and `look_through`, whenever the domain has changed.
    void read(const assignment_domain& domain) {
        open_.clear();
        first_.clear();
        for (std::size_t g = 0; g < p_->gpus(); ++g) {
            first_.push_back(open_.size());
            for (std::size_t t = 0; t < p_->tasks(); ++t) {
                if (domain.gpu_of(t) == assignment_domain::none && domain.allowed(t, g)) {
                    open_.push_back({p_->cost(t, g), p_->load(t, g), static_cast<std::uint32_t>(t)});
                }
            }
        }
        first_.push_back(open_.size());
    }
    /// O(GPUs × tasks × width) at worst.
    [[nodiscard]] double evaluate(const assignment_domain& domain, const double* rewards) {
        double value = open_rewards(domain, rewards);
        served_.assign(p_->tasks(), 0);
        for (std::size_t g = 0; g < p_->gpus(); ++g) {
            const auto serve = [&](std::size_t k) {
                const std::size_t t = items_[k].task;
                if (served_[t]++ == 0 || p_->cost(t, g) < p_->cost(t, taken_on_[t])) taken_on_[t] = g;
            };
            collect(rewards, g);
            if (search(domain.room(g), g)) {
                value -= tree_.best();
                tree_.chosen(serve);
            } else {
                fill(domain.room(g));
                value -= rows_.best();
                rows_.chosen(serve);
            }
        }
        return value;
    }
    /// How often the last evaluation served a task, and where cheapest.
    [[nodiscard]] std::size_t served(std::size_t t) const noexcept { return served_[t]; }
    [[nodiscard]] std::size_t taken_on(std::size_t t) const noexcept { return taken_on_[t]; }

    /// The bound with a pair forced, for every allowed pair of an open task: `through(t, g)`.
    void look_through(const assignment_domain& domain, const double* rewards) {
        const std::size_t gpus = p_->gpus();
        double value = open_rewards(domain, rewards);
        lost_.assign(p_->tasks(), 0.0);
        for (std::size_t g = 0; g < gpus; ++g) {
            collect(rewards, g);
            fill(domain.room(g));
            rows_.look_back();
            const double best = rows_.best();
            value -= best;
            for (std::size_t i = first_[g]; i < first_[g + 1]; ++i) {
                const open_pair& pair = open_[i];
                through_[pair.task * gpus + g] =
                    best - rows_.with_extra(rewards[pair.task] - pair.cost, units(pair.load));
            }
            for (std::size_t k = 0; k < rows_.size(); ++k) {
                const std::size_t t = items_[k].task;
                const double out = best - rows_.without(k);
                lost_[t] += out;
                through_[t * gpus + g] = best - rows_.with(k) - out;
            }
        }
        for (std::size_t g = 0; g < gpus; ++g) {
            for (std::size_t i = first_[g]; i < first_[g + 1]; ++i) {
                through_[open_[i].task * gpus + g] += value + lost_[open_[i].task];
            }
        }
    }
    [[nodiscard]] double through(std::size_t t, std::size_t g) const noexcept { return through_[t * p_->gpus() + g]; }

private:
    struct open_pair {
        double cost;
        amount load;
        std::uint32_t task;
    };
    struct item {
        double profit;
        amount load;
        std::uint32_t task;
    };

    [[nodiscard]] static double open_rewards(const assignment_domain& domain, const double* rewards,
                                             std::size_t tasks) {
        double sum = domain.cost();
        for (std::size_t t = 0; t < tasks; ++t) sum += domain.gpu_of(t) == assignment_domain::none ? rewards[t] : 0.0;
        return sum;
    }
    [[nodiscard]] double open_rewards(const assignment_domain& domain, const double* rewards) const {
        return open_rewards(domain, rewards, p_->tasks());
    }
    [[nodiscard]] std::size_t units(amount load) const noexcept { return static_cast<std::size_t>(load / unit_); }
    /// The open tasks that fit and are worth serving on a GPU.
    void collect(const double* rewards, std::size_t g) {
        items_.clear();
        for (std::size_t i = first_[g]; i < first_[g + 1]; ++i) {
            const double profit = rewards[open_[i].task] - open_[i].cost;
            if (profit > 0.0) items_.push_back({profit, open_[i].load, open_[i].task});
        }
    }
    /// Their knapsack by a short search; false if it takes too long. With about as many items it is not tried again.
    [[nodiscard]] bool search(amount room, std::size_t g) {
        const std::size_t size = items_.size();
        if (size >= hopeless_[g]) return false;
        tree_.start();
        for (const item& i : items_) tree_.add(i.profit, i.load);
        const std::size_t width = std::min(width_, static_cast<std::size_t>(room));
        const bool solved = tree_.solve(room, 1'000 + size * width / 8);
        if (!solved) hopeless_[g] = size - size / 8;
        return solved;
    }
    /// The same by rows.
    void fill(amount room) {
        unit_ = 1 + room / static_cast<amount>(width_);
        rows_.start(units(room));
        for (const item& i : items_) rows_.add(i.profit, units(i.load));
    }

    const priced_problem* p_;
    std::size_t width_;
    amount unit_ = 1;
    knapsack_rows rows_;
    knapsack_tree tree_;
    flat<open_pair> open_;  // GPU by GPU
    flat<std::size_t> first_;
    flat<std::size_t> hopeless_;  // of each GPU, the items from which on a search takes too long
    flat<item> items_;
    flat<std::size_t> served_;
    flat<std::size_t> taken_on_;
    flat<double> lost_;
    flat<double> through_;
};

}  // namespace berth::inline v0::detail
