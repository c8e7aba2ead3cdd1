// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <concepts>

namespace berth::inline v0 {

/// What keeps the free amounts of all counters while tasks move. A `placer` is one, so that new tasks can be placed
/// meanwhile, and `ledger_adapter` makes one of a `ledger`. Write one if your scheduler keeps its own ledger
/// (`examples/own_executor.cpp`):
///
/// 1. `l.occupy(task, where)` takes the task's demand out of the slot's counters; false, and no change, if one of them
///    has no room.
/// 2. `l.remove(task, where)` gives back what `occupy`, or placing the task, has taken.
template <class L>
concept migration_ledger = requires(L& l, task_index task, const slot& where) {
    { l.occupy(task, where) } -> std::convertible_to<bool>;
    l.remove(task, where);
};

/// A `ledger` as `migration_ledger`. Problem and ledger are kept by reference.
class ledger_adapter {
public:
    /// Both must outlive the adapter.
    ledger_adapter(const problem& p, ledger& ledger) noexcept : problem_{p}, ledger_{&ledger} {}

    /// Takes the task's demand; false, and no change, if there is no room. O(counters of the slot).
    [[nodiscard]] bool occupy(task_index task, const slot& where) {
        const demand_view demand = problem_.workload().demand(task);
        if (!ledger_->has_room(demand, where)) return false;
        ledger_->place(demand, where);
        return true;
    }
    /// Gives the task's demand back. O(counters of the slot).
    void remove(task_index task, const slot& where) { ledger_->remove(problem_.workload().demand(task), where); }

private:
    problem problem_;
    ledger* ledger_;
};

static_assert(migration_ledger<ledger_adapter>);

}  // namespace berth::inline v0
