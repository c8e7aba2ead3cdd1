// SPDX-License-Identifier: Apache-2.0
// Gangs: workers of one training job start together or not at all, so that an incomplete job never holds GPUs.
#include "berth/place.hpp"

#include <cstdio>
#include <string>
#include <vector>

struct gpu {
    std::string model = "H100";
};
struct host {
    std::vector<gpu> gpus;
};
struct worker {
    std::string group;
    bool gang;
    int gpus;
    int min_tasks = 0;  // 0: all
};

int main() {
    const std::vector<host> hosts(5, host{std::vector<gpu>(4)});  // 20 GPUs
    std::vector<worker> workers;
    for (int i = 0; i < 4; ++i) workers.push_back({"llm", true, 2});    // 4 x 2: fits
    for (int i = 0; i < 4; ++i) workers.push_back({"video", true, 4});  // 4 x 4: three would fit, the fourth would not
    for (int i = 0; i < 2; ++i) workers.push_back({"serving", false, 3});  // a group without gang: placed one by one
    for (int i = 0; i < 3; ++i) workers.push_back({"sweep", true, 4, 1});  // 3 x 4: one is enough to start

    const auto fleet = berth::make_fleet(hosts);
    const auto work = berth::make_workload(workers, *fleet);
    const berth::plan plan = berth::greedy{berth::best_fit{}}.run({*fleet, *work});

    bool whole = true;
    for (std::size_t g = 0; g < work->group_count(); ++g) {
        const berth::group_index group{g};
        std::size_t placed = 0;
        for (const berth::task_index t : work->members(group)) placed += plan.assignment[t.value()].placed() ? 1 : 0;
        const std::size_t wanted = work->members(group).size();
        std::printf("%-8s %zu of %zu placed%s\n", work->name(group).c_str(), placed, wanted,
                    work->is_gang(group) ? " (gang)" : "");
        whole = whole && (!work->is_gang(group) || placed == 0 || placed >= work->min_tasks(group));
    }
    return whole && plan.counters.placed == 7 ? 0 : 1;
}
