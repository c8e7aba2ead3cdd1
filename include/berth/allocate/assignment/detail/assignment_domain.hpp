// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/core/flat.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>

namespace berth::inline v0::detail {

/// The decisions at a node of branch and bound: allowed pairs, tasks with a GPU, free capacity; with a trail to undo
/// them.
class assignment_domain {
public:
    static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

    explicit assignment_domain(const priced_problem& p)
        : p_{&p}, allowed_(p.tasks() * p.gpus(), 1), choices_(p.tasks(), p.gpus()), gpu_of_(p.tasks(), none) {
        room_.append(p.capacities());
    }
    [[nodiscard]] bool allowed(std::size_t t, std::size_t g) const noexcept {
        return allowed_[t * p_->gpus() + g] != 0;
    }
    [[nodiscard]] std::size_t gpu_of(std::size_t t) const noexcept { return gpu_of_[t]; }
    [[nodiscard]] std::size_t choices(std::size_t t) const noexcept { return choices_[t]; }
    [[nodiscard]] amount room(std::size_t g) const noexcept { return room_[g]; }
    [[nodiscard]] bool complete() const noexcept {
        for (const std::size_t g : gpu_of_) {
            if (g == none) return false;
        }
        return true;
    }

    [[nodiscard]] std::size_t mark() const noexcept { return trail_.size(); }
    void undo(std::size_t mark) noexcept {
        for (; trail_.size() > mark; trail_.pop_back()) {
            const change last = trail_.back();
            if (last.placed) {
                gpu_of_[last.task] = none;
                room_[last.gpu] += p_->load(last.task, last.gpu);
            } else {
                allowed_[last.task * p_->gpus() + last.gpu] = 1;
                ++choices_[last.task];
            }
        }
    }
    void forbid(std::size_t t, std::size_t g) {
        if (!allowed(t, g)) return;
        allowed_[t * p_->gpus() + g] = 0;
        --choices_[t];
        trail_.push_back({static_cast<std::uint32_t>(t), static_cast<std::uint32_t>(g), false});
    }
    void place(std::size_t t, std::size_t g) {
        gpu_of_[t] = g;
        room_[g] -= p_->load(t, g);
        trail_.push_back({static_cast<std::uint32_t>(t), static_cast<std::uint32_t>(g), true});
    }
    /// Forbids pairs that no longer fit and places tasks with a single choice, until nothing changes. False if a task
    /// has no choice left.
    [[nodiscard]] bool settle() {
        for (bool changed = true; changed;) {
            changed = false;
            for (std::size_t t = 0; t < p_->tasks(); ++t) {
                if (gpu_of_[t] != none) continue;
                std::size_t only = none;
                for (std::size_t g = 0; g < p_->gpus(); ++g) {
                    if (!allowed(t, g)) continue;
                    if (p_->load(t, g) > room_[g]) {
                        forbid(t, g);
                    } else {
                        only = g;
                    }
                }
                if (choices_[t] == 0) return false;
                if (choices_[t] > 1) continue;
                place(t, only);
                changed = true;
            }
        }
        return true;
    }

private:
    struct change {
        std::uint32_t task;
        std::uint32_t gpu;
        bool placed;
    };

    const priced_problem* p_;
    flat<char> allowed_;
    flat<std::size_t> choices_;
    flat<std::size_t> gpu_of_;
    flat<amount> room_;
    flat<change> trail_;
};

}  // namespace berth::inline v0::detail
