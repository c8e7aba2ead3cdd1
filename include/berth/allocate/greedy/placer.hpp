// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/concepts.hpp"
#include "berth/allocate/greedy/detail/finder_books.hpp"
#include "berth/allocate/greedy/detail/gang_search.hpp"
#include "berth/allocate/greedy/detail/shape_table.hpp"
#include "berth/allocate/greedy/detail/slot_finder.hpp"
#include "berth/allocate/greedy/gang.hpp"
#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/allocate/greedy/tie_break.hpp"
#include "berth/core/result.hpp"
#include "berth/core/run_control.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/why_not.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

// Length: one class; most of it says what each call promises.

namespace berth::inline v0 {

/// Places tasks one at a time: the state of a run of `greedy`, which makes it (`greedy::start`). Owns the ledger of the
/// free room.
///
/// Tasks, shapes, nodes and slots come from outside: calls answer `unplaced`, false or nothing if there is no such
/// thing, in every build, and change nothing. A GPU selection that returns GPUs which do not fit, or another number of
/// them than the task wants, refuses the node.
///
/// Deterministic: the same calls give the same slots. Not thread-safe; two placers are independent, copies too. Once
/// every shape was placed twice, placing and removing allocate nothing. The problem must outlive the placer.
///
/// Cost of `place` with an index: one evaluation for each node that changed since this shape was last placed, plus
/// O(log nodes). A placement changes its node, and if it takes from a domain counter all nodes of that domain. An index
/// holds one value per node for every shape that comes again; a shape of which there is only one task gets its index
/// when that task arrives again.
template <prepared_score Score, prepared_gpu_selection GpuSelection, node_scan Scan = node_scan::indexed>
class placer {
public:
    /// The state over an empty fleet. O(nodes + shapes).
    ///
    /// @param p          outlives the placer
    /// @param score      ready, see `prepare_score`
    /// @param selection  ready, see `prepare_gpu_selection`
    /// @param ranked     nodes in order of preference: of equally good nodes the first wins (`tie_break::rank`). Nodes
    ///                   that are not listed follow as they were added; unknown and repeated ones are ignored.
    /// @param board_bytes  memory for the values of nodes, over all shapes; the oldest are given up beyond that
    placer(const problem& p, Score score, GpuSelection selection, const std::vector<node_index>& ranked,
           std::size_t board_bytes = default_board_bytes)
        : problem_{p},
          finder_{p, detail::owned_ledger{p.fleet()}, std::move(score), std::move(selection), ranked, board_bytes} {}

    /// Places one task on the best node. The same task may be placed any number of times: each is another arrival of
    /// the same demand.
    ///
    /// @return  the slot, or `unplaced` if no node takes the task or the workload does not have it
    slot place(task_index task) {
        if (!knows(task)) return unplaced;
        candidate c = candidate_of(task);
        return place(c);
    }
    /// The same for a demand alone: a shape of the workload or one that was added later (`add_shape`). Not with scores
    /// that read the task itself, such as `cost_score`.
    slot place(shape_index shape) {
        if (!knows(shape)) return unplaced;
        candidate c = candidate_of(shape);
        return place(c);
    }

    /// Adds a demand that the workload does not have, for tasks that were unknown when the run began. Policies go on
    /// expecting the mix that they were prepared with. O(1) after the first call, which is O(shapes).
    ///
    /// @param demand  with the counters of the fleet's schema; accepted models are a mask of the fleet's
    /// @return  its shape; equal demands are one shape. An error names the field that does not suit the schema.
    [[nodiscard]] result<shape_index> add_shape(const demand_view& demand) {
        if (auto ok = detail::check_demand(problem_.fleet(), demand); !ok) return ok.error();
        return finder_.add_shape(demand);
    }

    /// Enters a task that runs already. Health, GPU models and closed nodes do not matter: it runs there.
    ///
    /// @return  false, and nothing changes, if there is no such task or slot, or some counter has no room
    [[nodiscard]] bool occupy(task_index task, const slot& where) {
        if (!knows(task)) return false;
        const candidate c = candidate_of(task);
        if (!ledger().has_room(c.demand, where)) return false;
        finder_.place(c, where);
        finder_.nodes().settle();
        return true;
    }

