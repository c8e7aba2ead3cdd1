// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/balance_round.hpp"
#include "berth/balance/concepts.hpp"
#include "berth/balance/detail/gpus_by_load.hpp"
#include "berth/balance/detail/stop_poll.hpp"
#include "berth/balance/detail/trigger_traits.hpp"
#include "berth/balance/projected_state.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <array>
#include <cstddef>
#include <limits>
#include <tuple>

namespace berth::inline v0::detail {

/// The best move for one alarm, if there is any.
struct move_candidate {
    chosen_move best{};
    double rank = 0.0;  // among equal nets the lowest wins
    int priority = 0;   // of the task if the trigger drains: the highest wins
    bool found = false;

    [[nodiscard]] double net() const noexcept { return best.gain - best.cost; }
    [[nodiscard]] bool wins_over(const move_candidate& other) const noexcept {
        if (!found || !other.found) return found;
        return priority != other.priority ? priority > other.priority : net() > other.net();
    }
};

/// Searches the tasks of one place and all their targets for the best move, in one round of a balancer. Borrows the
/// balancer's state.
///
/// @tparam Choice    a `move_choice`
/// @tparam Budget    a `move_budget_state`
/// @tparam Triggers  a tuple of `migration_trigger_state`
template <class Choice, class Budget, class Triggers>
class move_search {
public:
    using tally = std::array<std::size_t, stay_reason_count>;

    move_search(const Choice& choice, const Budget& budget, const Triggers& triggers, const projected_state& now,
                const gpus_by_load& by_load, const flat<double>& chosen_at, stop_poll& poll)
        : choice_{choice},
          budget_{budget},
          triggers_{triggers},
          now_{now},
          by_load_{by_load},
          chosen_at_{chosen_at},
          poll_{poll} {}

    /// Finds the best move that answers the alarm, at `position` among the round's alarms. If there is none, adds to
    /// `staying` why. If the search is stopped, the move is the best of those looked at, and nothing is added.
    template <class State>
    [[nodiscard]] move_candidate best_move(const State& trigger, const alarm& why, std::size_t position,
                                           tally& staying) {
        move_candidate c{.best = {.alarm = position}};
        tally stays{};
        now_.each_task(why.node, [&](task_index t) {
            const slot from = now_.where(t);
            if ((why.gpus != 0 && (from.gpus & why.gpus) == 0) || poll_.stopped(0)) return;
            ++stays[static_cast<std::size_t>(search_targets(trigger, why, t, from, c))];
        });
        if (c.found || poll_.stopped(0)) return c;
        for (std::size_t i = 0; i < stay_reason_count; ++i) staying[i] += stays[i];
        return c;
    }

    /// The same for one task of the place. `stays` is the reason if there is no move.
    template <class State>
    [[nodiscard]] move_candidate best_move_of(const State& trigger, const alarm& why, std::size_t position,
                                              task_index t, stay_reason& stays) {
        move_candidate c{.best = {.alarm = position}};
        stays = search_targets(trigger, why, t, now_.where(t), c);
        return c;
    }

    /// Other tasks of a gang do not bind one of them to their GPU model while they have to leave as well.
    ///
    /// @param leaving  per task: whether it has to leave; null: none does
    void set_leaving(const flat<std::size_t>* leaving, std::size_t none) noexcept {
        leaving_ = leaving;
        stays_ = none;
    }
    /// Looks at GPUs of one model only; of all if it is not valid.
    void set_model(model_index only) noexcept { only_ = only; }

