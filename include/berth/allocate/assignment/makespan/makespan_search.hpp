// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/detail/part_clock.hpp"
#include "berth/allocate/assignment/makespan/detail/makespan_load.hpp"
#include "berth/allocate/assignment/makespan/makespan_bound.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/random.hpp"
#include "berth/core/run_control.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

// Length: a description and its run, which reads the options and writes the plan.

namespace berth::inline v0 {

/// The answer to a makespan problem: a plain value, valid for every `stopped`.
struct makespan_plan {
    gpu_assignment gpu_of;                         ///< a GPU for every task
    amount makespan = 0;                           ///< the highest load of any GPU
    amount lower_bound = 0;                        ///< no assignment has a lower makespan
    std::uint64_t evaluations = 0;                 ///< moves and swaps whose effect was computed
    std::uint64_t accepted = 0;                    ///< moves and swaps carried out
    stop_reason stopped = stop_reason::completed;  ///< why the run ended

    /// True if the makespan is proven to be the least.
    [[nodiscard]] bool optimal() const noexcept { return makespan == lower_bound; }
};

/// Minimises the makespan of tasks whose loads differ from GPU to GPU. Greedy first; then for one target after the
/// other simulated annealing towards an assignment without load beyond the target and with little load in total.
/// Targets bisect the range from the lower bound to the best makespan. When all of them have failed, attempts get twice
/// as long, at another temperature. Complete at the bound, or after `patience`.
///
/// When to use: makespan alone. `local_search` minimises any objective, with the makespan or `load_to_power` as one of
/// its terms. O(tasks × GPUs) for candidate lists, greedy and bound, O(1) an evaluation; O(tasks × candidates)
/// memory, and a table of loads while the bound is computed. Deterministic per seed and evaluation budget.
struct makespan_search {
    std::uint64_t seed = 1;       ///< of all random draws
    std::size_t candidates = 20;  ///< GPUs on each task's candidate list: those where its load is least
    std::uint64_t max_attempt_evaluations = 400'000;  ///< of the first attempt at a target, above 0
    std::size_t max_bound_iterations = 150;           ///< of `bound_makespan`
    std::uint64_t patience = 12;  ///< doublings of an attempt without a better makespan before the search is complete

    /// @param start    used if it is better than greedy; may be empty. Gaps (tasks that it does not reach, or sends to
    ///                 a GPU that does not exist) are filled greedily, entries beyond the last task dropped.
    /// @param control  polled every 500 evaluations, and every 65,536 pairs of the bound. If only a clock bounds the
    ///                 run, an attempt that it would end hot cools by the time left. `progress::objective` is the best
    ///                 makespan.
    /// @return  never worse than the start
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
        BERTH_ASSERT(p.gpus > 0 || p.tasks == 0, "berth: a makespan problem with tasks has a GPU");
        weigh_forbidden();
        make_lists();
    }

    /// The better of greedy and the start.
    void begin(std::span<const gpu_index> start) {
        at_.resize(problem_->tasks);
        fill_gaps(at_, loads_);
        if (!start.empty()) {
            detail::flat<place> given;
            detail::flat<amount> carried(problem_->gpus, 0);
            for (std::size_t t = 0; t < problem_->tasks; ++t) {
                given.push_back({});
                if (t >= start.size() || !start[t].valid() || start[t].value() >= problem_->gpus) continue;
                given[t] = {static_cast<std::uint32_t>(start[t].value()), load(t, start[t].value())};
                carried[start[t].value()] += given[t].load;
            }
            fill_gaps(given, carried);
            if (highest(carried) <= highest(loads_)) {
                at_.swap(given);
                loads_.swap(carried);
            }
        }
        keep();
    }

