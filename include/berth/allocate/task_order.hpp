// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/random.hpp"
#include "berth/model/workload.hpp"

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <vector>

// In which order a batch is placed. When to use which:
//
//   arrival_order    tasks as they are listed; what an online scheduler sees
//   largest_first    the classical decreasing order of bin packing; best fill for a batch without priorities
//   scarcest_first   tasks that accept the fewest GPUs first, then the largest; mixed fleets with model constraints
//   priority_first   higher priority first, then as listed
//   shuffled         a random order; baseline, restarts
//
// A lambda `std::vector<task_index>(const problem&)` is an order, too.

namespace berth {

/// Returns every task of the workload once; those that are missing stay without a place and are not counted as left out.
/// Deterministic.
template <class O>
concept task_order = requires(const O& o, const problem& p) {
    { o(p) } -> std::same_as<std::vector<task_index>>;
};

/// Tasks as they are listed.
struct arrival_order {
    [[nodiscard]] std::vector<task_index> operator()(const problem& p) const {
        std::vector<task_index> order;
        order.reserve(p.workload().task_count());
        for (std::size_t t = 0; t < p.workload().task_count(); ++t) order.emplace_back(t);
        return order;
    }
};

namespace detail {

/// Sorted by a key, smallest first; ties as listed. One key per shape would do, but keys may look at the task.
template <class Key>
[[nodiscard]] std::vector<task_index> ordered_by(const problem& p, Key key) {
    using value = decltype(key(task_index{}));
    std::vector<std::tuple<value, task_index>> keyed;
    keyed.reserve(p.workload().task_count());
    for (std::size_t t = 0; t < p.workload().task_count(); ++t) keyed.emplace_back(key(task_index{t}), task_index{t});
    std::sort(keyed.begin(), keyed.end());
    std::vector<task_index> order;
    order.reserve(keyed.size());
    for (const auto& [k, t] : keyed) order.push_back(t);
    return order;
}

/// GPU share first, then host counters: a demand's size.
[[nodiscard]] inline std::tuple<amount, amount> size_of(const demand_view& demand) {
    return {demand.total_share(), demand.node.empty() ? amount{0} : demand.node[0]};
}

}  // namespace detail

/// Most GPU share first, then most CPU.
struct largest_first {
    [[nodiscard]] std::vector<task_index> operator()(const problem& p) const {
        return detail::ordered_by(p, [&](task_index t) {
            const auto [share, cpu] = detail::size_of(p.workload().demand(t));
            return std::tuple{-share, -cpu};
        });
    }
};

/// Fewest GPUs of an accepted model first, then the largest. Tasks without GPU come last.
struct scarcest_first {
    [[nodiscard]] std::vector<task_index> operator()(const problem& p) const {
        std::vector<std::size_t> supply(p.fleet().model_count(), 0);
        for (std::size_t g = 0; g < p.fleet().gpu_count(); ++g) ++supply[p.fleet().model(gpu_index{g}).value()];
        return detail::ordered_by(p, [&](task_index t) {
            const demand_view demand = p.workload().demand(t);
            std::size_t accepted = demand.gpus == 0 ? p.fleet().gpu_count() + 1 : 0;
            for (std::size_t m = 0; demand.gpus > 0 && m < supply.size(); ++m) {
                if ((demand.accepted_models >> m & 1U) != 0) accepted += supply[m];
            }
            const auto [share, cpu] = detail::size_of(demand);
            return std::tuple{accepted, -share, -cpu};
        });
    }
};

/// Higher priority first, then as listed.
struct priority_first {
    [[nodiscard]] std::vector<task_index> operator()(const problem& p) const {
        return detail::ordered_by(p, [&](task_index t) { return -std::int64_t{p.workload().priority(t)}; });
    }
};

/// A random order.
struct shuffled {
    std::uint64_t seed = 0;

    [[nodiscard]] std::vector<task_index> operator()(const problem& p) const {
        std::vector<task_index> order = arrival_order{}(p);
        xoshiro256 generator{seed};
        shuffle(generator, std::span{order});
        return order;
    }
};

static_assert(task_order<arrival_order> && task_order<largest_first> && task_order<scarcest_first> &&
              task_order<priority_first> && task_order<shuffled>);

}  // namespace berth
