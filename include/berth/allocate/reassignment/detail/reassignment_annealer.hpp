// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/reassignment/detail/reassignment_cooling.hpp"
#include "berth/allocate/reassignment/detail/reassignment_reach.hpp"
#include "berth/allocate/reassignment/detail/tasks_by_size.hpp"
#include "berth/allocate/reassignment/reassignment_mix.hpp"
#include "berth/allocate/reassignment/reassignment_problem.hpp"
#include "berth/allocate/reassignment/reassignment_state.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/random.hpp"
#include "berth/model/node_tasks.hpp"
#include "berth/model/slot.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

// Length: nine kinds of step, which share the random stream, acceptance and undo.

namespace berth::inline v0::detail {

/// One island of a reassignment search: simulated annealing of one assignment, and the best that it has been.
template <std::size_t Wides>
class reassignment_annealer {
public:
    reassignment_annealer(const reassignment_problem& p, const reassignment_reach<Wides>& reach,
                          std::span<const node_index> start, const reassignment_mix& mix, std::uint64_t seed)
        : problem_{&p},
          reach_{&reach},
          state_{p, start},
          tasks_{p.node_count(), slots_of(start)},
          by_size_{p},
          random_{seed},
          changed_(p.task_count()) {
        best_.append(start);
        changes_.reserve(p.task_count());
        keep_best();
        double sum = 0.0;
        const double shares[] = {mix.shift, mix.shift_back, mix.swap,        mix.swap_back, mix.swap_alike,
                                 mix.chain, mix.make_room,  mix.whole_group, mix.node_pair};
        for (const double share : shares) sum += share;
        double up_to = 0.0;
        for (std::size_t i = 0; i < kinds; ++i) up_to_[i] = up_to += shares[i] / sum;
    }

    [[nodiscard]] std::span<const node_index> best() const noexcept { return best_.view(); }
    [[nodiscard]] bool best_is_feasible() const noexcept { return best_violations_ == 0 && best_overload_ == 0.0; }
    [[nodiscard]] double best_value() const noexcept { return best_value_; }
    [[nodiscard]] std::uint64_t evaluations() const noexcept { return evaluations_; }
    [[nodiscard]] std::uint64_t accepted() const noexcept { return accepted_; }
    [[nodiscard]] bool better_than(const reassignment_annealer& other) const noexcept {
        if (best_violations_ != other.best_violations_) return best_violations_ < other.best_violations_;
        if (best_overload_ != other.best_overload_) return best_overload_ < other.best_overload_;
        return best_value_ < other.best_value_;
    }

    /// Begins a round of that many evaluations, or up to one step more. `advance` runs it.
    void begin_round(const reassignment_temperature& at, std::uint64_t evaluations) {
        temperature_ = at.temperature;
        has_fitted_ = false;
        state_.set_overload_penalty(at.overload_penalty);
        round_ends_ = evaluations_ + evaluations;
        round_steps_end_ = steps_ + 16 * evaluations;  // steps without an evaluation take time, too
    }
    /// Goes on with the round for a fraction of a millisecond, however large the problem; true until the round is over.
    /// How a round is divided does not change what it finds. A step that moves a whole group is not divided.
    [[nodiscard]] bool advance() {
        constexpr std::uint64_t slice = 256;
        const std::uint64_t until = evaluations_ + slice < round_ends_ ? evaluations_ + slice : round_ends_;
        const std::uint64_t steps_until = steps_ + 8 * slice < round_steps_end_ ? steps_ + 8 * slice : round_steps_end_;
        if (pair_.active && !improve_pair(slice)) return true;
        while (evaluations_ < until && steps_ < steps_until) {
            ++steps_;
            step();
            if (pair_.active && !improve_pair(slice)) return true;
        }
        return evaluations_ < round_ends_ && steps_ < round_steps_end_;
    }
    /// A whole round.
    void run(const reassignment_temperature& at, std::uint64_t evaluations) {
        begin_round(at, evaluations);
        while (advance()) {}
    }
    /// True if an assignment of this round kept all constraints.
    [[nodiscard]] bool has_fitted() const noexcept { return has_fitted_; }

private:
    static constexpr std::size_t kinds = 9;

