// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/makespan/makespan_bound.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/random.hpp"
#include "berth/core/run_control.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

namespace berth::inline v0 {

/// The answer to a makespan problem: a plain value.
struct makespan_plan {
    gpu_assignment gpu_of;   ///< a GPU for every task
    amount makespan = 0;     ///< the highest load of any GPU
    amount lower_bound = 0;  ///< no assignment has a lower makespan
    std::uint64_t evaluations = 0;
    std::uint64_t accepted = 0;
    stop_reason stopped = stop_reason::completed;

    [[nodiscard]] bool optimal() const noexcept { return makespan == lower_bound; }
};

/// Minimises the makespan of tasks whose loads differ from GPU to GPU: greedy, then for one target after the other an annealed
/// search for an assignment without load beyond it, that has as little load in all as possible. Targets halve the way from the
/// best makespan to the lower bound; after a failure they rise, and when none is left, the steps double and the
/// temperature changes. Ends at the bound.
///
/// When to use: makespan alone. `local_search` minimises any objective, with the makespan or `load_to_power` as one of its terms.
/// O(tasks × GPUs) for the lists and the bound, O(1) a step; O(tasks × candidates) memory, and a table of loads while the bound is made.
/// Deterministic per seed and evaluation budget.
struct makespan_search {
    std::uint64_t seed = 1;
    std::size_t candidates = 20;             ///< GPUs on each task's short list: those where its load is least
    std::uint64_t steps = 400'000;           ///< of the first attempt at a target
    std::size_t max_bound_iterations = 150;  ///< 0: no bound but the trivial one
    std::uint64_t patience = 12;  ///< doublings of the steps without a better makespan before the search gives up

    /// @param start    where to begin if that is better than greedy; may be empty.
    /// @param control  polled every few hundred steps; `progress::objective` is the best makespan.
    template <load_source Load, class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] makespan_plan run(const makespan_problem<Load>& p, std::span<const gpu_index> start = {},
                                    run_control<Stop, Observer> control = {}) const;
};

namespace detail {

/// The state of a run of `makespan_search`.
template <load_source Load>
class makespan_state {
public:
    makespan_state(const makespan_search& rule, const makespan_problem<Load>& p)
        : rule_{&rule},
          problem_{&p},
          width_{rule.candidates < p.gpus ? rule.candidates : p.gpus},
          loads_(p.gpus, 0),
          random_{rule.seed} {
        BERTH_ASSERT(p.gpus > 0 || p.tasks == 0, "berth: tasks without a GPU have no assignment");
        make_lists();
    }

    /// Greedy: each task where the makespan so far rises least; or the start, if that is better.
    void begin(std::span<const gpu_index> start) {
        for (std::size_t t = 0; t < problem_->tasks; ++t) {
            std::size_t best = 0;
            amount least = std::numeric_limits<amount>::max();
            for (std::size_t g = 0; g < problem_->gpus; ++g) {
                const amount after = loads_[g] + load(t, g);
                if (after >= least) continue;
                least = after;
                best = g;
            }
            loads_[best] = least;
            at_.push_back({static_cast<std::uint32_t>(best), load(t, best)});
        }
        if (!start.empty()) {
            BERTH_ASSERT(start.size() == problem_->tasks, "berth: a start has a GPU for every task");
            detail::flat<place> given;
            detail::flat<amount> carried(problem_->gpus, 0);
            for (std::size_t t = 0; t < start.size(); ++t) {
                given.push_back({static_cast<std::uint32_t>(start[t].value()), load(t, start[t].value())});
                carried[start[t].value()] += given[t].load;
            }
            if (highest(carried) <= highest(loads_)) {
                at_.swap(given);
                loads_.swap(carried);
            }
        }
        keep();
    }

    template <class Control>
    void search(Control& control) {
        std::uint64_t steps = rule_->steps;
        std::uint64_t doubled = 0;
        amount hopeless = plan.lower_bound - 1;
        while (plan.makespan > plan.lower_bound) {
            if (hopeless + 1 >= plan.makespan) {
                if (doubled >= rule_->patience) return;
                ++doubled;
                steps *= 2;
                hopeless = plan.lower_bound - 1;
            }
            const amount target = hopeless + 1 + (plan.makespan - 1 - hopeless - 1) / 2;
            if (anneal(target, steps, static_cast<double>(1U << (doubled % 4)), control)) {
                keep();
                notify::step(control.observer, progress());
                doubled = 0;
            } else if (plan.stopped != stop_reason::completed) {
                return;
            } else {
                hopeless = target;
            }
        }
    }
    [[nodiscard]] berth::progress progress() const {
        return {.done = static_cast<std::size_t>(plan.accepted),
                .total = 0,
                .evaluations = plan.evaluations,
                .objective = static_cast<double>(plan.makespan)};
    }

    makespan_plan plan;

private:
    struct place {
        std::uint32_t gpu = 0;
        amount load = 0;
    };

