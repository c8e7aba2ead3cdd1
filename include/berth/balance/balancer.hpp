// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/balance/balance_round.hpp"
#include "berth/balance/concepts.hpp"
#include "berth/balance/detail/gpus_by_load.hpp"
#include "berth/balance/detail/winner_tree.hpp"
#include "berth/balance/fleet_observation.hpp"
#include "berth/balance/projected_state.hpp"
#include "berth/balance/migration_budget.hpp"
#include "berth/balance/move_choice.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <array>
#include <cstddef>
#include <limits>
#include <tuple>
#include <utility>

namespace berth::inline v0 {

/// The triggers of a balancer, the most important first: alarms of one are answered before those of the next.
template <class... Each>
struct triggers {
    static_assert((migration_trigger<Each> && ...),
                  "berth: a trigger has name() and prepare(problem), which makes a state with update(projected), "
                  "alarms(projected, out), wants(projected, alarm), gain(projected, alarm, move) and "
                  "admits(projected, move)");

    std::tuple<Each...> each;

    constexpr explicit triggers(Each... all) : each{std::move(all)...} {}
};

template <class Triggers, class Choice, class Budget>
class balancer_state;

/// Watches a fleet and says which tasks should go where, a few at a time: nothing while nothing is wrong.
///
/// ```
/// const balancer policy{triggers{load_above{}, unhealthy{}}, move_choice{}, migration_budget{.moves = 20}};
/// auto state = policy.prepare(problem);
/// const auto round = state.round(observation);   // once a minute, say
/// ```
///
/// Every round: all triggers take in the observation; then, trigger by trigger, the move that gains most beyond its price is
/// chosen among all places in alarm and all their tasks, as long as the budget allows. A move has to fit with both ends
/// held, has to strictly improve things, and must leave its target below the limits of *all* triggers.
///
/// Under loads that stay what they are every choice lowers a sum that is bounded from below, so choices come to an end; under
/// loads that vary, `rounds`, `memory` and the gap between the thresholds of the triggers are what keeps the fleet still
/// (docs/balancing.md). Deterministic: same observations, same choices.
template <class Triggers, class Choice = move_choice<>, class Budget = migration_budget>
struct balancer {
    static_assert(move_budget<Budget>,
                  "berth: a budget has prepare(problem), which makes a state with begin(projected), allows(move, "
                  "estimate), spend(move, estimate) and refund(move, estimate)");

    Triggers when;
    Choice choice{};
    Budget budget{};

    [[nodiscard]] balancer_state<Triggers, Choice, Budget> prepare(const problem& p) const { return {*this, p}; }
};
template <class Triggers>
balancer(Triggers) -> balancer<Triggers>;
template <class Triggers, class Choice>
balancer(Triggers, Choice) -> balancer<Triggers, Choice>;
template <class Triggers, class Choice, class Budget>
balancer(Triggers, Choice, Budget) -> balancer<Triggers, Choice, Budget>;

/// A balancer of one fleet from round to round. The problem's fleet and workload outlive it, the spans of an observation only
/// the round. Copyable.
template <class... Trigger, class Choice, class Budget>
class balancer_state<triggers<Trigger...>, Choice, Budget> {
public:
    balancer_state(const balancer<triggers<Trigger...>, Choice, Budget>& policy, const problem& p)
        : choice_{policy.choice},
          budget_{policy.budget.prepare(p)},
          triggers_{
              std::apply([&](const Trigger&... each) { return std::tuple{each.prepare(p)...}; }, policy.when.each)},
          projected_{p},
          chosen_at_(p.workload().task_count(), -std::numeric_limits<double>::infinity()),
          by_load_{p.fleet().gpu_count()} {}

