// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include "common/instances.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace berth_test {

/// A slot with as many GPUs as the task wants, whether they have room or not; `unplaced` now and then, and when no node
/// of ten has as many.
[[nodiscard]] inline berth::slot random_slot(berth::xoshiro256& g, const berth::problem& p, berth::task_index t) {
    if (chance(g, 15)) return berth::unplaced;
    const std::size_t wanted = p.workload().demand(t).gpus;
    for (int attempt = 0; attempt < 10; ++attempt) {
        const berth::node_index n{below(g, p.fleet().node_count())};
        const std::size_t gpus = p.fleet().gpu_count(n);
        if (gpus < wanted) continue;
        berth::gpu_mask mask = 0;
        while (berth::gpu_count(mask) < wanted) mask |= berth::gpu_mask{1} << below(g, gpus);
        return {n, mask};
    }
    return berth::unplaced;
}

[[nodiscard]] inline berth::assignment random_assignment(berth::xoshiro256& g, const berth::problem& p) {
    berth::assignment all;
    for (std::size_t t = 0; t < p.workload().task_count(); ++t) all.push_back(random_slot(g, p, berth::task_index{t}));
    return all;
}

/// One to five moves of distinct tasks. Some go where they are; some swap with the one before.
[[nodiscard]] inline std::vector<berth::task_move> random_relocations(berth::xoshiro256& g, const berth::problem& p,
                                                                      std::span<const berth::slot> now) {
    std::vector<berth::task_move> all;
    const std::size_t wanted = 1 + below(g, 5);
    while (all.size() < wanted) {
        const berth::task_index t{below(g, now.size())};
        bool again = false;
        for (const auto& r : all) again = again || r.task == t;
        if (again) continue;
        const berth::slot from = now[t.value()];
        berth::slot to = chance(g, 5) ? from : random_slot(g, p, t);
        if (!all.empty() && chance(g, 30) && berth::gpu_count(all.back().from.gpus) == p.workload().demand(t).gpus) {
            to = all.back().from;
        }
        all.push_back({t, from, to});
    }
    return all;
}

}  // namespace berth_test
