// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/detail/part_clock.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/allocate/assignment/warm_start.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/random.hpp"
#include "berth/core/run_control.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

namespace berth::inline v0::detail {

/// The allocator with another seed, if it has one; salt 0 changes nothing.
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

/// The i-th of equal shares of a budget; without a budget no share has an end.
[[nodiscard]] constexpr std::uint64_t share_of(std::uint64_t budget, std::size_t i, std::size_t parts) noexcept {
    if (budget == std::numeric_limits<std::uint64_t>::max()) return budget;
    return budget / parts + (i < budget % parts ? 1 : 0);
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

/// Passes a part's progress on to the caller's observer: only improvements on all parts so far, with the evaluations of
/// all.
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

/// A run of several allocators: the best plan, the highest bound, the evaluations spent.
template <stoppable Stop, observer Observer>
class joint_run {
public:
    joint_run(const priced_problem& p, warm_start start, const run_control<Stop, Observer>& control)
        : p_{p}, start_{complete_start(p, start)}, control_{control} {
        notify::begin(control_.observer, {});
    }
    [[nodiscard]] const gpu_assignment& start() const noexcept { return start_; }
    /// Without a budget there is no end to it.
    [[nodiscard]] std::uint64_t budget_left() const noexcept {
        if (control_.max_evaluations == std::numeric_limits<std::uint64_t>::max()) return control_.max_evaluations;
        return spent_ < control_.max_evaluations ? control_.max_evaluations - spent_ : 0;
    }
    [[nodiscard]] bool timed() const { return is_timed(control_); }
    [[nodiscard]] double elapsed() const { return control_.elapsed(spent_); }
    [[nodiscard]] std::uint64_t spent() const noexcept { return spent_; }
    /// @param time_share  of the time left, above 0, at most 1; only if a clock alone bounds the run
    template <class Allocator>
    [[nodiscard]] assignment_plan run_part(const Allocator& part, warm_start start, std::uint64_t max_evaluations,
                                           double time_share) {
        using watcher = joint_observer<Observer>;
        return part.run(p_, start,
                        run_control<part_stop_t<Stop>, watcher>{stop_of_part(control_, time_share), max_evaluations,
                                                                watcher{&control_.observer, &best_cost_, spent_}});
    }
    void add(assignment_plan plan) {
        spent_ += plan.evaluations;
        // The clock of a part may have ended, not the run's.
        if (plan.stopped == stop_reason::deadline_reached) plan.stopped = control_.check(spent_);
        accepted_ += plan.accepted;
        if (plan.feasible() && plan.lower_bound == plan.cost) {
            // A bound only as exact as the plan's cost: with what a double rounds off it counts for this plan.
            if (!proven_ || better(plan, *proven_))
                proven_ = assignment_plan{.gpu_of = {}, .cost = plan.cost, .cost_rest = plan.cost_rest};
        } else if (plan.lower_bound > lower_bound_) {
            lower_bound_ = plan.lower_bound;
        }
        if (stopped_ == stop_reason::completed) stopped_ = plan.stopped;
        if (any_ && !better(plan, best_)) return;
        any_ = true;
        best_ = std::move(plan);
        if (!best_.feasible() || best_.cost >= best_cost_) return;
        best_cost_ = best_.cost;
        notify::step(control_.observer, progress{.evaluations = spent_, .objective = best_cost_});
    }
    /// Runs a part from the best plan so far. True if the run goes on.
    template <class Allocator>
    [[nodiscard]] bool take_turn(const Allocator& part, std::uint64_t max_evaluations, double time_share = 1.0) {
        const gpu_assignment from = any_ ? best_.gpu_of : start_;
        add(run_part(part, from, max_evaluations, time_share));
        if (settled()) return false;
        if (stopped_ == stop_reason::completed) stopped_ = control_.check(spent_);
        return stopped_ == stop_reason::completed;
    }
    [[nodiscard]] assignment_plan finish() {
        best_.evaluations = spent_;
        best_.accepted = accepted_;
        best_.lower_bound = claimed_bound();
        best_.stopped = settled() ? stop_reason::completed : stopped_;
        notify::end(control_.observer, progress{.evaluations = spent_, .objective = best_cost_});
        return std::move(best_);
    }

private:
    /// The best plan is proven optimal, or no plan is feasible.
    [[nodiscard]] bool settled() const noexcept {
        if (lower_bound_ == std::numeric_limits<double>::infinity()) return true;
        return best_.feasible() && claimed_bound() == best_.cost;
    }
    [[nodiscard]] double claimed_bound() const noexcept {
        const bool optimal = best_.feasible() && proven_ && !better(*proven_, best_);
        return optimal ? best_.cost : p_.claimed_bound(best_, lower_bound_);
    }

    const priced_problem& p_;
    gpu_assignment start_;
    run_control<Stop, Observer> control_;
    assignment_plan best_;
    bool any_ = false;
    std::optional<assignment_plan> proven_;  // its costs only
    double best_cost_ = std::numeric_limits<double>::infinity();
    double lower_bound_ = -std::numeric_limits<double>::infinity();
    std::uint64_t spent_ = 0;
    std::uint64_t accepted_ = 0;
    stop_reason stopped_ = stop_reason::completed;
};

}  // namespace berth::inline v0::detail
