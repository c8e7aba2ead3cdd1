// SPDX-License-Identifier: Apache-2.0
#include "berth/objective/measures/memory_stranding.hpp"

#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fgd.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/allocate/greedy/scores/gpu_packing.hpp"
#include "berth/allocate/greedy/scores/power_score.hpp"
#include "berth/allocate/greedy/scores/scarcity.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/workload_builder.hpp"

#include "allocate/problems.hpp"
#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

struct memory_gpu {
    std::string_view model;
    std::vector<amount> capacity;  ///< share, GiB; empty: unlimited memory
};
struct memory_task {
    std::size_t gpus = 1;
    amount share = whole_gpu;
    amount memory = 0;
};

fleet memory_fleet(const std::vector<std::vector<memory_gpu>>& nodes, role_names roles = {}) {
    fleet_builder builder{{.gpu = {"share", "memory"}, .node = {"cpu"}, .roles = std::move(roles)}};
    const std::vector<amount> host{64'000};
    for (const auto& gpus : nodes) {
        std::vector<gpu_description> made;
        for (const auto& gpu : gpus) made.push_back({.model = gpu.model, .capacity = gpu.capacity});
        (void)need(builder.add_node({.capacity = host, .gpus = made}));
    }
    return need(std::move(builder).build());
}
workload memory_work(const fleet& machines, const std::vector<memory_task>& tasks) {
    workload_builder builder{machines};
    const std::vector<amount> host{1000};
    for (const auto& task : tasks) {
        const std::vector<amount> gpu{task.share, task.memory};
        (void)need(builder.add_task({.gpus = task.gpus, .gpu_demand = gpu, .node_demand = host}));
    }
    return need(std::move(builder).build());
}

/// The expected use by its definition, for amounts that are whole steps: every task of the list is equally likely.
double use(const std::vector<memory_task>& tasks, amount share, std::optional<amount> memory) {
    double sum = 0.0;
    double fitting = 0.0;
    const double part = 1.0 / static_cast<double>(tasks.size());
    for (const auto& t : tasks) {
        if (t.share > share || (memory && t.memory > *memory)) continue;
        sum += part * (static_cast<double>(t.share) +
                       use(tasks, share - t.share, memory ? std::optional{*memory - t.memory} : std::nullopt));
        fitting += part;
    }
    return sum / (fitting + 0.1);
}

/// Places two tasks with the default GPU selection; true if the first avoids the large GPU and both find a place.
template <class Score>
bool leaves_room(const Score& score, const fleet& machines, const workload& work, std::size_t large) {
    auto placer = greedy{score}.start(problem{machines, work});
    const slot first = placer.place(task_index{0});
    const slot second = placer.place(task_index{1});
    const gpu_index g = machines.gpu(first.node, lowest_gpu(first.gpus));
    return g.value() != large && second.placed();
}

/// The names of the scores for which `good(score)` is false.
template <class Good>
std::string failing(const Good& good) {
    std::string names;
    const auto ask = [&](std::string_view name, const auto& score) {
        if (!good(score)) names.append(name).append(" ");
    };
    ask("best_fit", best_fit{});
    ask("worst_fit", worst_fit{});
    ask("dot_product", dot_product{});
    ask("gpu_packing", gpu_packing{});
    ask("gpu_clustering", gpu_clustering{});
    ask("power", power_score{});
    ask("fgd", fgd{});
    ask("scarcity", scarcity{});
    return names;
}

}  // namespace

TEST_CASE("stranded share is what its definition says") {
    // One step of memory is 1 GiB, one of share 20.
    const auto machines = memory_fleet({{{"large", {1000, 64}}}});
    const std::vector<memory_task> tasks{{1, 200, 40}, {1, 500, 8}, {1, 340, 16}, {1, 1000, 0}};
    const auto work = memory_work(machines, tasks);
    const memory_stranding measure{problem{machines, work}};
    ledger ledger{machines};
    CHECK(measure.in_mix());
    const auto here = [&] { return measure(ledger.node(node_index{0}), 0); };
    const auto expected = [&](amount share, amount memory) {
        return use(tasks, share, std::nullopt) - use(tasks, share, memory);
    };
    CHECK(here() == doctest::Approx(expected(1000, 64)).epsilon(1e-5));
    double before = here();
    const slot where{node_index{0}, 1};
    const auto place = [&](std::size_t t, amount share, amount memory) {
        const demand_view demand = work.demand(task_index{t});
        const double foreseen = measure.cost(ledger.node(node_index{0}), demand, 1);
        CHECK(measure.least_cost(ledger.node(node_index{0}), demand) == foreseen);
        ledger.place(demand, where);
        CHECK(here() == doctest::Approx(expected(share, memory)).epsilon(1e-5));
        // Fleets with one size of GPUs have no surplus.
        CHECK(foreseen == doctest::Approx(here() - before).epsilon(1e-9));
        before = here();
    };
    place(0, 800, 24);
    place(1, 300, 16);
    ledger.remove(work.demand(task_index{0}), where);
    before = here();
    CHECK(here() == doctest::Approx(expected(500, 56)).epsilon(1e-5));
    place(2, 160, 40);
    CHECK(here() == 0.0);  // nothing of the mix is so small
}

