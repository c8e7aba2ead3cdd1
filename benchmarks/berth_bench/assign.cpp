// SPDX-License-Identifier: Apache-2.0
// berth-bench assign: one instance of the generalised assignment problem, one allocator, a budget.
#include "berth/allocate/assignment/priced_problem.hpp"

#include "berth_bench/allocators.hpp"
#include "berth_bench/arguments.hpp"
#include "berth_bench/commands.hpp"
#include "berth_bench/philox_allocator.hpp"
#include "support/gap_instance.hpp"
#include "support/output_file.hpp"
#include "support/progress.hpp"
#include "support/search_run.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

namespace {

struct assign_options {
    std::string instance;
    std::string algorithm{default_allocator()};
    double seconds = 10.0;
    std::uint64_t seed = 1;
    std::size_t threads = 1;
    std::string device{"cpu"};
    std::uint64_t evaluations = std::numeric_limits<std::uint64_t>::max();
    std::string out;
    std::string json;
    progress_line::mode progress = progress_line::mode::terminal;
};

/// One agent per task, in the order of tasks.
std::string assignment_text(const berth::gpu_assignment& agent_of, std::size_t per_line) {
    std::string text;
    for (std::size_t t = 0; t < agent_of.size(); ++t) {
        text += std::to_string(agent_of[t].value());
        text += (t + 1) % per_line == 0 || t + 1 == agent_of.size() ? '\n' : ' ';
    }
    return text;
}

nlohmann::ordered_json finite(double value) {
    return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json{};
}

/// All costs are integers, so a gap below 1 proves optimality; beyond 2^53 the bound equals the cost only where that is proven.
bool proven_optimal(const search_run& run) {
    return run.plan.feasible() && std::ceil(run.plan.lower_bound) >= run.plan.cost;
}

std::string result_json(const assign_options& options, const gap_instance& instance, const std::string& file,
                        const std::optional<gap_reference>& known, const search_run& run) {
    const bool feasible = run.verdict.feasible();
    nlohmann::ordered_json json;
    json["instance"] = instance.name;
    json["file"] = file;
    json["agents"] = instance.agents;
    json["tasks"] = instance.tasks;
    json["algorithm"] = options.algorithm;
    json["seed"] = options.seed;
    json["threads"] = options.threads;
    json["device"] = options.device;
    json["cost"] = run.verdict.cost;
    json["feasible"] = feasible;
    json["excess"] = run.verdict.excess;
    json["lower_bound"] = finite(run.plan.lower_bound);
    json["gap_percent"] = feasible ? finite(run.plan.gap()) : nlohmann::ordered_json{};
    json["proven_optimal"] = proven_optimal(run);
    json["best_known"] = known ? nlohmann::ordered_json(known->upper) : nlohmann::ordered_json{};
    json["reference_bound"] = known ? nlohmann::ordered_json(known->lower) : nlohmann::ordered_json{};
    json["reference_gap_percent"] =
        known && feasible ? finite(berth::gap_percent(run.plan.cost, known->lower)) : nlohmann::ordered_json{};
    json["evaluations"] = run.plan.evaluations;
    json["accepted"] = run.plan.accepted;
    json["seconds"] = run.seconds;
    json["stopped"] = berth::to_string(run.plan.stopped);
    json["trajectory"] = nlohmann::ordered_json::array();
    for (const auto& point : run.trajectory) {
        json["trajectory"].push_back(nlohmann::ordered_json::array({point.seconds, point.cost}));
    }
    json["assignment"] = nlohmann::ordered_json::array();
    for (const auto agent : run.plan.gpu_of) json["assignment"].push_back(agent.value());
    return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

void print_summary(const assign_options& options, const std::optional<gap_reference>& known, const search_run& run) {
    const berth::assignment_plan& plan = run.plan;
    if (interrupted()) fmt::print("Interrupted: this is the best plan so far.\n");
    fmt::print("cost {}{}", run.verdict.cost,
               run.verdict.feasible() ? std::string{}
                                      : fmt::format(" (INFEASIBLE: {} beyond the capacities of {} agents)",
                                                    run.verdict.excess, run.verdict.overloaded));
    if (run.verdict.feasible() && std::isfinite(plan.lower_bound)) {
        fmt::print(", lower bound {:.2f}, gap {:.4f} %{}", plan.lower_bound, plan.gap(),
                   proven_optimal(run) ? " (optimal: costs are integers)" : "");
    }
    if (!run.verdict.feasible() && plan.lower_bound == std::numeric_limits<double>::infinity()) {
        fmt::print("; proven: no assignment fits");
    }
    fmt::print("\n");
    if (known && run.verdict.feasible()) {
        fmt::print("best known {:.0f}, {} {:.0f}: {:.4f} % above it\n", known->upper,
                   known->upper == known->lower ? "proven optimum" : "best bound known", known->lower,
                   berth::gap_percent(plan.cost, known->lower));
    }
    fmt::print("{:.3f} CPU s, {} evaluations ({:.3g} per second), {} improvements, seed {}: {}\n", run.seconds,
               plan.evaluations, run.seconds > 0.0 ? static_cast<double>(plan.evaluations) / run.seconds : 0.0,
               run.trajectory.size(), options.seed, berth::to_string(plan.stopped));
    if (options.out.empty()) fmt::print("Agent of each task:\n{}", assignment_text(plan.gpu_of, 25));
}

/// The allocator of the options, or an error if it does not run on their device.
berth::result<named_allocator> chosen_allocator(const assign_options& options) {
    if (options.device == "cpu") {
        return options.algorithm == philox_name ? philox_allocator() : *find_allocator(options.algorithm);
    }
    if (options.algorithm != philox_name) {
        return berth::error{berth::error_code::invalid_value,
                            fmt::format("--device cuda runs {}; {} runs on the CPU", philox_name, options.algorithm)};
    }
    return philox_allocator_on_cuda();
}

int assign(const assign_options& options) {
    const auto allocator = chosen_allocator(options);
    if (!allocator) return fail(allocator.error().message);
    for (const auto& path : {options.out, options.json}) {
        if (const auto ok = check_output(path); !ok) return fail(ok.error().message);
    }
    const auto file = find_gap_instance(options.instance);
    if (!file) return fail(file.error().message);
    const auto instance = read_gap_instance(*file);
    if (!instance) return fail(instance.error().message);
    const auto known = find_gap_reference(*file, *instance);
    if (!known) return fail(known.error().message);
    fmt::print("{}: {} tasks, {} agents; {}, {}{}{}\n", *file, instance->tasks, instance->agents, options.algorithm,
               std::isfinite(options.seconds) ? fmt::format("{:g} CPU s", options.seconds) : "no time limit",
               options.threads > 1 ? fmt::format(" on {} threads", options.threads) : std::string{},
               options.device == "cpu" ? std::string{} : fmt::format(" on {}", options.device));
    std::fflush(stdout);

    // The clock of the process starts at 0: reading and the bound are within the budget.
    progress_line progress{options.progress};
    const berth::priced_problem problem{instance->problem(),
                                        pricing_within(instance->agents, instance->tasks, options.seconds)};
    search_run run;
    try {
        run = run_search(*allocator, *instance, problem,
                         {.seconds = options.seconds,
                          .evaluations = options.evaluations,
                          .seed = options.seed,
                          .threads = options.threads},
                         progress, options.algorithm + " on " + instance->name);
    } catch (const device_error& what) {
        progress.clear();
        return fail(what.what());
    }
    if (!run.refused.empty()) return fail(*file + ": " + run.refused);
    if (!run.fault.empty()) {
        fmt::print(stderr, "berth-bench: {}: wrong answer: {}\n", options.algorithm, run.fault);
        return exit_wrong_answer;
    }
    print_summary(options, *known, run);
    if (!options.out.empty()) {
        const auto ok = write_file(options.out, assignment_text(run.plan.gpu_of, 25));
        if (!ok) return fail(ok.error().message);
    }
    if (!options.json.empty()) {
        const auto ok = write_file(options.json, result_json(options, *instance, *file, *known, run));
        if (!ok) return fail(ok.error().message);
    }
    return interrupted() ? exit_interrupted : exit_ok;
}

}  // namespace

command add_assign(CLI::App& program, CLI::App*& subcommand) {
    auto options = std::make_shared<assign_options>();
    subcommand =
        program.add_subcommand("assign", "Assign the tasks of one instance to agents: least cost within capacities");
    CLI::App& app = *subcommand;
    app.add_option("instance", options->instance,
                   "File (m n, m rows of n costs, m rows of n amounts, m capacities), or the name of a known instance")
        ->required();
    std::vector<std::string> names = allocator_names();
    names.emplace_back(philox_name);
    auto* algorithm = app.add_option("--algorithm", options->algorithm, "Allocator")
                          ->check(CLI::IsMember(names))
                          ->capture_default_str();
    app.add_option(
           "--device", options->device,
           "Where the search runs; cuda: philox_genetic, with the same answer as the CPU for a budget of evaluations")
        ->check(CLI::IsMember(std::vector<std::string>{"cpu", "cuda"}))
        ->capture_default_str();
    auto* seconds = app.add_option("--seconds", options->seconds,
                                   "CPU time of the process, reading and bound included (default 10; without limit if "
                                   "--evaluations is given alone)")
                        ->check(check_seconds);
    app.add_option("--seed", options->seed, "Seed")->check(check_digits)->capture_default_str();
    app.add_option("--threads", options->threads,
                   "Threads; the answer to a budget of evaluations does not depend on them")
        ->check(CLI::Range(std::size_t{1}, std::size_t{256}))
        ->capture_default_str();
    auto* evaluations = app.add_option("--evaluations", options->evaluations,
                                       "Budget of evaluations: same budget and seed, same answer")
                            ->check(check_count);
    app.add_option("--out", options->out, "Write the agent of each task, counted from 0; otherwise it is printed");
    app.add_option("--json", options->json, "Write cost, bound, gap, trajectory and assignment as JSON");
    auto show = std::make_shared<bool>(false);
    auto* progress =
        app.add_flag("--progress,!--no-progress", *show, "Show progress on stderr (default: on a terminal)");
    return [options, seconds, evaluations, algorithm, progress, show] {
        if (options->device == "cuda" && algorithm->count() == 0) options->algorithm = philox_name;
        if (evaluations->count() > 0 && seconds->count() == 0) {
            options->seconds = std::numeric_limits<double>::infinity();
        }
        if (progress->count() > 0) options->progress = *show ? progress_line::mode::on : progress_line::mode::off;
        return assign(*options);
    };
}

}  // namespace bench
