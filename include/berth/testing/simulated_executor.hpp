// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/handle.hpp"
#include "berth/core/index.hpp"
#include "berth/core/random.hpp"
#include "berth/migrate/order/migration_cost.hpp"
#include "berth/migrate/run/migration_executor.hpp"
#include "berth/migrate/run/migration_protocol.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/testing/simulated_faults.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

// Length: a state machine; what an action needs, does and takes is one table in three functions.

namespace berth::inline v0 {

/// What a scheduler must never do.
enum class migration_violation : std::uint8_t {
    double_run,      ///< unlock a task that runs at the other end, or restore it twice
    killed,          ///< destroy the only state of a task by a `release` or a `cancel`
    overflow,        ///< take more than a counter has
    unreserved,      ///< restore a task where nothing is held for it
    released_twice,  ///< give back capacity that is not held
    out_of_order,    ///< start an action that is impossible in the task's state
    overlapping,     ///< start an action while another one of the task is under way
};
/// Number of violations.
inline constexpr std::size_t migration_violation_count = 7;

/// An executor in simulated time, for tests of schedulers: it has the true state of every task and every counter at
/// both ends, goes on while the scheduler is down, injects faults, and counts what a scheduler must never do.
///
/// ```
/// simulated_executor<> executor{problem, initial, simulated_faults::everywhere(0.1, 0.0, seed)};
/// while (run.advance(executor, ledger, now)) {
///     now = std::max(now, std::min(executor.next_event(), run.wake_at()));
/// }
/// assert(executor.violations() == 0);
/// ```
///
/// On a cluster it follows by itself what nodes join, change and leave; tasks that arrive and end apart from moves it
/// is told (`arrive`, `depart`).
///
/// The fault of an action depends on the seed, the task and its token, not on how often it is polled. Deterministic.
/// Amortised O(log tasks) for each call; on a cluster O(tasks + counters) after nodes have come, changed or gone. The
/// problem or cluster must outlive it.
template <migration_cost_model Cost = uniform_migration>
class simulated_executor {
public:
    /// @param initial  where every task runs at the beginning, within all capacities; `unplaced` is in host memory
    /// @param faults    what goes wrong
    /// @param cost      durations and downtimes of moves
    simulated_executor(const problem& p, std::span<const slot> initial, simulated_faults faults = {}, Cost cost = {})
        : problem_{p}, ledger_{p.fleet()}, faults_{faults}, cost_{std::move(cost)}, tasks_(initial.size()) {
        BERTH_ASSERT(initial.size() == p.workload().task_count(),
                     "berth: simulated_executor takes a slot for every task");
        for (std::size_t t = 0; t < initial.size(); ++t) {
            tasks_[t].at = initial[t];
            if (initial[t].placed()) ledger_.place(p.workload().demand(task_index{t}), initial[t]);
        }
    }

    /// Of a cluster: every task runs where the cluster has it, and no action has been started.
    ///
    /// @param faults  what goes wrong
    /// @param cost    durations and downtimes of moves
    explicit simulated_executor(const cluster& c, simulated_faults faults = {}, Cost cost = {})
        : problem_{c.problem()}, ledger_{c.fleet()}, faults_{faults}, cost_{std::move(cost)}, cluster_{&c} {
        tasks_.resize(c.slots().size());
        for (std::size_t t = 0; t < tasks_.size(); ++t) {
            if (!c.workload().present(task_index{t})) continue;
            tasks_[t].at = c.slots()[t];
            tasks_[t].handle = c.handle(task_index{t});
        }
        enter_all();
    }

    /// Begins an action, see `migration_executor`.
    void start(migration_action action, const migration_job& job, double now);
    /// The status of an action, see `migration_executor`.
    [[nodiscard]] action_status poll(migration_action action, const migration_job& job, double now);
    /// Ends an action after `simulated_faults::abort_seconds`, see `migration_executor`.
    void abort(migration_action action, const migration_job& job, double now);
    /// The true state of a move, see `migration_executor`.
    [[nodiscard]] migration_state query(const migration_job& job, double now);

