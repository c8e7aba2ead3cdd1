// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/index.hpp"
#include "berth/cost/concepts.hpp"
#include "berth/cost/duration_estimate.hpp"
#include "berth/learn/class_speed.hpp"
#include "berth/learn/log_estimate.hpp"

#include <cmath>
#include <cstddef>
#include <span>

namespace berth::inline v0 {

/// The interval of 80 % as a duration; unknown if the estimate is, or if its deviation exceeds `most`.
[[nodiscard]] inline expected_duration to_duration(const log_estimate& seconds, double most = 5.0) noexcept {
    if (!(seconds.deviation <= most)) return {};
    const interval range = seconds.interval(0.8);
    return {seconds.median(), range.low, range.high};
}

/// Durations of tasks from learned speeds: work / speed. A `duration_estimate` for whoever asks by GPU model, and a
/// `pair_cost` (seconds) for allocation. Keeps views, which have to outlive it; sees what the model learns later.
struct learned_duration {
    const class_speed* speeds = nullptr;        ///< in units of work a second
    std::span<const std::size_t> task_class;    ///< position in `speeds`, one for each task
    std::span<const double> work;               ///< that is left, one for each task; not above 0 or NaN: unknown
    std::span<const std::size_t> gpu_model_of;  ///< position in `speeds` for each GPU model of the fleet
    std::span<const std::size_t> gpu_model_at =
        {};  ///< position in `speeds` for each GPU of the fleet, for costs by GPU

    /// How long a task runs on a GPU model. For an invalid model, on the first that is listed.
    [[nodiscard]] expected_duration operator()(task_index task, model_index model) const noexcept {
        const std::size_t m = model.valid() ? model.value() : 0;
        if (task.value() >= work.size() || m >= gpu_model_of.size()) return {};
        return estimate(task, gpu_model_of[m]);
    }
    /// The seconds of a task on a GPU. Its work has to be known.
    [[nodiscard]] double operator()(task_index task, gpu_index gpu) const noexcept {
        BERTH_ASSERT(task.value() < work.size() && gpu.value() < gpu_model_at.size() && work[task.value()] > 0.0,
                     "berth: learned_duration has no work of the task, or no model of the GPU");
        return work[task.value()] / speeds->predict(task_class[task.value()], gpu_model_at[gpu.value()]).median();
    }

private:
    [[nodiscard]] expected_duration estimate(task_index task, std::size_t model) const noexcept {
        const double left = work[task.value()];
        if (!(left > 0.0) || !std::isfinite(left)) return {};
        return to_duration(speeds->predict(task_class[task.value()], model).into(left));
    }
};

static_assert(duration_estimate<learned_duration>);
static_assert(pair_cost<learned_duration>);

}  // namespace berth::inline v0
