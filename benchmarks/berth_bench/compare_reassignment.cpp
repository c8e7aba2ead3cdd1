// SPDX-License-Identifier: Apache-2.0
// berth-bench compare --suite mrp: the search for better assignments on the instances of the challenge, by score and
// time.
#include "berth_bench/compare_reassignment.hpp"

#include "berth_bench/arguments.hpp"
#include "berth_bench/commands.hpp"
#include "support/csv_table.hpp"
#include "support/data_folders.hpp"
#include "support/mrp_instance.hpp"
#include "support/mrp_references.hpp"
#include "support/output_file.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>
#include <utility>

namespace bench {

namespace {

/// The chosen names, each once; by default all that exist, except the worked example.
berth::result<std::vector<std::string>> instance_names(const std::vector<std::string>& wanted) {
    const std::vector<std::string> all = mrp_instance_names();
    std::vector<std::string> names;
    const auto take = [&](const std::string& name) {
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    };
    for (const auto& name : all) {
        if (wanted.empty() && (name != "example" || all.size() == 1)) take(name);
    }
    for (const auto& item : wanted) {
        if (item.find_first_of("*?") == std::string::npos) {
            if (const auto files = find_mrp_instance(item); !files) return files.error();
            take(item);
            continue;
        }
        bool any = false;
        for (const auto& name : all) {
            if (!matches_pattern(item, name)) continue;
            take(name);
            any = true;
        }
        if (!any) {
            return berth::error{berth::error_code::unknown_name, "--instances: no instance matches " + shown(item)};
        }
    }
    return names;
}

nlohmann::ordered_json json_of(double value) {
    return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json{};
}
nlohmann::ordered_json json_of(const std::optional<double>& value) {
    return value ? json_of(*value) : nlohmann::ordered_json{};
}
template <class T>
nlohmann::ordered_json json_of(const std::vector<T>& values) {
    nlohmann::ordered_json json = nlohmann::ordered_json::array();
    for (const auto& value : values) json.push_back(json_of(value));
    return json;
}

std::string results_json(const reassignment_comparison& table, bool stopped) {
    const auto& options = table.options();
    nlohmann::ordered_json json;
    json["suite"] = "mrp";
    json["budgets_seconds"] = options.seconds;
    json["clock"] = options.clock == clock_kind::cpu ? "cpu" : "wall";
    json["seeds"] = options.seeds;
    json["threads"] = options.threads;
    json["stopped"] = stopped;
    json["rows"] = nlohmann::ordered_json::array();
    for (const auto& row : table.rows()) {
        std::vector<std::optional<double>> goals;
        for (const double seconds : options.seconds) goals.push_back(table.goal(row.instance, seconds));
        json["rows"].push_back({{"instance", row.instance},
                                {"initial_cost", row.initial},
                                {"lower_bound", row.lower_bound},
                                {"best_of_challenge", json_of(row.best)},
                                {"median_cost", json_of(row.costs)},
                                {"median_score", json_of(row.scores)},
                                {"goal", json_of(goals)},
                                {"evaluations_per_core_second", row.evaluations_per_core_second},
                                {"feasible_runs", row.feasible},
                                {"runs", row.runs}});
    }
    json["sets"] = nlohmann::ordered_json::array();
    for (const auto& sum : table.sums()) {
        nlohmann::ordered_json teams = nlohmann::ordered_json::object();
        for (const auto& [team, score] : sum.teams) teams[team] = score;
        json["sets"].push_back({{"set", sum.set},
                                {"instances", sum.instances},
                                {"score", json_of(sum.scores)},
                                {"goal", json_of(sum.goals)},
                                {"teams", std::move(teams)}});
    }
    json["runs"] = nlohmann::ordered_json::array();
    for (const auto& run : table.runs()) {
        nlohmann::ordered_json trajectory = nlohmann::ordered_json::array();
        for (const auto& point : run.trajectory) {
            trajectory.push_back(nlohmann::ordered_json::array({point.seconds, point.cost}));
        }
        json["runs"].push_back({{"instance", run.instance},
                                {"machines", run.machines},
                                {"processes", run.processes},
                                {"budget_seconds", run.budget},
                                {"seed", run.seed},
                                {"feasible", run.feasible},
                                {"cost", run.cost},
                                {"score", json_of(run.score())},
                                {"relocated", run.moved},
                                {"seconds", run.seconds},
                                {"evaluations", run.evaluations},
                                {"evaluations_per_core_second", run.evaluations_per_core_second},
                                {"trajectory", std::move(trajectory)}});
    }
    return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

}  // namespace

int compare_reassignment(const compare_reassignment_options& options) {
    for (const auto& path : {options.csv, options.svg, options.json}) {
        if (const auto ok = check_output(path); !ok) return fail(ok.error().message);
    }
    if (options.resume && options.csv.empty()) return fail("--resume: needs --csv, the file to continue");
    auto references = mrp_references::read(mrp_references::own_file());
    if (!references) return fail(references.error().message);
    const auto names = instance_names(options.instances);
    if (!names) return fail(names.error().message);
    if (names->empty()) return fail("no instances were found; name some with --instances");
    std::error_code ignored;
    if (options.instances.empty() && !std::filesystem::is_directory(outside_data_folder("mrp"), ignored)) {
        fmt::print("SKIPPED: {} is not there; only the instances of the project are compared (set BERTH_DATA)\n",
                   outside_data_folder("mrp"));
    }

    reassignment_comparison table{*std::move(references), options.comparison};
    if (options.resume && std::filesystem::is_regular_file(options.csv, ignored)) {
        if (const auto ok = table.take_runs(options.csv); !ok) return fail(ok.error().message);
    }
    const auto& wanted = table.options();
    double seconds = 0.0;
    for (const double budget : wanted.seconds) seconds += budget;
    const std::size_t each = names->size() * wanted.seeds;
    table.expect_runs(each * wanted.seconds.size());
    const double all = static_cast<double>(each) * seconds;
    fmt::print("{} instance{} × {} seed{} × {:g} s: {}\n\n", names->size(), names->size() == 1 ? "" : "s", wanted.seeds,
               wanted.seeds == 1 ? "" : "s", seconds,
               all < 120.0 ? fmt::format("{:.0f} s", all) : fmt::format("{:.0f} min", all / 60.0));

    // Every run is written to disk as soon as it ends.
    std::ofstream csv;
    if (!options.csv.empty()) {
        csv.open(options.csv, std::ios::binary | (options.resume ? std::ios::app : std::ios::trunc));
        if (!options.resume || std::filesystem::file_size(options.csv, ignored) == 0) csv << table.csv_header();
        csv.flush();
        if (!csv) return fail(options.csv + ": cannot be written");
    }
    progress_line progress{options.progress};
    fmt::print("{}", table.header_text());
    std::fflush(stdout);
    const reassignment_comparison::listener tell{.on_run =
                                                     [&](const reassignment_comparison_run& run) {
                                                         if (csv.is_open() && !run.taken)
                                                             csv << table.csv_line(run) << std::flush;
                                                     },
                                                 .on_row =
                                                     [&](const reassignment_comparison_row& row) {
                                                         fmt::print("{}", table.row_text(row));
                                                         std::fflush(stdout);
                                                     }};
    for (const auto& name : *names) {
        if (interrupted()) break;
        const auto files = find_mrp_instance(name);
        if (!files) return fail(files.error().message);
        const auto instance = read_mrp_instance(*files);
        if (!instance) return fail(instance.error().message);
        table.add(*instance, progress, tell);
    }
    const bool stopped = interrupted();
    if (stopped) {
        fmt::print("\nInterrupted: {} of {} runs were finished; everything is about these.\n", table.runs().size(),
                   each * wanted.seconds.size());
    }
    fmt::print("{}", table.summary_text());
    if (csv.is_open() && !csv.flush()) return fail(options.csv + ": cannot be written");
    if (!options.svg.empty()) {
        if (const auto ok = write_file(options.svg, to_svg(table.chart())); !ok) return fail(ok.error().message);
    }
    if (!options.json.empty()) {
        if (const auto ok = write_file(options.json, results_json(table, stopped)); !ok) {
            return fail(ok.error().message);
        }
    }
    for (const auto& fault : table.faults()) fmt::print(stderr, "berth-bench: wrong answer: {}\n", fault);
    if (!table.faults().empty()) return exit_wrong_answer;
    return stopped ? exit_interrupted : exit_ok;
}

}  // namespace bench
