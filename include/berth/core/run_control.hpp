// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/observer.hpp"

#include <concepts>
#include <cstdint>
#include <limits>

namespace berth::inline v0 {

/// A customisation point: decides whether a run ends early. `std::stop_token` fits; write one to stop on a signal or on
/// a condition of your program. A run polls it at least once per millisecond of work, from one thread.
///
/// ```
/// struct on_signal {
///     const std::atomic<bool>* raised;
///     bool stop_requested() const noexcept { return raised->load(); }
/// };
/// berth::local_search{}.run(problem, objective, start, berth::run_control<on_signal>{.stop = {&raised}});
/// ```
///
/// A stop with a clock has further const members; `deadline` (`core/deadline.hpp`) has all of them:
///
/// - `deadline_reached()`: true from the end of its time on;
/// - `elapsed()`: the share of its time that has passed, 0 at the start, 1 or more at the end. Searches that cool or
///   slice by time read it through `run_control::elapsed`;
/// - `bounded()`, true if absent: whether its time has an end.
///
/// `examples/watch_and_stop.cpp` stops a run from another thread.
template <class S>
concept stoppable = requires(const S& s) {
    { s.stop_requested() } -> std::convertible_to<bool>;
};

/// Never ends a run early. The default.
struct never_stop {
    /// Always false.
    [[nodiscard]] constexpr bool stop_requested() const noexcept { return false; }
};

/// Why a run ended. Its plan is valid in every case.
enum class stop_reason : std::uint8_t {
    completed,         ///< nothing was left to do
    cancelled,         ///< `stop_requested()`
    budget_exhausted,  ///< `max_evaluations` were used
    deadline_reached,  ///< `deadline_reached()`
};

/// A word or two for messages and tables.
[[nodiscard]] constexpr const char* to_string(stop_reason reason) noexcept {
    switch (reason) {
        case stop_reason::completed: return "completed";
        case stop_reason::cancelled: return "cancelled";
        case stop_reason::budget_exhausted: return "budget exhausted";
        case stop_reason::deadline_reached: return "deadline reached";
    }
    return "unknown";
}

/// The limits of a run and its observer. An aggregate:
///
/// ```
/// run_control<>{.max_evaluations = 100'000}                         // only numbers: the policies are the defaults
/// run_control{.stop = token, .max_evaluations = 100'000}            // deduced; clang before 17 needs the type
/// run_control<never_stop, printer>{.observer = printer{}}           // a policy after a gap: name both
/// run_control<deadline<>>{.stop = deadline<>::after(2s)}            // a clock, from `core/deadline.hpp`
/// ```
///
/// Every call that can take longer than a millisecond takes one. Each call names its unit of evaluations: nodes scored,
/// moves evaluated, individuals evaluated. The same budget gives the same plan; the same deadline may not.
template <stoppable Stop = never_stop, observer Observer = no_observer>
struct run_control {
    Stop stop{};  ///< may end the run early
    /// The budget, in the evaluations of the call; the maximum: no budget.
    std::uint64_t max_evaluations = std::numeric_limits<std::uint64_t>::max();
    Observer observer{};  ///< receives the progress

    /// The reason to end now, or `completed` while the run may go on. The first of stop, budget, deadline that applies.
    ///
    /// @param evaluations  used so far
    [[nodiscard]] stop_reason check(std::uint64_t evaluations) const {
        if (evaluations < max_evaluations) return interruption();
        return stop.stop_requested() ? stop_reason::cancelled : stop_reason::budget_exhausted;
    }

    /// The same whatever the budget: for polls within work that a spent budget does not cut short.
    [[nodiscard]] stop_reason interruption() const {
        if (stop.stop_requested()) return stop_reason::cancelled;
        if constexpr (requires { stop.deadline_reached(); }) {
            if (stop.deadline_reached()) return stop_reason::deadline_reached;
        }
        return stop_reason::completed;
    }

    /// True if the run has an evaluation budget or a clock with an end.
    [[nodiscard]] bool bounded() const {
        if (max_evaluations != std::numeric_limits<std::uint64_t>::max()) return true;
        if constexpr (requires { stop.bounded(); }) {
            return stop.bounded();
        } else {
            return requires { stop.elapsed(); };
        }
    }

    /// The share of the run that has passed: 0 at the start, 1 or more at the end, always 0 if nothing bounds it. With
    /// an evaluation budget it is the used share of that, without regard to the clock, so that a run that meets its
    /// deadline reproduces; else it is the share of the clock's time.
    ///
    /// @param evaluations  used so far
    [[nodiscard]] double elapsed(std::uint64_t evaluations) const {
        if (max_evaluations != std::numeric_limits<std::uint64_t>::max()) {
            return max_evaluations == 0 ? 1.0 : static_cast<double>(evaluations) / static_cast<double>(max_evaluations);
        }
        if constexpr (requires { stop.elapsed(); }) {
            return bounded() ? stop.elapsed() : 0.0;
        } else {
            return 0.0;
        }
    }
};

template <stoppable Stop = never_stop, observer Observer = no_observer>
run_control(Stop = {}, std::uint64_t = 0, Observer = {}) -> run_control<Stop, Observer>;

}  // namespace berth::inline v0