    /// A task that ran nowhere starts at a slot, where the scheduler has placed it.
    void arrive(task_index t, const slot& where) {
        follow();
        const demand_view demand = problem_.workload().demand(t);
        record& r = of_task(t, cluster_ == nullptr ? task_handle{} : cluster_->handle(t));
        BERTH_ASSERT(!r.at.placed(), "berth: simulated_executor::arrive takes a task that runs nowhere");
        if (!ledger_.has_room(demand, where)) return count(migration_violation::overflow);
        ledger_.place(demand, where);
        r.at = where;
        r.lost = false;
    }
    /// A task ends or is evicted, apart from what the scheduler's moves do: nothing is left of it at either end, and
    /// what was under way ends. Called before the cluster retires or releases it.
    void depart(task_index t) {
        follow();
        give_back(tasks_[t.value()], problem_.workload().demand(t));
    }

    /// On a cluster: nodes that have left take with them what was there, and capacities are those of now. All calls
    /// about tasks and actions do that; before `ledger`, `location` and `lost` are asked it is done by hand.
    void follow() {
        if (cluster_ == nullptr) return;
        if (tasks_.size() < cluster_->slots().size()) tasks_.resize(cluster_->slots().size());
        if (structure_ == cluster_->structure_version()) return;
        const auto left = [&](const slot& where) {
            return where.placed() && !cluster_->find(nodes_[where.node.value()]).has_value();
        };
        for (record& r : tasks_) {
            if (r.open) {
                leave(r, left(r.move.from), left(r.move.to));
            } else if (left(r.at)) {
                r.at = unplaced;
                r.lost = true;
            }
        }
        enter_all();
    }

    /// When the next action ends by itself; infinite if none does.
    [[nodiscard]] double next_event() const noexcept {
        return events_.empty() ? std::numeric_limits<double>::infinity() : events_.front().at;
    }
    /// The true free amounts.
    [[nodiscard]] const berth::ledger& ledger() const noexcept { return ledger_; }
    /// Where a task runs or is stopped; `unplaced` if it is in host memory or lost.
    [[nodiscard]] slot location(task_index t) const noexcept {
        const record& r = tasks_[t.value()];
        const bool at_target = r.open && r.seen.task >= task_location::locked_at_target;
        return r.lost ? unplaced : at_target ? r.move.to : r.at;
    }
    /// True if a fault has destroyed the task.
    [[nodiscard]] bool lost(task_index t) const noexcept { return tasks_[t.value()].lost; }
    /// True if no move of the task is open.
    [[nodiscard]] bool at_rest(task_index t) const noexcept { return !tasks_[t.value()].open; }
    /// How often the capacity of a source was given back.
    [[nodiscard]] std::uint64_t releases() const noexcept { return releases_; }
    /// Number of actions with a fault.
    [[nodiscard]] std::uint64_t faults_injected() const noexcept { return injected_; }
    /// Number of violations.
    [[nodiscard]] std::uint64_t violations() const noexcept;
    /// Number of violations of one kind.
    [[nodiscard]] std::uint64_t violations(migration_violation kind) const noexcept {
        return violations_[static_cast<std::size_t>(kind)];
    }
    /// Number of stale commands that were ignored, see `fencing_token`.
    [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }

private:
    enum class fate : std::uint8_t { succeeds, refused, fatal, misreported };
    struct record {
        slot at{};  // between moves
        task_move move{};
        migration_state seen{};  // of the open move
        fencing_token newest{};  // smaller ones are refused
        fencing_token token{};   // of the last action that was started
        double ends = 0.0;
        migration_action action{};
        action_status status = action_status::failed;
        fate ending = fate::succeeds;
        bool open = false;
        bool lost = false;
        task_handle handle{};   // on a cluster
        std::uint64_t run = 0;  // of the open move
        std::size_t step = 0;
    };
    struct event {
        double at;
        std::size_t task;
        fencing_token token;
        /// Reversed, so that the heap has the earliest in front.
        [[nodiscard]] bool operator<(const event& other) const noexcept {
            return at != other.at ? at > other.at : task > other.task;
        }
    };

