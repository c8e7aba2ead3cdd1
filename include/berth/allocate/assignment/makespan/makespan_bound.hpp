// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/detail/poller.hpp"
#include "berth/allocate/assignment/makespan/detail/makespan_load.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/run_control.hpp"
#include "berth/core/wide_int.hpp"
#include "berth/model/resources.hpp"
#include "berth/objective/terms/gpu_loads.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace berth::inline v0 {

/// Unrelated machines, R||Cmax: every task on one GPU, loads (execution times) that differ from GPU to GPU, the highest
/// load of a GPU as low as possible. A view: the load outlives it.
template <load_source Load>
struct makespan_problem {
    std::size_t tasks = 0;  ///< number of tasks
    std::size_t gpus = 0;   ///< number of GPUs, above 0 if there are tasks
    Load load;              ///< 0 or more, of any pair; infinite, if it is a floating-point number: forbidden
    /// A task does not go where its load is as high as this. Above the makespan of some assignment, so that no better
    /// one has such a pair; bound and search then leave these pairs alone.
    amount forbidden = std::numeric_limits<amount>::max();
};
template <class Load>
makespan_problem(std::size_t, std::size_t, Load) -> makespan_problem<Load>;

/// A lower bound of the makespan.
struct makespan_bound {
    double value = 0.0;  ///< of the relaxation: at most the makespan of the linear program
    amount rounded = 0;  ///< no assignment without forbidden pairs has a makespan below this; computed in integers
    stop_reason stopped = stop_reason::completed;  ///< else the control ended the work; the bound is valid, but weaker
};

namespace detail {

/// The least makespan that weights of the GPUs allow, in integers: the sum over tasks of the least weighted load,
/// divided by the sum of the weights. 0 if the poller ends it, or there are too many tasks.
template <load_source Load, class Poller>
[[nodiscard]] amount least_makespan(const makespan_problem<Load>& p, const flat<double>& weights, Poller& poll) {
    // Loads are below 2^63, weights at most 2^38: sums over 2^25 tasks fit.
    constexpr int shift = 38;
    flat<wide_int> whole;
    wide_int all = 0;
    for (const double weight : weights) {
        whole.push_back(scaled_floor(weight, shift));
        all += whole[whole.size() - 1];
    }
    if (all == 0 || p.tasks >= (std::size_t{1} << 25U)) return 0;
    wide_int sum = 0;
    for (std::size_t t = 0; t < p.tasks; ++t) {
        bool any = false;
        wide_int least = 0;
        for (std::size_t g = 0; g < p.gpus; ++g) {
            const amount load = makespan_load(p.load(task_index{t}, gpu_index{g}));
            if (load >= p.forbidden) continue;
            const wide_int weighted = whole[g] * load;
            if (any && weighted >= least) continue;
            least = weighted;
            any = true;
        }
        sum += least;
        if (!poll.work(p.gpus)) return 0;
    }
    const wide_int makespan = (sum + all - 1) / all;
    constexpr amount most = std::numeric_limits<amount>::max();
    return makespan < most ? static_cast<amount>(makespan) : most;
}

}  // namespace detail

