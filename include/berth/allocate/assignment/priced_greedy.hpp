// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
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

namespace berth::inline v0 {

namespace detail {

/// Greedy construction, repair, descent and rebuilding share the loads. Prices are those of the bound and a little more, so that
/// of GPUs as cheap as each other the one that carries less wins.
class priced_construction {
public:
    explicit priced_construction(const priced_problem& p) : p_{p}, gpu_of_(p.tasks()), touched_(p.gpus(), 1) {
        room_.append(p.capacities());
        double spread = 0.0;
        double load_sum = 0.0;
        for (std::size_t t = 0; t < p.tasks(); ++t) {
            double lowest = std::numeric_limits<double>::infinity();
            for (std::size_t g = 0; g < gpus(); ++g) {
                lowest = cost(t, g) < lowest ? cost(t, g) : lowest;
                spread += cost(t, g);
                load_sum += static_cast<double>(load(t, g));
            }
            spread -= static_cast<double>(gpus()) * lowest;
        }
        const double tilt = load_sum > 0.0 ? 0.003 * spread / load_sum : 0.0;
        for (std::size_t g = 0; g < gpus(); ++g) prices_.push_back(p.price(g) + tilt);
    }

    /// The task whose second choice is worst comes first; whoever fits nowhere at last goes where it exceeds least.
    void construct() {
        std::vector<waiting> heap;
        heap.reserve(p_.tasks());
        for (std::size_t t = 0; t < p_.tasks(); ++t) heap.push_back(look(t));
        std::make_heap(heap.begin(), heap.end());
        flat<std::size_t> homeless;
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
        for (const std::size_t t : homeless) put(t, least_excess(t));
    }

    void take(warm_start start) {
        room_.clear();
        room_.append(p_.capacities());
        for (std::size_t t = 0; t < p_.tasks(); ++t) put(t, start[t].value());
    }

    /// The best move or swap out of an overloaded GPU, by reduced cost and weighted excess; what moved rests a while, and
    /// GPUs that stay overloaded weigh more and more.
    template <class MayGoOn>
    void repair(xoshiro256& random, std::size_t max_repairs, const MayGoOn& may_go_on) {
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

    /// Each task in turn to where it is cheapest, or in exchange with the partner that saves most, within the capacities. Only
    /// changes that involve a GPU touched since the last descent are looked at.
    template <class MayGoOn>
    void descend(std::size_t max_passes, const MayGoOn& may_go_on) {
        for (std::size_t pass = 0; pass < max_passes && may_go_on(); ++pass) {
            active_.swap(touched_);
            touched_.assign(gpus(), 0);
            const auto fresh = [this](std::size_t g) { return active_[g] != 0 || touched_[g] != 0; };
            bool better = false;
            for (std::size_t t = 0; t < p_.tasks(); ++t) {
                const std::size_t from = gpu_of_[t];
                const bool everywhere = fresh(from);
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

    /// Empties the GPU of some task and a few of its candidates, refills them by regret with some noise, repairs and
    /// descends; undone unless feasible and no dearer. True if it has become cheaper.
    template <class MayGoOn>
    [[nodiscard]] bool rebuild(xoshiro256& random, const MayGoOn& may_go_on) {
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
        while (!waiting_.empty()) {
            std::size_t next = 0;
            waiting best{-1.0, 0, 0};
            for (std::size_t k = 0; k < waiting_.size(); ++k) {
                waiting seen = look(waiting_[k]);
                if (seen.gpu == gpus())
                    seen = {std::numeric_limits<double>::max(), waiting_[k], least_excess(waiting_[k])};
                seen.regret *= 0.5 + uniform01(random);
                if (seen.regret > best.regret) {
                    best = seen;
                    next = k;
                }
            }
            put(best.task, best.gpu);
            waiting_[next] = waiting_.back();
            waiting_.pop_back();
        }
        repair(random, 60, may_go_on);
        if (feasible()) descend(20, may_go_on);
        const double after = total_cost();
        if (feasible() && after <= before) return after < before;
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
        std::size_t other = none;  // the task that goes the other way; as many as there are tasks for none
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

}  // namespace detail

/// Greedy allocation with prices, for the generalised assignment problem: tasks in order of falling regret (what the second
/// choice would cost more) on *reduced* costs, then repair of what does not fit, then descent over moves and swaps, then
/// a few GPUs at a time emptied and refilled the same way (ruin and recreate) for as long as `rebuild_evaluations` last.
/// With the prices of a good bound this is feasible where greedy on plain costs is not; whether it is, says `feasible()`.
/// A start is repaired and improved instead.
///
/// O(tasks × GPUs) and a few tasks² per pass. Deterministic per seed.
struct priced_greedy {
    std::uint64_t seed = 0;           ///< of repair and rebuilding
    std::size_t max_repairs = 5'000;  ///< moves and swaps spent on getting feasible
    std::size_t max_passes = 50;      ///< over all tasks, each moving or swapping them if that is cheaper
    std::uint64_t rebuild_evaluations = 1'500'000;  ///< spent on rebuilding; 0: construction, repair and descent only

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
        xoshiro256 random{seed};
        work.repair(random, max_repairs, may_go_on);
        if (stopped == stop_reason::completed) work.descend(max_passes, may_go_on);
        if (p.tasks() > 1 && p.gpus() > 1 && work.feasible()) {
            const std::uint64_t last = work.evaluations() + rebuild_evaluations;
            while (stopped == stop_reason::completed && work.evaluations() < last &&
                   work.total_cost() > p.bound().rounded) {
                if (!work.rebuild(random, may_go_on)) continue;
                notify::step(control.observer,
                             progress{.evaluations = work.evaluations(), .objective = work.total_cost()});
            }
        }
        assignment_plan plan = p.plan_of(work.assignment());
        if (!start.empty()) {
            assignment_plan before = p.plan_of(gpu_assignment(start.begin(), start.end()));
            if (better(before, plan)) plan = std::move(before);
        }
        plan.evaluations = work.evaluations();
        plan.accepted = work.accepted();
        plan.stopped = stopped;
        constexpr double none = std::numeric_limits<double>::infinity();
        notify::end(control.observer,
                    progress{.evaluations = plan.evaluations, .objective = plan.feasible() ? plan.cost : none});
        return plan;
    }
};

static_assert(assignment_allocator<priced_greedy>);

}  // namespace berth::inline v0