    [[nodiscard]] amount load(std::size_t t, std::size_t g) const {
        return static_cast<amount>(problem_->load(task_index{t}, gpu_index{g}));
    }
    [[nodiscard]] static amount highest(const detail::flat<amount>& loads) noexcept {
        amount most = 0;
        for (const amount one : loads) most = most < one ? one : most;
        return most;
    }
    void keep() {
        plan.makespan = highest(loads_);
        plan.gpu_of.resize(problem_->tasks);
        for (std::size_t t = 0; t < problem_->tasks; ++t) plan.gpu_of[t] = gpu_index{at_[t].gpu};
    }
    /// Each task's GPUs of least load. Among equals those from the task's own position on, so that tasks with equal lists spread.
    void make_lists() {
        lists_.resize(problem_->tasks * width_);
        double above = 0.0;
        double all = 0.0;
        for (std::size_t t = 0; t < problem_->tasks; ++t) {
            place* list = lists_.data() + t * width_;
            std::size_t size = 0;
            for (std::size_t i = 0; i < problem_->gpus; ++i) {
                const std::size_t g = (t + i) % problem_->gpus;
                const amount here = load(t, g);
                if (size == width_ && (width_ == 0 || here >= list[size - 1].load)) continue;
                std::size_t at = size < width_ ? size++ : size - 1;
                for (; at > 0 && here < list[at - 1].load; --at) list[at] = list[at - 1];
                list[at] = {static_cast<std::uint32_t>(g), here};
            }
            all += size > 0 ? static_cast<double>(list[0].load) : 0.0;
            above += size > 1 ? static_cast<double>(list[size > 2 ? 2 : 1].load - list[0].load) : 0.0;
        }
        const double tasks = problem_->tasks > 0 ? static_cast<double>(problem_->tasks) : 1.0;
        unit_ = above > 0.05 * all ? 0.5 * above / tasks : 0.05 * all / tasks;
        unit_ = unit_ > 0.0 ? unit_ : 1.0;
    }

    /// True when no GPU carries more than the target.
    template <class Control>
    [[nodiscard]] bool anneal(amount target, std::uint64_t steps, double heat, Control& control) {
        constexpr std::uint64_t stretch = 500;
        constexpr double penalty = 4.0;
        const auto over = [target](amount carried) { return carried > target ? carried - target : 0; };
        amount excess = 0;
        for (const amount one : loads_) excess += over(one);
        double temperature = 0.8 * unit_ * heat;
        const double factor = std::pow(0.125, static_cast<double>(stretch) / static_cast<double>(steps));
        const auto tasks = static_cast<std::uint32_t>(problem_->tasks);
        const auto gpus = static_cast<std::uint32_t>(problem_->gpus);
        for (std::uint64_t step = 0; step < steps && excess > 0; ++step) {
            if (step % stretch == 0) {
                temperature *= factor;
                plan.stopped = control.check(plan.evaluations);
                if (plan.stopped != stop_reason::completed) {
                    restore();
                    return false;
                }
            }
            ++plan.evaluations;
            const std::uint32_t t = bounded(random_, tasks);
            const std::uint32_t kind = bounded(random_, 16);
            place& from = at_[t];
            if (kind == 0) {
                // Two tasks exchange their GPUs.
                const std::uint32_t other = bounded(random_, tasks);
                place& with = at_[other];
                if (from.gpu == with.gpu) continue;
                const place there{with.gpu, load(t, with.gpu)};
                const place here{from.gpu, load(other, from.gpu)};
                const amount after_from = loads_[from.gpu] - from.load + here.load;
                const amount after_with = loads_[with.gpu] - with.load + there.load;
                const amount more =
                    over(after_from) - over(loads_[from.gpu]) + over(after_with) - over(loads_[with.gpu]);
                const amount carried = here.load + there.load - from.load - with.load;
                if (!takes(static_cast<double>(carried) + penalty * static_cast<double>(more), temperature)) continue;
                loads_[from.gpu] = after_from;
                loads_[with.gpu] = after_with;
                from = there;
                with = here;
                excess += more;
                ++plan.accepted;
                continue;
            }
            place to{};
            if (kind == 1) {
                to.gpu = bounded(random_, gpus);
                to.load = load(t, to.gpu);
            } else {
                to = lists_[t * width_ + bounded(random_, static_cast<std::uint32_t>(width_))];
            }
            if (to.gpu == from.gpu) continue;
            const amount more = over(loads_[from.gpu] - from.load) - over(loads_[from.gpu]) +
                                over(loads_[to.gpu] + to.load) - over(loads_[to.gpu]);
            const amount carried = to.load - from.load;
            if (!takes(static_cast<double>(carried) + penalty * static_cast<double>(more), temperature)) continue;
            loads_[from.gpu] -= from.load;
            loads_[to.gpu] += to.load;
            from = to;
            excess += more;
            ++plan.accepted;
        }
        if (excess > 0) restore();
        return excess == 0;
    }
    [[nodiscard]] bool takes(double change, double temperature) {
        return change <= 0.0 || uniform01(random_) < std::exp(-change / temperature);
    }
    /// Back to the best.
    void restore() {
        loads_.assign(problem_->gpus, 0);
        for (std::size_t t = 0; t < problem_->tasks; ++t) {
            const std::size_t g = plan.gpu_of[t].value();
            at_[t] = {static_cast<std::uint32_t>(g), load(t, g)};
            loads_[g] += at_[t].load;
        }
    }

    const makespan_search* rule_;
    const makespan_problem<Load>* problem_;
    std::size_t width_;
    detail::flat<place> lists_;
    detail::flat<place> at_;
    detail::flat<amount> loads_;
    double unit_ = 1.0;
    xoshiro256 random_;
};

}  // namespace detail

template <load_source Load, class Stop, class Observer>
makespan_plan makespan_search::run(const makespan_problem<Load>& p, std::span<const gpu_index> start,
                                   run_control<Stop, Observer> control) const {
    detail::makespan_state<Load> state{*this, p};
    state.begin(start);
    notify::begin(control.observer, state.progress());
    state.plan.lower_bound = bound_makespan(p, max_bound_iterations).rounded;
    state.search(control);
    notify::end(control.observer, state.progress());
    return std::move(state.plan);
}

}  // namespace berth::inline v0