    void settle(double now) {
        follow();
        while (!events_.empty() && events_.front().at <= now) {
            std::pop_heap(events_.begin(), events_.end());
            const event e = events_.back();
            events_.pop_back();
            record& r = tasks_[e.task];
            if (r.seen.busy && r.token == e.token && r.ends == e.at) finish(r);
        }
    }
    void schedule(std::size_t task, double at) {
        tasks_[task].ends = at;
        if (at == std::numeric_limits<double>::infinity()) return;
        events_.push_back({at, task, tasks_[task].token});
        std::push_heap(events_.begin(), events_.end());
    }
    /// Frees both ends, and forgets the move. Stale commands are still refused.
    void give_back(record& r, const demand_view& demand) {
        const bool open = std::exchange(r.open, false);
        const slot source = open ? r.move.from : r.at;
        if ((!open || r.seen.source_held) && source.placed()) ledger_.remove(demand, source);
        if (open && r.seen.target_held && r.move.to.placed()) ledger_.remove(demand, r.move.to);
        r.at = unplaced;
        r.lost = false;
        r.seen = {};
        r.status = action_status::failed;
    }
    /// The record of a task, a new one if another task had the position.
    record& of_task(task_index t, task_handle handle) {
        record& r = tasks_[t.value()];
        if (r.handle != handle) {
            r = record{.newest = r.newest};
            r.handle = handle;
        }
        return r;
    }
    /// A task that was lost in another step and is fetched starts anew from nothing.
    void revive(record& r, const migration_job& job) {
        const bool same_step = r.move == job.move && r.token.run == job.token.run;
        if (r.lost && !job.move.from.placed() && !same_step && !(r.open && is_of(r, job))) {
            give_back(r, problem_.workload().demand(job.move.task));
        }
    }
    [[nodiscard]] bool is_another(const migration_job& job) const noexcept {
        return !job.move.task.below(tasks_.size()) || tasks_[job.move.task.value()].handle != job.task;
    }
    static void leave(record& r, bool source, bool target) {
        if (!source && !target) return;
        if (r.seen.busy) r.status = action_status::failed;
        r.seen.busy = false;
        const bool at_target =
            r.seen.task == task_location::locked_at_target || r.seen.task == task_location::runs_at_target;
        const bool in_memory = r.seen.task == task_location::arrived && !r.move.to.placed();
        if (at_target ? target : source && !in_memory) {
            r.seen.task = task_location::lost;
            r.lost = true;
        } else if (target && r.seen.task == task_location::arrived) {
            r.seen.task = task_location::suspended;
        }
        if (source) r.seen.source_held = r.seen.image_at_source = false;
        if (target) r.seen.target_held = false;
        if (r.seen == before_migration(r.move)) r.open = false;
        if (r.seen.source_held || (r.lost && r.seen.target_held) || r.seen.task == task_location::locked_at_target)
            return;
        r.at = r.lost ? unplaced : r.move.to;
        r.open = false;
    }
    /// Counters for the cluster's present nodes, with all that is held.
    void enter_all() {
        structure_ = cluster_->structure_version();
        nodes_.clear();
        for (std::size_t n = 0; n < cluster_->fleet().node_count(); ++n) {
            nodes_.push_back(cluster_->fleet().present(node_index{n}) ? cluster_->handle(node_index{n})
                                                                      : node_handle{});
        }
        ledger_ = berth::ledger{cluster_->fleet()};
        for (std::size_t t = 0; t < tasks_.size(); ++t) {
            const record& r = tasks_[t];
            const slot source = r.open ? r.move.from : r.at;
            const bool target_held = r.open && r.seen.target_held && r.move.to.placed();
            const bool source_held = source.placed() && (!r.open || r.seen.source_held);
            if (!source_held && !target_held) continue;
            const demand_view demand = problem_.workload().demand(task_index{t});
            if (source_held) (void)ledger_.occupy(demand, source);
            if (target_held) (void)ledger_.occupy(demand, r.move.to);
        }
    }
    void count(migration_violation kind) noexcept { ++violations_[static_cast<std::size_t>(kind)]; }
    static void open(record& r, const migration_job& job) {
        r.move = job.move;
        r.run = job.token.run;
        r.step = job.step;
        r.open = true;
        r.seen = before_migration(job.move);
    }
    /// True if the open move is the job's. On a cluster ends may have other positions after a restart of the scheduler.
    [[nodiscard]] bool is_of(const record& r, const migration_job& job) const noexcept {
        return r.move == job.move || (cluster_ != nullptr && r.run == job.token.run && r.step == job.step);
    }
    /// True if the action is possible in the task's state; counts the violation if not.
    [[nodiscard]] bool possible(const record& r, migration_action action);
    void finish(record& r);
    void take_effect(record& r);
    [[nodiscard]] double duration(const record& r, migration_action action, double noise) const;

