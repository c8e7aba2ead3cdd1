// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/concepts.hpp"
#include "berth/model/task_mix.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace berth_test {

/// A second implementation of the published scores, from their descriptions, without sharing code with the library.
/// Nodes are read through the candidate only.
namespace naive {

using berth::amount;
using berth::candidate;

inline double cpu_left(const candidate& c) { return static_cast<double>(c.node.free_node[0]); }
inline double cpu_wanted(const candidate& c) { return static_cast<double>(c.demand.node[0]); }
inline double share_left(const candidate& c) {
    amount sum = 0;
    for (std::size_t i = 0; i < c.node.gpu_count(); ++i) sum += c.node.free_share(i);
    return static_cast<double>(sum);
}
inline double share_wanted(const candidate& c) {
    return c.demand.gpus == 0 ? 0.0 : static_cast<double>(c.demand.gpus) * static_cast<double>(c.demand.gpu[0]);
}
inline amount capacity_of(const candidate& c, std::size_t i) {
    return c.node.fleet->capacity(c.node.fleet->gpu(c.node.index, i))[0];
}

/// Largest CPU and largest GPU share of any node.
inline std::pair<double, double> largest(const berth::fleet& machines) {
    double cpu = 1.0;
    double share = 1.0;
    for (std::size_t n = 0; n < machines.node_count(); ++n) {
        const berth::node_index node{n};
        cpu = std::max(cpu, static_cast<double>(machines.capacity(node)[0]));
        double sum = 0.0;
        for (std::size_t i = 0; i < machines.gpu_count(node); ++i) {
            sum += static_cast<double>(machines.capacity(machines.gpu(node, i))[0]);
        }
        share = std::max(share, sum);
    }
    return {cpu, share};
}

inline double best_fit(const candidate& c, double steps) {
    const auto [cpu, share] = largest(*c.node.fleet);
    const double value =
        1.0 - 0.5 * (cpu_left(c) - cpu_wanted(c)) / cpu - 0.5 * (share_left(c) - share_wanted(c)) / share;
    return steps == 0.0 ? value : std::trunc(steps * value);
}
inline double dot_product(const candidate& c) {
    const auto [cpu, share] = largest(*c.node.fleet);
    const double d = cpu_left(c) / cpu * (cpu_wanted(c) / cpu) + share_left(c) / share * (share_wanted(c) / share);
    return std::trunc(100.0 * (1.0 - d / 2.0));
}

/// With the GPUs that the rule itself names: by free share ascending, the first that fit.
inline double gpu_packing(const candidate& c, berth::gpu_mask fitting) {
    if (c.demand.gpus == 0) return 0.0;
    int idle = 0;
    std::vector<std::pair<amount, std::size_t>> by_share;
    for (std::size_t i = 0; i < c.node.gpu_count(); ++i) {
        idle += c.node.free_share(i) == capacity_of(c, i) ? 1 : 0;
        by_share.emplace_back(c.node.free_share(i), i);
    }
    if (idle == static_cast<int>(c.node.gpu_count())) return std::max(33 - idle, idle);
    std::sort(by_share.begin(), by_share.end());
    int opened = 0;
    int sum = 0;
    std::size_t taken = 0;
    for (const auto& [share, i] : by_share) {
        if (taken == c.demand.gpus || (fitting >> i & 1U) == 0) continue;
        ++taken;
        opened += share == capacity_of(c, i) ? 1 : 0;
        sum += static_cast<int>(share / 10);
    }
    return opened > 0 ? std::max(50 - opened, 33) : std::max(100 - sum / 10, 50);
}

/// `present`: how many tasks of each class (a share: 0, else the number of GPUs) the node hosts.
inline double gpu_clustering(const candidate& c, const std::vector<std::size_t>& present) {
    if (c.demand.gpus == 0) return 0.0;
    const std::size_t own = c.demand.gpus == 1 && c.demand.gpu[0] < 1000 ? 0 : c.demand.gpus;
    bool hosts_own = false;
    bool hosts_other = false;
    for (std::size_t k = 0; k < present.size(); ++k) {
        if (present[k] == 0) continue;
        (k == own ? hosts_own : hosts_other) = true;
    }
    const auto top = static_cast<std::int64_t>(largest(*c.node.fleet).second);
    const std::int64_t base = 25 * (top - static_cast<std::int64_t>(share_left(c))) / top;
    const std::int64_t bonus = hosts_own && !hosts_other ? 75 : hosts_own ? 50 : !hosts_other ? 25 : 0;
    return static_cast<double>(base + bonus);
}

}  // namespace naive

}  // namespace berth_test
