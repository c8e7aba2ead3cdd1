// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/alternative_choice.hpp"
#include "berth/allocate/greedy/concepts.hpp"
#include "berth/allocate/greedy/detail/gang_books.hpp"
#include "berth/allocate/greedy/detail/gang_search.hpp"
#include "berth/allocate/greedy/detail/slot_finder.hpp"
#include "berth/allocate/greedy/fleet_room.hpp"
#include "berth/allocate/greedy/gang.hpp"
#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/tie_break.hpp"
#include "berth/core/change_list.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/handle.hpp"
#include "berth/core/result.hpp"
#include "berth/core/run_control.hpp"
#include "berth/model/arrival_mix.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/why_not.hpp"
#include "berth/model/workload.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

// Length: one class, half of it the documentation of its interface.

namespace berth::inline v0 {

namespace detail {

/// The ledger and the list of changes of a cluster, for a placer.
class borrowed_cluster {
public:
    static constexpr bool lives = true;

    explicit borrowed_cluster(const cluster& lender) noexcept : cluster_{&lender} {}

    [[nodiscard]] const berth::fleet& fleet() const noexcept { return cluster_->fleet(); }
    [[nodiscard]] const berth::ledger& ledger() const noexcept { return cluster_->ledger(); }
    [[nodiscard]] const change_list& changes() const noexcept { return cluster_->changes(); }

private:
    const cluster* cluster_;
};

}  // namespace detail

/// How a placer works on a cluster.
struct cluster_placer_options {
    std::size_t board_bytes = default_board_bytes;  ///< memory for the values of nodes, over all demands
    arrival_mix_options mix{};                      ///< how the mix of demands is learned
    bool learn = true;                              ///< false: the prior stays what it is
};

/// Places the tasks of a cluster, one at a time or in gangs: the state of a policy on a living fleet. Made by
/// `greedy::start(cluster)`.
///
/// It keeps nothing of the cluster's own facts: before every decision it looks at what has changed (nodes, health,
/// tasks that others placed, moved or retired) and repairs its values there. Several placers may work on one cluster.
///
/// Policies that expect a mix of demands learn it from the tasks that they are asked to place (`arrival_mix`); `prior`
/// makes one known. While no mix is known (`mix_known`), `fgd` and `scarcity` behave like `best_fit`.
///
/// Tasks and demands come from outside: calls answer `unplaced`, false or nothing if there is no such thing, in every
/// build, and change nothing. If an allocation or a score throws, nothing has changed.
///
/// Deterministic: the same cluster, memory and calls give the same slots. A placer that has lived long decides like one
/// that is started now with its `memory()`: the mix, and with `scarcity` the prices that were cleared last. Not
/// thread-safe. The cluster outlives the placer, whose memory is O(nodes + tasks + demands) besides
/// `cluster_placer_options::board_bytes`.
///
/// Cost of `place`: as of `placer`; in addition the score is told about each node that changed since the last decision.
template <class Score, class GpuSelection, class Ties, node_scan Scan>
class cluster_placer {
    using ready_score = prepared<Score>;
    using ready_selection =
        decltype(prepare_gpu_selection(std::declval<const GpuSelection&>(), std::declval<const problem&>()));
    using finder = detail::slot_finder<ready_score, ready_selection, Scan, detail::borrowed_cluster>;
    static_assert(detail::follows_cluster<ready_score>,
                  "berth: this score counts placements by itself (on_place), so on a cluster it would miss what others "
                  "place and move; give it on_node(const node_view&), which hears of every change");
    static_assert(
        detail::follows_cluster<ready_selection>,
        "berth: this GPU selection counts placements by itself (on_place), so on a cluster it would miss what "
        "others place and move; give it on_node(const node_view&), which hears of every change");

public:
    /// The state of a policy on a cluster. O(nodes) plus what the score prepares.
    ///
    /// @param policy   the score, the GPU selection and the tie break; copied
    /// @param lender   the cluster
    /// @param options  memory and learning
    /// @param prior    the mix that is expected at the start, if it is known: a workload for `cluster::fleet()`, or one
    ///                 with the same counters and GPU models
    cluster_placer(const greedy<Score, GpuSelection, Ties, Scan>& policy, class cluster& lender,
                   cluster_placer_options options = {}, const workload* prior = nullptr)
        : cluster_{lender}, policy_{policy}, options_{options}, mix_{options.mix} {
        if (prior) mix_.add_prior(*prior);
        prepare();
    }