    /// Enters many running tasks at once, as for a running fleet at the start: the score hears of each, but a decision
    /// ends only once, so that `scarcity` clears its market once.
    ///
    /// @param tasks  may list a task more than once: each is another arrival of the same demand
    /// @param where  the slot of each; those that are `unplaced` are skipped
    /// @return       how many were entered; nothing, and nothing changes, if the lengths differ or one of them could
    ///               not be entered
    [[nodiscard]] std::optional<std::size_t> occupy(std::span<const task_index> tasks, std::span<const slot> where) {
        if (tasks.size() != where.size()) return std::nullopt;
        struct leave_unless_all {
            placer& entered_into;
            std::span<const task_index> tasks;
            std::span<const slot> where;
            std::size_t seen = 0;
            bool all = false;

            ~leave_unless_all() {
                while (!all && seen-- > 0) {
                    if (!where[seen].placed()) continue;
                    entered_into.finder_.remove(entered_into.candidate_of(tasks[seen]), where[seen]);
                }
            }
        } guard{*this, tasks, where};
        std::size_t entered = 0;
        for (; guard.seen < tasks.size(); ++guard.seen) {
            const slot& at = where[guard.seen];
            if (!knows(tasks[guard.seen])) return std::nullopt;
            if (!at.placed()) continue;
            const candidate c = candidate_of(tasks[guard.seen]);
            if (!ledger().has_room(c.demand, at)) return std::nullopt;
            finder_.place(c, at);
            ++entered;
        }
        guard.all = true;
        finder_.nodes().settle();
        return entered;
    }

    /// Frees a task's slot. O(counters of the slot), and O(nodes of the domain) if it holds a domain counter.
    ///
    /// @return  false, and nothing changes, if there is no such task or slot, or the counters show that it was not
    ///          placed there
    bool remove(task_index task, const slot& where) { return knows(task) && remove(candidate_of(task), where); }
    /// The same for a demand alone.
    bool remove(shape_index shape, const slot& where) { return knows(shape) && remove(candidate_of(shape), where); }

    /// Places all of these tasks or none: each in its best place in turn, as listed, then the largest first; if that
    /// fails, `gang_options::max_steps` combinations are searched (`place_gang` tells whether absence is proven). A
    /// failed attempt, and an exception of a score or of an allocation, leaves no trace but `evaluations()`.
    ///
    /// @return  slots in the order of `tasks`, or nothing if there is no place for all, or one is unknown
    [[nodiscard]] std::optional<std::vector<slot>> place_all(std::span<const task_index> tasks) {
        std::vector<slot> slots(tasks.size());
        if (!place_all(tasks, slots.data())) return std::nullopt;
        return slots;
    }
    /// The same for demands alone.
    [[nodiscard]] std::optional<std::vector<slot>> place_all(std::span<const shape_index> shapes) {
        gang_placement found = place_gang(shapes);
        if (!found.placed()) return std::nullopt;
        return std::move(found.slots);
    }

    /// Places a gang as `place_all` does, with the number of tasks that start together and one model for all if wanted,
    /// and says whether absence is proven. Add the tasks that are missing later with `place`.
    ///
    /// @param tasks    any tasks of the workload, also of several groups; a task may occur more than once
    /// @param options  at least so many tasks, one GPU model, the budget of the search
    /// @param control  its stop ends the search; its budget and its observer are not used
    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] gang_placement place_gang(std::span<const task_index> tasks, const gang_options& options = {},
                                            const run_control<Stop, Observer>& control = {}) {
        return place_gang_of(tasks, options, control);
    }
    /// The same for demands alone.
    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] gang_placement place_gang(std::span<const shape_index> shapes, const gang_options& options = {},
                                            const run_control<Stop, Observer>& control = {}) {
        return place_gang_of(shapes, options, control);
    }

    /// Closes a node, for draining: it takes no new task, as if it were unhealthy, until it is opened. Tasks that run
    /// there stay, and `occupy` ignores it. `explain` counts it under `refusal::admission`.
    ///
    /// @return  false if the fleet has no such node
    bool close(node_index n) { return set_closed(n, 1); }
    /// Opens a node again.
    ///
    /// @return  false if the fleet has no such node
    bool open(node_index n) { return set_closed(n, 0); }
    /// True if the node was closed; false for a node that the fleet does not have.
    [[nodiscard]] bool closed(node_index n) const noexcept { return knows(n) && finder_.nodes().closed(n); }

    /// Explains why the task has no slot now; examines every node. Places nothing. O(nodes × GPUs) and an
    /// evaluation for each node where the task fits.
    ///
    /// @return  `why_not::nodes` is 0 for a task that the workload does not have
    [[nodiscard]] why_not explain(task_index task) const {
        if (!knows(task)) {
            why_not nothing;
            nothing.task = task;
            return nothing;
        }
        candidate c = candidate_of(task);
        return berth::explain(ledger(), problem_.workload(), task,
                              [&](node_index n) { return finder_.nodes().slot_at(n, c).placed(); });
    }
    /// The same for a demand alone; `why_not::nodes` is 0 for a shape that the placer does not know.
    [[nodiscard]] why_not explain(shape_index shape) const {
        if (!knows(shape)) return {};
        candidate c = candidate_of(shape);
        return berth::explain(ledger(), c.demand, [&](node_index n) { return finder_.nodes().slot_at(n, c).placed(); });
    }

    /// The free room of every counter.
    [[nodiscard]] const berth::ledger& ledger() const noexcept { return finder_.nodes().ledger(); }
    /// Candidates scored so far, those of `explain` excepted.
    [[nodiscard]] std::uint64_t evaluations() const noexcept { return finder_.nodes().evaluations(); }
    /// The fleet and the workload that tasks are placed from.
    [[nodiscard]] const berth::problem& problem() const noexcept { return problem_; }

