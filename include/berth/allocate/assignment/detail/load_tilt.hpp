// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/priced_problem.hpp"

#include <cstddef>
#include <limits>

namespace berth::inline v0::detail {

/// A small cost of a unit of load: 0.3 per cent of what a pair costs above its task's cheapest, on average. Added to
/// prices, it lets the GPU where a task is lighter win among equally cheap ones. From 1,000 to 2,000 tasks at most, the
/// same ones each time: O(GPUs).
///
/// @param poll  ends it after a part of the tasks, from which it is estimated then
template <class Poller>
[[nodiscard]] double load_tilt(const priced_problem& p, Poller& poll) {
    double spread = 0.0;
    double loads = 0.0;
    const std::size_t step = p.tasks() < 2000 ? 1 : p.tasks() / 1000;
    for (std::size_t t = 0; t < p.tasks() && poll.work(p.gpus()); t += step) {
        double lowest = std::numeric_limits<double>::infinity();
        for (std::size_t g = 0; g < p.gpus(); ++g) {
            lowest = p.cost(t, g) < lowest ? p.cost(t, g) : lowest;
            spread += p.cost(t, g);
            loads += static_cast<double>(p.load(t, g));
        }
        spread -= static_cast<double>(p.gpus()) * lowest;
    }
    return loads > 0.0 ? 0.003 * spread / loads : 0.0;
}

}  // namespace berth::inline v0::detail
