// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/balance_round.hpp"
#include "berth/balance/fleet_observation.hpp"
#include "berth/core/random.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/workload.hpp"
#include "berth/model/workload_builder.hpp"

#include "common/instances.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth_test {

/// A slot by node and mask.
[[nodiscard]] inline berth::slot at(std::size_t node, berth::gpu_mask gpus = 1) {
    return {berth::node_index{node}, gpus};
}

/// Nodes of so many GPUs with compute share and memory (GiB), and tasks that take a share of one.
struct alike_fleet {
    std::size_t nodes = 2;
    std::size_t gpus = 1;
    berth::amount memory = 80;
    std::vector<std::size_t> sick_nodes{};
    std::vector<std::string> models{};  ///< per node; empty: all "A"
};

struct small_task {
    std::size_t gpus = 1;
    berth::amount share = 100;  ///< of each of its GPUs
    berth::amount memory = 1;
    berth::amount bytes = 1;
    int priority = 0;
    std::string gang{};
    std::string model{};  ///< the only one accepted; empty: all
    bool same_model = false;
};

[[nodiscard]] inline instance make_instance(const alike_fleet& wanted, std::span<const small_task> tasks) {
    berth::fleet_builder builder{berth::resource_schema{.gpu = {"share", "memory"}, .node = {}, .domain = {}}};
    const berth::amount capacity[] = {berth::whole_gpu, wanted.memory};
    for (std::size_t n = 0; n < wanted.nodes; ++n) {
        const std::string model = wanted.models.empty() ? "A" : wanted.models[n];
        const std::vector<berth::gpu_description> gpus(wanted.gpus, {.model = model, .capacity = capacity});
        bool sick = false;
        for (const std::size_t s : wanted.sick_nodes) sick = sick || s == n;
        (void)need(builder.add_node({.gpus = gpus, .healthy = !sick}));
    }
    berth::fleet machines = need(std::move(builder).build());
    berth::workload_builder work{machines};
    for (const small_task& task : tasks) {
        const berth::amount demand[] = {task.share, task.memory};
        std::vector<std::string_view> accepted;
        if (!task.model.empty()) accepted.emplace_back(task.model);
        (void)need(work.add_task({.gpus = task.gpus,
                                  .gpu_demand = task.gpus == 0 ? std::span<const berth::amount>{} : demand,
                                  .accepted_models = accepted,
                                  .same_model = task.same_model,
                                  .group = task.gang,
                                  .gang = !task.gang.empty(),
                                  .priority = task.priority,
                                  .state_bytes = task.bytes}));
    }
    berth::workload all = need(std::move(work).build());
    return {std::move(machines), std::move(all)};
}

/// The ledger of a placement that may exceed capacities.
[[nodiscard]] inline berth::ledger ledger_of(const berth::problem& p, std::span<const berth::slot> placement) {
    berth::ledger ledger{p.fleet()};
    for (std::size_t t = 0; t < placement.size(); ++t) {
        if (placement[t].placed()) REQUIRE(ledger.occupy(p.workload().demand(berth::task_index{t}), placement[t]));
    }
    return ledger;
}

/// Carries out a round's choices at once, in order, and demands that each fits with both its ends held.
inline void carry_out(const berth::problem& p, const berth::balance_round& round, berth::assignment& placement) {
    berth::ledger ledger = ledger_of(p, placement);
    for (const auto& c : round.chosen) {
        const berth::demand_view demand = p.workload().demand(c.move.task);
        REQUIRE(placement[c.move.task.value()] == c.move.from);
        REQUIRE(ledger.fits(demand, c.move.to));
        ledger.place(demand, c.move.to);
        ledger.remove(demand, c.move.from);
        placement[c.move.task.value()] = c.move.to;
    }
}

/// What every GPU carries if each task loads its GPUs as given.
[[nodiscard]] inline std::vector<double> loads_of(const berth::fleet& machines, std::span<const berth::slot> placement,
                                                  std::span<const double> task_load) {
    std::vector<double> load(machines.gpu_count(), 0.0);
    for (std::size_t t = 0; t < placement.size(); ++t) {
        for (berth::gpu_mask rest = placement[t].gpus; rest != 0; rest &= rest - 1)
            load[machines.gpu(placement[t].node, berth::lowest_gpu(rest)).value()] += task_load[t];
    }
    return load;
}

}  // namespace berth_test
