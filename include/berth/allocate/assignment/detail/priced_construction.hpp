// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/detail/load_tilt.hpp"
#include "berth/allocate/assignment/detail/poller.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/allocate/assignment/warm_start.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/random.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

// Length: the four steps share the loads, the marks of what changed and the poller; one step alone means nothing.

namespace berth::inline v0::detail {

/// Construction, repair, descent and rebuilding of one assignment, all by reduced cost. Prices are slightly above those
/// of the bound, so that among GPUs of equal reduced cost the one where the task is lighter wins.
///
/// Every step takes a poller and leaves an assignment with a GPU for every task when that ends it.
class priced_construction {
public:
    explicit priced_construction(const priced_problem& p) : priced_construction(p, endless_poller{}) {}
    template <class Poller>
    priced_construction(const priced_problem& p, Poller&& poll) : p_{p}, gpu_of_(p.tasks()), touched_(p.gpus(), 1) {
        room_.append(p.capacities());
        const double tilt = load_tilt(p, poll);
        for (std::size_t g = 0; g < gpus(); ++g) prices_.push_back(p.price(g) + tilt);
    }

    /// By falling regret. Tasks that fit nowhere go last, where they exceed least; once the poller ends it, the rest
    /// follow their candidate lists.
    template <class Poller>
    void construct(Poller& poll) {
        std::vector<waiting> heap;
        heap.reserve(p_.tasks());
        std::size_t seen = 0;
        for (; seen < p_.tasks() && poll.work(gpus()); ++seen) heap.push_back(look(seen));
        std::make_heap(heap.begin(), heap.end());
        flat<std::size_t> without_room;
        bool going = seen == p_.tasks();
        while (going && !heap.empty()) {
            std::pop_heap(heap.begin(), heap.end());
            const waiting top = heap.back();
            heap.pop_back();
            if (top.gpu == gpus()) {
                without_room.push_back(top.task);
            } else if (load(top.task, top.gpu) <= room_[top.gpu]) {
                put(top.task, top.gpu);
            } else {
                heap.push_back(look(top.task));
                std::push_heap(heap.begin(), heap.end());
                going = poll.work(gpus());
            }
        }
        for (const std::size_t t : without_room) {
            going = going && poll.work(gpus());
            put(t, going ? least_excess(t) : first_with_room(t));
        }
        for (const waiting& rest : heap) put(rest.task, first_with_room(rest.task));
        for (; seen < p_.tasks(); ++seen) put(seen, first_with_room(seen));
    }

    /// @param start  complete
    void take(warm_start start) {
        room_.clear();
        room_.append(p_.capacities());
        for (std::size_t t = 0; t < p_.tasks(); ++t) put(t, start[t].value());
    }

    /// Repeats the best move or swap out of an overloaded GPU, by reduced cost and weighted excess. Tasks that moved
    /// rest for a few rounds; the weight of a GPU grows while it stays overloaded.
    template <class Poller>
    void repair(xoshiro256& random, std::size_t max_repairs, Poller& poll) {
        double mean = 1e-6;
        for (const double each : prices_) mean += each / static_cast<double>(gpus());
        flat<double> weight(gpus());
        for (std::size_t g = 0; g < gpus(); ++g) weight[g] = prices_[g] + mean;
        flat<std::size_t> rests_until(p_.tasks(), 0);
        flat<std::size_t> overloaded;
        const auto over = [&](std::size_t g, amount room) {
            return room < 0 ? -static_cast<double>(room) * weight[g] : 0.0;
        };
        for (std::size_t round = 1; round <= max_repairs; ++round) {
            overloaded.clear();
            for (std::size_t g = 0; g < gpus(); ++g) {
                if (room_[g] < 0) overloaded.push_back(g);
            }
            if (overloaded.empty() || !poll.next_round()) return;
            const std::size_t from = overloaded[bounded(random, static_cast<std::uint32_t>(overloaded.size()))];
            step best{};
            for (std::size_t t = 0; t < p_.tasks(); ++t) {
                if (gpu_of_[t] != from || rests_until[t] > round) continue;
                if (!poll.work(gpus() + p_.tasks())) return;
                const amount left = room_[from] + load(t, from);
                const double base = -over(from, room_[from]) - price(t, from);
                evaluations_ += gpus() + p_.tasks();
                for (std::size_t g = 0; g < gpus(); ++g) {
                    if (g == from) continue;
                    const double delta =
                        base + over(from, left) + price(t, g) + over(g, room_[g] - load(t, g)) - over(g, room_[g]);
                    if (delta < best.delta) best = {delta, t, g, p_.tasks()};
                }
                for (std::size_t u = 0; u < p_.tasks(); ++u) {
                    const std::size_t g = gpu_of_[u];
                    if (g == from || rests_until[u] > round) continue;
                    const double delta = base + price(t, g) + price(u, from) - price(u, g) +
                                         over(from, left - load(u, from)) +
                                         over(g, room_[g] + load(u, g) - load(t, g)) - over(g, room_[g]);
                    if (delta < best.delta) best = {delta, t, g, u};
                }
            }
            for (const std::size_t g : overloaded) weight[g] *= 1.25;
            if (best.to == none) continue;
            move(best.task, best.to);
            rests_until[best.task] = round + 4 + bounded(random, 8);
            if (best.other == p_.tasks()) continue;
            move(best.other, from);
            rests_until[best.other] = round + 4 + bounded(random, 8);
        }
    }

