// SPDX-License-Identifier: Apache-2.0
#include "berth/model/detail/find_roles.hpp"

#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fgd.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/allocate/greedy/scores/power_score.hpp"
#include "berth/allocate/greedy/scores/scarcity.hpp"
#include "berth/allocate/greedy/task_order.hpp"
#include "berth/model/task_mix.hpp"

#include "allocate/problems.hpp"
#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <string_view>
#include <utility>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

/// The same machines and tasks, with the node counters {cpu, memory} as {disk, memory, cores}; disks are unlimited.
std::pair<fleet, workload> renamed(const fleet& machines, const workload& work) {
    fleet_builder nodes{{.gpu = machines.schema().gpu, .node = {"disk", "memory", "cores"}}};
    for (std::size_t i = 0; i < machines.node_count(); ++i) {
        const node_index n{i};
        const std::vector<amount> host{max_amount, machines.capacity(n)[1], machines.capacity(n)[0]};
        std::vector<gpu_description> gpus;
        for (std::size_t g = 0; g < machines.gpu_count(n); ++g) {
            gpus.push_back({.model = machines.name(machines.model(machines.gpu(n, g))),
                            .capacity = machines.capacity(machines.gpu(n, g)),
                            .healthy = (machines.healthy_gpus(n) >> g & 1U) != 0});
        }
        (void)need(nodes.add_node({.capacity = host, .gpus = gpus, .healthy = machines.healthy(n)}));
    }
    fleet same = need(std::move(nodes).build());
    workload_builder tasks{same};
    for (std::size_t i = 0; i < work.task_count(); ++i) {
        const demand_view demand = work.demand(task_index{i});
        const std::vector<amount> host{static_cast<amount>(i), demand.node[1], demand.node[0]};
        std::vector<std::string_view> accepted;
        for (std::size_t m = 0; m < machines.model_count() && demand.accepted_models != ~std::uint64_t{0}; ++m) {
            if ((demand.accepted_models >> m & 1U) != 0) accepted.push_back(machines.name(model_index{m}));
        }
        (void)need(tasks.add_task(
            {.gpus = demand.gpus, .gpu_demand = demand.gpu, .node_demand = host, .accepted_models = accepted}));
    }
    workload same_tasks = need(std::move(tasks).build());
    return {std::move(same), std::move(same_tasks)};
}

}  // namespace

TEST_CASE("bare names: without the place and the unit") {
    CHECK(detail::bare_name("gpu_memory_mib") == "memory");
    CHECK(detail::bare_name("host_cpu_milli") == "cpu");
    CHECK(detail::bare_name("cores") == "cores");
    CHECK(detail::bare_name("memory_bandwidth") == "memory_bandwidth");
    CHECK(detail::bare_name("gpu_") == "");
}

TEST_CASE("where the CPU stands among the counters decides nothing") {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
        CAPTURE(seed);
        const auto [machines, work] = random_problem(seed, {.nodes = 20, .tasks = 80, .gangs = false});
        const auto [same, same_tasks] = renamed(machines, work);
        CHECK(same.roles().cpu == 2);
        const auto check = [&](const auto& score, const auto& order) {
            const greedy policy{score};
            CHECK(policy.run(problem{machines, work}, order).assignment ==
                  policy.run(problem{same, same_tasks}, order).assignment);
        };
        check(best_fit{}, largest_first{});
        check(dot_product{}, scarcest_first{});
        check(fgd{}, arrival_order{});
        check(scarcity{}, arrival_order{});
        check(power_score{}, arrival_order{});
        // Tasks that differ in the CPU share no board, wherever it stands: one arrival after the other, each anew.
        auto indexed = greedy{best_fit{}}.start(problem{same, same_tasks});
        auto exhaustive = greedy{best_fit{}}.exhaustive().start(problem{same, same_tasks});
        for (std::size_t t = 0; t < 3 * work.task_count(); ++t) {
            const task_index task{t * 7 % work.task_count()};
            CHECK(indexed.place(task) == exhaustive.place(task));
        }
    }
}

TEST_CASE("without a CPU counter nothing is taken for one") {
    fleet_builder nodes{{.node = {"slots"}}};
    const std::vector<amount> host{8};
    const std::vector<gpu_description> gpus(2);
    for (int n = 0; n < 2; ++n) (void)need(nodes.add_node({.capacity = host, .gpus = gpus}));
    const fleet machines = need(std::move(nodes).build());
    CHECK(machines.roles() == counter_roles{});
    workload_builder tasks{machines};
    const std::vector<amount> few{1};
    const std::vector<amount> many{8};
    (void)need(tasks.add_task({.node_demand = few}));
    (void)need(tasks.add_task({.node_demand = many}));
    const workload work = need(std::move(tasks).build());
    CHECK(typical_mix(work, 1.0).entries.size() == 1);
    auto placer = greedy{best_fit{}}.start(problem{machines, work});
    CHECK(placer.place(task_index{0}).node == node_index{0});
    CHECK(placer.place(task_index{1}).node == node_index{1});  // it does not fit beside the first
    CHECK(placer.place(task_index{0}).node == node_index{0});
}

TEST_CASE("unlimited CPU is no amount that fits compare") {
    fleet_builder nodes{{.node = {"cpu"}}};
    const std::vector<amount> host{64'000};
    const std::vector<amount> half{32'000};
    const std::vector<gpu_description> gpus(2);
    (void)need(nodes.add_node({.gpus = gpus}));  // unlimited
    (void)need(nodes.add_node({.capacity = host, .gpus = gpus}));
    (void)need(nodes.add_node({.capacity = half, .gpus = gpus}));
    const fleet machines = need(std::move(nodes).build());
    const detail::largest_node largest{machines};
    CHECK(largest.cpu == 64'000.0);
    CHECK(largest.share == 2000.0);
    workload_builder tasks{machines};
    (void)need(tasks.add_task({.node_demand = host}));
    const std::vector<amount> little{1000};
    (void)need(tasks.add_task({.node_demand = little}));
    const workload work = need(std::move(tasks).build());
    const auto order = [&](const auto& score, std::size_t task) {
        auto placer = greedy{score}.start(problem{machines, work});
        std::vector<std::size_t> nodes_in_turn;
        for (int i = 0; i < 3; ++i) nodes_in_turn.push_back(placer.place(task_index{task}).node.value());
        return nodes_in_turn;
    };
    // A whole GPU and 1000 of CPU: of 32,000 a small part is left over, of 64,000 a large one.
    CHECK(order(best_fit{}, 1) == std::vector<std::size_t>{0, 0, 2});
    CHECK(order(worst_fit{}, 1) == std::vector<std::size_t>{1, 0, 2});
    CHECK(order(best_fit{}, 0) == std::vector<std::size_t>{1, 0, 0});
}
