// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/defragment/defragment.hpp"
#include "berth/balance/defragment/defragment_options.hpp"
#include "berth/balance/defragment/detail/borrowed_fleet.hpp"
#include "berth/balance/defragment/detail/eviction_context.hpp"
#include "berth/balance/defragment/detail/eviction_search.hpp"
#include "berth/balance/defragment/detail/plan_entry.hpp"
#include "berth/balance/defragment/detail/workload_mix.hpp"
#include "berth/balance/defragment/eviction_plan.hpp"
#include "berth/core/handle.hpp"
#include "berth/core/index.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/result.hpp"
#include "berth/core/run_control.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

// Length: one class, half of it the documentation of its interface.

namespace berth::inline v0 {

/// How `defragment` works on a cluster.
struct cluster_defragment_options {
    /// Memory for what nodes offer, over all demands; what was not used for the longest time is dropped after a
    /// question that left more
    std::size_t table_bytes = std::size_t{256} << 20U;
    /// The fragmentation cost is prepared again when the mix of the cluster's tasks has moved by more than this, half
    /// the sum of the differences of the demands' shares, 0 to 1. 0: at any difference
    double mix_tolerance = 0.05;
};

/// The search for room on a living cluster. Made by `defragment::start(cluster)`.
///
/// ```
/// auto room = defragment{{.max_steps = 4}}.start(cluster);
/// const eviction_plan plan = room.make_room(task);           // fits nowhere; changes nothing
/// if (plan.placed() && room.carry_out(task, plan)) ...       // all at once: the cluster is as planned
/// ```
///
/// Or carry the steps out with `start_migration(cluster, plan.plan, ...)` and place the task at `plan.where` when the
/// run is done; `cluster::place` says if another task took the room meanwhile.
///
/// Slots, moves in flight, room, health and reservations are the cluster's own. What it remembers, which nodes offer
/// what, it repairs before every question from the cluster's list of changes, whoever caused them. Tasks that move, and
/// reservations, hold their room and stay. Where more runs than there is capacity for (free amounts below zero), tasks
/// may leave, and none goes there until there is room.
///
/// **Gangs.** A task of a gang is moved like any other: it has a slot at every moment, so a gang is never in half. But
/// it is not parked, and if its gang wants `same_model`, it stays on its GPU model; a waiting task of such a gang gets
/// room on the model that the others have. Gangs that cannot move task by task: forbid it with a movability policy.
///
/// The fragmentation cost is prepared with the tasks of the cluster as the mix, or with one that is given.
/// Movability and cost model get positions of the moment.
///
/// Tasks, demands and plans come from outside: of what is gone it says so, in every build, and changes nothing. If an
/// allocation or a policy throws, nothing has changed.
///
/// Deterministic: with `mix_tolerance` 0, or with a mix that is given, the answer depends on the cluster and the
/// options alone, not on what was asked or happened before, unless a control ended the search. Not thread-safe. The
/// cluster outlives it. Memory O(counters of the cluster + tasks) besides `table_bytes`.
template <class FragmentationCost, class Movable, class Cost>
class cluster_defragment {
    using prepared_cost = decltype(std::declval<const FragmentationCost&>().prepare(std::declval<const problem&>()));
    using search =
        detail::eviction_search<detail::eviction_context<prepared_cost, Movable, Cost, detail::borrowed_fleet>>;
    template <class Task>
    static constexpr bool is_own_type =
        !std::convertible_to<const Task&, task_handle> && !std::convertible_to<const Task&, shape_handle>;

public:
    /// As `defragment::start`.
    ///
    /// @param policy   copied
    /// @param lender   the cluster
    /// @param options  memory, and how often the fragmentation cost is prepared
    /// @param mix      the mix that the fragmentation cost expects: a workload with the counters and GPU models of the
    ///                 cluster, read at once. None: the cluster's own tasks
    cluster_defragment(const defragment<FragmentationCost, Movable, Cost>& policy, class cluster& lender,
                       const cluster_defragment_options& options = {}, const workload* mix = nullptr)
        : policy_{policy}, cluster_{&lender}, options_{options}, mix_{options.mix_tolerance, mix} {
        follow();
        busy_ = false;
    }

