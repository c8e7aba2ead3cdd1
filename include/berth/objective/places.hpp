// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/fleet.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/concepts.hpp"
#include "berth/objective/detail/merged_changes.hpp"

#include <cstddef>
#include <span>

namespace berth::inline v0 {

// Which counters a term reads, as a template argument: `load_over_safety<on_gpus>`. A user with bare GPUs has one node
// for each GPU; demands of the GPU are counters of the GPU all the same.
//
//   on_nodes     cores, memory, disk, ... of nodes; the default
//   on_gpus      shares, memory, ... of every GPU that a task gets; GPUs of one node are not summed
//   on_domains   power, cooling, ... of racks and zones

/// Every node is a place.
struct on_nodes {
    /// Number of places: nodes of the fleet.
    [[nodiscard]] static std::size_t count(const fleet& machines) noexcept { return machines.node_count(); }
    /// Counters per place.
    [[nodiscard]] static std::size_t counters(const fleet& machines) noexcept { return machines.schema().node.size(); }
    /// Capacities of one node, per counter.
    [[nodiscard]] static std::span<const amount> capacity(const fleet& machines, std::size_t place) noexcept {
        return machines.capacity(node_index{place});
    }
    /// What a task takes of every node of its slot, per counter.
    [[nodiscard]] static std::span<const amount> demand(const demand_view& wanted) noexcept { return wanted.node; }

    /// `f(place, -1)` for each node that the move leaves, `f(place, +1)` for each that it enters.
    template <class F>
    static void each(const fleet&, const task_move& r, const F& f) {
        if (r.from.node == r.to.node) return;
        if (r.from.placed()) f(r.from.node.value(), amount{-1});
        if (r.to.placed()) f(r.to.node.value(), amount{+1});
    }
};

/// Every GPU is a place.
struct on_gpus {
    /// Number of places: GPUs of the fleet.
    [[nodiscard]] static std::size_t count(const fleet& machines) noexcept { return machines.gpu_count(); }
    /// Counters per place.
    [[nodiscard]] static std::size_t counters(const fleet& machines) noexcept { return machines.schema().gpu.size(); }
    /// Capacities of one GPU, per counter.
    [[nodiscard]] static std::span<const amount> capacity(const fleet& machines, std::size_t place) noexcept {
        return machines.capacity(gpu_index{place});
    }
    /// What a task takes of every GPU of its slot, per counter.
    [[nodiscard]] static std::span<const amount> demand(const demand_view& wanted) noexcept { return wanted.gpu; }

    /// `f(place, -1)` for each GPU that the move leaves, `f(place, +1)` for each that it enters.
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
    /// Number of places: domains of the fleet.
    [[nodiscard]] static std::size_t count(const fleet& machines) noexcept { return machines.domain_count(); }
    /// Counters per place.
    [[nodiscard]] static std::size_t counters(const fleet& machines) noexcept {
        return machines.schema().domain.size();
    }
    /// Capacities of one domain, per counter.
    [[nodiscard]] static std::span<const amount> capacity(const fleet& machines, std::size_t place) noexcept {
        return machines.capacity(domain_index{place});
    }
    /// What a task takes of every domain of its slot, per counter.
    [[nodiscard]] static std::span<const amount> demand(const demand_view& wanted) noexcept { return wanted.domain; }

    /// `f(place, -1)` for each domain that the move leaves, `f(place, +1)` for each that it enters.
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