/// Lower bound by Lagrangian relaxation: for any weights u of the GPUs that sum to one, no makespan is below the sum
/// over tasks of min over GPUs of u_i l(t, i), because the makespan is at least any weighted mean of the loads.
/// Multiplicative steps raise the weights of GPUs that carry too much. Never below the smallest load of the largest
/// task.
///
/// @param max_iterations  steps; 0: only the largest task counts
/// @param control         an evaluation is a pair of task and GPU; polled every 65,536 of them
/// @return  O(iterations × tasks × GPUs), 8 bytes a pair while it runs. Deterministic per evaluation budget
template <load_source Load, class Stop = never_stop, class Observer = no_observer>
[[nodiscard]] makespan_bound bound_makespan(const makespan_problem<Load>& p, std::size_t max_iterations = 150,
                                            run_control<Stop, Observer> control = {}) {
    makespan_bound bound;
    if (p.tasks == 0 || p.gpus == 0) return bound;
    std::uint64_t evaluations = 0;
    detail::poller poll{
        [&](bool between_rounds) { return between_rounds ? control.check(evaluations) : control.interruption(); }};
    amount longest = 0;
    constexpr double infinity = std::numeric_limits<double>::infinity();
    detail::flat<double> best_weights;
    const auto close = [&]() -> makespan_bound {
        bound.stopped = poll.reason();
        amount whole = best_weights.empty() ? 0 : detail::least_makespan(p, best_weights, poll);
        if (whole == 0) {  // less what additions may have rounded
            const double lost = 0x1p-51 * static_cast<double>(p.tasks + p.gpus + 8);
            whole = static_cast<amount>(std::ceil(bound.value * (1.0 - lost)));
        }
        bound.rounded = whole < longest ? longest : whole;
        return bound;
    };
    detail::flat<double> loads(p.tasks * p.gpus);  // infinite where forbidden
    for (std::size_t t = 0; t < p.tasks; ++t) {
        amount least = detail::makespan_load(p.load(task_index{t}, gpu_index{0}));
        for (std::size_t g = 0; g < p.gpus; ++g) {
            const amount load = detail::makespan_load(p.load(task_index{t}, gpu_index{g}));
            BERTH_ASSERT(load >= 0, "berth: a load is 0 or more");
            least = load < least ? load : least;
            loads[t * p.gpus + g] = load < p.forbidden ? static_cast<double>(load) : infinity;
        }
        longest = longest < least ? least : longest;
        if (!poll.work(p.gpus)) return close();
    }
    // Speeds as weights are exact at once where GPUs differ by a factor.
    detail::flat<double> weights(p.gpus, 1.0);
    detail::flat<double> carried(p.gpus);
    double all_speeds = 0.0;
    for (std::size_t g = 0; g < p.gpus; ++g) {
        double sum = 0.0;
        for (std::size_t t = 0; t < p.tasks; ++t) sum += loads[t * p.gpus + g] < infinity ? loads[t * p.gpus + g] : 0.0;
        weights[g] = sum > 0.0 ? 1.0 / sum : 0.0;
        all_speeds += weights[g];
        if (!poll.work(p.tasks)) return close();
    }
    for (double& weight : weights) weight = all_speeds > 0.0 ? weight / all_speeds : 1.0 / static_cast<double>(p.gpus);
    double step = 0.3;
    std::size_t stalled = 0;
    for (std::size_t i = 0; i < max_iterations && poll.next_round(); ++i) {
        carried.assign(p.gpus, 0.0);
        double value = 0.0;
        for (std::size_t t = 0; t < p.tasks; ++t) {
            const double* row = loads.data() + t * p.gpus;
            std::size_t at = 0;
            double least = infinity;
            for (std::size_t g = 0; g < p.gpus; ++g) {
                const double weighted = weights[g] * row[g];
                if (!(weighted < least)) continue;  // 0 times infinity is no number
                least = weighted;
                at = g;
            }
            if (least == infinity) continue;  // a task that may be nowhere
            value += least;
            carried[at] += row[at];
            if (!poll.work(p.gpus)) return close();
        }
        evaluations += loads.size();
        if (value > bound.value) {
            bound.value = value;
            best_weights = weights;
            stalled = 0;
        } else if (++stalled > 15) {
            step *= 0.7;
            stalled = 0;
        }
        if (value <= 0.0) break;
        double sum = 0.0;
        for (std::size_t g = 0; g < p.gpus; ++g) {
            const double factor = 1.0 + step * (carried[g] - value) / value;
            weights[g] *= factor < 0.5 ? 0.5 : factor > 2.0 ? 2.0 : factor;
            sum += weights[g];
        }
        for (double& weight : weights) weight /= sum;
    }
    return close();
}

}  // namespace berth::inline v0
