// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/search_scope.hpp"
#include "berth/core/index.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/slot.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace berth::inline v0 {

/// What of a cluster goes through a door: every task that runs, but those on closed nodes, which stay. Moves hold both
/// ends, and reservations hold their room.
///
/// ```
/// const cluster_scope running{cluster};
/// const auto door = to_reassignment_problem(cluster.problem(), cluster.slots(), wishes, running.scope());
/// ```
///
/// A snapshot: door and answer are those of this moment, for positions of tasks that no event has changed since.
class cluster_scope {
public:
    /// O(tasks). The cluster outlives the scope.
    explicit cluster_scope(const cluster& of) : cluster_{&of} {
        for (std::size_t t = 0; t < of.slots().size(); ++t) {
            const task_index task{t};
            const slot& where = of.slots()[t];
            if (of.state(task) == task_state::moving) in_flight_.push_back({task, where, of.targets()[t]});
            if (of.state(task) == task_state::running && of.open(where.node)) tasks_.push_back(task);
        }
    }
    cluster_scope(const cluster&&) = delete;

    /// For a door; a view of this object.
    ///
    /// @param inexpressible_stay  see `search_scope`
    [[nodiscard]] search_scope scope(bool inexpressible_stay = false) const noexcept {
        return {.tasks = std::span<const task_index>{tasks_},
                .in_flight = in_flight_,
                .free = &cluster_->ledger(),
                .inexpressible_stay = inexpressible_stay};
    }
    /// The tasks that take part, in ascending order.
    [[nodiscard]] std::span<const task_index> tasks() const noexcept { return tasks_; }

private:
    const cluster* cluster_;
    std::vector<task_index> tasks_;
    std::vector<task_move> in_flight_;
};

}  // namespace berth::inline v0
