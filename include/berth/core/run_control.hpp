// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/observer.hpp"

#include <concepts>
#include <cstdint>
#include <limits>

namespace berth {

/// Something that can ask a run to stop; `std::stop_token` is one, so is any struct with this member. Polled between
/// tasks or generations, never in an inner loop. It may also have a const `deadline_reached()` that yields a bool:
/// `deadline` (`core/deadline.hpp`) does.
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
/// ```
///
/// The evaluation budget reproduces (same budget, same plan). A deadline is a `stop`, too: `core/deadline.hpp`.
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
};

template <stoppable Stop = never_stop, observer Observer = no_observer>
run_control(Stop = {}, std::uint64_t = 0, Observer = {}) -> run_control<Stop, Observer>;

}  // namespace berth