    /// True if the move is still allowed, fits, and gains what it did when it was found: moves chosen since may have
    /// changed nodes, domains, and what a trigger compares with.
    template <class State>
    [[nodiscard]] bool still_valid(const State& trigger, const alarm& why, const move_candidate& c) const {
        const task_move& r = c.best.move;
        if (!budget_.allows(r, c.best.estimate)) return false;
        return now_.where(r.task) == r.from &&
               gain<State>(static_cast<double>(trigger.gain(now_, why, r)), r.task) == c.best.gain &&
               fits(now_.problem().workload().demand(r.task), r) && all_admit(r);
    }

private:
    /// Compares all targets of a task with the candidate. Returns the last check that the best target passed.
    template <class State>
    [[nodiscard]] stay_reason search_targets(const State& trigger, const alarm& why, task_index t, const slot& from,
                                             move_candidate& c) {
        if (now_.in_flight(t) || !(from == now_.observed(t))) return stay_reason::in_flight;
        const bool cools = now_.elapsed() - chosen_at_[t.value()] < choice_.options.cooldown;
        if (cools && !trigger_traits<State>::urgent()) return stay_reason::cooling_down;
        if (trigger_traits<State>::needs_load() && !now_.has_load(t)) return stay_reason::not_measured;
        const demand_view demand = now_.problem().workload().demand(t);
        const stay_reason furthest = demand.gpus == 1 ? search_gpus(trigger, why, t, demand, from, c)
                                                      : search_nodes(trigger, why, t, demand, from, c);
        return furthest == stay_reason::in_flight ? stay_reason::no_room : furthest;
    }
    template <class State>
    [[nodiscard]] stay_reason search_gpus(const State& trigger, const alarm& why, task_index t,
                                          const demand_view& demand, const slot& from, move_candidate& c) {
        const fleet& machines = now_.machines();
        const bool falls = trigger_traits<State>::gain_falls_with_load(trigger, now_);
        task_move r{t, from, {}};
        stay_reason furthest = stay_reason::in_flight;
        for (const std::size_t g : by_load_.gpus()) {
            if (poll_.stopped()) break;
            r.to.node = machines.node_of(gpu_index{g});
            const std::size_t i = g - machines.gpu(r.to.node, 0).value();
            if (i >= machines.gpu_count(r.to.node)) continue;  // a vacant position
            r.to.gpus = gpu_mask{1} << i;
            if (r.to == from || (r.to.gpus & now_.open_gpus(r.to.node)) == 0) continue;
            poll_.count();
            const double rate = static_cast<double>(trigger.gain(now_, why, r));
            const bool none_better = falls && (!(rate > 0.0) || (c.found && gain<State>(rate, t) < c.net()));
            const stay_reason here =
                none_better ? stay_reason::no_improvement : consider<State>(why, demand, r, rate, c);
            furthest = here > furthest ? here : furthest;
            if (none_better) break;
        }
        return furthest;
    }
    template <class State>
    [[nodiscard]] stay_reason search_nodes(const State& trigger, const alarm& why, task_index t,
                                           const demand_view& demand, const slot& from, move_candidate& c) {
        task_move r{t, from, {}};
        stay_reason furthest = stay_reason::in_flight;
        for (std::size_t i = 0; i < now_.machines().node_count() && !poll_.stopped(); ++i) {
            r.to = {node_index{i}, 0};
            if (demand.gpus == 0 && r.to.node == from.node) continue;
            poll_.count();
            stay_reason here = stay_reason::no_room;
            gpu_mask open = now_.open_gpus(r.to.node) & now_.ledger().fitting_gpus(demand, r.to.node);
            if (r.to.node == from.node) open &= ~from.gpus;
            if (has_gpus(open, demand.gpus)) {
                r.to.gpus = least_loaded_alike(now_, demand, r.to.node, open);
                here = consider<State>(why, demand, r, static_cast<double>(trigger.gain(now_, why, r)), c);
            }
            furthest = here > furthest ? here : furthest;
        }
        return furthest;
    }
    /// True if the target takes the task, and a gang that wants GPUs of one model keeps them.
    [[nodiscard]] bool fits(const demand_view& demand, const task_move& r) const {
        if (!now_.fits(demand, r.to)) return false;
        const workload& work = now_.problem().workload();
        const group_index gang = work.group(r.task);
        if (!gang.valid() || !work.same_model(gang) || r.to.gpus == 0) return true;
        const fleet& machines = now_.machines();
        const auto model = [&](const slot& s) { return machines.model(machines.gpu(s.node, lowest_gpu(s.gpus))); };
        if (only_.valid() && model(r.to) != only_) return false;
        for (const task_index other : work.members(gang)) {
            const slot& where = now_.where(other);
            if (other == r.task || where.gpus == 0 || model(where) == model(r.to)) continue;
            const bool leaves = leaving_ != nullptr && (*leaving_)[other.value()] != stays_;
            if (!leaves || !(where == now_.observed(other))) return false;
        }
        return true;
    }
    /// Compares one move with the candidate. Returns the last check that it passed.
    template <class State>
    [[nodiscard]] stay_reason consider(const alarm& why, const demand_view& demand, const task_move& r, double rate,
                                       move_candidate& c) {
        if (!(rate > 0.0)) return stay_reason::no_improvement;
        const double gains = gain<State>(rate, r.task);
        if (c.found && gains < c.net()) return stay_reason::no_improvement;
        if (!fits(demand, r)) return stay_reason::no_room;
        if (!all_admit(r)) return stay_reason::over_limit;
        if (!choice_.movable(r)) return stay_reason::not_movable;
        constexpr bool urgent = trigger_traits<State>::urgent();
        if (!urgent && rate < choice_.options.min_gain) return stay_reason::gain_too_small;
        const migration_estimate estimate = choice_.valuation.estimate(now_.problem(), r);
        const double cost = static_cast<double>(choice_.valuation.cost(estimate));
        if (!urgent && !(gains > cost)) return stay_reason::gain_below_cost;
        if (!budget_.allows(r, estimate)) return stay_reason::over_budget;
        const move_candidate found{
            .best = {.move = r, .alarm = c.best.alarm, .gain = gains, .cost = cost, .estimate = estimate},
            .rank = why.waiting.valid() ? free_share(r.to) : highest_load(now_, r.to),
            .priority = c.priority,
            .found = true};
        if (!c.found || better(found, c)) c = found;
        return stay_reason::over_budget;
    }

