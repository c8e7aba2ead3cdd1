// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/handle.hpp"
#include "berth/core/message.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/result.hpp"
#include "berth/core/run_control.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/migrate/run/detail/cluster_moves.hpp"
#include "berth/migrate/run/detail/plan_names.hpp"
#include "berth/migrate/run/detail/step_machine.hpp"
#include "berth/migrate/run/detail/step_records.hpp"
#include "berth/migrate/run/migration_executor.hpp"
#include "berth/migrate/run/migration_journal.hpp"
#include "berth/migrate/run/migration_ledger.hpp"
#include "berth/migrate/run/migration_limits.hpp"
#include "berth/migrate/run/migration_protocol.hpp"
#include "berth/migrate/run/migration_record.hpp"
#include "berth/migrate/run/migration_report.hpp"
#include "berth/model/checked_text.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

// Length: `advance` and what it calls decide together; half of the lines is the public interface.

namespace berth::inline v0 {

/// Carries a plan out through an executor, wave by wave: the state of a run. The scheduler calls `advance` now and
/// then; each call polls what is under way, writes to the journal what it is about to do, then does it. It never
/// blocks, and reads no clock.
///
/// ```
/// auto plan = migration_order{}.run(cluster, wanted);
/// migration_run run = start_migration(cluster, *std::move(plan), number_of_run);
/// while (run.advance(executor, now(), journal)) wait_until(run.wake_at());
/// ```
///
/// - A target is held before the task is touched. A source is given back once, after the executor has released it and
///   the journal has it. So the free amounts never show more room than there is, whatever fails.
/// - A step that fails is tried again within the limits, then taken back while the source is held. Steps that depended
///   on it lack their room or their task and become `invalid`: order `report().undone` again from the placement that is
///   true then.
/// - After a crash of the scheduler, `resume_migration` goes on from the journal. It queries the executor about what
///   was under way.
///
/// **On a cluster** (`start_migration(cluster, ...)`) targets are taken by `begin_move`, sources given back by
/// `finish_move`, failures by `cancel_move`; a task that is parked or lost is released, one that is fetched is placed.
/// The cluster changes meanwhile as it likes, and each step means the tasks, nodes and GPUs that it began with:
///
/// | meanwhile | the step |
/// |---|---|
/// | the task is retired, released, or placed by others | ends as `gone`; nothing is touched |
/// | the target's node leaves, or the move is cancelled by others | is taken back |
/// | the target becomes unhealthy | is taken back, unless the task is restored there already |
/// | the source's node leaves | goes on if the task is restored at the target, and enters it there; else it is lost |
/// | before it begins: no room, not healthy, closed, gone, or the task is elsewhere | is `invalid`, with the reason |
///
/// **Elsewhere** `advance` takes a `migration_ledger`: a ledger of your own, or a `ledger_adapter`.
///
/// **Time** is what the clock shows while it goes on steadily. A step back counts as no time, a jump ahead only up to
/// `wake_at` and `migration_limits::max_late` beyond it: timeouts hold, and no jump makes all actions time out at once.
/// While no step is under way all of a jump counts. A reading that is not finite counts as the one before. The executor
/// gets the reading as it is.
///
/// Deterministic for an executor that is. One `advance` costs O(steps under way + steps begun or ended). Movable, not
/// thread-safe. The cluster or problem must outlive it. Examples: `examples/drain_node.cpp`,
/// `examples/own_executor.cpp`.
class migration_run : private detail::step_machine {
public:
    /// Use `start_migration` and `resume_migration`.
    migration_run(const problem& p, migration_progress progress, const migration_limits& limits, bool resumed);
    /// As above.
    migration_run(cluster& c, migration_progress progress, const migration_limits& limits, bool resumed)
        : migration_run{c.problem(), std::move(progress), limits, resumed} {
        moves_ = detail::cluster_moves{c, progress_.plan};
    }

