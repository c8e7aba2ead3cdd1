// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/search/cooling.hpp"
#include "berth/core/random.hpp"

#include <cmath>
#include <limits>
#include <utility>

namespace berth::inline v0 {

/// The acceptance of simulated annealing in one run: a change that is not worse always, one worse by d with probability
/// exp(-d / temperature). The temperature is that of a cooling schedule at the share of the run that is used.
///
/// Metropolis, Rosenbluth, Rosenbluth, Teller, Teller, "Equation of state calculations by fast computing machines",
/// Journal of Chemical Physics 21, 1953.
template <cooling_schedule Cooling = geometric_cooling>
class metropolis {
public:
    static constexpr double always_draw = std::numeric_limits<double>::infinity();  ///< for `hopeless`

    /// Begins at the first temperature.
    ///
    /// @param hopeless  a change worse than so many temperatures is refused without a draw
    explicit metropolis(const Cooling& schedule = {}, double hopeless = always_draw)
        : cooling_{detail::start_cooling(schedule)}, temperature_{cooling_.at(0.0)}, hopeless_{hopeless} {}

    /// True if the change is taken. Draws only for a worse one.
    [[nodiscard]] bool accepts(double delta, xoshiro256& random) {
        const bool taken = takes(delta, random);
        if constexpr (requires { cooling_.decided(taken); }) temperature_ = cooling_.decided(taken);
        return taken;
    }
    /// Sets the temperature for this share of the run; clamped to 0 and 1.
    void elapsed(double share) { temperature_ = cooling_.at(share < 0.0 ? 0.0 : share > 1.0 ? 1.0 : share); }
    /// As it stands, in the unit of the values.
    [[nodiscard]] double temperature() const noexcept { return temperature_; }

private:
    [[nodiscard]] bool takes(double delta, xoshiro256& random) const {
        if (delta <= 0.0) return true;
        if (delta > hopeless_ * temperature_) return false;
        return uniform01(random) < std::exp(-delta / temperature_);
    }

    decltype(detail::start_cooling(std::declval<const Cooling&>())) cooling_;
    double temperature_;
    double hopeless_;
};

}  // namespace berth::inline v0