    problem problem_;
    berth::ledger ledger_;
    simulated_faults faults_;
    Cost cost_;
    std::vector<record> tasks_;
    std::vector<event> events_;
    const cluster* cluster_ = nullptr;
    std::uint64_t structure_ = 0;
    std::vector<node_handle> nodes_;  // at each position, when it was looked at last
    std::array<std::uint64_t, migration_violation_count> violations_{};
    std::uint64_t releases_ = 0;
    std::uint64_t injected_ = 0;
    std::uint64_t refused_ = 0;
};

template <migration_cost_model Cost>
void simulated_executor<Cost>::start(migration_action action, const migration_job& job, double now) {
    settle(now);
    if (is_another(job) && cluster_ != nullptr && cluster_->find(job.task)) (void)of_task(job.move.task, job.task);
    if (is_another(job)) {
        ++refused_;
        return;
    }
    record& r = tasks_[job.move.task.value()];
    if (job.token < r.newest) {
        ++refused_;
        return;
    }
    if (r.token == job.token) return;
    r.newest = job.token;
    revive(r, job);
    if (r.seen.busy) return count(migration_violation::overlapping);
    if (!r.open && !r.lost && r.at == job.move.from) open(r, job);
    if (!r.open || !is_of(r, job)) return count(migration_violation::out_of_order);
    r.token = job.token;
    r.action = action;
    r.status = action_status::failed;
    if (!possible(r, action)) return;
    const std::uint64_t task = job.move.task.value();
    xoshiro256 random{stream_seed(stream_seed(faults_.seed, job.token.run, task), job.token.serial)};
    const double luck = uniform01(random);
    const double fatal = uniform01(random);
    const double noise = uniform01(random);
    const double coin = uniform01(random);
    const action_faults& faults = faults_[action];
    const bool handles_image = action == migration_action::restore || action == migration_action::restore_back;
    const bool hangs =
        luck >= faults.refused + faults.misreported && luck < faults.refused + faults.misreported + faults.hangs;
    r.ending = fate::succeeds;
    if (luck < faults.refused) {
        r.ending = handles_image && fatal < faults.fatal ? fate::fatal : fate::refused;
    } else if (luck < faults.refused + faults.misreported) {
        r.ending = fate::misreported;
    } else if (hangs) {
        r.ending = coin < 0.5 ? fate::refused : fate::misreported;
    }
    if (r.ending != fate::succeeds) ++injected_;
    r.seen.busy = true;
    r.status = action_status::pending;
    schedule(job.move.task.value(), hangs ? std::numeric_limits<double>::infinity() : now + duration(r, action, noise));
}

template <migration_cost_model Cost>
action_status simulated_executor<Cost>::poll(migration_action action, const migration_job& job, double now) {
    settle(now);
    if (is_another(job)) return action_status::failed;
    const record& r = tasks_[job.move.task.value()];
    return r.token == job.token && r.action == action ? r.status : action_status::failed;
}

template <migration_cost_model Cost>
void simulated_executor<Cost>::abort(migration_action action, const migration_job& job, double now) {
    settle(now);
    if (is_another(job)) return;
    const record& r = tasks_[job.move.task.value()];
    const double at = now + faults_.abort_seconds;
    if (r.seen.busy && r.token == job.token && r.action == action && at < r.ends) schedule(job.move.task.value(), at);
}

template <migration_cost_model Cost>
migration_state simulated_executor<Cost>::query(const migration_job& job, double now) {
    settle(now);
    if (is_another(job) && cluster_ != nullptr && cluster_->find(job.task)) (void)of_task(job.move.task, job.task);
    if (is_another(job)) return {.task = task_location::elsewhere};
    record& r = tasks_[job.move.task.value()];
    r.newest = std::max(r.newest, job.token);
    revive(r, job);
    if (r.open && is_of(r, job)) return r.seen;
    if (!r.open && r.lost) return {.task = task_location::lost};
    if (r.open) return {.task = task_location::elsewhere};
    if (r.at == job.move.from) return before_migration(job.move);
    if (r.at != job.move.to) return {.task = task_location::elsewhere};
    return {.task = r.at.placed() ? task_location::runs_at_target : task_location::arrived, .target_held = true};
}

template <migration_cost_model Cost>
std::uint64_t simulated_executor<Cost>::violations() const noexcept {
    std::uint64_t sum = 0;
    for (const std::uint64_t n : violations_) sum += n;
    return sum;
}

template <migration_cost_model Cost>
bool simulated_executor<Cost>::possible(const record& r, migration_action action) {
    using enum migration_action;
    using enum task_location;
    const task_location at = r.seen.task;
    const auto only_if = [&](bool condition, migration_violation otherwise) {
        if (!condition) count(otherwise);
        return condition;
    };
    const bool image_at_target = at == arrived || at == locked_at_target || at == runs_at_target;
    switch (action) {
        case reserve: {
            if (!only_if(!r.seen.target_held, migration_violation::out_of_order)) return false;
            const demand_view demand = problem_.workload().demand(r.move.task);
            return only_if(!r.move.to.placed() || ledger_.has_room(demand, r.move.to), migration_violation::overflow);
        }
        case lock: return only_if(at == runs_at_source, migration_violation::out_of_order);
        case checkpoint: return only_if(at == locked_at_source, migration_violation::out_of_order);
        case transfer: return only_if(at == suspended, migration_violation::out_of_order);
        case restore:
            return only_if(r.seen.target_held && r.move.to.placed(), migration_violation::unreserved) &&
                   only_if(at == arrived,
                           at > arrived ? migration_violation::double_run : migration_violation::out_of_order);
        case unlock: return only_if(at == locked_at_target, migration_violation::out_of_order);
        case release: {
            const bool safe = at == lost || at == runs_at_target || (at == arrived && !r.move.to.placed());
            return only_if(r.seen.source_held, migration_violation::released_twice) &&
                   only_if(safe, migration_violation::killed);
        }
        case restore_back:
            return only_if(r.seen.source_held && r.move.from.placed(), migration_violation::unreserved) &&
                   only_if(at != runs_at_target, migration_violation::double_run) &&
                   only_if(at == suspended || at == arrived || (at == locked_at_target && r.seen.image_at_source),
                           migration_violation::out_of_order);
        case unlock_back:
            return only_if(at != runs_at_target, migration_violation::double_run) &&
                   only_if(at == locked_at_source, migration_violation::out_of_order);
        case cancel:
            return only_if(r.seen.target_held, migration_violation::released_twice) &&
                   only_if(!image_at_target || (at == arrived && r.seen.image_at_source), migration_violation::killed);
    }
    return false;
}

template <migration_cost_model Cost>
void simulated_executor<Cost>::finish(record& r) {
    r.seen.busy = false;
    r.status = r.ending == fate::succeeds ? action_status::done : action_status::failed;
    if (r.ending == fate::succeeds || r.ending == fate::misreported) take_effect(r);
    if (r.ending == fate::fatal) {
        r.seen.task = task_location::lost;
        r.seen.image_at_source = false;
        r.lost = true;
    }
    if (r.open && r.seen == before_migration(r.move)) r.open = false;
}

template <migration_cost_model Cost>
void simulated_executor<Cost>::take_effect(record& r) {
    const demand_view demand = problem_.workload().demand(r.move.task);
    if (r.action == migration_action::reserve && r.move.to.placed()) {
        if (!ledger_.has_room(demand, r.move.to)) {
            r.status = action_status::failed;
            // On a cluster capacity may have gone since the action was started.
            if (cluster_ == nullptr) count(migration_violation::overflow);
            return;
        }
        ledger_.place(demand, r.move.to);
    }
    r.seen = after(r.action, r.seen);
    if (r.action == migration_action::restore) r.seen.image_at_source = faults_.keeps_images;
    if (r.action == migration_action::release) {
        ++releases_;
        if (r.move.from.placed()) ledger_.remove(demand, r.move.from);
    }
    if (r.action == migration_action::cancel && r.move.to.placed()) ledger_.remove(demand, r.move.to);
    if (r.seen.source_held) return;
    if (r.lost && r.seen.target_held) return;
    r.at = r.lost ? unplaced : r.move.to;
    r.open = false;
}

/// A twentieth of the downtime each for locking and unlocking, the rest in equal parts for the three that carry bytes;
/// the duration beyond the downtime is for reserving and releasing. Lost work that is repeated is downtime, but makes
/// no action longer.
template <migration_cost_model Cost>
double simulated_executor<Cost>::duration(const record& r, migration_action action, double noise) const {
    const migration_estimate estimate = cost_(problem_, r.move);
    const bool ledger_only = action == migration_action::reserve || action == migration_action::release ||
                             action == migration_action::cancel;
    const bool locks = action == migration_action::lock || action == migration_action::unlock ||
                       action == migration_action::unlock_back;
    const double stopped = std::min(estimate.downtime, estimate.duration);
    const double mean = ledger_only ? (estimate.duration - stopped) / 2.0 : stopped * (locks ? 0.05 : 0.3);
    return mean * (1.0 + faults_.spread * (2.0 * noise - 1.0));
}

static_assert(migration_executor<simulated_executor<>>);

}  // namespace berth::inline v0
