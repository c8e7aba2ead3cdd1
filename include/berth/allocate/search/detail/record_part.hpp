// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/byte_box.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/random.hpp"
#include "berth/model/slot.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

// Length: one class: the store, what is taken out of it and put back, and its form as bytes.

namespace berth::inline v0::detail {

/// Nodes and tasks taken out of a part, to be searched as a problem of their own.
template <class Node, class Task>
struct record_region {
    flat<std::uint32_t> places;  // of the nodes within the part
    flat<Node> nodes;
    flat<Task> tasks;
    flat<std::uint32_t> numbers;  // of the tasks
    assignment slots;             // where they are, by position within the region

    void clear() {
        places.clear();
        nodes.clear();
        tasks.clear();
        numbers.clear();
        slots.clear();
    }
};

/// The nodes of one part with the tasks on them, and the tasks that wait for a place. What a task takes is its record
/// and 16 bytes. All orders are of what happened to the part, never of where its memory lies.
template <class Node, class Task>
class record_part {
public:
    [[nodiscard]] std::size_t node_count() const noexcept { return nodes_.size(); }
    [[nodiscard]] std::size_t waiting_count() const noexcept { return waiting_.size(); }
    [[nodiscard]] std::size_t task_count() const noexcept { return on_nodes_ + waiting_.size(); }

    void add_node(std::uint32_t number, const Node& node) {
        order_.push_back(static_cast<std::uint32_t>(nodes_.size()));
        nodes_.push_back(node);
        numbers_.push_back(number);
        first_.push_back(none);
        drawn_ = order_.size();
    }
    void add_waiting(std::uint32_t number, const Task& task) { waiting_.push_back({task, number}); }
    void add_placed(std::uint32_t number, const Task& task, std::size_t place, gpu_mask gpus) {
        std::uint32_t at = free_;
        if (at == none) {
            at = static_cast<std::uint32_t>(tasks_.size());
            tasks_.push_back({});
        } else {
            free_ = tasks_[at].next;
        }
        tasks_[at] = {gpus, task, number, first_[place]};
        first_[place] = at;
        ++on_nodes_;
    }

    /// Takes out up to `count` nodes that were not drawn for longest, their tasks, and some of those that wait.
    void take(std::size_t count, xoshiro256& random, record_region<Node, Task>& region) {
        region.clear();
        if (count > nodes_.size()) count = nodes_.size();
        if (drawn_ + count > order_.size()) {
            shuffle(random, std::span{order_.data(), order_.size()});
            drawn_ = 0;
        }
        for (std::size_t k = 0; k < count; ++k) take_node(order_[drawn_++], region);
        if (nodes_.empty()) return;
        // Most do not fit in most regions, so each is tried in many.
        std::size_t more = (waiting_.size() * count + nodes_.size() - 1) / nodes_.size();
        if (more < count) more = count;
        for (more = more < waiting_.size() ? more : waiting_.size(); more > 0; --more) {
            const std::size_t i = bounded(random, static_cast<std::uint32_t>(waiting_.size()));
            region.tasks.push_back(waiting_[i].task);
            region.numbers.push_back(waiting_[i].number);
            region.slots.push_back(unplaced);
            waiting_[i] = waiting_.back();
            waiting_.pop_back();
        }
    }
    /// Takes out these nodes with their tasks, in order, and what waits if the last node is among them.
    void take_range(std::size_t first, std::size_t end, record_region<Node, Task>& region) {
        region.clear();
        for (std::size_t i = first; i < end; ++i) take_node(static_cast<std::uint32_t>(i), region);
        if (end < nodes_.size()) return;
        for (const waiting_task& one : waiting_) {
            region.tasks.push_back(one.task);
            region.numbers.push_back(one.number);
            region.slots.push_back(unplaced);
        }
        waiting_.clear();
    }
    /// Puts back what was taken out, at these slots of the region.
    void put_back(const record_region<Node, Task>& region, std::span<const slot> slots) {
        for (std::size_t t = region.tasks.size(); t-- > 0;) {
            if (slots[t].placed()) {
                add_placed(region.numbers[t], region.tasks[t], region.places[slots[t].node.value()], slots[t].gpus);
            } else {
                add_waiting(region.numbers[t], region.tasks[t]);
            }
        }
    }

