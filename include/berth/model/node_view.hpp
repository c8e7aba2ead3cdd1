// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"

#include <cstddef>
#include <span>

namespace berth::inline v0 {

/// One node as policies read it: its free amounts and its description. A view of a ledger: valid until the ledger
/// changes or ends.
struct node_view {
    const berth::fleet* fleet = nullptr;  ///< the fleet of the ledger
    node_index index{};                   ///< the node
    std::span<const amount> free_node{};  ///< free amounts of the node's own counters
    std::span<const amount> free_gpus{};  ///< free amounts of its GPUs: counter r of GPU i at `[i * gpu_counters + r]`
    std::size_t gpu_counters = 1;         ///< counters per GPU
    gpu_mask healthy = 0;                 ///< GPUs that may take new tasks; none on an unhealthy node

    /// The number of GPUs.
    [[nodiscard]] std::size_t gpu_count() const noexcept { return free_gpus.size() / gpu_counters; }
    /// Free compute share of the i-th GPU, in thousandths.
    [[nodiscard]] amount free_share(std::size_t i) const noexcept { return free_gpus[i * gpu_counters]; }
    /// Free amounts of all counters of the i-th GPU.
    [[nodiscard]] std::span<const amount> free_gpu(std::size_t i) const noexcept {
        return free_gpus.subspan(i * gpu_counters, gpu_counters);
    }
    /// Free CPU; 0 if no counter is CPU.
    [[nodiscard]] amount free_cpu() const noexcept { return fleet->roles().cpu_of(free_node); }
    /// Free memory of the i-th GPU; 0 if no counter is GPU memory.
    [[nodiscard]] amount free_memory(std::size_t i) const noexcept { return fleet->roles().gpu_memory_of(free_gpu(i)); }
    /// True if the i-th GPU is completely free: its share, and its memory if a counter is GPU memory.
    [[nodiscard]] bool untouched(std::size_t i) const noexcept {
        const std::span<const amount> all = fleet->capacity(fleet->gpu(index, i));
        return free_share(i) == all[counter_roles::share] &&
               (gpu_counters == 1 || free_memory(i) == fleet->roles().gpu_memory_of(all));
    }
    /// Capacities of the node's own counters.
    [[nodiscard]] std::span<const amount> capacity() const noexcept { return fleet->capacity(index); }
    /// The model of the i-th GPU.
    [[nodiscard]] model_index model(std::size_t i) const noexcept { return fleet->model(fleet->gpu(index, i)); }
};

}  // namespace berth::inline v0
