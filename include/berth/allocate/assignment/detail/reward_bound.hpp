// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/detail/assignment_domain.hpp"
#include "berth/allocate/assignment/detail/knapsack_rows.hpp"
#include "berth/allocate/assignment/detail/knapsack_tree.hpp"
#include "berth/allocate/assignment/detail/poller.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/core/flat.hpp"
#include "berth/model/resources.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace berth::inline v0::detail {

/// The Lagrangian relaxation of the assignments: with a reward v for serving each task,
///
///     L(v) = sum over tasks of v_t  -  sum over GPUs of the best knapsack with profits v_t - cost(t, g)
///
/// At least as high as the linear relaxation, higher where knapsacks do not fill up. Capacities beyond `width` are
/// counted in coarser units and loads rounded down, which keeps it a bound. Costs and rewards on a `cost_grid` add up
/// without rounding.
class reward_bound {
public:
    /// @param costs  a row for each task; outlives the bound
    reward_bound(const priced_problem& p, std::size_t width, const double* costs)
        : p_{&p},
          costs_{costs},
          width_{width},
          served_(p.tasks(), 0),
          taken_on_(p.tasks(), 0),
          through_(p.tasks() * p.gpus(), 0.0) {}

    /// Copies the open and allowed pairs. To call before `evaluate` and `look_through` whenever the domain has changed.
    void read(const assignment_domain& domain) {
        open_.clear();
        first_.clear();
        for (std::size_t g = 0; g < p_->gpus(); ++g) {
            first_.push_back(open_.size());
            for (std::size_t t = 0; t < p_->tasks(); ++t) {
                if (domain.gpu_of(t) == assignment_domain::none && domain.allowed(t, g)) {
                    open_.push_back({cost(t, g), p_->load(t, g), static_cast<std::uint32_t>(t)});
                }
            }
        }
        first_.push_back(open_.size());
    }
    /// L(rewards); without meaning once the poller has ended it. O(GPUs × tasks × width) at worst.
    template <class Poller = endless_poller>
    [[nodiscard]] double evaluate(const assignment_domain& domain, const double* rewards, Poller&& poll = {}) {
        double value = open_rewards(domain, rewards);
        served_.assign(p_->tasks(), 0);
        for (std::size_t g = 0; g < p_->gpus(); ++g) {
            const auto serve = [&](std::size_t k) {
                const std::size_t t = items_[k].task;
                if (served_[t]++ == 0 || cost(t, g) < cost(t, taken_on_[t])) taken_on_[t] = g;
            };
            collect(rewards, g);
            if (!poll.work(work(domain.room(g)))) break;
            if (search(domain.room(g))) {
                value -= tree_.best();
                tree_.chosen(serve);
            } else {
                value -= fill_rest(domain.room(g), serve);
                rows_.chosen([&](std::size_t k) { serve(rest_[k]); });
            }
        }
        return value;
    }
    /// On how many GPUs the last evaluation served a task, and the cheapest of them.
    [[nodiscard]] std::size_t served(std::size_t t) const noexcept { return served_[t]; }
    [[nodiscard]] std::size_t taken_on(std::size_t t) const noexcept { return taken_on_[t]; }

