// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/fleet.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/concepts.hpp"
#include "berth/objective/detail/merged_changes.hpp"

#include <cstddef>
#include <span>

namespace berth::inline v0 {

// Whose counters a term looks at, as a template argument: `load_over_safety<on_gpus>`. A user with bare GPUs has one node for each
// GPU; what such tasks demand of the GPU is still a counter of the GPU.
//
//   on_nodes     cores, memory, disk, ... of nodes: what most terms are about, and the default
//   on_gpus      shares, memory, ... of every GPU that a task gets; GPUs of one node are not summed
//   on_domains   power, cooling, ... of racks and zones

/// Every node is a place.
struct on_nodes {
    [[nodiscard]] static std::size_t count(const fleet& machines) noexcept { return machines.node_count(); }
    [[nodiscard]] static std::size_t counters(const fleet& machines) noexcept { return machines.schema().node.size(); }
    [[nodiscard]] static std::span<const amount> capacity(const fleet& machines, std::size_t place) noexcept {
        return machines.capacity(node_index{place});
    }
    [[nodiscard]] static std::span<const amount> demand(const demand_view& wanted) noexcept { return wanted.node; }

    template <class F>
    static void each(const fleet&, const task_move& r, const F& f) {
        if (r.from.node == r.to.node) return;
        if (r.from.placed()) f(r.from.node.value(), amount{-1});
        if (r.to.placed()) f(r.to.node.value(), amount{+1});
    }
};

/// Every GPU is a place.
struct on_gpus {
    [[nodiscard]] static std::size_t count(const fleet& machines) noexcept { return machines.gpu_count(); }
    [[nodiscard]] static std::size_t counters(const fleet& machines) noexcept { return machines.schema().gpu.size(); }
    [[nodiscard]] static std::span<const amount> capacity(const fleet& machines, std::size_t place) noexcept {
        return machines.capacity(gpu_index{place});
    }
    [[nodiscard]] static std::span<const amount> demand(const demand_view& wanted) noexcept { return wanted.gpu; }

    template <class F>
    static void each(const fleet& machines, const task_move& r, const F& f) {
        const detail::gpus_touched gpus{r};
        for (gpu_mask rest = gpus.left; rest != 0; rest &= rest - 1) {
            f(machines.gpu(r.from.node, lowest_gpu(rest)).value(), amount{-1});
        }
        for (gpu_mask rest = gpus.taken; rest != 0; rest &= rest - 1) {
            f(machines.gpu(r.to.node, lowest_gpu(rest)).value(), amount{+1});
        }
    }
};

/// Every domain is a place, whatever its level.
struct on_domains {
    [[nodiscard]] static std::size_t count(const fleet& machines) noexcept { return machines.domain_count(); }
    [[nodiscard]] static std::size_t counters(const fleet& machines) noexcept {
        return machines.schema().domain.size();
    }
    [[nodiscard]] static std::span<const amount> capacity(const fleet& machines, std::size_t place) noexcept {
        return machines.capacity(domain_index{place});
    }
    [[nodiscard]] static std::span<const amount> demand(const demand_view& wanted) noexcept { return wanted.domain; }

    template <class F>
    static void each(const fleet& machines, const task_move& r, const F& f) {
        if (r.from.node == r.to.node) return;
        one_side(machines, r.from, r.to, [&](std::size_t place) { f(place, amount{-1}); });
        one_side(machines, r.to, r.from, [&](std::size_t place) { f(place, amount{+1}); });
    }

private:
    template <class F>
    static void one_side(const fleet& machines, const slot& here, const slot& there, const F& f) {
        if (!here.placed()) return;
        for (const domain_index d : machines.domains(here.node)) {
            bool both = false;
            if (there.placed()) {
                for (const domain_index other : machines.domains(there.node)) both = both || other == d;
            }
            if (!both) f(d.value());
        }
    }
};

static_assert(counter_places<on_nodes> && counter_places<on_gpus> && counter_places<on_domains>);

}  // namespace berth::inline v0