    /// How to make room for a waiting task, with at most `defragment_options::max_steps` steps. Changes nothing; see
    /// below.
    template <stoppable Stop = never_stop, observer Observer = no_observer>
    [[nodiscard]] eviction_plan make_room(task_handle task, run_control<Stop, Observer> control = {}) {
        return make_room(task, policy_.options().max_steps, std::move(control));
    }
    /// How to make room for a waiting task. Changes nothing, but that the demand of a task of a gang may get a shape.
    ///
    /// @param task       the outcome is `not_waiting` if it runs, moves or is gone. The room is for its own demand; ask
    ///                   about the shapes of its `cluster::alternatives` one by one (`cluster::handle` of each)
    /// @param max_steps  fewer steps than the options allow; more are cut to these
    /// @param control    as of `defragment_state::make_room`
    /// @return           as of `defragment_state::make_room`; positions in it are those of the moment, for which it has
    ///                   handles as well
    ///
    /// Cost as of `defragment_state::make_room`; after a change of the cluster O(counters of the cluster + demands)
    /// besides.
    template <stoppable Stop = never_stop, observer Observer = no_observer>
    [[nodiscard]] eviction_plan make_room(task_handle task, std::size_t max_steps,
                                          run_control<Stop, Observer> control = {}) {
        const auto t = cluster_->find(task);
        const bool waits = t && cluster_->state(*t) == task_state::waiting;
        const shape_index shape = waits ? shape_for(*t, 0) : shape_index{};
        eviction_plan answer = ask(waits ? *t : task_index{}, shape, max_steps, control);
        if (waits && !shape.valid()) answer.outcome = eviction_outcome::no_node;
        return answer;
    }
    /// How to make room for a demand: a shape of `cluster::shape_of`. The outcome is `not_waiting` if it is gone.
    template <stoppable Stop = never_stop, observer Observer = no_observer>
    [[nodiscard]] eviction_plan make_room(shape_handle shape, run_control<Stop, Observer> control = {}) {
        return make_room(shape, policy_.options().max_steps, std::move(control));
    }
    /// The same with fewer steps.
    template <stoppable Stop = never_stop, observer Observer = no_observer>
    [[nodiscard]] eviction_plan make_room(shape_handle shape, std::size_t max_steps,
                                          run_control<Stop, Observer> control = {}) {
        return ask(task_index{}, cluster_->find(shape).value_or(shape_index{}), max_steps, control);
    }
    /// The same for a task of your own type, which need not be admitted.
    ///
    /// @return an error as of `cluster::shape_of`
    template <class Task, stoppable Stop = never_stop, observer Observer = no_observer>
        requires is_own_type<Task>
    [[nodiscard]] result<eviction_plan> make_room(const Task& task, run_control<Stop, Observer> control = {}) {
        const auto shape = cluster_->shape_of(task);
        if (!shape) return shape.error();
        return make_room(*shape, std::move(control));
    }

    /// Enters a plan as done, all at once: every move has ended at its target, and the task for which they make room
    /// runs. Use it when there is nothing to wait for, or to simulate.
    ///
    /// False, with nothing changed, if the plan is out of date or not one of this cluster: the task does not wait, one
    /// of the others or a target's node is gone (whatever has its position now), a task is not at its source, or a
    /// target is not admissible, with both ends held. O(steps² + counters of the cluster).
    ///
    /// @param alternative  which of its demands the task runs with, as of `cluster::place`
    bool carry_out(task_handle task, const eviction_plan& plan, std::size_t alternative = 0) {
        const auto t = cluster_->find(task);
        if (!t || cluster_->state(*t) != task_state::waiting) return false;
        if (!is_current(shape_for(*t, alternative), plan)) return false;
        detail::plan_entry entry{*cluster_, plan};
        if (!entry.enter() || !cluster_->place(*t, plan.where, alternative)) return false;
        entry.keep();
        return true;
    }
    /// The same for a demand, for which the room is reserved.
    ///
    /// @return the reservation; nothing, with nothing changed, if the demand is gone or the plan is out of date
    [[nodiscard]] std::optional<reservation_handle> carry_out(shape_handle shape, const eviction_plan& plan) {
        const auto known = cluster_->find(shape);
        if (!known || !is_current(*known, plan)) return std::nullopt;
        detail::plan_entry entry{*cluster_, plan};
        if (!entry.enter()) return std::nullopt;
        const auto reserved = cluster_->reserve(shape, plan.where);
        if (reserved) entry.keep();
        return reserved;
    }

