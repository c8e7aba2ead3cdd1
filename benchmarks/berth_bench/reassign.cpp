// SPDX-License-Identifier: Apache-2.0
// berth-bench reassign: one instance of the machine reassignment problem, with the files and option letters of the
// challenge.
#include "berth/allocate/reassignment/reassignment_problem.hpp"

#include "berth_bench/arguments.hpp"
#include "berth_bench/commands.hpp"
#include "support/mrp_check.hpp"
#include "support/mrp_instance.hpp"
#include "support/mrp_references.hpp"
#include "support/output_file.hpp"
#include "support/progress.hpp"
#include "support/reassignment_run.hpp"
#include "support/run_clock.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bench {

namespace {

struct reassign_options {
    mrp_files files;
    std::string instance;
    std::vector<std::size_t> random;  ///< machines, processes, resources
    double seconds = 10.0;
    clock_kind clock = clock_kind::wall;
    reassignment_budget budget;
    std::string out;
    std::string json;
    std::string svg;
    std::string save;
    progress_line::mode progress = progress_line::mode::terminal;
};

/// The published results of the instance, found by its name and its original cost.
struct known_values {
    double lower_bound = 0.0;
    std::optional<double> best;
};

/// Time reserved for writing the answer.
double search_seconds(double seconds) { return seconds - std::min(0.1, 0.02 * seconds); }

double peak_memory_mib() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    return static_cast<double>(used.ru_maxrss) / 1024.0;
}

berth::result<mrp_instance> read(const reassign_options& options) {
    if (!options.random.empty()) {
        return generate_mrp_instance({.machines = options.random[0],
                                      .processes = options.random[1],
                                      .resources = options.random[2],
                                      .locations = std::max<std::size_t>(options.random[0] / 10, 1),
                                      .neighbourhoods = std::max<std::size_t>(options.random[0] / 50, 1)},
                                     options.budget.seed);
    }
    if (options.instance.empty()) return read_mrp_instance(options.files);
    const auto files = find_mrp_instance(options.instance);
    if (!files) return files.error();
    return read_mrp_instance(*files);
}

berth::result<known_values> find_known(const mrp_instance& instance, berth::amount initial) {
    known_values known{.lower_bound = static_cast<double>(mrp_lower_bound(instance.input)), .best = {}};
    const auto references = mrp_references::read(mrp_references::own_file());
    if (!references) return references.error();
    const auto* cost = references->find(instance.name, "initial");
    const auto* best = references->find(instance.name, "best");
    if (cost != nullptr && best != nullptr && cost->value == static_cast<double>(initial)) known.best = best->value;
    return known;
}

nlohmann::ordered_json cost_json(const berth::reassignment_cost& cost) {
    return {{"total", cost.total()}, {"load", cost.load},     {"balance", cost.balance},
            {"tasks", cost.tasks},   {"groups", cost.groups}, {"pairs", cost.pairs}};
}

nlohmann::ordered_json finite(double value) {
    return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json{};
}

