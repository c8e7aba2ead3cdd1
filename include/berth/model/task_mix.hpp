// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <vector>

namespace berth::inline v0 {

/// The expected demands with their frequencies. Policies that value free room for future tasks (fragmentation,
/// scarcity) are prepared from it, never from the future tasks themselves.
struct task_mix {
    /// One demand.
    struct entry {
        shape_index example{};    ///< a shape of the workload with this demand
        std::size_t count = 0;    ///< tasks with this demand
        double popularity = 0.0;  ///< their share of all tasks, above 0; the shares of a mix add up to 1
    };
    std::vector<entry> entries;  ///< most frequent first
};

/// The *typical tasks* of Weng et al. (FGD, USENIX ATC 2023, section 4; simulator
/// `hkust-adsl/kubernetes-scheduler-simulator`): tasks are grouped by CPU, GPU share, number of GPUs and accepted
/// models; other counters (memory) are ignored. The most frequent groups are kept until they cover `coverage` of all
/// tasks.
///
/// Ordered by count, then CPU, GPU share, GPUs, text of accepted models, all descending. O(shapes log shapes).
///
/// @param coverage  share of tasks to cover, 0 < coverage <= 1; 1 keeps every group
/// @return the mix; without entries if the workload has no task
[[nodiscard]] inline task_mix typical_mix(const workload& work, double coverage = 0.95) {
    BERTH_ASSERT(coverage > 0.0 && coverage <= 1.0, "berth: typical_mix needs 0 < coverage <= 1");
    // Negative, zero or positive if demand a is smaller than, equal to or larger than b.
    const auto compare = [&](std::size_t a, std::size_t b) {
        const auto sign = [](amount x, amount y) { return x < y ? -1 : x > y ? 1 : 0; };
        const demand_view x = work.demand(shape_index{a});
        const demand_view y = work.demand(shape_index{b});
        if (const int cpu = sign(work.roles().cpu_of(x.node), work.roles().cpu_of(y.node)); cpu != 0) return cpu;
        if (const int share = sign(x.gpu[0], y.gpu[0]); share != 0) return share;
        if (x.gpus != y.gpus) return x.gpus < y.gpus ? -1 : 1;
        return work.accepted_text(shape_index{a}).compare(work.accepted_text(shape_index{b}));
    };
    const auto shapes = detail::sorted_positions(work.shape_count(), [&](std::size_t a, std::size_t b) {
        const int order = compare(a, b);
        return order != 0 ? order > 0 : a < b;
    });
    detail::flat<task_mix::entry> groups;  // largest demand first
    for (std::size_t i = 0; i < shapes.size(); ++i) {
        if (i == 0 || compare(shapes[i], shapes[i - 1]) != 0) groups.push_back({.example = shape_index{shapes[i]}});
        groups.back().count += work.frequency(shape_index{shapes[i]});
    }

    const double total = static_cast<double>(work.task_count());
    task_mix mix;
    std::size_t covered = 0;
    for (const std::size_t g : detail::sorted_positions(groups.size(), [&](std::size_t a, std::size_t b) {
             return groups[a].count != groups[b].count ? groups[a].count > groups[b].count : a < b;
         })) {
        if (static_cast<double>(covered) >= coverage * total) break;
        covered += groups[g].count;
        mix.entries.push_back(groups[g]);
    }
    for (auto& entry : mix.entries) {
        entry.popularity = (static_cast<double>(entry.count) / total) / (static_cast<double>(covered) / total);
    }
    return mix;
}

}  // namespace berth::inline v0
