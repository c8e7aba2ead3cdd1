// SPDX-License-Identifier: Apache-2.0
#pragma once

// A scheduler in thirty lines. Events in, decisions out; no clock, no thread, no I/O of its own.
//
//   berth::scheduler engine{};                                            // or {policies, schema, options}
//
//   engine.node(0.0, {.name = "n0", .gpus = gpus});                       // or your own type of node
//   engine.job(1.0, {.name = "train", .task_count = 2, .gpus = 4, .terms = {.duration = 3600.0}});
//   for (const berth::decision& d : *engine.decide(1.0)) {                // after the last event of each time
//       switch (d.kind) {
//           case berth::decision_kind::start: run(engine.name(d.job), d.task, d.where); break;
//           case berth::decision_kind::evict: stop(engine.name(d.job), d.task); break;       // waits again
//           case berth::decision_kind::move: migrate(engine.name(d.job), d.task, d.from, d.where); break;
//           case berth::decision_kind::wait: note(engine.name(d.job), d.reasons); break;     // counted reasons
//           case berth::decision_kind::lost: note(engine.name(d.job), d.task, d.reason); break;
//       }
//   }
//   sleep_until(engine.wake_at());                                        // infinity: nothing to do before an event
//
//   engine.finish(50.0, "train");          engine.cancel(50.0, "other");  // jobs by name or by handle
//   engine.close(60.0, "n0");              engine.open(70.0, "n0");       // places by name or by handle
//   engine.drain(60.0, {"n0", "GPU-3"});   engine.health(65.0, "n0", false);
//   engine.reading(66.0, {"n0", "GPU-3"}, {.load = 0.9, .temperature = 81.0});
//   engine.threshold(66.0, {.temperature = 85.0});
//   engine.running(70.0, "found", 0, "n0", names_of_gpus);                // reality wins
//   engine.progress(80.0, "train", 0.7);   engine.node_gone(90.0, "n0");
//   engine.stopped(91.0, "train", 0);      engine.moved(91.0, "train", 1);  engine.failed(91.0, "train");
//
// Every event answers a result: an error names event, item and field; false is a duplicate, which changed nothing.
// `scheduler_policies` is what it is made of; `scheduler_options` what is usual. scheduler/scheduler_events.hpp has the
// events with what they promise.

#include "berth/allocate/greedy/cluster_placer.hpp"
#include "berth/allocate/greedy/gang.hpp"
#include "berth/balance/balancer.hpp"
#include "berth/balance/cluster_balancer.hpp"
#include "berth/balance/cluster_readings.hpp"
#include "berth/balance/movability.hpp"
#include "berth/balance/move_choice.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/result.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/why_not.hpp"
#include "berth/objective/task_move.hpp"
#include "berth/queue/concepts.hpp"
#include "berth/scheduler/decision.hpp"
#include "berth/scheduler/scheduler_events.hpp"
#include "berth/scheduler/scheduler_policies.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

// Length: the composition of all policies, decision by decision.