private:
    template <class, class, class, node_scan>
    friend class greedy;

    [[nodiscard]] bool knows(task_index task) const noexcept {
        return task.valid() && task.value() < problem_.workload().task_count();
    }
    [[nodiscard]] bool knows(shape_index shape) const noexcept {
        return shape.valid() && shape.value() < finder_.shapes().size();
    }
    [[nodiscard]] bool knows(node_index n) const noexcept {
        return n.valid() && n.value() < problem_.fleet().node_count();
    }

    /// The task without a node: what does not change from node to node.
    [[nodiscard]] candidate candidate_of(task_index task) const {
        candidate c = candidate_of(problem_.workload().shape(task));
        c.task = task;
        return c;
    }
    [[nodiscard]] candidate candidate_of(shape_index shape) const {
        return {.node = {}, .demand = finder_.shapes().demand(shape), .gpus = 0, .shape = shape, .task = {}};
    }

    [[gnu::noinline]] slot place(candidate& c) {
        const slot found = finder_.find(c);
        if (!found.placed()) return unplaced;
        finder_.place(c, found);
        finder_.nodes().settle();
        return found;
    }
    /// The tasks of a gang, for `detail::finder_books`.
    template <class Item>
    struct gang_tasks {
        const placer* of;
        std::span<const Item> items;

        [[nodiscard]] std::size_t size() const noexcept { return items.size(); }
        [[nodiscard]] candidate operator()(std::size_t i) const { return of->candidate_of(items[i]); }
    };
    [[nodiscard]] bool place_all(std::span<const task_index> tasks, slot* slots) {
        gang_placement found;
        place_gang_of(tasks, {}, run_control<>{}, {slots, tasks.size()}, found);
        return found.placed();
    }
    template <class Item, class Control>
    [[nodiscard]] gang_placement place_gang_of(std::span<const Item> items, const gang_options& options,
                                               const Control& control) {
        gang_placement found;
        found.slots.resize(items.size());
        place_gang_of(items, options, control, found.slots, found);
        return found;
    }
    template <class Item, class Control>
    [[gnu::noinline]] void place_gang_of(std::span<const Item> items, const gang_options& options,
                                         const Control& control, std::span<slot> slots, gang_placement& found) {
        found.outcome = gang_outcome::absent;
        for (const Item& item : items) {
            if (!knows(item)) return;
        }
        const gang_tasks<Item> tasks{this, items};
        detail::finder_books books{finder_, tasks, options.among};
        detail::gang_search<berth::ledger> search{books, slots, options};
        found.outcome = search.run([&] { return control.interruption() != stop_reason::completed; });
        found.steps = search.steps();
        if (found.placed()) finder_.nodes().settle();
    }
    [[gnu::noinline]] bool remove(const candidate& c, const slot& where) {
        if (!ledger().holds(c.demand, where)) return false;
        finder_.remove(c, where);
        finder_.nodes().settle();
        return true;
    }
    bool set_closed(node_index n, std::uint8_t closed) {
        if (!knows(n)) return false;
        finder_.set_closed(n, closed);
        return true;
    }

    berth::problem problem_;
    detail::slot_finder<Score, GpuSelection, Scan> finder_;
};

}  // namespace berth::inline v0
