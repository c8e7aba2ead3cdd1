// SPDX-License-Identifier: Apache-2.0
// berth-bench compare: allocators on every instance of a suite, by gap and time.
#include "berth_bench/allocators.hpp"
#include "berth_bench/arguments.hpp"
#include "berth_bench/commands.hpp"
#include "berth_bench/compare_reassignment.hpp"
#include "berth_bench/csv_instance.hpp"
#include "support/comparison.hpp"
#include "support/csv_table.hpp"
#include "support/gap_instance.hpp"
#include "support/output_file.hpp"
#include "support/progress.hpp"
#include "support/svg_chart.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bench {

namespace {

struct compare_options {
    std::string suite = "gap";
    std::vector<double> seconds{1.0, 10.0};
    std::size_t seeds = 5;
    std::uint64_t first_seed = 1;
    std::size_t threads = 1;
    std::vector<std::string> algorithms;
    std::vector<std::string> instances;
    std::string tasks_file;  // of the suite csv, like the next three
    std::string gpus_file;
    std::string cost;
    std::string save_instance;
    std::vector<std::string> left_out;  // tasks that no GPU has room for
    std::string csv;
    bool resume = false;  // do not repeat the runs in `csv`
    std::string svg;
    std::string json;
    progress_line::mode progress = progress_line::mode::terminal;
};

struct suite_entry {
    gap_instance instance;
    std::optional<gap_reference> known;
};

/// The files of the chosen instances: all of the suite, or those that match names, patterns and paths.
berth::result<std::vector<std::string>> instance_files(const std::vector<std::string>& wanted) {
    const std::vector<std::string> all = gap_instance_files();
    if (wanted.empty()) return all;
    std::vector<std::string> files;
    const auto take = [&](const std::string& file) {
        if (std::find(files.begin(), files.end(), file) == files.end()) files.push_back(file);
    };
    for (const auto& item : wanted) {
        if (item.find_first_of("*?") == std::string::npos) {
            const auto file = find_gap_instance(item);
            if (!file) return file.error();
            take(*file);
            continue;
        }
        bool any = false;
        for (const auto& file : all) {
            if (!matches_pattern(item, std::filesystem::path{file}.stem().string())) continue;
            take(file);
            any = true;
        }
        if (!any) {
            return berth::error{berth::error_code::unknown_name, "--instances: no instance matches " + shown(item)};
        }
    }
    return files;
}

berth::result<std::vector<suite_entry>> read_suite(const std::vector<std::string>& wanted) {
    const auto files = instance_files(wanted);
    if (!files) return files.error();
    std::vector<suite_entry> suite;
    for (const auto& file : *files) {
        auto instance = read_gap_instance(file);
        if (!instance) return instance.error();
        auto known = find_gap_reference(file, *instance);
        if (!known) return known.error();
        suite.push_back({*std::move(instance), *std::move(known)});
    }
    return suite;
}

/// The suite of one instance that the user's files describe. Prints what it makes of them.
berth::result<std::vector<suite_entry>> read_csv_suite(compare_options& options) {
    auto read = read_csv_instance(options.tasks_file, options.gpus_file, options.cost);
    if (!read) return read.error();
    if (!options.save_instance.empty()) {
        if (const auto ok = write_file(options.save_instance, to_text(read->instance)); !ok) return ok.error();
    }
    options.cost = read->cost_column;
    options.left_out = read->left_out;
    for (const auto& note : read->notes) fmt::print("NOTE: {}\n", note);
    fmt::print("{}: {} tasks; {}: {} GPUs; cost of a pair: seconds{}\n", options.tasks_file, read->instance.tasks,
               options.gpus_file, read->instance.agents,
               read->cost_column.empty() ? std::string{} : " × " + read->cost_column);
    std::vector<suite_entry> suite;
    suite.push_back({std::move(read->instance), std::nullopt});
    return suite;
}

nlohmann::ordered_json finite(double value) {
    return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json{};
}
nlohmann::ordered_json finite(const std::vector<double>& values) {
    nlohmann::ordered_json json = nlohmann::ordered_json::array();
    for (const double value : values) json.push_back(finite(value));
    return json;
}

std::string results_json(const compare_options& options, const comparison& table, bool stopped) {
    nlohmann::ordered_json json;
    json["suite"] = options.suite;
    if (options.suite == "csv") {
        json["tasks_file"] = options.tasks_file;
        json["gpus_file"] = options.gpus_file;
        json["cost_column"] = options.cost.empty() ? nlohmann::ordered_json{} : nlohmann::ordered_json(options.cost);
        json["cost_unit"] = 0.001;
        json["left_out"] = options.left_out;
    }
    json["default_algorithm"] = default_allocator();
    json["budgets_seconds"] = table.options().seconds;
    json["seeds"] = options.seeds;
    json["threads"] = options.threads;
    json["stopped"] = stopped;
    json["rows"] = nlohmann::ordered_json::array();
    for (const auto& row : table.rows()) {
        json["rows"].push_back({{"instance", row.instance},
                                {"algorithm", row.allocator},
                                {"reference_known", row.reference_known},
                                {"median_gap_percent", finite(row.gaps)},
                                {"evaluations_per_second", row.evaluations_per_second},
                                {"feasible_runs", row.feasible},
                                {"runs", row.runs}});
    }
    json["summary"] = nlohmann::ordered_json::array();
    for (const auto& summary : table.summaries()) {
        const std::string type = summary.type == '\0' ? "other" : std::string(1, summary.type);
        json["summary"].push_back({{"type", type},
                                   {"algorithm", summary.allocator},
                                   {"instances", summary.instances},
                                   {"median_gap_percent", finite(summary.median_gaps)},
                                   {"worst_gap_percent", finite(summary.worst_gaps)},
                                   {"evaluations_per_second", summary.evaluations_per_second}});
    }
    json["runs"] = nlohmann::ordered_json::array();
    for (const auto& run : table.runs()) {
        nlohmann::ordered_json trajectory = nlohmann::ordered_json::array();
        for (const auto& point : run.trajectory) {
            trajectory.push_back(nlohmann::ordered_json::array({point.seconds, point.cost}));
        }
        json["runs"].push_back({{"instance", run.instance},
                                {"agents", run.agents},
                                {"tasks", run.tasks},
                                {"algorithm", run.allocator},
                                {"seed", run.seed},
                                {"cost", finite(run.costs)},
                                {"gap_percent", finite(run.gaps)},
                                {"reference_bound", run.reference},
                                {"lower_bound", finite(run.bound)},
                                {"seconds", run.seconds},
                                {"evaluations", run.evaluations},
                                {"evaluations_per_second", run.evaluations_per_second},
                                {"stopped", berth::to_string(run.stopped)},
                                {"trajectory", std::move(trajectory)}});
    }
    return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

std::string duration(double seconds) {
    if (seconds < 120.0) return fmt::format("{:.0f} s", seconds);
    if (seconds < 7200.0) return fmt::format("{:.0f} min", seconds / 60.0);
    return fmt::format("{:.1f} h", seconds / 3600.0);
}

int compare(compare_options options) {
    for (const auto& path : {options.csv, options.svg, options.json, options.save_instance}) {
        if (const auto ok = check_output(path); !ok) return fail(ok.error().message);
    }
    if (options.resume && options.csv.empty()) return fail("--resume: needs --csv, the file to continue");
    std::vector<named_allocator> chosen;
    if (options.algorithms.empty()) options.algorithms = allocator_names();
    for (const auto& name : options.algorithms) {
        const bool twice = std::any_of(chosen.begin(), chosen.end(), [&](const auto& c) { return c.name == name; });
        if (!twice) chosen.push_back(*find_allocator(name));
    }
    std::sort(options.seconds.begin(), options.seconds.end());
    options.seconds.erase(std::unique(options.seconds.begin(), options.seconds.end()), options.seconds.end());
    const bool own_files = options.suite == "csv";
    const auto suite = own_files ? read_csv_suite(options) : read_suite(options.instances);
    if (!suite) return fail(suite.error().message);
    if (suite->empty()) return fail("no instances were found; name some with --instances");

    std::error_code ignored;
    if (!own_files && options.instances.empty() && !std::filesystem::is_directory(outside_gap_folder(), ignored)) {
        fmt::print("SKIPPED: {} is not there; only the instances of the project are compared (set BERTH_DATA)\n",
                   outside_gap_folder());
    }
    const std::size_t runs = suite->size() * chosen.size() * options.seeds;
    fmt::print("{} instance{} × {} algorithm{} × {} seed{} × {:g} s: at most {} of CPU time\n\n", suite->size(),
               suite->size() == 1 ? "" : "s", chosen.size(), chosen.size() == 1 ? "" : "s", options.seeds,
               options.seeds == 1 ? "" : "s", options.seconds.back(),
               duration(static_cast<double>(runs) * options.seconds.back()));

    progress_line progress{options.progress};
    comparison table{std::move(chosen),
                     {.seconds = options.seconds,
                      .seeds = options.seeds,
                      .first_seed = options.first_seed,
                      .threads = options.threads}};
    if (options.resume && std::filesystem::is_regular_file(options.csv, ignored) &&
        std::filesystem::file_size(options.csv, ignored) > 0) {
        if (const auto ok = table.take_runs(options.csv); !ok) return fail(ok.error().message);
    }
    // Every run is written to disk as soon as it ends.
    std::ofstream csv;
    if (!options.csv.empty()) {
        csv.open(options.csv, std::ios::binary | (options.resume ? std::ios::app : std::ios::trunc));
        if (!options.resume || std::filesystem::file_size(options.csv, ignored) == 0) csv << comparison::csv_header();
        csv.flush();
        if (!csv) return fail(options.csv + ": cannot be written");
    }
    table.expect_runs(runs);
    fmt::print("{}", table.header_text());
    std::fflush(stdout);
    const comparison::listener tell{.on_run =
                                        [&](const comparison_run& run) {
                                            if (csv.is_open() && !run.taken) csv << table.csv_lines(run) << std::flush;
                                        },
                                    .on_row =
                                        [&](const comparison_row& row) {
                                            fmt::print("{}", table.row_text(row));
                                            std::fflush(stdout);
                                        }};
    for (const auto& entry : *suite) {
        if (interrupted()) break;
        table.add(entry.instance, entry.known, progress, tell);
    }
    const bool stopped = interrupted();
    if (stopped) {
        fmt::print("\nInterrupted: {} of {} runs were finished; everything is about these.\n", table.runs().size(),
                   runs);
    }
    fmt::print("{}", table.summary_text());
    if (options.csv.empty() && options.svg.empty() && options.json.empty()) {
        fmt::print("\nEvery run in full: --csv FILE, --json FILE; gap over time: --svg FILE.\n");
    }
    if (csv.is_open() && !csv.flush()) return fail(options.csv + ": cannot be written");
    if (!options.svg.empty()) {
        if (const auto ok = write_file(options.svg, to_svg(table.chart(default_allocator()))); !ok) {
            return fail(ok.error().message);
        }
    }
    if (!options.json.empty()) {
        if (const auto ok = write_file(options.json, results_json(options, table, stopped)); !ok) {
            return fail(ok.error().message);
        }
    }
    for (const auto& why : table.refusals()) fmt::print("SKIPPED: {}\n", why);
    for (const auto& fault : table.faults()) fmt::print(stderr, "berth-bench: wrong answer: {}\n", fault);
    if (!table.faults().empty()) return exit_wrong_answer;
    return stopped ? exit_interrupted : exit_ok;
}

}  // namespace

command add_compare(CLI::App& program, CLI::App*& subcommand) {
    auto options = std::make_shared<compare_options>();
    subcommand =
        program.add_subcommand("compare", "Compare allocators on every instance of a suite, by gap or score and time");
    CLI::App& app = *subcommand;
    app.add_option(
           "--suite", options->suite,
           "Instances: gap (generalised assignment), mrp (machine reassignment), csv (your own --tasks and --gpus)")
        ->check(CLI::IsMember({"gap", "mrp", "csv"}))
        ->capture_default_str();
    auto* seconds =
        app.add_option("--seconds", options->seconds,
                       "Budgets of CPU time, as 1,10 (the default; mrp: 10,60). gap: one run at the largest "
                       "gives all of them; mrp: each is a run")
            ->delimiter(',')
            ->check(check_seconds);
    auto* seeds =
        app.add_option("--seeds", options->seeds, "Runs of each algorithm on each instance (default 5; mrp: 1)")
            ->check(CLI::Range(std::size_t{1}, std::size_t{10'000}));
    app.add_option("--seed", options->first_seed, "First of the seeds")->check(check_digits)->capture_default_str();
    app.add_option("--algorithms", options->algorithms, "gap, csv: algorithms, as greedy,genetic; all by default")
        ->delimiter(',')
        ->check(CLI::IsMember(allocator_names()));
    app.add_option("--instances", options->instances,
                   "Instances, as d20400,e*,my/file.txt: names, patterns of names, paths; by default all that exist")
        ->delimiter(',');
    auto* tasks = app.add_option("--tasks", options->tasks_file,
                                 "csv: task list (CSV: complexity and perhaps name, data_size, output_size, load)");
    auto* gpus = app.add_option("--gpus", options->gpus_file,
                                "csv: GPU list (CSV: max_load and perhaps name, load, speed, power, temp, max_temp)");
    auto* cost =
        app.add_option("--cost", options->cost,
                       "csv: column of the GPU list that the seconds of a task are multiplied with, or seconds: "
                       "none (default: power, if there is one)");
    auto* save =
        app.add_option("--save-instance", options->save_instance, "csv: write the instance for berth-bench assign");
    app.add_option("--csv", options->csv, "Write every run at every budget, as it ends");
    app.add_option("--svg", options->svg, "Write the figure: gap over time");
    app.add_option("--json", options->json, "Write rows, summary and runs with their trajectories");
    auto* threads =
        app.add_option("--threads", options->threads,
                       "Threads of each run (default 1; mrp: 2). CPU time is that of all threads; mrp: of each")
            ->check(CLI::Range(std::size_t{1}, std::size_t{256}));
    auto clock = std::make_shared<std::string>("cpu");
    app.add_option("--clock", *clock, "mrp: the clock of --seconds, CPU time or wall-clock time")
        ->check(CLI::IsMember({"cpu", "wall"}))
        ->capture_default_str();
    app.add_flag("--resume", options->resume, "Continue the file of --csv; runs in it are not repeated");
    auto show = std::make_shared<bool>(false);
    auto* progress =
        app.add_flag("--progress,!--no-progress", *show, "Show progress on stderr (default: on a terminal)");
    return [options, seconds, seeds, threads, clock, tasks, gpus, cost, save, progress, show] {
        if (progress->count() > 0) options->progress = *show ? progress_line::mode::on : progress_line::mode::off;
        if (options->suite == "csv") {
            if (tasks->count() == 0 || gpus->count() == 0)
                return fail("--suite csv: needs --tasks FILE and --gpus FILE");
            if (!options->instances.empty()) return fail("--instances is for --suite gap and mrp");
        } else if (tasks->count() + gpus->count() + cost->count() + save->count() > 0) {
            return fail("--tasks, --gpus, --cost and --save-instance are for --suite csv");
        }
        if (options->suite != "mrp") {
            if (*clock != "cpu") return fail("--clock is for --suite mrp");
            return compare(*options);
        }
        if (!options->algorithms.empty()) return fail("--algorithms is for --suite gap and csv");
        compare_reassignment_options reassignment{.comparison = {.first_seed = options->first_seed},
                                                  .instances = options->instances,
                                                  .csv = options->csv,
                                                  .svg = options->svg,
                                                  .json = options->json,
                                                  .resume = options->resume,
                                                  .progress = options->progress};
        if (seconds->count() > 0) reassignment.comparison.seconds = options->seconds;
        if (seeds->count() > 0) reassignment.comparison.seeds = options->seeds;
        if (threads->count() > 0) reassignment.comparison.threads = options->threads;
        reassignment.comparison.clock = *clock == "cpu" ? clock_kind::cpu : clock_kind::wall;
        return compare_reassignment(reassignment);
    };
}

}  // namespace bench