namespace berth::inline v0 {

namespace detail {

/// What a scheduler lets a balancer move.
struct scheduler_movable {
    const scheduler_events* of = nullptr;
    [[nodiscard]] bool operator()(const task_move& r) const noexcept { return of->may_move(r.task); }
};
/// A balancer that asks the scheduler as well.
template <class Triggers, class Valuation, class Movable, class Budget>
[[nodiscard]] auto with_movable(const balancer<Triggers, move_choice<Valuation, Movable>, Budget>& policy,
                                const scheduler_events& engine) {
    using both = all_of<scheduler_movable, Movable>;
    return balancer<Triggers, move_choice<Valuation, both>, Budget>{
        policy.when,
        {policy.choice.valuation, both{scheduler_movable{&engine}, policy.choice.movable}, policy.choice.options},
        policy.budget,
        policy.limits};
}

/// The state of a policy that may be absent.
struct no_state {
    template <class... Arguments>
    explicit no_state(const Arguments&...) noexcept {}
};
template <class Balance>
[[nodiscard]] auto start_relief(const Balance& policy, const scheduler_events& engine) {
    if constexpr (std::is_same_v<Balance, no_relief>) {
        return no_state{};
    } else {
        return with_movable(policy, engine).start(engine.cluster());
    }
}
template <class Watch>
[[nodiscard]] auto start_watch(const Watch& policy, const scheduler_events& engine) {
    if constexpr (std::is_same_v<Watch, no_watch>) {
        return no_state{};
    } else {
        return policy.start(engine.cluster());
    }
}

}  // namespace detail

/// The engine: events in, decisions out. It places jobs in the order of its queue, gangs as a whole or not at all,
/// moves what runs on sick and drained places elsewhere, in waves that fit, evicts where its preemption allows it, and
/// says why a job waits.
///
/// A decision is taken for the moment: where nothing is acknowledged (`acknowledgement::reported`), a move holds both
/// ends, and the nodes for whose sake others are evicted take nothing else, until the executor reports.
///
/// Waiting jobs of equal demands are one class: none is tried where an equal one has just failed, before a node has
/// changed so that it would take one of its tasks. So 10,000 waiting jobs cost what their distinct demands cost.
///
/// Deterministic: the same policies, events and decisions' times give the same decisions. Not thread-safe. Neither
/// copyable nor movable, because its policies borrow its cluster.
///
/// @tparam Policies  a `scheduler_policies`
template <class Policies = scheduler_policies<>>
class scheduler : public scheduler_events {
    using order_type = decltype(Policies::order);
    using preemption_type = decltype(Policies::preemption);
    using placer_type = decltype(std::declval<const decltype(Policies::placement)&>().start(
        std::declval<berth::cluster&>(), std::declval<const cluster_placer_options&>()));
    using relief_type = decltype(detail::start_relief(std::declval<const decltype(Policies::balance)&>(),
                                                      std::declval<const scheduler_events&>()));
    using watch_type = decltype(detail::start_watch(std::declval<const decltype(Policies::watch)&>(),
                                                    std::declval<const scheduler_events&>()));
    static constexpr bool relieves = !std::is_same_v<relief_type, detail::no_state>;
    static constexpr bool watches = !std::is_same_v<watch_type, detail::no_state>;
    static constexpr bool evicts = preempts<preemption_type>;

public:
    /// @param policies  what it is made of
    /// @param schema    the counters of all capacities and demands; usable, see `cluster::check`
    /// @param options   what is usual
    explicit scheduler(Policies policies = {}, resource_schema schema = {}, scheduler_options options = {})
        : scheduler_events{std::move(schema), options},
          policies_{std::move(policies)},
          placer_{policies_.placement.start(cluster_, cluster_placer_options{})},
          relief_{detail::start_relief(policies_.balance, *this)},
          watch_{detail::start_watch(policies_.watch, *this)},
          measured_{cluster_} {}

    /// Decides, for all events so far: call it after the last event of each time, and at `wake_at`.
    ///
    /// @return the decisions in the order in which to carry them out; valid until the next event or decision. An error
    ///         if the time is not finite or before that of the last event
    [[nodiscard]] result<std::span<const decision>> decide(double time) {
        if (auto ok = begin("decide", time); !ok) return ok.error();
        count(event_kind::decide);
        if (answered_) decided_.clear();
        answered_ = false;
        reasons_.clear();
        lost_names_.erase(lost_names_.begin(), lost_names_.begin() + static_cast<std::ptrdiff_t>(lost_told_));
        running_listed_ = false;
        follow_watch();
        relieve();
        stop_short_gangs();
        follow_levels();
        fill_line();
        start_claims();
        start_waiting();
        tell_waits();
        return answer();
    }

    /// When a decision may be due although nothing happened: a back-off, a grace or a delay ends, a watch wants to look,
    /// a level is reached. Infinity: never. O(gangs that are short + jobs that sleep), with levels O(jobs).
    [[nodiscard]] double wake_at() const {
        double at = relief_at_;
        const auto sooner = [&](double time) { at = time < at ? time : at; };
        for (const detail::sleeping_job& s : sleeping_) sooner(s.until);
        for (const job_handle job : short_) {
            if (has(job)) sooner(this->at(job).short_since + options_.grace);
        }
        if constexpr (watches) sooner(watched_at_ + policies_.watch.contact.interval);
        if constexpr (evicts && levelled_order<order_type>) {
            for (std::uint32_t j = 0; j < records_.size(); ++j) {
                if (jobs_.is_taken(j) && records_[j].runs()) sooner(now_ + policies_.order.next_level_in(view(j)));
            }
        }
        return at > now_ ? at : now_;
    }

