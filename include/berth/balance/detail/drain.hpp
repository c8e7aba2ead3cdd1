// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/balance_round.hpp"
#include "berth/balance/concepts.hpp"
#include "berth/balance/detail/gpus_by_load.hpp"
#include "berth/balance/detail/move_search.hpp"
#include "berth/balance/detail/stop_poll.hpp"
#include "berth/balance/detail/winner_tree.hpp"
#include "berth/balance/projected_state.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <limits>

namespace berth::inline v0::detail {

/// Answers the alarms of a trigger that drains: every task of their places has to leave. The task of the highest
/// priority comes first, then the one whose move has the largest gain after cost, then the first by alarm and index.
/// The tasks of a gang that have to leave do so together or not at all; a gang that cannot is tried once a round.
///
/// A task's best move is kept until the load of its target changes, so a drain takes a few searches for each task, of
/// O(GPUs) each. Memory O(tasks that have to leave), kept from round to round, and O(tasks).
class drain {
public:
    /// The alarms of the trigger among those of a round, and what the answer works on.
    template <class Search, class Moves>
    struct context {
        const projected_state& now;
        Search& search;
        Moves& moves;
        stop_poll& poll;
        balance_round& out;
        std::size_t first;
        std::size_t end;
    };

    /// @param took  called after moves were entered, with the number of moves before them
    template <class State, class Search, class Moves, class Took>
    void answer(const State& trigger, const context<Search, Moves>& c, const Took& took) {
        list(c.now, c.out, c.first, c.end);
        c.search.set_leaving(&position_, none);
        for (std::size_t i = 0; i < entries_.size() && !c.poll.stopped(0); ++i) search_again(trigger, c, entries_[i]);
        ranking_.build(entries_.size(), better{entries_});
        while (!entries_.empty()) {
            const std::size_t top = ranking_.winner();
            entry& e = entries_[top];
            if (!e.candidate.found) break;
            const alarm& why = c.out.alarms[e.alarm];
            if (!(c.now.where(e.task) == e.from) || !trigger.wants(c.now, why)) {
                e.candidate.found = false;
            } else if (highest_load(c.now, e.candidate.best.move.to) != e.candidate.rank ||
                       !c.search.still_valid(trigger, why, e.candidate)) {
                search_again(trigger, c, e);
            } else if (in_gang(c.now, e.task)) {
                move_gang(trigger, c, e.task, took);
            } else {
                e.candidate.found = false;
                c.moves.enter(e.candidate.best);
                took(c.moves.count() - 1);
            }
            ranking_.update(top, better{entries_});
        }
        for (std::size_t a = c.first; a < c.end; ++a) {
            if (!c.out.alarms[a].waiting.valid() && !trigger.wants(c.now, c.out.alarms[a])) ++c.out.answered;
        }
        c.search.set_leaving(nullptr, none);
        for (const entry& e : entries_) {
            position_[e.task.value()] = none;
            if (!e.known || !(c.now.where(e.task) == e.from) || !trigger.wants(c.now, c.out.alarms[e.alarm])) continue;
            ++c.out.staying[static_cast<std::size_t>(e.stays)];
        }
    }

private:
    struct entry {
        task_index task{};
        std::size_t alarm = 0;
        slot from{};
        move_candidate candidate{};
        stay_reason stays{};  // why it does if there is no candidate
        bool known = false;   // `stays` is
    };
    static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