std::string result_json(const reassign_options& options, const mrp_instance& instance, const known_values& known,
                        const reassignment_run& run) {
    const auto& input = instance.input;
    const auto& broken = run.verdict.violations;
    const auto cost = static_cast<double>(run.verdict.cost.total());
    const auto initial = static_cast<double>(run.initial.cost.total());
    nlohmann::ordered_json json;
    json["instance"] = instance.name;
    json["machines"] = input.location.size();
    json["processes"] = input.group.size();
    json["services"] = input.spread.size();
    json["resources"] = input.resources.size();
    json["seed"] = options.budget.seed;
    json["threads"] = options.budget.threads;
    json["islands"] = options.budget.islands;
    json["clock"] = options.clock == clock_kind::cpu ? "cpu" : "wall";
    json["budget_seconds"] = finite(options.seconds);
    json["initial_cost"] = cost_json(run.initial.cost);
    json["initial_feasible"] = run.initial.feasible();
    json["cost"] = cost_json(run.verdict.cost);
    json["feasible"] = run.verdict.feasible();
    json["violations"] = {{"capacity", broken.capacity},
                          {"conflicts", broken.conflicts},
                          {"spread", broken.spread},
                          {"dependencies", broken.dependencies}};
    json["violated"] = nlohmann::ordered_json::array();
    for (const auto& one : run.verdict.broken) json["violated"].push_back(to_text(one));
    json["relocated"] = run.verdict.moved;
    json["lower_bound"] = known.lower_bound;
    json["best_of_challenge"] = known.best ? nlohmann::ordered_json(*known.best) : nlohmann::ordered_json{};
    json["score"] =
        known.best && run.verdict.feasible() ? finite(mrp_score(cost, *known.best, initial)) : nlohmann::ordered_json{};
    json["evaluations"] = run.plan.evaluations;
    json["accepted"] = run.plan.accepted;
    json["evaluations_per_second"] = run.evaluations_per_second();
    json["evaluations_per_core_second"] = run.evaluations_per_core_second();
    json["seconds"] = run.seconds;
    json["search_wall_seconds"] = run.wall_seconds;
    json["search_cpu_seconds"] = run.search_seconds;
    json["peak_memory_mib"] = peak_memory_mib();
    json["stopped"] = berth::to_string(run.plan.stopped);
    json["trajectory"] = nlohmann::ordered_json::array();
    for (const auto& point : run.trajectory) {
        json["trajectory"].push_back(nlohmann::ordered_json::array({point.seconds, point.cost}));
    }
    return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

std::string cost_text(const berth::reassignment_cost& cost) {
    return fmt::format("{}: load {}, balance {}, processes {}, services {}, machines {}", cost.total(), cost.load,
                       cost.balance, cost.tasks, cost.groups, cost.pairs);
}

void print_violations(const char* what, const mrp_verdict& verdict) {
    if (verdict.feasible()) return;
    constexpr std::size_t most = 10;
    fmt::print("{} INFEASIBLE:\n", what);
    for (std::size_t i = 0; i < verdict.broken.size() && i < most; ++i) {
        fmt::print("  {}\n", to_text(verdict.broken[i]));
    }
    if (verdict.broken.size() > most) fmt::print("  and {} more\n", verdict.broken.size() - most);
}

void print_summary(const reassign_options& options, const known_values& known, const reassignment_run& run) {
    if (interrupted()) fmt::print("Interrupted: this is the best plan so far.\n");
    const auto cost = static_cast<double>(run.verdict.cost.total());
    print_violations("The original assignment is", run.initial);
    print_violations("The assignment is", run.verdict);
    fmt::print("was  {}\ncost {}\n", cost_text(run.initial.cost), cost_text(run.verdict.cost));
    fmt::print("lower bound {:.0f}", known.lower_bound);
    if (known.lower_bound > 0.0) fmt::print(", {:.4f} % above it", 100.0 * (cost / known.lower_bound - 1.0));
    if (known.best && run.verdict.feasible()) {
        fmt::print("; best of the challenge {:.0f}, score {:.4f}", *known.best,
                   mrp_score(cost, *known.best, static_cast<double>(run.initial.cost.total())));
    }
    fmt::print("\n{} of {} processes moved\n", run.verdict.moved, run.plan.assignment.size());
    fmt::print("{:.3f} {}, {} evaluations ({:.3g} per second and core), {} improvements, {:.0f} MiB, seed {}: {}; "
               "checked: {}\n",
               run.seconds, options.clock == clock_kind::cpu ? "CPU s on each thread" : "s", run.plan.evaluations,
               run.evaluations_per_core_second(), run.trajectory.size(), peak_memory_mib(), options.budget.seed,
               berth::to_string(run.plan.stopped), run.verdict.feasible() ? "feasible" : "infeasible");
}

int reassign(const reassign_options& options) {
    const run_clock clock{options.clock, search_seconds(options.seconds), options.budget.threads};
    for (const auto& path : {options.out, options.json, options.svg}) {
        if (const auto ok = check_output(path); !ok) return fail(ok.error().message);
    }
    const auto instance = read(options);
    if (!instance) return fail(instance.error().message);
    const auto& input = instance->input;
    if (!options.save.empty()) {
        const mrp_files files{options.save + "/model_" + instance->name + ".txt",
                              options.save + "/assignment_" + instance->name + ".txt"};
        if (const auto ok = write_mrp_instance(files, input); !ok) return fail(ok.error().message);
    }
    const auto problem = berth::make_reassignment_problem(input);
    if (!problem) {
        const std::string& which = options.files.model.empty() ? instance->name : options.files.model;
        return fail(which + ": " + problem.error().message);
    }
    fmt::print("{}: {} machines, {} processes, {} services, {} resources; {}{}\n", instance->name,
               input.location.size(), input.group.size(), input.spread.size(), input.resources.size(),
               std::isfinite(options.seconds) ? fmt::format("{:g} s", options.seconds) : "no time limit",
               options.budget.threads > 1 ? fmt::format(" on {} threads", options.budget.threads) : std::string{});
    std::fflush(stdout);

    progress_line progress{options.progress};
    const reassignment_run run = run_reassignment(
        input, *problem, clock, options.budget, static_cast<double>(mrp_lower_bound(input)), progress, instance->name);
    if (run.verdict.complete && !options.out.empty()) {
        const auto ok = write_file(options.out, mrp_assignment_text(run.plan.assignment));
        if (!ok) return fail(ok.error().message);
    }
    if (!run.fault.empty()) {
        fmt::print(stderr, "berth-bench: {}: wrong answer: {}\n", instance->name, run.fault);
        return exit_wrong_answer;
    }
    const auto known = find_known(*instance, run.initial.cost.total());
    if (!known) return fail(known.error().message);
    print_summary(options, *known, run);
    if (!options.json.empty()) {
        const auto ok = write_file(options.json, result_json(options, *instance, *known, run));
        if (!ok) return fail(ok.error().message);
    }
    if (!options.svg.empty()) {
        const auto ok = write_file(options.svg, to_svg(load_chart(input, run.plan.assignment, instance->name)));
        if (!ok) return fail(ok.error().message);
    }
    return interrupted() ? exit_interrupted : exit_ok;
}

/// The error in the choice of an instance; empty if there is none.
std::string check_choice(const reassign_options& options) {
    const bool files = !options.files.model.empty() || !options.files.assignment.empty();
    const int ways = (files ? 1 : 0) + (options.instance.empty() ? 0 : 1) + (options.random.empty() ? 0 : 1);
    if (ways != 1) return "give an instance: -p MODEL -i INITIAL, or --instance NAME, or --random M,P,R";
    if (!files || (!options.files.model.empty() && !options.files.assignment.empty())) return {};
    return options.files.model.empty() ? "-i INITIAL needs -p MODEL" : "-p MODEL needs -i INITIAL";
}

}  // namespace