    /// Why a job waits, counted over all nodes, with the node that comes nearest: of its first task that waits.
    /// `why_not::nodes` is 0 if none does. O(nodes x GPUs).
    [[nodiscard]] why_not explain(job_handle job) {
        for (std::uint32_t t = 0; has(job) && t < at(job).tasks; ++t) {
            if (tasks_[job.position()][t].activity == detail::task_activity::waiting)
                return placer_.explain(tasks_[job.position()][t].task);
        }
        return {};
    }
    /// A job as the order sees it now; empty if it is gone.
    [[nodiscard]] queued_job view(job_handle job) const { return has(job) ? view(job.position()) : queued_job{}; }
    /// The policies.
    [[nodiscard]] const Policies& policies() const noexcept { return policies_; }
    /// The watch, for samples of more than a `reading` has. Only with a watch.
    [[nodiscard]] watch_type& watch() noexcept
        requires watches
    {
        return watch_;
    }
    /// The placer, for what-if questions.
    [[nodiscard]] placer_type& placer() noexcept { return placer_; }

private:
    struct victim {
        std::uint32_t job = 0;
        queue_key key{};
    };
    struct released_task {
        std::uint32_t job = 0;
        std::uint32_t task = 0;
        slot where{};
        std::size_t alternative = 0;
    };
    struct started_task {
        std::uint32_t task = 0;
        slot where{};
    };
    struct told_wait {
        std::uint64_t sequence = 0;
        std::uint32_t job = 0;
        std::uint32_t first = 0;
        std::uint32_t count = 0;
    };

    // ---- what the order sees ----------------------------------------------------------------------------------------
    [[nodiscard]] queued_job view(std::uint32_t j) const {
        const detail::job_record& r = records_[j];
        queued_job v;
        v.sequence = r.sequence;
        v.arrival = r.arrival;
        v.priority = r.priority;
        v.gpus = r.gpus;
        v.tasks = r.tasks;
        v.attained_seconds = r.attained_at(now_);
        v.running = r.runs();
        v.waited_seconds = v.running ? 0.0 : now_ - r.waiting_since;
        v.level = r.level;
        v.level_entry = r.level_entry;
        v.remaining_seconds = remaining(j, v.attained_seconds);
        return v;
    }
    [[nodiscard]] double remaining(std::uint32_t j, double attained) const {
        const detail::job_record& r = records_[j];
        double left = job_terms::unknown;
        const task_index first = *cluster_.find(first_task(j));
        if (const expected_duration d = policies_.durations(first, model_index{}); d.known()) {
            left = d.seconds - attained;
        } else if (r.work == r.work) {
            left = (r.work - r.done_by(now_)) / (r.rate > 0.0 ? r.rate : 1.0);
        } else {
            left = r.duration - attained;
        }
        return left < 0.0 ? 0.0 : left;
    }
    /// Of its tasks that have not ended.
    [[nodiscard]] task_handle first_task(std::uint32_t j) const {
        for (const detail::task_record& t : tasks_[j]) {
            if (t.activity != detail::task_activity::ended) return t.task;
        }
        return {};
    }

    // ---- watch and relief -------------------------------------------------------------------------------------------
    void follow_watch() {
        for (const detail::pending_reading& r : readings_) {
            if (r.gpu.valid()) {
                if (r.read.load == r.read.load) (void)measured_.gpu_load(r.gpu, r.read.load);
                if (r.read.temperature == r.read.temperature) (void)measured_.temperature(r.gpu, r.read.temperature);
            } else if (r.read.power == r.read.power) {
                (void)measured_.power(r.node, r.read.power);
            }
        }
        if constexpr (watches) {
            for (const detail::pending_reading& r : readings_) {
                if (r.gpu.valid()) {
                    (void)watch_.observe({.time = r.time,
                                          .gpu = r.gpu,
                                          .load = r.read.load,
                                          .temperature = r.read.temperature,
                                          .power = r.read.power});
                } else {
                    (void)watch_.observe({.time = r.time, .node = r.node, .power = r.read.power});
                }
            }
            if (!readings_.empty() || now_ >= watched_at_ + policies_.watch.contact.interval) {
                watched_at_ = now_;
                const auto report = watch_.update(now_);
                for (const auto& c : report->health) take_health(c);
            }
        }
        readings_.clear();
    }
    template <class Change>
    void take_health(const Change& c) {
        if (!c.matters() || !cluster_.find(c.node)) return;
        if (c.gpu.valid() && !cluster_.find(c.gpu).placed()) return;
        detail::place_state& state = c.gpu.valid() ? places_.of(c.gpu) : places_.of(c.node);
        state.healthy = c.healthy();
        apply(c.node);
        relief_due_ = room_freed_ = true;
    }