    /// Bytes of what nodes offer, before the last question.
    [[nodiscard]] std::size_t table_bytes() const noexcept { return search_ ? search_->table_bytes() : 0; }
    /// How often the fragmentation cost was prepared: for a mix or a fleet that changed.
    [[nodiscard]] std::uint64_t preparations() const noexcept { return preparations_; }
    /// The cluster.
    [[nodiscard]] berth::cluster& cluster() const noexcept { return *cluster_; }

private:
    /// The demand of a task that waits; of a gang that wants GPUs of one model, on the models that its others have. Not
    /// valid if it accepts none of these, or if there is no such alternative.
    [[nodiscard]] shape_index shape_for(task_index t, std::size_t alternative) {
        const workload& work = cluster_->workload();
        const auto listed = cluster_->alternatives(t);
        if (alternative > 0 && alternative >= listed.size()) return {};
        const shape_index shape = alternative > 0 ? listed[alternative].shape : work.shape(t);
        const group_index gang = work.group(t);
        demand_view demand = work.demand(shape);
        if (!gang.valid() || !work.same_model(gang) || demand.gpus == 0) return shape;
        std::uint64_t models = 0;
        for (const task_index other : work.members(gang)) {
            const slot& where = cluster_->slots()[other.value()];
            if (!where.placed() || where.gpus == 0) continue;
            const gpu_index first = cluster_->fleet().gpu(where.node, lowest_gpu(where.gpus));
            models |= std::uint64_t{1} << cluster_->fleet().model(first).value();
        }
        const std::size_t count = cluster_->fleet().model_count();
        const std::uint64_t all = count < 64 ? (std::uint64_t{1} << count) - 1 : ~std::uint64_t{0};
        if (models == 0 || (demand.accepted_models & all & ~models) == 0) return shape;
        demand.accepted_models &= models;
        const auto narrowed = cluster_->shape_of(demand);
        return narrowed ? *cluster_->find(*narrowed) : shape_index{};
    }

    template <class Stop, class Observer>
    [[nodiscard]] eviction_plan ask(task_index root, shape_index shape, std::size_t max_steps,
                                    const run_control<Stop, Observer>& control) {
        follow();
        eviction_plan answer = search_->make_room(root, shape, max_steps, control);
        if (answer.placed()) {
            for (const migration_step& s : answer.plan.steps) {
                answer.tasks.push_back(cluster_->handle(s.task));
                answer.nodes.push_back(s.to.placed() ? cluster_->handle(s.to.node) : node_handle{});
            }
            answer.nodes.push_back(cluster_->handle(answer.where.node));
        }
        busy_ = false;
        return answer;
    }
    [[nodiscard]] bool is_current(shape_index shape, const eviction_plan& plan) {
        follow();
        const bool current = detail::is_current(*cluster_, plan, shape, search_->fleet().ledger());
        busy_ = false;
        return current;
    }

    /// Brings what is remembered up to date with the cluster. `busy_` stays set if anything throws from here to the end
    /// of a question; the search, with its ledger in whatever state, is made anew then.
    void follow() {
        if (busy_) search_.reset();
        busy_ = true;
        if (!search_ || structure_ != cluster_->structure_version() || !expected_->matches(cluster_->fleet()) ||
            mix_.moved(cluster_->workload()))
            prepare();
        search_->follow(options_.table_bytes);
    }
    void prepare() {
        auto expected = std::make_unique<workload>(mix_.expected(cluster_->problem()));
        prepared_cost cost = policy_.fragmentation().prepare(problem{cluster_->fleet(), *expected});
        if (search_) {
            search_->set_fragmentation(std::move(cost));
        } else {
            search_.emplace(*cluster_, policy_.options(), std::move(cost), policy_.movable(), policy_.cost());
        }
        expected_ = std::move(expected);
        structure_ = cluster_->structure_version();
        ++preparations_;
    }

    defragment<FragmentationCost, Movable, Cost> policy_;
    berth::cluster* cluster_;
    cluster_defragment_options options_;
    detail::workload_mix mix_;
    std::unique_ptr<workload> expected_;  // the fragmentation cost may refer to it
    std::optional<search> search_;
    std::uint64_t structure_ = 0;
    std::uint64_t preparations_ = 0;
    bool busy_ = false;
};

}  // namespace berth::inline v0
