// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <concepts>

namespace berth::inline v0 {

/// Where a host keeps what is left of its counters while tasks move; a `placer` is one, so new tasks can be placed meanwhile.
///
/// 1. `b.occupy(task, where)` takes what the task wants out of the slot's counters; false, and nothing changes, if one has no room.
/// 2. `b.remove(task, where)` gives back what was taken by `occupy`, or by placing the task.
template <class B>
concept migration_ledger = requires(B& b, task_index task, const slot& where) {
    { b.occupy(task, where) } -> std::convertible_to<bool>;
    b.remove(task, where);
};

/// A ledger as ledger. Both are kept by reference.
class ledger_adapter {
public:
    ledger_adapter(const problem& p, ledger& ledger) noexcept : problem_{p}, ledger_{&ledger} {}

    [[nodiscard]] bool occupy(task_index task, const slot& where) {
        const demand_view demand = problem_.workload().demand(task);
        if (!ledger_->has_room(demand, where)) return false;
        ledger_->place(demand, where);
        return true;
    }
    void remove(task_index task, const slot& where) { ledger_->remove(problem_.workload().demand(task), where); }

private:
    problem problem_;
    ledger* ledger_;
};

static_assert(migration_ledger<ledger_adapter>);

}  // namespace berth::inline v0
