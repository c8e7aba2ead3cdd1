// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/balance_round.hpp"
#include "berth/balance/concepts.hpp"
#include "berth/balance/detail/drain.hpp"
#include "berth/balance/detail/gpus_by_load.hpp"
#include "berth/balance/detail/move_search.hpp"
#include "berth/balance/detail/observation_clock.hpp"
#include "berth/balance/detail/round_moves.hpp"
#include "berth/balance/detail/stop_poll.hpp"
#include "berth/balance/detail/trigger_traits.hpp"
#include "berth/balance/detail/winner_tree.hpp"
#include "berth/balance/fleet_observation.hpp"
#include "berth/balance/fleet_readings.hpp"
#include "berth/balance/migration_budget.hpp"
#include "berth/balance/move_choice.hpp"
#include "berth/balance/projected_state.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/result.hpp"
#include "berth/core/run_control.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>
#include <type_traits>
#include <utility>

// Length: a third is prose on the declarations.

namespace berth::inline v0 {

/// The triggers of a balancer, most important first: alarms of one are answered before those of the next.
template <class... Each>
struct triggers {
    static_assert((migration_trigger<Each> && ...),
                  "berth: a trigger has name() and prepare(problem), which makes a state with update(projected), "
                  "alarms(projected, out), wants(projected, alarm), gain(projected, alarm, move) and "
                  "admits(projected, move)");

    std::tuple<Each...> each;  ///< the triggers, in order

    /// By value.
    constexpr explicit triggers(Each... all) : each{std::move(all)...} {}
};

template <class Triggers, class Choice, class Budget>
class balancer_state;
template <class Triggers, class Choice, class Budget>
class cluster_balancer;
class cluster;

/// Recommends moves for a fleet that is observed round by round: none while no trigger raises an alarm, a few at a time
/// otherwise.
///
/// ```
/// const balancer policy{triggers{load_above{}, unhealthy{}}, move_choice{}, migration_budget{.moves = 20}};
/// auto state = policy.prepare(problem);
/// const auto round = state.round(observation);   // for example once a minute
/// ```
///
/// In a round every trigger reads the observation. Then, trigger by trigger, the balancer chooses the move with the
/// largest gain after cost, over all places in alarm and all their tasks, as long as the budget allows. A chosen move
/// fits with both ends held, strictly improves the fleet, and keeps its target below the limits of *all* triggers.
/// For a trigger that drains, the task of the highest priority comes first, and a gang moves as a whole or not at all.
///
/// Every choice lowers a sum that is bounded from below, so under constant loads the choices come to an end. Under
/// varying loads, `rounds`, `memory` and the gap between the thresholds of the triggers prevent needless moves
/// (docs/balancing.md).
///
/// An immutable description. Deterministic: same observations, same choices.
template <class Triggers, class Choice = move_choice<>, class Budget = migration_budget>
struct balancer {
    static_assert(move_budget<Budget>,
                  "berth: a budget has prepare(problem), which makes a state with begin(projected), allows(move, "
                  "estimate), spend(move, estimate) and refund(move, estimate)");

    Triggers when;                ///< a `triggers`: when tasks have to move
    Choice choice{};              ///< a `move_choice`: which moves are worth it
    Budget budget{};              ///< a `move_budget`: how much may move in one round
    observation_limits limits{};  ///< which readings and times are believed

    /// The state for one fleet. O(tasks + GPUs + nodes).
    [[nodiscard]] balancer_state<Triggers, Choice, Budget> prepare(const problem& p) const { return {*this, p}; }

    /// The state on a living cluster. Include `balance/cluster_balancer.hpp`.
    ///
    /// @param lender  outlives the state
    template <class Cluster>
        requires std::is_same_v<Cluster, cluster>
    [[nodiscard]] auto start(const Cluster& lender) const {
        return cluster_balancer<Triggers, Choice, Budget>{*this, lender};
    }
};
template <class Triggers>
balancer(Triggers) -> balancer<Triggers>;
template <class Triggers, class Choice>
balancer(Triggers, Choice) -> balancer<Triggers, Choice>;
template <class Triggers, class Choice, class Budget>
balancer(Triggers, Choice, Budget) -> balancer<Triggers, Choice, Budget>;
template <class Triggers, class Choice, class Budget>
balancer(Triggers, Choice, Budget, observation_limits) -> balancer<Triggers, Choice, Budget>;

/// The state of a balancer from round to round. The problem's fleet and workload must outlive it; the arrays of an
/// observation need not outlive `round`. Copyable. Memory O(tasks + GPUs + nodes).
template <class... Trigger, class Choice, class Budget>
class balancer_state<triggers<Trigger...>, Choice, Budget> {
public:
    /// As `balancer::prepare`.
    balancer_state(const balancer<triggers<Trigger...>, Choice, Budget>& policy, const problem& p)
        : choice_{policy.choice},
          budget_{policy.budget.prepare(p)},
          triggers_{
              std::apply([&](const Trigger&... each) { return std::tuple{each.prepare(p)...}; }, policy.when.each)},
          projected_{p, policy.limits},
          clock_{policy.limits.max_step},
          chosen_at_(p.workload().task_count(), never),
          by_load_{p.fleet().gpu_count()} {
        BERTH_ASSERT(policy.limits.max_age >= 0.0 && policy.limits.max_step > 0.0,
                     "berth: observation limits have a max_age of 0 or more and a max_step above 0");
    }

