// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace berth::inline v0 {

/// The use of one counter, summed over all places with a limit. Places where the counter is unlimited are left
/// out; unhealthy places are included.
struct counter_use {
    std::string name;     ///< its name in the resource schema
    amount used = 0;      ///< in use
    amount capacity = 0;  ///< in use or free

    /// 100 * used / capacity; 0 if no place has a limit.
    [[nodiscard]] double percent() const noexcept {
        return capacity > 0 ? 100.0 * static_cast<double>(used) / static_cast<double>(capacity) : 0.0;
    }
    /// Equal members.
    friend bool operator==(const counter_use&, const counter_use&) = default;
};

namespace detail {

template <class Index>
[[nodiscard]] std::vector<counter_use> use_of(const ledger& state, std::size_t places,
                                              const std::vector<std::string>& names) {
    std::vector<counter_use> uses(names.size());
    for (std::size_t r = 0; r < names.size(); ++r) {
        uses[r].name = names[r];
        for (std::size_t i = 0; i < places; ++i) {
            if (state.fleet().unlimited(Index{i}, r)) continue;
            const amount capacity = state.fleet().capacity(Index{i})[r];
            uses[r].capacity += capacity;
            uses[r].used += capacity - state.free(Index{i})[r];
        }
    }
    return uses;
}

template <class Index>
[[nodiscard]] std::size_t in_use(const ledger& state, std::size_t places) noexcept {
    std::size_t count = 0;
    for (std::size_t i = 0; i < places; ++i) {
        const auto capacity = state.fleet().capacity(Index{i});
        const auto left = state.free(Index{i});
        bool used = false;
        for (std::size_t r = 0; r < left.size(); ++r) used = used || left[r] < capacity[r];
        count += used ? 1U : 0U;
    }
    return count;
}

}  // namespace detail

/// The use of every GPU counter, in the order of the schema; the first is the compute share. O(GPUs × counters).
[[nodiscard]] inline std::vector<counter_use> gpu_utilisation(const ledger& state) {
    return detail::use_of<gpu_index>(state, state.fleet().gpu_count(), state.fleet().schema().gpu);
}
/// The use of every node counter, in the order of the schema. O(nodes × counters).
[[nodiscard]] inline std::vector<counter_use> node_utilisation(const ledger& state) {
    return detail::use_of<node_index>(state, state.fleet().node_count(), state.fleet().schema().node);
}
/// The use of every domain counter, in the order of the schema. O(domains × counters).
[[nodiscard]] inline std::vector<counter_use> domain_utilisation(const ledger& state) {
    return detail::use_of<domain_index>(state, state.fleet().domain_count(), state.fleet().schema().domain);
}

/// The use of the compute share of all GPUs, in thousandths of a GPU.
struct gpu_share_use {
    amount used = 0;      ///< in use
    amount capacity = 0;  ///< in use or free

    /// Not in use.
    [[nodiscard]] amount idle() const noexcept { return capacity - used; }
    /// *Allocation* as published for FGD: 100 * used / capacity; 0 without GPUs.
    [[nodiscard]] double allocation_percent() const noexcept {
        return capacity > 0 ? 100.0 * static_cast<double>(used) / static_cast<double>(capacity) : 0.0;
    }
};

/// The use of the compute share of all GPUs. O(GPUs), does not allocate.
[[nodiscard]] inline gpu_share_use gpu_share(const ledger& state) noexcept {
    gpu_share_use use;
    for (std::size_t i = 0; i < state.fleet().gpu_count(); ++i) {
        const amount capacity = state.fleet().capacity(gpu_index{i})[0];
        use.capacity += capacity;
        use.used += capacity - state.free(gpu_index{i})[0];
    }
    return use;
}

/// *Allocation*: 100 * used GPU share / GPU share; 0 without GPUs. O(GPUs).
[[nodiscard]] inline double allocation_percent(const ledger& state) noexcept {
    return gpu_share(state).allocation_percent();
}

/// The number of GPUs with a limited counter in use. O(GPUs × counters).
[[nodiscard]] inline std::size_t gpus_in_use(const ledger& state) noexcept {
    return detail::in_use<gpu_index>(state, state.fleet().gpu_count());
}

/// The number of nodes with a limited counter of their own or of their GPUs in use. O((nodes + GPUs) × counters).
[[nodiscard]] inline std::size_t nodes_in_use(const ledger& state) noexcept {
    std::size_t count = 0;
    for (std::size_t n = 0; n < state.fleet().node_count(); ++n) {
        const node_index node{n};
        const auto below = [](std::span<const amount> left, std::span<const amount> capacity) {
            for (std::size_t r = 0; r < left.size(); ++r) {
                if (left[r] < capacity[r]) return true;
            }
            return false;
        };
        bool used = below(state.free(node), state.fleet().capacity(node));
        for (std::size_t i = 0; i < state.fleet().gpu_count(node) && !used; ++i) {
            const gpu_index g = state.fleet().gpu(node, i);
            used = below(state.free(g), state.fleet().capacity(g));
        }
        count += used ? 1U : 0U;
    }
    return count;
}

}  // namespace berth::inline v0
