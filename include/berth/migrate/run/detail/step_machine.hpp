// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/run_control.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/migrate/run/detail/cluster_moves.hpp"
#include "berth/migrate/run/detail/run_clock.hpp"
#include "berth/migrate/run/detail/step_records.hpp"
#include "berth/migrate/run/migration_executor.hpp"
#include "berth/migrate/run/migration_journal.hpp"
#include "berth/migrate/run/migration_limits.hpp"
#include "berth/migrate/run/migration_protocol.hpp"
#include "berth/migrate/run/migration_record.hpp"
#include "berth/model/checked_text.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

// Length: what is known of a step, asked about it and decided by it changes together.

namespace berth::inline v0::detail {

/// The part of `migration_run` without ledger, waves and journal: the known state of each step, what is asked about it,
/// the decisions that follow from it, and the lines about it that are not in the journal yet.
class step_machine {
protected:
    /// Why a step is settling.
    enum class asked : std::uint8_t {
        about_failure,    ///< its last action has failed
        not_yet,          ///< the scheduler was restarted, and the executor was not queried since
        anew,             ///< it is unknown whether its last action was started
        anew_and_aborted  ///< the same, and the action was aborted after its timeout
    };

    /// What has left of a step on a cluster.
    struct lost_ends {
        bool source = false;
        bool target = false;
        bool kept = false;  // the task is entered at the target
    };

    step_machine(const problem& p, migration_progress progress, const migration_limits& limits, bool resumed)
        : problem_{p},
          progress_{std::move(progress)},
          limits_{limits},
          before_{steps_before(progress_.plan, p.workload().task_count())},
          asked_(progress_.records.size()),
          asked_at_(progress_.records.size()),
          left_(progress_.records.size()),
          clock_{latest(progress_)},
          resumed_{resumed} {}

    [[nodiscard]] const migration_step& step(std::size_t i) const noexcept { return progress_.plan.steps[i]; }
    [[nodiscard]] migration_record& record(std::size_t i) noexcept { return progress_.records[i]; }
    [[nodiscard]] migration_job job(std::size_t i, std::uint64_t serial) const noexcept {
        const bool known = step(i).task.below(problem_.workload().task_count());
        return {step(i).move(),
                {progress_.run, serial},
                i,
                known ? problem_.workload().state_bytes(step(i).task) : 0,
                moves_.task(i)};
    }
    /// The latest time of a record; of a new run a time before all others.
    [[nodiscard]] static double latest(const migration_progress& progress) noexcept {
        double time = std::numeric_limits<double>::lowest();
        for (const migration_record& r : progress.records) {
            if (r.phase == migration_phase::waiting) continue;
            // While a step pauses, `since` is in the future.
            const double since = r.phase == migration_phase::pausing ? r.begun : r.since;
            for (const double each : {since, r.begun, r.ended}) time = each > time ? each : time;
        }
        return time;
    }
    /// What is true of a step where a node of it has left.
    [[nodiscard]] migration_state corrected(std::size_t i, const migration_state& seen) const noexcept {
        return without_ends(step(i).move(), seen, left_[i].source, left_[i].target);
    }
    void log(std::size_t i) { write_record(unwritten_, i, progress_.records[i]); }

    static void note_failure(migration_record& r, migration_failure failure) noexcept {
        r.failure = failure;
        r.failed = r.action;
    }
    void settle_from(std::size_t i, asked why, double now) {
        record(i).phase = migration_phase::settling;
        asked_[i] = why;
        asked_at_[i] = now;
    }
    [[nodiscard]] static bool is_failure(const migration_record& r) noexcept {
        return r.outcome == migration_outcome::lost || r.outcome == migration_outcome::unresolved ||
               (r.outcome == migration_outcome::rolled_back && r.failure != migration_failure::interrupted);
    }
    /// False if the run has been stopped, or the task is not where the step begins; then the step has ended.
    [[nodiscard]] bool may_begin(std::size_t i, double now);
    void begin(std::size_t i, double now);
    /// Decides on the next action, or the end, by the known state.
    void decide(std::size_t i, double now);
    /// Decides after a query.
    void settle(std::size_t i, const migration_state& seen, double now);
    /// Takes over a state, and counts downtime.
    void learn(std::size_t i, const migration_state& reported, double now);
    void end(std::size_t i, migration_outcome outcome, double now);