    /// Which moves the observed fleet needs. Choices are advisory: to decline one, leave it out of `in_flight` next
    /// time.
    ///
    /// @param seen     where tasks are and what is healthy; its arrays are copied
    /// @param read     what was measured; its arrays are copied
    /// @param control  `max_evaluations` limits the moves evaluated, pairs of a task and a target; `on_progress` is
    ///                 called for each chosen move (`objective`: its gain after cost)
    /// @return         an error that names the item, with the state as it was, if the observation does not belong to
    ///                 the problem; or if its time is before that of the last round, or too far after it, which is
    ///                 refused once (`observation_limits::max_step`)
    ///
    /// A stopped round returns the moves found so far, which are valid: `balance_round::stopped` tells why it ended. It
    /// chooses among the places searched until then, without further evaluations.
    ///
    /// Without alarms O(tasks + GPUs) besides the triggers, and no allocation once an observation was as long. With
    /// alarms O(GPUs log GPUs) more, and a search of O(tasks of the place · GPUs) for each alarm and each move, much
    /// less for triggers that compare loads alone: 4,000 moves on 10,000 GPUs and 80,000 tasks take some 7 s on one
    /// core. The control is polled at least once per millisecond of the search; reading the observation and the
    /// triggers' `update` and `alarms` are not interrupted.
    template <stoppable Stop = never_stop, observer Observer = no_observer>
    [[nodiscard]] result<balance_round> round(const fleet_status& seen, const fleet_readings& read,
                                              run_control<Stop, Observer> control = {}) {
        return round(seen, read, std::move(control), nullptr, 0);
    }
    /// The same for both in one struct.
    template <stoppable Stop = never_stop, observer Observer = no_observer>
    [[nodiscard]] result<balance_round> round(const fleet_observation& seen, run_control<Stop, Observer> control = {}) {
        return round(seen.status(), seen.readings(), std::move(control));
    }

    /// The fleet as it will be after the last round's choices. Valid until the state is destroyed or moved from.
    [[nodiscard]] const projected_state& projected() const noexcept { return projected_; }

private:
    friend class cluster_balancer<triggers<Trigger...>, Choice, Budget>;

    using budget_state = decltype(std::declval<const Budget&>().prepare(std::declval<const problem&>()));
    using trigger_states =
        std::tuple<decltype(std::declval<const Trigger&>().prepare(std::declval<const problem&>()))...>;
    using search = detail::move_search<Choice, budget_state, trigger_states>;
    using moves = detail::round_moves<budget_state>;
    static constexpr double never = -std::numeric_limits<double>::infinity();

    template <class Stop, class Observer>
    [[nodiscard]] result<balance_round> round(const fleet_status& seen, const fleet_readings& read,
                                              run_control<Stop, Observer> control, const berth::ledger* ledger,
                                              std::uint64_t structure) {
        if (auto ok = observe(seen, read, ledger, structure); !ok) return ok.error();
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
        if (out.alarms.empty()) return out;
        by_load_.sort(projected_);
        detail::stop_poll poll{control};
        search best{choice_, budget_, triggers_, projected_, by_load_, chosen_at_, poll};
        moves chosen{projected_, by_load_, budget_, out};
        notify::begin(control.observer, progress{});
        const auto took = [&](std::size_t before) {
            for (std::size_t i = before; i < out.chosen.size(); ++i) {
                const chosen_move& c = out.chosen[i];
                notify::step(control.observer, progress{i + 1, 0, poll.evaluations(), c.gain - c.cost});
            }
        };
        std::size_t first = 0;
        each_trigger([&](auto& trigger, std::size_t i) {
            std::size_t end = first;
            while (end < out.alarms.size() && out.alarms[end].trigger == i) ++end;
            answer(trigger, detail::drain::context<search, moves>{projected_, best, chosen, poll, out, first, end},
                   took);
            first = end;
        });
        for (const chosen_move& c : out.chosen) chosen_at_[c.move.task.value()] = projected_.elapsed();
        out.evaluations = poll.evaluations();
        out.stopped = poll.reason();
        notify::end(control.observer, progress{out.chosen.size(), 0, poll.evaluations(), 0.0});
        return out;
    }

    /// A node, a GPU or a task at this position is another one.
    template <class Index>
    void forget(Index at) {
        if constexpr (std::is_same_v<Index, task_index>) {
            if (at.value() < chosen_at_.size()) chosen_at_[at.value()] = never;
        }
        each_trigger([at](auto& trigger, std::size_t) {
            if constexpr (requires { trigger.forget(at); }) trigger.forget(at);
        });
    }

    template <class F>
    void each_trigger(const F& f) {
        std::size_t i = 0;
        std::apply([&](auto&... each) { (f(each, i++), ...); }, triggers_);
    }

