// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/cost/concepts.hpp"
#include "berth/model/resources.hpp"

#include <cmath>
#include <cstddef>
#include <limits>

namespace berth::inline v0::detail {

/// What stands for pairs of infinite cost where costs have to be finite: the task's highest finite cost, 0 if it has
/// none, and a load of one more than the GPU's capacity. The capacity of a GPU with such a pair is at most what loads
/// can fill, so that sums of these loads stay small.
struct forbidden_pairs {
    flat<double> highest;     ///< of each task
    flat<amount> capacities;  ///< of each GPU
    std::size_t count = 0;    ///< how many pairs are forbidden

    /// O(tasks × GPUs).
    template <pair_cost Cost, load_source Load>
    [[nodiscard]] static forbidden_pairs of(const assignment_problem<Cost, Load>& p) {
        const std::size_t gpus = p.capacities.size();
        forbidden_pairs made;
        made.capacities.append(p.capacities);
        flat<amount> filled(gpus, 0);
        flat<char> any(gpus, 0);
        for (std::size_t t = 0; t < p.tasks; ++t) {
            double highest = -std::numeric_limits<double>::infinity();
            for (std::size_t g = 0; g < gpus; ++g) {
                const auto cost = static_cast<double>(p.cost(task_index{t}, gpu_index{g}));
                const auto load = static_cast<amount>(p.load(task_index{t}, gpu_index{g}));
                if (!std::isfinite(cost)) {
                    ++made.count;
                    any[g] = 1;
                    continue;
                }
                highest = cost > highest ? cost : highest;
                if (load <= p.capacities[g] && filled[g] < p.capacities[g]) filled[g] += load;
            }
            made.highest.push_back(std::isfinite(highest) ? highest : 0.0);
        }
        for (std::size_t g = 0; g < gpus; ++g) {
            if (any[g] != 0 && filled[g] < made.capacities[g]) made.capacities[g] = filled[g];
        }
        return made;
    }
};

}  // namespace berth::inline v0::detail
