// SPDX-License-Identifier: Apache-2.0
// berth-bench scale: a large fleet and a cost functor. Nothing of the size tasks times GPUs exists at any time.
#include "berth/allocate/greedy/sampled_greedy.hpp"
#include "berth/allocate/search/partitioned_search.hpp"
#include "berth/core/thread_pool.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/workload_builder.hpp"
#include "berth/objective/terms/assignment_cost.hpp"
#include "berth/objective/terms/capacity_excess.hpp"

#include "berth_bench/arguments.hpp"
#include "berth_bench/commands.hpp"
#include "berth_bench/scale_instance.hpp"
#include "support/cpu_deadline.hpp"
#include "support/output_file.hpp"
#include "support/progress.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bench {

double peak_megabytes() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_maxrss) / 1024.0;
}

bool among_ranks() {
    // Set by Open MPI, and by MPICH and its relatives.
    return std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr || std::getenv("PMI_SIZE") != nullptr;
}

namespace {

struct cost_model {
    scale_prices prices;
    std::vector<scale_task> tasks;
    std::vector<scale_gpu> gpus;

    explicit cost_model(const scale_options& options) {
        tasks.reserve(options.tasks);
        gpus.reserve(options.gpus);
        prices = draw_scale_instance(
            options, [this](std::size_t, const scale_gpu& gpu) { gpus.push_back(gpu); },
            [this](std::size_t, const scale_task& task) { tasks.push_back(task); });
    }
};

struct functor_cost {
    const cost_model* model;

    double operator()(berth::task_index t, berth::gpu_index g) const noexcept {
        return model->prices(model->tasks[t.value()], model->gpus[g.value()]);
    }
};

struct scale_point {
    double seconds;
    double cost;
    std::uint64_t evaluations;
};

/// Keeps a point every few seconds.
struct scale_watch {
    const wall_clock* clock;
    double every;
    std::vector<scale_point>* points;
    progress_line* line;

    void on_progress(const berth::progress& p) const {
        const double now = clock->seconds();
        if (!points->empty() && now < points->back().seconds + every) return;
        points->push_back({now, p.objective, p.evaluations});
        if (line->due()) line->say(fmt::format("scale: {:.0f} s, cost {:.6g}", now, p.objective));
    }
};

struct scale_outcome {
    double start_cost = 0.0;
    double greedy_seconds = 0.0;
    double cost = 0.0;
    double search_seconds = 0.0;
    std::vector<scale_point> points;
    berth::plan plan;
    bool valid = false;
};

std::string result_json(const scale_options& options, const scale_outcome& outcome) {
    nlohmann::ordered_json json;
    json["tasks"] = options.tasks;
    json["gpus"] = options.gpus;
    json["seed"] = options.seed;
    json["threads"] = options.threads;
    json["start_cost"] = outcome.start_cost;
    json["greedy_seconds"] = outcome.greedy_seconds;
    json["cost"] = outcome.cost;
    json["search_seconds"] = outcome.search_seconds;
    json["cpu_seconds"] = cpu_seconds();
    json["feasible"] = outcome.valid;
    json["left_out"] = outcome.plan.left_out.size();
    json["evaluations"] = outcome.plan.counters.evaluations;
    json["accepted"] = outcome.plan.counters.accepted;
    json["stopped"] = berth::to_string(outcome.plan.stopped);
    json["peak_megabytes"] = peak_megabytes();
    json["trajectory"] = nlohmann::ordered_json::array();
    for (const auto& point : outcome.points) {
        json["trajectory"].push_back(nlohmann::ordered_json::array({point.seconds, point.cost, point.evaluations}));
    }
    return json.dump(2) + '\n';
}

int scale(const scale_options& options) {
    if (const auto ok = check_output(options.json); !ok) return fail(ok.error().message);
    const wall_clock clock;
    const cost_model model{options};
    berth::fleet_builder machines{{.node = {}}};  // the only counter is the share of GPUs
    const berth::gpu_description gpu{};
    for (std::size_t g = 0; g < options.gpus; ++g) {
        if (auto ok = machines.add_node({.gpus = {&gpu, 1}}); !ok) return fail(ok.error().message);
    }
    const auto fleet = std::move(machines).build();
    if (!fleet) return fail(fleet.error().message);
    berth::workload_builder jobs{*fleet};
    for (std::size_t t = 0; t < options.tasks; ++t) {
        const berth::amount asked = model.tasks[t].share;
        if (auto ok = jobs.add_task({.gpus = 1, .gpu_demand = {&asked, 1}}); !ok) return fail(ok.error().message);
    }
    const auto work = std::move(jobs).build();
    if (!work) return fail(work.error().message);
    const berth::problem problem{*fleet, *work};
    const functor_cost cost{&model};
    fmt::print("{} tasks on {} GPUs; no table of costs is made (it would have {:.3g} entries)\n", options.tasks,
               options.gpus, static_cast<double>(options.tasks) * static_cast<double>(options.gpus));
    fmt::print("{:7.1f} s  built, {:.0f} MB\n", clock.seconds(), peak_megabytes());
    std::fflush(stdout);

    scale_outcome outcome;
    const double before_greedy = clock.seconds();
    berth::plan start = berth::sampled_greedy{.seed = options.seed}.run(
        problem, cost, berth::run_control<wall_stop>{.stop = {&clock, std::numeric_limits<double>::infinity()}});
    outcome.greedy_seconds = clock.seconds() - before_greedy;
    const berth::objective wish{berth::tier(berth::capacity_excess{}), berth::tier(berth::left_out{}),
                                berth::tier(berth::assignment_cost_term{cost})};
    outcome.start_cost = wish.prepare(problem, start.assignment).value()[2];
    fmt::print("{:7.1f} s  greedy in {:.1f} s: cost {:.6g}, {} left out\n", clock.seconds(), outcome.greedy_seconds,
               outcome.start_cost, start.left_out.size());
    std::fflush(stdout);

    const wall_clock search_clock;
    progress_line line{options.progress};
    const berth::run_control<wall_stop, scale_watch> control{
        .stop = {&search_clock, options.seconds},
        .max_evaluations = options.evaluations,
        .observer = {&search_clock, options.seconds / 15.0, &outcome.points, &line}};
    const berth::partitioned_search search{
        berth::local_search{berth::neighbourhoods{2.0 * berth::shift{}, berth::swap{}, 0.3 * berth::chain{2}},
                            berth::descent{},
                            berth::any_node{},
                            {.max_restarts = berth::local_search_options::without_end}},
        {.seed = options.seed,
         .nodes_per_part = 40,
         .max_round_evaluations = 50'000,
         .patience = std::numeric_limits<std::size_t>::max()}};
    berth::thread_pool threads{options.threads};
    outcome.plan = search.run(problem, wish, start.assignment, threads, control);
    outcome.search_seconds = search_clock.seconds();
    line.clear();
    outcome.cost = outcome.plan.by_term.back().value;
    outcome.valid = berth::validate(problem, outcome.plan.assignment).has_value();
    for (const auto& point : outcome.points) {
        fmt::print("{:7.1f} s of search: cost {:.8g}, {} evaluations\n", point.seconds, point.cost, point.evaluations);
    }
    if (interrupted()) fmt::print("Interrupted: this is the best plan so far.\n");
    fmt::print("cost {:.8g} after {:.1f} s of search, {:.2f} % below greedy; {} left out, {}\n", outcome.cost,
               outcome.search_seconds, 100.0 * (outcome.start_cost - outcome.cost) / outcome.start_cost,
               outcome.plan.left_out.size(), outcome.valid ? "every counter suffices" : "INFEASIBLE");
    fmt::print("{} evaluations, {} accepted, {} threads, peak {:.0f} MB: {}\n", outcome.plan.counters.evaluations,
               outcome.plan.counters.accepted, options.threads, peak_megabytes(),
               berth::to_string(outcome.plan.stopped));
    if (!options.json.empty()) {
        const auto ok = write_file(options.json, result_json(options, outcome));
        if (!ok) return fail(ok.error().message);
    }
    if (!outcome.valid) return exit_wrong_answer;
    return interrupted() ? exit_interrupted : exit_ok;
}

}  // namespace

