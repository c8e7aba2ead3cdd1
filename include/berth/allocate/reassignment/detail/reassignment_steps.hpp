// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/reassignment/detail/reassignment_island.hpp"
#include "berth/allocate/reassignment/detail/reassignment_reach.hpp"
#include "berth/allocate/reassignment/detail/tasks_by_size.hpp"
#include "berth/allocate/reassignment/reassignment_mix.hpp"
#include "berth/allocate/reassignment/reassignment_problem.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/random.hpp"

#include <cstddef>
#include <cstdint>

// Length: nine kinds of step, which share draws, acceptance and undo.

namespace berth::inline v0::detail {

/// The moves of a reassignment search, as whole steps of an annealer (`search_moves`).
template <std::size_t Wides>
class reassignment_steps {
public:
    using island = reassignment_island<Wides>;

    reassignment_steps(const reassignment_problem& p, const reassignment_reach<Wides>& reach,
                       const reassignment_mix& mix)
        : problem_{&p}, reach_{&reach}, by_size_{p} {
        double sum = 0.0;
        const double shares[] = {mix.shift, mix.shift_back, mix.swap,        mix.swap_back, mix.swap_alike,
                                 mix.chain, mix.make_room,  mix.whole_group, mix.node_pair};
        for (const double share : shares) sum += share;
        double up_to = 0.0;
        for (std::size_t i = 0; i < kinds; ++i) up_to_[i] = up_to += shares[i] / sum;
    }

    /// See `search_moves`.
    template <class Acceptor>
    [[nodiscard]] bool step(island& at, Acceptor& acceptor) {
        if (pair_.active) return go_on_with_pair(at, acceptor);
        xoshiro256& random = acceptor.random();
        const double kind = uniform01(random);
        const task_index t = any_task(random);
        if (kind < up_to_[0]) return try_shift(at, acceptor, t, any_node_for(t, random));
        if (kind < up_to_[1]) return try_shift(at, acceptor, t, problem_->initial(t));
        if (kind < up_to_[2]) {
            if (reach_->nodes(t).empty()) return try_swap(at, acceptor, t, any_task(random));
            return try_swap_with_any_on(at, acceptor, t, any_node_for(t, random));
        }
        if (kind < up_to_[3]) { return is_moved(at, t) && try_swap_with_any_on(at, acceptor, t, problem_->initial(t)); }
        if (kind < up_to_[4]) return try_swap(at, acceptor, t, any_alike(t, random));
        if (kind < up_to_[5]) return chain(at, acceptor, uniform01(random) < 0.5 ? t : large_task(random));
        if (kind < up_to_[6]) return make_room(at, acceptor);
        if (kind < up_to_[7]) return whole_group(at, acceptor, t);
        return node_pair(at, at.now().where(t), any_node(random));
    }
    /// True while a node pair is improved, a try at each step.
    [[nodiscard]] bool under_way() const noexcept { return pair_.active; }

private:
    static constexpr std::size_t kinds = 9;

    [[nodiscard]] task_index any_task(xoshiro256& random) const noexcept {
        return task_index{bounded(random, static_cast<std::uint32_t>(problem_->task_count()))};
    }
    /// The largest of a few.
    [[nodiscard]] task_index large_task(xoshiro256& random) const noexcept {
        task_index t = any_task(random);
        for (int i = 0; i < 3; ++i) {
            const task_index other = any_task(random);
            if (by_size_.rank(other) > by_size_.rank(t)) t = other;
        }
        return t;
    }
    /// One of nearly the same size, or the task itself.
    [[nodiscard]] task_index any_alike(task_index t, xoshiro256& random) const noexcept {
        constexpr std::uint32_t apart = 20;
        const std::size_t at = by_size_.rank(t) + bounded(random, 2 * apart + 1);
        return at < apart || at - apart >= by_size_.size() ? t : by_size_.at(at - apart);
    }
    [[nodiscard]] node_index any_node(xoshiro256& random) const noexcept {
        return node_index{bounded(random, static_cast<std::uint32_t>(problem_->node_count()))};
    }
    /// One of those that the task can be on, if they are listed.
    [[nodiscard]] node_index any_node_for(task_index t, xoshiro256& random) const noexcept {
        const auto nodes = reach_->nodes(t);
        return nodes.empty() ? any_node(random) : nodes[bounded(random, static_cast<std::uint32_t>(nodes.size()))];
    }
    [[nodiscard]] bool is_moved(const island& at, task_index t) const noexcept {
        return !(at.now().where(t) == problem_->initial(t));
    }