    /// Polls, decides, writes and starts, once, in a run on a cluster. True while there is more to do. The cluster is
    /// changed by nothing else meanwhile.
    ///
    /// @param executor  carries the actions out
    /// @param now       seconds of the scheduler's clock
    /// @param journal   gets what is about to be started, before it is
    /// @param control   as below
    template <class Executor, migration_journal Journal, stoppable Stop, observer Observer>
    bool advance(Executor& executor, double now, Journal& journal, run_control<Stop, Observer>& control) {
        BERTH_ASSERT(moves_.lives(), "berth: this run is not on a cluster; advance it with a ledger");
        return advance_with(executor, moves_, now, journal, control);
    }
    /// The same, without a stop.
    template <class Executor, migration_journal Journal>
    bool advance(Executor& executor, double now, Journal& journal) {
        run_control<> control;
        return advance(executor, now, journal, control);
    }
    /// The same, without a journal: the run is lost if the scheduler crashes.
    template <class Executor>
    bool advance(Executor& executor, double now) {
        no_journal journal;
        return advance(executor, now, journal);
    }

    /// Polls, decides, writes and starts, once, in a run that is not on a cluster. True while there is more to do.
    ///
    /// @param executor  carries the actions out
    /// @param ledger    loses the targets of steps that begin, and gets back the sources of steps that are done
    /// @param now       seconds of the scheduler's clock
    /// @param journal   gets what is about to be started, before it is
    /// @param control   once it requests a stop, no step begins, and `migration_limits::when_stopped` decides about
    ///                  those under way. `max_evaluations` is in actions started. Its observer sees each step that ends
    template <class Executor, class Ledger, migration_journal Journal, stoppable Stop, observer Observer>
    bool advance(Executor& executor, Ledger& ledger, double now, Journal& journal,
                 run_control<Stop, Observer>& control) {
        static_assert(!std::is_same_v<Ledger, cluster>,
                      "berth: a run on a cluster is started by start_migration(cluster, ...), and its advance takes no "
                      "ledger: advance(executor, now, journal)");
        static_assert(
            std::is_same_v<Ledger, cluster> || migration_ledger<Ledger>,
            "berth: the second argument of advance is a ledger of running tasks, with begin(move) that yields bool, "
            "finish(move), cancel(move) and lose(move). A placer keeps kinds of tasks, not which task is where: share "
            "a "
            "cluster instead, or wrap a ledger by ledger_adapter; see berth/migrate/run/migration_ledger.hpp");
        BERTH_ASSERT(!moves_.lives(), "berth: this run is on a cluster, so its advance takes no ledger");
        detail::ledger_moves<Ledger> moves{ledger};
        return advance_with(executor, moves, now, journal, control);
    }
    /// The same, without a stop.
    template <class Executor, class Ledger, migration_journal Journal>
    bool advance(Executor& executor, Ledger& ledger, double now, Journal& journal) {
        run_control<> control;
        return advance(executor, ledger, now, journal, control);
    }
    /// The same, without a journal: the run is lost if the scheduler crashes.
    template <class Executor, class Ledger>
    bool advance(Executor& executor, Ledger& ledger, double now) {
        no_journal journal;
        return advance(executor, ledger, now, journal);
    }

    /// True if nothing is left to do or to write.
    [[nodiscard]] bool finished() const noexcept {
        return active_.empty() && next_ == progress_.records.size() && unwritten_.text().empty();
    }
    /// When `advance` has something to do even if no action ends: the next timeout or further attempt, in seconds;
    /// infinite if none. O(steps under way).
    [[nodiscard]] double wake_at() const noexcept { return clock_.reading_at(next_wake()); }

    /// The wave whose steps are under way, from 0.
    [[nodiscard]] std::size_t wave() const noexcept { return wave_; }
    /// The plan and the state of each step.
    [[nodiscard]] const migration_progress& progress() const noexcept { return progress_; }
    /// The results so far. O(steps).
    [[nodiscard]] migration_report report() const { return detail::report_of(progress_, before_); }
    /// The run as text, at any time between two calls of `advance`. O(steps).
    [[nodiscard]] std::string save() const { return save_migration(progress_); }

