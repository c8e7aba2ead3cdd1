// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/defragment/defragment_options.hpp"
#include "berth/balance/defragment/detail/eviction_context.hpp"
#include "berth/balance/defragment/detail/eviction_search.hpp"
#include "berth/balance/defragment/detail/occupied_fleet.hpp"
#include "berth/balance/defragment/eviction_plan.hpp"
#include "berth/core/index.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/run_control.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <span>
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
        : search_{p, options, std::move(fragmentation), std::move(movable), std::move(cost)} {}

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
    [[nodiscard]] const slot& where(task_index t) const noexcept { return search_.fleet().where(t); }
    /// The slots of all tasks. O(1).
    [[nodiscard]] std::span<const slot> slots() const noexcept { return search_.fleet().slots(); }
    /// What is left of every counter; tasks in flight hold both ends.
    [[nodiscard]] const berth::ledger& ledger() const noexcept { return search_.fleet().ledger(); }

    /// How to make room for a waiting task, with at most `defragment_options::max_steps` steps. Changes nothing; see
    /// below.
    template <stoppable Stop = never_stop, observer Observer = no_observer>
    [[nodiscard]] eviction_plan make_room(task_index t, run_control<Stop, Observer> control = {}) {
        return make_room(t, search_.max_steps(), std::move(control));
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
        const bool waits = fleet().known(t) && !where(t).placed() && !fleet().in_flight(t);
        return search_.make_room(t, waits ? fleet().work().shape(t) : shape_index{}, max_steps, control);
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

    [[nodiscard]] detail::occupied_fleet& fleet() noexcept { return search_.fleet(); }

    detail::eviction_search<context> search_;
};

}  // namespace berth::inline v0