    /// Within a node pair nothing worse is accepted.
    template <class Acceptor>
    [[nodiscard]] bool takes(Acceptor& acceptor, double delta) const {
        return pair_.active ? delta <= 0.0 : acceptor.accepts(delta);
    }
    template <class Acceptor>
    [[nodiscard]] bool try_shift(island& at, Acceptor& acceptor, task_index t, node_index to) {
        const auto& now = at.now();
        if (now.where(t) == to || !reach_->contains(t, to)) return false;
        at.count_evaluation();
        const double delta = now.shift_delta(t, to);
        if (now.violations() == 0) {
            if (!takes(acceptor, delta) || now.shift_violations(t, to) > 0) return false;
        } else {
            if (delta >= now.infeasible) return false;
            const std::int64_t change = now.shift_violations(t, to);
            if (change > 0 || (change == 0 && !takes(acceptor, delta))) return false;
        }
        at.shift(t, to);
        at.accepted();
        return true;
    }
    template <class Acceptor>
    [[nodiscard]] bool try_swap(island& at, Acceptor& acceptor, task_index t, task_index u) {
        auto& now = at.now();
        const node_index a = now.where(t);
        const node_index b = now.where(u);
        if (a == b || !reach_->contains(t, b) || !reach_->contains(u, a)) return false;
        at.count_evaluation();
        const double delta = now.swap_delta(t, u);
        if (now.violations() == 0) {
            if (!takes(acceptor, delta) || now.swap_violations(t, u) > 0) return false;
        } else {
            if (delta >= now.infeasible) return false;
            const std::int64_t change = now.swap_violations(t, u);
            if (change > 0 || (change == 0 && !takes(acceptor, delta))) return false;
        }
        at.swap(t, u);
        at.accepted();
        return true;
    }
    template <class Acceptor>
    [[nodiscard]] bool try_swap_with_any_on(island& at, Acceptor& acceptor, task_index t, node_index n) {
        const auto there = at.tasks().on(n);
        if (there.empty()) return false;
        return try_swap(at, acceptor, t, there[bounded(acceptor.random(), static_cast<std::uint32_t>(there.size()))]);
    }
    /// A task goes back or to any node, one of similar size takes its place, and so on up to three times: a large task
    /// can go back only if others of its size move up behind it.
    template <class Acceptor>
    [[nodiscard]] bool chain(island& at, Acceptor& acceptor, task_index t) {
        xoshiro256& random = acceptor.random();
        const bool back = is_moved(at, t) && uniform01(random) < 0.7;
        node_index gap = at.now().where(t);
        const node_index to = back ? problem_->initial(t) : any_node_for(t, random);
        if (to == gap) return false;
        begin_attempt(at);
        if (!attempt(at, t, to)) return false;
        const std::uint32_t links = 1 + bounded(random, 3);
        for (std::uint32_t i = 0; i < links; ++i) {
            for (int tries = 0; tries < 8; ++tries) {
                const task_index next = any_alike(t, random);
                const node_index from = at.now().where(next);
                if (from == gap || next == t || !attempt(at, next, gap)) continue;
                gap = from;
                t = next;
                break;
            }
        }
        return end_attempt(at, acceptor, attempted_.size());
    }
    template <class Acceptor>
    [[nodiscard]] bool make_room(island& at, Acceptor& acceptor) {
        xoshiro256& random = acceptor.random();
        if (uniform01(random) < 0.5) {
            const task_index t = large_task(random);
            return is_moved(at, t) && make_room(at, acceptor, t, problem_->initial(t));
        }
        node_index from = any_node(random);
        for (int i = 0; i < 3; ++i) {
            const node_index other = any_node(random);
            if (at.now().node_cost(other) > at.now().node_cost(from)) from = other;
        }
        const auto there = at.tasks().on(from);
        if (there.empty()) return false;
        const task_index t = there[bounded(random, static_cast<std::uint32_t>(there.size()))];
        const node_index to = any_node_for(t, random);
        return to != from && make_room(at, acceptor, t, to);
    }
    template <class Acceptor>
    [[nodiscard]] bool make_room(island& at, Acceptor& acceptor, task_index t, node_index to) {
        constexpr std::size_t most = 12;  // tasks moved
        xoshiro256& random = acceptor.random();
        const node_index from = at.now().where(t);
        const double before = at.now().overload_of(to);
        begin_attempt(at);
        if (!attempt(at, t, to)) return false;
        for (std::size_t tries = 0; tries < 2 * most && attempted_.size() <= most; ++tries) {
            if (!(at.now().overload_of(to) > before)) break;
            const auto guests = at.tasks().on(to);
            const task_index u = guests[bounded(random, static_cast<std::uint32_t>(guests.size()))];
            if (u == t) continue;
            const bool back = is_moved(at, u) && uniform01(random) < 0.5;
            (void)attempt(at, u, back ? problem_->initial(u) : from);
        }
        return end_attempt(at, acceptor, attempted_.size());
    }
    template <class Acceptor>
    [[nodiscard]] bool whole_group(island& at, Acceptor& acceptor, task_index t) {
        begin_attempt(at);
        std::size_t gone = 0;
        for (const task_index member : problem_->members(problem_->group(t))) {
            if (!is_moved(at, member)) continue;
            ++gone;
            if (!attempt(at, member, problem_->initial(member))) break;
        }
        return gone > 0 && end_attempt(at, acceptor, gone);
    }