    [[nodiscard]] static std::vector<slot> slots_of(std::span<const node_index> start) {
        std::vector<slot> slots;
        slots.reserve(start.size());
        for (const node_index n : start) slots.push_back({n, 0});
        return slots;
    }

    [[nodiscard]] task_index any_task() noexcept {
        return task_index{bounded(random_, static_cast<std::uint32_t>(problem_->task_count()))};
    }
    /// The largest of a few.
    [[nodiscard]] task_index large_task() noexcept {
        task_index t = any_task();
        for (int i = 0; i < 3; ++i) {
            const task_index other = any_task();
            if (by_size_.rank(other) > by_size_.rank(t)) t = other;
        }
        return t;
    }
    /// One of nearly the same size, or the task itself.
    [[nodiscard]] task_index any_alike(task_index t) noexcept {
        constexpr std::uint32_t apart = 20;
        const std::size_t at = by_size_.rank(t) + bounded(random_, 2 * apart + 1);
        return at < apart || at - apart >= by_size_.size() ? t : by_size_.at(at - apart);
    }
    [[nodiscard]] node_index any_node() noexcept {
        return node_index{bounded(random_, static_cast<std::uint32_t>(problem_->node_count()))};
    }
    /// One of those that the task can be on, if they are listed.
    [[nodiscard]] node_index any_node_for(task_index t) noexcept {
        const auto nodes = reach_->nodes(t);
        return nodes.empty() ? any_node() : nodes[bounded(random_, static_cast<std::uint32_t>(nodes.size()))];
    }
    [[nodiscard]] bool is_moved(task_index t) const noexcept { return !(state_.where(t) == problem_->initial(t)); }

    void step() {
        const double kind = uniform01(random_);
        const task_index t = any_task();
        if (kind < up_to_[0]) {
            try_shift(t, any_node_for(t));
        } else if (kind < up_to_[1]) {
            try_shift(t, problem_->initial(t));
        } else if (kind < up_to_[2]) {
            if (reach_->nodes(t).empty()) {
                try_swap(t, any_task());
            } else {
                try_swap_with_any_on(t, any_node_for(t));
            }
        } else if (kind < up_to_[3]) {
            if (is_moved(t)) try_swap_with_any_on(t, problem_->initial(t));
        } else if (kind < up_to_[4]) {
            try_swap(t, any_alike(t));
        } else if (kind < up_to_[5]) {
            chain(uniform01(random_) < 0.5 ? t : large_task());
        } else if (kind < up_to_[6]) {
            make_room();
        } else if (kind < up_to_[7]) {
            whole_group(t);
        } else {
            node_pair(state_.where(t), any_node());
        }
    }

