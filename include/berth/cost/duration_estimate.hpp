// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/index.hpp"

#include <cmath>
#include <concepts>
#include <limits>
#include <span>

namespace berth::inline v0 {

/// How long a task is expected to run. Unknown by default, which is not zero.
struct expected_duration {
    double seconds = std::numeric_limits<double>::quiet_NaN();  ///< as likely exceeded as not; NaN if unknown
    double low = 0.0;                                           ///< the 10 % quantile
    double high = std::numeric_limits<double>::infinity();      ///< the 90 % quantile

    /// True if anything is known.
    [[nodiscard]] bool known() const noexcept { return !std::isnan(seconds); }
};

/// A customisation point: how long a task runs on a GPU model, for whoever orders tasks, reserves room or simulates:
/// `d(task, model)`. Write one if you know or predict durations; a lambda is one:
///
/// ```
/// const auto by_user = [&](berth::task_index t, berth::model_index) {
///     return berth::expected_duration{.seconds = wish[t.value()], .low = 0.0, .high = 2.0 * wish[t.value()]};
/// };
/// ```
///
/// 1. The running time on a healthy GPU: neither waiting nor interruptions. Seconds, above 0; low <= seconds <= high.
/// 2. `model` is invalid where the GPU is not chosen yet: answer for a typical one.
/// 3. What is unknown is answered by `expected_duration{}`, never by 0.
/// 4. Const and deterministic; does not allocate.
///
/// `learn/learned_duration.hpp` has one that learns.
template <class D>
concept duration_estimate = requires(const D& d, task_index task, model_index model) {
    { d(task, model) } -> std::convertible_to<expected_duration>;
};

/// Nothing is known about any task.
struct unknown_durations {
    /// Always unknown.
    [[nodiscard]] expected_duration operator()(task_index, model_index) const noexcept { return {}; }
};

/// Durations that are known, the same on every GPU model. Keeps a view.
struct known_durations {
    std::span<const double> seconds;  ///< one for each task; NaN: unknown

    /// The duration of a task; unknown beyond the end of the list.
    [[nodiscard]] expected_duration operator()(task_index task, model_index) const noexcept {
        if (task.value() >= seconds.size() || std::isnan(seconds[task.value()])) return {};
        const double known = seconds[task.value()];
        return {known, known, known};
    }
};

static_assert(duration_estimate<unknown_durations>);
static_assert(duration_estimate<known_durations>);

}  // namespace berth::inline v0
