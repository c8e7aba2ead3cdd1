// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/concepts.hpp"
#include "berth/migrate/order/migration_cost.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

namespace berth::inline v0 {

/// Weights of the cost of a move, in the unit of gains: with the triggers' default weights, 1 is one second of a GPU at
/// its limit. All are 0 or more.
struct migration_weights {
    double horizon = 600.0;            ///< seconds for which the measured loads are assumed to last
    double downtime = 1.0;             ///< per second in which the task does not run
    double byte = 0.0;                 ///< per byte that travels (in the unit of `state_bytes`)
    double move = 0.0;                 ///< per move, whatever it carries
    double failure = 0.0;              ///< for the loss of the task
    double failure_probability = 0.0;  ///< that a move loses its task, 0 to 1
};

/// The default `move_valuation`: a move is worth it if its gain exceeds its cost before the task ends or the horizon is
/// reached.
///
///     rate · min(remaining, horizon)  >  move + downtime · seconds + byte · bytes + P(failure) · failure
///
/// With the default weights a second of downtime has to save one second of a GPU at its limit. O(1) besides the cost
/// model.
template <migration_cost_model Cost = uniform_migration>
struct payback {
    Cost cost_model{};            ///< estimates duration, downtime and bytes
    migration_weights weights{};  ///< the weights above

    /// What the cost model expects of the move.
    [[nodiscard]] migration_estimate estimate(const problem& p, const task_move& r) const { return cost_model(p, r); }
    /// @param rate       gain per second
    /// @param remaining  seconds until the task ends; below 0 counts as 0
    /// @return           the gain until the task ends or the horizon is reached
    [[nodiscard]] constexpr double gain(double rate, double remaining) const noexcept {
        const double seconds = remaining < weights.horizon ? remaining : weights.horizon;
        return rate * (seconds > 0.0 ? seconds : 0.0);
    }
    /// The weighted sum above, right side.
    [[nodiscard]] constexpr double cost(const migration_estimate& e) const noexcept {
        return weights.move + weights.downtime * e.downtime + weights.byte * static_cast<double>(e.bytes) +
               weights.failure_probability * weights.failure;
    }
};
payback() -> payback<>;
template <class Cost>
payback(Cost) -> payback<Cost>;
template <class Cost>
payback(Cost, migration_weights) -> payback<Cost>;

static_assert(move_valuation<payback<>>);

}  // namespace berth::inline v0