    void relieve() {
        if constexpr (relieves) {
            begin_waves();
            const bool due = relief_due_ || now_ >= relief_at_ || (room_freed_ && unrelieved_);
            room_freed_ = false;
            if (!due || !planned_.empty()) return;
            relief_due_ = false;
            constexpr int most_rounds = 64;  // of a budget that lets a few move at a time
            for (int k = 0; k < most_rounds; ++k) {
                const auto round = relief_.round(measured_.at(now_));
                unrelieved_ = round && round->alarms.size() > round->answered;
                if (!round || !plan_moves(*round)) break;
                begin_waves();
                if (options_.acknowledge == acknowledgement::reported) break;
            }
            relief_due_ = false;
            relief_at_ = unrelieved_ ? now_ + options_.relief_every : detail::never;
            if (move_again_at_ > now_ && move_again_at_ < relief_at_) relief_at_ = move_again_at_;
        }
    }
    /// Puts the moves of a round into waves. False if there are none.
    template <class Round>
    [[nodiscard]] bool plan_moves(const Round& round) {
        moves_.clear();
        reasons_of_moves_.clear();
        for (const auto& c : round.chosen) {
            const char* why = places_.why_leave(c.move.from);
            const bool sick = round.alarms[c.alarm].reason == std::string_view{unhealthy::name()};
            if (why == nullptr && sick) continue;  // its GPU is closed, and what runs there stays
            if (why != nullptr && places_.only_pressed(c.move.from)) {
                if (!shares_gpus(c.move)) continue;  // alone it would be as much elsewhere
                places_.relieved(c.move.from);
            }
            moves_.push_back(c.move);
            reasons_of_moves_.push_back(why != nullptr ? why : round.reason(c));
        }
        if (moves_.empty()) return false;
        const auto plan = policies_.move_order.run(std::as_const(cluster_), task_moves{moves_.view()});
        if (!plan) return false;
        unrelieved_ = unrelieved_ || !plan->dropped.empty();
        for (std::size_t w = 0; w < plan->wave_count(); ++w) {
            for (const migration_step& s : plan->wave(w)) {
                if (!s.from.placed() || !s.to.placed()) continue;
                const char* why = "";
                for (std::size_t m = 0; m < moves_.size(); ++m) {
                    if (moves_[m].task == s.task) why = reasons_of_moves_[m];
                }
                planned_.push_back(
                    {cluster_.handle(s.task), s.to, cluster_.handle(s.to.node), static_cast<std::uint32_t>(w), why});
            }
        }
        return !planned_.empty();
    }
    [[nodiscard]] bool shares_gpus(const task_move& r) const {
        for (const task_index other : cluster_.tasks_on(r.from.node)) {
            if (other != r.task && (cluster_.slots()[other.value()].gpus & r.from.gpus) != 0) return true;
        }
        return r.from.gpus == 0;
    }
    /// Begins the next wave once the one before has ended; where all is done at once, all of them.
    void begin_waves() {
        while (!planned_.empty() && moves_in_flight_ == 0) {
            const std::uint32_t wave = planned_[0].wave;
            std::size_t taken = 0;
            while (taken < planned_.size() && planned_[taken].wave == wave) begin_move(planned_[taken++]);
            for (std::size_t i = taken; i < planned_.size(); ++i) planned_[i - taken] = planned_[i];
            planned_.resize(planned_.size() - taken);
        }
    }
    void begin_move(const detail::planned_move& m) {
        const auto t = cluster_.find(m.task);
        const auto n = cluster_.find(m.target);
        if (!t || !n || !may_move(*t)) return;
        const slot from = cluster_.slots()[t->value()];
        const slot to{*n, m.to.gpus};
        if (!cluster_.begin_move(*t, to)) {
            unrelieved_ = true;
            return;
        }
        const detail::task_owner owner = owners_[t->value()];
        detail::task_record& record = tasks_.at(owner.job, owner.task);
        record.activity = detail::task_activity::moving;
        record.started = false;
        ++moves_in_flight_;
        tell(decision_kind::move, owner.job, owner.task, to, m.reason);
        decided_.back().from = from;
        decided_.back().wave = m.wave;
        if (options_.acknowledge == acknowledgement::reported) return;
        (void)cluster_.finish_move(*t);
        move_ended(owner.job, owner.task, true);
    }

    // ---- gangs that lost some of their tasks ------------------------------------------------------------------------
    void stop_short_gangs() {
        for (std::size_t i = 0; i < short_.size();) {
            const job_handle job = short_[i];
            const bool is_short = has(job) && at(job).running > 0 && !at(job).runs();
            const bool over = is_short && now_ >= at(job).short_since + options_.grace && all_run(job.position());
            if (is_short && !over) {
                ++i;
                continue;
            }
            short_[i] = short_.back();
            short_.pop_back();
            if (over) stop_job(job.position(), detail::no_position, "gang");
        }
    }
    /// No task of it moves or is being stopped.
    [[nodiscard]] bool all_run(std::uint32_t j) const {
        for (const detail::task_record& t : tasks_[j]) {
            if (t.activity == detail::task_activity::moving || t.activity == detail::task_activity::stopping)
                return false;
        }
        return true;
    }
    /// Evicts the tasks of a job, for another one or for none.
    void stop_job(std::uint32_t j, std::uint32_t claim, const char* reason, job_handle beneficiary = {}) {
        for (std::uint32_t t = 0; t < records_[j].tasks; ++t) {
            detail::task_record& record = tasks_.at(j, t);
            if (record.activity != detail::task_activity::running) continue;
            tell(decision_kind::evict, j, t, cluster_.where(record.task), reason);
            decided_.back().beneficiary = beneficiary;
            record.started = false;
            if (options_.acknowledge == acknowledgement::reported) {
                record.activity = detail::task_activity::stopping;
                record.claim = claim;
                continue;
            }
            (void)cluster_.release(record.task);
            task_stopped(j, t);
        }
    }