    /// Moves each task in turn to its cheapest GPU, or swaps it with the partner that saves most, within the
    /// capacities. Considers only changes that involve a GPU touched since the last descent.
    template <class Poller>
    void descend(std::size_t max_passes, Poller& poll) {
        for (std::size_t pass = 0; pass < max_passes && poll.next_round(); ++pass) {
            active_.swap(touched_);
            touched_.assign(gpus(), 0);
            const auto fresh = [this](std::size_t g) { return active_[g] != 0 || touched_[g] != 0; };
            bool better = false;
            for (std::size_t t = 0; t < p_.tasks(); ++t) {
                const std::size_t from = gpu_of_[t];
                const bool everywhere = fresh(from);
                if (!poll.work(gpus() + (everywhere ? p_.tasks() : 0))) return;
                step best{-1e-9, t, none, p_.tasks()};
                evaluations_ += gpus();
                for (std::size_t g = 0; g < gpus(); ++g) {
                    const double delta = cost(t, g) - cost(t, from);
                    if (g == from || delta >= best.delta || load(t, g) > room_[g]) continue;
                    if (everywhere || fresh(g)) best = {delta, t, g, p_.tasks()};
                }
                if (everywhere) {
                    evaluations_ += p_.tasks();
                    const amount left = room_[from] + load(t, from);
                    for (std::size_t u = 0; u < p_.tasks(); ++u) {
                        const std::size_t g = gpu_of_[u];
                        const double delta = cost(t, g) - cost(t, from) + cost(u, from) - cost(u, g);
                        if (g == from || delta >= best.delta) continue;
                        if (load(t, g) > room_[g] + load(u, g) || load(u, from) > left) continue;
                        best = {delta, t, g, u};
                    }
                }
                if (best.to == none) continue;
                move(t, best.to);
                if (best.other != p_.tasks()) move(best.other, from);
                better = true;
            }
            if (!better) return;
        }
    }

    /// Empties the GPU of a random task and a few of its candidates, refills them by regret with some noise, repairs
    /// and descends; undone unless feasible and no more expensive. True if the cost fell.
    template <class Poller>
    [[nodiscard]] bool rebuild(xoshiro256& random, Poller& poll) {
        const double before = total_cost();
        evaluations_ += p_.tasks();
        saved_gpu_of_ = gpu_of_;
        saved_room_ = room_;
        const std::size_t count = 2 + bounded(random, 3);
        emptied_.assign(gpus(), 0);
        const std::size_t centre = bounded(random, static_cast<std::uint32_t>(p_.tasks()));
        emptied_[gpu_of_[centre]] = 1;
        const auto near = p_.candidates().of(task_index{centre});
        for (std::size_t k = 1; k < count; ++k) {
            const std::size_t pick = bounded(random, static_cast<std::uint32_t>(near.size() + 1));
            const std::size_t other = bounded(random, static_cast<std::uint32_t>(gpus()));
            emptied_[pick < near.size() ? near[pick].value() : other] = 1;
        }
        waiting_.clear();
        for (std::size_t t = 0; t < p_.tasks(); ++t) {
            const std::size_t g = gpu_of_[t];
            if (emptied_[g] == 0) continue;
            room_[g] += load(t, g);
            touched_[g] = 1;
            waiting_.push_back(t);
        }
        bool whole = true;
        while (whole && !waiting_.empty()) {
            std::size_t next = 0;
            waiting best{-1.0, 0, 0};
            for (std::size_t k = 0; k < waiting_.size() && whole; ++k) {
                waiting seen = look(waiting_[k]);
                if (seen.gpu == gpus())
                    seen = {std::numeric_limits<double>::max(), waiting_[k], least_excess(waiting_[k])};
                seen.regret *= 0.5 + uniform01(random);
                if (seen.regret > best.regret) {
                    best = seen;
                    next = k;
                }
                whole = poll.work(gpus());
            }
            put(best.task, best.gpu);
            waiting_[next] = waiting_.back();
            waiting_.pop_back();
        }
        if (whole) repair(random, 60, poll);
        if (whole && feasible()) descend(20, poll);
        const double after = total_cost();
        if (whole && feasible() && after <= before) return after < before;
        gpu_of_.swap(saved_gpu_of_);
        room_.swap(saved_room_);
        touched_.assign(gpus(), 0);
        return false;
    }
    [[nodiscard]] bool feasible() const noexcept {
        for (const amount room : room_) {
            if (room < 0) return false;
        }
        return true;
    }
    [[nodiscard]] double total_cost() const noexcept {
        double sum = 0.0;
        for (std::size_t t = 0; t < p_.tasks(); ++t) sum += cost(t, gpu_of_[t]);
        return sum;
    }