    /// Reacts to what others did to a step under way.
    template <class Executor, class Moves>
    void follow(std::size_t i, Executor& executor, Moves& moves, double now) {
        migration_record& r = record(i);
        if (r.phase == migration_phase::ended) return;
        const task_move move = step(i).move();
        step_news news = moves.look(i, move);
        if (news == step_news::none) return;
        const lost_ends left{!moves.has_node(i, false, move.from), !moves.has_node(i, true, move.to),
                             news == step_news::kept};
        // A task that was entered at the target and waits was released by others.
        if (news == step_news::source_gone && left_[i].kept && !left.target) news = step_news::not_ours;
        const auto abort = [&] {
            if (r.phase == migration_phase::acting) executor.abort(r.action, job(i, r.serial), reading_);
        };
        switch (news) {
            case step_news::none: return;
            case step_news::task_gone:
            case step_news::not_ours: {
                const bool retired = news == step_news::task_gone;
                abort();
                note_failure(r, retired ? migration_failure::task_gone : migration_failure::not_there);
                return end(i, migration_outcome::gone, now);
            }
            case step_news::not_healthy:
                if (r.direction == migration_direction::back) return;
                note_failure(r, migration_failure::not_healthy);
                r.direction = migration_direction::back;
                if (r.phase == migration_phase::pausing) r.since = now;
                return;
            case step_news::source_gone:
            case step_news::kept:
            case step_news::target_gone: break;
        }
        const bool known = left.source == left_[i].source && left.target == left_[i].target;
        if (known && (left.source || left.target || r.direction == migration_direction::back)) return;
        left_[i] = left;
        if (news == step_news::source_gone) left_[i].kept = moves.keep_target(i, move);
        const bool leaves = left.source || left.target;
        note_failure(r, leaves ? migration_failure::node_gone : migration_failure::not_there);
        r.direction = migration_direction::back;
        r.attempts = 0;
        abort();
        settle_from(i, r.phase == migration_phase::acting ? asked::anew_and_aborted : asked::anew, now);
    }
    template <class Executor>
    void collect(std::size_t i, Executor& executor, double now) {
        migration_record& r = record(i);
        if (r.phase == migration_phase::pausing && now >= r.since) return decide(i, now);
        if (r.phase == migration_phase::acting) {
            const migration_job about = job(i, r.serial);
            const action_status status = executor.poll(r.action, about, reading_);
            if (status == action_status::done) {
                learn(i, after(r.action, r.known), now);
                return decide(i, now);
            }
            const bool late = now - r.since >= limits_.timeout(r.action, step(i).duration);
            if (status == action_status::pending && !late) return;
            if (status == action_status::pending) executor.abort(r.action, about, reading_);
            note_failure(r, status == action_status::failed ? migration_failure::failed : migration_failure::timed_out);
            settle_from(i, asked::about_failure, now);
        }
        if (r.phase != migration_phase::settling) return;
        if (asked_[i] == asked::not_yet) {
            asked_[i] = asked::anew;
            asked_at_[i] = now;
        }
        const migration_state seen = corrected(i, executor.query(job(i, progress_.serial), reading_));
        if (!seen.busy && seen.task != task_location::unknown) return settle(i, seen, now);
        const double waited = now - asked_at_[i];
        if (asked_[i] == asked::anew && seen.busy) {
            // An action that was started before the restart may take as long as any.
            if (waited < limits_.timeout(r.action, step(i).duration)) return;
            executor.abort(r.action, job(i, r.serial), reading_);
            asked_[i] = asked::anew_and_aborted;
            asked_at_[i] = now;
        } else if (waited >= limits_.settle_seconds) {
            if (r.failure == migration_failure::none || !seen.busy) note_failure(r, migration_failure::silent);
            end(i, migration_outcome::unresolved, now);
        }
    }
    template <class Executor>
    void start(std::size_t i, Executor& executor, double now) {
        migration_record& r = record(i);
        if (r.phase != migration_phase::intended) return;
        r.phase = migration_phase::acting;
        r.since = now;
        executor.start(r.action, job(i, r.serial), reading_);
    }

