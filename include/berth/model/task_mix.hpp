// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/index.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/workload.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <vector>

namespace berth {

/// What tasks are expected to look like: demands with their share of all tasks. Policies that weigh what a placement leaves for
/// the future (fragmentation, scarcity) are prepared from it, never from the list of tasks to come.
struct task_mix {
    struct entry {
        shape_index example{};    ///< a shape of the workload with this demand
        std::size_t count = 0;    ///< tasks with this demand
        double popularity = 0.0;  ///< their share; the shares of a mix add up to 1
    };
    std::vector<entry> entries;  ///< most frequent first
};

/// The *typical tasks* of Weng et al. (FGD, USENIX ATC 2023, section 4; simulator `hkust-adsl/kubernetes-scheduler-simulator`):
/// tasks are grouped by the first node counter (CPU), GPU share, number of GPUs and accepted models; other counters (memory)
/// are ignored. The most frequent groups are kept until they cover `coverage` of all tasks.
///
/// Order: count, then CPU, GPU share, GPUs, text of accepted models, all descending. O(shapes log shapes).
///
/// @param coverage  0 < coverage <= 1; 1 keeps every group.
[[nodiscard]] inline task_mix typical_mix(const workload& work, double coverage = 0.95) {
    BERTH_ASSERT(coverage > 0.0 && coverage <= 1.0, "berth: typical_mix needs 0 < coverage <= 1");
    const auto cpu = [&](shape_index s) { return work.demand(s).node.empty() ? amount{0} : work.demand(s).node[0]; };
    const auto key = [&](shape_index s) {
        const demand_view demand = work.demand(s);
        return std::tuple{cpu(s), demand.gpu[0], demand.gpus, std::string_view{work.accepted_text(s)}};
    };
    std::vector<shape_index> shapes;
    shapes.reserve(work.shape_count());
    for (std::size_t s = 0; s < work.shape_count(); ++s) shapes.emplace_back(s);
    std::sort(shapes.begin(), shapes.end(),
              [&](shape_index a, shape_index b) { return key(a) != key(b) ? key(a) > key(b) : a < b; });

    task_mix mix;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
        if (i > 0 && key(shapes[i]) == key(shapes[i - 1])) {
            mix.entries.back().count += work.frequency(shapes[i]);
        } else {
            mix.entries.push_back({.example = shapes[i], .count = work.frequency(shapes[i])});
        }
    }
    std::sort(mix.entries.begin(), mix.entries.end(), [&](const task_mix::entry& a, const task_mix::entry& b) {
        return a.count != b.count ? a.count > b.count : key(a.example) > key(b.example);
    });

    const double total = static_cast<double>(work.task_count());
    std::size_t kept = 0;
    std::size_t covered = 0;
    while (kept < mix.entries.size() && static_cast<double>(covered) < coverage * total) {
        covered += mix.entries[kept++].count;
    }
    mix.entries.resize(kept);
    for (auto& entry : mix.entries) {
        entry.popularity = (static_cast<double>(entry.count) / total) / (static_cast<double>(covered) / total);
    }
    return mix;
}

}  // namespace berth
