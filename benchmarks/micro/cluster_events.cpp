// SPDX-License-Identifier: Apache-2.0
//
// Time of each kind of event on a cluster of 1,000 nodes with 8 GPUs, about 90 % allocated: a task arrives, is placed by
// a policy or in a given slot, and ends; a move begins and is finished; a GPU becomes unhealthy and healthy again; a
// node is reported as it was.

#include "berth/allocate/greedy/cluster_placer.hpp"
#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fgd.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/allocate/greedy/scores/scarcity.hpp"
#include "berth/core/random.hpp"
#include "berth/model/cluster.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t nodes = 1'000;
constexpr std::size_t gpus = 8;

/// A demand: GPUs, the share of each, CPU.
struct demand {
    std::size_t gpus;
    std::array<berth::amount, 1> share;
    std::array<berth::amount, 2> host;

    [[nodiscard]] berth::task_description description() const noexcept {
        return {.gpus = gpus, .gpu_demand = share, .node_demand = host};
    }
};
const std::array<demand, 6> demands{{{1, {1000}, {8'000, 32'000}},
                                     {1, {500}, {4'000, 16'000}},
                                     {1, {250}, {2'000, 8'000}},
                                     {2, {1000}, {16'000, 64'000}},
                                     {4, {1000}, {32'000, 128'000}},
                                     {0, {0}, {4'000, 16'000}}}};

/// A cluster whose nodes are full but for one GPU each.
class living {
public:
    living() {
        for (std::size_t n = 0; n < nodes; ++n) {
            names_.push_back("node-" + std::to_string(n));
            (void)fleet_.join(report(n));
        }
        for (std::size_t n = 0; n < nodes; ++n) {
            for (std::size_t g = 0; g + 1 < gpus; ++g) {
                const auto task = fleet_.admit(demands[g % 3].description());
                (void)fleet_.place(*task, {berth::node_index{n}, berth::gpu_mask{1} << g});
            }
        }
    }
    [[nodiscard]] berth::cluster& fleet() noexcept { return fleet_; }
    [[nodiscard]] berth::node_description report(std::size_t n) const noexcept {
        return {.name = names_[n], .capacity = capacity_, .gpus = gpus_};
    }
    [[nodiscard]] std::size_t draw(std::size_t below) noexcept {
        return berth::bounded(random_, static_cast<std::uint32_t>(below));
    }
    /// The GPU that the start leaves free.
    [[nodiscard]] static berth::slot last_gpu(std::size_t n) noexcept {
        return {berth::node_index{n}, berth::gpu_mask{1} << (gpus - 1)};
    }

private:
    berth::cluster fleet_{{.gpu = {"share"}, .node = {"cpu", "memory"}}};
    std::vector<std::string> names_;
    std::array<berth::amount, 2> capacity_{96'000, 512'000};
    std::vector<berth::gpu_description> gpus_{gpus, {.model = "A100"}};
    berth::xoshiro256 random_{1};
};

/// A task arrives and waits; it leaves again.
void admit_retire(benchmark::State& state) {
    living world;
    for (auto _ : state) {
        const auto task = world.fleet().admit(demands[world.draw(demands.size())].description());
        benchmark::DoNotOptimize(world.fleet().retire(*task));
    }
}

/// The same with a slot between.
void admit_place_retire(benchmark::State& state) {
    living world;
    for (auto _ : state) {
        const auto task = world.fleet().admit(demands[0].description());
        benchmark::DoNotOptimize(world.fleet().place(*task, living::last_gpu(world.draw(nodes))));
        world.fleet().retire(*task);
    }
}

/// Arrivals that a policy places, and departures in another order: 500 such tasks run at a time.
template <class Policy>
void place_retire(benchmark::State& state, const Policy& policy) {
    living world;
    auto placer = policy.start(world.fleet());
    std::vector<berth::task_handle> running;
    for (auto _ : state) {
        const auto task = world.fleet().admit(demands[world.draw(3)].description());
        (void)placer.place(*task);
        running.push_back(*task);
        if (running.size() < 500) continue;
        std::swap(running[world.draw(running.size())], running.back());
        world.fleet().retire(running.back());
        running.pop_back();
    }
}
void place_retire_best_fit(benchmark::State& state) { place_retire(state, berth::greedy{berth::best_fit{}}); }
void place_retire_fgd(benchmark::State& state) {
    place_retire(state, berth::greedy{berth::fgd{}, berth::best_scored_gpu{}});
}
void place_retire_scarcity(benchmark::State& state) { place_retire(state, berth::greedy{berth::scarcity{}}); }

/// A move begins, its target is the free GPU of another node, and is finished.
void begin_finish_move(benchmark::State& state) {
    living world;
    const auto task = world.fleet().admit(demands[0].description());
    std::size_t at = 0;
    (void)world.fleet().place(*task, living::last_gpu(at));
    for (auto _ : state) {
        at = (at + 1) % nodes;
        benchmark::DoNotOptimize(world.fleet().begin_move(*task, living::last_gpu(at)));
        benchmark::DoNotOptimize(world.fleet().finish_move(*task));
    }
}

void gpu_health(benchmark::State& state) {
    living world;
    for (auto _ : state) {
        const auto gpu = world.fleet().handle(berth::node_index{world.draw(nodes)}, world.draw(gpus));
        world.fleet().set_healthy(gpu, false);
        world.fleet().set_healthy(gpu, true);
    }
}

void report_without_change(benchmark::State& state) {
    living world;
    for (auto _ : state) benchmark::DoNotOptimize(world.fleet().report(world.report(world.draw(nodes))));
}

/// A node leaves with its tasks and comes back empty.
void leave_join(benchmark::State& state) {
    living world;
    for (auto _ : state) {
        const std::size_t n = world.draw(nodes);
        world.fleet().leave(*world.fleet().find_node(world.report(n).name));
        benchmark::DoNotOptimize(world.fleet().join(world.report(n)));
    }
}

BENCHMARK(admit_retire);
BENCHMARK(admit_place_retire);
BENCHMARK(place_retire_best_fit);
BENCHMARK(place_retire_fgd);
BENCHMARK(place_retire_scarcity);
BENCHMARK(begin_finish_move);
BENCHMARK(gpu_health);
BENCHMARK(report_without_change);
BENCHMARK(leave_join);

}  // namespace
