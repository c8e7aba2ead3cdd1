// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/migrate/run/migration_executor.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace berth::inline v0 {

/// Probabilities of the faults of one action; the first three add up to at most 1.
struct action_faults {
    double refused = 0.0;      ///< it fails without effect
    double misreported = 0.0;  ///< it has its effect, and is reported as failed
    double hangs = 0.0;        ///< it does not end before it is aborted; then it had its effect with probability 1/2
    double fatal = 0.0;        ///< of refused actions on the only image (`restore`, `restore_back`): the task is lost
};

/// The faults that `simulated_executor` injects. A description.
struct simulated_faults {
    std::uint64_t seed = 0;                                  ///< of all random draws
    std::array<action_faults, migration_action_count> of{};  ///< by `migration_action`
    double spread = 0.0;         ///< durations vary by this part of themselves, up and down; below 1
    double abort_seconds = 1.0;  ///< from an abort to the end of the action
    bool keeps_images = true;    ///< the source's image outlives a restore at the target

    /// Of one action: `faults[migration_action::restore].fatal = 0.1`.
    [[nodiscard]] action_faults& operator[](migration_action action) noexcept {
        return of[static_cast<std::size_t>(action)];
    }
    /// Of one action.
    [[nodiscard]] const action_faults& operator[](migration_action action) const noexcept {
        return of[static_cast<std::size_t>(action)];
    }
    /// The same faults for every action.
    ///
    /// @param probability  of a fault: a third each is refused, misreported and hangs
    /// @param fatal        probability that a refused restore loses the task
    /// @param seed         of all random draws
    [[nodiscard]] static simulated_faults everywhere(double probability, double fatal, std::uint64_t seed) noexcept {
        simulated_faults faults{.seed = seed};
        const double third = probability / 3.0;
        faults.of.fill({.refused = third, .misreported = third, .hangs = third, .fatal = fatal});
        return faults;
    }
};

}  // namespace berth::inline v0
