// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/balance_round.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>

namespace berth::inline v0::detail {

/// The gangs that a drain could not move as a whole in one round, and what kept them.
class held_gangs {
public:
    /// None. O(gangs held before).
    void clear() noexcept {
        for (const held& h : held_) marks_[h.gang.value()] = 0;
        held_.clear();
    }
    /// Keeps a gang where it is, because of what keeps one of its tasks.
    void hold(const workload& work, group_index gang, task_index task, stay_reason why) {
        if (marks_.size() < work.group_count()) marks_.resize(work.group_count(), 0);
        marks_[gang.value()] = 1;
        held_.push_back({gang, task, why});
    }
    [[nodiscard]] bool holds(group_index gang) const noexcept {
        return gang.valid() && gang.value() < marks_.size() && marks_[gang.value()] != 0;
    }
    /// Why a task of a gang that is held stays. O(gangs held).
    [[nodiscard]] stay_reason reason(task_index t) const noexcept {
        for (const held& h : held_) {
            if (h.task == t) return h.why;
        }
        return stay_reason::group_incomplete;
    }

private:
    struct held {
        group_index gang;
        task_index task;
        stay_reason why;
    };

    flat<std::uint8_t> marks_;  // per group
    flat<held> held_;
};

}  // namespace berth::inline v0::detail
