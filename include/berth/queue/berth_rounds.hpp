// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/queue/level_program.hpp"
#include "berth/queue/max_min_shares.hpp"
#include "berth/queue/round_assignment.hpp"
#include "berth/queue/round_policy.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0 {

/// What `berth_rounds` is after.
enum class round_aim : std::uint8_t {
    completion,  ///< a short mean time from arrival to completion, and no job forgotten
    makespan,    ///< the last job done early; needs to know the steps that are left
};

/// berth's own round policy, for GPUs of several models. Each round is one exact assignment (`round_assignment`): each
/// job has a value on each model, and the sum of values is as large as possible.
///
/// *For completion*, with the job's best model as the measure of its time:
///
///     value(job, model) = weight × progress ÷ √left × (1 + (age + left)² ÷ (patience × mean)²)
///
/// `progress` is the part of a round on the best model that the job gets done in this round on this one, so a job goes
/// where it loses least, and one that ends within the round does not take a fast GPU for it. `left` is how long it has
/// to go: between the shares of time for all (exponent 0) and the shortest first (1). `age + left` is when it would
/// be done, counted from its arrival, and `mean` the mean of that over all jobs: one that is far behind the others
/// gains weight. A job whose steps are unknown has `expected_left_s` to go, whatever it did so far; then age and speeds
/// decide.
///
/// *For the makespan*, the program of `makespan_shares` is solved anew each round. Its price of a job's rate × the rate
/// on a model is what a round there gains; the share that it gives the job there decides between equal ones.
///
/// No state is carried from round to round, so it adapts at once to what arrives, ends, slows down or is learned. An
/// unknown speed counts as the job's best. O(jobs × models) besides the assignment and the program.
/// Figures and how the constants were chosen: docs/time_policies.md.
struct berth_rounds {
    round_aim aim = round_aim::completion;  ///< what is kept small
    double patience = 3.0;                  ///< how many times later than the mean a job may be before it weighs twice
    double expected_left_s = 3600.0;        ///< of a job whose steps are unknown, on its best model; above 0
    double steering = 0.2;                  ///< for the makespan: what a share is worth beside what a round gains
    double tolerance = 1e-3;                ///< how far from the best, as a part, the choice of a round may be

    class state;
    /// Begins a run.
    [[nodiscard]] state start(std::size_t models) const;
};

/// The run state: only memory that is used again.
class berth_rounds::state {
public:
    /// @param policy  the description; copied
    explicit state(const berth_rounds& policy) : policy_{policy} { assignment_.tolerance = policy.tolerance; }

    /// Decides a round; see `round_policy`.
    void choose(const round_view& view, std::span<model_index> chosen) {
        values_.assign(view.jobs.size() * view.gpus.size(), 0.0);
        gpus_.clear();
        for (const round_job& job : view.jobs) gpus_.push_back(job.gpus);
        measure(view);
        if (policy_.aim == round_aim::makespan) {
            value_makespan(view);
        } else {
            value_completion(view);
        }
        assignment_.choose({values_.data(), view.jobs.size(), view.gpus.size()}, gpus_.view(), view.gpus, chosen);
    }

private:
    struct measure_of_job {
        double best;  // speed on its best model; 0: it can run nowhere
        double left;  // seconds on its best model
    };

    void measure(const round_view& view) {
        jobs_.clear();
        for (std::size_t j = 0; j < view.jobs.size(); ++j) {
            double best = 0.0;
            bool possible = false;
            for (std::size_t m = 0; m < view.gpus.size(); ++m) {
                const double speed = view.speeds(j, m);
                if (view.jobs[j].gpus > view.gpus[m] || speed <= 0.0) continue;
                possible = true;
                if (speed > best) best = speed;
            }
            const double steps = view.jobs[j].steps_left;
            const bool known = best > 0.0 && steps > 0.0;
            jobs_.push_back({best > 0.0 ? best : possible ? 1.0 : 0.0, known ? steps / best : policy_.expected_left_s});
        }
    }
    /// The part of a round on the best model that the job gets done on this one.
    [[nodiscard]] double progress(const round_view& view, std::size_t j, std::size_t m) const noexcept {
        const double speed = std::isnan(view.speeds(j, m)) ? jobs_[j].best : view.speeds(j, m);
        const double part = speed / jobs_[j].best;
        return view.jobs[j].steps_left > 0.0 ? std::min(part, jobs_[j].left / view.round_s) : part;
    }
    void value_completion(const round_view& view) {
        double mean = 0.0;
        for (std::size_t j = 0; j < jobs_.size(); ++j) {
            mean += (view.now_s - view.jobs[j].arrival_s + jobs_[j].left) / static_cast<double>(jobs_.size());
        }
        for (std::size_t j = 0; j < jobs_.size(); ++j) {
            if (!(jobs_[j].best > 0.0)) continue;
            const double done = view.now_s - view.jobs[j].arrival_s + jobs_[j].left;
            const double late = done / (policy_.patience * mean);
            const double worth = view.jobs[j].weight * (1.0 + late * late) / std::sqrt(jobs_[j].left);
            for (std::size_t m = 0; m < view.gpus.size(); ++m) {
                values_[j * view.gpus.size() + m] = worth * progress(view, j, m);
            }
        }
    }
    void value_makespan(const round_view& view) {
        const level_solution found = makespan_shares{.expected_left_s = policy_.expected_left_s}.solve(view);
        const auto count = static_cast<double>(found.jobs);
        for (std::size_t j = 0; j < jobs_.size(); ++j) {
            if (!(jobs_[j].best > 0.0)) continue;
            // A rate is speed over steps left; relative to the level, gains are near 1 for each job.
            const double gain = found.job_prices[j] * count / (found.level * jobs_[j].left);
            for (std::size_t m = 0; m < view.gpus.size(); ++m) {
                const std::size_t at = j * view.gpus.size() + m;
                values_[at] = gain * progress(view, j, m) + policy_.steering * found.shares[at] * gpus_[j];
            }
        }
    }

    berth_rounds policy_;
    round_assignment assignment_;
    detail::flat<double> values_;
    detail::flat<std::uint32_t> gpus_;
    detail::flat<measure_of_job> jobs_;
};

inline berth_rounds::state berth_rounds::start(std::size_t) const { return state{*this}; }

static_assert(round_policy<berth_rounds>);

}  // namespace berth::inline v0