    /// Takes what the plan's tasks hold at the moment, at both ends, out of a ledger. For a ledger that was made anew
    /// after a restart and has all other tasks already. False, and nothing is taken, if a counter has no room.
    /// O(steps).
    template <migration_ledger Ledger>
    [[nodiscard]] bool hold(Ledger& ledger) const {
        const auto all = detail::held_slots(progress_, before_);
        const auto let_go = [&](const detail::task_hold& h) {
            if (h.where.placed()) ledger.lose(h.departure());
        };
        for (std::size_t taken = 0; taken < all.size(); ++taken) {
            const detail::task_hold& h = all[taken];
            const bool there = !h.where.placed() || ledger.begin(h.arrival());
            if (there && h.where.placed()) ledger.finish(h.arrival());
            if (there && (!h.to.placed() || ledger.begin(h.move()))) continue;
            if (there) let_go(h);
            while (taken-- > 0) {
                if (all[taken].to.placed()) ledger.cancel(all[taken].move());
                let_go(all[taken]);
            }
            return false;
        }
        return true;
    }
    /// Enters in the cluster where the plan's tasks are and what they hold, by the run's records. For a cluster that
    /// was made anew after a restart, or was saved before the journal ended; nothing changes in one that is up to date.
    /// Tasks that others have placed elsewhere stay there. False if a target has no room; then what fits is entered.
    /// O(steps).
    [[nodiscard]] bool hold();
    /// The task of a step in a run on a cluster, whose position may be another task's by now; else not valid.
    ///
    /// @param step  below the number of steps
    [[nodiscard]] task_handle task(std::size_t step) const noexcept { return moves_.task(step); }
    /// Brings a placement up to date with the steps that are done; lost tasks become `unplaced`. O(steps).
    ///
    /// @param placement  a slot for every task of the workload
    void apply_to(std::span<slot> placement) const;
    /// Takes up steps that were left unresolved: the executor is queried about them again. True if there are any.
    /// O(steps).
    ///
    /// @param reading  seconds of the scheduler's clock
    bool reopen(double reading);

private:
    [[nodiscard]] berth::progress seen_so_far() const noexcept {
        return {.done = ended_,
                .total = progress_.records.size(),
                .evaluations = progress_.actions,
                .objective = downtime_};
    }
    template <class Executor, class Moves, class Journal, class Stop, class Observer>
    bool advance_with(Executor& executor, Moves& moves, double now, Journal& journal,
                      run_control<Stop, Observer>& control) {
        static_assert(
            migration_executor<Executor>,
            "berth: the first argument of advance is an executor, with start(action, job, now), poll(action, job, now) "
            "that yields an action_status, abort(action, job, now), and query(job, now) that yields a "
            "migration_state; see berth/migrate/run/migration_executor.hpp");
        const double time = clock_.tick(now, next_wake(), limits_.max_late);
        reading_ = now;
        if (!announced_) notify::begin(control.observer, seen_so_far());
        announced_ = true;
        for (bool again = true; again;) {
            if (unwritten_.text().empty()) {
                follow_stop(control.check(progress_.actions), time);
                for (std::size_t k = 0; k < active_.size(); ++k) {
                    follow(active_[k], executor, moves, time);
                    collect(active_[k], executor, time);
                }
                begin_steps(moves, time);
            }
            if (!write(journal)) return true;
            again = settle_ended(moves, control.observer);
            for (const std::size_t i : active_) start(i, executor, time);
        }
        if (!finished()) return true;
        if (!closed_) notify::end(control.observer, seen_so_far());
        closed_ = true;
        return false;
    }
    template <class Moves>
    void begin_steps(Moves& moves, double now) {
        const std::size_t wave_end = wave_ < progress_.plan.wave_ends.size() ? progress_.plan.wave_ends[wave_] : next_;
        for (; next_ < wave_end && active_.size() < limits_.max_in_flight; ++next_) {
            if (record(next_).phase != migration_phase::waiting) continue;
            active_.push_back(next_);
            if (!may_begin(next_, now)) continue;
            const migration_failure refusal = moves.begin(next_, step(next_).move());
            if (refusal != migration_failure::none) {
                note_failure(record(next_), refusal);
                end(next_, migration_outcome::invalid, now);
                continue;
            }
            begun_[next_] = 1;
            begin(next_, now);
        }
    }
    template <class Journal>
    [[nodiscard]] bool write(Journal& journal) {
        if (unwritten_.text().empty()) return true;
        if (!run_line_) detail::write_run(unwritten_, progress_);
        run_line_ = true;
        if (appended_ > replace_after_) {
            unwritten_ = detail::checked_writer{};
            detail::write_whole(unwritten_, progress_);
        }
        const bool replaces = appended_ > replace_after_;
        if (!journal.write(unwritten_.text(), replaces ? journal_write::replace : journal_write::append)) return false;
        const std::size_t size = unwritten_.text().size();
        if (replaces) replace_after_ = 4 * size + 4096;
        appended_ = replaces ? 0 : appended_ + size;
        run_line_ = false;
        unwritten_.clear();
        return true;
    }
    /// True if another wave can begin at once.
    /// Enters how a step has ended.
    template <class Moves>
    void give_back(std::size_t i, Moves& moves) {
        const task_move move = step(i).move();
        switch (record(i).outcome) {
            case migration_outcome::done: moves.finish(i, move); break;
            case migration_outcome::lost: moves.lose(i, move); break;
            case migration_outcome::rolled_back:
            case migration_outcome::invalid:
                if (move.to.placed()) moves.cancel(i, move);
                break;
            case migration_outcome::open:
            case migration_outcome::unresolved: return;
            case migration_outcome::not_begun:
            case migration_outcome::gone: break;
        }
        begun_[i] = 0;
    }
    template <class Moves, class Observer>
    [[nodiscard]] bool settle_ended(Moves& moves, Observer& observer) {
        std::size_t kept = 0;
        for (std::size_t k = 0; k < active_.size(); ++k) {
            const std::size_t i = active_[k];
            const migration_record& r = record(i);
            if (r.phase != migration_phase::ended) {
                active_[kept++] = i;
                continue;
            }
            if (begun_[i] != 0) give_back(i, moves);
            ++ended_;
            downtime_ += r.downtime;
            notify::step(observer, seen_so_far());
        }
        active_.resize(kept);
        if (kept > 0 || next_ == progress_.records.size()) return false;
        if (next_ == progress_.plan.wave_ends[wave_]) ++wave_;
        return true;
    }

