// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/node_tasks.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/random.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/allocate/reassignment/detail/reassignment_reach.hpp"
#include "berth/allocate/reassignment/reassignment_problem.hpp"
#include "berth/allocate/reassignment/reassignment_state.hpp"
#include "berth/model/slot.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace berth::inline v0 {

/// How often a step of the search is of which kind, relative to the others. Not negative, and not all 0.
struct reassignment_mix {
    double shift = 0.15;         ///< a task goes to any node
    double go_home = 0.1;        ///< a moved task goes back to where it was initial
    double swap = 0.3;           ///< two tasks change places
    double swap_at_home = 0.35;  ///< a moved task goes back, and a task that is there goes where it was
    double swap_alike = 0.3;     ///< two tasks of nearly equal size change places
    double chain = 0.004;        ///< a task goes home or elsewhere, one alike takes its place, and so on
    double make_room = 0.005;  ///< a task leaves a costly node, and tasks where it goes to go back or come in exchange
    double whole_group = 0.0003;  ///< all moved tasks of a group go back
    double node_pair = 2e-6;      ///< every shift and swap between two nodes, until none improves

    friend constexpr bool operator==(const reassignment_mix&, const reassignment_mix&) noexcept = default;
};

namespace detail {

/// What the annealing of a reassignment is like at one moment.
struct reassignment_cooling {
    double temperature = 0.0;
    amount overload_penalty = 0;
};

/// One island: an assignment, where its tasks are, and the best that it has been.
template <std::size_t Wides>
class reassignment_annealer {
public:
    reassignment_annealer(const reassignment_problem& p, const reassignment_reach<Wides>& reach,
                      std::span<const node_index> start, const reassignment_mix& mix, std::uint64_t seed)
        : problem_{&p},
          reach_{&reach},
          state_{p, start},
          tasks_{p.node_count(), slots_of(start)},
          random_{seed},
          changed_(p.task_count()) {
        best_.append(start);
        changes_.reserve(p.task_count());
        keep_best();
        double sum = 0.0;
        const double shares[] = {mix.shift, mix.go_home,   mix.swap,        mix.swap_at_home, mix.swap_alike,
                                 mix.chain, mix.make_room, mix.whole_group, mix.node_pair};
        for (std::size_t i = 0; i < kinds; ++i) {
            BERTH_ASSERT(shares[i] >= 0.0, "berth: no kind of step is taken less often than never");
            sum += shares[i];
        }
        BERTH_ASSERT(sum > 0.0, "berth: a reassignment search takes steps of some kind");
        double up_to = 0.0;
        for (std::size_t i = 0; i < kinds; ++i) up_to_[i] = up_to += shares[i] / sum;
        rank_by_size();
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

    /// Goes on for so many evaluations, or somewhat more.
    void run(const reassignment_cooling& cooling, std::uint64_t evaluations) {
        temperature_ = cooling.temperature;
        has_fitted_ = false;
        state_.set_overload_price(cooling.overload_penalty);
        const std::uint64_t until = evaluations_ + evaluations;
        const std::uint64_t give_up = steps_ + 16 * evaluations;  // steps that come to nothing cost time, too
        while (evaluations_ < until && steps_ < give_up) {
            ++steps_;
            step();
        }
    }
    /// Whether an assignment of the last run kept all constraints.
    [[nodiscard]] bool has_fitted() const noexcept { return has_fitted_; }

private:
    static constexpr std::size_t kinds = 9;

    [[nodiscard]] static std::vector<slot> slots_of(std::span<const node_index> start) {
        std::vector<slot> slots;
        slots.reserve(start.size());
        for (const node_index n : start) slots.push_back({n, 0});
        return slots;
    }
    void rank_by_size() {
        const std::size_t tasks = problem_->task_count();
        flat<double> sizes(tasks);
        std::vector<double> total(problem_->resource_count(), 0.0);
        for (std::size_t n = 0; n < problem_->node_count(); ++n) {
            for (std::size_t r = 0; r < total.size(); ++r)
                total[r] += static_cast<double>(problem_->capacity(node_index{n})[r]);
        }
        for (std::size_t t = 0; t < tasks; ++t) {
            for (std::size_t r = 0; r < total.size(); ++r) {
                if (total[r] > 0) sizes[t] += static_cast<double>(problem_->demand(task_index{t})[r]) / total[r];
            }
        }
        by_size_ = sorted_positions(
            tasks, [&](std::size_t a, std::size_t b) { return sizes[a] != sizes[b] ? sizes[a] < sizes[b] : a < b; });
        rank_.resize(tasks);
        for (std::size_t i = 0; i < tasks; ++i) rank_[by_size_[i]] = static_cast<std::uint32_t>(i);
    }

    [[nodiscard]] task_index any_task() noexcept {
        return task_index{bounded(random_, static_cast<std::uint32_t>(problem_->task_count()))};
    }
    /// The largest of a few.
    [[nodiscard]] task_index large_task() noexcept {
        task_index t = any_task();
        for (int i = 0; i < 3; ++i) {
            const task_index other = any_task();
            if (rank_[other.value()] > rank_[t.value()]) t = other;
        }
        return t;
    }
    /// One of nearly the same size, or the task itself.
    [[nodiscard]] task_index any_alike(task_index t) noexcept {
        constexpr std::uint32_t apart = 20;
        const std::size_t at = rank_[t.value()] + bounded(random_, 2 * apart + 1);
        return at < apart || at - apart >= by_size_.size() ? t : task_index{by_size_[at - apart]};
    }
    [[nodiscard]] node_index any_node() noexcept {
        return node_index{bounded(random_, static_cast<std::uint32_t>(problem_->node_count()))};
    }
    /// Any that the task can be on, if these are known.
    [[nodiscard]] node_index any_node_for(task_index t) noexcept {
        const auto nodes = reach_->nodes(t);
        return nodes.empty() ? any_node() : nodes[bounded(random_, static_cast<std::uint32_t>(nodes.size()))];
    }
    [[nodiscard]] bool away(task_index t) const noexcept { return !(state_.where(t) == problem_->initial(t)); }

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
            if (away(t)) try_swap_with_any_on(t, problem_->initial(t));
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
    /// A task goes home or to any node, one nearly as large takes its place, one like that the place of the second, up to three times: a large task
    /// comes home only if large ones move up behind it.
    void chain(task_index t) {
        const bool home = away(t) && uniform01(random_) < 0.7;
        node_index gap = state_.where(t);
        const node_index to = home ? problem_->initial(t) : any_node_for(t);
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
            if (away(t)) make_room(t, problem_->initial(t));
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
        constexpr std::size_t most = 12;  // tasks that give way
        const node_index from = state_.where(t);
        const double before = state_.overload_of(to);
        begin_attempt();
        if (!attempt(t, to)) return;
        for (std::size_t tries = 0; tries < 2 * most && attempted_.size() <= most; ++tries) {
            if (!(state_.overload_of(to) > before)) break;
            const auto guests = tasks_.on(to);
            const task_index u = guests[bounded(random_, static_cast<std::uint32_t>(guests.size()))];
            if (u == t) continue;
            const bool back = away(u) && uniform01(random_) < 0.5;
            (void)attempt(u, back ? problem_->initial(u) : from);
        }
        end_attempt(attempted_.size());
    }
    void whole_group(task_index t) {
        begin_attempt();
        std::size_t gone = 0;
        for (const task_index member : problem_->members(problem_->group(t))) {
            if (!away(member)) continue;
            ++gone;
            if (!attempt(member, problem_->initial(member))) break;
        }
        if (gone > 0) end_attempt(gone);
    }
    void node_pair(node_index a, node_index b) {
        if (a == b) return;
        const double warm = temperature_;
        temperature_ = 0.0;
        constexpr std::uint64_t most = 20'000;
        const std::uint64_t until = evaluations_ + most;
        double before = state_.value();
        do {
            before = state_.value();
            pair_.clear();
            pair_.append(tasks_.on(a));
            pair_.append(tasks_.on(b));
            for (std::size_t i = 0; i < pair_.size() && evaluations_ < until; ++i) {
                try_shift(pair_[i], state_.where(pair_[i]) == a ? b : a);
                for (std::size_t j = i + 1; j < pair_.size() && evaluations_ < until; ++j) try_swap(pair_[i], pair_[j]);
            }
        } while (state_.value() < before && evaluations_ < until);
        temperature_ = warm;
    }

    // Several moves of which only the sum has to please: carried out one by one, and taken back if it does not.
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

    struct attempted_move {
        task_index task;
        node_index from;
    };

    const reassignment_problem* problem_;
    const reassignment_reach<Wides>* reach_;
    reassignment_state<Wides> state_;
    node_tasks tasks_;
    xoshiro256 random_;
    double up_to_[kinds] = {};
    flat<std::size_t> by_size_;
    flat<std::uint32_t> rank_;  // of each task in `by_size_`
    flat<node_index> best_;
    flat<std::uint8_t> changed_;
    flat<task_index> changes_;  // since the best
    flat<task_index> pair_;
    flat<attempted_move> attempted_;
    double attempted_delta_ = 0.0;
    std::int64_t attempted_from_ = 0;
    std::int64_t best_violations_ = 0;
    double best_overload_ = 0.0;
    double best_value_ = 0.0;
    double temperature_ = 0.0;
    std::uint64_t evaluations_ = 0;
    std::uint64_t accepted_ = 0;
    std::uint64_t steps_ = 0;
    bool has_fitted_ = true;
};

}  // namespace detail
}  // namespace berth::inline v0
