// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/model/resources.hpp"
#include "berth/objective/terms/gpu_loads.hpp"

#include <cmath>
#include <cstddef>

namespace berth::inline v0 {

/// Every task on one GPU, loads (execution times) that differ from GPU to GPU, the highest load as low as possible: R||Cmax.
/// Loads are 0 or more.
template <load_source Load>
struct makespan_problem {
    std::size_t tasks = 0;
    std::size_t gpus = 0;
    Load load;
};
template <class Load>
makespan_problem(std::size_t, std::size_t, Load) -> makespan_problem<Load>;

/// A lower bound of the makespan.
struct makespan_bound {
    double value = 0.0;  ///< of the relaxation: at most the makespan of the linear program
    amount rounded = 0;  ///< no assignment has a makespan below this
};

/// Lagrangian relaxation: for any weights u of the GPUs that sum to one, no makespan is below sum over tasks of min over GPUs of
/// u_i l(t, i), because the makespan is at least any weighted mean of the loads. The weights are improved by multiplicative
/// steps towards GPUs that carry too much. Also no less than the smallest load of the largest task. O(iterations × tasks × GPUs),
/// deterministic.
template <load_source Load>
[[nodiscard]] makespan_bound bound_makespan(const makespan_problem<Load>& p, std::size_t iterations = 150) {
    makespan_bound bound;
    if (p.tasks == 0 || p.gpus == 0) return bound;
    amount longest = 0;
    detail::flat<double> loads(p.tasks * p.gpus);
    for (std::size_t t = 0; t < p.tasks; ++t) {
        amount least = static_cast<amount>(p.load(task_index{t}, gpu_index{0}));
        for (std::size_t g = 0; g < p.gpus; ++g) {
            const auto load = static_cast<amount>(p.load(task_index{t}, gpu_index{g}));
            BERTH_ASSERT(load >= 0, "berth: a load is 0 or more");
            least = load < least ? load : least;
            loads[t * p.gpus + g] = static_cast<double>(load);
        }
        longest = longest < least ? least : longest;
    }
    // Exact at once where GPUs differ by a factor: u_i proportional to the speed.
    detail::flat<double> weights(p.gpus, 1.0);
    detail::flat<double> carried(p.gpus);
    double all_speeds = 0.0;
    for (std::size_t g = 0; g < p.gpus; ++g) {
        double sum = 0.0;
        for (std::size_t t = 0; t < p.tasks; ++t) sum += loads[t * p.gpus + g];
        weights[g] = sum > 0.0 ? 1.0 / sum : 0.0;
        all_speeds += weights[g];
    }
    for (double& weight : weights) weight = all_speeds > 0.0 ? weight / all_speeds : 1.0 / static_cast<double>(p.gpus);
    double step = 0.3;
    std::size_t stalled = 0;
    for (std::size_t i = 0; i < iterations; ++i) {
        carried.assign(p.gpus, 0.0);
        double value = 0.0;
        for (std::size_t t = 0; t < p.tasks; ++t) {
            const double* row = loads.data() + t * p.gpus;
            std::size_t at = 0;
            double least = weights[0] * row[0];
            for (std::size_t g = 1; g < p.gpus; ++g) {
                const double weighted = weights[g] * row[g];
                if (weighted >= least) continue;
                least = weighted;
                at = g;
            }
            value += least;
            carried[at] += row[at];
        }
        if (value > bound.value) {
            bound.value = value;
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
    const auto whole = static_cast<amount>(std::ceil(bound.value * (1.0 - 1e-12) - 1e-9));
    bound.rounded = whole < longest ? longest : whole;
    return bound;
}

}  // namespace berth::inline v0
