// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/core/philox.hpp"
#include "berth/core/random.hpp"
#include "berth/queue/round_policy.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace berth::inline v0 {

/// A round of a simulation.
struct round_time {
    std::uint64_t round = 0;  ///< its number, from 0
    double now_s = 0.0;       ///< when it starts
};

/// A customisation point: how fast jobs truly are in a simulation, which policies do not see: `truth(id, model, time)`
/// is the speed of job `id` in one round, in steps a second.
///
/// 1. 0 if it cannot run there; finite, never negative.
/// 2. Const and deterministic: the same arguments, the same speed.
template <class S>
concept speed_truth = requires(const S& truth, std::uint32_t id, model_index model, const round_time& time) {
    { truth(id, model, time) } -> std::convertible_to<double>;
};

/// A customisation point: what a scheduler believes about speeds, and learns from rounds:
/// `beliefs.estimate(view, speeds, doubts)`.
///
/// 1. Called once for each round, before the policy. `view` has all but speeds and doubts; `view.ended` tells what the
///    last round showed.
/// 2. It fills `speeds`, one row for each job of the view, one column for each model: steps a second, 0: cannot run
///    there, NaN: unknown; and `doubts`, the deviation of the natural logarithm of each, 0 on entry.
template <class B>
concept speed_beliefs =
    requires(B& beliefs, const round_view& view, matrix_view<double> out) { beliefs.estimate(view, out, out); };

/// Speeds from a table. True, or believed by a scheduler that knows them. Keeps a view.
struct table_speeds {
    matrix_view<const double> speeds;  ///< steps a second of each job (row) on each model (column)

    /// The speed of a job on a model.
    [[nodiscard]] double operator()(std::uint32_t id, model_index model, const round_time&) const noexcept {
        return speeds(id, model.value());
    }
    /// Copies the rows of the jobs of the view.
    void estimate(const round_view& view, matrix_view<double> out, matrix_view<double>) const noexcept {
        for (std::size_t j = 0; j < view.jobs.size(); ++j) {
            for (std::size_t m = 0; m < out.cols(); ++m) out(j, m) = speeds(view.jobs[j].id, m);
        }
    }
};

/// A lasting change of the speed of a GPU model.
struct speed_drift {
    model_index model;    ///< which one
    double factor = 1.0;  ///< 0.5: half as fast; above 0
    double from_s = 0.0;  ///< from the first round that starts then or later
};

/// Speeds from a table that vary from round to round and drift. Keeps views.
struct uneven_speeds {
    matrix_view<const double> speeds;       ///< the mean: steps a second of each job (row) on each model (column)
    double noise = 0.0;                     ///< deviation of the factor of each job, model and round; 0..0.5
    std::uint64_t seed = 0;                 ///< decides all factors
    std::span<const speed_drift> drifts{};  ///< factors multiply

    /// The speed of a job on a model in a round. Factors are uniform about 1, within `noise` times the root of 3.
    [[nodiscard]] double operator()(std::uint32_t id, model_index model, const round_time& time) const noexcept {
        double speed = speeds(id, model.value());
        for (const speed_drift& d : drifts) {
            if (d.model == model && time.now_s >= d.from_s) speed *= d.factor;
        }
        if (noise > 0.0) {
            philox_source draw{stream_seed(seed, time.round, std::uint64_t{id} << 16U | model.value())};
            constexpr double root_of_3 = 1.7320508075688772;
            speed *= 1.0 + noise * root_of_3 * (2.0 * uniform01(draw) - 1.0);
        }
        return speed;
    }
};

static_assert(speed_truth<table_speeds> && speed_beliefs<table_speeds>);
static_assert(speed_truth<uneven_speeds>);

}  // namespace berth::inline v0