    /// Computes the bound with a pair forced, `through(t, g)`, for every allowed pair of an open task. False if the
    /// poller ends it.
    template <class Poller = endless_poller>
    bool look_through(const assignment_domain& domain, const double* rewards, Poller&& poll = {}) {
        const std::size_t gpus = p_->gpus();
        double value = open_rewards(domain, rewards);
        lost_.assign(p_->tasks(), 0.0);
        for (std::size_t g = 0; g < gpus; ++g) {
            collect(rewards, g);
            if (!poll.work(2 * work(domain.room(g)))) return false;
            amount extra = 0;
            for (std::size_t i = first_[g]; i < first_[g + 1]; ++i) {
                const open_pair& pair = open_[i];
                if (!(rewards[pair.task] - pair.cost > 0.0) && pair.load > extra) extra = pair.load;
            }
            fill(domain.room(g), extra);
            rows_.look_back();
            const double best = rows_.best();
            value -= best;
            for (std::size_t i = first_[g]; i < first_[g + 1]; ++i) {
                const open_pair& pair = open_[i];
                const double profit = rewards[pair.task] - pair.cost;
                if (profit > 0.0) continue;  // an item, see below
                through_[pair.task * gpus + g] = best - rows_.with_extra(profit, units(pair.load));
            }
            for (std::size_t k = 0; k < rows_.size(); ++k) {
                if (!poll.work(width(domain.room(g)) / 4)) return false;
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
        return true;
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

    [[nodiscard]] double cost(std::size_t t, std::size_t g) const noexcept { return costs_[t * p_->gpus() + g]; }
    /// The rewards of open tasks, and the costs of the others.
    [[nodiscard]] double open_rewards(const assignment_domain& domain, const double* rewards) const {
        double sum = 0.0;
        for (std::size_t t = 0; t < p_->tasks(); ++t) {
            const std::size_t g = domain.gpu_of(t);
            sum += g == assignment_domain::none ? rewards[t] : cost(t, g);
        }
        return sum;
    }
    [[nodiscard]] std::size_t units(amount load) const noexcept { return static_cast<std::size_t>(load / unit_); }
    [[nodiscard]] std::size_t width(amount room) const noexcept {
        return std::min(width_, static_cast<std::size_t>(room));
    }
    /// Of one knapsack, in the units of a poller.
    [[nodiscard]] std::uint64_t work(amount room) const noexcept {
        return p_->tasks() + items_.size() * width(room) / 8;
    }
    /// Items of a GPU's knapsack: the open tasks with a positive profit there.
    void collect(const double* rewards, std::size_t g) {
        items_.clear();
        for (std::size_t i = first_[g]; i < first_[g + 1]; ++i) {
            const double profit = rewards[open_[i].task] - open_[i].cost;
            if (profit > 0.0) items_.push_back({profit, open_[i].load, open_[i].task});
        }
    }
    /// Solves the knapsack by a short tree search; false if that takes too long.
    [[nodiscard]] bool search(amount room) {
        if (room > most_exact) return false;
        tree_.start();
        for (const item& i : items_) tree_.add(i.profit, i.load);
        return tree_.solve(room, 8 * items_.size() + 50);
    }
    /// After a `search` without success: solves it by dynamic programming for the items that are open still. Serves the
    /// others and returns the profit of all.
    template <class Serve>
    [[nodiscard]] double fill_rest(amount room, const Serve& serve) {
        unit_ = 1 + room / static_cast<amount>(width_);
        rest_.clear();
        double profit = 0.0;
        if (unit_ > 1) {
            for (std::size_t k = 0; k < items_.size(); ++k) rest_.push_back(k);
        } else {
            tree_.reduce(
                room,
                [&](std::size_t k) {
                    room -= items_[k].load;
                    profit += items_[k].profit;
                    serve(k);
                },
                [&](std::size_t k) { rest_.push_back(k); });
        }
        rows_.start(units(room));
        std::size_t fitting = 0;  // beside those that are served
        for (const std::size_t k : rest_) {
            if (items_[k].load > room) continue;
            rest_[fitting++] = k;
            rows_.add(items_[k].profit, units(items_[k].load));
        }
        rows_.fill();
        return profit + rows_.best();
    }
    /// Solves it by dynamic programming, for extra items of a load of at most `extra`.
    void fill(amount room, amount extra = 0) {
        unit_ = 1 + room / static_cast<amount>(width_);
        rows_.start(units(room));
        for (const item& i : items_) rows_.add(i.profit, units(i.load));
        rows_.fill(units(extra));
    }

    static constexpr amount most_exact = amount{1} << 53U;  // as a double, which the tree counts in

    const priced_problem* p_;
    const double* costs_;
    std::size_t width_;
    amount unit_ = 1;
    knapsack_rows rows_;
    knapsack_tree tree_;
    flat<open_pair> open_;  // GPU by GPU
    flat<std::size_t> first_;
    flat<item> items_;
    flat<std::size_t> rest_;  // of the items
    flat<std::size_t> served_;
    flat<std::size_t> taken_on_;
    flat<double> lost_;
    flat<double> through_;
};

}  // namespace berth::inline v0::detail
