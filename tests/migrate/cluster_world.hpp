// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/random.hpp"
#include "berth/model/cluster.hpp"

#include "common/instances.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace berth_test {

/// Machines and jobs as somebody's scheduler has them.
struct own_gpu {
    std::string model = "A100";
    std::string uuid{};
    std::vector<berth::amount> capacity{100, 80};  // share, memory
};
struct own_machine {
    std::string name{};
    std::vector<own_gpu> gpus;
    std::vector<berth::amount> capacity{1000};  // ram
};
struct own_job {
    std::string name{};
    std::size_t gpus = 1;
    std::vector<berth::amount> gpu_demand{1, 10};
    std::vector<berth::amount> node_demand{0};
    std::string accepted_models{};
    berth::amount state_bytes = berth::amount{1} << 30U;
};

[[nodiscard]] inline berth::resource_schema own_schema() {
    return {.gpu = {"share", "memory"}, .node = {"ram"}, .domain = {}};
}

/// The amounts in use, counted again from slots, targets and reservations.
struct recount {
    std::vector<std::vector<berth::amount>> node{};
    std::vector<std::vector<berth::amount>> gpu{};

    explicit recount(const berth::cluster& c) {
        using namespace berth;
        for (std::size_t n = 0; n < c.fleet().node_count(); ++n) {
            const auto all = c.fleet().capacity(node_index{n});
            node.emplace_back(all.begin(), all.end());
        }
        for (std::size_t g = 0; g < c.fleet().gpu_count(); ++g) {
            const auto all = c.fleet().capacity(gpu_index{g});
            gpu.emplace_back(all.begin(), all.end());
        }
        for (std::size_t t = 0; t < c.slots().size(); ++t) {
            if (!c.workload().present(task_index{t})) continue;
            take(c, c.workload().demand(task_index{t}), c.slots()[t]);
            take(c, c.workload().demand(task_index{t}), c.targets()[t]);
        }
    }
    void take(const berth::cluster& c, const berth::demand_view& demand, const berth::slot& where) {
        if (!where.placed()) return;
        for (std::size_t r = 0; r < demand.node.size(); ++r) node[where.node.value()][r] -= demand.node[r];
        for (std::size_t i = 0; i < 64; ++i) {
            if ((where.gpus >> i & 1U) == 0) continue;
            auto& free = gpu[c.fleet().gpu(where.node, i).value()];
            for (std::size_t r = 0; r < demand.gpu.size(); ++r) free[r] -= demand.gpu[r];
        }
    }
    [[nodiscard]] bool equals(const berth::ledger& ledger) const {
        using namespace berth;
        const auto same = [](std::span<const amount> a, const std::vector<amount>& b) {
            return std::vector<amount>(a.begin(), a.end()) == b;
        };
        for (std::size_t n = 0; n < node.size(); ++n) {
            if (!same(ledger.free(node_index{n}), node[n])) return false;
        }
        for (std::size_t g = 0; g < gpu.size(); ++g) {
            if (!same(ledger.free(gpu_index{g}), gpu[g])) return false;
        }
        return true;
    }
};

[[nodiscard]] inline own_machine random_machine(berth::xoshiro256& g, std::size_t number) {
    own_machine machine{"node-" + std::to_string(number), {}, {static_cast<berth::amount>(100 + below(g, 100))}};
    const std::size_t gpus = 1 + below(g, 3);
    for (std::size_t i = 0; i < gpus; ++i) {
        machine.gpus.push_back({chance(g, 70) ? "A100" : "H100", machine.name + "/" + std::to_string(i)});
    }
    return machine;
}
[[nodiscard]] inline own_job random_job(berth::xoshiro256& g, std::size_t number) {
    return {.name = "job-" + std::to_string(number),
            .gpus = chance(g, 15) ? std::size_t{2} : std::size_t{1},
            .gpu_demand = {static_cast<berth::amount>(5 + below(g, 40)), static_cast<berth::amount>(5 + below(g, 40))},
            .node_demand = {chance(g, 30) ? 0 : static_cast<berth::amount>(below(g, 30))},
            .accepted_models = chance(g, 20) ? "H100" : ""};
}
/// A random slot of the fleet with so many GPUs, whatever room it has; `unplaced` if the node is vacant or too small.
[[nodiscard]] inline berth::slot any_slot(berth::xoshiro256& g, const berth::cluster& c, std::size_t gpus) {
    using namespace berth;
    const node_index n{below(g, c.fleet().node_count())};
    const std::size_t count = c.fleet().gpu_count(n);
    if (!c.fleet().present(n) || count < gpus) return unplaced;
    gpu_mask mask = 0;
    while (berth::gpu_count(mask) < gpus) mask |= gpu_mask{1} << below(g, count);
    return {n, mask};
}
[[nodiscard]] inline berth::slot admissible_slot(berth::xoshiro256& g, const berth::cluster& c,
                                                 const berth::demand_view& demand) {
    for (int tries = 0; tries < 12; ++tries) {
        const berth::slot where = any_slot(g, c, demand.gpus);
        if (where.placed() && c.admissible(demand, where)) return where;
    }
    return berth::unplaced;
}

/// Nodes and jobs with vacant positions, over-committed, closed and sick nodes, and moves in flight.
inline void fill_at_random(berth::xoshiro256& g, berth::cluster& c, std::size_t nodes, std::size_t jobs) {
    using namespace berth;
    for (std::size_t n = 0; n < nodes; ++n) (void)need(c.join(random_machine(g, n)));
    for (std::size_t j = 0; j < jobs; ++j) {
        const task_handle task = need(c.admit(random_job(g, j)));
        const demand_view demand = c.workload().demand(*c.find(task));
        const slot where = admissible_slot(g, c, demand);
        const slot observed = any_slot(g, c, demand.gpus);
        if (chance(g, 8) && observed.placed()) {
            (void)c.occupy(task, observed);
        } else if (where.placed() && chance(g, 90)) {
            (void)c.place(task, where);
        }
    }
    for (std::size_t t = 0; t < jobs; ++t) {
        if (chance(g, 10)) (void)c.retire(c.handle(task_index{t}));
    }
    const node_handle leaver = c.handle(node_index{below(g, nodes)});
    if (chance(g, 50)) (void)c.leave(leaver);
    for (std::size_t n = 0; n < nodes; ++n) {
        if (!c.fleet().present(node_index{n})) continue;
        if (chance(g, 8)) (void)c.set_open(c.handle(node_index{n}), false);
        if (chance(g, 8)) (void)c.set_healthy(c.handle(node_index{n}, 0), false);
    }
    for (std::size_t t = 0; t < jobs; ++t) {
        if (!c.workload().present(task_index{t}) || !chance(g, 6)) continue;
        const slot to = admissible_slot(g, c, c.workload().demand(task_index{t}));
        if (to.placed() && to != c.slots()[t]) (void)c.begin_move(task_index{t}, to);
    }
}

}  // namespace berth_test