    /// What a placer has learned: all that it knows besides the cluster. Copyable.
    struct memory_type {
        detail::flat<std::uint32_t> learned;                                      ///< which tasks have been counted
        arrival_mix mix;                                                          ///< of the demands that arrived
        decltype(memory_of(std::declval<const ready_score&>())) score;            ///< of the score
        decltype(memory_of(std::declval<const ready_selection&>())) selection{};  ///< of the GPU selection
    };
    /// The state of a policy that goes on from what another one has learned on this cluster, or on a copy of it.
    cluster_placer(const greedy<Score, GpuSelection, Ties, Scan>& policy, class cluster& lender,
                   cluster_placer_options options, const memory_type& before)
        : cluster_{lender}, policy_{policy}, options_{options}, mix_{before.mix}, learned_{before.learned} {
        prepare(&before);
    }
    /// What it has learned.
    [[nodiscard]] memory_type memory() {
        follow();
        return {learned_, mix_, memory_of(finder_->nodes().score()), memory_of(finder_->nodes().selection())};
    }

    // ---- tasks ------------------------------------------------------------------------------------------------------
    /// Places a waiting task on the best node. Of a task that lists alternatives, each is tried, and of those that fit
    /// the one of the least cost is taken; `cluster::alternative` tells which.
    ///
    /// @param choice  what an alternative costs
    /// @return its slot, or `unplaced` if no node takes it, it does not wait, or there is no such task
    template <class Choice = cheapest_first>
    slot place(task_handle task, const Choice& choice = {}) {
        const auto t = cluster_.find(task);
        return t ? place(*t, choice) : unplaced;
    }
    /// The same for a position of `cluster::workload()`.
    template <class Choice = cheapest_first>
    slot place(task_index t, const Choice& choice = {}) {
        if (!waits(t)) return unplaced;
        learn(t);
        const chosen_alternative found = choose_for(t, choice);
        return found.where.placed() && take(t, found.where, found.alternative) ? found.where : unplaced;
    }
    /// Places a waiting task on the best of some nodes, which are there, each evaluated; of equally good ones on the
    /// first. Otherwise as above. O(nodes of the list).
    template <class Choice = cheapest_first>
    slot place_among(task_handle task, std::span<const node_index> nodes, const Choice& choice = {}) {
        const auto t = cluster_.find(task);
        if (!t || !waits(*t)) return unplaced;
        learn(*t);
        const chosen_alternative found = choose_for(*t, choice, nodes);
        return found.where.placed() && take(*t, found.where, found.alternative) ? found.where : unplaced;
    }
    /// Admits a task of your own type and places it.
    ///
    /// @return its handle; whether it runs or waits is `cluster::state`. An error as of `cluster::admit`
    template <class Task, class Choice = cheapest_first>
        requires(!std::convertible_to<const Task&, task_handle> && !std::convertible_to<const Task&, task_index>)
    [[nodiscard]] result<task_handle> place(const Task& task, const Choice& choice = {}) {
        const auto admitted = cluster_.admit(task);
        if (!admitted) return admitted;
        // If placing throws, nobody would have the handle.
        struct undo {
            berth::cluster& of;
            task_handle task;
            bool armed = true;
            ~undo() {
                if (armed) (void)of.retire(task);
            }
        } guard{cluster_, *admitted};
        (void)place(*admitted, choice);
        guard.armed = false;
        return admitted;
    }
    /// Places all of these waiting tasks, or none, as `place_gang` does.
    ///
    /// @return their slots, or nothing if there is no place for all, or one does not wait or is gone
    [[nodiscard]] std::optional<std::vector<slot>> place_all(std::span<const task_handle> tasks) {
        gang_placement found = place_gang(tasks);
        if (!found.placed()) return std::nullopt;
        return std::move(found.slots);
    }
    /// Places the tasks of a gang together: each in its best place in turn, as listed, then the largest first; if that
    /// fails, `gang_options::max_steps` combinations are searched. With `min_tasks` it may start with fewer; add the
    /// others later with `place`. Members run with their own demands, not with alternatives. A failed attempt, and an
    /// exception, leaves no trace but in the cluster's list of changes.
    ///
    /// @param tasks    waiting tasks, each once
    /// @param options  at least so many tasks, one GPU model, the budget of the search
    /// @param control  its stop ends the search; its budget and its observer are not used
    /// @return         `absent` as well if a task does not wait, is gone or is listed twice
    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] gang_placement place_gang(std::span<const task_handle> tasks, const gang_options& options = {},
                                            const run_control<Stop, Observer>& control = {}) {
        gang_placement found;
        found.slots.resize(tasks.size());
        found.outcome = gang_outcome::absent;
        for (std::size_t i = 0; i < tasks.size(); ++i) {
            const auto t = cluster_.find(tasks[i]);
            if (!t || !waits(*t)) return found;
            for (std::size_t k = 0; k < i; ++k) {
                if (tasks[k] == tasks[i]) return found;
            }
        }
        for (const task_handle task : tasks) learn(*cluster_.find(task));
        gang books{*this, tasks, options.among};
        detail::gang_search<berth::ledger> search{books, found.slots, options};
        found.outcome = search.run([&] { return control.interruption() != stop_reason::completed; });
        found.steps = search.steps();
        return found;
    }
    /// Places the waiting tasks of a gang of `cluster::workload()`, with its own `min_tasks` (less those that run) and
    /// `same_model`.
    ///
    /// @return slots in the order of the waiting tasks among `workload::members`
    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] gang_placement place_gang(group_index group, const run_control<Stop, Observer>& control = {}) {
        const workload& work = cluster_.workload();
        std::vector<task_handle> waiting;
        if (!group.below(work.group_count())) return place_gang(std::span<const task_handle>{waiting}, {}, control);
        for (const task_index t : work.members(group)) {
            if (waits(t)) waiting.push_back(cluster_.handle(t));
        }
        const std::size_t running = work.members(group).size() - waiting.size();
        const std::size_t least = work.min_tasks(group);
        // At least one: 0 would mean all of them.
        gang_options options{.min_tasks = least > running ? least - running : 1, .same_model = work.same_model(group)};
        for (const task_index t : work.members(group)) {
            const slot where = cluster_.where(cluster_.handle(t));
            if (!where.placed() || where.gpus == 0) continue;
            const gpu_index first = cluster_.fleet().gpu(where.node, lowest_gpu(where.gpus));
            options.models = std::uint64_t{1} << cluster_.fleet().model(first).value();
            break;
        }
        return place_gang(std::span<const task_handle>{waiting}, options, control);
    }

    // ---- questions --------------------------------------------------------------------------------------------------
    /// The slot that a task would get now, with its own demand. Changes nothing.
    [[nodiscard]] slot find(task_handle task) {
        const auto t = cluster_.find(task);
        return t ? find_slot(*t, cluster_.workload().shape(*t)) : unplaced;
    }
    /// The slot and the alternative that a waiting task would get now. Changes nothing.
    template <class Choice = cheapest_first>
    [[nodiscard]] chosen_alternative choose(task_handle task, const Choice& choice = {}) {
        const auto t = cluster_.find(task);
        return t && waits(*t) ? choose_for(*t, choice) : chosen_alternative{};
    }
    /// The slot that a demand would get now: a shape of `cluster::shape_of`. Not with scores that read the task itself.
    [[nodiscard]] slot find(shape_handle shape) {
        const auto known = cluster_.find(shape);
        return known ? find_slot(task_index{}, *known) : unplaced;
    }
    /// The same for a task of your own type, which need not be admitted.
    template <class Task>
        requires(!std::convertible_to<const Task&, task_handle> && !std::convertible_to<const Task&, shape_handle>)
    [[nodiscard]] result<slot> find(const Task& task) {
        const auto shape = cluster_.shape_of(task);
        if (!shape) return shape.error();
        return find(*shape);
    }
    /// Holds room for a demand on the best node. Nothing if no node takes it, or there is no such shape (any more).
    [[nodiscard]] std::optional<reservation_handle> reserve(shape_handle shape) {
        return cluster_.reserve(shape, find(shape));
    }
    /// Explains why a task has no slot now, with its own demand; examines every node. O(nodes × GPUs) and an evaluation
    /// for each node where it fits. For an alternative ask about its shape.
    ///
    /// @return `why_not::nodes` is 0 if there is no such task
    [[nodiscard]] why_not explain(task_handle task) {
        const auto t = cluster_.find(task);
        if (!t) return {};
        follow();
        candidate c = candidate_of(*t, cluster_.workload().shape(*t));
        return berth::explain(cluster_.ledger(), cluster_.workload(), *t,
                              [&](node_index n) { return finder_->nodes().slot_at(n, c).placed(); });
    }
    /// The same for a demand: a shape of `cluster::shape_of`.
    [[nodiscard]] why_not explain(shape_handle shape) {
        const auto known = cluster_.find(shape);
        if (!known) return {};
        follow();
        candidate c = candidate_of(task_index{}, *known);
        return berth::explain(cluster_.ledger(), c.demand,
                              [&](node_index n) { return finder_->nodes().slot_at(n, c).placed(); });
    }
    /// The same for a task of your own type, which need not be admitted.
    template <class Task>
        requires(!std::convertible_to<const Task&, task_handle> && !std::convertible_to<const Task&, shape_handle>)
    [[nodiscard]] result<why_not> explain(const Task& task) {
        const auto shape = cluster_.shape_of(task);
        if (!shape) return shape.error();
        return explain(*shape);
    }

    /// False while no mix of demands is known.
    [[nodiscard]] bool mix_known() const noexcept { return expected_->total_frequency() > 0; }
    /// The mix as it is estimated now.
    [[nodiscard]] const arrival_mix& mix() const noexcept { return mix_; }
    /// Candidates scored so far, those of `explain` excepted.
    [[nodiscard]] std::uint64_t evaluations() const noexcept { return evaluations_ + finder_->nodes().evaluations(); }
    /// Bytes of the values of nodes.
    [[nodiscard]] std::size_t board_bytes() const noexcept { return finder_->board_bytes(); }
    /// How often the policy was prepared: for a mix that changed, or a fleet that it had no tables for.
    [[nodiscard]] std::uint64_t preparations() const noexcept { return preparations_; }
    /// The cluster.
    [[nodiscard]] berth::cluster& cluster() const noexcept { return cluster_; }

