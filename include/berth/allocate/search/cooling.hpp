// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <utility>

// The temperature of an annealer over its run. When to use which:
//
//   geometric_cooling     most runs: as much time for each order of magnitude; the default
//   linear_cooling        little time at low temperatures: smooth values, where late refinements bring little
//   lundy_mees_cooling    most of the time at low temperatures: many small gains late
//   adaptive_cooling      no idea of the scale: follows the share of accepted proposals instead of temperatures
//   constant_temperature  a run that is cooled from outside, or a Metropolis sample at one temperature
//
// All are deterministic. Left out: logarithmic cooling (Hajek's, whose proof needs more time than an enumeration), and
// reheating (start another run from the plan, or set a patience).

namespace berth::inline v0 {

/// A cooling schedule: `c.at(share)` is the temperature when this share of the run, 0 to 1, is used; above 0, in the
/// unit of the values, not rising by contract. Write one when neither of those above spends the time where it pays:
///
/// ```
/// struct two_steps {
///     double at(double share) const { return share < 0.5 ? 10.0 : 0.1; }
/// };
/// ```
///
/// A schedule that follows the run has a member `start()` instead, which makes the state of one run. That state has
/// `at(share)`, not const, and optionally `decided(accepted)`, called after each proposal; `adaptive_cooling` is one.
template <class C>
concept cooling_schedule = std::copy_constructible<C> && (requires(const C& c, double share) {
                               { c.at(share) } -> std::convertible_to<double>;
                           } || requires(const C& c, double share) {
                               { c.start().at(share) } -> std::convertible_to<double>;
                           });

/// Falls by the same factor in equal parts of the run: first · (last / first)^share.
///
/// Kirkpatrick, Gelatt, Vecchi, "Optimization by simulated annealing", Science 220, 1983.
struct geometric_cooling {
    double first = 1.0;  ///< above 0
    double last = 0.01;  ///< above 0

    /// See `cooling_schedule`.
    [[nodiscard]] double at(double share) const noexcept { return first * std::pow(last / first, share); }
};

/// Falls by the same amount in equal parts of the run.
struct linear_cooling {
    double first = 1.0;  ///< above 0
    double last = 0.01;  ///< above 0

    /// See `cooling_schedule`.
    [[nodiscard]] double at(double share) const noexcept { return first + (last - first) * share; }
};

/// The inverse of the temperature rises by the same amount in equal parts of the run: the limit of T / (1 + βT) after
/// each of many steps. Fast at first, slow at the end.
///
/// Lundy, Mees, "Convergence of an annealing algorithm", Mathematical Programming 34, 1986.
struct lundy_mees_cooling {
    double first = 1.0;  ///< above 0
    double last = 0.01;  ///< above 0

    /// See `cooling_schedule`.
    [[nodiscard]] double at(double share) const noexcept { return first / (1.0 + (first / last - 1.0) * share); }
};

/// One temperature.
struct constant_temperature {
    double temperature = 1.0;  ///< 0 or more; 0 accepts nothing worse

    /// See `cooling_schedule`.
    [[nodiscard]] double at(double) const noexcept { return temperature; }
};

/// Steers the temperature so that the share of accepted proposals follows a target: from all at the start to 0.44 after
/// 15 % of the run, there until 65 %, then down to 0.001. Needs no scale of the values: the temperature is multiplied
/// or divided by `step` after each proposal. Proposals that change nothing count as accepted, so leave them out.
///
/// Lam, Delosme, "Performance of a new annealing schedule", DAC 1988, in the form of Swartz (1993).
struct adaptive_cooling {
    double first = 1.0;   ///< above 0; a wrong one costs a few thousand proposals
    double step = 1.001;  ///< above 1

    /// The state of a run.
    class state {
    public:
        /// Begins as if all proposals had been accepted.
        explicit state(const adaptive_cooling& rule) noexcept : temperature_{rule.first}, step_{rule.step} {}
        /// Sets the target for this share of the run.
        [[nodiscard]] double at(double share) noexcept {
            constexpr double heating = 0.15;
            constexpr double cooling = 0.65;
            constexpr double plateau = 0.44;
            target_ = plateau;
            if (share < heating) target_ += (1.0 - plateau) * std::pow(560.0, -share / heating);
            if (share > cooling) target_ *= std::pow(440.0, -(share - cooling) / (1.0 - cooling));
            return temperature_;
        }
        /// Takes a proposal into account; the temperature from now on.
        double decided(bool accepted) noexcept {
            constexpr double weight = 1.0 / 500.0;
            rate_ += weight * ((accepted ? 1.0 : 0.0) - rate_);
            temperature_ *= rate_ > target_ ? 1.0 / step_ : step_;
            constexpr double least = 1e-300;  // proposals that all fail must not end in 0 or infinity
            constexpr double most = 1e300;
            temperature_ = temperature_ < least ? least : temperature_ > most ? most : temperature_;
            return temperature_;
        }

    private:
        double temperature_;
        double step_;
        double rate_ = 1.0;
        double target_ = 1.0;
    };
    /// See `cooling_schedule`.
    [[nodiscard]] state start() const noexcept { return state{*this}; }
};

static_assert(cooling_schedule<geometric_cooling> && cooling_schedule<linear_cooling> &&
              cooling_schedule<lundy_mees_cooling> && cooling_schedule<constant_temperature> &&
              cooling_schedule<adaptive_cooling>);

namespace detail {

template <class C>
[[nodiscard]] constexpr auto start_cooling(const C& schedule) {
    if constexpr (requires { schedule.start(); }) {
        return schedule.start();
    } else {
        return schedule;
    }
}

}  // namespace detail

}  // namespace berth::inline v0