    // ---- the line ---------------------------------------------------------------------------------------------------
    void follow_levels() {
        if constexpr (levelled_order<order_type>) {
            for (std::uint32_t j = 0; j < records_.size(); ++j) {
                detail::job_record& r = records_[j];
                if (!jobs_.is_taken(j) || !r.runs()) continue;
                const std::uint32_t level = policies_.order.level(view(j));
                if (level == r.level) continue;
                r.level = level;
                r.level_entry = ++level_entries_;
                reordered_ = true;
            }
        }
    }
    void fill_line() {
        for (std::size_t i = 0; i < sleeping_.size();) {
            const detail::sleeping_job s = sleeping_[i];
            if (has(s.job) && s.until > now_) {
                ++i;
                continue;
            }
            sleeping_[i] = sleeping_.back();
            sleeping_.pop_back();
            if (!has(s.job)) continue;
            queue(s.job.position());
            reordered_ = true;
        }
        if constexpr (ages<order_type>) {
            for (std::uint32_t j = 0; j < records_.size(); ++j) {
                if (jobs_.is_taken(j) && records_[j].demand != detail::no_position) queue(j);
            }
        }
        for (std::size_t i = 0; i < to_queue_.size(); ++i) {
            const std::uint32_t j = to_queue_[i];
            if (j >= records_.size() || !jobs_.is_taken(j) || !records_[j].queued) continue;
            records_[j].queued = false;
            leave_line(j);
            if (records_[j].waiting == 0 || records_[j].claim != detail::no_position) continue;
            if (records_[j].not_before > now_) {
                tell_delay(j);
            } else {
                enter_line(j);
            }
        }
        to_queue_.clear();
    }
    void enter_line(std::uint32_t j) {
        detail::job_record& r = records_[j];
        r.grows = r.runs();
        if constexpr (levelled_order<order_type>) {
            if (r.level_entry == 0) r.level_entry = ++level_entries_;
        }
        list_waiting(j);
        if (r.grows) handles_.resize(1);
        r.demand = classes_.enter(handles_.view(), least_of(r), r.same_model);
        r.key = policies_.order(view(j));
        entered_.push_back(r.demand);
        heap_.insert(classes_[r.demand].first, j, [&](std::uint32_t a, std::uint32_t b) { return goes_first(a, b); });
        if (options_.waits == wait_reports::changes && !r.grows) classes_[r.demand].not_told.push_back(j);
        if constexpr (evicts) {
            if (r.delay > 0.0 && now_ < r.arrival + r.delay && !r.delayed) {
                r.delayed = true;
                sleeping_.push_back({r.arrival + r.delay, handle(j)});
            }
        }
    }
    [[nodiscard]] static std::size_t least_of(const detail::job_record& r) noexcept {
        return r.runs() ? 1 : r.min_tasks - r.running;
    }
    void list_waiting(std::uint32_t j) {
        handles_.clear();
        ordinals_.clear();
        for (std::uint32_t t = 0; t < records_[j].tasks; ++t) {
            if (tasks_[j][t].activity != detail::task_activity::waiting) continue;
            handles_.push_back(tasks_[j][t].task);
            ordinals_.push_back(t);
        }
    }