    [[nodiscard]] gpu_assignment assignment() const {
        gpu_assignment answer;
        answer.reserve(p_.tasks());
        for (const std::size_t g : gpu_of_) answer.push_back(gpu_index{g});
        return answer;
    }
    [[nodiscard]] std::uint64_t evaluations() const noexcept { return evaluations_; }
    [[nodiscard]] std::uint64_t accepted() const noexcept { return accepted_; }

private:
    static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

    struct waiting {
        double regret;
        std::size_t task;
        std::size_t gpu;

        friend bool operator<(const waiting& a, const waiting& b) noexcept {
            return a.regret != b.regret ? a.regret < b.regret : a.task > b.task;
        }
    };
    struct step {
        double delta = std::numeric_limits<double>::infinity();
        std::size_t task = none;
        std::size_t to = none;
        std::size_t other = none;  // the partner of a swap, the number of tasks for a single move
    };

    [[nodiscard]] std::size_t gpus() const noexcept { return p_.gpus(); }
    [[nodiscard]] double cost(std::size_t t, std::size_t g) const { return p_.cost(t, g); }
    [[nodiscard]] amount load(std::size_t t, std::size_t g) const { return p_.load(t, g); }
    [[nodiscard]] double price(std::size_t t, std::size_t g) const {
        return cost(t, g) + prices_[g] * static_cast<double>(load(t, g));
    }
    [[nodiscard]] waiting look(std::size_t t) {
        evaluations_ += gpus();
        double first = std::numeric_limits<double>::max();
        double second = first;
        std::size_t gpu = gpus();
        for (std::size_t g = 0; g < gpus(); ++g) {
            if (load(t, g) > room_[g]) continue;
            const double value = price(t, g);
            if (value < first) {
                second = first;
                first = value;
                gpu = g;
            } else {
                second = value < second ? value : second;
            }
        }
        return {second - first, t, gpu};
    }
    [[nodiscard]] std::size_t least_excess(std::size_t t) const {
        std::size_t best = 0;
        for (std::size_t g = 1; g < gpus(); ++g) {
            if (load(t, g) - room_[g] < load(t, best) - room_[best]) best = g;
        }
        return best;
    }
    [[nodiscard]] std::size_t first_with_room(std::size_t t) const {
        const auto list = p_.candidates().of(task_index{t});
        for (const gpu_index g : list) {
            if (load(t, g.value()) <= room_[g.value()]) return g.value();
        }
        return list.empty() ? 0 : list.front().value();
    }
    void put(std::size_t t, std::size_t g) {
        touched_[g] = 1;
        gpu_of_[t] = g;
        room_[g] -= load(t, g);
    }
    void move(std::size_t t, std::size_t g) {
        ++accepted_;
        room_[gpu_of_[t]] += load(t, gpu_of_[t]);
        touched_[gpu_of_[t]] = 1;
        put(t, g);
    }

    const priced_problem& p_;
    flat<std::size_t> gpu_of_;
    std::uint64_t evaluations_ = 0;
    std::uint64_t accepted_ = 0;
    flat<amount> room_;  // below zero where overloaded
    flat<double> prices_;
    flat<char> touched_;
    flat<char> active_;
    flat<char> emptied_;
    flat<std::size_t> waiting_;
    flat<std::size_t> saved_gpu_of_;
    flat<amount> saved_room_;
};

}  // namespace berth::inline v0::detail
