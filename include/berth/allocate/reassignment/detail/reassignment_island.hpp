// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/reassignment/detail/reassignment_cooling.hpp"
#include "berth/allocate/reassignment/reassignment_problem.hpp"
#include "berth/allocate/reassignment/reassignment_state.hpp"
#include "berth/allocate/search/change_log.hpp"
#include "berth/allocate/search/search_state.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/model/node_tasks.hpp"
#include "berth/model/slot.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace berth::inline v0::detail {

/// What decides between two assignments of a reassignment problem, whatever the present penalty of overload.
struct reassignment_value {
    std::int64_t violations = 0;
    double overload = 0.0;
    double cost = 0.0;

    [[nodiscard]] bool feasible() const noexcept { return violations == 0 && overload == 0.0; }
    friend bool operator<(const reassignment_value& one, const reassignment_value& other) noexcept {
        if (one.violations != other.violations) return one.violations < other.violations;
        if (one.overload != other.overload) return one.overload < other.overload;
        return one.cost < other.cost;
    }
};

/// The search state of an island: an assignment, the tasks on each node, and the best that it has been. The penalty of
/// overload follows the schedule, and rises while the island finds nothing within capacities.
template <std::size_t Wides>
class reassignment_island {
public:
    reassignment_island(const reassignment_problem& p, std::span<const node_index> start)
        : state_{p, start}, tasks_{p.node_count(), slots_of(start)}, log_{p.task_count()} {
        best_.append(start);
    }

    [[nodiscard]] const reassignment_state<Wides>& now() const noexcept { return state_; }
    [[nodiscard]] reassignment_state<Wides>& now() noexcept { return state_; }
    [[nodiscard]] const node_tasks& tasks() const noexcept { return tasks_; }
    [[nodiscard]] std::span<const node_index> best() const noexcept { return best_.view(); }
    /// Sets how the penalty of overload rises.
    void follow(const reassignment_cooling& schedule) noexcept { schedule_ = schedule; }

    // See `search_state`.
    [[nodiscard]] reassignment_value value() const noexcept {
        return {state_.violations(), state_.overload(), state_.cost_value()};
    }
    void keep() {
        log_.take([this](std::size_t t) { best_[t] = state_.where(task_index{t}); });
    }
    void restore() {
        log_.take([this](std::size_t t) {
            if (!(state_.where(task_index{t}) == best_[t])) put(task_index{t}, best_[t]);
        });
    }
    /// Takes over an assignment, as its best too.
    void become(std::span<const node_index> assignment) {
        for (std::size_t t = 0; t < assignment.size(); ++t) {
            const task_index task{t};
            if (!(state_.where(task) == assignment[t])) shift(task, assignment[t]);
        }
        keep();
    }
    [[nodiscard]] std::uint64_t evaluations() const noexcept { return evaluations_; }
    /// Begins a round: sets the penalty by the share of the run, and by whether the last round fitted.
    void elapsed(double share) noexcept {
        // A jump ahead in the schedule is no time in which nothing fitted; one back begins anew.
        const double step = share - before_;
        const bool rises = share > pressure_from && step > 0.0 && step < 0.1;
        const double growth = rises ? std::exp(pressure_growth * step) : 1.0;
        before_ = share;
        if (step < 0.0) pressure_ = 1.0;
        pressure_ *= has_fitted_ ? 1.0 / growth : growth;
        if (pressure_ < 1.0) pressure_ = 1.0;
        has_fitted_ = false;
        state_.set_overload_penalty(schedule_.overload_penalty(share, pressure_));
    }

    void count_evaluation() noexcept { ++evaluations_; }
    /// Moves a task to another node.
    void shift(task_index t, node_index to) {
        put(t, to);
        log_.note(t.value());
    }
    /// Exchanges two tasks on different nodes.
    void swap(task_index t, task_index u) {
        const node_index a = state_.where(t);
        const node_index b = state_.where(u);
        tasks_.remove(t, a);
        tasks_.remove(u, b);
        tasks_.add(t, b);
        tasks_.add(u, a);
        state_.swap(t, u);
        log_.note(t.value());
        log_.note(u.value());
    }
    /// Takes note that the assignment as it stands has been accepted.
    void accepted() noexcept {
        if (state_.overload() == 0.0 && state_.violations() == 0) has_fitted_ = true;
    }

private:
    // From this share on the penalty of an island that finds nothing within capacities rises, a hundredfold in a sixth
    // of the run.
    static constexpr double pressure_from = 0.6;
    static constexpr double pressure_growth = 28.0;

    [[nodiscard]] static std::vector<slot> slots_of(std::span<const node_index> start) {
        std::vector<slot> slots;
        slots.reserve(start.size());
        for (const node_index n : start) slots.push_back({n, 0});
        return slots;
    }
    void put(task_index t, node_index to) {
        tasks_.remove(t, state_.where(t));
        tasks_.add(t, to);
        state_.shift(t, to);
    }

    reassignment_state<Wides> state_;
    node_tasks tasks_;
    flat<node_index> best_;
    change_log log_;
    reassignment_cooling schedule_;
    double pressure_ = 1.0;
    double before_ = 0.0;
    std::uint64_t evaluations_ = 0;
    bool has_fitted_ = true;
};

static_assert(search_state<reassignment_island<1>>);

}  // namespace berth::inline v0::detail
