// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/cost/concepts.hpp"

#include <cmath>
#include <cstddef>

namespace berth::inline v0 {

/// What one GPU draws: idle, busy, and never more than its power limit. For a GPU that was measured at several limits
/// use a `power_profile`, because measured speed and power follow no formula.
struct gpu_power {
    double idle = 30.0;    ///< watts without work, 0 or more
    double busy = 300.0;   ///< watts at full load and without a limit, at least `idle`
    double limit = 300.0;  ///< watts that it may draw, above 0; a limit below `idle` holds nothing back

    /// Watts at a load. NaN if the load is NaN: an unknown load is not an idle GPU. O(1).
    ///
    /// @param load  the share of the GPU in use, 0..1; what is beyond counts as the end of the range
    [[nodiscard]] double watts(double load) const noexcept {
        if (load != load) return load;
        const double share = load < 0.0 ? 0.0 : load > 1.0 ? 1.0 : load;
        const double wanted = idle + share * (busy - idle);
        const double most = limit < idle ? idle : limit;
        return wanted < most ? wanted : most;
    }
    /// Joules over a time in seconds at one load. O(1).
    [[nodiscard]] double joules(double load, double seconds) const noexcept { return watts(load) * seconds; }
};

/// Checks the ranges that the members name. The error names the field.
[[nodiscard]] inline result<void> validate(const gpu_power& power) {
    if (!(power.idle >= 0.0 && std::isfinite(power.idle))) {
        return error{error_code::invalid_value, "gpu power: idle is not a finite number from 0 on"};
    }
    if (!(std::isfinite(power.busy) && power.busy >= power.idle)) {
        return error{error_code::invalid_value, "gpu power: busy is not a finite number from idle on"};
    }
    if (!(power.limit > 0.0 && std::isfinite(power.limit))) {
        return error{error_code::invalid_value, "gpu power: limit is not a finite number above 0"};
    }
    return {};
}

/// The energy of a task on a GPU, in joules: the seconds of another cost model times the watts of a busy GPU,
///
///     c(t, g) = seconds(t, g) * min(g[busy], g[limit])
///
/// A cost model like any other: a term of `weighted_terms`, the model of a `bound_cost`. The seconds are those under
/// the limit; a model of time that knows no limits gives the energy of a task that the limit does not slow down. As
/// fast as the model of time.
///
/// @tparam Seconds  a `cost_model` in seconds
template <cost_model Seconds>
struct energy_cost {
    Seconds seconds;        ///< the time of a task on a GPU
    std::size_t busy = 1;   ///< column of a GPU row: watts at full load
    std::size_t limit = 2;  ///< column of a GPU row: the power limit in watts

    /// The energy in joules.
    [[nodiscard]] double operator()(feature_row task, feature_row gpu) const {
        BERTH_ASSERT(busy < gpu.size() && limit < gpu.size(),
                     "berth: energy_cost reads a column that the feature row does not have");
        return static_cast<double>(seconds(task, gpu)) * (gpu[busy] < gpu[limit] ? gpu[busy] : gpu[limit]);
    }
};
template <class Seconds>
energy_cost(Seconds) -> energy_cost<Seconds>;
template <class Seconds>
energy_cost(Seconds, std::size_t, std::size_t) -> energy_cost<Seconds>;

}  // namespace berth::inline v0
