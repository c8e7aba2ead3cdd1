// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/scheduler/scheduler_interface.hpp"

// What a scheduler does for places that are sick, drained or over-committed, and for gangs that lost tasks.

namespace berth::inline v0 {

template <class Policies>
void scheduler<Policies>::follow_watch() {
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
                (void)watch_->observe({.time = r.time,
                                       .gpu = r.gpu,
                                       .load = r.read.load,
                                       .temperature = r.read.temperature,
                                       .power = r.read.power});
            } else {
                (void)watch_->observe({.time = r.time, .node = r.node, .power = r.read.power});
            }
        }
        if (!readings_.empty() || now_ >= watched_at_ + policies_.watch.contact.interval) {
            watched_at_ = now_;
            const auto report = watch_->update(now_);
            for (const auto& c : report->health) take_health(c);
        }
    }
    readings_.clear();
}

template <class Policies>
template <class Change>
void scheduler<Policies>::take_health(const Change& c) {
    if (!c.matters() || !cluster_.find(c.node)) return;
    if (c.gpu.valid() && !cluster_.find(c.gpu).placed()) return;
    detail::place_state& state = c.gpu.valid() ? places_.of(c.gpu) : places_.of(c.node);
    state.watched_sick = !c.healthy();
    apply(c.node);
    relief_due_ = room_freed_ = true;
}

template <class Policies>
void scheduler<Policies>::relieve() {
    if constexpr (relieves) {
        begin_waves();
        const bool due = relief_due_ || now_ >= relief_at_ || (room_freed_ && unrelieved_);
        room_freed_ = false;
        if (!due || !planned_.empty()) return;
        relief_due_ = false;
        unrelieved_ = false;
        relieve_by_rules();
        const bool rules_left = unrelieved_;
        constexpr int most_rounds = 64;  // of a budget that lets a few move at a time
        for (int k = 0; k < most_rounds; ++k) {
            const auto round = relief_->round(measured_.at(now_));
            unrelieved_ = round && round->alarms.size() > round->answered;
            if (!round || !plan_moves(*round)) break;
            begin_waves();
            if (options_.acknowledge == acknowledgement::reported) break;
        }
        unrelieved_ = unrelieved_ || rules_left;
        relief_due_ = false;
        relief_at_ = unrelieved_ ? now_ + options_.relief_every : detail::never;
        if (move_again_at_ > now_ && move_again_at_ < relief_at_) relief_at_ = move_again_at_;
    }
}

template <class Policies>
template <class Round>
bool scheduler<Policies>::plan_moves(const Round& round) {
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

template <class Policies>
bool scheduler<Policies>::shares_gpus(const task_move& r) const {
    for (const task_index other : cluster_.tasks_on(r.from.node)) {
        if (other != r.task && (cluster_.slots()[other.value()].gpus & r.from.gpus) != 0) return true;
    }
    return r.from.gpus == 0;
}

template <class Policies>
void scheduler<Policies>::begin_waves() {
    while (!planned_.empty() && moves_in_flight_ == 0) {
        const std::uint32_t wave = planned_[0].wave;
        std::size_t taken = 0;
        while (taken < planned_.size() && planned_[taken].wave == wave) begin_move(planned_[taken++]);
        for (std::size_t i = taken; i < planned_.size(); ++i) planned_[i - taken] = planned_[i];
        planned_.resize(planned_.size() - taken);
    }
}

template <class Policies>
void scheduler<Policies>::begin_move(const detail::planned_move& m) {
    const auto t = cluster_.find(m.task);
    const auto n = cluster_.find(m.target);
    if (!t || !n || !may_move(*t)) return;
    const detail::task_owner owner = owners_[t->value()];
    if (!begin_task_move(owner.job, owner.task, {*n, m.to.gpus}, m.reason, m.wave)) unrelieved_ = true;
}

template <class Policies>
bool scheduler<Policies>::begin_task_move(std::uint32_t j, std::uint32_t task, const slot& to, const char* why,
                                          std::uint32_t wave, std::uint32_t offset) {
    detail::task_record& record = tasks_.at(j, task);
    const slot from = cluster_.where(record.task);
    const std::uint32_t was_at = slices_.offset(*cluster_.find(record.task));
    if (!start_move(record.task, to, offset)) return false;
    record.activity = detail::task_activity::moving;
    record.started = false;
    ++moves_in_flight_;
    tell(decision_kind::move, j, task, to, why);
    decided_.back().from = from;
    decided_.back().wave = wave;
    if (is_sliced(j)) {
        decided_.back().mig_offset = offset;
        decided_.back().mig_from = was_at;
    }
    if (options_.acknowledge == acknowledgement::reported) return true;
    finish_move(record.task);
    move_ended(j, task, true);
    return true;
}

template <class Policies>
void scheduler<Policies>::stop_short_gangs() {
    for (std::size_t i = 0; i < short_.size();) {
        const job_handle job = short_[i];
        const bool is_short = has(job) && at(job).running > 0 && !at(job).runs();
        const bool over = is_short && now_ >= grace_ends(job.position());
        if (is_short && !over) {
            ++i;
            continue;
        }
        short_[i] = short_.back();
        short_.pop_back();
        if (over) stop_job(job.position(), detail::no_position, "gang");
        if (has(job)) at(job).short_since = detail::never;  // a task that cannot be stopped lists it again
    }
}

template <class Policies>
double scheduler<Policies>::grace_ends(std::uint32_t j) const {
    if (!all_run(j)) return detail::never;
    double at = records_[j].short_since + options_.grace;
    for (const detail::task_record& t : tasks_[j]) {
        const bool pauses = t.activity == detail::task_activity::running && t.failures > 0;
        if (pauses && t.not_before > at) at = t.not_before;
    }
    return at;
}

template <class Policies>
bool scheduler<Policies>::all_run(std::uint32_t j) const {
    for (const detail::task_record& t : tasks_[j]) {
        if (t.activity == detail::task_activity::moving || t.activity == detail::task_activity::stopping) return false;
    }
    return true;
}

template <class Policies>
void scheduler<Policies>::stop_job(std::uint32_t j, std::uint32_t claim, const char* reason, job_handle beneficiary) {
    for (std::uint32_t t = 0; t < records_[j].tasks; ++t) {
        detail::task_record& record = tasks_.at(j, t);
        if (record.activity != detail::task_activity::running) continue;
        tell(decision_kind::evict, j, t, cluster_.where(record.task), reason);
        decided_.back().beneficiary = beneficiary;
        record.started = false;
        if (options_.acknowledge == acknowledgement::reported) {
            record.activity = detail::task_activity::stopping;
            record.claim = claim;
            note_amounts(j);
            continue;
        }
        (void)cluster_.release(record.task);
        task_stopped(j, t);
    }
}

}  // namespace berth::inline v0