    /// What to move, given what is seen. Fails, naming the item, if the observation does not belong to the problem, or is older
    /// than the one before; the state is then what it was. Whoever does not carry a choice out simply does not list it as in
    /// flight next time.
    ///
    /// O(tasks + GPUs) when nothing is wrong, and no allocation then. A look at a place in alarm is O(tasks of the place * GPUs of the fleet), much less
    /// for triggers that look at loads alone; there are a few for each move.
    [[nodiscard]] result<balance_round> round(const fleet_observation& seen) {
        if (seen.time < latest_) {
            return detail::refuse(error_code::invalid_value, {"observation: time is before that of the round before"});
        }
        if (auto ok = projected_.see(seen); !ok) return ok.error();
        latest_ = seen.time;
        balance_round out;
        budget_.begin(projected_);
        each_trigger([&](auto& trigger, std::size_t i) {
            trigger.update(projected_);
            const std::size_t first = out.alarms.size();
            trigger.alarms(projected_, out.alarms);
            for (std::size_t a = first; a < out.alarms.size(); ++a) {
                BERTH_ASSERT(out.alarms[a].node.valid(), "berth: an alarm names a node");
                out.alarms[a].trigger = i;
            }
        });
        if (!out.alarms.empty()) by_load_.sort(projected_);
        std::size_t first = 0;
        each_trigger([&](auto& trigger, std::size_t i) {
            std::size_t end = first;
            while (end < out.alarms.size() && out.alarms[end].trigger == i) ++end;
            answer(trigger, out, first, end);
            first = end;
        });
        for (const chosen_move& c : out.chosen) chosen_at_[c.move.task.value()] = seen.time;
        return out;
    }

    /// What the fleet will look like after the last round's choices.
    [[nodiscard]] const projected_state& projected() const noexcept { return projected_; }

private:
    /// The best way to take load off a place, or none, and the tasks that stay by the reason.
    struct candidate {
        chosen_move best{};
        double rank = 0.0;  // among equals the lowest is taken
        bool found = false;

        [[nodiscard]] double net() const noexcept { return best.gain - best.price; }
    };
    using tally = std::array<std::size_t, stay_reason_count>;

    template <class F>
    void each_trigger(const F& f) {
        std::size_t i = 0;
        std::apply([&](auto&... each) { (f(each, i++), ...); }, triggers_);
    }
    [[nodiscard]] bool all_admit(const task_move& r) const {
        return std::apply([&](const auto&... each) { return (static_cast<bool>(each.admits(projected_, r)) && ...); },
                          triggers_);
    }

    template <class State>
    void answer(const State& trigger, balance_round& out, std::size_t first, std::size_t end) {
        candidates_.clear();
        for (std::size_t a = first; a < end; ++a) {
            if (out.alarms[a].waiting.valid()) {
                answer_together(trigger, out, a);
            } else {
                candidates_.push_back({});
                look_if_wanted(trigger, out, a, candidates_.back());
            }
        }
        const auto wins = [this](std::size_t a, std::size_t b) { return ahead(candidates_[a], candidates_[b]); };
        contest_.hold(candidates_.size(), wins);
        while (!candidates_.empty()) {
            const std::size_t top = contest_.winner();
            candidate& c = candidates_[top];
            if (!c.found) break;
            const alarm& why = out.alarms[c.best.alarm];
            if (trigger.wants(projected_, why) && still_true(trigger, why, c)) take(out, c.best);
            look_if_wanted(trigger, out, c.best.alarm, c);
            contest_.again(top, wins);
        }
    }
    /// True if `a` is chosen before `b`, which comes earlier.
    [[nodiscard]] static bool ahead(const candidate& a, const candidate& b) noexcept {
        return a.found && (!b.found || a.net() > b.net());
    }