    // ---- starts -----------------------------------------------------------------------------------------------------
    /// Places a job's least tasks at least, into `placed_`. What it changes is the cluster alone.
    [[nodiscard]] bool place_job(std::uint32_t j) {
        const detail::job_record& r = records_[j];
        placed_.clear();
        list_waiting(j);
        const std::size_t least = least_of(r);
        if (handles_.size() == 1 || r.runs()) {
            for (std::size_t i = 0; i < handles_.size(); ++i) {
                const slot where = placer_.place(handles_[i], policies_.choice);
                if (where.placed()) placed_.push_back({ordinals_[i], where});
            }
            return !placed_.empty();
        }
        if (handles_.size() < least) return false;
        const gang_placement found = placer_.place_gang(
            handles_.view(), {.min_tasks = least, .same_model = r.same_model, .max_steps = options_.gang_steps});
        if (!found.placed()) return false;
        for (std::size_t i = 0; i < handles_.size(); ++i) {
            if (found.slots[i].placed()) placed_.push_back({ordinals_[i], found.slots[i]});
        }
        return true;
    }
    void announce_placed(std::uint32_t j) {
        for (const started_task& s : placed_) {
            task_started(j, s.task);
            detail::task_record& t = tasks_.at(j, s.task);
            t.started = true;
            tell(decision_kind::start, j, s.task, s.where, "");
            decided_.back().alternative = static_cast<std::uint32_t>(cluster_.alternative(t.task));
        }
        queue(j);  // out of the line, or among those that grow
    }
    /// Jobs for which room was made.
    void start_claims() {
        for (std::size_t i = 0; i < claims_.size();) {
            const detail::claim_record c = claims_[i];
            if (c.pending > 0) {
                ++i;
                continue;
            }
            dissolve(c.serial);
            if (c.broken) {
                sleep(c.job, now_ + options_.back_off);
                queue(c.job);
            } else if (place_job(c.job)) {
                announce_placed(c.job);
            } else {
                queue(c.job);
            }
        }
        fill_line();
    }
    void start_waiting() {
        candidates_.clear();
        entered_.clear();
        for (const std::uint32_t c : classes_.listed()) classes_[c].candidate = false;
        for (const std::uint32_t c : classes_.listed()) propose(c);
        reordered_ = false;
        while (!candidates_.empty()) {
            std::size_t best = 0;
            for (std::size_t i = 1; i < candidates_.size(); ++i) {
                if (goes_first(classes_[candidates_[i]].first, classes_[candidates_[best]].first)) best = i;
            }
            const std::uint32_t c = candidates_[best];
            const std::uint32_t j = classes_[c].first;
            const bool fits = classes_.may_start(c);
            const bool starts = fits && place_and_announce(j);
            if (starts || make_room(j, c)) {
                fill_line();
                for (std::size_t i = candidates_.size(); i-- > 0;) {
                    if (classes_[candidates_[i]].jobs > 0) continue;
                    classes_[candidates_[i]].candidate = false;
                    candidates_[i] = candidates_.back();
                    candidates_.pop_back();
                }
                for (const std::uint32_t other : entered_) propose(other);
                entered_.clear();
                if (starts) continue;
                // Whoever left may have left more than the claimant needed.
                for (const std::uint32_t other : classes_.listed()) {
                    if (!classes_[other].candidate && classes_.may_start(other)) propose(other);
                }
                continue;
            }
            classes_.failed(c);
            classes_[c].candidate = false;
            if (!options_.pass_over) break;
            candidates_[best] = candidates_.back();
            candidates_.pop_back();
        }
    }
    [[nodiscard]] bool place_and_announce(std::uint32_t j) {
        if (!place_job(j)) return false;
        announce_placed(j);
        return true;
    }
    /// A class is tried if an attempt may succeed.
    void propose(std::uint32_t c) {
        detail::demand_class& of = classes_[c];
        if (of.candidate || of.jobs == 0) return;
        bool tries = !options_.pass_over || (evicts && (reordered_ || of.checked != cluster_.changes().now()));
        tries = classes_.may_start(c) || tries;
        if (!tries) return;
        of.candidate = true;
        candidates_.push_back(c);
    }

