// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/ledger.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <concepts>

namespace berth::inline v0 {

/// What keeps the free amounts of all counters while tasks move, for runs that are not on a `cluster`. `ledger_adapter`
/// makes one of a `ledger`, and a `defragment_state` is one. Write one if your scheduler keeps its own ledger:
///
/// 1. `l.begin(move)`: the task holds the target as well as the source. False, and no change, if a counter of the
/// target
///    has no room. Not called where the target is `unplaced`.
/// 2. `l.finish(move)`: the task is at the target; what it holds at the source is given back.
/// 3. `l.cancel(move)`: the task is still at the source; what it holds at the target is given back. Not called where
/// the
///    target is `unplaced`.
/// 4. `l.lose(move)`: the task is nowhere any more; both ends are given back.
///
/// An end that is `unplaced` holds nothing. A `placer` is none, because it keeps kinds of tasks and not which of them
/// is where: let new tasks be placed during a run on a `cluster`, which the run and the placers share.
template <class L>
concept migration_ledger = requires(L& l, const task_move& move) {
    { l.begin(move) } -> std::convertible_to<bool>;
    l.finish(move);
    l.cancel(move);
    l.lose(move);
};

/// A `ledger` as `migration_ledger`. Problem and ledger are kept by reference.
class ledger_adapter {
public:
    /// Both must outlive the adapter.
    ledger_adapter(const problem& p, ledger& ledger) noexcept : problem_{p}, ledger_{&ledger} {}

    /// Takes the target; false, and no change, if there is no room. O(counters of the slot), as the others.
    [[nodiscard]] bool begin(const task_move& move) { return ledger_->try_place(demand_of(move), move.to); }
    /// Gives the source back.
    void finish(const task_move& move) {
        if (move.from.placed()) ledger_->remove(demand_of(move), move.from);
    }
    /// Gives the target back.
    void cancel(const task_move& move) {
        if (move.to.placed()) ledger_->remove(demand_of(move), move.to);
    }
    /// Gives both back.
    void lose(const task_move& move) {
        finish(move);
        cancel(move);
    }

private:
    [[nodiscard]] demand_view demand_of(const task_move& move) const noexcept {
        return problem_.workload().demand(move.task);
    }

    problem problem_;
    ledger* ledger_;
};

static_assert(migration_ledger<ledger_adapter>);

}  // namespace berth::inline v0