    /// Moves that are of use only together: all that the alarm wants, or none.
    template <class State>
    void answer_together(const State& trigger, balance_round& out, std::size_t a) {
        const alarm& why = out.alarms[a];
        for (const room_made& room : out.rooms) {
            if (room.task == why.waiting) return;
        }
        const std::size_t before = out.chosen.size();
        candidate c;
        while (trigger.wants(projected_, why)) {
            look(trigger, out, a, c);
            if (!c.found) break;
            take(out, c.best);
        }
        if (!trigger.wants(projected_, why)) {
            const demand_view demand = projected_.problem().workload().demand(why.waiting);
            slot where{why.node, 0};
            gpu_mask fitting = projected_.ledger().fitting_gpus(demand, why.node) & projected_.healthy(why.node);
            for (std::size_t i = 0; i < demand.gpus; ++i, fitting &= fitting - 1) where.gpus |= fitting & -fitting;
            projected_.reserve(why.waiting, where);
            out.rooms.push_back({why.waiting, where});
            ++out.answered;
            return;
        }
        while (out.chosen.size() > before) {
            const chosen_move& last = out.chosen.back();
            projected_.take_back(last.move);
            by_load_.sort_again(projected_, last.move);
            budget_.refund(last.move, last.estimate);
            ++out.staying[static_cast<std::size_t>(stay_reason::no_company)];
            out.chosen.pop_back();
        }
    }

    /// Whether it is still allowed, fits, and is as good as when it was found: other choices have changed places, racks, and what a
    /// trigger may know of the fleet.
    template <class State>
    [[nodiscard]] bool still_true(const State& trigger, const alarm& why, const candidate& c) const {
        const task_move& r = c.best.move;
        if (!budget_.allows(r, c.best.estimate)) return false;
        return projected_.where(r.task) == r.from &&
               worth(static_cast<double>(trigger.gain(projected_, why, r)), r.task) == c.best.gain &&
               projected_.fits(projected_.problem().workload().demand(r.task), r.to) && all_admit(r);
    }

    void take(balance_round& out, const chosen_move& c) {
        projected_.move_task(c.move);
        by_load_.sort_again(projected_, c.move);
        budget_.spend(c.move, c.estimate);
        out.chosen.push_back(c);
    }

    /// Looks again, unless the alarm has ended, by whatever was chosen.
    template <class State>
    void look_if_wanted(const State& trigger, balance_round& out, std::size_t a, candidate& c) {
        if (trigger.wants(projected_, out.alarms[a])) return look(trigger, out, a, c);
        c.found = false;
        ++out.answered;
    }
    /// Finds the best move off a place as things are now. If there is none, counts why.
    template <class State>
    void look(const State& trigger, balance_round& out, std::size_t a, candidate& c) {
        const alarm& why = out.alarms[a];
        c = {.best = {.alarm = a}};
        tally stays{};
        projected_.each_task(why.node, [&](task_index t) {
            const slot from = projected_.where(t);
            if (why.gpus != 0 && (from.gpus & why.gpus) == 0) return;
            ++stays[static_cast<std::size_t>(look_at_task(trigger, why, t, from, c))];
        });
        if (c.found) return;
        for (std::size_t i = 0; i < stay_reason_count; ++i) out.staying[i] += stays[i];
    }

