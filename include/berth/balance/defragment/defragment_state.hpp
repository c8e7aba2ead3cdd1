// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/defragment/defragment_options.hpp"
#include "berth/balance/defragment/detail/beam_eviction.hpp"
#include "berth/balance/defragment/detail/eviction_context.hpp"
#include "berth/balance/defragment/detail/short_eviction.hpp"
#include "berth/balance/defragment/eviction_plan.hpp"
#include "berth/balance/detail/stop_poll.hpp"
#include "berth/balance/movability.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/run_control.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

namespace berth::inline v0 {

/// The occupied slots of one fleet, and the search for room in it. The caller reports every change, beside a placer or
/// a ledger of its own; changes that do not fit the present state (unknown tasks, slots that do not exist, tasks placed
/// twice) are refused with false, in every build, and change nothing.
///
/// Not thread-safe. The problem's fleet and workload must outlive it. What nodes offer is remembered from question to
/// question and repaired where nodes changed, so it allocates less and less; memory O(distinct demands asked about ·
/// nodes).
template <class FragmentationCost, class Movable, class Cost>
class defragment_state {
public:
    /// As `defragment::start`.
    defragment_state(const problem& p, const defragment_options& options, FragmentationCost fragmentation,
                     Movable movable, Cost cost)
        : options_{options},
          context_{p, std::move(fragmentation), std::move(movable), std::move(cost),
                   std::is_same_v<Movable, all_movable>},
          failed_at_(p.workload().shape_count()),
          long_{options.beam, p.workload().task_count()} {
        options_.max_steps = std::min(options_.max_steps, detail::eviction_order::max_moves);
    }

    /// Enters a task that runs. False if it is unknown, placed or in flight, or if the slot does not exist or lacks
    /// room. O(GPUs of the slot), or O(nodes of its domains) for a task with a domain demand; so are the next four.
    [[nodiscard]] bool occupy(task_index t, const slot& where) { return fleet().add(t, where); }
    /// Removes a task that ended. False if it is unknown, not placed, or in flight.
    bool remove(task_index t) { return fleet().remove(t); }
    /// Begins a move: the task holds both ends, and is not moved, until `finish` or `cancel`. False if the task is not
    /// at the source, is in flight already, or the target does not exist or lacks room.
    [[nodiscard]] bool begin(const task_move& r) { return fleet().begin(r); }
    /// Ends a move at its target. False if the task is not in flight.
    bool finish(task_index t) { return fleet().finish(t, true); }
    /// Ends a move at its source. False if the task is not in flight.
    bool cancel(task_index t) { return fleet().finish(t, false); }
    /// As `finish`, or the task is parked: its target is `unplaced`. With the next two, a `migration_ledger`.
    bool finish(const task_move& r) { return r.to.placed() ? finish(r.task) : remove(r.task); }
    /// As `cancel`.
    bool cancel(const task_move& r) { return cancel(r.task); }
    /// The task is nowhere any more, whether it was in flight or not. False if it was nowhere before.
    bool lose(const task_move& r) {
        const bool flew = cancel(r.task);
        return remove(r.task) || flew;
    }

    /// The task's slot, or `unplaced`; of a task in flight the source. O(1).
    [[nodiscard]] const slot& where(task_index t) const noexcept { return context_.fleet.where(t); }
    /// The slots of all tasks. O(1).
    [[nodiscard]] std::span<const slot> slots() const noexcept { return context_.fleet.slots(); }
    /// What is left of every counter; tasks in flight hold both ends.
    [[nodiscard]] const berth::ledger& ledger() const noexcept { return context_.fleet.ledger(); }

    /// How to make room for a waiting task, with at most `defragment_options::max_steps` steps. Changes nothing; see
    /// below.
    template <stoppable Stop = never_stop, observer Observer = no_observer>
    [[nodiscard]] eviction_plan make_room(task_index t, run_control<Stop, Observer> control = {}) {
        return make_room(t, options_.max_steps, std::move(control));
    }
    /// How to make room for a waiting task. Changes nothing.
    ///
    /// @param max_steps  fewer steps than the options allow; more are cut to these
    /// @param control    stops the search, which is polled at least once per millisecond of work; `max_evaluations`
    ///                   counts as that of the options does, and the smaller of the two is the budget. Observers hear
    ///                   of begin and end
    /// @return           the best plan found; after an early stop (`eviction_plan::stopped`) the best so far
    ///
    /// The first question about a demand is O(nodes · (tasks of a node)²), later ones look at changed nodes; with a
    /// short domain, tasks of the domain. Then O(evaluations). Only passes over what is listed of a demand are not
    /// interrupted, some milliseconds on 10,000 nodes, nor is the growth of memory. A failure is remembered for the
    /// demand until something changes, unless the control ended the search.
    template <stoppable Stop = never_stop, observer Observer = no_observer>
    [[nodiscard]] eviction_plan make_room(task_index t, std::size_t max_steps,
                                          run_control<Stop, Observer> control = {}) {
        notify::begin(control.observer, progress{0, 1});
        context_.poll = detail::stop_poll{control, options_.max_evaluations};
        eviction_plan answer;
        const bool in_options = control.max_evaluations >= options_.max_evaluations;
        search(t, std::min(max_steps, options_.max_steps), in_options, answer);
        answer.evaluations = context_.poll.evaluations();
        answer.stopped = context_.poll.reason();
        context_.poll = {};  // the control ends here
        notify::end(control.observer, progress{1, 1, answer.evaluations, answer.fragmentation});
        return answer;
    }