    [[nodiscard]] bool accepts(double delta) noexcept {
        if (delta <= 0.0) return true;
        if (delta > 30.0 * temperature_) return false;
        return uniform01(random_) < std::exp(-delta / temperature_);
    }
    void try_shift(task_index t, node_index to) {
        if (state_.where(t) == to || !reach_->contains(t, to)) return;
        ++evaluations_;
        const double delta = state_.shift_delta(t, to);
        if (state_.violations() == 0) {
            if (!accepts(delta) || state_.shift_violations(t, to) > 0) return;
        } else {
            if (delta >= state_.infeasible) return;
            const std::int64_t change = state_.shift_violations(t, to);
            if (change > 0 || (change == 0 && !accepts(delta))) return;
        }
        ++accepted_;
        carry_out(t, to);
        look_at_best();
    }
    void try_swap(task_index t, task_index u) {
        const node_index a = state_.where(t);
        const node_index b = state_.where(u);
        if (a == b || !reach_->contains(t, b) || !reach_->contains(u, a)) return;
        ++evaluations_;
        const double delta = state_.swap_delta(t, u);
        if (state_.violations() == 0) {
            if (!accepts(delta) || state_.swap_violations(t, u) > 0) return;
        } else {
            if (delta >= state_.infeasible) return;
            const std::int64_t change = state_.swap_violations(t, u);
            if (change > 0 || (change == 0 && !accepts(delta))) return;
        }
        ++accepted_;
        tasks_.remove(t, a);
        tasks_.remove(u, b);
        tasks_.add(t, b);
        tasks_.add(u, a);
        state_.swap(t, u);
        note(t);
        note(u);
        look_at_best();
    }
    void try_swap_with_any_on(task_index t, node_index n) {
        const auto there = tasks_.on(n);
        if (!there.empty()) try_swap(t, there[bounded(random_, static_cast<std::uint32_t>(there.size()))]);
    }
    /// A task goes back or to any node, one of similar size takes its place, and so on up to three times: a large task
    /// can go back only if others of its size move up behind it.
    void chain(task_index t) {
        const bool back = is_moved(t) && uniform01(random_) < 0.7;
        node_index gap = state_.where(t);
        const node_index to = back ? problem_->initial(t) : any_node_for(t);
        if (to == gap) return;
        begin_attempt();
        if (!attempt(t, to)) return;
        const std::uint32_t links = 1 + bounded(random_, 3);
        for (std::uint32_t i = 0; i < links; ++i) {
            for (int tries = 0; tries < 8; ++tries) {
                const task_index next = any_alike(t);
                const node_index from = state_.where(next);
                if (from == gap || next == t || !attempt(next, gap)) continue;
                gap = from;
                t = next;
                break;
            }
        }
        end_attempt(attempted_.size());
    }
    void make_room() {
        if (uniform01(random_) < 0.5) {
            const task_index t = large_task();
            if (is_moved(t)) make_room(t, problem_->initial(t));
            return;
        }
        node_index from = any_node();
        for (int i = 0; i < 3; ++i) {
            const node_index other = any_node();
            if (state_.node_cost(other) > state_.node_cost(from)) from = other;
        }
        const auto there = tasks_.on(from);
        if (there.empty()) return;
        const task_index t = there[bounded(random_, static_cast<std::uint32_t>(there.size()))];
        const node_index to = any_node_for(t);
        if (to != from) make_room(t, to);
    }
    void make_room(task_index t, node_index to) {
        constexpr std::size_t most = 12;  // tasks moved
        const node_index from = state_.where(t);
        const double before = state_.overload_of(to);
        begin_attempt();
        if (!attempt(t, to)) return;
        for (std::size_t tries = 0; tries < 2 * most && attempted_.size() <= most; ++tries) {
            if (!(state_.overload_of(to) > before)) break;
            const auto guests = tasks_.on(to);
            const task_index u = guests[bounded(random_, static_cast<std::uint32_t>(guests.size()))];
            if (u == t) continue;
            const bool back = is_moved(u) && uniform01(random_) < 0.5;
            (void)attempt(u, back ? problem_->initial(u) : from);
        }
        end_attempt(attempted_.size());
    }
    void whole_group(task_index t) {
        begin_attempt();
        std::size_t gone = 0;
        for (const task_index member : problem_->members(problem_->group(t))) {
            if (!is_moved(member)) continue;
            ++gone;
            if (!attempt(member, problem_->initial(member))) break;
        }
        if (gone > 0) end_attempt(gone);
    }
    void node_pair(node_index a, node_index b) {
        if (a == b) return;
        constexpr std::uint64_t most = 20'000;  // too long for one slice
        pair_.active = true;
        pair_.a = a;
        pair_.b = b;
        pair_.until = evaluations_ + most;
        begin_pass();
    }
    void begin_pass() {
        pair_.before = state_.value();
        pair_.tasks.clear();
        pair_.tasks.append(tasks_.on(pair_.a));
        pair_.tasks.append(tasks_.on(pair_.b));
        pair_.first = 0;
        pair_.second = 0;
    }
    /// Goes on with a node pair for so many evaluations: every task shifted to the other node, every two exchanged,
    /// pass after pass while they improve. True if it is done.
    [[nodiscard]] bool improve_pair(std::uint64_t slice) {
        const std::uint64_t until = evaluations_ + slice;
        const double warm = temperature_;
        temperature_ = 0.0;
        for (std::uint64_t tries = 8 * slice; tries > 0 && evaluations_ < until; --tries) {
            const flat<task_index>& tasks = pair_.tasks;
            if (pair_.first >= tasks.size() || evaluations_ >= pair_.until) {
                if (!(state_.value() < pair_.before) || evaluations_ >= pair_.until) {
                    pair_.active = false;
                    break;
                }
                begin_pass();
            } else if (pair_.second <= pair_.first) {
                const task_index t = tasks[pair_.first];
                try_shift(t, state_.where(t) == pair_.a ? pair_.b : pair_.a);
                pair_.second = pair_.first + 1;
            } else if (pair_.second < tasks.size()) {
                try_swap(tasks[pair_.first], tasks[pair_.second++]);
            } else {
                ++pair_.first;
                pair_.second = 0;
            }
        }
        temperature_ = warm;
        return !pair_.active;
    }

