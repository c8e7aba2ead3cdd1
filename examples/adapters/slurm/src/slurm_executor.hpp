// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/migrate/run/migration_executor.hpp"

#include "bridge.hpp"
#include "gres_texts.hpp"
#include "port.hpp"

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

// Length: one class, the table of its actions beside them.

namespace berth_slurm {

/// Options of a move.
struct move_options {
    double save_seconds = 0.0;  ///< between SIGUSR1, which asks a job to save its state, and its stop; 0: no signal
};

/// Carries one move out through Slurm, as a `berth::migration_executor`: the job is put back into the queue and started
/// again on the target, from what it has saved on storage that both nodes share.
///
/// Both ends are held throughout by *holders*, jobs of berth's own that do nothing:
///
/// | action | what Slurm is told | ended when |
/// |---|---|---|
/// | reserve | a holder is submitted, pinned to the target's GPUs | it runs there |
/// | lock | SIGUSR1 to the job | `save_seconds` later |
/// | checkpoint | a holder for the source, which has to wait; the job is requeued and held | both are so |
/// | transfer | nothing: the storage is shared | at once |
/// | restore | the job is pinned to the target and released first; the target's holder is cancelled | it runs there |
/// | unlock | nothing | at once |
/// | release | the source's holder is cancelled | it is gone |
/// | restore_back | as restore, at the source | it runs there |
/// | unlock_back | nothing | at once |
/// | cancel | the target's holder is cancelled | it is gone |
///
/// A source on a drained node needs no holder, because Slurm starts nothing there. A job keeps its GPU indices: both
/// ends have the same.
///
/// **The hand-over.** Who lets go of GPUs does so only when the one that takes them over waits in Slurm's queue
/// already, pinned to them, with the highest priority there is. Slurm starts jobs by priority, and starts none of
/// lower priority on nodes that a waiting job is pinned to. So between the two nobody else can take the room, unless
/// it is started past the queue: set `SchedulerParameters=defer`, so that Slurm starts nothing at its submission.
class slurm_executor {
public:
    /// @param port  carries out; must outlive the executor
    /// @param seen  the latest reading, made anew before each `advance`; must outlive the executor
    /// @param move  which job, from where to where
    slurm_executor(slurm_port& port, const snapshot& seen, wanted_move move, move_options options)
        : port_{&port}, seen_{&seen}, move_{std::move(move)}, options_{options} {}

    /// As of `berth::migration_executor`; likewise below.
    void start(berth::migration_action action, const berth::migration_job& job, double now) {
        if (job.token <= newest_) return;  // a duplicate or stale command
        newest_ = started_ = job.token;
        since_ = now;
        acted_at_ = seen_->serial;
        outcome_ = act(action) ? berth::action_status::pending : berth::action_status::failed;
    }
    berth::action_status poll(berth::migration_action action, const berth::migration_job& job, double now) {
        if (job.token != started_) return berth::action_status::failed;
        if (outcome_ != berth::action_status::pending) return outcome_;
        if (seen_->serial > acted_at_ || takes_no_call(action)) {
            if (has_happened(action, now)) {
                outcome_ = berth::action_status::done;
            } else if (aborted_ == started_ || runs_elsewhere(action)) {
                outcome_ = berth::action_status::failed;
            } else {
                carry_on(action);
            }
        }
        return outcome_;
    }
    void abort(berth::migration_action action, const berth::migration_job& job, double) {
        aborted_ = job.token;
        // What was released to a place where it does not start must not start there later.
        using enum berth::migration_action;
        const job_record* r = record();
        if ((action == restore || action == restore_back) && r != nullptr && r->activity == job_activity::pending)
            (void)port_->hold(move_.job);
        if (action == reserve) (void)drop(target_holder());
    }
    berth::migration_state query(const berth::migration_job& job, double) {
        newest_ = std::max(newest_, job.token);
        berth::migration_state state;
        const job_record* r = record();
        const job_record* at_source = source_holder();
        const job_record* at_target = target_holder();
        const bool runs = r != nullptr && r->activity == job_activity::running;
        state.source_held = (runs && is_at(*r, move_.from)) || holds(at_source) || (!runs && source_is_closed());
        state.target_held = (runs && is_at(*r, move_.to)) || holds(at_target);
        // What was started may not show yet.
        state.busy = seen_->serial <= acted_at_;
        if (r != nullptr && r->activity == job_activity::ended && r->killed) {
            state.task = berth::task_location::suspended;  // it is put back into the queue
            state.busy = true;
        } else if (r == nullptr || (r->activity == job_activity::ended && !r->completing)) {
            state.task = berth::task_location::lost;
        } else if (runs) {
            state.task = is_at(*r, move_.from) ? berth::task_location::runs_at_source
                         : is_at(*r, move_.to) ? berth::task_location::runs_at_target
                                               : berth::task_location::elsewhere;
        } else if (r->completing || !r->held) {
            // It is being stopped, or was released and may start any moment.
            if (!r->completing) (void)port_->hold(move_.job);
            state.task = berth::task_location::suspended;
            state.busy = true;
        } else {
            state.task = holds(at_target) ? berth::task_location::arrived : berth::task_location::suspended;
            state.image_at_source = true;
            if (!state.source_held) {
                // Who keeps the source waits in Slurm's queue yet, before all others; a slurmctld that was killed may
                // have forgotten it.
                if (at_source == nullptr) (void)submit("source", move_.from);
                state.busy = true;
            }
        }
        return state;
    }

