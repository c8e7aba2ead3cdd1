// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/resources.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <concepts>

namespace berth::inline v0 {

/// Time and bytes of one move.
struct migration_estimate {
    double duration = 0.0;  ///< seconds from reserving the target to releasing the source
    double downtime = 0.0;  ///< seconds in which the task does not run, or repeats lost work
    amount bytes = 0;       ///< that travel

    friend constexpr bool operator==(const migration_estimate&, const migration_estimate&) noexcept = default;
};

/// Estimates how long a move takes and how long the task is down. Write one if you know more about your tasks than
/// these do: `costs/stop_and_copy.hpp` (checkpoint, transfer, restore), `costs/pre_copy.hpp` (copy while it runs),
/// `costs/restart.hpp` (from the application's own checkpoint), `uniform_migration` below. A lambda is one:
///
/// ```
/// const auto by_state = [](const problem& p, const task_move& move) {
///     const double seconds = static_cast<double>(p.workload().state_bytes(move.task)) / 2e9;
///     return migration_estimate{.duration = seconds, .downtime = seconds};
/// };
/// const auto plan = migration_order{by_state}.run(problem, initial, wanted);
/// ```
///
/// One end of the move may be `unplaced`: the task is parked in host memory, or fetched from it. Read-only and
/// deterministic; durations and downtimes are finite and not negative. The downtime exceeds the duration where lost
/// work is repeated at the target.
template <class M>
concept migration_cost_model =
    std::copy_constructible<M> && requires(const M& m, const problem& p, const task_move& r) {
        { m(p, r) } -> std::same_as<migration_estimate>;
    };

/// Every move takes the same time. For tests, and where only the number of waves matters.
struct uniform_migration {
    double seconds = 1.0;  ///< duration and downtime

    /// Estimates one move.
    [[nodiscard]] migration_estimate operator()(const problem& p, const task_move& r) const noexcept {
        return {seconds, seconds, p.workload().state_bytes(r.task)};
    }
};

static_assert(migration_cost_model<uniform_migration>);

}  // namespace berth::inline v0
