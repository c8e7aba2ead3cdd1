// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/random.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/workload.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

// In which order a batch is placed. When to use which:
//
//   arrival_order    tasks as they are listed, as in an online scheduler
//   largest_first    the classical decreasing order of bin packing; best fill for a batch without priorities
//   scarcest_first   tasks that accept the fewest GPUs first, then the largest; mixed fleets with model constraints
//   priority_first   higher priority first, then as listed
//   shuffled         a random order; baseline, restarts

namespace berth::inline v0 {

/// Customisation point: the order in which `greedy::run` places a batch. Returns every task of the workload once;
/// missing tasks stay without a slot and do not count as left out, unknown and repeated ones are skipped
/// (`run_counters::skipped`). Deterministic. A list becomes an order as a lambda:
///
/// ```
/// const plan plan = policy.run(problem, [&](const berth::problem&) { return list; });
/// ```
template <class O>
concept task_order = requires(const O& o, const problem& p) {
    { o(p) } -> std::same_as<std::vector<task_index>>;
};

/// Tasks as they are listed.
struct arrival_order {
    /// The order. O(tasks log tasks) at most.
    [[nodiscard]] std::vector<task_index> operator()(const problem& p) const {
        std::vector<task_index> order(p.workload().task_count());
        for (std::size_t t = 0; t < order.size(); ++t) order[t] = task_index{t};
        return order;
    }
};

namespace detail {

/// Compared component by component, the smallest first.
struct task_key {
    amount first = 0;
    amount second = 0;
    amount third = 0;
};

/// All tasks by their keys; ties as listed.
[[nodiscard]] inline std::vector<task_index> ordered_by(const flat<task_key>& keys) {
    const auto before = [&](std::size_t a, std::size_t b) {
        if (keys[a].first != keys[b].first) return keys[a].first < keys[b].first;
        if (keys[a].second != keys[b].second) return keys[a].second < keys[b].second;
        if (keys[a].third != keys[b].third) return keys[a].third < keys[b].third;
        return a < b;
    };
    const flat<std::size_t> sorted = sorted_positions(keys.size(), before);
    std::vector<task_index> order(sorted.size());
    for (std::size_t i = 0; i < sorted.size(); ++i) order[i] = task_index{sorted[i]};
    return order;
}

}  // namespace detail

/// Most GPU share first, then most CPU.
struct largest_first {
    /// The order. O(tasks log tasks) at most.
    [[nodiscard]] std::vector<task_index> operator()(const problem& p) const {
        detail::flat<detail::task_key> keys(p.workload().task_count());
        for (std::size_t t = 0; t < keys.size(); ++t) {
            const demand_view demand = p.workload().demand(task_index{t});
            keys[t] = {.first = -demand.total_share(), .second = -p.workload().roles().cpu_of(demand.node)};
        }
        return detail::ordered_by(keys);
    }
};

/// Fewest GPUs of an accepted model first, then the largest. Tasks without GPU come last.
struct scarcest_first {
    /// The order. O(tasks log tasks) at most.
    [[nodiscard]] std::vector<task_index> operator()(const problem& p) const {
        detail::flat<amount> supply(p.fleet().model_count(), 0);
        for (std::size_t g = 0; g < p.fleet().gpu_count(); ++g) ++supply[p.fleet().model(gpu_index{g}).value()];
        detail::flat<detail::task_key> keys(p.workload().task_count());
        for (std::size_t t = 0; t < keys.size(); ++t) {
            const demand_view demand = p.workload().demand(task_index{t});
            amount accepted = demand.gpus == 0 ? static_cast<amount>(p.fleet().gpu_count()) + 1 : 0;
            for (std::size_t m = 0; demand.gpus > 0 && m < supply.size(); ++m) {
                if ((demand.accepted_models >> m & 1U) != 0) accepted += supply[m];
            }
            keys[t] = {
                .first = accepted, .second = -demand.total_share(), .third = -p.workload().roles().cpu_of(demand.node)};
        }
        return detail::ordered_by(keys);
    }
};

/// Higher priority first, then as listed.
struct priority_first {
    /// The order. O(tasks log tasks) at most.
    [[nodiscard]] std::vector<task_index> operator()(const problem& p) const {
        detail::flat<detail::task_key> keys(p.workload().task_count());
        for (std::size_t t = 0; t < keys.size(); ++t) keys[t].first = -amount{p.workload().priority(task_index{t})};
        return detail::ordered_by(keys);
    }
};

/// A random order.
struct shuffled {
    std::uint64_t seed = 0;  ///< decides the order

    /// The order. O(tasks log tasks) at most.
    [[nodiscard]] std::vector<task_index> operator()(const problem& p) const {
        std::vector<task_index> order = arrival_order{}(p);
        xoshiro256 generator{seed};
        shuffle(generator, std::span{order});
        return order;
    }
};

static_assert(task_order<arrival_order> && task_order<largest_first> && task_order<scarcest_first> &&
              task_order<priority_first> && task_order<shuffled>);

}  // namespace berth::inline v0