    /// Enters the moves of a plan, and the task for which they make room. False, with nothing changed, if the plan is
    /// out of date: a task is not at its source, or a target lacks room. O(steps).
    bool carry_out(task_index t, const eviction_plan& r) {
        const std::span<const migration_step> steps{r.plan.steps};
        for (const migration_step& s : steps) {
            const bool known = fleet().known(s.task) && !fleet().in_flight(s.task);
            if (!known || (s.from.placed() && where(s.task) != s.from)) return false;
        }
        std::size_t removed = 0;
        while (removed < steps.size() && (!steps[removed].from.placed() || fleet().remove(steps[removed].task)))
            ++removed;
        std::size_t added = 0;
        if (removed == steps.size()) {
            while (added < steps.size() &&
                   (!steps[added].to.placed() || fleet().add(steps[added].task, steps[added].to)))
                ++added;
            if (added == steps.size() && fleet().add(t, r.where)) return true;
        }
        for (const migration_step& s : steps.first(added)) {
            if (s.to.placed()) (void)fleet().remove(s.task);
        }
        for (const migration_step& s : steps.first(removed)) {
            if (s.from.placed()) (void)fleet().add(s.task, s.from);
        }
        return false;
    }

private:
    using context = detail::eviction_context<FragmentationCost, Movable, Cost>;
    struct failure {
        std::uint64_t at = 0;
        std::size_t steps = 0;
        eviction_outcome outcome = eviction_outcome::not_found;
        bool proven = false;

        /// What failed with more steps fails with fewer.
        [[nodiscard]] bool answers(std::size_t max_steps, std::uint64_t now) const noexcept {
            return at == now && (steps == max_steps || (steps > max_steps && outcome == eviction_outcome::not_found));
        }
    };

    [[nodiscard]] detail::occupied_fleet& fleet() noexcept { return context_.fleet; }

    /// @param in_options  the budget is that of the options, so that a failure would repeat
    void search(task_index t, std::size_t steps, bool in_options, eviction_plan& answer) {
        if (!fleet().known(t) || where(t).placed() || fleet().in_flight(t)) {
            answer.outcome = eviction_outcome::not_waiting;
            return;
        }
        const demand_view demand = fleet().work().demand(t);
        context_.begin(t, steps, options_);
        if (place_directly(t, answer)) return;
        if (!some_node_could(demand)) {
            answer.outcome = eviction_outcome::no_node;
            answer.proven = true;
            return;
        }
        if (options_.min_share_per_step > 0.0 && demand.gpus > 0) {
            const double most = static_cast<double>(demand.total_share()) / options_.min_share_per_step;
            if (most < static_cast<double>(steps)) steps = static_cast<std::size_t>(most);
        }
        if (steps == 0) {
            answer.outcome = eviction_outcome::not_worth;
            return;
        }
        failure& before = failed_at_[fleet().work().shape(t).value()];
        if (before.answers(steps, fleet().changes().now())) {
            answer.outcome = before.outcome;
            answer.proven = before.proven;
            return;
        }
        context_.begin(t, steps, options_);
        const bool complete = short_.run(context_, std::min<std::size_t>(steps, 2), options_.max_candidates);
        if (!context_.found_shortest() && steps > 2) long_.run(context_);
        if (context_.found() && context_.worth()) {
            answer.proven = complete && context_.best().steps <= (context_.steps_cost() ? 1U : 3U);
            context_.report(answer);
            return;
        }
        if (context_.found()) answer.outcome = eviction_outcome::not_worth;
        answer.proven = complete && !context_.found() && steps <= 2;
        const stop_reason why = context_.poll.reason();
        if (why == stop_reason::completed || (why == stop_reason::budget_exhausted && in_options)) {
            before = {fleet().changes().now(), steps, answer.outcome, answer.proven};
        }
    }
    bool place_directly(task_index t, eviction_plan& answer) {
        double least = 0.0;
        for (const node_index n : context_.evictions(t).direct) {
            if (answer.where.placed() && context_.poll.interrupted(8)) break;
            const auto offer = context_.best_slot(t, n);
            if (answer.where.placed() && offer.fragmentation >= least) continue;
            answer.where = offer.where;
            least = offer.fragmentation;
        }
        if (!answer.where.placed()) return false;
        answer.outcome = eviction_outcome::fits;
        answer.fragmentation = least;
        answer.proven = true;
        return true;
    }
    [[nodiscard]] bool some_node_could(const demand_view& demand) const {
        const berth::fleet& machines = context_.fleet.machines();
        for (std::size_t n = 0; n < machines.node_count(); ++n) {
            if (detail::eviction_table::could_host(demand, node_index{n}, machines)) return true;
        }
        return false;
    }

    defragment_options options_;
    context context_;
    detail::flat<failure> failed_at_;
    detail::short_eviction<context> short_;
    detail::beam_eviction<context> long_;
};

}  // namespace berth::inline v0
