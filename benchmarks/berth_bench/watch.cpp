// SPDX-License-Identifier: Apache-2.0
// berth-bench watch: a simulated fleet with scripted faults (XID errors, drifting temperatures, lying sensors, lost
// exporters, clocks that are set, silent racks) under a watch; what it noticed, how late, and what it got wrong.
#include "berth_bench/commands.hpp"
#include "support/cpu_deadline.hpp"
#include "support/output_file.hpp"
#include "support/progress.hpp"
#include "support/watched_fleet.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace bench {

namespace {

struct watch_options {
    std::size_t racks = 13;
    std::size_t nodes = 10;
    std::size_t gpus = 8;
    std::size_t days = 7;
    std::size_t seeds = 10;
    double rate = 1.0;
    std::string json;
};

/// The highest delay in samples that is right for a fault.
std::size_t allowed_delay(watch_fault kind) { return kind == watch_fault::gone ? 10 : 3; }

/// One table over all seeds: sums, and the worst.
void add(watch_outcome& sum, const watch_outcome& one) {
    const std::size_t both = sum.noticed + one.noticed;
    if (both > 0) {
        sum.mean_delay =
            (sum.mean_delay * static_cast<double>(sum.noticed) + one.mean_delay * static_cast<double>(one.noticed)) /
            static_cast<double>(both);
    }
    sum.faults += one.faults;
    sum.noticed = both;
    sum.worst_delay = std::max(sum.worst_delay, one.worst_delay);
    sum.returned += one.returned;
    sum.worst_recovery = std::max(sum.worst_recovery, one.worst_recovery);
}

bool right(watch_fault kind, const watch_outcome& o) {
    const bool drains = kind <= watch_fault::gone;
    if (!drains && kind != watch_fault::exporter) return o.noticed == 0;
    return o.noticed == o.faults && o.worst_delay <= allowed_delay(kind) && (!drains || o.worst_recovery <= 10);
}

int watch(const watch_options& options) {
    if (const auto ok = check_output(options.json); !ok) return fail(ok.error().message);
    fmt::print("{} GPUs in {} racks, {} days, a sample a minute; seeds 1 to {}\n\n",
               options.racks * options.nodes * options.gpus, options.racks, options.days, options.seeds);
    fmt::print("{:>6}{:>12}{:>8}{:>14}{:>8}{:>10}{:>14}{:>10}\n", "seed", "samples", "faults", "false drains", "flaps",
               "left out", "silent racks", "CPU s");
    std::array<watch_outcome, watch_fault_count> all{};
    nlohmann::ordered_json json;
    bool good = true;
    for (std::uint64_t seed = 1; seed <= options.seeds && !interrupted(); ++seed) {
        const double begin = cpu_seconds();
        watched_fleet fleet{options.racks, options.nodes, options.gpus, seed};
        const watched_result found = fleet.run(options.days, options.rate);
        std::size_t faults = 0;
        for (std::size_t k = 1; k < watch_fault_count; ++k) {
            add(all[k], found.of[k]);
            faults += found.of[k].faults;
        }
        fmt::print("{:>6}{:>12}{:>8}{:>14}{:>8}{:>10}{:>14}{:>10.1f}\n", seed, found.samples, faults,
                   found.false_drains, found.flaps, found.left_out, found.telemetry_faults, cpu_seconds() - begin);
        for (const std::string& line : found.first_reasons) fmt::print("      {}\n", line);
        std::fflush(stdout);
        good = good && found.false_drains == 0 && found.flaps == 0 && found.left_out == 0;
        json["seeds"].push_back({{"seed", seed},
                                 {"samples", found.samples},
                                 {"false_drains", found.false_drains},
                                 {"flaps", found.flaps},
                                 {"left_out", found.left_out}});
    }
    fmt::print("\n{:<26}{:>8}{:>10}{:>14}{:>14}{:>10}{:>18}\n", "fault", "faults", "noticed", "worst delay",
               "mean delay", "returned", "worst recovery");
    for (std::size_t k = 1; k < watch_fault_count; ++k) {
        const watch_outcome& o = all[k];
        const bool ok = right(static_cast<watch_fault>(k), o);
        good = good && ok;
        fmt::print("{:<26}{:>8}{:>10}{:>14}{:>14.2f}{:>10}{:>18}{}\n", watch_fault_names[k], o.faults, o.noticed,
                   o.worst_delay, o.mean_delay, o.returned, o.worst_recovery, ok ? "" : "  missed");
        json["faults"][watch_fault_names[k]] = {{"faults", o.faults},
                                                {"noticed", o.noticed},
                                                {"worst_delay_samples", o.worst_delay},
                                                {"mean_delay_samples", o.mean_delay},
                                                {"returned", o.returned},
                                                {"worst_recovery_samples", o.worst_recovery}};
    }
    fmt::print(
        "\nDelay: samples after the first that showed the fault (a temperature: after the true one passed the limit)\n"
        "until the GPU was drained; of a GPU that is gone: after the first missed; of an exporter: samples missed. "
        "Recovery: good samples\n"
        "until the GPU returned. What is noticed of faults that are none of a GPU is nothing.\n");
    if (!options.json.empty()) {
        if (const auto ok = write_file(options.json, json.dump(2) + '\n'); !ok) return fail(ok.error().message);
    }
    if (interrupted()) return exit_interrupted;
    return good ? exit_ok : exit_wrong_answer;
}

}  // namespace

command add_watch(CLI::App& program, CLI::App*& subcommand) {
    auto options = std::make_shared<watch_options>();
    subcommand = program.add_subcommand(
        "watch", "A simulated fleet with scripted faults under a watch: delays, false drains, flaps, recoveries");
    CLI::App& app = *subcommand;
    const auto count = [&](const char* name, std::size_t& value, std::size_t highest, const char* text) {
        app.add_option(name, value, text)->check(CLI::Range(std::size_t{1}, highest))->capture_default_str();
    };
    count("--racks", options->racks, 1000, "Racks");
    count("--nodes", options->nodes, 1000, "Nodes of a rack");
    count("--gpus", options->gpus, 64, "GPUs of a node");
    count("--days", options->days, 365, "Days, with one sample a minute");
    count("--seeds", options->seeds, 10000, "Runs, with seeds 1, 2, ...");
    app.add_option("--rate", options->rate, "Factor of the usual number of faults")
        ->check(CLI::Range(0.01, 5.0))
        ->capture_default_str();
    app.add_option("--json", options->json, "Write the figures as JSON");
    return [options] { return watch(*options); };
}

}  // namespace bench