    /// The move.
    [[nodiscard]] const wanted_move& move() const noexcept { return move_; }
    /// Cancels holders of this job that are on neither end: of a move before, when a slurmctld that was killed has
    /// forgotten that they were cancelled.
    void drop_strays() {
        for (const job_record& r : seen_->jobs) {
            if (!r.is_holder() || r.activity == job_activity::ended) continue;
            const bool ours = r.comment == comment("source") || r.comment == comment("target");
            if (ours && !stands_at(r, end_of(r.comment))) (void)accepted(port_->cancel(r.id));
        }
    }
    /// Cancels whatever holders are left. True if there are none any more.
    bool clear() {
        const bool source = drop(source_holder());
        const bool target = drop(target_holder());
        return source && target;
    }
    /// What Slurm last refused, for people; empty: nothing.
    [[nodiscard]] const std::string& refusal() const noexcept { return refusal_; }

private:
    [[nodiscard]] static bool takes_no_call(berth::migration_action action) noexcept {
        using enum berth::migration_action;
        return action == lock || action == transfer || action == unlock || action == unlock_back;
    }
    [[nodiscard]] const job_record* record() const noexcept { return seen_->find(move_.job); }
    [[nodiscard]] std::string comment(const char* side) const {
        return std::string{holder_mark} + std::to_string(move_.job) + ":" + side;
    }
    [[nodiscard]] const allocation& end_of(std::string_view comment) const noexcept {
        return comment.ends_with(":source") ? move_.from : move_.to;
    }
    /// A holder that runs there, or waits for its room there.
    [[nodiscard]] static bool stands_at(const job_record& r, const allocation& where) noexcept {
        return (r.places.empty() ? r.nodes_wanted : r.places.front().node) == where.node;
    }
    /// The holder of a side that runs, or waits; one that is being ended counts until it is gone.
    [[nodiscard]] const job_record* holder(const char* side) const {
        const std::string wanted = comment(side);
        const job_record* found = nullptr;
        for (const job_record& r : seen_->jobs) {
            if (r.comment != wanted || (r.activity == job_activity::ended && !r.completing)) continue;
            if (!stands_at(r, end_of(wanted))) continue;
            if (found == nullptr || r.activity == job_activity::running) found = &r;
        }
        return found;
    }
    [[nodiscard]] const job_record* source_holder() const { return holder("source"); }
    [[nodiscard]] const job_record* target_holder() const { return holder("target"); }
    /// Slurm starts nothing on the source's node: it is drained, so nobody has to hold what the job leaves there.
    [[nodiscard]] bool source_is_closed() const noexcept {
        const node_record* node = seen_->find_node(move_.from.node);
        return node == nullptr || !node->open;
    }
    [[nodiscard]] static bool holds(const job_record* r) noexcept {
        return r != nullptr && r->activity == job_activity::running;
    }
    [[nodiscard]] static bool is_at(const job_record& r, const allocation& where) noexcept {
        return r.places.size() == 1 && r.places.front() == where;
    }
    template <class Result>
    bool accepted(const Result& done) {
        if (!done) refusal_ = done.error().message;
        return done.has_value();
    }
    [[nodiscard]] std::string gres(const allocation& at) const { return gres_text(at.gpus, at.share, move_.shards); }
    bool submit(const char* side, const allocation& at) {
        if (const job_record* there = holder(side); there != nullptr && there->activity != job_activity::ended)
            return true;
        return accepted(port_->submit_holder(
            {.comment = comment(side), .node = at.node, .gres = gres(at), .cpus = move_.cpus, .memory = move_.memory}));
    }
    /// Cancels a holder. True if there is none.
    bool drop(const job_record* r) {
        if (r == nullptr) return true;
        if (r->activity != job_activity::ended) (void)accepted(port_->cancel(r->id));
        return false;
    }
    bool hand_over(const allocation& to, const job_record* from_holder) {
        const job_record* r = record();
        if (r == nullptr || r->activity != job_activity::pending)
            return r != nullptr && r->activity == job_activity::running;
        if (!accepted(port_->pin(*r, to.node, gres(to), true))) return false;
        (void)drop(from_holder);
        return true;
    }
    bool act(berth::migration_action action) {
        using enum berth::migration_action;
        switch (action) {
            case reserve: return submit("target", move_.to);
            case lock:
                if (options_.save_seconds <= 0.0) return true;
                return accepted(port_->signal(move_.job, SIGUSR1));
            case checkpoint: {
                const job_record* r = record();
                if (r == nullptr) return false;
                if (r->activity == job_activity::pending) return true;
                if (!source_is_closed() && !submit("source", move_.from)) return false;
                return accepted(port_->requeue(move_.job));
            }
            case transfer:
            case unlock:
            case unlock_back: return true;
            case restore: return hand_over(move_.to, target_holder());
            case restore_back: return hand_over(move_.from, source_holder());
            case release: return drop(source_holder()), true;
            case cancel: return drop(target_holder()), true;
        }
        return false;
    }
    [[nodiscard]] bool has_happened(berth::migration_action action, double now) const {
        using enum berth::migration_action;
        const job_record* r = record();
        const bool runs = r != nullptr && r->activity == job_activity::running;
        switch (action) {
            case reserve: return holds(target_holder());
            case lock: return now - since_ >= options_.save_seconds;
            case checkpoint:
                return r != nullptr && r->activity == job_activity::pending && !r->completing && r->held &&
                       (holds(source_holder()) || source_is_closed());
            case transfer: return true;
            case restore: return runs && is_at(*r, move_.to) && target_holder() == nullptr;
            case unlock:
            case unlock_back: return true;
            case release: return source_holder() == nullptr;
            case restore_back: return runs && is_at(*r, move_.from) && source_holder() == nullptr;
            case cancel: return target_holder() == nullptr;
        }
        return false;
    }
    /// A job that was to start at one end runs at the other: a slurmctld that was killed has forgotten that it was
    /// stopped.
    [[nodiscard]] bool runs_elsewhere(berth::migration_action action) const {
        const job_record* r = record();
        if (r == nullptr || r->activity != job_activity::running) return false;
        if (action == berth::migration_action::restore) return !is_at(*r, move_.to);
        return action == berth::migration_action::restore_back && !is_at(*r, move_.from);
    }
    /// A call that Slurm had taken may have been lost with a slurmctld that was killed: what can be said twice is said
    /// again while the action is under way.
    void carry_on(berth::migration_action action) {
        using enum berth::migration_action;
        if (action == release) (void)drop(source_holder());
        if (action == cancel) (void)drop(target_holder());
        const job_record* r = record();
        if (r == nullptr) return;
        const bool waits = r->activity == job_activity::pending && !r->completing;
        if (action == restore && waits && r->held) (void)hand_over(move_.to, target_holder());
        if (action == restore && !r->held) (void)drop(target_holder());
        if (action == restore_back && waits && r->held) (void)hand_over(move_.from, source_holder());
        if (action == restore_back && !r->held) (void)drop(source_holder());
        if (action == checkpoint && waits && !r->held) (void)accepted(port_->hold(move_.job));
    }

    slurm_port* port_;
    const snapshot* seen_;
    wanted_move move_;
    move_options options_;
    berth::fencing_token newest_{};
    berth::fencing_token started_{};
    berth::fencing_token aborted_{};
    std::uint64_t acted_at_ = 0;
    double since_ = 0.0;
    berth::action_status outcome_ = berth::action_status::failed;
    std::string refusal_;
};
static_assert(berth::migration_executor<slurm_executor>);

}  // namespace berth_slurm