    struct better {
        const flat<entry>& entries;
        [[nodiscard]] bool operator()(std::size_t a, std::size_t b) const noexcept {
            return entries[a].candidate.wins_over(entries[b].candidate);
        }
    };
    /// The tasks that have to leave, each once, by alarm and index.
    void list(const projected_state& now, const balance_round& out, std::size_t first, std::size_t end) {
        const workload& work = now.problem().workload();
        if (position_.size() < work.task_count()) position_.resize(work.task_count(), none);
        entries_.clear();
        for (std::size_t a = first; a < end; ++a) {
            const alarm& why = out.alarms[a];
            if (why.waiting.valid()) continue;
            tasks_.clear();
            now.each_task(why.node, [&](task_index t) {
                const bool here = why.gpus == 0 || (now.where(t).gpus & why.gpus) != 0;
                if (here && position_[t.value()] == none) tasks_.push_back(t.value());
            });
            sort_positions(tasks_, [](std::size_t x, std::size_t y) { return x < y; });
            for (const std::size_t i : tasks_) {
                const task_index t{i};
                position_[i] = entries_.size();
                entries_.push_back(
                    {.task = t, .alarm = a, .from = now.where(t), .candidate = {.priority = work.priority(t)}});
            }
        }
    }
    template <class State, class Search, class Moves>
    void search_again(const State& trigger, const context<Search, Moves>& c, entry& e) {
        const int priority = e.candidate.priority;
        e.candidate = c.search.best_move_of(trigger, c.out.alarms[e.alarm], e.alarm, e.task, e.stays);
        e.candidate.priority = priority;
        e.known = !c.poll.stopped(0);
    }

    [[nodiscard]] static bool in_gang(const projected_state& now, task_index t) {
        const workload& work = now.problem().workload();
        return work.group(t).valid() && work.is_gang(work.group(t));
    }
    /// Moves those tasks of a gang that have to leave, the most demanding first; or none of them, and no more tries.
    template <class State, class Search, class Moves, class Took>
    void move_gang(const State& trigger, const context<Search, Moves>& c, task_index asked, const Took& took) {
        const workload& work = c.now.problem().workload();
        gang_.clear();
        for (const task_index t : work.members(work.group(asked))) {
            if (position_[t.value()] == none || c.now.in_flight(t)) continue;
            std::size_t at = gang_.size();
            gang_.push_back(position_[t.value()]);
            for (; at > 0 && wants_more(work.demand(t), work.demand(entries_[gang_[at - 1]].task)); --at)
                gang_[at] = gang_[at - 1];
            gang_[at] = position_[t.value()];
        }
        const std::size_t before = c.moves.count();
        bool whole = enter_gang(trigger, c);
        if (!whole && work.same_model(work.group(asked))) {
            for (std::size_t m = 0; m < c.now.machines().model_count() && !whole; ++m) {
                c.search.set_model(model_index{m});
                whole = enter_gang(trigger, c);
            }
            c.search.set_model({});
        }
        for (const std::size_t i : gang_) {
            entry& e = entries_[i];
            if (!whole && (e.candidate.found || !e.known)) e.stays = stay_reason::group_incomplete;
            e.known = !c.poll.stopped(0);
            e.candidate.found = false;
            ranking_.update(i, better{entries_});
        }
        if (whole) took(before);
    }
    /// Enters a move of every task of the gang, or none. What keeps a task is in its entry.
    template <class State, class Search, class Moves>
    [[nodiscard]] bool enter_gang(const State& trigger, const context<Search, Moves>& c) {
        const std::size_t before = c.moves.count();
        for (const std::size_t i : gang_) {
            search_again(trigger, c, entries_[i]);
            if (!entries_[i].candidate.found) {
                c.moves.undo(before);
                return false;
            }
            c.moves.enter(entries_[i].candidate.best);
        }
        return true;
    }
    /// True if the first demand is harder to place: more GPUs, or else more of the first counter that differs.
    [[nodiscard]] static bool wants_more(const demand_view& a, const demand_view& b) noexcept {
        if (a.gpus != b.gpus) return a.gpus > b.gpus;
        for (std::size_t r = 0; r < a.gpu.size(); ++r) {
            if (a.gpu[r] != b.gpu[r]) return a.gpu[r] > b.gpu[r];
        }
        for (std::size_t r = 0; r < a.node.size(); ++r) {
            if (a.node[r] != b.node[r]) return a.node[r] > b.node[r];
        }
        return false;
    }

    flat<entry> entries_;
    flat<std::size_t> position_;  // per task: its entry, if it has to leave
    flat<std::size_t> tasks_;     // of one place
    flat<std::size_t> gang_;      // entries of one gang
    winner_tree ranking_;
};

}  // namespace berth::inline v0::detail
