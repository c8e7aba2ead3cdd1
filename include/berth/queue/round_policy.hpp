// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/core/matrix_view.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0 {

/// What a scheduler that works in rounds knows of one active job: one that has arrived and is not done.
struct round_job {
    std::uint32_t id = 0;     ///< its number: dense, in order of arrival, never used again; ties are broken by it
    std::uint32_t gpus = 1;   ///< GPUs that it takes while it runs, all of one model; 1 or more
    double arrival_s = 0.0;   ///< when it arrived
    double steps_done = 0.0;  ///< steps that it has done
    double steps_left = 0.0;  ///< steps that it has to do; NaN: unknown
    double weight = 1.0;      ///< its claim against that of others, above 0
};

/// What one job did in a round that has ended.
struct round_outcome {
    std::uint32_t id = 0;    ///< the job's number
    model_index model{};     ///< the GPU model that it ran on
    double steps = 0.0;      ///< steps that it did
    double ran_s = 0.0;      ///< how long it computed: `steps / ran_s` is its speed as observed; 0 or more
    double charged_s = 0.0;  ///< how much time is charged to it; differs from `ran_s` where a simulation says so
    bool finished = false;   ///< true if it is done; its number does not come again
};

/// The state at the start of a round, as a policy sees it. Spans and matrices are valid during the call.
struct round_view {
    double now_s = 0.0;                      ///< the time
    double round_s = 360.0;                  ///< how long the round lasts at most
    std::span<const round_job> jobs{};       ///< active jobs, by ascending number
    std::span<const std::uint32_t> gpus{};   ///< how many GPUs of each model may be used
    std::span<const round_outcome> ended{};  ///< what the last round did, in the order in which it is accounted
    std::span<const model_index> order{};    ///< all models, in the order in which they are filled where that matters
    /// Steps a second of each job (row) on its GPUs, all of one model (column). 0: it cannot run there. NaN: unknown.
    /// They are what is known or believed, which may differ from what is true.
    matrix_view<const double> speeds{};
    /// The deviation of the natural logarithm of each speed; without rows if speeds are exact.
    matrix_view<const double> doubts{};
    bool all_arrived = false;  ///< true if it is known that no further job will arrive; a simulation knows
};

/// The run state of a round policy: `choose(view, chosen)` decides who runs on which model in the coming round.
template <class S>
concept round_policy_state =
    requires(S& state, const round_view& view, std::span<model_index> chosen) { state.choose(view, chosen); };

/// A customisation point: who runs on which GPU model, decided anew for each round of some minutes. Jobs differ in
/// speed from model to model, so this is the place for policies that share unlike GPUs over time.
///
/// ```
/// struct oldest_first {                                       // each job on the first model with room for it
///     struct state {
///         void choose(const berth::round_view& view, std::span<berth::model_index> chosen) {
///             std::vector<std::uint32_t> left(view.gpus.begin(), view.gpus.end());
///             for (std::size_t j = 0; j < view.jobs.size(); ++j) {
///                 for (const berth::model_index m : view.order) {
///                     if (chosen[j].valid() || !(view.speeds(j, m.value()) > 0.0)) continue;
///                     if (view.jobs[j].gpus > left[m.value()]) continue;
///                     left[m.value()] -= view.jobs[j].gpus;
///                     chosen[j] = m;
///                 }
///             }
///         }
///     };
///     state start(std::size_t) const { return {}; }           // number of GPU models
/// };
/// ```
///
/// 1. A description: const, regular, without state of a run. `start(models)` returns the run state.
/// 2. `choose(view, chosen)`: `chosen` has one entry for each job of `view.jobs`, not valid on entry; an entry that
///    stays so waits. What is chosen fits: the GPUs of all jobs on a model are at most `view.gpus` of it, and speeds
///    are above 0 or unknown. A driver checks that.
/// 3. It is called once for each round, in the order of time. `view.ended` tells what happened in between; a number of
///    a job that it has not seen is a new job; one that it has seen and that is missing is gone.
/// 4. Deterministic. It may allocate.
///
/// In the library: `priority_rounds` (`queue/priority_rounds.hpp`), for any `time_shares` (`queue/time_shares.hpp`).
template <class P>
concept round_policy = std::copyable<P> && requires(const P& policy, std::size_t models) {
    { policy.start(models) } -> round_policy_state;
};

}  // namespace berth::inline v0