    /// Begins to improve a node pair: every task shifted to the other node, every two exchanged, pass after pass while
    /// they improve. Always false.
    [[nodiscard]] bool node_pair(const island& at, node_index a, node_index b) {
        if (a == b) return false;
        constexpr std::uint64_t most = 20'000;
        pair_.active = true;
        pair_.a = a;
        pair_.b = b;
        pair_.until = at.evaluations() + most;
        begin_pass(at);
        return false;
    }
    void begin_pass(const island& at) {
        pair_.before = at.now().value();
        pair_.tasks.clear();
        pair_.tasks.append(at.tasks().on(pair_.a));
        pair_.tasks.append(at.tasks().on(pair_.b));
        pair_.first = 0;
        pair_.second = 0;
    }
    template <class Acceptor>
    [[nodiscard]] bool go_on_with_pair(island& at, Acceptor& acceptor) {
        const flat<task_index>& tasks = pair_.tasks;
        if (pair_.first >= tasks.size() || at.evaluations() >= pair_.until) {
            if (at.now().value() < pair_.before && at.evaluations() < pair_.until) {
                begin_pass(at);
            } else {
                pair_.active = false;
            }
            return false;
        }
        if (pair_.second <= pair_.first) {
            const task_index t = tasks[pair_.first];
            pair_.second = pair_.first + 1;
            return try_shift(at, acceptor, t, at.now().where(t) == pair_.a ? pair_.b : pair_.a);
        }
        if (pair_.second < tasks.size()) return try_swap(at, acceptor, tasks[pair_.first], tasks[pair_.second++]);
        ++pair_.first;
        pair_.second = 0;
        return false;
    }

    // Several moves that are accepted or undone together.
    void begin_attempt(const island& at) noexcept {
        attempted_.clear();
        attempted_delta_ = 0.0;
        attempted_from_ = at.now().violations();
    }
    [[nodiscard]] bool attempt(island& at, task_index t, node_index to) {
        if (!reach_->contains(t, to)) return false;
        at.count_evaluation();
        const double delta = at.now().shift_delta(t, to);
        if (delta >= at.now().infeasible) return false;
        attempted_delta_ += delta;
        attempted_.push_back({t, at.now().where(t)});
        at.shift(t, to);
        return true;
    }
    template <class Acceptor>
    [[nodiscard]] bool end_attempt(island& at, Acceptor& acceptor, std::size_t wanted) {
        const std::int64_t change = at.now().violations() - attempted_from_;
        if (attempted_.size() == wanted && (change < 0 || (change == 0 && takes(acceptor, attempted_delta_)))) {
            at.accepted();
            return true;
        }
        for (std::size_t i = attempted_.size(); i-- > 0;) at.shift(attempted_[i].task, attempted_[i].from);
        return false;
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
    tasks_by_size by_size_;
    double up_to_[kinds] = {};
    flat<attempted_move> attempted_;
    pair_pass pair_;
    double attempted_delta_ = 0.0;
    std::int64_t attempted_from_ = 0;
};

}  // namespace berth::inline v0::detail