    // Several moves that are accepted or undone together.
    void begin_attempt() noexcept {
        attempted_.clear();
        attempted_delta_ = 0.0;
        attempted_from_ = state_.violations();
    }
    [[nodiscard]] bool attempt(task_index t, node_index to) {
        if (!reach_->contains(t, to)) return false;
        ++evaluations_;
        const double delta = state_.shift_delta(t, to);
        if (delta >= state_.infeasible) return false;
        attempted_delta_ += delta;
        attempted_.push_back({t, state_.where(t)});
        carry_out(t, to);
        return true;
    }
    void end_attempt(std::size_t wanted) {
        const std::int64_t change = state_.violations() - attempted_from_;
        if (attempted_.size() == wanted && (change < 0 || (change == 0 && accepts(attempted_delta_)))) {
            ++accepted_;
            look_at_best();
            return;
        }
        for (std::size_t i = attempted_.size(); i-- > 0;) carry_out(attempted_[i].task, attempted_[i].from);
    }

    void carry_out(task_index t, node_index to) {
        tasks_.remove(t, state_.where(t));
        tasks_.add(t, to);
        state_.shift(t, to);
        note(t);
    }
    void note(task_index t) {
        if (changed_[t.value()] != 0) return;
        changed_[t.value()] = 1;
        changes_.push_back(t);
    }
    void look_at_best() {
        if (state_.overload() == 0.0 && state_.violations() == 0) has_fitted_ = true;
        if (state_.violations() > best_violations_) return;
        if (state_.violations() == best_violations_) {
            if (state_.overload() > best_overload_) return;
            if (state_.overload() == best_overload_ && !(state_.cost_value() < best_value_)) return;
        }
        keep_best();
    }
    void keep_best() {
        for (const task_index t : changes_) {
            changed_[t.value()] = 0;
            best_[t.value()] = state_.where(t);
        }
        changes_.clear();
        best_violations_ = state_.violations();
        best_overload_ = state_.overload();
        best_value_ = state_.cost_value();
    }

    struct pair_pass {
        bool active = false;
        node_index a;
        node_index b;
        std::uint64_t until = 0;  // evaluations
        double before = 0.0;      // the value when the pass began
        flat<task_index> tasks;
        std::size_t first = 0;   // of `tasks`
        std::size_t second = 0;  // its partner, behind it; else the shift comes next
    };
    struct attempted_move {
        task_index task;
        node_index from;
    };

    const reassignment_problem* problem_;
    const reassignment_reach<Wides>* reach_;
    reassignment_state<Wides> state_;
    node_tasks tasks_;
    tasks_by_size by_size_;
    xoshiro256 random_;
    double up_to_[kinds] = {};
    flat<node_index> best_;
    flat<std::uint8_t> changed_;
    flat<task_index> changes_;  // since the best
    flat<attempted_move> attempted_;
    pair_pass pair_;
    double attempted_delta_ = 0.0;
    std::int64_t attempted_from_ = 0;
    std::int64_t best_violations_ = 0;
    double best_overload_ = 0.0;
    double best_value_ = 0.0;
    double temperature_ = 0.0;
    std::uint64_t evaluations_ = 0;
    std::uint64_t accepted_ = 0;
    std::uint64_t steps_ = 0;
    std::uint64_t round_ends_ = 0;  // evaluations
    std::uint64_t round_steps_end_ = 0;
    bool has_fitted_ = true;
};

}  // namespace berth::inline v0::detail