    /// Looks for a better candidate among all targets of a task; how far the best of those that are none came.
    template <class State>
    [[nodiscard]] stay_reason look_at_task(const State& trigger, const alarm& why, task_index t, const slot& from,
                                           candidate& c) {
        if (projected_.in_flight(t) || !(from == projected_.seen().placement[t.value()])) return stay_reason::in_flight;
        const bool cools = projected_.time() - chosen_at_[t.value()] < choice_.options.cooldown;
        if (cools && !is_urgent<State>()) return stay_reason::cooling_down;
        const demand_view demand = projected_.problem().workload().demand(t);
        const fleet& machines = projected_.machines();
        task_move r{t, from, {}};
        stay_reason furthest = stay_reason::in_flight;
        if (demand.gpus == 1) {
            const bool falls = gain_falls_with_load(trigger);
            for (const std::size_t g : by_load_.gpus()) {
                r.to.node = machines.node_of(gpu_index{g});
                r.to.gpus = gpu_mask{1} << (g - machines.gpu(r.to.node, 0).value());
                if (r.to == from || (r.to.gpus & projected_.healthy(r.to.node)) == 0) continue;
                const double rate = static_cast<double>(trigger.gain(projected_, why, r));
                const bool hopeless = falls && (!(rate > 0.0) || (c.found && worth(rate, t) < c.net()));
                const stay_reason here = hopeless ? stay_reason::no_improvement : look_at(why, demand, r, rate, c);
                furthest = here > furthest ? here : furthest;
                if (hopeless) break;
            }
            return furthest == stay_reason::in_flight ? stay_reason::no_room : furthest;
        }
        for (std::size_t i = 0; i < machines.node_count(); ++i) {
            r.to = {node_index{i}, 0};
            if (demand.gpus == 0 && r.to.node == from.node) continue;
            stay_reason here = stay_reason::no_room;
            gpu_mask open = projected_.healthy(r.to.node) & projected_.ledger().fitting_gpus(demand, r.to.node);
            if (r.to.node == from.node) open &= ~from.gpus;
            if (has_gpus(open, demand.gpus)) {
                r.to.gpus = detail::least_loaded(projected_, r.to.node, open, demand.gpus);
                here = look_at(why, demand, r, static_cast<double>(trigger.gain(projected_, why, r)), c);
            }
            furthest = here > furthest ? here : furthest;
        }
        return furthest == stay_reason::in_flight ? stay_reason::no_room : furthest;
    }
    [[nodiscard]] double worth(double rate, task_index t) const {
        return static_cast<double>(choice_.pricing.gain(rate, projected_.remaining(t)));
    }
    template <class State>
    [[nodiscard]] static constexpr bool is_urgent() noexcept {
        if constexpr (requires { State::urgent; }) {
            return State::urgent;
        } else {
            return false;
        }
    }
    template <class State>
    [[nodiscard]] bool gain_falls_with_load(const State& trigger) const noexcept {
        if constexpr (requires { trigger.gain_falls_with_load(projected_); }) {
            return trigger.gain_falls_with_load(projected_);
        } else {
            return false;
        }
    }

    [[nodiscard]] stay_reason look_at(const alarm& why, const demand_view& demand, const task_move& r, double rate,
                                      candidate& c) {
        if (!(rate > 0.0)) return stay_reason::no_improvement;
        const double gain = worth(rate, r.task);
        if (c.found && gain < c.net()) return stay_reason::no_improvement;
        if (!projected_.fits(demand, r.to)) return stay_reason::no_room;
        if (!all_admit(r)) return stay_reason::over_limit;
        if (!choice_.movable(r)) return stay_reason::not_movable;
        if (rate < choice_.options.min_gain) return stay_reason::gain_too_small;
        const migration_estimate estimate = choice_.pricing.estimate(projected_.problem(), r);
        const double price = static_cast<double>(choice_.pricing.price(estimate));
        if (!(gain > price)) return stay_reason::not_worth_it;
        if (!budget_.allows(r, estimate)) return stay_reason::over_budget;
        const candidate found{
            .best = {.move = r, .alarm = c.best.alarm, .gain = gain, .price = price, .estimate = estimate},
            .rank = why.waiting.valid() ? free_share(r.to) : detail::highest_load(projected_, r.to),
            .found = true};
        if (!c.found || better(found, c)) c = found;
        return stay_reason::over_budget;
    }

    /// A total order: tasks come in no particular order.
    [[nodiscard]] static bool better(const candidate& a, const candidate& b) noexcept {
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
            sum += projected_.ledger().free(projected_.machines().gpu(where.node, lowest_gpu(rest)))[0];
        return static_cast<double>(sum);
    }

    Choice choice_;
    decltype(std::declval<const Budget&>().prepare(std::declval<const problem&>())) budget_;
    std::tuple<decltype(std::declval<const Trigger&>().prepare(std::declval<const problem&>()))...> triggers_;
    projected_state projected_;
    detail::flat<double> chosen_at_;  // per task: when it was last chosen
    double latest_ = -std::numeric_limits<double>::infinity();
    detail::flat<candidate> candidates_;
    detail::tournament contest_;
    detail::gpus_by_load by_load_;
};

}  // namespace berth::inline v0
