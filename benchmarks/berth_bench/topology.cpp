// SPDX-License-Identifier: Apache-2.0
// berth-bench topology: which k of the free GPUs of a machine, one request at a time and over a stream of jobs.
#include "berth/allocate/topology/best_effort_gpu_set.hpp"
#include "berth/allocate/topology/best_gpu_set.hpp"
#include "berth/allocate/topology/gpu_set_value.hpp"
#include "berth/core/random.hpp"

#include "berth_bench/commands.hpp"
#include "support/data_folders.hpp"
#include "support/gpu_links.hpp"
#include "support/output_file.hpp"
#include "support/splitmix_source.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <tuple>
#include <vector>

namespace bench {

namespace {

using berth::gpu_mask;

struct topology_options {
    std::string machines;
    std::string stream_machine = "dgx1v";
    std::size_t nodes = 32;
    std::size_t arrivals = 20'000;
    double load = 0.9;
    std::uint64_t seed = 1;
    std::string json;
};

std::size_t size_of(gpu_mask set) { return static_cast<std::size_t>(std::popcount(set)); }

gpu_mask lowest_gpus(gpu_mask free, std::size_t k) {
    gpu_mask set = 0;
    for (; k > 0; --k, free &= free - 1) set |= free & -free;
    return set;
}

struct rule {
    const char* name;
    std::function<gpu_mask(const berth::link_matrix&, gpu_mask, std::size_t)> choose;
};

std::vector<rule> rules() {
    return {{"lowest_index", [](const auto&, gpu_mask free, std::size_t k) { return lowest_gpus(free, k); }},
            {"best_effort", [](const auto& links, gpu_mask free,
                               std::size_t k) { return berth::best_effort_gpu_set(links, free, k); }},
            {"best_set",
             [](const auto& links, gpu_mask free, std::size_t k) { return berth::best_gpu_set(links, free, k); }}};
}

/// Every free mask of a machine and every size between 2 and one less than is free.
void print_quality(const std::vector<linked_machine>& machines, nlohmann::ordered_json& json) {
    fmt::print("Chosen set beside the best of all sets, over all free GPUs and sizes of 2 and more\n\n");
    fmt::print("{:14} {:>6} {:>24} {:>24} {:>24}\n", "machine", "rows", "lowest_index", "best_effort", "best_set");
    for (const linked_machine& machine : machines) {
        if (machine.links.size() > 8) continue;
        std::string line;
        std::size_t rows = 0;
        for (const rule& r : rules()) {
            rows = 0;
            std::size_t best = 0;
            double ratio = 0.0;
            for (gpu_mask free = 1; free < gpu_mask{1} << machine.links.size(); ++free) {
                for (std::size_t k = 2; k < size_of(free); ++k) {
                    std::int64_t most = 0;
                    for (gpu_mask set = free; set != 0; set = (set - 1) & free) {
                        if (size_of(set) == k) most = std::max(most, machine.links.score(set));
                    }
                    const std::int64_t score = machine.links.score(r.choose(machine.links, free, k));
                    ++rows;
                    best += score == most ? 1U : 0U;
                    ratio += most == 0 ? 1.0 : static_cast<double>(score) / static_cast<double>(most);
                }
            }
            ratio /= static_cast<double>(rows);
            line += fmt::format(" {:>24}", fmt::format("{} best, {:.4f}", best, ratio));
            json["sets"][machine.name][r.name] = {{"rows", rows}, {"best", best}, {"mean_score_ratio", ratio}};
        }
        fmt::print("{:14} {:6}{}\n", machine.name, rows, line);
    }
}

struct node_and_set {
    std::size_t node;
    gpu_mask set;
};
using stream_policy = std::function<node_and_set(const std::vector<gpu_mask>&, std::size_t)>;

/// The fullest node on which the job fits, and the rule's set there.
stream_policy fullest(const berth::link_matrix& links, const rule& r) {
    return [&links, r](const std::vector<gpu_mask>& free, std::size_t k) {
        std::size_t node = free.size();
        for (std::size_t n = 0; n < free.size(); ++n) {
            if (size_of(free[n]) >= k && (node == free.size() || size_of(free[n]) < size_of(free[node]))) node = n;
        }
        return node_and_set{node, node == free.size() ? 0 : r.choose(links, free[node], k)};
    };
}

struct stream_figures {
    double mean_quality = 0.0;    // of sets of 2 and more, beside the best on an empty node
    double accepted_share = 0.0;  // of the GPUs that were asked for
};

/// Jobs of 1, 2, 4 and 8 GPUs, equally many, arrive at random and run for random times; one that fits nowhere is refused.
stream_figures run_stream(const topology_options& options, const berth::gpu_set_value& value,
                          const stream_policy& choose) {
    splitmix_source draw{options.seed};
    const std::size_t gpus = value.links().size();
    std::vector<gpu_mask> free(options.nodes, (gpu_mask{1} << gpus) - 1);
    using end = std::tuple<double, std::size_t, gpu_mask>;
    std::priority_queue<end, std::vector<end>, std::greater<>> ends;
    const double rate = options.load * static_cast<double>(options.nodes * gpus) / 3.75;
    double now = 0.0;
    double asked = 0.0;
    double accepted = 0.0;
    double quality = 0.0;
    std::size_t sets = 0;
    for (std::size_t j = 0; j < options.arrivals; ++j) {
        now -= std::log(1.0 - berth::uniform01(draw)) / rate;
        const std::size_t k = std::size_t{1} << static_cast<unsigned>(4.0 * berth::uniform01(draw));
        const double length = -std::log(1.0 - berth::uniform01(draw));
        while (!ends.empty() && std::get<0>(ends.top()) <= now) {
            free[std::get<1>(ends.top())] |= std::get<2>(ends.top());
            ends.pop();
        }
        const node_and_set at = choose(free, k);
        const bool counts = j >= options.arrivals / 20;  // the fleet fills first
        if (counts) asked += static_cast<double>(k);
        if (at.set == 0) continue;
        free[at.node] &= ~at.set;
        ends.emplace(now + length, at.node, at.set);
        if (!counts) continue;
        accepted += static_cast<double>(k);
        if (k < 2) continue;
        quality += value.quality(at.set);
        ++sets;
    }
    return {sets == 0 ? 0.0 : quality / static_cast<double>(sets), asked == 0.0 ? 0.0 : accepted / asked};
}

int run_topology(const topology_options& options) {
    if (auto ok = check_output(options.json); !ok) return fail(ok.error().message);
    const std::string file =
        options.machines.empty() ? own_data_folder("topology") + "/gpu-topologies.csv" : options.machines;
    const auto machines = read_gpu_links(file);
    if (!machines) return fail(machines.error().message);
    nlohmann::ordered_json json;
    print_quality(*machines, json);

    const auto machine = std::ranges::find(*machines, options.stream_machine, &linked_machine::name);
    if (machine == machines->end() || machine->links.size() > 8) {
        return fail(fmt::format("--stream {}: no machine of that name with at most 8 GPUs in {}",
                                options.stream_machine, file));
    }
    const berth::gpu_set_value value{machine->links};
    std::vector<std::pair<std::string, stream_policy>> policies;
    for (const rule& r : rules()) policies.emplace_back(r.name, fullest(machine->links, r));
    policies.emplace_back("set_value", [&](const std::vector<gpu_mask>& free, std::size_t k) {
        node_and_set best{free.size(), 0};
        double most = 0.0;
        for (std::size_t n = 0; n < free.size(); ++n) {
            const berth::gpu_set_choice here = value.best(free[n], k);
            if (here.gpus == 0 || (best.set != 0 && here.value <= most)) continue;
            best = {n, here.gpus};
            most = here.value;
        }
        return best;
    });
    fmt::print("\n{} jobs of 1, 2, 4, 8 GPUs on {} x {} at {:.0f} % load\n\n{:14} {:>24} {:>20}\n", options.arrivals,
               options.nodes, machine->name, 100.0 * options.load, "policy", "score beside the best", "GPUs accepted");
    for (const auto& [name, policy] : policies) {
        const stream_figures f = run_stream(options, value, policy);
        fmt::print("{:14} {:24.4f} {:20.4f}\n", name, f.mean_quality, f.accepted_share);
        json["stream"][name] = {{"mean_score_ratio", f.mean_quality}, {"accepted_gpu_share", f.accepted_share}};
    }
    if (options.json.empty()) return exit_ok;
    const auto ok = write_file(options.json, json.dump(2) + "\n");
    return ok ? exit_ok : fail(ok.error().message);
}

}  // namespace

command add_topology(CLI::App& program, CLI::App*& subcommand) {
    auto options = std::make_shared<topology_options>();
    subcommand =
        program.add_subcommand("topology", "Which GPUs of a machine: one request at a time, and over a stream of jobs");
    subcommand->add_option("--machines", options->machines,
                           "CSV with system, a, b, nvlinks, pcie; default: the project's own");
    subcommand->add_option("--stream", options->stream_machine, "The machine of the stream")->capture_default_str();
    subcommand->add_option("--nodes", options->nodes, "How many of them")
        ->check(CLI::Range(1, 10'000))
        ->capture_default_str();
    subcommand->add_option("--arrivals", options->arrivals, "Jobs of the stream")
        ->check(CLI::Range(std::size_t{100}, std::size_t{100'000'000}))
        ->capture_default_str();
    subcommand->add_option("--load", options->load, "Share of all GPUs that is asked for")
        ->check(CLI::Range(0.01, 10.0))
        ->capture_default_str();
    subcommand->add_option("--seed", options->seed, "Of the stream")->capture_default_str();
    subcommand->add_option("--json", options->json, "Writes the figures as JSON");
    return [options] { return run_topology(*options); };
}

}  // namespace bench