    /// Reads an observation, unless its time is not believed.
    [[nodiscard]] result<void> observe(const fleet_status& seen, const fleet_readings& read,
                                       const berth::ledger* ledger, std::uint64_t structure) {
        const auto time = clock_.judge(read.time);
        if (!time.accepted && std::isfinite(read.time)) {
            clock_.refuse(read.time);
            return detail::refuse(
                error_code::invalid_value,
                {"observation: time is ", time.ahead ? "more than max_step after" : "before",
                 " that of the round before; if the next observation agrees, it is taken as the clock's new time"});
        }
        if (auto ok = projected_.update(seen, read, time.elapsed, ledger, structure); !ok) return ok;
        clock_.accept(read.time, time.elapsed);
        const std::size_t tasks = projected_.problem().workload().task_count();
        if (chosen_at_.size() < tasks) chosen_at_.resize(tasks, never);
        return {};
    }

    /// Answers the alarms of one trigger, the one with the best candidate first.
    template <class State, class Context, class Took>
    void answer(const State& trigger, const Context& c, const Took& took) {
        for (std::size_t a = c.first; a < c.end && !c.poll.stopped(); ++a) {
            if (c.out.alarms[a].waiting.valid()) answer_together(trigger, c, took, a);
        }
        if constexpr (detail::trigger_traits<State>::drains()) {
            drain_.answer(trigger, c, took);
        } else {
            answer_apart(trigger, c, took);
        }
    }

    /// Answers alarms of which every move is of use.
    template <class State, class Context, class Took>
    void answer_apart(const State& trigger, const Context& c, const Took& took) {
        const auto search_again = [&](std::size_t a, detail::move_candidate& best) {
            best.found = false;
            if (!trigger.wants(projected_, c.out.alarms[a])) {
                ++c.out.answered;
            } else if (!c.poll.stopped(0)) {
                best = c.search.best_move(trigger, c.out.alarms[a], a, c.out.staying);
            }
        };
        candidates_.clear();
        for (std::size_t a = c.first; a < c.end && !c.poll.stopped(); ++a) {
            if (c.out.alarms[a].waiting.valid()) continue;
            candidates_.push_back({});
            search_again(a, candidates_.back());
        }
        const auto wins = [this](std::size_t a, std::size_t b) { return candidates_[a].wins_over(candidates_[b]); };
        ranking_.build(candidates_.size(), wins);
        while (!candidates_.empty()) {
            const std::size_t top = ranking_.winner();
            detail::move_candidate& best = candidates_[top];
            if (!best.found) break;
            const alarm& why = c.out.alarms[best.best.alarm];
            if (trigger.wants(projected_, why) && c.search.still_valid(trigger, why, best)) {
                c.moves.enter(best.best);
                took(c.moves.count() - 1);
            }
            search_again(best.best.alarm, best);
            ranking_.update(top, wins);
        }
    }

    /// Answers an alarm whose moves are of use only together: all that it needs, or none.
    template <class State, class Context, class Took>
    void answer_together(const State& trigger, const Context& c, const Took& took, std::size_t a) {
        const alarm& why = c.out.alarms[a];
        for (const room_made& room : c.out.rooms) {
            if (room.task == why.waiting) return;
        }
        const std::size_t before = c.moves.count();
        while (trigger.wants(projected_, why)) {
            const detail::move_candidate best = c.search.best_move(trigger, why, a, c.out.staying);
            if (!best.found) break;
            c.moves.enter(best.best);
        }
        const slot where = trigger.wants(projected_, why) ? unplaced : first_fit(why.waiting, why.node);
        if (where.placed()) {
            projected_.reserve(why.waiting, where);
            c.out.rooms.push_back({why.waiting, where});
            ++c.out.answered;
            took(before);
            return;
        }
        c.out.staying[static_cast<std::size_t>(stay_reason::group_incomplete)] += c.moves.count() - before;
        c.moves.undo(before);
    }

    /// The slot on the node that a waiting task fits, of the lowest GPUs; `unplaced` if there is none.
    [[nodiscard]] slot first_fit(task_index t, node_index n) const {
        const demand_view demand = projected_.problem().workload().demand(t);
        const gpu_mask fitting = projected_.ledger().fitting_gpus(demand, n) & projected_.open_gpus(n);
        slot where{n, 0};
        for (gpu_mask rest = fitting; rest != 0 && gpu_count(where.gpus) < demand.gpus; rest &= rest - 1) {
            const slot more{n, where.gpus | (rest & (~rest + 1))};
            if (!demand.same_model || projected_.machines().one_model(more)) where = more;
        }
        return projected_.fits(demand, where) ? where : unplaced;
    }

    Choice choice_;
    budget_state budget_;
    trigger_states triggers_;
    projected_state projected_;
    detail::observation_clock clock_;
    detail::flat<double> chosen_at_;  // per task: when it was last chosen, on the clock that only runs forward
    detail::flat<detail::move_candidate> candidates_;
    detail::drain drain_;
    detail::winner_tree ranking_;
    detail::gpus_by_load by_load_;
};

}  // namespace berth::inline v0
