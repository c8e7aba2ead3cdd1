// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/concepts.hpp"
#include "berth/migrate/order/migration_cost.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

namespace berth::inline v0 {

/// Prices are in the unit of gains: with the triggers' default weights, 1 is a GPU at its limit for a second.
struct migration_weights {
    double horizon = 600.0;   ///< seconds for which loads are believed to stay what they are
    double downtime = 1.0;    ///< of each second in which the task does not run
    double byte = 0.0;        ///< of each byte (in the unit of `state_bytes`) that travels
    double move = 0.0;  ///< of each move, whatever it carries
    double failure = 0.0;     ///< of losing the task
    double failure_probability = 0.0;
};

/// A move has to earn its price before its task ends or the horizon is reached:
///
///     gain a second * min(remaining, horizon)  >  price(downtime) + price(bytes) + P(failure) * price(failure)
///
/// The default asks one second of a GPU at its limit for every second of downtime.
template <migration_cost_model Cost = uniform_migration>
struct payback {
    Cost cost{};
    migration_weights prices{};

    [[nodiscard]] migration_estimate estimate(const problem& p, const task_move& r) const { return cost(p, r); }
    [[nodiscard]] constexpr double gain(double rate, double remaining) const noexcept {
        const double seconds = remaining < prices.horizon ? remaining : prices.horizon;
        return rate * (seconds > 0.0 ? seconds : 0.0);
    }
    [[nodiscard]] constexpr double price(const migration_estimate& e) const noexcept {
        return prices.move + prices.downtime * e.downtime + prices.byte * static_cast<double>(e.bytes) +
               prices.failure_probability * prices.failure;
    }
};
payback() -> payback<>;
template <class Cost>
payback(Cost) -> payback<Cost>;
template <class Cost>
payback(Cost, migration_weights) -> payback<Cost>;

static_assert(move_valuation<payback<>>);

}  // namespace berth::inline v0
