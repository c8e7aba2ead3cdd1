// SPDX-License-Identifier: Apache-2.0
// Defragmentation: the free room is in pieces, and a task on four GPUs fits nowhere. `make_room` finds the tasks to
// move, their targets and an order.

#include "berth/operate.hpp"

#include <cstddef>
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
    std::string name;
    int gpus;
    int gpu_demand;
};

void print(const berth::fleet& fleet, const berth::ledger& ledger) {
    for (std::size_t n = 0; n < fleet.node_count(); ++n) {
        std::printf("  node %zu, free:", n);
        for (std::size_t g = 0; g < fleet.gpu_count(berth::node_index{n}); ++g) {
            std::printf(" %4d", static_cast<int>(ledger.free(fleet.gpu(berth::node_index{n}, g))[0]));
        }
        std::printf("\n");
    }
}

int main() {
    const std::vector<host> hosts(3, host{std::vector<gpu>(4)});
    const std::vector<job> jobs{{"a", 1, 600}, {"b", 1, 300},  {"c", 2, 1000},   {"d", 1, 500},
                                {"e", 1, 700}, {"f", 1, 1000}, {"g", 1, 500},    {"h", 1, 500},
                                {"i", 1, 500}, {"j", 1, 1000}, {"wide", 4, 1000}};
    const auto fleet = berth::make_fleet(hosts);
    const auto work = berth::make_workload(jobs, *fleet);
    const berth::problem problem{*fleet, *work};
    const auto at = [](std::size_t node, berth::gpu_mask gpus) { return berth::slot{berth::node_index{node}, gpus}; };
    const std::vector<berth::slot> running{at(0, 0b0001), at(0, 0b0010), at(1, 0b0011), at(1, 0b0100), at(2, 0b0001),
                                           at(2, 0b0010), at(2, 0b0100), at(0, 0b0100), at(1, 0b1000), at(2, 0b1000)};

    const berth::defragment how{{.max_steps = 8, .park = true}};
    auto state = how.start(problem);
    for (std::size_t t = 0; t < running.size(); ++t) {
        if (!state.occupy(berth::task_index{t}, running[t])) return std::puts("over-committed"), 1;
    }
    print(*fleet, state.ledger());

    const berth::task_index wide{jobs.size() - 1};
    const berth::eviction_plan answer = state.make_room(wide);
    std::printf("%s: %s, %zu steps in %zu waves\n", jobs.back().name.c_str(), to_string(answer.outcome),
                answer.plan.steps.size(), answer.plan.wave_count());
    for (std::size_t w = 0; w < answer.plan.wave_count(); ++w) {
        for (const berth::migration_step& s : answer.plan.wave(w)) {
            std::printf("  wave %zu: %s from node %zu", w, jobs[s.task.value()].name.c_str(), s.from.node.value());
            if (s.to.placed()) {
                std::printf(" to node %zu, GPU %zu\n", s.to.node.value(), berth::lowest_gpu(s.to.gpus));
            } else {
                std::printf(" into host memory\n");
            }
        }
    }
    if (!answer.placed()) return 1;
    state.carry_out(wide, answer);
    print(*fleet, state.ledger());
    return state.where(wide) == answer.where ? 0 : 1;
}
