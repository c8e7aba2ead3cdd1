// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/scheduler/scheduler_interface.hpp"

#include <algorithm>

// How jobs start that wait in queues: whose turn it is follows from what each queue has and is due.

namespace berth::inline v0 {

/// Adds what a task takes of each divided counter; of GPU memory alone the part of the GPU that it takes, or, while it
/// waits, of the smallest GPU.
template <class Policies>
void scheduler<Policies>::add_amounts(task_index t, detail::flat<amount>& to) const {
    using kind = detail::divided_counter::kind;
    const demand_view demand = cluster_.workload().demand(t);
    const std::size_t memory = cluster_.fleet().roles().gpu_memory;
    const auto gpus = static_cast<amount>(demand.gpus);
    const auto counters = queues_.counters();
    for (std::size_t c = 0; c < counters.size(); ++c) {
        switch (counters[c].is) {
            case kind::gpu:
                if (gpus == 0) break;
                if (demand.gpu[0] == 0 && memory < demand.gpu.size()) {
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
            case kind::gpu_memory: to[c] += memory < demand.gpu.size() ? gpus * demand.gpu[memory] : 0; break;
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

/// Counts what each queue has and wants. O(tasks of jobs × depth of the tree).
template <class Policies>
void scheduler<Policies>::count_shares() {
    books_.open();
    const auto counters = queues_.counters();
    const fleet& machines = cluster_.fleet();
    const std::size_t memory = machines.roles().gpu_memory;
    smallest_memory_ = 0;
    for (std::size_t i = 0; i < machines.node_count() && !counters.empty(); ++i) {
        const node_index n{i};
        if (!machines.present(n)) continue;
        for (gpu_mask rest = cluster_.gpus_there(n); rest != 0; rest &= rest - 1) {
            const gpu_index g = machines.gpu(n, lowest_gpu(rest));
            const bool healthy = (cluster_.healthy_gpus(n) >> lowest_gpu(rest) & 1U) != 0;
            const amount size = memory < machines.schema().gpu.size() ? machines.capacity(g)[memory] : 0;
            if (size > 0 && size < max_amount && (smallest_memory_ == 0 || size < smallest_memory_))
                smallest_memory_ = size;
            for (std::size_t c = 0; c < counters.size() && healthy; ++c) {
                if (counters[c].is == detail::divided_counter::kind::gpu)
                    books_.total(c) += std::min(machines.capacity(g)[0], whole_gpu);
                if (counters[c].is == detail::divided_counter::kind::gpu_memory) books_.total(c) += size;
            }
        }
        for (std::size_t c = 0; c < counters.size() && cluster_.healthy(n); ++c) {
            if (counters[c].is == detail::divided_counter::kind::node)
                books_.total(c) += machines.capacity(n)[counters[c].position];
        }
    }
    detail::flat<amount> waits;
    detail::flat<amount> leaves;
    for (std::uint32_t j = 0; j < records_.size() && !counters.empty(); ++j) {
        if (!jobs_.is_taken(j)) continue;
        asked_.assign(counters.size(), 0);
        waits.assign(counters.size(), 0);
        leaves.assign(counters.size(), 0);
        // Who is to start once others have left counts as if it ran, and they as if they did not.
        std::size_t claims =
            records_[j].claim != detail::no_position ? records_[j].grows ? 1 : least_of(records_[j]) : 0;
        for (const detail::task_record& t : tasks_[j]) {
            if (t.activity == detail::task_activity::ended) continue;
            const bool waiting = t.activity == detail::task_activity::waiting;
            const bool starts = waiting && claims > 0;
            if (starts) --claims;
            add_amounts(*cluster_.find(t.task), t.activity == detail::task_activity::stopping ? leaves
                                                : waiting && !starts                          ? waits
                                                                                              : asked_);
        }
        books_.start(records_[j].leaf, asked_.view(), !records_[j].preemptible);
        books_.wait(records_[j].leaf, waits.view());
        books_.leave(records_[j].leaf, leaves.view());
    }
    books_.close();
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
    return goes_first(classes_[b].first, classes_[a].first);
}

/// Puts a class into the line of its queue, and brings the queue's turn up to date.
template <class Policies>
void scheduler<Policies>::enter_turn(std::uint32_t c) {
    detail::demand_class& of = classes_[c];
    if (of.candidate || of.jobs == 0) return;
    of.candidate = true;
    std::vector<std::uint32_t>& line = lines_[of.leaf];
    line.push_back(c);
    std::push_heap(line.begin(), line.end(), [&](std::uint32_t a, std::uint32_t b) { return comes_later(a, b); });
    follow_turn(of.leaf);
}

/// The first class of a line steps out of it; it enters again if it has another job to try.
template <class Policies>
void scheduler<Policies>::leave_turn(std::uint32_t leaf, bool again) {
    std::vector<std::uint32_t>& line = lines_[leaf];
    std::pop_heap(line.begin(), line.end(), [&](std::uint32_t a, std::uint32_t b) { return comes_later(a, b); });
    const std::uint32_t c = line.back();
    line.pop_back();
    classes_[c].candidate = false;
    if (again && classes_[c].jobs > 0) return enter_turn(c);
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
    std::make_heap(line.begin(), line.end(), [&](std::uint32_t a, std::uint32_t b) { return comes_later(a, b); });
    follow_turn(leaf);
}

template <class Policies>
void scheduler<Policies>::follow_turn(std::uint32_t leaf) {
    if (lines_[leaf].empty()) return turns_.clear(leaf);
    const std::uint32_t j = classes_[lines_[leaf].front()].first;
    list_next(j);
    ask_for(handles_.size());
    turns_.set(leaf, asked_.view());
}

template <class Policies>
void scheduler<Policies>::start_by_turns() {
    open_turns();
    entered_.clear();
    for (const std::uint32_t c : classes_.listed()) {
        if (classes_.may_start(c) || classes_[c].bar != detail::queue_bar::none) enter_turn(c);
    }
    for (std::uint32_t leaf = turns_.leaf(); leaf != detail::queue_turns::nobody; leaf = turns_.leaf()) {
        const std::uint32_t c = lines_[leaf].front();
        // The class may end with its only job, so it steps out of the line first.
        leave_turn(leaf, false);
        if (!start_in_share(c)) continue;
        fill_line();
        enter_turn(c);
        for (const std::uint32_t e : entered_) {
            if (classes_.may_start(e)) enter_turn(e);
        }
        entered_.clear();
        follow_turn(leaf);
    }
}

/// Starts the first job of a class, if its queue lets it and there is room.
template <class Policies>
bool scheduler<Policies>::start_in_share(std::uint32_t c) {
    detail::demand_class& of = classes_[c];
    const std::uint32_t j = of.first;
    list_next(j);
    ask_for(handles_.size());
    const bool was_barred = of.bar != detail::queue_bar::none;
    of.bar = books_.bar(of.leaf, asked_.view(), !records_[j].preemptible);
    if (of.bar != detail::queue_bar::none) {
        classes_.failed(c);
        return false;
    }
    if (!was_barred && !classes_.may_start(c)) return false;
    const std::size_t next = handles_.size();
    if (!place_listed(j, next)) {
        classes_.failed(c);
        return false;
    }
    books_.start(of.leaf, asked_.view(), !records_[j].preemptible);
    announce_placed(j);
    return true;
}

}  // namespace berth::inline v0