    // ---- evictions --------------------------------------------------------------------------------------------------
    /// Evicts others for a job, and starts it, or claims their room until they have stopped. False if that is not
    /// allowed or does not help.
    [[nodiscard]] bool make_room(std::uint32_t j, std::uint32_t c) {
        if constexpr (!evicts) {
            return false;
        } else {
            const detail::job_record& r = records_[j];
            if (r.grows || now_ < r.arrival + r.delay) return false;
            list_running();
            const queued_job claimant = view(j);
            if constexpr (follows_order<preemption_type>) {
                if (running_.empty()) return false;
                const victim& last = running_[last_running_];
                if (!policies_.preemption(claimant, r.key, view(last.job), last.key)) return false;
            }
            sort_running();
            released_.clear();
            evicted_.clear();
            bool placed = false;
            classes_.failed(c);
            for (std::size_t i = running_.size(); i-- > 0 && !placed;) {
                const std::uint32_t v = running_[i].job;
                if (!may_evict(v) || !policies_.preemption(claimant, r.key, view(v), running_[i].key)) continue;
                release_all(v);
                evicted_.push_back(v);
                placed = classes_.may_start(c) && place_job(j);
                if (!placed) classes_.failed(c);
            }
            if (!placed) {
                restore(0);
                return false;
            }
            give_back();
            commit_evictions(j);
            return true;
        }
    }
    /// Jobs that run and may leave, with their keys of now.
    void list_running() {
        if (running_listed_) return;
        running_listed_ = true;
        running_sorted_ = false;
        running_.clear();
        last_running_ = 0;
        for (std::uint32_t j = 0; j < records_.size(); ++j) {
            if (!jobs_.is_taken(j) || records_[j].running == 0 || !records_[j].preemptible) continue;
            running_.push_back({j, policies_.order(view(j))});
            if (goes_earlier(running_[last_running_], running_.back())) last_running_ = running_.size() - 1;
        }
    }
    /// True if `a` goes before `b`.
    [[nodiscard]] bool goes_earlier(const victim& a, const victim& b) const noexcept {
        const detail::job_record& x = records_[a.job];
        const detail::job_record& y = records_[b.job];
        if (const int order = compare(a.key, b.key); order != 0) return order < 0;
        if (const int order = detail::compare_keys(x.arrival, y.arrival); order != 0) return order < 0;
        return x.sequence < y.sequence;
    }
    void sort_running() {
        if (running_sorted_) return;
        running_sorted_ = true;
        const auto sorted = detail::sorted_positions(
            running_.size(), [&](std::size_t a, std::size_t b) { return goes_earlier(running_[a], running_[b]); });
        unsorted_.swap(running_);
        running_.clear();
        for (const std::size_t i : sorted) running_.push_back(unsorted_[i]);
        last_running_ = running_.empty() ? 0 : running_.size() - 1;
    }
    [[nodiscard]] bool may_evict(std::uint32_t v) const {
        if (!jobs_.is_taken(v) || records_[v].running == 0 || !records_[v].preemptible || !all_run(v)) return false;
        for (const detail::task_record& t : tasks_[v]) {
            if (t.activity == detail::task_activity::running && t.not_before > now_) return false;
        }
        return true;
    }
    void release_all(std::uint32_t v) {
        for (std::uint32_t t = 0; t < records_[v].tasks; ++t) {
            const detail::task_record& record = tasks_[v][t];
            if (record.activity != detail::task_activity::running) continue;
            released_.push_back({v, t, cluster_.where(record.task), cluster_.alternative(record.task)});
            (void)cluster_.release(record.task);
        }
    }
    /// Puts released tasks back where they were: they run there still.
    void restore(std::size_t first) {
        for (std::size_t i = first; i < released_.size(); ++i) {
            const released_task& was = released_[i];
            (void)cluster_.occupy(tasks_[was.job][was.task].task, was.where, was.alternative);
        }
        released_.resize(first);
    }
    /// Victims that have room beside the claimant stay, those that go first in the order before others.
    void give_back() {
        for (std::size_t e = evicted_.size(); e-- > 0;) {
            std::size_t back = 0;
            bool all = true;
            for (const released_task& was : released_) {
                if (was.job != evicted_[e] || !all) continue;
                const task_index t = *cluster_.find(tasks_[was.job][was.task].task);
                const auto others = cluster_.alternatives(t);
                const shape_index shape = others.empty() ? cluster_.workload().shape(t) : others[was.alternative].shape;
                all = cluster_.ledger().has_room(cluster_.workload().demand(shape), was.where);
                if (!all) continue;
                (void)cluster_.occupy(t, was.where, was.alternative);
                ++back;
            }
            if (!all) {
                for (const released_task& was : released_) {
                    if (was.job != evicted_[e] || back == 0) continue;
                    (void)cluster_.release(tasks_[was.job][was.task].task);
                    --back;
                }
                continue;
            }
            std::size_t kept = 0;
            for (const released_task& was : released_) {
                if (was.job != evicted_[e]) released_[kept++] = was;
            }
            released_.resize(kept);
            for (std::size_t i = e + 1; i < evicted_.size(); ++i) evicted_[i - 1] = evicted_[i];
            evicted_.pop_back();
        }
    }
    void commit_evictions(std::uint32_t j) {
        const job_handle claimant = handle(j);
        const bool reported = options_.acknowledge == acknowledgement::reported;
        std::uint32_t claim = detail::no_position;
        if (reported) {
            claim = claim_serial_++;
            records_[j].claim = claim;
            for (const started_task& s : placed_) {
                (void)cluster_.release(tasks_[j][s.task].task);
                const node_handle node = cluster_.handle(s.where.node);
                ++places_.of(node).holds;
                held_.push_back({claim, node});
            }
            claims_.push_back({claim, j, static_cast<std::uint32_t>(released_.size()), false});
        }
        restore(0);
        for (const std::uint32_t v : evicted_) stop_job(v, claim, "order", claimant);
        if (!reported) {
            // They were put back only to be stopped; now the claimant takes its place again.
            for (const started_task& s : placed_) (void)cluster_.place(tasks_[j][s.task].task, s.where);
            announce_placed(j);
            return;
        }
        for (const started_task& s : placed_) apply(cluster_.handle(s.where.node));
        queue(j);
    }