private:
    static constexpr bool stateless_score = std::is_same_v<ready_score, Score>;
    static constexpr bool stateless_selection = std::is_same_v<ready_selection, GpuSelection>;

    [[nodiscard]] bool waits(task_index t) const noexcept {
        return t.below(cluster_.workload().task_count()) && cluster_.workload().present(t) &&
               cluster_.state(t) == task_state::waiting;
    }
    [[nodiscard]] candidate candidate_of(task_index t, shape_index shape) const {
        return {.node = {}, .demand = cluster_.workload().demand(shape), .gpus = 0, .shape = shape, .task = t};
    }
    [[nodiscard]] slot find_slot(task_index t, shape_index shape) {
        follow();
        candidate c = candidate_of(t, shape);
        return finder_->find(c);
    }
    [[nodiscard]] slot find_slot(task_index t, shape_index shape, std::span<const node_index> among) {
        follow();
        candidate c = candidate_of(t, shape);
        return finder_->nodes().scan(c, among);
    }
    template <class Choice>
    [[nodiscard]] chosen_alternative choose_for(task_index t, const Choice& choice,
                                                std::optional<std::span<const node_index>> among = std::nullopt) {
        static_assert(alternative_choice<Choice>,
                      "berth: the second argument of place and choose is a choice among alternatives: a function of a "
                      "const alternative_candidate& that yields a cost");
        const auto look = [&](shape_index shape) { return among ? find_slot(t, shape, *among) : find_slot(t, shape); };
        const std::size_t count = cluster_.alternatives(t).size();
        if (count == 0) return {look(cluster_.workload().shape(t)), 0};
        room_.follow(cluster_);
        chosen_alternative best;
        double least = 0.0;
        for (std::size_t k = 0; k < count; ++k) {
            const task_alternative one = cluster_.alternatives(t)[k];
            const slot where = look(one.shape);
            if (!where.placed()) continue;
            const alternative_candidate a{.demand = cluster_.workload().demand(one.shape),
                                          .where = where,
                                          .speed = one.speed,
                                          .position = k,
                                          .machines = &cluster_.fleet(),
                                          .room = &room_};
            const double cost = static_cast<double>(choice(a));
            BERTH_ASSERT(cost == cost, "berth: the cost of an alternative is never NaN");
            if (best.where.placed() && !(cost < least)) continue;
            best = {where, k};
            least = cost;
        }
        return best;
    }
    /// Places a waiting task there; scores that count decisions hear of it at once, of the room with the next decision.
    /// If one throws, the task waits.
    [[nodiscard]] bool take(task_index t, const slot& where, std::size_t alternative) {
        if (!cluster_.place(t, where, alternative)) return false;
        struct undo {
            cluster_placer& of;
            task_index task;
            slot where;
            bool armed = true;
            ~undo() {
                if (armed) (void)of.cluster_.release(task);
            }
        } guard{*this, t, where};
        const candidate c = candidate_at(t, where);
        notify_place(finder_->nodes().score(), c);
        notify_place(finder_->nodes().selection(), c);
        guard.armed = false;
        return true;
    }
    /// Undoes that in a gang that failed.
    void notify_removed(task_index t, const slot& where) {
        const candidate c = candidate_at(t, where);
        notify_remove(finder_->nodes().score(), c);
        notify_remove(finder_->nodes().selection(), c);
    }
    [[nodiscard]] candidate candidate_at(task_index t, const slot& where) const {
        candidate c = candidate_of(t, cluster_.workload().shape(t));
        c.node = cluster_.ledger().node(where.node);
        c.gpus = where.gpus;
        return c;
    }

    /// Each task is one arrival, however often it is tried.
    void learn(task_index t) {
        if (!options_.learn) return;
        const std::uint32_t generation = cluster_.handle(t).generation();
        if (t.value() >= learned_.size()) {
            learned_.make_room(cluster_.workload().task_count());
            learned_.resize(cluster_.workload().task_count(), 0);
        }
        if (learned_[t.value()] == generation) return;
        mix_.observe(cluster_.workload(), cluster_.workload().shape(t));
        learned_[t.value()] = generation;
    }

    /// The members of a gang on the cluster, for the search. Their demands are copies: new shapes move those of the
    /// workload.
    class gang final : public detail::gang_books<berth::ledger> {
    public:
        gang(cluster_placer& placer, std::span<const task_handle> tasks, std::span<const node_index> among)
            : placer_{&placer}, among_{among} {
            const workload& work = placer.cluster_.workload();
            for (const task_handle task : tasks) {
                const task_index t = *placer.cluster_.find(task);
                const demand_view demand = work.demand(t);
                members_.push_back({.task = t,
                                    .shape = work.shape(t),
                                    .first = amounts_.size(),
                                    .accepted_models = demand.accepted_models,
                                    .gpus = demand.gpus,
                                    .same_model = demand.same_model});
                for (const auto& part : {demand.gpu, demand.node, demand.domain}) amounts_.append(part);
            }
        }

        [[nodiscard]] std::size_t size() const noexcept override { return members_.size(); }
        [[nodiscard]] shape_index shape(std::size_t member) const noexcept override { return members_[member].shape; }
        [[nodiscard]] demand_view demand(std::size_t member) const noexcept override {
            const member_record& m = members_[member];
            const resource_schema& schema = placer_->cluster_.fleet().schema();
            const std::span<const amount> amounts = amounts_.view().subspan(m.first);
            return {.gpu = amounts.first(schema.gpu.size()),
                    .node = amounts.subspan(schema.gpu.size(), schema.node.size()),
                    .domain = amounts.subspan(schema.gpu.size() + schema.node.size(), schema.domain.size()),
                    .gpus = m.gpus,
                    .accepted_models = m.accepted_models,
                    .same_model = m.same_model};
        }
        [[nodiscard]] const berth::ledger& ledger() const noexcept override { return placer_->cluster_.ledger(); }
        [[nodiscard]] std::span<const node_index> nodes() const noexcept override {
            placer_->follow();
            return among_.empty() ? placer_->finder_->nodes().order() : among_;
        }
        [[nodiscard]] bool open(node_index n) const noexcept override { return placer_->cluster_.open(n); }

        [[nodiscard]] slot place(std::size_t member, std::uint64_t models) override {
            const member_record& m = members_[member];
            shape_index shape = m.shape;
            demand_view demand = this->demand(member);
            if (demand.gpus > 0 && (demand.accepted_models & ~models) != 0) {
                demand.accepted_models &= models;
                if (demand.accepted_models == 0) return unplaced;  // no shape says so
                const auto narrowed = placer_->cluster_.shape_of(demand);
                if (!narrowed) return unplaced;
                shape = *placer_->cluster_.find(*narrowed);
            }
            const slot where =
                among_.empty() ? placer_->find_slot(m.task, shape) : placer_->find_slot(m.task, shape, among_);
            return where.placed() && placer_->take(m.task, where, 0) ? where : unplaced;
        }
        [[nodiscard]] bool place_at(std::size_t member, const slot& where) override {
            placer_->follow();
            candidate c = placer_->candidate_of(members_[member].task, members_[member].shape);
            return placer_->finder_->nodes().admits(where, c) && placer_->take(members_[member].task, where, 0);
        }
        void remove(std::size_t member, const slot& where) override {
            const task_index t = members_[member].task;
            if (placer_->cluster_.release(t)) placer_->notify_removed(t, where);
        }
        [[nodiscard]] bool by_shape() const noexcept override { return finder::by_shape; }
        [[nodiscard]] bool anonymous() const noexcept override { return finder::anonymous; }

    private:
        struct member_record {
            task_index task;
            shape_index shape;
            std::size_t first = 0;
            std::uint64_t accepted_models = 0;
            std::size_t gpus = 0;
            bool same_model = false;
        };
        cluster_placer* placer_;
        std::span<const node_index> among_;
        detail::flat<member_record> members_;
        detail::flat<amount> amounts_;
    };

    /// Brings the policy's state up to date with the cluster and the mix.
    void follow() {
        if (mix_.changed() || !expected_->matches(cluster_.fleet())) return prepare();
        if (structure_ != cluster_.structure_version()) {
            const problem p{cluster_.fleet(), *expected_};
            const auto changed = finder_->changed_nodes();
            const followed score = notify_fleet<stateless_score>(finder_->nodes().score(), p, changed);
            const followed selection = notify_fleet<stateless_selection>(finder_->nodes().selection(), p, changed);
            if (score == followed::outgrown || selection == followed::outgrown) return prepare();
            if (score == followed::revalued || selection == followed::revalued) finder_->forget_values();
            if constexpr (!std::is_same_v<Ties, lowest_index>) finder_->rank(policy_.ties().rank(cluster_.fleet()));
            structure_ = cluster_.structure_version();
        }
        finder_->follow_changes();
    }
    void prepare(const memory_type* before = nullptr) {
        const bool same_mix = !mix_.changed();
        auto expected = std::make_unique<workload>(mix_.expected(cluster_.fleet()));
        const problem p{cluster_.fleet(), *expected};
        auto made = std::make_unique<finder>(
            cluster_.problem(), detail::borrowed_cluster{cluster_}, prepare_score(policy_.score(), p),
            prepare_gpu_selection(policy_.selection(), p), policy_.ties().rank(cluster_.fleet()), options_.board_bytes);
        made->tell_all_nodes();
        if (before) {
            recall_memory(made->nodes().score(), before->score);
            recall_memory(made->nodes().selection(), before->selection);
        } else if (finder_ && same_mix) {  // prices of another mix would mislead for long
            recall_memory(made->nodes().score(), memory_of(finder_->nodes().score()));
            recall_memory(made->nodes().selection(), memory_of(finder_->nodes().selection()));
        }
        made->nodes().settle();
        if (finder_) evaluations_ += finder_->nodes().evaluations();
        finder_ = std::move(made);
        expected_ = std::move(expected);
        mix_.accept(cluster_.fleet());
        structure_ = cluster_.structure_version();
        ++preparations_;
    }

    berth::cluster& cluster_;
    greedy<Score, GpuSelection, Ties, Scan> policy_;
    cluster_placer_options options_;
    arrival_mix mix_;
    std::unique_ptr<workload> expected_;  // the score may refer to it
    std::unique_ptr<finder> finder_;
    fleet_room room_;  // followed where a task lists alternatives
    std::uint64_t structure_ = 0;
    std::uint64_t evaluations_ = 0;
    std::uint64_t preparations_ = 0;
    detail::flat<std::uint32_t> learned_;  // per position of a task: the generation that was observed
};

}  // namespace berth::inline v0
