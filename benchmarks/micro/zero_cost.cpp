// SPDX-License-Identifier: Apache-2.0
//
// Best fit over user types in three forms: a hand-written loop over own structs, the same policy composed from berth's
// parts and scoring every node (`exhaustive`, the same algorithm), and with the index (another algorithm). All three
// place the openb trace and must agree on every placement. The cost of abstraction is the ratio of the first two.

#include "berth/berth.hpp"

#include "support/openb.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

const bench::experiment& openb() {
    static const bench::experiment input = [] {
        const std::string folder = std::string{BERTH_DATA_DIR} + "/openb/";
        const auto nodes = bench::read_openb_nodes(folder + "openb_node_list_gpu_node.csv");
        const auto pods = bench::read_openb_pods(folder + "openb_pod_list_default.csv");
        if (!nodes || !pods) {
            std::fprintf(stderr, "%s\n", (nodes ? pods.error() : nodes.error()).message.c_str());
            std::exit(2);
        }
        auto made = bench::make_experiment(*nodes, *pods, bench::make_order(*pods, *nodes, 42, 1.3));
        if (!made) {
            std::fprintf(stderr, "%s\n", made.error().message.c_str());
            std::exit(2);
        }
        return std::move(*made);
    }();
    return input;
}

/// A machine in a hand-written scheduler: its free counters, contiguous.
struct host {
    std::int64_t cpu;
    std::int64_t memory;
    std::uint64_t model;
    std::size_t gpus;
    std::int64_t gpu[8];
};

struct placement {
    std::size_t host;
    std::uint64_t gpus;
    bool operator==(const placement&) const = default;
};
constexpr placement nowhere{~std::size_t{0}, 0};

std::vector<host> fresh_hosts() {
    const berth::fleet& fleet = *openb().fleet;
    std::vector<host> hosts;
    for (std::size_t i = 0; i < fleet.node_count(); ++i) {
        const berth::node_index n{i};
        host h{fleet.capacity(n)[0], fleet.capacity(n)[1], fleet.models_on(n), fleet.gpu_count(n), {}};
        for (std::size_t g = 0; g < h.gpus; ++g) h.gpu[g] = fleet.capacity(fleet.gpu(n, g))[0];
        hosts.push_back(h);
    }
    return hosts;
}

struct job {
    std::int64_t cpu;
    std::int64_t memory;
    std::int64_t share;
    std::size_t gpus;
    std::uint64_t models;
};

std::vector<job> jobs_in_arrival_order() {
    std::vector<job> jobs;
    for (const berth::task_index t : openb().arrivals) {
        const berth::demand_view d = openb().workload->demand(t);
        jobs.push_back({d.node[0], d.node[1], d.gpu[0], d.gpus, d.accepted_models});
    }
    return jobs;
}

/// The hand-written loop.
placement best_fit_by_hand(std::vector<host>& hosts, const job& job) {
    std::int64_t best = -1;
    std::size_t at = nowhere.host;
    for (std::size_t i = 0; i < hosts.size(); ++i) {
        const host& h = hosts[i];
        if (h.cpu < job.cpu || h.memory < job.memory) continue;
        if (job.gpus > 0 && (h.model & job.models) == 0) continue;
        std::size_t fitting = 0;
        std::int64_t left = 0;
        for (std::size_t g = 0; g < h.gpus; ++g) {
            fitting += h.gpu[g] >= job.share ? 1 : 0;
            left += h.gpu[g];
        }
        if (fitting < job.gpus) continue;
        const double value = 1.0 - 0.5 * static_cast<double>(h.cpu - job.cpu) / 128000.0 -
                             0.5 * static_cast<double>(left - job.share * static_cast<std::int64_t>(job.gpus)) / 8000.0;
        const auto score = static_cast<std::int64_t>(100.0 * value);
        if (score > best) {
            best = score;
            at = i;
        }
    }
    if (at == nowhere.host) return nowhere;
    host& h = hosts[at];
    h.cpu -= job.cpu;
    h.memory -= job.memory;
    std::uint64_t taken = 0;
    for (std::size_t k = 0; k < job.gpus; ++k) {
        std::size_t tightest = h.gpus;
        for (std::size_t g = 0; g < h.gpus; ++g) {
            if ((taken >> g & 1U) != 0 || h.gpu[g] < job.share) continue;
            if (tightest == h.gpus || h.gpu[g] < h.gpu[tightest]) tightest = g;
        }
        taken |= std::uint64_t{1} << tightest;
    }
    for (std::size_t g = 0; g < h.gpus; ++g) h.gpu[g] -= (taken >> g & 1U) != 0 ? job.share : 0;
    return {at, taken};
}

void by_hand(benchmark::State& state) {
    const std::vector<host> fresh = fresh_hosts();
    const std::vector<job> jobs = jobs_in_arrival_order();
    std::vector<host> hosts;
    for (auto _ : state) {
        hosts = fresh;
        for (const job& job : jobs) benchmark::DoNotOptimize(best_fit_by_hand(hosts, job));
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(jobs.size()));
}

template <class Policy>
void composed(benchmark::State& state, const Policy& policy) {
    const berth::problem problem{*openb().fleet, *openb().workload};
    for (auto _ : state) {
        auto placer = policy.start(problem);
        for (const berth::task_index t : openb().arrivals) benchmark::DoNotOptimize(placer.place(t));
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(openb().arrivals.size()));
}

void composed_exhaustive(benchmark::State& state) {
    composed(state, berth::greedy{berth::best_fit{}, berth::tightest_gpu{}}.exhaustive());
}
void composed_indexed(benchmark::State& state) {
    composed(state, berth::greedy{berth::best_fit{}, berth::tightest_gpu{}});
}

BENCHMARK(by_hand)->Unit(benchmark::kMillisecond);
BENCHMARK(composed_exhaustive)->Unit(benchmark::kMillisecond);
BENCHMARK(composed_indexed)->Unit(benchmark::kMillisecond);

/// Checks that the three agree.
const bool agree = [] {
    const berth::problem problem{*openb().fleet, *openb().workload};
    const berth::greedy policy{berth::best_fit{}, berth::tightest_gpu{}};
    auto exhaustive = policy.exhaustive().start(problem);
    auto indexed = policy.start(problem);
    std::vector<host> hosts = fresh_hosts();
    const std::vector<job> jobs = jobs_in_arrival_order();
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        const placement hand = best_fit_by_hand(hosts, jobs[i]);
        const berth::slot slot = indexed.place(openb().arrivals[i]);
        const berth::slot expected =
            hand == nowhere ? berth::unplaced : berth::slot{berth::node_index{hand.host}, hand.gpus};
        if (slot != expected || exhaustive.place(openb().arrivals[i]) != expected) {
            std::fprintf(stderr, "zero_cost: arrival %zu is placed differently\n", i);
            std::exit(1);
        }
    }
    return true;
}();

}  // namespace