    // ---- why jobs wait ----------------------------------------------------------------------------------------------
    void tell_delay(std::uint32_t j) {
        constexpr std::uint64_t delay = std::uint64_t{1} << static_cast<unsigned>(wait_reason::delay);
        if (options_.waits == wait_reports::none || records_[j].told == delay) return;
        records_[j].told = delay;
        waits_.push_back({records_[j].sequence, j, static_cast<std::uint32_t>(reasons_.size()), 1});
        reasons_.push_back({wait_reason::delay, 0, 1});
    }
    void tell_waits() {
        if (options_.waits == wait_reports::none) return;
        for (const std::uint32_t c : classes_.listed()) {
            detail::demand_class& of = classes_[c];
            if (!of.failed || records_[of.first].grows) continue;
            const std::uint64_t now = classes_.explain(c);
            const bool others = now != of.told;
            if (!others && of.not_told.empty()) continue;
            of.told = now;
            const auto first = static_cast<std::uint32_t>(reasons_.size());
            append_reasons(of, now);
            const auto count = static_cast<std::uint32_t>(reasons_.size()) - first;
            if (others) {
                of.not_told.clear();
                heap_.list(of.first, of.not_told);
            }
            for (const std::uint32_t j : of.not_told) {
                if (!jobs_.is_taken(j) || records_[j].demand != c || records_[j].told == now) continue;
                records_[j].told = now;
                waits_.push_back({records_[j].sequence, j, first, count});
            }
            of.not_told.clear();
        }
        const auto sorted = detail::sorted_positions(
            waits_.size(), [&](std::size_t a, std::size_t b) { return waits_[a].sequence < waits_[b].sequence; });
        for (const std::size_t i : sorted) {
            tell(decision_kind::wait, waits_[i].job, 0, unplaced, "");
            decided_.back().alternative = waits_[i].first;
            decided_.back().wave = waits_[i].count;
        }
        waits_.clear();
    }
    void append_reasons(const detail::demand_class& of, std::uint64_t set) {
        using classes = detail::demand_classes;
        for (std::uint32_t b = 0; b < 64; ++b) {
            if ((set >> b & 1U) == 0) continue;
            const std::uint32_t places = of.refusing[b];
            if (b < classes::node_bits) {
                reasons_.push_back({static_cast<wait_reason>(b), 0, places});
            } else {
                const wait_reason kind = b < classes::gpu_bits      ? wait_reason::node_counter
                                         : b < classes::domain_bits ? wait_reason::gpu_counter
                                                                    : wait_reason::domain_counter;
                reasons_.push_back({kind, static_cast<std::uint8_t>(b % 16), places});
            }
        }
    }
    [[nodiscard]] std::span<const decision> answer() {
        for (decision& d : decided_) {
            ++counts_.decisions[static_cast<std::size_t>(d.kind)];
            if (d.kind != decision_kind::wait) continue;
            d.reasons = reasons_.view().subspan(d.alternative, d.wave);
            d.alternative = d.wave = 0;
        }
        answered_ = true;
        lost_told_ = lost_names_.size();
        return decided_.view();
    }

    Policies policies_;
    placer_type placer_;
    [[no_unique_address]] relief_type relief_;
    [[no_unique_address]] watch_type watch_;
    cluster_readings measured_;
    double watched_at_ = -detail::never;
    bool unrelieved_ = false;  // a round found no place for all that should leave
    bool reordered_ = false;   // jobs that run may have lost their rank

    detail::flat<wait_count> reasons_;  // of the decisions
    detail::flat<told_wait> waits_;
    // Scratch.
    detail::flat<task_handle> handles_;
    detail::flat<std::uint32_t> ordinals_;
    detail::flat<started_task> placed_;
    detail::flat<std::uint32_t> candidates_;
    detail::flat<std::uint32_t> entered_;
    detail::flat<task_move> moves_;
    detail::flat<const char*> reasons_of_moves_;
    detail::flat<victim> running_;  // jobs that may leave, in order
    detail::flat<victim> unsorted_;
    std::size_t last_running_ = 0;
    bool running_listed_ = false;
    bool running_sorted_ = false;
    detail::flat<released_task> released_;
    detail::flat<std::uint32_t> evicted_;
};
scheduler() -> scheduler<>;
template <class Policies>
scheduler(Policies) -> scheduler<Policies>;
template <class Policies>
scheduler(Policies, resource_schema) -> scheduler<Policies>;
template <class Policies>
scheduler(Policies, resource_schema, scheduler_options) -> scheduler<Policies>;

}  // namespace berth::inline v0
