// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/scheduler/detail/room_ahead.hpp"
#include "berth/scheduler/scheduler_interface.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

// What is kept for jobs that do not fit yet, and who may start beside them.

// Length: reservations, whoever starts beside them, and who comes next.

namespace berth::inline v0 {

/// How long a job will still run, as far as anybody can tell; infinity if nobody knows.
template <class Policies>
double scheduler<Policies>::seconds_left(std::uint32_t j) const {
    const detail::job_record& r = records_[j];
    const double attained = r.attained_at(now_);
    if (const expected_duration d = policies_.durations(*cluster_.find(first_task(j)), model_index{}); d.known())
        return detail::seconds_to_go(d.seconds, r.duration, attained);
    if (!std::isnan(r.work)) {
        const double left = (r.work - r.done_by(now_)) / (r.rate > 0.0 ? r.rate : 1.0);
        return left > 0.0 ? left : detail::seconds_to_go(r.work, job_terms::unknown, attained);
    }
    return std::isnan(r.duration) ? detail::never : detail::seconds_to_go(r.duration, job_terms::unknown, attained);
}

/// Whether a task in the cluster is expected to have ended by some time.
template <class Policies>
bool scheduler<Policies>::is_gone_by(task_index t, double time) const {
    const std::uint32_t j = owners_[t.value()].job;
    return j != detail::no_position && now_ + seconds_left(j) <= time;
}

/// The reservations of the decision before are none any more, and what was kept for them may be free; with queues
/// `renew_reservations` follows.
template <class Policies>
void scheduler<Policies>::forget_reservations() {
    carried_ = by_turns_ ? reservations_ : 0;
    while (reservations_ > 0) drop_reservation(reservations_ - 1);
    if constexpr (backfills) looks_left_ = policies_.backfill.max_looks;
    for (const std::uint32_t c : classes_.listed()) classes_[c].kept_out = false;
}
template <class Policies>
void scheduler<Policies>::drop_reservation(std::size_t i) {
    if (released_promises_.size() < cluster_.fleet().node_count())
        released_promises_.resize(cluster_.fleet().node_count());
    for (const slot& where : reserved_[i].slots) {
        if (where.node.below(released_promises_.size())) released_promises_.note(where.node.value());
    }
    std::rotate(reserved_.begin() + static_cast<std::ptrdiff_t>(i),
                reserved_.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                reserved_.begin() + static_cast<std::ptrdiff_t>(reservations_));
    --reservations_;
}
/// A job starts, or has a claim: nothing is to be kept for it.
template <class Policies>
void scheduler<Policies>::forget_reservation_of(std::uint32_t j) {
    if (const std::size_t i = reservation_of(j); i < reservations_) drop_reservation(i);
}
template <class Policies>
std::size_t scheduler<Policies>::reservation_of(std::uint32_t j) const noexcept {
    std::size_t i = 0;
    while (i < reservations_ && reserved_[i].job != j) ++i;
    return i;
}

/// Turns change with every start: if reservations followed them, a stream of small jobs of one queue could keep a wide
/// job of another waiting for ever. So whoever has one keeps it while its queue lets it start, no later than it was
/// told if that still holds, and earlier if that delays nobody else who has one.
template <class Policies>
void scheduler<Policies>::renew_reservations() {
    if constexpr (backfills) {
        for (std::size_t i = 0; i < carried_; ++i) {
            const std::uint32_t j = reserved_[i].job;
            if (!is_of_its_job(reserved_[i])) continue;
            const std::uint32_t c = records_[j].demand;
            if (c == detail::no_position || records_[j].running > 0) continue;
            if (bar_of(classes_[c]) != detail::queue_bar::none) continue;
            if (i != reservations_) std::swap(reserved_[reservations_], reserved_[i]);
            if (still_holds(reservations_)) {
                ++reservations_;
            } else {
                (void)reserve(j);
            }
        }
        carried_ = 0;
        for (std::size_t i = 0; i < reservations_ && looks_left_ > policies_.backfill.max_looks / 2; ++i) {
            --looks_left_;
            if (reserved_[i].from <= now_ || !look_ahead(reserved_[i].job, i, sooner_)) continue;
            if (sooner_.from < reserved_[i].from) std::swap(sooner_, reserved_[i]);
        }
    }
}
/// Whether a reservation that was made before is as good as then.
template <class Policies>
bool scheduler<Policies>::still_holds(std::size_t i) {
    const detail::reserved_job& r = reserved_[i];
    // What other jobs and labels say may have changed.
    if (rules_for(r.job) != nullptr || records_[r.job].same_model || !list_forms(r)) return false;
    for (const slot& where : r.slots) {
        const bool is_open = where.node.below(cluster_.fleet().node_count()) && cluster_.fleet().present(where.node) &&
                             cluster_.open(where.node);
        if (!is_open || !fits_later(i, where.node, nullptr)) return false;
    }
    return cluster_.fleet().schema().domain.empty() || domains_have_room_later(i);
}

/// Into `forms_`: which alternative of its task each slot of a reservation is for. False if it was for other tasks.
template <class Policies>
bool scheduler<Policies>::list_forms(const detail::reserved_job& r) {
    forms_.clear();
    list_waiting(r.job);
    const std::size_t least = records_[r.job].waiting > 0 ? least_of(records_[r.job]) : 0;
    if (least != r.slots.size() || handles_.size() < least) return false;
    for (std::size_t k = 0; k < least; ++k) {
        const task_index t = *cluster_.find(handles_[k]);
        const auto others = cluster_.alternatives(t);
        std::uint32_t form = 0;
        while (form < others.size() && !(others[form].shape == r.shapes[k])) ++form;
        if (others.empty() ? !(cluster_.workload().shape(t) == r.shapes[k]) : form == others.size()) return false;
        forms_.push_back(form);
    }
    return true;
}

/// Gives a job that does not fit a reservation, if there are not enough yet. False if it gets none.
template <class Policies>
bool scheduler<Policies>::reserve(std::uint32_t j) {
    if constexpr (!backfills) {
        return false;
    } else {
        const detail::job_record& r = records_[j];
        if (looks_left_ == 0 || r.running > 0 || is_sliced(j) || reservation_of(j) < reservations_) return false;
        constexpr std::uint64_t never = detail::reason_bit(wait_reason::never);
        if (r.demand == detail::no_position || (classes_.explain(r.demand) & never) != 0) return false;
        const std::size_t place = place_of_reservation(j);
        if (place > reservations_) return false;
        --looks_left_;
        if (!look_ahead(j, place, sooner_)) return false;
        if (place < reservations_) drop_reservation(place);
        if (reserved_.size() == reservations_) reserved_.emplace_back();
        std::swap(reserved_[reservations_++], sooner_);
        return true;
    }
}
/// Where a job may have a reservation: behind the others if there are too few yet, else instead of one. With queues
/// each has one at most, and whoever goes first in its queue takes that of another one. Above their number: nowhere.
template <class Policies>
std::size_t scheduler<Policies>::place_of_reservation(std::uint32_t j) const {
    if constexpr (!backfills) {
        return ~std::size_t{0};
    } else {
        const std::size_t depth = policies_.backfill.depth;
        std::size_t last = reservations_;  // of its queue
        for (std::size_t i = 0; i < reservations_ && by_turns_; ++i) {
            if (records_[reserved_[i].job].leaf == records_[j].leaf) last = i;
        }
        const bool has_one = last < reservations_;
        if (reservations_ < depth && (!has_one || queues_.trivial())) return reservations_;
        return has_one && goes_first(j, reserved_[last].job) ? last : ~std::size_t{0};
    }
}

/// The earliest time and the slots for a job, beside all reservations but one. False if there are none.
template <class Policies>
bool scheduler<Policies>::look_ahead(std::uint32_t j, std::size_t but, detail::reserved_job& made) {
    list_waiting(j);
    wished_tasks_.clear();
    for (std::size_t i = 0; i < least_of(records_[j]); ++i) wished_tasks_.push_back(*cluster_.find(handles_[i]));
    const detail::job_rules* rules = rules_for(j);
    if (rules != nullptr) {
        list_allowed(j, *rules);
    } else {
        allowed_.clear();
        for_each_open_node([&](node_index n) { allowed_.push_back(n); });
    }
    ahead_.open(cluster_);
    constexpr std::uint32_t of_reservation = std::uint32_t{1} << 31U;
    for (std::size_t q = 0; q < reservations_; ++q) {
        if (q == but) continue;
        for (std::size_t i = 0; i < reserved_[q].slots.size(); ++i)
            ahead_.take(cluster_.workload().demand(reserved_[q].shapes[i]), reserved_[q].slots[i]);
        if (reserved_[q].until < detail::never)
            ahead_.add_end(reserved_[q].until, of_reservation | static_cast<std::uint32_t>(q));
    }
    for (std::uint32_t k = 0; k < records_.size(); ++k) {
        if (!jobs_.is_taken(k) || records_[k].running == 0) continue;
        if (const double left = seconds_left(k); left < detail::never) ahead_.add_end(now_ + left, k);
    }
    const auto visit = [&](std::uint32_t what, const auto& give) {
        if ((what & of_reservation) != 0) {
            const detail::reserved_job& q = reserved_[what & ~of_reservation];
            for (std::size_t i = 0; i < q.slots.size(); ++i) give(cluster_.workload().demand(q.shapes[i]), q.slots[i]);
            return;
        }
        for (const detail::task_record& t : tasks_[what]) {
            if (t.activity == detail::task_activity::ended) continue;
            const task_index at = *cluster_.find(t.task);
            for (const slot& held : {cluster_.slots()[at.value()], cluster_.targets()[at.value()]}) {
                if (held.placed()) give(cluster_.workload().demand(at), held);
            }
        }
    };
    const detail::wished_room wished{wished_tasks_.view(), records_[j].same_model, rules, allowed_.view()};
    const auto at = ahead_.find(wished, visit, made);
    if (!at) return false;
    made.job = j;
    made.sequence = records_[j].sequence;
    made.from = *at;
    made.until = *at + seconds_left(j);
    return true;
}

/// Visits the reservations of others that a job outlives which ends then, in order.
template <class Policies>
template <class Visit>
void scheduler<Policies>::for_each_outlived(std::uint32_t j, double end, const Visit& visit) const {
    for (std::size_t i = 0; i < reservations_; ++i) {
        if (reserved_[i].job != j && end > reserved_[i].from) visit(i);
    }
}

/// Whether all who have a reservation still fit at their time beside a job that was placed just now.
template <class Policies>
bool scheduler<Policies>::keeps_promises(std::uint32_t j) {
    const double end = now_ + seconds_left(j);
    latest_outlived_ = -detail::never;
    bool keeps = true;
    std::size_t outlived = 0;
    for_each_outlived(j, end, [&](std::size_t i) {
        ++outlived;
        latest_outlived_ = std::max(latest_outlived_, reserved_[i].from);
        keeps = keeps && fits_at_its_time(i);
    });
    outlives_all_ = outlived + (reservation_of(j) < reservations_ ? 1 : 0) == reservations_;
    return keeps;
}
/// Whether a reserved job still fits at its time, beside what was placed just now.
template <class Policies>
bool scheduler<Policies>::fits_at_its_time(std::size_t i) {
    const detail::reserved_job& r = reserved_[i];
    for (const started_task& s : placed_) {
        const auto is_there = [&](const slot& at) { return at.node == s.where.node; };
        if (std::none_of(r.slots.begin(), r.slots.end(), is_there)) continue;
        if (!fits_later(i, s.where.node, nullptr)) return false;
    }
    return cluster_.fleet().schema().domain.empty() || domains_have_room_later(i);
}
/// Whether the tasks of a reservation on a node fit there at their time, with one more task there if one is given.
template <class Policies>
bool scheduler<Policies>::fits_later(std::size_t i, node_index n, const demand_view* beside) {
    detail::reserved_job& r = reserved_[i];
    later_.look(cluster_, n);
    for (const task_index t : cluster_.tasks_on(n)) {
        if (!is_gone_by(t, r.from)) continue;
        later_.change(cluster_.workload().demand(t), cluster_.slots()[t.value()].gpus, 1);
    }
    for (std::size_t q = 0; q < i; ++q) {
        if (reserved_[q].until <= r.from) continue;
        for (std::size_t k = 0; k < reserved_[q].slots.size(); ++k) {
            if (reserved_[q].slots[k].node == n)
                later_.change(cluster_.workload().demand(reserved_[q].shapes[k]), reserved_[q].slots[k].gpus, -1);
        }
    }
    if (beside != nullptr) {
        const auto gpus = later_.fit(*beside);
        if (!gpus) return false;
        later_.change(*beside, *gpus, -1);
    }
    for (std::size_t k = 0; k < r.slots.size(); ++k) {
        if (r.slots[k].node != n) continue;
        const demand_view demand = cluster_.workload().demand(r.shapes[k]);
        const auto gpus = later_.fit(demand);
        if (!gpus) return false;
        later_.change(demand, *gpus, -1);
        if (beside == nullptr) r.slots[k].gpus = *gpus;
    }
    return true;
}
/// The same for the counters of all domains of a reservation. O(its tasks x (nodes + tasks of its domains)).
template <class Policies>
bool scheduler<Policies>::domains_have_room_later(std::size_t i) const {
    const detail::reserved_job& r = reserved_[i];
    const fleet& machines = cluster_.fleet();
    const auto is_in = [&](node_index n, domain_index d) {
        const auto of = machines.domains(n);
        return std::find(of.begin(), of.end(), d) != of.end();
    };
    for (const slot& where : r.slots) {
        for (const domain_index d : machines.domains(where.node)) {
            for (std::size_t c = 0; c < machines.schema().domain.size(); ++c) {
                amount free = cluster_.ledger().free(d)[c];
                if (free == max_amount) continue;
                for (std::size_t k = 0; k < machines.node_count(); ++k) {
                    const node_index n{k};
                    if (!machines.present(n) || !is_in(n, d)) continue;
                    for (const task_index t : cluster_.tasks_on(n)) {
                        if (is_gone_by(t, r.from)) free += cluster_.workload().demand(t).domain[c];
                    }
                }
                for (std::size_t q = 0; q <= i; ++q) {
                    if (q < i && reserved_[q].until <= r.from) continue;
                    for (std::size_t k = 0; k < reserved_[q].slots.size(); ++k) {
                        if (is_in(reserved_[q].slots[k].node, d))
                            free -= cluster_.workload().demand(reserved_[q].shapes[k]).domain[c];
                    }
                }
                if (free < 0) return false;
            }
        }
    }
    return true;
}

/// Places the listed tasks of a job where they delay nobody who has a reservation.
template <class Policies>
bool scheduler<Policies>::place_beside(std::uint32_t j, std::size_t least) {
    const double end = now_ + seconds_left(j);
    const task_index first = *cluster_.find(handles_[0]);
    const std::uint32_t c = records_[j].demand;
    // A job that runs may be about to move: that says nothing of its class.
    const bool remembers = outlives_all_ && c != detail::no_position && records_[j].running == 0;
    avoided_.assign(cluster_.fleet().node_count(), 0);
    bool spare = false;
    for_each_outlived(j, end, [&](std::size_t i) {
        for (const slot& where : reserved_[i].slots) {
            std::uint8_t& avoided = avoided_[where.node.value()];
            if (avoided != 0) continue;
            const demand_view demand = cluster_.workload().demand(first);
            if (fits_later(i, where.node, &demand)) {
                spare = true;
            } else {
                avoided = 1;
            }
        }
    });
    if (remembers && !spare && !classes_.may_start_beside(c, avoided_, released_promises_)) return false;
    for (int attempt = 0; attempt < 2; ++attempt) {
        beside_.clear();
        for_each_open_node([&](node_index n) {
            if (avoided_[n.value()] == 0) beside_.push_back(n);
        });
        avoids_ = true;
        const bool placed = !beside_.empty() && place_freely(j, least, beside_.view());
        avoids_ = false;
        if (placed && keeps_promises(j)) return true;
        if (placed) take_back(j);
        if (!placed && !spare) break;
        // Several tasks, or the counters of a domain, took more than one task would.
        for_each_outlived(j, end, [&](std::size_t i) {
            for (const slot& where : reserved_[i].slots) avoided_[where.node.value()] = 1;
        });
    }
    if (remembers) classes_.failed_beside(c, released_promises_);
    return false;
}

/// Its first job was tried: whether another one of the class is to be.
template <class Policies>
bool scheduler<Policies>::tries_another(std::uint32_t c, std::uint32_t j, bool kept_out) {
    detail::demand_class& of = classes_[c];
    const bool reserved = reserve(j);
    if constexpr (!backfills) {
        return false;
    } else {
        const bool more = reserved && reservations_ < policies_.backfill.depth;
        if (kept_out && latest_outlived_ < of.latest_end) of.latest_end = latest_outlived_;
        if (!kept_out && !more) return false;
        of.next = next_in_class(c, j, more ? detail::never : of.latest_end);
        return of.next != detail::job_heap::none;
    }
}
/// The first job of a class that goes after another one, and ends by then if it starts now.
template <class Policies>
std::uint32_t scheduler<Policies>::next_in_class(std::uint32_t c, std::uint32_t j, double latest_end) {
    of_class_.clear();
    heap_.list(classes_[c].first, of_class_);
    std::uint32_t best = detail::job_heap::none;
    for (const std::uint32_t x : of_class_) {
        if (x == j || !goes_first(j, x) || (best != detail::job_heap::none && goes_first(best, x))) continue;
        if (!(latest_end < detail::never) || now_ + seconds_left(x) <= latest_end) best = x;
    }
    return best;
}
/// Its first job is tried first.
template <class Policies>
void scheduler<Policies>::start_class(std::uint32_t c) noexcept {
    classes_[c].next = classes_[c].first;
    classes_[c].latest_end = detail::never;
}
template <class Policies>
void scheduler<Policies>::note_failed(std::uint32_t c, bool kept_out) {
    // Who would fit is tried again whatever changes.
    if (kept_out) {
        classes_[c].failed = false;
    } else {
        classes_.failed(c);
    }
    classes_[c].kept_out = kept_out;
}
template <class Policies>
void scheduler<Policies>::note_reserved_time() {
    reserved_at_ = detail::never;
    for (std::size_t i = 0; i < reservations_; ++i) reserved_at_ = std::min(reserved_at_, reserved_[i].from);
}
/// A job of a class has started: which one is next.
template <class Policies>
void scheduler<Policies>::follow_class(std::uint32_t c, std::uint32_t j) {
    if constexpr (backfills) {
        detail::demand_class& of = classes_[c];
        of.next = of.latest_end < detail::never ? next_in_class(c, j, of.latest_end) : of.first;
    }
}

/// Of a job that waits: for whom room is kept, in a sentence.
template <class Policies>
const char* scheduler<Policies>::tell_reservation(std::uint32_t j, job_handle& beneficiary) {
    if constexpr (!backfills) {
        return "";
    } else {
        std::size_t i = reservation_of(j);
        const bool own = i < reservations_;
        if (!own) {
            const std::uint32_t c = records_[j].demand;
            if (reservations_ == 0 || c == detail::no_position || !classes_[c].kept_out) return "";
            i = reservations_;
            for_each_outlived(j, now_ + seconds_left(j), [&](std::size_t k) { i = std::min(i, k); });
            i = std::min(i, reservations_ - 1);
        }
        beneficiary = handle(reserved_[i].job);
        char digits[32];
        const auto end =
            std::to_chars(digits, digits + sizeof digits, reserved_[i].from, std::chars_format::general, 10);
        const std::string_view at{digits, static_cast<std::size_t>(end.ptr - digits)};
        return tell_reason(detail::sentence({own ? "reserved from " : "room is kept from ", at, " s on"}));
    }
}

}  // namespace berth::inline v0