    void follow_stop(stop_reason reason, double now);
    /// As `wake_at`, in the time of the run.
    [[nodiscard]] double next_wake() const noexcept;

    detail::flat<std::size_t> active_;
    detail::flat<std::uint8_t> begun_;  // held in the ledger or the cluster
    std::size_t wave_ = 0;
    std::size_t next_ = 0;
    std::size_t ended_ = 0;
    double downtime_ = 0.0;
    std::size_t appended_ = 1;
    std::size_t replace_after_ = 0;
    bool run_line_ = false;
    bool announced_ = false;
    bool closed_ = false;
};

inline migration_run::migration_run(const problem& p, migration_progress progress, const migration_limits& limits,
                                    bool resumed)
    : step_machine{p, std::move(progress), limits, resumed}, begun_(progress_.records.size()) {
    const auto& ends = progress_.plan.wave_ends;
    std::size_t first = 0;
    while (first < progress_.records.size() && record(first).phase == migration_phase::ended) ++first;
    while (wave_ < ends.size() && ends[wave_] <= first) next_ = ends[wave_++];
    for (std::size_t i = 0; i < progress_.records.size(); ++i) {
        migration_record& r = record(i);
        progress_.serial = r.serial > progress_.serial ? r.serial : progress_.serial;
        if (r.phase == migration_phase::waiting) continue;
        if (!under_way(r)) {
            failures_ += is_failure(r) ? 1 : 0;
            ++ended_;
            downtime_ += r.downtime;
            continue;
        }
        r.outcome = migration_outcome::open;
        r.attempts = 0;
        settle_from(i, asked::not_yet, 0.0);
        begun_[i] = 1;
        active_.push_back(i);
    }
    if (resumed_) ++progress_.serial;
    detail::write_run(unwritten_, progress_);  // so that the first write is of the whole
    run_line_ = true;
}

inline double migration_run::next_wake() const noexcept {
    double earliest = std::numeric_limits<double>::infinity();
    for (const std::size_t i : active_) {
        const migration_record& r = progress_.records[i];
        double at = r.since;
        if (r.phase == migration_phase::acting) at += limits_.timeout(r.action, step(i).duration);
        if (r.phase == migration_phase::settling && asked_[i] != asked::not_yet) {
            const double patience = limits_.timeout(r.action, step(i).duration);
            const bool sooner = asked_[i] == asked::anew && patience < limits_.settle_seconds;
            at = asked_at_[i] + (sooner ? patience : limits_.settle_seconds);
        }
        if (at < earliest) earliest = at;
    }
    return earliest;
}

inline void migration_run::follow_stop(stop_reason reason, double now) {
    if (reason == stop_reason::completed || progress_.stopped != stop_reason::completed) return;
    progress_.stopped = reason;
    if (limits_.when_stopped == on_stop::finish) return;
    for (const std::size_t i : active_) {
        migration_record& r = record(i);
        if (r.phase == migration_phase::ended || r.direction == migration_direction::back) continue;
        r.direction = migration_direction::back;
        note_failure(r, migration_failure::interrupted);
        if (r.phase == migration_phase::pausing) r.since = now;
    }
}

inline void migration_run::apply_to(std::span<slot> placement) const {
    for (std::size_t i = 0; i < progress_.records.size(); ++i) {
        BERTH_ASSERT(step(i).task.value() < placement.size(),
                     "berth: migration_run::apply_to takes a placement with a slot for every task");
        if (progress_.records[i].outcome == migration_outcome::done) placement[step(i).task.value()] = step(i).to;
        if (progress_.records[i].outcome == migration_outcome::lost) placement[step(i).task.value()] = unplaced;
    }
}

inline bool migration_run::hold() {
    BERTH_ASSERT(moves_.lives(), "berth: this run is not on a cluster; hold takes a ledger");
    bool all = true;
    for (const detail::task_hold& h : detail::held_slots(progress_, before_)) {
        detail::flat<slot> ours;
        for (std::size_t i = h.last_step; i != detail::no_step; i = before_[i]) {
            ours.push_back(step(i).from);
            ours.push_back(step(i).to);
        }
        // A task that is fetched is entered where it goes to.
        const bool fetched = !h.where.placed() && h.to.placed();
        all = moves_.restore(h.last_step, ours.view(), fetched ? h.to : h.where, fetched ? unplaced : h.to) && all;
    }
    return all;
}

inline bool migration_run::reopen(double reading) {
    const double now = clock_.tick(reading, next_wake(), limits_.max_late);
    const std::size_t open = active_.size();
    for (std::size_t i = 0; i < progress_.records.size(); ++i) {
        migration_record& r = record(i);
        if (r.outcome != migration_outcome::unresolved) continue;
        r.outcome = migration_outcome::open;
        r.attempts = 0;
        settle_from(i, asked::anew, now);
        active_.push_back(i);
        --ended_;
        --failures_;
        downtime_ -= r.downtime;
        log(i);
    }
    closed_ = closed_ && active_.size() == open;
    return active_.size() > open;
}

namespace detail {

/// No step of the plan has begun.
[[nodiscard]] inline migration_progress progress_at_start(const problem& p, migration_plan plan, std::uint64_t run) {
    migration_progress progress;
    progress.run = run;
    progress.fingerprint = fingerprint(p, plan);
    plan.dropped.clear();
    plan.evaluations = 0;
    plan.stopped = stop_reason::completed;
    progress.records.resize(plan.steps.size());
    progress.plan = std::move(plan);
    return progress;
}

}  // namespace detail

/// Begins to carry out a plan. O(steps + tasks).
///
/// @param plan  of this problem, as `migration_order` makes it (asserted)
/// @param run   a number larger than that of every run before: a counter that the scheduler stores, or its clock in
///              nanoseconds
[[nodiscard]] inline migration_run start_migration(const problem& p, migration_plan plan, std::uint64_t run,
                                                   const migration_limits& limits = {}) {
    BERTH_ASSERT(detail::check_plan(p, plan).has_value(),
                 "berth: start_migration takes a plan of this problem, with each task at most once in a wave");
    return {p, detail::progress_at_start(p, std::move(plan), run), limits, false};
}

/// Begins to carry out a plan on a cluster: one that `migration_order` made for it, with nothing changed since, or any
/// plan whose steps may turn out invalid. The cluster outlives the run. O(steps + tasks).
///
/// @param plan  its tasks and slots exist now (asserted)
/// @param run   as above
[[nodiscard]] inline migration_run start_migration(cluster& c, migration_plan plan, std::uint64_t run,
                                                   const migration_limits& limits = {}) {
    const problem p = c.problem();
    BERTH_ASSERT(detail::check_plan(p, plan).has_value(),
                 "berth: start_migration takes a plan of this cluster, with each task at most once in a wave");
    auto names = detail::names_of(c, plan);
    migration_progress progress = detail::progress_at_start(p, std::move(plan), run);
    progress.names = std::move(names);
    return {c, std::move(progress), limits, false};
}

/// Goes on with a run that was saved, or whose journal was read (`load_migration`), after a restart of the scheduler.
/// Make a ledger of the tasks that the plan does not have, then call `hold`. The executor is queried about every step
/// under way before anything is started.
///
/// @param p  has the same tasks and nodes at the same positions
/// @return the run; or an error, if the plan has slots that do not exist, the records contradict each other, or the
///         tasks or nodes have other names. O(steps + tasks)
[[nodiscard]] inline result<migration_run> resume_migration(const problem& p, migration_progress progress,
                                                            const migration_limits& limits = {}) {
    if (auto ok = detail::check_plan(p, progress.plan); !ok) return ok.error();
    const auto before = detail::steps_before(progress.plan, p.workload().task_count());
    if (auto ok = detail::check_records(progress, before); !ok) return ok.error();
    if (progress.fingerprint != detail::fingerprint(p, progress.plan)) {
        return detail::refuse(error_code::inconsistent,
                              {"migration run: fingerprint differs, the run was saved for other tasks or nodes"});
    }
    return migration_run{p, std::move(progress), limits, true};
}

/// Goes on with a run on a cluster after a restart of the scheduler: the cluster was loaded, or made anew from reports
/// of nodes and tasks in any order; then call `migration_run::hold`. Nodes and tasks are found by their names, GPUs by
/// their UUIDs where they have one, tasks without a name by their handle. What is no longer there is as if it had left
/// during the run.
///
/// @return the run; or an error, if the records contradict each other, or, for a text without names (of a run that was
///         not on a cluster), as above. O(steps log steps + tasks)
[[nodiscard]] inline result<migration_run> resume_migration(cluster& c, migration_progress progress,
                                                            const migration_limits& limits = {}) {
    const problem p = c.problem();
    const bool named = !progress.names.tasks.empty();
    std::size_t positions = p.workload().task_count();
    for (const migration_names::task& t : progress.names.tasks) {
        positions = t.at.value() >= positions ? t.at.value() + 1 : positions;
    }
    const auto before = detail::steps_before(progress.plan, positions);
    if (auto ok = detail::check_records(progress, before); !ok) return ok.error();
    if (named) detail::relocate(c, progress);
    if (auto ok = detail::check_plan(p, progress.plan, named); !ok) return ok.error();
    if (!named && progress.fingerprint != detail::fingerprint(p, progress.plan)) {
        return detail::refuse(error_code::inconsistent,
                              {"migration run: fingerprint differs, the run was saved for other tasks or nodes"});
    }
    return migration_run{c, std::move(progress), limits, true};
}

}  // namespace berth::inline v0