    template <class Control>
    void search(Control& control) {
        std::uint64_t length = rule_->max_attempt_evaluations;
        std::uint64_t doubled = 0;
        amount failed = plan.lower_bound - 1;
        while (plan.makespan > plan.lower_bound) {
            if (failed + 1 >= plan.makespan) {
                if (doubled >= rule_->patience) return;
                ++doubled;
                length *= 2;
                failed = plan.lower_bound - 1;
            }
            const amount target = failed + 1 + (plan.makespan - 1 - failed - 1) / 2;
            if (anneal(target, length, static_cast<double>(1U << (doubled % 4)), control)) {
                keep();
                notify::step(control.observer, progress());
                doubled = 0;
            } else if (plan.stopped != stop_reason::completed) {
                return;
            } else {
                failed = target;
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
    static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

    struct place {
        std::uint32_t gpu = none;
        amount load = 0;
    };

    /// Puts each task without a GPU where the makespan so far rises least.
    void fill_gaps(detail::flat<place>& places, detail::flat<amount>& carried) const {
        for (std::size_t t = 0; t < problem_->tasks; ++t) {
            if (places[t].gpu != none) continue;
            std::size_t best = 0;
            amount least = std::numeric_limits<amount>::max();
            for (std::size_t g = 0; g < problem_->gpus; ++g) {
                const amount after = carried[g] + load(t, g);
                if (after >= least) continue;
                least = after;
                best = g;
            }
            carried[best] = least;
            places[t] = {static_cast<std::uint32_t>(best), load(t, best)};
        }
    }

    [[nodiscard]] amount load(std::size_t t, std::size_t g) const {
        const amount one = makespan_load(problem_->load(task_index{t}, gpu_index{g}));
        return one < problem_->forbidden ? one : heavy_;
    }
    /// What a forbidden pair counts: more than any assignment without one, and so little that sums do not overflow.
    void weigh_forbidden() {
        heavy_ = problem_->forbidden;
        if (heavy_ <= (amount{1} << 61U) / static_cast<amount>(problem_->tasks + 1)) return;
        amount most = 1;
        for (std::size_t t = 0; t < problem_->tasks; ++t) {
            amount largest = 0;
            for (std::size_t g = 0; g < problem_->gpus; ++g) {
                const amount one = makespan_load(problem_->load(task_index{t}, gpu_index{g}));
                if (one < problem_->forbidden) largest = largest < one ? one : largest;
            }
            most += largest;
        }
        heavy_ = most < heavy_ ? most : heavy_;
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
    /// Each task's GPUs of least load. Ties start at the task's own position, so that tasks with equal loads spread.
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
                if (here >= heavy_) continue;
                if (size == width_ && (width_ == 0 || here >= list[size - 1].load)) continue;
                std::size_t at = size < width_ ? size++ : size - 1;
                for (; at > 0 && here < list[at - 1].load; --at) list[at] = list[at - 1];
                list[at] = {static_cast<std::uint32_t>(g), here};
            }
            if (size == 0 && width_ > 0) {
                const std::size_t g = t % problem_->gpus;
                list[size++] = {static_cast<std::uint32_t>(g), load(t, g)};
            }
            for (std::size_t i = size; i < width_; ++i) list[i] = list[i % size];  // where few GPUs are allowed
            all += size > 0 ? static_cast<double>(list[0].load) : 0.0;
            above += size > 1 ? static_cast<double>(list[size > 2 ? 2 : 1].load - list[0].load) : 0.0;
        }
        const double tasks = problem_->tasks > 0 ? static_cast<double>(problem_->tasks) : 1.0;
        unit_ = above > 0.05 * all ? 0.5 * above / tasks : 0.05 * all / tasks;
        unit_ = unit_ > 0.0 ? unit_ : 1.0;
    }

    /// True when no GPU carries more than the target.
    template <class Control>
    [[nodiscard]] bool anneal(amount target, std::uint64_t length, double heat, Control& control) {
        constexpr std::uint64_t stretch = 500;
        constexpr double penalty = 4.0;
        const auto over = [target](amount carried) { return carried > target ? carried - target : 0; };
        amount excess = 0;
        for (const amount one : loads_) excess += over(one);
        constexpr double last = 0.125;  // of the first temperature
        const double first_temperature = 0.8 * unit_ * heat;
        double temperature = first_temperature;
        const double factor = std::pow(last, static_cast<double>(stretch) / static_cast<double>(length));
        const bool timed = is_timed(control);
        const double begun = timed ? control.elapsed(plan.evaluations) : 0.0;
        const auto tasks = static_cast<std::uint32_t>(problem_->tasks);
        const auto gpus = static_cast<std::uint32_t>(problem_->gpus);
        for (std::uint64_t step = 0; step < length && excess > 0; ++step) {
            if (step % stretch == 0) {
                temperature *= factor;
                if (timed && begun < 1.0) {
                    // The clock may end the run before the attempt: then it cools by the time left.
                    const double share = (control.elapsed(plan.evaluations) - begun) / (1.0 - begun);
                    if (share * static_cast<double>(length) > static_cast<double>(step + stretch)) {
                        temperature = std::min(temperature, first_temperature * std::pow(last, std::min(share, 1.0)));
                    }
                }
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
    /// Returns to the best assignment.
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
    amount heavy_ = 0;  // of a forbidden pair
    xoshiro256 random_;
};

}  // namespace detail

template <load_source Load, class Stop, class Observer>
makespan_plan makespan_search::run(const makespan_problem<Load>& p, std::span<const gpu_index> start,
                                   run_control<Stop, Observer> control) const {
    detail::makespan_state<Load> state{*this, p};
    state.begin(start);
    notify::begin(control.observer, state.progress());
    state.plan.lower_bound = bound_makespan(p, max_bound_iterations, run_control<Stop>{.stop = control.stop}).rounded;
    state.search(control);
    notify::end(control.observer, state.progress());
    return std::move(state.plan);
}

}  // namespace berth::inline v0