TEST_CASE("a surplus of memory costs by the doubling and the part of the GPU") {
    const auto machines = memory_fleet({{{"large", {1000, 64}}, {"small", {1000, 16}}, {"any", {}}}});
    const auto nothing_known = memory_work(machines, {});
    const memory_stranding measure{problem{machines, nothing_known}};
    CHECK_FALSE(measure.in_mix());
    const auto tasks = memory_work(machines, {{1, 1000, 8}, {1, 500, 32}, {1, 100, 16}, {1, 1000, 0}, {2, 1000, 8}});
    const ledger ledger{machines};
    const node_view node = ledger.node(node_index{0});
    const auto cost = [&](std::size_t task, gpu_mask gpus) {
        const demand_view demand = tasks.demand(task_index{task});
        return measure.concerns(demand) ? measure.cost(node, demand, gpus) : -1.0;
    };
    CHECK(cost(0, 0b001) == 400.0);
    CHECK(cost(0, 0b010) == 0.0);
    CHECK(cost(0, 0b100) == 0.0);  // unlimited: not an amount to compare
    CHECK(cost(1, 0b001) == 100.0);
    CHECK(cost(2, 0b001) == 100.0);  // a quarter of a GPU at least
    CHECK(cost(3, 0b001) == -1.0);   // neither the mix nor the task wants memory
    CHECK(cost(4, 0b011) == 400.0);
    CHECK(measure.least_cost(node, tasks.demand(task_index{1})) == 0.0);
    CHECK_FALSE(memory_stranding{}.concerns(tasks.demand(task_index{0})));
}

TEST_CASE("without the role nothing costs anything") {
    const auto machines = memory_fleet({{{"large", {1000, 64}}, {"small", {1000, 16}}}}, {.gpu_memory = no_counter});
    const auto work = memory_work(machines, {{1, 500, 12}});
    const memory_stranding measure{problem{machines, work}};
    CHECK_FALSE(measure.concerns(work.demand(task_index{0})));
    CHECK(measure(ledger{machines}.node(node_index{0}), 0) == 0.0);
}

TEST_CASE("12 GB leave the 80 GB GPU to 72 GB: every score, every share, in either order of nodes and on one node") {
    for (const amount share : {50, 100, 250, 500, 700, 1000}) {
        CAPTURE(share);
        for (const amount other : {100, 500, 1000}) {
            CAPTURE(other);
            const memory_gpu large{"A100", {1000, 80}};
            const memory_gpu small{"T4", {1000, 16}};
            const auto tried = [&](const fleet& machines, std::size_t at) {
                const auto work = memory_work(machines, {{1, share, 12}, {1, other, 72}});
                return failing([&](const auto& score) { return leaves_room(score, machines, work, at); });
            };
            CHECK(tried(memory_fleet({{large}, {small}}), 0) == "");
            CHECK(tried(memory_fleet({{small}, {large}}), 1) == "");
            CHECK(tried(memory_fleet({{large, small}}), 0) == "");
        }
    }
}

TEST_CASE("12 GB go to the small GPU also if nothing larger is expected, and if nothing at all is") {
    const auto machines = memory_fleet({{{"A100", {1000, 80}}}, {{"T4", {1000, 16}}}});
    for (const amount share : {250, 500, 1000}) {
        CAPTURE(share);
        const auto work = memory_work(machines, {{1, share, 12}});
        CHECK(failing([&](const auto& score) {
                  return greedy{score}.start(problem{machines, work}).place(task_index{0}).node == node_index{1};
              }) == "");
        const auto nothing = memory_work(machines, {});
        const demand_view demand = work.demand(task_index{0});
        CHECK(failing([&](const auto& score) {
                  auto placer = greedy{score}.start(problem{machines, nothing});
                  return placer.place(need(placer.add_shape(demand))).node == node_index{1};
              }) == "");
    }
}

TEST_CASE("memory alone: any number of such tasks, on GPUs whose share is gone too") {
    const auto machines = memory_fleet({{{"A100", {1000, 80}}, {"A100", {1000, 80}}}});
    const auto work = memory_work(machines, {{1, 1000, 20}, {1, 0, 20}, {2, 0, 5}});
    CHECK(failing([&](const auto& score) {
              auto placer = greedy{score}.start(problem{machines, work});
              const slot whole = placer.place(task_index{0});
              bool good = whole.placed();
              for (int i = 0; i < 7; ++i) good = good && placer.place(task_index{1}).placed();
              good = good && !placer.place(task_index{1}).placed() && !placer.place(task_index{2}).placed();
              return good && placer.remove(task_index{0}, whole) && placer.place(task_index{2}).placed() == false &&
                     placer.place(task_index{1}).placed();
          }) == "");
}

TEST_CASE("placements with GPU memory are the same on every compiler") {
    const auto [machines, work] =
        random_problem(2025, {.nodes = 60, .tasks = 400, .shapes = 30, .gpu_counters = 2, .sees_memory = true});
    const problem p{machines, work};
    std::uint64_t hash = 0;
    const auto add = [&](const auto& policy) {
        for (const slot& where : policy.run(p).assignment) {
            hash = splitmix64(hash ^ (where.placed() ? where.node.value() + 1 : 0));
            hash = splitmix64(hash ^ where.gpus);
        }
    };
    add(greedy{best_fit{}});
    add(greedy{worst_fit{}});
    add(greedy{fgd{}, best_scored_gpu{}});
    add(greedy{scarcity{}});
    add(greedy{gpu_packing{}});
    CHECK(hash == 0xfaaee600af16bc31ULL);
}
