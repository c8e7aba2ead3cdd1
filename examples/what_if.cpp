// SPDX-License-Identifier: Apache-2.0
// What if a node must be drained: do its tasks fit elsewhere? Answers it for every node on one ledger, without a copy.
#include "berth/place.hpp"

#include <cstdio>
#include <string>
#include <vector>

struct gpu {
    std::string model;
};
struct host {
    std::vector<gpu> gpus;
};
struct job {
    int gpus;
    int gpu_demand;
};

/// Puts the task on the first node other than `drained` that has room. False if there is none.
bool place_elsewhere(berth::ledger& ledger, const berth::demand_view& demand, berth::node_index drained) {
    for (std::size_t n = 0; n < ledger.fleet().node_count(); ++n) {
        const berth::node_index node{n};
        if (node == drained || !ledger.fits(demand, node)) continue;
        const berth::gpu_mask fitting = ledger.fitting_gpus(demand, node);
        ledger.place(demand, {node, berth::tightest_gpu{}(ledger.node(node), demand, fitting)});
        return true;
    }
    return false;
}

int main() {
    const std::vector<host> hosts{{std::vector<gpu>(4)}, {std::vector<gpu>(4)}, {std::vector<gpu>(2)}};
    const std::vector<job> jobs{{4, 1000}, {1, 400}, {1, 400}, {1, 700}, {2, 1000}};
    const auto fleet = berth::make_fleet(hosts);
    const auto work = berth::make_workload(jobs, *fleet);
    const berth::problem problem{*fleet, *work};
    const berth::plan plan = berth::greedy{berth::best_fit{}}.run(problem);

    auto ledger = berth::make_ledger(problem, plan.assignment);
    if (!ledger) return std::puts(ledger.error().message.c_str()), 1;
    const berth::ledger before = *ledger;
    std::size_t drainable = 0;
    for (std::size_t n = 0; n < fleet->node_count(); ++n) {
        std::size_t moved = 0;
        std::size_t stuck = 0;
        ledger->checkpoint();
        for (std::size_t t = 0; t < jobs.size(); ++t) {
            if (plan.assignment[t].node != berth::node_index{n}) continue;
            ledger->remove(work->demand(berth::task_index{t}), plan.assignment[t]);
            ++(place_elsewhere(*ledger, work->demand(berth::task_index{t}), berth::node_index{n}) ? moved : stuck);
        }
        ledger->rollback();  // undo the question
        std::printf("drain node %zu: %zu tasks would move, %zu would have no slot\n", n, moved, stuck);
        drainable += moved > 0 && stuck == 0 ? 1 : 0;
    }
    return *ledger == before && drainable == 1 ? 0 : 1;
}
