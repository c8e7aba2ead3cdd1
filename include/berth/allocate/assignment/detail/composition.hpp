// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/random.hpp"
#include "berth/core/run_control.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>
#include <utility>

namespace berth::inline v0::detail {

/// The same allocator with other random numbers, if it has any; salt 0 changes nothing.
template <class Allocator>
[[nodiscard]] Allocator reseeded(Allocator allocator, std::uint64_t salt) {
    if (salt == 0) return allocator;
    if constexpr (requires { allocator.reseeded(salt); }) {
        return allocator.reseeded(salt);
    } else {
        if constexpr (requires { allocator.seed = std::uint64_t{}; })
            allocator.seed = stream_seed(allocator.seed, salt);
        return allocator;
    }
}

/// Calls `f` with the i-th of the parts.
template <class F, class... Parts>
void visit_part(const std::tuple<Parts...>& parts, std::size_t i, const F& f) {
    std::apply(
        [&](const auto&... part) {
            std::size_t at = 0;
            ((at++ == i ? f(part) : void()), ...);
        },
        parts);
}

/// What the caller's observer hears of a part's run: improvements on all parts so far, with their evaluations.
template <observer Observer>
struct joint_observer {
    Observer* outer;
    double* best;
    std::uint64_t before;

    void on_progress(const progress& p) const {
        if (p.objective >= *best) return;
        *best = p.objective;
        progress joint = p;
        joint.evaluations += before;
        notify::step(*outer, joint);
    }
};

/// A run of several allocators: the best plan, the highest bound, what is spent.
template <stoppable Stop, observer Observer>
class joint_run {
public:
    joint_run(const priced_problem& p, warm_start start, const run_control<Stop, Observer>& control)
        : p_{p}, start_{start}, control_{control} {
        notify::begin(control_.observer, {});
    }
    [[nodiscard]] std::uint64_t budget_left() const noexcept {
        return spent_ < control_.max_evaluations ? control_.max_evaluations - spent_ : 0;
    }
    template <class Allocator>
    [[nodiscard]] assignment_plan run_part(const Allocator& part, warm_start start, std::uint64_t max_evaluations) {
        using watcher = joint_observer<Observer>;
        return part.run(p_, start,
                        run_control<Stop, watcher>{control_.stop, max_evaluations,
                                                   watcher{&control_.observer, &best_cost_, spent_}});
    }
    void add(assignment_plan plan) {
        spent_ += plan.evaluations;
        accepted_ += plan.accepted;
        if (plan.lower_bound > lower_bound_) lower_bound_ = plan.lower_bound;
        if (stopped_ == stop_reason::completed) stopped_ = plan.stopped;
        if (any_ && !better(plan, best_)) return;
        any_ = true;
        best_ = std::move(plan);
        if (!best_.feasible() || best_.cost >= best_cost_) return;
        best_cost_ = best_.cost;
        notify::step(control_.observer, progress{.evaluations = spent_, .objective = best_cost_});
    }
    /// Runs a part from the best plan so far. True if another may have its turn.
    template <class Allocator>
    [[nodiscard]] bool take_turn(const Allocator& part, std::uint64_t max_evaluations) {
        const gpu_assignment from = best_.gpu_of;
        add(run_part(part, any_ ? warm_start{from} : start_, max_evaluations));
        if (settled()) return false;
        if (stopped_ == stop_reason::completed) stopped_ = control_.check(spent_);
        return stopped_ == stop_reason::completed;
    }
    [[nodiscard]] assignment_plan finish() {
        best_.evaluations = spent_;
        best_.accepted = accepted_;
        best_.lower_bound = lower_bound_;
        if (best_.feasible() && best_.cost == p_.bound().rounded) best_.lower_bound = best_.cost;
        best_.stopped = settled() ? stop_reason::completed : stopped_;
        notify::end(control_.observer, progress{.evaluations = spent_, .objective = best_cost_});
        return std::move(best_);
    }

private:
    /// Nothing better is left to find.
    [[nodiscard]] bool settled() const noexcept {
        if (lower_bound_ == std::numeric_limits<double>::infinity()) return true;
        return best_.feasible() && (best_.cost <= lower_bound_ || best_.cost <= p_.bound().rounded);
    }

    const priced_problem& p_;
    warm_start start_;
    run_control<Stop, Observer> control_;
    assignment_plan best_;
    bool any_ = false;
    double best_cost_ = std::numeric_limits<double>::infinity();
    double lower_bound_ = -std::numeric_limits<double>::infinity();
    std::uint64_t spent_ = 0;
    std::uint64_t accepted_ = 0;
    stop_reason stopped_ = stop_reason::completed;
};

}  // namespace berth::inline v0::detail
