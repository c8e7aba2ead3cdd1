// SPDX-License-Identifier: Apache-2.0
// GPU memory steers placement as compute share does: a schema says which counter it is, and every built-in score keeps
// large GPUs for the tasks that need them.
#include <berth/place.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

template <class T>
T need(berth::result<T> value) {
    if (value) return *std::move(value);
    std::puts(value.error().message.c_str());
    std::exit(1);
}

const char* model_of(const berth::fleet& machines, const berth::slot& where) {
    if (!where.placed()) return "nowhere";
    return machines.name(machines.model(machines.gpu(where.node, berth::lowest_gpu(where.gpus)))).c_str();
}

/// Places the tasks in turn; the number of those that fit nowhere.
int place(const berth::fleet& machines, const std::vector<std::vector<berth::amount>>& demands) {
    berth::workload_builder tasks{machines};
    for (const auto& demand : demands) (void)need(tasks.add_task({.gpu_demand = demand}));
    const berth::workload work = need(std::move(tasks).build());
    auto placer = berth::greedy{berth::best_fit{}}.start({machines, work});
    int missing = 0;
    for (std::size_t t = 0; t < work.task_count(); ++t) {
        const berth::demand_view demand = work.demand(berth::task_index{t});
        const berth::slot where = placer.place(berth::task_index{t});
        std::printf("  %4ld thousandths, %2ld GiB: %s\n", static_cast<long>(demand.gpu[0]),
                    static_cast<long>(demand.gpu[1]), model_of(machines, where));
        missing += where.placed() ? 0 : 1;
    }
    return missing;
}

berth::result<berth::fleet> machines_with(const char* memory_role) {
    berth::fleet_builder builder{{.gpu = {"share", "pool"}, .node = {"cpu"}, .roles = {.gpu_memory = memory_role}}};
    const std::vector<berth::amount> large{1000, 80};
    const std::vector<berth::amount> small{1000, 16};
    const std::vector<berth::gpu_description> a100{{.model = "A100", .capacity = large}};
    const std::vector<berth::gpu_description> t4{{.model = "T4", .capacity = small}};
    if (auto added = builder.add_node({.name = "big", .gpus = a100}); !added) return added.error();
    if (auto added = builder.add_node({.name = "little", .gpus = t4}); !added) return added.error();
    return std::move(builder).build();
}

}  // namespace

int main() {
    // 12 GiB would fit the A100 as well, but then 72 GiB fit nowhere. The last task wants memory alone.
    const std::vector<std::vector<berth::amount>> demands{{500, 12}, {500, 72}, {0, 4}};
    std::puts("the counter \"pool\" is GPU memory:");
    const int seeing = place(need(machines_with("pool")), demands);
    std::puts("no counter is (scores are blind, the ledger still counts it):");
    const int blind = place(need(machines_with(berth::no_counter)), demands);
    std::printf("%s\n", machines_with("hbm").error().message.c_str());
    return seeing == 0 && blind > 0 ? 0 : 1;
}
