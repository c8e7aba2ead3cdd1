// SPDX-License-Identifier: Apache-2.0
#include "berth/model/task_mix.hpp"

#include "berth/model/fleet_builder.hpp"
#include "berth/model/workload_builder.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using berth::amount;
using berth::task_mix;
using berth::typical_mix;
using berth_test::need;

namespace {

struct sample {
    std::size_t times;
    amount cpu;
    amount memory;
    std::size_t gpus;
    amount share;
    std::vector<std::string_view> models;
};

struct setting {
    berth::fleet machines;
    berth::workload tasks;
};

setting make(const std::vector<sample>& samples) {
    berth::fleet_builder fleet;
    const berth::gpu_description gpus[] = {{.model = "A"}, {.model = "B"}};
    (void)need(fleet.add_node({.gpus = gpus}));
    auto machines = need(std::move(fleet).build());
    berth::workload_builder builder{machines};
    for (const auto& s : samples) {
        for (std::size_t i = 0; i < s.times; ++i) {
            const amount share[] = {s.share};
            const amount host[] = {s.cpu, s.memory};
            (void)need(builder.add_task(
                {.gpus = s.gpus, .gpu_demand = share, .node_demand = host, .accepted_models = s.models}));
        }
    }
    auto tasks = need(std::move(builder).build());
    return {std::move(machines), std::move(tasks)};
}

std::vector<std::size_t> counts(const task_mix& mix) {
    std::vector<std::size_t> out;
    for (const auto& entry : mix.entries) out.push_back(entry.count);
    return out;
}

}  // namespace

TEST_CASE("typical_mix: grouped without memory, most frequent first, by hand") {
    const setting s = make({
        {3, 4, 100, 1, 500, {}},
        {2, 4, 200, 1, 500, {}},  // the same group: memory is ignored
        {4, 8, 100, 1, 1000, {}},
        {4, 2, 100, 2, 1000, {"A"}},
        {1, 1, 100, 0, 0, {}},
    });
    const task_mix all = typical_mix(s.tasks, 1.0);
    CHECK(counts(all) == std::vector<std::size_t>{5, 4, 4, 1});
    CHECK(all.entries[0].popularity == doctest::Approx(5.0 / 14));
    // Equal counts: more CPU first.
    CHECK(s.tasks.demand(all.entries[1].example).node[0] == 8);
    CHECK(s.tasks.demand(all.entries[2].example).node[0] == 2);
    CHECK(s.tasks.demand(all.entries[0].example).node[1] == 100);  // the first shape represents its group

    // 95 % of 14 is 13.3: thirteen are not enough. 90 % is 12.6: they are.
    CHECK(typical_mix(s.tasks).entries.size() == 4);
    const task_mix most = typical_mix(s.tasks, 0.90);
    CHECK(counts(most) == std::vector<std::size_t>{5, 4, 4});
    CHECK(most.entries[0].popularity == doctest::Approx(5.0 / 13));
    double sum = 0.0;
    for (const auto& entry : most.entries) sum += entry.popularity;
    CHECK(sum == doctest::Approx(1.0));
    CHECK(counts(typical_mix(s.tasks, 0.01)) == std::vector<std::size_t>{5});
}

TEST_CASE("typical_mix: ties go to CPU, share, GPUs, text, all descending") {
    const setting s = make({
        {1, 1, 0, 1, 500, {"A"}},
        {1, 1, 0, 1, 500, {"B"}},
        {1, 1, 0, 1, 500, {}},
        {1, 1, 0, 1, 500, {"A", "B"}},
        {1, 1, 0, 1, 600, {}},
        {1, 1, 0, 4, 600, {}},
        {1, 2, 0, 1, 100, {}},
    });
    const task_mix mix = typical_mix(s.tasks, 1.0);
    std::vector<std::size_t> order;
    for (const auto& entry : mix.entries) order.push_back(entry.example.value());
    CHECK(order == std::vector<std::size_t>{6, 5, 4, 1, 3, 0, 2});
}

TEST_CASE("typical_mix: of an empty workload, and of one without node counters") {
    const setting none = make({});
    CHECK(typical_mix(none.tasks).entries.empty());
    berth::fleet_builder builder{{.node = {}}};
    (void)need(builder.add_node({}));
    const auto machines = need(std::move(builder).build());
    berth::workload_builder work{machines};
    (void)need(work.add_task({}));
    (void)need(work.add_task({}));
    const auto tasks = need(std::move(work).build());
    CHECK(counts(typical_mix(tasks)) == std::vector<std::size_t>{2});
}
