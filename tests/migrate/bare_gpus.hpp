// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/fleet_builder.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload_builder.hpp"

#include "common/instances.hpp"

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace berth_test {

/// Nodes with one GPU of a given memory each (or one node with all), and tasks of a given memory.
struct bare_gpus {
    berth::fleet machines;
    berth::workload tasks;

    bare_gpus(std::size_t gpus, berth::amount memory, const std::vector<berth::amount>& sizes,
              std::size_t gpus_per_node = 1)
        : machines{make_machines(gpus, memory, gpus_per_node)}, tasks{make_tasks(machines, sizes)} {}

    [[nodiscard]] berth::problem problem() const { return {machines, tasks}; }
    /// The assignment that has task i on GPU `on[i]` of the fleet; below 0: unplaced.
    [[nodiscard]] berth::assignment on(const std::vector<int>& gpus) const {
        berth::assignment made;
        for (const int g : gpus) {
            if (g < 0) {
                made.push_back(berth::unplaced);
                continue;
            }
            const berth::gpu_index gpu{static_cast<std::size_t>(g)};
            const berth::node_index n = machines.node_of(gpu);
            made.push_back({n, berth::gpu_mask{1} << (gpu.value() - machines.gpu(n, 0).value())});
        }
        return made;
    }

private:
    static berth::fleet make_machines(std::size_t gpus, berth::amount memory, std::size_t per_node) {
        berth::fleet_builder fleet{{.gpu = {"share", "memory"}, .node = {}, .domain = {}}};
        const berth::amount capacity[] = {berth::whole_gpu, memory};
        const std::vector<berth::gpu_description> each(per_node, {.capacity = capacity});
        for (std::size_t g = 0; g < gpus; g += per_node) (void)need(fleet.add_node({.gpus = each}));
        return need(std::move(fleet).build());
    }
    static berth::workload make_tasks(const berth::fleet& machines, const std::vector<berth::amount>& sizes) {
        berth::workload_builder work{machines};
        for (const berth::amount size : sizes) {
            const berth::amount demand[] = {1, size};
            (void)need(work.add_task({.gpu_demand = demand, .state_bytes = size * 1'000'000'000}));
        }
        return need(std::move(work).build());
    }
};

}  // namespace berth_test
