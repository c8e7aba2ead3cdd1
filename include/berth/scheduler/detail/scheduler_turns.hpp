// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/scheduler/scheduler_interface.hpp"

#include <algorithm>

// How jobs start that wait in queues: whose turn it is follows from what each queue has and is due.

// Length: counting and turns.

namespace berth::inline v0 {

/// Adds what a task takes of each divided counter; of GPU memory alone the part of the GPU that it takes, or, while it
/// waits, of the smallest GPU.
template <class Policies>
void scheduler<Policies>::add_amounts(task_index t, detail::flat<amount>& to) const {
    using kind = detail::divided_counter::kind;
    const demand_view demand = cluster_.workload().demand(t);
    const std::size_t memory = cluster_.fleet().roles().gpu_memory;
    const auto gpus = static_cast<amount>(demand.gpus);
    const std::uint32_t slice = slices_.of(t).profile;
    const auto counters = queues_.counters();
    for (std::size_t c = 0; c < counters.size(); ++c) {
        switch (counters[c].is) {
            case kind::gpu:
                if (gpus == 0) break;
                if (slice != detail::no_position) {
                    to[c] += slices_.share(slice);
                } else if (demand.gpu[0] == 0 && memory < demand.gpu.size()) {
                    const slot where = cluster_.slots()[t.value()];
                    amount size = smallest_memory_;
                    if (where.placed()) {
                        const gpu_index used = cluster_.fleet().gpu(where.node, lowest_gpu(where.gpus));
                        size = cluster_.fleet().capacity(used)[memory];
                    }
                    const amount part = size > 0 ? (demand.gpu[memory] * whole_gpu + size - 1) / size : 0;
                    to[c] += gpus * std::min(part, whole_gpu);
                } else {
                    to[c] += demand.total_share();
                }
                break;
            case kind::gpu_memory:
                if (slice != detail::no_position) to[c] += slices_.memory(slice);
                to[c] += memory < demand.gpu.size() ? gpus * demand.gpu[memory] : 0;
                break;
            case kind::node: to[c] += demand.node[counters[c].position]; break;
        }
    }
}

/// What the first `least` listed tasks of a job ask for, into `asked_`.
template <class Policies>
void scheduler<Policies>::ask_for(std::size_t least) {
    asked_.assign(queues_.counters().size(), 0);
    for (std::size_t i = 0; i < handles_.size() && i < least; ++i) add_amounts(*cluster_.find(handles_[i]), asked_);
}

/// What there is to divide, and the memory of the smallest GPU. O(GPUs).
template <class Policies>
void scheduler<Policies>::measure_fleet() {
    const auto counters = queues_.counters();
    const fleet& machines = cluster_.fleet();
    const std::size_t memory = machines.roles().gpu_memory;
    smallest_memory_ = 0;
    totals_.assign(counters.size(), 0);
    if (counters.empty()) return;
    for (std::size_t i = 0; i < machines.node_count(); ++i) {
        const node_index n{i};
        if (!machines.present(n)) continue;
        for (gpu_mask rest = cluster_.gpus_there(n); rest != 0; rest &= rest - 1) {
            const gpu_index g = machines.gpu(n, lowest_gpu(rest));
            const bool healthy = (cluster_.healthy_gpus(n) >> lowest_gpu(rest) & 1U) != 0;
            const std::uint32_t board = slices_.board_of(n, lowest_gpu(rest));
            const bool is_cut = board != detail::no_position;
            const amount size = is_cut                                  ? slices_.board_memory(board)
                                : memory < machines.schema().gpu.size() ? machines.capacity(g)[memory]
                                                                        : 0;
            if (!is_cut && size > 0 && size < max_amount && (smallest_memory_ == 0 || size < smallest_memory_))
                smallest_memory_ = size;
            for (std::size_t c = 0; c < counters.size() && healthy; ++c) {
                if (counters[c].is == detail::divided_counter::kind::gpu)
                    totals_[c] += is_cut ? whole_gpu : std::min(machines.capacity(g)[0], whole_gpu);
                if (counters[c].is == detail::divided_counter::kind::gpu_memory) totals_[c] += size;
            }
        }
        for (std::size_t c = 0; c < counters.size() && cluster_.healthy(n); ++c) {
            if (counters[c].is == detail::divided_counter::kind::node)
                totals_[c] += machines.capacity(n)[counters[c].position];
        }
    }
}

/// Brings the books up to date: what jobs that changed have and want, and what each queue is due. O(changed jobs ×
/// depth of the tree + queues × log(queues)).
template <class Policies>
void scheduler<Policies>::count_shares() {
    const std::size_t counters = queues_.counters().size();
    if (books_.open()) {
        adjusted_.clear();
        counted_.clear();
        counted_amounts_.clear();
        recounted_.clear();
        for (std::uint32_t j = 0; j < records_.size(); ++j) {
            if (jobs_.is_taken(j)) recounted_.push_back(j);
        }
    }
    for (std::size_t i = adjusted_.size(); i-- > 0;) {
        const auto of = adjusted_amounts_.view().subspan(i * counters, counters);
        if (adjusted_[i].sign == 0) {
            books_.leave(adjusted_[i].leaf, of, -1);
        } else if (adjusted_[i].sign > 0) {
            books_.stop(adjusted_[i].leaf, of, adjusted_[i].hard);
        } else {
            books_.start(adjusted_[i].leaf, of, adjusted_[i].hard);
        }
    }
    adjusted_.clear();
    adjusted_amounts_.clear();
    if (counted_.size() < records_.size()) {
        counted_.resize(records_.size(), {});
        counted_amounts_.resize(records_.size() * 3 * counters, 0);
    }
    for (const std::uint32_t j : recounted_) recount(j);
    recounted_.clear();
    for (std::size_t c = 0; c < counters; ++c) books_.total(c) = totals_[c];
    books_.close();
}

/// Enters a job with what it has and wants now instead of what was counted before.
template <class Policies>
void scheduler<Policies>::recount(std::uint32_t j) {
    const std::size_t counters = queues_.counters().size();
    if (counters == 0) return;
    amount* const has = counted_amounts_.data() + std::size_t{3} * j * counters;
    amount* const wants = has + counters;
    amount* const leaves = wants + counters;
    counted_share& was = counted_[j];
    if (was.leaf != queue_none) {
        books_.stop(was.leaf, {has, counters}, was.hard);
        books_.wait(was.leaf, {wants, counters}, -1);
        books_.leave(was.leaf, {leaves, counters}, -1);
        was.leaf = queue_none;
    }
    if (!jobs_.is_taken(j)) return;
    asked_.assign(counters, 0);
    waits_asked_.assign(counters, 0);
    leaves_asked_.assign(counters, 0);
    // Who is to start once others have left counts as if it ran, and they as if they did not.
    std::size_t claims = records_[j].claim == detail::no_position ? 0 : records_[j].grows ? 1 : least_of(records_[j]);
    for (const detail::task_record& t : tasks_[j]) {
        if (t.activity == detail::task_activity::ended) continue;
        const bool waiting = t.activity == detail::task_activity::waiting;
        const bool starts = waiting && claims > 0;
        if (starts) --claims;
        add_amounts(*cluster_.find(t.task), t.activity == detail::task_activity::stopping ? leaves_asked_
                                            : waiting && !starts                          ? waits_asked_
                                                                                          : asked_);
    }
    for (std::size_t c = 0; c < counters; ++c) {
        has[c] = asked_[c];
        wants[c] = waits_asked_[c];
        leaves[c] = leaves_asked_[c];
    }
    was = {records_[j].leaf, !records_[j].preemptible};
    books_.start(was.leaf, {has, counters}, was.hard);
    books_.wait(was.leaf, {wants, counters});
    books_.leave(was.leaf, {leaves, counters});
}

/// What a decision changes counts at once, until the jobs concerned are counted anew. More with a positive sign, less
/// with a negative one; with 0 it is to leave.
template <class Policies>
void scheduler<Policies>::adjust(std::uint32_t leaf, std::span<const amount> of, bool hard, int sign) {
    if (sign == 0) {
        books_.leave(leaf, of);
    } else if (sign > 0) {
        books_.start(leaf, of, hard);
    } else {
        books_.stop(leaf, of, hard);
    }
    adjusted_.push_back({leaf, hard, sign});
    adjusted_amounts_.append(of);
}

/// Lists the waiting tasks of a job that start together; one of a job that grows.
template <class Policies>
void scheduler<Policies>::list_next(std::uint32_t j) {
    list_waiting(j);
    const std::size_t next = records_[j].grows ? 1 : least_of(records_[j]);
    if (handles_.size() > next) {
        handles_.resize(next);
        ordinals_.resize(next);
    }
}

template <class Policies>
void scheduler<Policies>::open_turns() {
    turns_.open();
    lines_.resize(queues_.size());
    for (auto& line : lines_) line.clear();
    for (const std::uint32_t c : classes_.listed()) classes_[c].candidate = false;
}

template <class Policies>
bool scheduler<Policies>::comes_later(std::uint32_t a, std::uint32_t b) const {
    return goes_first(next_of(b), next_of(a));
}

/// Puts a class into the line of its queue, and brings the queue's turn up to date.
template <class Policies>
void scheduler<Policies>::enter_turn(std::uint32_t c) {
    if (classes_[c].candidate || classes_[c].jobs == 0) return;
    start_class(c);
    enter_turn_again(c);
}
/// The same, if another job of it is to be tried than its first.
template <class Policies>
void scheduler<Policies>::enter_turn_again(std::uint32_t c) {
    detail::demand_class& of = classes_[c];
    if (of.candidate || of.jobs == 0 || next_of(c) == detail::job_heap::none) return;
    of.candidate = true;
    std::vector<std::uint32_t>& line = lines_[of.leaf];
    line.push_back(c);
    std::push_heap(line.begin(), line.end(), [&](std::uint32_t a, std::uint32_t b) { return comes_later(a, b); });
    follow_turn(of.leaf);
}

/// The first class of a line steps out of it.
template <class Policies>
void scheduler<Policies>::leave_turn(std::uint32_t leaf) {
    std::vector<std::uint32_t>& line = lines_[leaf];
    std::pop_heap(line.begin(), line.end(), [&](std::uint32_t a, std::uint32_t b) { return comes_later(a, b); });
    const std::uint32_t c = line.back();
    line.pop_back();
    classes_[c].candidate = false;
    follow_turn(leaf);
}

/// Jobs that have lost a task wait in other classes than before: those that are left without a job leave the line.
template <class Policies>
void scheduler<Policies>::sort_line(std::uint32_t leaf) {
    std::vector<std::uint32_t>& line = lines_[leaf];
    std::erase_if(line, [&](std::uint32_t c) {
        if (classes_[c].jobs > 0) return false;
        classes_[c].candidate = false;
        return true;
    });
    for (const std::uint32_t c : line) start_class(c);
    std::make_heap(line.begin(), line.end(), [&](std::uint32_t a, std::uint32_t b) { return comes_later(a, b); });
    follow_turn(leaf);
}

template <class Policies>
void scheduler<Policies>::follow_turn(std::uint32_t leaf) {
    if (lines_[leaf].empty()) return turns_.clear(leaf);
    turns_.set(leaf, classes_[lines_[leaf].front()].asked.view());
}

template <class Policies>
void scheduler<Policies>::start_by_turns() {
    open_turns();
    entered_.clear();
    for (const std::uint32_t c : classes_.listed()) {
        detail::demand_class& of = classes_[c];
        const bool may = of.bar == detail::queue_bar::none ? classes_.may_start(c) || backfills
                                                           : bar_of(of) == detail::queue_bar::none;
        if (may) enter_turn(c);
    }
    for (std::uint32_t leaf = turns_.leaf(); leaf != detail::queue_turns::nobody; leaf = turns_.leaf()) {
        const std::uint32_t c = lines_[leaf].front();
        // The class may end with its only job, so it steps out of the line first.
        const std::uint32_t j = next_of(c);
        leave_turn(leaf);
        if (!start_in_share(c)) {
            if (classes_[c].bar == detail::queue_bar::none && tries_another(c, j, kept_out_)) {
                enter_turn_again(c);
                follow_turn(leaf);
            }
            continue;
        }
        fill_line();
        follow_class(c, j);
        enter_turn_again(c);
        for (const std::uint32_t e : entered_) {
            if (classes_.may_start(e)) enter_turn(e);
        }
        entered_.clear();
        follow_turn(leaf);
    }
}

/// Whether its queues let the first job of a class start.
template <class Policies>
detail::queue_bar scheduler<Policies>::bar_of(const detail::demand_class& of) const {
    return books_.bar(of.leaf, of.asked.view(), !records_[of.first].preemptible);
}

/// Starts the first job of a class, if its queue lets it and there is room.
template <class Policies>
bool scheduler<Policies>::start_in_share(std::uint32_t c) {
    detail::demand_class& of = classes_[c];
    const std::uint32_t j = next_of(c);
    kept_out_ = false;
    const bool was_barred = of.bar != detail::queue_bar::none;
    of.bar = bar_of(of);
    if (of.bar != detail::queue_bar::none) {
        classes_.failed(c);
        return false;
    }
    if (!was_barred && !classes_.may_start(c)) return false;
    list_next(j);
    if (!place_listed(j, handles_.size())) {
        note_failed(c, kept_out_);
        return false;
    }
    adjust(of.leaf, of.asked.view(), !records_[j].preemptible, 1);
    announce_placed(j);
    return true;
}

}  // namespace berth::inline v0
