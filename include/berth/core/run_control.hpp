// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/observer.hpp"

#include <concepts>
#include <cstdint>
#include <limits>

namespace berth::inline v0 {

/// Something that can ask a run to stop: `std::stop_token`, or any struct with this member. A run polls it at least once per
/// millisecond of work, never in an innermost loop.
///
/// A stop with a clock has three more const members (`deadline` in `core/deadline.hpp` does):
///
/// - `deadline_reached()` yields a bool;
/// - `elapsed()` yields the share of the time that is used, 0 at the start, 1 or more at the end; searches that cool or slice by time
///   read it through `run_control::elapsed`;
/// - `bounded()` (optional, true if absent) yields whether that time has an end.
template <class S>
concept stoppable = requires(const S& s) {
    { s.stop_requested() } -> std::convertible_to<bool>;
};

/// Never asks. The default.
struct never_stop {
    [[nodiscard]] constexpr bool stop_requested() const noexcept { return false; }
};

/// Why a run ended. Only `completed` means that nothing was left to do; the plan is valid in every case.
enum class stop_reason : std::uint8_t { completed, cancelled, budget_exhausted, deadline_reached };

[[nodiscard]] constexpr const char* to_string(stop_reason reason) noexcept {
    switch (reason) {
        case stop_reason::completed: return "completed";
        case stop_reason::cancelled: return "cancelled";
        case stop_reason::budget_exhausted: return "budget exhausted";
        case stop_reason::deadline_reached: return "deadline reached";
    }
    return "unknown";
}

/// How long a run may go on and who watches it. An aggregate:
///
/// ```
/// run_control<>{.max_evaluations = 100'000}                         // only numbers: the policies are the defaults
/// run_control{.stop = token, .max_evaluations = 100'000}            // deduced; clang before 17 wants the type named
/// run_control<never_stop, printer>{.observer = printer{}}           // a policy after a gap: name both
/// run_control<deadline<>>{.stop = deadline<>::after(2s)}            // a clock, from `core/deadline.hpp`
/// ```
///
/// Every call that can take longer than a millisecond takes one. `max_evaluations` is its budget, in units that the call names (nodes
/// scored, moves evaluated, individuals evaluated). The budget reproduces: same budget, same plan. A deadline does not.
template <stoppable Stop = never_stop, observer Observer = no_observer>
struct run_control {
    Stop stop{};
    std::uint64_t max_evaluations = std::numeric_limits<std::uint64_t>::max();
    Observer observer{};

    /// The reason to end now, or `completed` while the run may go on. Order: stop, budget, deadline.
    [[nodiscard]] stop_reason check(std::uint64_t evaluations) const {
        if (stop.stop_requested()) return stop_reason::cancelled;
        if (evaluations >= max_evaluations) return stop_reason::budget_exhausted;
        if constexpr (requires { stop.deadline_reached(); }) {
            if (stop.deadline_reached()) return stop_reason::deadline_reached;
        }
        return stop_reason::completed;
    }

    /// True if an evaluation budget or a clock says when the run ends.
    [[nodiscard]] bool bounded() const {
        if (max_evaluations != std::numeric_limits<std::uint64_t>::max()) return true;
        if constexpr (requires { stop.bounded(); }) {
            return stop.bounded();
        } else {
            return requires { stop.elapsed(); };
        }
    }

    /// The share of the run that is used: 0 at the start, 1 or more at the end, 0 throughout if nothing bounds it. With an evaluation
    /// budget it is the budget's share, whatever the clock says, so that a run within its deadline reproduces; else the clock's.
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