command add_scale(CLI::App& program, CLI::App*& subcommand) {
    auto options = std::make_shared<scale_options>();
    subcommand = program.add_subcommand("scale", "A large fleet with a cost functor (random instance): greedy, then "
                                                 "local search on several threads, or, under mpirun, "
                                                 "over ranks");
    CLI::App& app = *subcommand;
    app.add_option("--tasks", options->tasks, "Tasks")
        ->check(CLI::Range(std::size_t{1}, std::size_t{20'000'000}))
        ->capture_default_str();
    app.add_option("--gpus", options->gpus, "GPUs")
        ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}))
        ->capture_default_str();
    app.add_option("--seed", options->seed, "Seed of instance and search")->check(check_digits)->capture_default_str();
    app.add_option("--seconds", options->seconds, "Wall-clock time of the local search")
        ->check(check_seconds)
        ->capture_default_str();
    app.add_option("--threads", options->threads,
                   "Threads; the answer to a budget of evaluations does not depend on them")
        ->check(CLI::Range(std::size_t{1}, std::size_t{256}))
        ->capture_default_str();
    app.add_option("--evaluations", options->evaluations, "Budget of evaluations: same budget and seed, same answer")
        ->check(check_count);
    app.add_option("--parts", options->parts,
                   "Parts that hold their own records, as many as processes and threads can share; the answer to a "
                   "budget depends on them. 0: one problem, held as a whole; under mpirun 16 parts")
        ->check(CLI::Range(std::size_t{0}, std::size_t{65'536}))
        ->capture_default_str();
    app.add_option("--region-evaluations", options->region_evaluations,
                   "Evaluations of each of the 16 regions that a part searches in a round")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}))
        ->capture_default_str();
    app.add_option(
        "--checkpoint", options->checkpoint,
        "Folder for checkpoints of the parts; a run goes on from the last one in it, on any number of processes");
    app.add_option("--checkpoint-rounds", options->checkpoint_rounds, "Rounds between two checkpoints")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000}))
        ->capture_default_str();
    app.add_option("--json", options->json, "Write costs, trajectory and peak memory as JSON");
    auto show = std::make_shared<bool>(false);
    auto* progress =
        app.add_flag("--progress,!--no-progress", *show, "Show progress on stderr (default: on a terminal)");
    return [options, progress, show] {
        if (progress->count() > 0) options->progress = *show ? progress_line::mode::on : progress_line::mode::off;
        if (options->parts > 0 || among_ranks()) return scale_in_parts(*options);
        if (!options->checkpoint.empty()) return fail("scale: --checkpoint needs --parts");
        return scale(*options);
    };
}

}  // namespace bench