    [[nodiscard]] bool all_admit(const task_move& r) const {
        return std::apply([&](const auto&... each) { return (static_cast<bool>(each.admits(now_, r)) && ...); },
                          triggers_);
    }
    /// Of an urgent move: as if the task ran for ever.
    template <class State>
    [[nodiscard]] double gain(double rate, task_index t) const {
        constexpr double for_ever = std::numeric_limits<double>::infinity();
        const double remaining = trigger_traits<State>::urgent() ? for_ever : now_.remaining(t);
        return static_cast<double>(choice_.valuation.gain(rate, remaining));
    }
    /// A total order: the tasks of a place come in no particular order.
    [[nodiscard]] static bool better(const move_candidate& a, const move_candidate& b) noexcept {
        if (a.net() != b.net()) return a.net() > b.net();
        if (a.rank != b.rank) return a.rank < b.rank;
        const task_move& x = a.best.move;
        const task_move& y = b.best.move;
        if (x.task != y.task) return x.task < y.task;
        if (x.to.node != y.to.node) return x.to.node < y.to.node;
        return x.to.gpus < y.to.gpus;
    }
    [[nodiscard]] double free_share(const slot& where) const noexcept {
        amount sum = 0;
        for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1)
            sum += now_.ledger().free(now_.machines().gpu(where.node, lowest_gpu(rest)))[0];
        return static_cast<double>(sum);
    }

    const Choice& choice_;
    const Budget& budget_;
    const Triggers& triggers_;
    const projected_state& now_;
    const gpus_by_load& by_load_;
    const flat<double>& chosen_at_;
    stop_poll& poll_;
    const flat<std::size_t>* leaving_ = nullptr;
    std::size_t stays_ = 0;
    model_index only_{};
};

}  // namespace berth::inline v0::detail
