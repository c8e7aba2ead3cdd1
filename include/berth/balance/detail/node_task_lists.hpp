// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"

#include <cstddef>
#include <limits>

namespace berth::inline v0::detail {

/// The tasks of each node as doubly linked lists: O(1) to add and remove, no allocation after construction.
class node_task_lists {
public:
    node_task_lists(std::size_t nodes, std::size_t tasks)
        : first_(nodes, none), next_(tasks, none), previous_(tasks, none) {}

    /// As a new one of that size.
    void resize(std::size_t nodes, std::size_t tasks) {
        first_.assign(nodes, none);
        next_.assign(tasks, none);
        previous_.assign(tasks, none);
    }
    void clear() noexcept {
        for (std::size_t& head : first_) head = none;
    }
    void add(task_index t, node_index n) noexcept {
        const std::size_t task = t.value();
        std::size_t& head = first_[n.value()];
        previous_[task] = none;
        next_[task] = head;
        if (head != none) previous_[head] = task;
        head = task;
    }
    void remove(task_index t, node_index n) noexcept {
        const std::size_t task = t.value();
        if (previous_[task] != none) {
            next_[previous_[task]] = next_[task];
        } else {
            first_[n.value()] = next_[task];
        }
        if (next_[task] != none) previous_[next_[task]] = previous_[task];
    }
    [[nodiscard]] bool any(node_index n) const noexcept { return first_[n.value()] != none; }
    template <class F>
    void each(node_index n, const F& f) const {
        for (std::size_t t = first_[n.value()]; t != none; t = next_[t]) f(task_index{t});
    }

private:
    static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

    flat<std::size_t> first_;  // of each node the head of its list
    flat<std::size_t> next_;
    flat<std::size_t> previous_;
};

}  // namespace berth::inline v0::detail
