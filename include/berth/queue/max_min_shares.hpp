// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/queue/level_program.hpp"
#include "berth/queue/round_policy.hpp"
#include "berth/queue/time_shares.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace berth::inline v0 {

/// Raises the worst-off job as far as possible: max-min fairness (least attained service) of Gavel. With speeds, a
/// job's level is its speed over what an equal part of all GPUs would give it (`max_min_fairness_perf`); without, it is
/// the part of the time that it runs, whatever the model (`max_min_fairness`). Both × GPUs / weight. A speed that is
/// unknown counts as the mean of the job's known ones. See `highest_level`.
struct max_min_shares {
    bool by_speed = true;     ///< false: GPUs of all models count alike
    level_options options{};  ///< how exactly to solve

    /// @param view    the jobs
    /// @param shares  receives the shares
    void allocate(const round_view& view, matrix_view<double> shares) const {
        double all_gpus = 0.0;
        for (const std::uint32_t n : view.gpus) all_gpus += static_cast<double>(n);
        detail::flat<double> rates;
        detail::flat<std::uint32_t> gpus;
        for (std::size_t j = 0; j < view.jobs.size(); ++j) {
            const round_job& job = view.jobs[j];
            const double claim = static_cast<double>(job.gpus) / job.weight;
            double known = 0.0;
            double equal_part = 0.0;
            std::size_t count = 0;
            for (std::size_t m = 0; m < view.gpus.size() && by_speed; ++m) {
                if (std::isnan(view.speeds(j, m))) continue;
                known += view.speeds(j, m);
                ++count;
            }
            const double typical = known > 0.0 ? known / static_cast<double>(count) : 1.0;
            for (std::size_t m = 0; m < view.gpus.size(); ++m) {
                const double speed = view.speeds(j, m);
                rates.push_back(!by_speed ? 1.0 : std::isnan(speed) ? typical : speed);
                equal_part += rates.back() * static_cast<double>(view.gpus[m]) / all_gpus;
            }
            for (std::size_t m = 0; m < view.gpus.size(); ++m) {
                double& rate = rates[j * view.gpus.size() + m];
                rate = equal_part > 0.0 ? rate * claim / (by_speed ? equal_part : 1.0) : 0.0;
            }
            gpus.push_back(job.gpus);
        }
        const level_solution found =
            highest_level({{rates.data(), view.jobs.size(), view.gpus.size()}, gpus.view(), view.gpus}, options);
        std::copy(found.shares.begin(), found.shares.end(), shares.data());
    }
};

/// Lets all jobs end as early as possible: `min_total_duration_perf` of Gavel, whose bisection it replaces by one
/// program: the highest level of speed over the steps that are left. A job whose steps or speeds are unknown counts as
/// if it had `expected_left_s` to go on the best of the models; where none of its speeds is known, all are alike.
struct makespan_shares {
    double expected_left_s = 3600.0;  ///< above 0
    level_options options{};          ///< how exactly to solve

    /// @param view    the jobs
    /// @param shares  receives the shares
    void allocate(const round_view& view, matrix_view<double> shares) const {
        const level_solution found = solve(view);
        std::copy(found.shares.begin(), found.shares.end(), shares.data());
    }
    /// The program's answer: its level is the reciprocal of the time that all need, in seconds.
    [[nodiscard]] level_solution solve(const round_view& view) const {
        detail::flat<double> rates;
        detail::flat<std::uint32_t> gpus;
        for (std::size_t j = 0; j < view.jobs.size(); ++j) {
            const round_job& job = view.jobs[j];
            double most = 0.0;
            for (std::size_t m = 0; m < view.gpus.size(); ++m) {
                if (job.gpus <= view.gpus[m] && view.speeds(j, m) > most) most = view.speeds(j, m);
            }
            const double best = most > 0.0 ? most : 1.0;
            const double left = job.steps_left > 0.0 && most > 0.0 ? job.steps_left : best * expected_left_s;
            for (std::size_t m = 0; m < view.gpus.size(); ++m) {
                const double speed = view.speeds(j, m);
                rates.push_back((std::isnan(speed) ? best : speed) / left);
            }
            gpus.push_back(job.gpus);
        }
        return highest_level({{rates.data(), view.jobs.size(), view.gpus.size()}, gpus.view(), view.gpus}, options);
    }
};

static_assert(time_shares<max_min_shares>);
static_assert(time_shares<makespan_shares>);

}  // namespace berth::inline v0