    /// Moves nodes at random, with their tasks, and as large a share of the waiting tasks into a box.
    void pack(double share, xoshiro256& random, byte_box& box) {
        const auto leaving = static_cast<std::size_t>(share * static_cast<double>(nodes_.size()));
        const auto waiting = static_cast<std::size_t>(share * static_cast<double>(waiting_.size()));
        shuffle(random, std::span{order_.data(), order_.size()});
        record_part kept;
        byte_writer out{box};
        out.put(static_cast<std::uint32_t>(leaving));
        for (std::size_t k = 0; k < nodes_.size(); ++k) {
            const std::uint32_t place = order_[k];
            if (k < leaving) {
                write_node(place, out);
                for (std::uint32_t at = first_[place]; at != none;) at = release(at);
            } else {
                kept.add_node(numbers_[place], nodes_[place]);
                kept.first_[kept.first_.size() - 1] = first_[place];
            }
        }
        nodes_.swap(kept.nodes_);
        numbers_.swap(kept.numbers_);
        first_.swap(kept.first_);
        order_.swap(kept.order_);
        drawn_ = order_.size();
        out.put(static_cast<std::uint32_t>(waiting));
        for (std::size_t k = 0; k < waiting; ++k) {
            const waiting_task one = waiting_[waiting_.size() - waiting + k];
            out.put(one.task);
            out.put(one.number);
        }
        waiting_.resize(waiting_.size() - waiting, {});
    }
    /// Adds what another part packed. False if the bytes are not of that form.
    [[nodiscard]] bool unpack(byte_reader& in) {
        const auto nodes = in.get<std::uint32_t>();
        for (std::uint32_t k = 0; k < nodes && in.complete(); ++k) read_node(in);
        const auto waiting = in.get<std::uint32_t>();
        for (std::uint32_t k = 0; k < waiting && in.complete(); ++k) {
            const auto task = in.get<Task>();
            const auto number = in.get<std::uint32_t>();
            if (in.complete()) add_waiting(number, task);
        }
        return in.complete();
    }
    /// Writes everything, so that `restore` goes on as this part would.
    void save(byte_writer& out) const {
        out.put(static_cast<std::uint32_t>(nodes_.size()));
        for (std::size_t i = 0; i < nodes_.size(); ++i) write_node(static_cast<std::uint32_t>(i), out);
        out.put(static_cast<std::uint32_t>(waiting_.size()));
        for (const waiting_task& one : waiting_) {
            out.put(one.task);
            out.put(one.number);
        }
        out.put(static_cast<std::uint64_t>(drawn_));
        out.put_all(order_.view());
    }
    /// Becomes what was saved. False, and in any state, if the bytes are not of that form.
    [[nodiscard]] bool restore(byte_reader& in) {
        *this = {};
        if (!unpack(in)) return false;
        drawn_ = in.get<std::uint64_t>();
        in.get_all(std::span{order_.data(), order_.size()});
        if (!in.complete() || drawn_ > order_.size()) return false;
        flat<std::uint8_t> seen(order_.size());
        for (const std::uint32_t place : order_) {
            if (place >= seen.size() || seen[place] != 0) return false;
            seen[place] = 1;
        }
        return true;
    }

    /// Calls `f(task number, node number, GPUs)` for every task on a node.
    template <class F>
    void for_each_placed(F&& f) const {
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            for (std::uint32_t at = first_[i]; at != none; at = tasks_[at].next)
                f(tasks_[at].number, numbers_[i], tasks_[at].gpus);
        }
    }
    /// Calls `f(task number)` for every task that waits.
    template <class F>
    void for_each_waiting(F&& f) const {
        for (const waiting_task& one : waiting_) f(one.number);
    }

private:
    static constexpr std::uint32_t none = ~std::uint32_t{0};

    struct placed_task {
        gpu_mask gpus;
        Task task;
        std::uint32_t number;
        std::uint32_t next;  // of the same node, or of the free entries
    };
    struct waiting_task {
        Task task;
        std::uint32_t number;
    };

    /// Frees an entry and returns the one behind it.
    std::uint32_t release(std::uint32_t at) noexcept {
        const std::uint32_t next = tasks_[at].next;
        tasks_[at].next = free_;
        free_ = at;
        --on_nodes_;
        return next;
    }
    void take_node(std::uint32_t place, record_region<Node, Task>& region) {
        const node_index here{region.nodes.size()};
        region.places.push_back(place);
        region.nodes.push_back(nodes_[place]);
        for (std::uint32_t at = first_[place]; at != none; at = release(at)) {
            region.tasks.push_back(tasks_[at].task);
            region.numbers.push_back(tasks_[at].number);
            region.slots.push_back({here, tasks_[at].gpus});
        }
        first_[place] = none;
    }
    void write_node(std::uint32_t place, byte_writer& out) const {
        out.put(nodes_[place]);
        out.put(numbers_[place]);
        std::uint32_t count = 0;
        for (std::uint32_t at = first_[place]; at != none; at = tasks_[at].next) ++count;
        out.put(count);
        for (std::uint32_t at = first_[place]; at != none; at = tasks_[at].next) {
            out.put(tasks_[at].task);
            out.put(tasks_[at].number);
            out.put(tasks_[at].gpus);
        }
    }
    void read_node(byte_reader& in) {
        const auto node = in.get<Node>();
        const auto number = in.get<std::uint32_t>();
        const auto count = in.get<std::uint32_t>();
        if (!in.complete()) return;
        add_node(number, node);
        const std::size_t place = first_.size() - 1;
        for (std::uint32_t k = 0; k < count; ++k) {
            const auto task = in.get<Task>();
            const auto task_number = in.get<std::uint32_t>();
            const auto gpus = in.get<gpu_mask>();
            if (!in.complete()) return;
            add_placed(task_number, task, place, gpus);
        }
        // Each was put before those read earlier.
        std::uint32_t reversed = none;
        for (std::uint32_t at = first_[place]; at != none;) {
            const std::uint32_t next = tasks_[at].next;
            tasks_[at].next = reversed;
            reversed = at;
            at = next;
        }
        first_[place] = reversed;
    }

    flat<Node> nodes_;
    flat<std::uint32_t> numbers_;
    flat<std::uint32_t> first_;  // entry of `tasks_`, for each node
    flat<placed_task> tasks_;
    std::uint32_t free_ = none;
    std::size_t on_nodes_ = 0;
    flat<waiting_task> waiting_;
    flat<std::uint32_t> order_;  // in which nodes are drawn
    std::size_t drawn_ = 0;      // of `order_`
};

}  // namespace berth::inline v0::detail