command add_reassign(CLI::App& program, CLI::App*& subcommand) {
    auto options = std::make_shared<reassign_options>();
    subcommand = program.add_subcommand(
        "reassign",
        "Move the processes of one instance of the machine reassignment problem: least load, balance and moves");
    CLI::App& app = *subcommand;
    app.add_option("-p,--model", options->files.model, "Model, in the format of the challenge (.txt or .txt.xz)");
    app.add_option("-i,--initial", options->files.assignment, "Original assignment: a machine for each process");
    app.add_option("--instance", options->instance, "The name of a known instance instead of the two files, as b_1");
    app.add_option("--random", options->random,
                   "A random instance instead: machines,processes,resources; its seed is that of the search")
        ->delimiter(',')
        ->expected(3)
        ->check(check_count);
    auto* seconds =
        app.add_option("-t,--seconds", options->seconds,
                       "Time limit of the program, reading and writing included (default 10; without limit if "
                       "--evaluations is given alone)")
            ->check(check_seconds);
    app.add_option("-s,--seed", options->budget.seed, "Seed")->check(check_digits)->capture_default_str();
    app.add_option("-o,--out", options->out, "Write the new assignment: a machine for each process");
    app.add_option("--threads", options->budget.threads, "Threads")
        ->check(CLI::Range(std::size_t{1}, std::size_t{256}))
        ->capture_default_str();
    auto* islands =
        app.add_option("--islands", options->budget.islands,
                       "Searches side by side, each on one thread at a time; by default as many as threads. The "
                       "answer to a budget of evaluations depends on them, not on the threads")
            ->check(CLI::Range(std::size_t{1}, std::size_t{256}));
    auto* evaluations = app.add_option("--evaluations", options->budget.evaluations,
                                       "Budget of evaluations: same budget and seed, same answer")
                            ->check(check_count);
    auto clock = std::make_shared<std::string>("wall");
    app.add_option("--clock", *clock, "The clock of -t: wall-clock time, or CPU time per thread")
        ->check(CLI::IsMember({"wall", "cpu"}))
        ->capture_default_str();
    app.add_option("--json", options->json, "Write costs, constraints, speed and trajectory as JSON");
    app.add_option("--svg", options->svg, "Write the figure: load of each node before and after");
    app.add_option("--save-instance", options->save, "Write model and original assignment into this folder");
    auto show = std::make_shared<bool>(false);
    auto* progress =
        app.add_flag("--progress,!--no-progress", *show, "Show progress on stderr (default: on a terminal)");
    return [options, seconds, evaluations, islands, progress, show, clock] {
        if (const std::string wrong = check_choice(*options); !wrong.empty()) return fail(wrong);
        if (evaluations->count() > 0 && seconds->count() == 0) {
            options->seconds = std::numeric_limits<double>::infinity();
        }
        if (islands->count() == 0) options->budget.islands = options->budget.threads;
        options->clock = *clock == "cpu" ? clock_kind::cpu : clock_kind::wall;
        if (progress->count() > 0) options->progress = *show ? progress_line::mode::on : progress_line::mode::off;
        return reassign(*options);
    };
}

}  // namespace bench
