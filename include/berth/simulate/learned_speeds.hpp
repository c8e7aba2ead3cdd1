// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/matrix_view.hpp"
#include "berth/learn/class_speed.hpp"
#include "berth/learn/exploration.hpp"
#include "berth/queue/round_policy.hpp"
#include "berth/simulate/speeds.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace berth::inline v0 {

/// Speeds that a scheduler learns from the rounds that ended. What is little known is believed to be better than it is,
/// so that it is tried.
///
/// @tparam Explore  how; see `learn/exploration.hpp`
template <exploration Explore = optimism>
struct learned_speeds {
    class_speed* model = nullptr;           ///< learns; has all classes and GPU models, these by position
    std::span<const std::size_t> class_of;  ///< of each job, by number: its class of the model
    /// Optional, of each job (row) on each GPU model (column): where a speed of 0 says that it cannot run; no rows: it
    /// can run everywhere.
    matrix_view<const double> possible{};
    Explore explore{};  ///< how to reckon with what is little known

    /// Learns from `view.ended`, then fills in what is believed. O(observations × coefficients²).
    void estimate(const round_view& view, matrix_view<double> speeds, matrix_view<double> doubts) {
        for (const round_outcome& o : view.ended) {
            if (!(o.steps > 0.0) || !(o.ran_s > 0.0)) continue;
            static_cast<void>(model->observe(class_of[o.id], o.model.value(), o.steps / o.ran_s));
        }
        for (std::size_t j = 0; j < view.jobs.size(); ++j) {
            const std::uint32_t id = view.jobs[j].id;
            for (std::size_t m = 0; m < speeds.cols(); ++m) {
                if (possible.rows() > 0 && !(possible(id, m) > 0.0)) continue;
                const log_estimate time = inverse(model->predict(class_of[id], m));
                speeds(j, m) = time.known() ? 1.0 / explore(time, std::uint64_t{id} << 16U | m)
                                            : std::numeric_limits<double>::quiet_NaN();
                doubts(j, m) = time.deviation;
            }
        }
    }

private:
    /// Exploration reckons with costs: the seconds of a step.
    [[nodiscard]] static log_estimate inverse(log_estimate speed) noexcept {
        speed.mean = -speed.mean;
        return speed;
    }
};

static_assert(speed_beliefs<learned_speeds<>>);

}  // namespace berth::inline v0