    problem problem_;
    migration_progress progress_;
    migration_limits limits_;
    flat<std::size_t> before_;  // the step before of the same task
    flat<asked> asked_;
    flat<double> asked_at_;
    flat<lost_ends> left_;
    cluster_moves moves_;  // of a run on a cluster
    run_clock clock_;
    double reading_ = 0.0;  // of the scheduler's clock
    checked_writer unwritten_;
    std::size_t failures_ = 0;
    bool resumed_;
};

inline bool step_machine::may_begin(std::size_t i, double now) {
    migration_record& r = record(i);
    const bool stopped = progress_.stopped != stop_reason::completed;
    if (stopped || progress_.given_up) {
        note_failure(r, stopped ? migration_failure::interrupted : migration_failure::too_many_failed);
        end(i, migration_outcome::not_begun, now);
        return false;
    }
    const task_place at = place_before(progress_, before_, i);
    if (at.known && same_place(at.where, step(i).from)) return true;
    note_failure(r, migration_failure::not_there);
    end(i, migration_outcome::invalid, now);
    return false;
}

inline void step_machine::begin(std::size_t i, double now) {
    migration_record& r = record(i);
    r.known = before_migration(step(i).move());
    r.begun = now;
    r.stopped = before_[i] == no_step ? now : record(before_[i]).ended;
    r.since = now;
    if (!resumed_) return decide(i, now);
    settle_from(i, asked::anew, now);
    log(i);
}

inline void step_machine::decide(std::size_t i, double now) {
    using kind = protocol_step::kind;
    migration_record& r = record(i);
    const protocol_step next = next_action(step(i).move(), r.direction, r.known);
    r.direction = next.direction;
    switch (next.what) {
        case kind::act:
            if (next.action != r.action) r.attempts = 0;
            r.action = next.action;
            r.phase = migration_phase::intended;
            r.since = now;
            r.serial = ++progress_.serial;
            ++progress_.actions;
            if (r.attempts > 0) ++progress_.retries;
            return log(i);
        case kind::wait: return settle_from(i, asked::about_failure, now);
        case kind::done: return end(i, migration_outcome::done, now);
        case kind::undone: return end(i, migration_outcome::rolled_back, now);
        case kind::lost: return end(i, migration_outcome::lost, now);
        case kind::not_here:
            note_failure(r, migration_failure::not_there);
            return end(i, r.serial == 0 ? migration_outcome::invalid : migration_outcome::unresolved, now);
        case kind::contradiction:
            note_failure(r, migration_failure::contradiction);
            return end(i, migration_outcome::unresolved, now);
    }
}

inline void step_machine::settle(std::size_t i, const migration_state& seen, double now) {
    migration_record& r = record(i);
    const migration_state expected = after(r.action, r.known);
    const bool as_expected = seen.task == expected.task && seen.source_held == expected.source_held &&
                             seen.target_held == expected.target_held;
    const bool failure = asked_[i] == asked::about_failure && !as_expected;
    if (seen.task == task_location::lost && r.known.task != task_location::lost) {
        const bool left = left_[i].source || left_[i].target;
        note_failure(r, left ? migration_failure::node_gone : migration_failure::terminal);
    }
    const bool news = seen.task == task_location::lost && r.known.task != task_location::lost;
    learn(i, seen, now);
    if (!failure || news) return decide(i, now);
    ++r.attempts;
    if (r.attempts < limits_.attempts(r.action, r.direction)) {
        r.phase = migration_phase::pausing;
        r.since = now + limits_.pause_after(r.attempts);
    } else if (r.direction == migration_direction::forward) {
        r.direction = migration_direction::back;
        r.attempts = 0;
        decide(i, now);
    } else {
        end(i, migration_outcome::unresolved, now);
    }
}

inline void step_machine::learn(std::size_t i, const migration_state& reported, double now) {
    migration_record& r = record(i);
    const migration_state seen = corrected(i, reported);
    const bool ran = runs(r.known.task);
    const bool lost_before = r.known.task == task_location::lost;
    const bool over = runs(seen.task) || seen.task == task_location::lost;
    if (ran && !runs(seen.task)) r.stopped = r.since;
    if (!ran && !lost_before && over) r.downtime += now - r.stopped;
    r.known = seen;
}

inline void step_machine::end(std::size_t i, migration_outcome outcome, double now) {
    migration_record& r = record(i);
    const bool begun = outcome != migration_outcome::invalid && outcome != migration_outcome::not_begun;
    if (begun && !runs(r.known.task) && outcome != migration_outcome::lost) {
        r.downtime += now - r.stopped;
        r.stopped = now;
    }
    r.phase = migration_phase::ended;
    r.outcome = outcome;
    r.ended = now;
    if (is_failure(r) && ++failures_ >= limits_.max_failures) progress_.given_up = true;
    log(i);
}

}  // namespace berth::inline v0::detail
