// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment_allocator.hpp"
#include "berth/allocate/priced_problem.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/random.hpp"
#include "berth/core/run_control.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace berth {

namespace detail {

/// Greedy construction, repair and descent share the loads.
class priced_construction {
public:
    explicit priced_construction(const priced_problem& p) : p_{p}, gpu_of_(p.tasks()) { room_.append(p.capacities()); }

    /// The task whose second choice is worst comes first; whoever fits nowhere at last goes where it exceeds least.
    void construct() {
        std::vector<waiting> heap;
        for (std::size_t t = 0; t < p_.tasks(); ++t) heap.push_back(look(t));
        std::make_heap(heap.begin(), heap.end());
        std::vector<std::size_t> homeless;
        while (!heap.empty()) {
            std::pop_heap(heap.begin(), heap.end());
            const waiting top = heap.back();
            heap.pop_back();
            if (top.gpu == gpus()) {
                homeless.push_back(top.task);
            } else if (load(top.task, top.gpu) <= room_[top.gpu]) {
                put(top.task, top.gpu);
            } else {
                heap.push_back(look(top.task));
                std::push_heap(heap.begin(), heap.end());
            }
        }
        for (const std::size_t t : homeless) {
            std::size_t best = 0;
            for (std::size_t g = 1; g < gpus(); ++g) {
                if (load(t, g) - room_[g] < load(t, best) - room_[best]) best = g;
            }
            put(t, best);
        }
    }

    void take(warm_start start) {
        for (std::size_t t = 0; t < p_.tasks(); ++t) put(t, start[t].value());
    }

    /// The best relocation or swap out of an overloaded GPU, by reduced cost and weighted excess; what moved rests a while, and
    /// GPUs that stay overloaded weigh more and more.
    template <class MayGoOn>
    void repair(std::uint64_t seed, std::size_t max_repairs, const MayGoOn& may_go_on) {
        xoshiro256 random{seed};
        double mean = 1e-6;
        for (const double price : p_.bound().prices) mean += price / static_cast<double>(gpus());
        std::vector<double> weight(gpus());
        for (std::size_t g = 0; g < gpus(); ++g) weight[g] = p_.price(g) + mean;
        std::vector<std::size_t> rests_until(p_.tasks(), 0);
        std::vector<std::size_t> overloaded;
        const auto over = [&](std::size_t g, amount room) {
            return room < 0 ? -static_cast<double>(room) * weight[g] : 0.0;
        };
        for (std::size_t round = 1; round <= max_repairs; ++round) {
            overloaded.clear();
            for (std::size_t g = 0; g < gpus(); ++g) {
                if (room_[g] < 0) overloaded.push_back(g);
            }
            if (overloaded.empty() || !may_go_on()) return;
            const std::size_t from = overloaded[bounded(random, static_cast<std::uint32_t>(overloaded.size()))];
            step best{};
            for (std::size_t t = 0; t < p_.tasks(); ++t) {
                if (gpu_of_[t] != from || rests_until[t] > round) continue;
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

    /// Each task in turn to where it is cheapest, or in exchange with the partner that saves most, within the capacities.
    template <class MayGoOn>
    void descend(std::size_t max_passes, const MayGoOn& may_go_on) {
        for (std::size_t pass = 0; pass < max_passes && may_go_on(); ++pass) {
            bool better = false;
            for (std::size_t t = 0; t < p_.tasks(); ++t) {
                const std::size_t from = gpu_of_[t];
                step best{-1e-9, t, none, p_.tasks()};
                evaluations_ += gpus() + p_.tasks();
                for (std::size_t g = 0; g < gpus(); ++g) {
                    const double delta = cost(t, g) - cost(t, from);
                    if (g != from && delta < best.delta && load(t, g) <= room_[g]) best = {delta, t, g, p_.tasks()};
                }
                for (std::size_t u = 0; u < p_.tasks(); ++u) {
                    const std::size_t g = gpu_of_[u];
                    const double delta = cost(t, g) - cost(t, from) + cost(u, from) - cost(u, g);
                    if (g == from || delta >= best.delta) continue;
                    if (load(t, g) > room_[g] + load(u, g) || load(u, from) > room_[from] + load(t, from)) continue;
                    best = {delta, t, g, u};
                }
                if (best.to == none) continue;
                move(t, best.to);
                if (best.other != p_.tasks()) move(best.other, from);
                better = true;
            }
            if (!better) return;
        }
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
        std::size_t other = none;  // the task that goes the other way; as many as there are tasks for none
    };

    [[nodiscard]] std::size_t gpus() const noexcept { return p_.gpus(); }
    [[nodiscard]] double cost(std::size_t t, std::size_t g) const { return p_.cost(t, g); }
    [[nodiscard]] amount load(std::size_t t, std::size_t g) const { return p_.load(t, g); }
    [[nodiscard]] double price(std::size_t t, std::size_t g) const { return p_.reduced(t, g); }
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
    void put(std::size_t t, std::size_t g) {
        gpu_of_[t] = g;
        room_[g] -= load(t, g);
    }
    void move(std::size_t t, std::size_t g) {
        ++accepted_;
        room_[gpu_of_[t]] += load(t, gpu_of_[t]);
        put(t, g);
    }

    const priced_problem& p_;
    flat<std::size_t> gpu_of_;
    std::uint64_t evaluations_ = 0;
    std::uint64_t accepted_ = 0;
    flat<amount> room_;  // below zero where overloaded
};

}  // namespace detail

/// Greedy allocation with prices, for the generalised assignment problem: tasks in order of falling regret (what the second
/// choice would cost more) on *reduced* costs, then repair of what does not fit, then descent over relocations and swaps.
/// With the prices of a good bound this is feasible where greedy on plain costs is not; whether it is, says `feasible()`.
/// A start is repaired and improved instead.
///
/// O(tasks × GPUs) and a few tasks² per pass. Deterministic per seed.
struct priced_greedy {
    std::uint64_t seed = 0;            ///< of the repair, which picks among overloaded GPUs
    std::size_t max_repairs = 20'000;  ///< relocations and swaps spent on getting feasible
    std::size_t max_passes = 50;       ///< over all tasks, each relocating or swapping them if that is cheaper

    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(const priced_problem& p, warm_start start = {},
                                      run_control<Stop, Observer> control = {}) const {
        BERTH_ASSERT(start.empty() || start.size() == p.tasks(), "berth: a start has a GPU for every task");
        detail::priced_construction work{p};
        notify::begin(control.observer, {});
        if (start.empty()) {
            work.construct();
        } else {
            work.take(start);
        }
        stop_reason stopped = stop_reason::completed;
        const auto may_go_on = [&] {
            stopped = control.check(work.evaluations());
            return stopped == stop_reason::completed;
        };
        work.repair(seed, max_repairs, may_go_on);
        if (stopped == stop_reason::completed) work.descend(max_passes, may_go_on);
        assignment_plan plan = p.plan_of(work.assignment());
        if (!start.empty()) {
            assignment_plan before = p.plan_of(gpu_assignment(start.begin(), start.end()));
            if (better(before, plan)) plan = std::move(before);
        }
        plan.evaluations = work.evaluations();
        plan.accepted = work.accepted();
        plan.stopped = stopped;
        notify::end(control.observer,
                    progress{.evaluations = plan.evaluations,
                             .objective = plan.feasible() ? plan.cost : std::numeric_limits<double>::infinity()});
        return plan;
    }
};

static_assert(assignment_allocator<priced_greedy>);

}  // namespace berth
