// SPDX-License-Identifier: Apache-2.0
// berth-bench makespan: minimises the end of the last task, with times that differ from GPU to GPU (R||Cmax).
#include "berth/allocate/assignment/makespan/makespan_search.hpp"
#include "berth/allocate/search/local_search.hpp"
#include "berth/core/random.hpp"
#include "berth/core/thread_pool.hpp"
#include "berth/cost/pair_costs.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/workload_builder.hpp"
#include "berth/objective/terms/gpu_loads.hpp"

#include "berth_bench/arguments.hpp"
#include "berth_bench/commands.hpp"
#include "support/cpu_deadline.hpp"
#include "support/output_file.hpp"
#include "support/progress.hpp"
#include "support/trajectory.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bench {

namespace {

struct makespan_options {
    std::size_t tasks = 1000;
    std::size_t gpus = 100;
    std::uint64_t seed = 1;
    std::string algorithm = "makespan_search";
    std::uint64_t search_seed = 1;
    double seconds = 3.0;
    std::size_t threads = 1;
    std::uint64_t evaluations = std::numeric_limits<std::uint64_t>::max();
    std::string json;
    progress_line::mode progress = progress_line::mode::terminal;
};

using load_table = std::vector<berth::amount>;

/// Times from 1 to 100, task-major, the high halves of a splitmix64 stream.
load_table make_instance(const makespan_options& options) {
    load_table loads(options.tasks * options.gpus);
    std::uint64_t state = options.seed;
    for (auto& load : loads) {
        load = 1 + static_cast<berth::amount>(((berth::splitmix64(state) >> 32U) * 100) >> 32U);
        state += 0x9e3779b97f4a7c15ULL;
    }
    return loads;
}

berth::amount makespan_of(const makespan_options& options, const load_table& loads,
                          const berth::gpu_assignment& gpu_of) {
    std::vector<berth::amount> carried(options.gpus, 0);
    for (std::size_t t = 0; t < options.tasks; ++t) {
        carried[gpu_of[t].value()] += loads[t * options.gpus + gpu_of[t].value()];
    }
    return *std::max_element(carried.begin(), carried.end());
}

using search_control = berth::run_control<search_stop, search_observer>;

/// Searches with seeds of their own, one per thread; the first of the best plans.
berth::makespan_plan by_makespan_search(const makespan_options& options, const berth::matrix_load& load,
                                        const search_control& control) {
    std::vector<berth::makespan_plan> plans(options.threads);
    berth::thread_pool threads{options.threads};
    threads.for_each(options.threads, [&](std::size_t i) {
        berth::makespan_search search{};
        search.seed = i == 0 ? options.search_seed : berth::stream_seed(options.search_seed, i);
        plans[i] = search.run(berth::makespan_problem{options.tasks, options.gpus, load}, {}, control);
    });
    std::size_t best = 0;
    std::uint64_t evaluations = 0;
    std::uint64_t accepted = 0;
    for (std::size_t i = 0; i < plans.size(); ++i) {
        if (plans[i].makespan < plans[best].makespan) best = i;
        evaluations += plans[i].evaluations;
        accepted += plans[i].accepted;
    }
    plans[best].evaluations = evaluations;
    plans[best].accepted = accepted;
    return std::move(plans[best]);
}

/// The search for any objective, on the makespan and, where that does not change, the loads to the eighth power.
berth::makespan_plan by_local_search(const makespan_options& options, const berth::matrix_load& load,
                                     const search_control& control) {
    berth::fleet_builder machines;
    const berth::gpu_description gpu{};
    for (std::size_t g = 0; g < options.gpus; ++g) (void)machines.add_node({.gpus = {&gpu, 1}});
    const auto fleet = std::move(machines).build();
    berth::workload_builder jobs{*fleet};
    for (std::size_t t = 0; t < options.tasks; ++t) (void)jobs.add_task({.gpus = 1});
    const auto work = std::move(jobs).build();
    const berth::problem problem{*fleet, *work};

    const berth::makespan_plan greedy = berth::makespan_search{}.run(
        berth::makespan_problem{options.tasks, options.gpus, load}, {}, berth::run_control<>{.max_evaluations = 0});
    berth::assignment start;
    for (const auto g : greedy.gpu_of) start.push_back({berth::node_index{g.value()}, 1});
    const auto time_of = [&load](berth::task_index t, berth::gpu_index g) { return static_cast<double>(load(t, g)); };
    const berth::objective wish{berth::tier(berth::makespan{load}),
                                berth::tier(berth::gpu_load_sum{load, berth::load_to_power{.power = 8, .unit = 20.0}})};
    const berth::local_search search{
        berth::neighbourhoods{2.0 * berth::shift{}, berth::swap{}, berth::chain{2}},
        berth::descent{},
        berth::cheapest_gpus{time_of, 12},
        {.seed = options.search_seed, .max_restarts = berth::local_search_options::without_end}};
    auto state = search.start(problem, wish, start);
    auto running = control;
    berth::makespan_plan plan;
    plan.lower_bound = greedy.lower_bound;
    // Runs in slices, to end when the bound is reached.
    do {
        running.max_evaluations = std::min(control.max_evaluations, state.evaluations() + 20'000);
        plan.stopped = state.improve(running);
        if (running.observer.into != nullptr) running.observer.into->see(state.best_value()[0]);
    } while (plan.stopped == berth::stop_reason::budget_exhausted &&
             running.max_evaluations < control.max_evaluations &&
             state.best_value()[0] > static_cast<double>(plan.lower_bound));
    if (state.best_value()[0] <= static_cast<double>(plan.lower_bound)) plan.stopped = berth::stop_reason::completed;
    for (const auto& where : state.best()) plan.gpu_of.emplace_back(where.node.value());
    plan.makespan = static_cast<berth::amount>(state.best_value()[0]);
    plan.evaluations = state.evaluations();
    plan.accepted = state.accepted();
    return plan;
}

std::string result_json(const makespan_options& options, const berth::makespan_plan& plan,
                        const std::vector<trajectory_point>& points, double seconds) {
    nlohmann::ordered_json json;
    json["tasks"] = options.tasks;
    json["gpus"] = options.gpus;
    json["seed"] = options.seed;
    json["algorithm"] = options.algorithm;
    json["search_seed"] = options.search_seed;
    json["threads"] = options.threads;
    json["makespan"] = plan.makespan;
    json["lower_bound"] = plan.lower_bound;
    json["optimal"] = plan.optimal();
    json["evaluations"] = plan.evaluations;
    json["accepted"] = plan.accepted;
    json["seconds"] = seconds;
    json["stopped"] = berth::to_string(plan.stopped);
    json["trajectory"] = nlohmann::ordered_json::array();
    for (const auto& point : points) {
        json["trajectory"].push_back(nlohmann::ordered_json::array({point.seconds, point.cost}));
    }
    json["assignment"] = nlohmann::ordered_json::array();
    for (const auto gpu : plan.gpu_of) json["assignment"].push_back(gpu.value());
    return json.dump(2) + '\n';
}

int makespan(const makespan_options& options) {
    if (const auto ok = check_output(options.json); !ok) return fail(ok.error().message);
    const load_table loads = make_instance(options);
    const berth::matrix_load load{{loads.data(), options.tasks, options.gpus}};
    fmt::print("{} tasks on {} GPUs, times 1 to 100, seed {}; {}, {:g} CPU s{}\n", options.tasks, options.gpus,
               options.seed, options.algorithm, options.seconds,
               options.threads > 1 ? fmt::format(" on {} threads", options.threads) : std::string{});
    std::fflush(stdout);

    progress_line progress{options.progress};
    const cpu_deadline deadline{options.seconds, options.threads};
    trajectory seen;
    seen.show_on(progress, options.algorithm, options.seconds, 0.0);
    const search_control control{
        .stop = {&deadline}, .max_evaluations = options.evaluations, .observer = search_observer{&seen}};
    const berth::makespan_plan plan = options.algorithm == "local_search" ? by_local_search(options, load, control)
                                                                          : by_makespan_search(options, load, control);
    const double seconds = cpu_seconds();
    progress.clear();
    if (makespan_of(options, loads, plan.gpu_of) != plan.makespan || plan.makespan < plan.lower_bound) {
        fmt::print(stderr, "berth-bench: {}: wrong answer\n", options.algorithm);
        return exit_wrong_answer;
    }
    seen.see(static_cast<double>(plan.makespan));

    if (interrupted()) fmt::print("Interrupted: this is the best plan so far.\n");
    for (const auto& point : seen.points()) fmt::print("  {:8.3f} CPU s  makespan {:g}\n", point.seconds, point.cost);
    fmt::print("makespan {}, lower bound {}{}\n", plan.makespan, plan.lower_bound,
               plan.optimal() ? ": proven optimal" : "");
    fmt::print("{:.3f} CPU s, {} evaluations, {} accepted: {}\n", seconds, plan.evaluations, plan.accepted,
               berth::to_string(plan.stopped));
    if (!options.json.empty()) {
        const auto ok = write_file(options.json, result_json(options, plan, seen.points(), seconds));
        if (!ok) return fail(ok.error().message);
    }
    return interrupted() ? exit_interrupted : exit_ok;
}

}  // namespace

command add_makespan(CLI::App& program, CLI::App*& subcommand) {
    auto options = std::make_shared<makespan_options>();
    subcommand = program.add_subcommand(
        "makespan", "Random instance with times that differ from GPU to GPU: minimises the end of the last task");
    CLI::App& app = *subcommand;
    app.add_option("--tasks", options->tasks, "Tasks")
        ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}))
        ->capture_default_str();
    app.add_option("--gpus", options->gpus, "GPUs")
        ->check(CLI::Range(std::size_t{1}, std::size_t{10'000}))
        ->capture_default_str();
    app.add_option("--seed", options->seed, "Seed of the instance")->check(check_digits)->capture_default_str();
    app.add_option("--algorithm", options->algorithm, "Search")
        ->check(CLI::IsMember({"makespan_search", "local_search"}))
        ->capture_default_str();
    app.add_option("--search-seed", options->search_seed, "Seed of the search")
        ->check(check_digits)
        ->capture_default_str();
    app.add_option("--seconds", options->seconds, "CPU time of the process; ends before if the optimum is proven")
        ->check(check_seconds)
        ->capture_default_str();
    app.add_option("--threads", options->threads, "Searches side by side, each with a seed of its own")
        ->check(CLI::Range(std::size_t{1}, std::size_t{256}))
        ->capture_default_str();
    app.add_option("--evaluations", options->evaluations, "Budget of evaluations of each search")->check(check_count);
    app.add_option("--json", options->json, "Write makespan, bound, trajectory and assignment as JSON");
    auto show = std::make_shared<bool>(false);
    auto* progress =
        app.add_flag("--progress,!--no-progress", *show, "Show progress on stderr (default: on a terminal)");
    return [options, progress, show] {
        if (progress->count() > 0) options->progress = *show ? progress_line::mode::on : progress_line::mode::off;
        if (options->tasks * options->gpus > 200'000'000) return fail("tasks times GPUs is at most 200000000");
        return makespan(*options);
    };
}

}  // namespace bench
