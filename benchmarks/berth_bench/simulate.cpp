// SPDX-License-Identifier: Apache-2.0
// berth-bench simulate: traces under policies of time, in virtual time: completion times, preemptions, utilisation.
#include "berth/core/fp_contract.hpp"
#include "berth/io/event_log.hpp"
#include "berth/simulate/metrics.hpp"

#include "berth_bench/arguments.hpp"
#include "berth_bench/commands.hpp"
#include "berth_bench/gantt.hpp"
#include "berth_bench/log_simulation.hpp"
#include "berth_bench/simulations.hpp"
#include "support/cpu_deadline.hpp"
#include "support/csv_table.hpp"
#include "support/output_file.hpp"
#include "support/power_csv.hpp"
#include "support/progress.hpp"
#include "support/svg_chart.hpp"
#include "support/text_blocks.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

namespace {

struct simulate_options {
    std::string format = "muri";
    std::string trace;
    std::string select;
    std::string cluster;
    std::string speeds;
    std::string speed_table = "physical";
    std::string rounds;
    std::string rules = "own";
    bool at_zero = false;
    std::string nodes;
    std::string power;
    std::size_t arrivals = 0;
    double load = 0.95;
    std::string steps_known = "yes";
    std::string speeds_known = "yes";
    std::string aim = "fitting";
    std::uint64_t seed = 0;
    double speed_noise = 0.0;
    std::vector<std::string> drifts;
    std::vector<std::string> policies;
    std::string jobs;
    std::string json;
    std::string svg;
    bool progress = false;
};

/// A policy that has been run.
struct finished_policy {
    std::string name;
    berth::simulation_run run;
    berth::completion_times times{};
    double utilisation = 0.0;
    double seconds = 0.0;
    std::vector<usage_sample> usage{};
    std::vector<stay> stays{};
    std::map<std::string, double> busy_gpu_s{};  ///< of each GPU model
    berth::energy_used energy{};
};

/// All that is kept of what is finished, whatever comes later.
struct outcome {
    const simulation_trace* trace = nullptr;
    double gpus = 0.0;
    std::vector<finished_policy> policies;
    std::vector<gantt_place> places{};  ///< nodes, or in rounds GPU models
    const char* place_word = "node";
    std::map<std::string, double> gpus_of_model{};  ///< equal nodes have a model without a name
    std::optional<power_csv> power{};
};

void print_header(bool energy) {
    fmt::print("{:<28}{:>8}{:>14}{:>14}{:>14}{:>14}{:>14}{:>12}{:>12}{:>8}{:>13}{:>9}{}\n", "policy", "jobs", "mean s",
               "p50 s", "p95 s", "p99 s", "makespan s", "preempted", "migrated", "busy", "events/s", "s",
               energy ? "         kWh" : "");
}

void print_row(const finished_policy& p, bool energy) {
    fmt::print("{:<28}{:>8}{:>14.1f}{:>14.1f}{:>14.1f}{:>14.1f}{:>14.1f}{:>12}{:>12}{:>6.1f} %{:>13.0f}{:>9.3f}",
               p.name, p.times.jobs, p.times.mean_s, p.times.p50_s, p.times.p95_s, p.times.p99_s, p.times.makespan_s,
               p.run.preemptions, p.run.migrations, 100.0 * p.utilisation,
               static_cast<double>(p.run.events) / std::max(p.seconds, 1e-9), p.seconds);
    if (energy && std::isnan(p.energy.joules))
        fmt::print("{:>12}", "unknown");
    else if (energy)
        fmt::print("{:>12.2f}", p.energy.kwh());
    fmt::print("\n");
    std::fflush(stdout);
}

/// Watts of GPUs by model, if a table is given.
berth::result<std::optional<power_csv>> read_power(const simulate_options& options) {
    if (options.power.empty()) return std::optional<power_csv>{};
    auto read = read_power_csv(options.power);
    if (!read) return read.error();
    return std::optional{std::move(*read)};
}

/// From the first arrival to the end; unknown without a table, if it does not cover a model, or if a policy has no places.
berth::energy_used energy_of(const outcome& done, const finished_policy& p,
                             std::span<const berth::simulated_job> jobs) {
    if (!done.power || jobs.empty()) return {};
    std::vector<berth::gpu_use> uses;
    for (const auto& [model, gpus] : done.gpus_of_model) {
        const auto [idle, busy] = done.power->watts(model);
        const auto held = p.busy_gpu_s.find(model);
        if (held == p.busy_gpu_s.end()) return {};  // an engine that has no places
        uses.push_back({gpus, held->second, idle, busy});
    }
    return berth::energy_of(uses, p.run.end_s - jobs[0].arrival_s, p.times.jobs);
}

/// Jobs that were drawn have no name but their number.
std::string name_of(const simulation_trace& trace, std::size_t job) {
    return job < trace.names.size() ? csv_field(trace.names[job]) : std::to_string(job);
}

std::string jobs_csv(const outcome& done) {
    std::string out = "policy,job,start_s,end_s\n";
    const auto number = [](double value) { return std::isnan(value) ? std::string{} : fmt::format("{:.17g}", value); };
    for (const finished_policy& p : done.policies) {
        for (std::size_t j = 0; j < p.run.jobs.size(); ++j) {
            out += fmt::format("{},{},{},{}\n", p.name, name_of(*done.trace, j), number(p.run.jobs[j].start_s),
                               number(p.run.jobs[j].end_s));
        }
    }
    return out;
}

nlohmann::ordered_json known_or_null(double value) {
    if (std::isnan(value)) return nullptr;
    return value;  // no braces: they would make a list
}

nlohmann::ordered_json json_of(const outcome& done) {
    nlohmann::ordered_json json;
    json["policies"] = nlohmann::ordered_json::object();
    for (const finished_policy& p : done.policies) {
        json["policies"][p.name] = {
            {"mean_jct_s", p.times.mean_s},
            {"p50_jct_s", p.times.p50_s},
            {"p95_jct_s", p.times.p95_s},
            {"p99_jct_s", p.times.p99_s},
            {"longest_jct_s", p.times.longest_s},
            {"makespan_s", p.times.makespan_s},
            {"queued_s", p.times.queued_s},
            {"jobs", p.times.jobs},
            {"preemptions", p.run.preemptions},
            {"migrations", p.run.migrations},
            {"utilisation", p.utilisation},
            {"energy_kwh", known_or_null(p.energy.kwh())},
            {"joules_a_job", known_or_null(p.energy.joules_a_job)},
            {"rounds", p.run.rounds},
            {"events", p.run.events},
            {"events_per_second", static_cast<double>(p.run.events) / std::max(p.seconds, 1e-9)},
            {"seconds", p.seconds}};
    }
    return json;
}

/// The share of jobs that are done within a time, on a logarithmic axis.
line_chart completion_chart(const outcome& done) {
    line_chart chart{.title = "Completion times",
                     .subtitle = fmt::format("{} jobs", done.trace->jobs.size()),
                     .x = {.label = "completion time (s)", .logarithmic = true},
                     .y = {.label = "jobs done (%)", .least = 0.0, .most = 100.0},
                     .series = {}};
    for (const finished_policy& p : done.policies) {
        std::vector<double> times;
        for (std::size_t j = 0; j < p.run.jobs.size(); ++j) {
            if (p.run.jobs[j].done()) times.push_back(p.run.jobs[j].end_s - done.trace->jobs[j].arrival_s);
        }
        std::sort(times.begin(), times.end());
        chart_series series{.name = p.name, .points = {}, .emphasised = p.name == "berth"};
        const std::size_t stride = std::max<std::size_t>(1, times.size() / 400);
        for (std::size_t k = 0; k < times.size(); k += stride) {
            series.points.emplace_back(times[k],
                                       100.0 * static_cast<double>(k + 1) / static_cast<double>(times.size()));
        }
        if (!times.empty()) series.points.emplace_back(times.back(), 100.0);
        chart.series.push_back(std::move(series));
    }
    return chart;
}

/// GPUs in use, averaged over slices of the run.
line_chart usage_chart(const outcome& done) {
    line_chart chart{.title = "GPUs in use",
                     .subtitle = fmt::format("of {:.0f}", done.gpus),
                     .x = {.label = "time (h)"},
                     .y = {.label = "GPUs in use (%)", .least = 0.0, .most = 100.0},
                     .series = {}};
    for (const finished_policy& p : done.policies) {
        chart_series series{.name = p.name, .points = {}, .emphasised = p.name == "berth"};
        constexpr std::size_t slices = 300;
        std::vector<double> busy(slices, 0.0);
        const double begin = p.usage.empty() ? 0.0 : p.usage.front().at_s;
        const double width = (p.run.end_s - begin) / static_cast<double>(slices);
        for (std::size_t k = 0; k < p.usage.size() && width > 0.0; ++k) {
            const double from = p.usage[k].at_s - begin;
            const double to = (k + 1 < p.usage.size() ? p.usage[k + 1].at_s : p.run.end_s) - begin;
            for (auto s = static_cast<std::size_t>(from / width); s < slices && static_cast<double>(s) * width < to;
                 ++s) {
                const double low = std::max(from, static_cast<double>(s) * width);
                const double high = std::min(to, static_cast<double>(s + 1) * width);
                busy[s] += std::max(0.0, high - low) * p.usage[k].gpus;
            }
        }
        for (std::size_t s = 0; s < slices && width > 0.0; ++s) {
            series.points.emplace_back((begin + (static_cast<double>(s) + 0.5) * width) / 3600.0,
                                       100.0 * busy[s] / (width * done.gpus));
        }
        chart.series.push_back(std::move(series));
    }
    return chart;
}

/// `dir/name.svg` → `dir/name-WHAT.svg`.
std::string beside(const std::string& path, const char* what) {
    const std::size_t dot = path.rfind(".svg");
    const bool ends = dot != std::string::npos && dot + 4 == path.size();
    return fmt::format("{}-{}.svg", ends ? path.substr(0, dot) : path, what);
}

int write_outputs(const simulate_options& options, const outcome& done) {
    const auto write = [](const std::string& path, const std::string& text) {
        return path.empty() ? berth::result<void>{} : write_file(path, text);
    };
    if (const auto ok = write(options.jobs, jobs_csv(done)); !ok) return fail(ok.error().message);
    if (const auto ok = write(options.json, json_of(done).dump(2) + '\n'); !ok) return fail(ok.error().message);
    if (options.svg.empty() || done.policies.empty()) return exit_ok;
    if (const auto ok = write(options.svg, to_svg(completion_chart(done))); !ok) return fail(ok.error().message);
    const std::string usage = beside(options.svg, "utilisation");
    if (const auto ok = write(usage, to_svg(usage_chart(done))); !ok) return fail(ok.error().message);
    fmt::print("{} and {} written\n", options.svg, usage);
    for (const finished_policy& p : done.policies) {
        if (p.stays.empty()) continue;
        const std::string path = beside(options.svg, ("gantt-" + p.name).c_str());
        const gantt_options drawn{.title = "Jobs on GPUs: " + p.name,
                                  .place_word = done.place_word,
                                  .begin_s = done.trace->jobs.front().arrival_s,
                                  .end_s = p.run.end_s};
        const timeline_chart chart = gantt_chart(p.stays, done.trace->jobs, done.places, drawn);
        if (const auto ok = write(path, to_svg(chart)); !ok) return fail(ok.error().message);
        fmt::print("{} written\n", path);
    }
    return exit_ok;
}

/// Runs one policy, prints its row and keeps what it yields.
template <class Entry, class Setup>
int run_policy(const Entry& entry, Setup setup, const simulate_options& options, outcome& done) {
    finished_policy p;
    p.name = entry.name;
    progress_line line{options.progress ? progress_line::mode::on : progress_line::mode::terminal};
    line.start(p.name, setup.jobs.size());
    setup.line = &line;
    setup.usage = options.svg.empty() ? nullptr : &p.usage;
    setup.stays = options.svg.empty() ? nullptr : &p.stays;
    if constexpr (requires { setup.busy_gpu_s; }) setup.busy_gpu_s = done.power ? &p.busy_gpu_s : nullptr;
    const double begin = cpu_seconds();
    auto run = entry.run(setup);
    p.seconds = cpu_seconds() - begin;
    line.clear();
    if (!run) return fail(p.name + ": " + run.error().message);
    p.run = std::move(*run);
    p.times = berth::completion(setup.jobs, p.run.jobs);
    p.utilisation = berth::utilisation(setup.jobs, p.run, done.gpus);
    if constexpr (requires { setup.cluster; }) p.busy_gpu_s[""] = p.run.busy_gpu_s;
    if constexpr (requires { setup.models; }) {
        for (std::size_t m = 0; m < setup.models->names.size(); ++m)
            p.busy_gpu_s[setup.models->names[m]] = p.run.model_busy_gpu_s[m];
    }
    p.energy = energy_of(done, p, setup.jobs);
    if (p.run.stop != berth::stop_reason::completed) {
        fmt::print("{:<28}interrupted after {} of {} jobs: left out\n", p.name, p.times.jobs, setup.jobs.size());
        return exit_interrupted;
    }
    print_row(p, done.power.has_value());
    done.policies.push_back(std::move(p));
    return exit_ok;
}

/// The entries with the wanted names, in that order; all of them if none is wanted.
template <class Entry>
berth::result<std::vector<const Entry*>> chosen(std::span<const Entry> table, const std::vector<std::string>& names,
                                                const std::string& where) {
    std::vector<const Entry*> out;
    std::string known;
    for (const Entry& entry : table) {
        known += (known.empty() ? "" : ", ") + std::string{entry.name};
        if (names.empty()) out.push_back(&entry);
    }
    for (const std::string& name : names) {
        const auto at = std::find_if(table.begin(), table.end(), [&](const Entry& e) { return e.name == name; });
        if (at == table.end()) {
            return berth::error{berth::error_code::unknown_name,
                                "--policy: " + shown(name) + " is none of the policies " + where + ": " + known};
        }
        out.push_back(&*at);
    }
    return out;
}

/// `v100=0.5@30000`: the model is half as fast from then on.
berth::result<std::vector<berth::speed_drift>> parse_drifts(const std::vector<std::string>& texts,
                                                            const model_counts& models) {
    std::vector<berth::speed_drift> out;
    for (const std::string& text : texts) {
        const std::size_t equals = text.find('=');
        const std::size_t at = text.find('@', equals == std::string::npos ? 0 : equals);
        const auto read = [](std::string_view digits) -> std::optional<double> {
            double value = 0.0;
            const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
            if (code != std::errc{} || end != digits.data() + digits.size() || !std::isfinite(value))
                return std::nullopt;
            return value;
        };
        const std::string_view whole{text};
        std::optional<double> factor;
        std::optional<double> from;
        if (equals != std::string::npos && at != std::string::npos) {
            factor = read(whole.substr(equals + 1, at - equals - 1));
            from = read(whole.substr(at + 1));
        }
        if (!factor || !from || !(*factor > 0.0) || *from < 0.0) {
            return berth::error{berth::error_code::malformed,
                                "--drift: " + shown(text) + " is not GPU_MODEL=FACTOR@SECONDS, as in v100=0.5@30000"};
        }
        const auto model = std::find(models.names.begin(), models.names.end(), text.substr(0, equals));
        if (model == models.names.end()) {
            return berth::error{berth::error_code::unknown_name,
                                "--drift: the cluster has no GPU model " + shown(text.substr(0, equals))};
        }
        out.push_back({berth::model_index{static_cast<std::size_t>(model - models.names.begin())}, *factor, *from});
    }
    return out;
}

template <class Entries, class Setup>
int run_all(const Entries& entries, const Setup& setup, const simulate_options& options, outcome& done) {
    print_header(done.power.has_value());
    int code = exit_ok;
    for (const auto* entry : entries) {
        code = interrupted() ? exit_interrupted : run_policy(*entry, setup, options, done);
        if (code != exit_ok) break;
    }
    const int written = write_outputs(options, done);
    return code != exit_ok ? code : written;
}

int simulate_events(const simulate_options& options, const simulation_trace& trace) {
    const auto policies = chosen(event_policies(), options.policies, "of jobs on equal nodes");
    if (!policies) return fail(policies.error().message);
    const auto cluster = parse_node_counts(options.cluster.empty() ? "8x8" : options.cluster);
    if (!cluster) return fail(cluster.error().message);
    event_setup setup;
    setup.jobs = trace.jobs;
    setup.steps_known = options.steps_known == "yes";
    setup.seed = options.seed;
    setup.cluster = *cluster;
    setup.muri = options.rules == "muri";
    auto power = read_power(options);
    if (!power) return fail(power.error().message);
    outcome done{.trace = &trace,
                 .gpus = static_cast<double>(cluster->nodes) * static_cast<double>(cluster->gpus),
                 .policies = {}};
    done.power = std::move(*power);
    done.gpus_of_model[""] = done.gpus;
    for (std::uint32_t n = 0; n < cluster->nodes; ++n) done.places.push_back({std::to_string(n), cluster->gpus});
    fmt::print("{}: {} jobs on {} nodes of {} GPUs, rules {}\n", trace.file, trace.jobs.size(), cluster->nodes,
               cluster->gpus, options.rules);
    return run_all(*policies, setup, options, done);
}

int simulate_rounds(const simulate_options& options, const simulation_trace& trace) {
    const auto policies = chosen(round_policies(), options.policies, "of jobs in rounds");
    if (!policies) return fail(policies.error().message);
    const auto models = parse_model_counts(options.cluster.empty() ? "v100:8,p100:16,k80:24" : options.cluster);
    if (!models) return fail(models.error().message);
    if (options.speeds.empty()) return fail("--speeds: a table of speeds is needed for --format gavel");
    const auto text = read_text(options.speeds);
    if (!text) return fail(text.error().message);
    const auto speeds = parse_job_speeds(options.speeds, *text, options.speed_table, trace, *models);
    if (!speeds) return fail(speeds.error().message);
    const auto drifts = parse_drifts(options.drifts, *models);
    if (!drifts) return fail(drifts.error().message);
    std::string rounds;
    if (!options.rounds.empty()) {
        auto read = read_text(options.rounds);
        if (!read) return fail(read.error().message);
        rounds = std::move(*read);
    }
    round_setup setup;
    setup.jobs = trace.jobs;
    setup.steps_known = options.steps_known == "yes";
    setup.seed = options.seed;
    setup.trace = &trace;
    setup.models = &*models;
    setup.speeds = *speeds;
    setup.gavel = options.rules == "gavel";
    setup.known = options.speeds_known == "yes"  ? known_speeds::yes
                  : options.speeds_known == "no" ? known_speeds::no
                                                 : known_speeds::learned;
    setup.aim = options.aim == "completion" ? wanted_aim::completion
                : options.aim == "makespan" ? wanted_aim::makespan
                                            : wanted_aim::fitting;
    setup.noise = options.speed_noise;
    setup.drifts = *drifts;
    auto power = read_power(options);
    if (!power) return fail(power.error().message);
    outcome done{.trace = &trace, .gpus = 0.0, .policies = {}};
    done.power = std::move(*power);
    done.place_word = "model";
    for (std::size_t m = 0; m < models->names.size(); ++m) {
        done.gpus += models->gpus[m];
        done.gpus_of_model[models->names[m]] = models->gpus[m];
        done.places.push_back({models->names[m], models->gpus[m]});
    }
    fmt::print("{}: {} jobs on {:.0f} GPUs of {} models, rules {}\n", trace.file, trace.jobs.size(), done.gpus,
               models->names.size(), options.rules);
    print_header(done.power.has_value());
    int code = exit_ok;
    for (const round_policy_entry* entry : *policies) {
        if (interrupted()) {
            code = exit_interrupted;
            break;
        }
        std::vector<std::vector<berth::model_index>> orders;
        if (entry->shuffles && !options.rounds.empty()) {
            auto listed = parse_round_orders(options.rounds, rounds, options.select, std::string{entry->name}, *models);
            if (!listed) {
                code = fail(listed.error().message);
                break;
            }
            orders = std::move(*listed);
        }
        setup.orders = orders;
        code = run_policy(*entry, setup, options, done);
        if (code != exit_ok) break;
    }
    const int written = write_outputs(options, done);
    return code != exit_ok ? code : written;
}

int simulate_fleet(const simulate_options& options, const simulation_trace& trace, const openb_node_list& nodes) {
    const auto policies = chosen(engine_policies(), options.policies, "of a scheduler on nodes");
    if (!policies) return fail(policies.error().message);
    engine_setup setup;
    setup.jobs = trace.jobs;
    setup.steps_known = options.steps_known == "yes";
    setup.seed = options.seed;
    setup.nodes = nodes.nodes;
    auto power = read_power(options);
    if (!power) return fail(power.error().message);
    outcome done{.trace = &trace, .gpus = 0.0, .policies = {}};
    done.power = std::move(*power);
    for (const openb_node& node : nodes.nodes) {
        done.gpus += static_cast<double>(node.gpus);
        if (node.gpus > 0) done.gpus_of_model[node.model] += static_cast<double>(node.gpus);
        done.places.push_back({node.name, static_cast<std::uint32_t>(node.gpus)});
    }
    fmt::print("{}: {} jobs on {} nodes with {:.0f} GPUs\n", trace.file, trace.jobs.size(), nodes.nodes.size(),
               done.gpus);
    return run_all(*policies, setup, options, done);
}

/// Draws jobs again if that is wanted.
berth::result<void> draw_arrivals(const simulate_options& options, simulation_trace& trace, double gpus,
                                  std::uint32_t most_gpus) {
    if (options.arrivals == 0) return {};
    auto drawn = draw_jobs(trace, options.arrivals, options.load, gpus, most_gpus, options.seed);
    if (!drawn) return drawn.error();
    trace = std::move(*drawn);
    return {};
}

int simulate_durations(const simulate_options& options, simulation_trace trace) {
    if (options.nodes.empty()) {
        const auto cluster = parse_node_counts(options.cluster.empty() ? "8x8" : options.cluster);
        if (!cluster) return fail(cluster.error().message);
        const std::uint32_t gpus = cluster->nodes * cluster->gpus;
        if (auto ok = draw_arrivals(options, trace, gpus, gpus); !ok) return fail(ok.error().message);
        return simulate_events(options, trace);
    }
    const auto nodes = read_openb_nodes(options.nodes);
    if (!nodes) return fail(nodes.error().message);
    std::size_t gpus = 0;
    for (const openb_node& node : nodes->nodes) gpus += node.gpus;
    if (auto ok = draw_arrivals(options, trace, static_cast<double>(gpus), static_cast<std::uint32_t>(gpus)); !ok) {
        return fail(ok.error().message);
    }
    return simulate_fleet(options, trace, *nodes);
}

/// Each policy simulates the log on its own: which jobs end depends on it.
int simulate_event_log(const simulate_options& options) {
    const auto text = read_text(options.trace);
    if (!text) return fail(text.error().message);
    const auto log = berth::io::read_event_log(*text, options.trace);
    if (!log) return fail(log.error().message);
    const std::vector<std::string> policies =
        options.policies.empty() ? std::vector<std::string>{""} : options.policies;
    auto power = read_power(options);
    if (!power) return fail(power.error().message);
    fmt::print("{}: {} lines\n", options.trace, log->size());
    print_header(power->has_value());
    outcome done;
    simulation_trace trace;
    int code = exit_ok;
    for (const std::string& name : policies) {
        progress_line line{options.progress ? progress_line::mode::on : progress_line::mode::terminal};
        line.start(name.empty() ? "log" : name, log->size());
        const double begin = cpu_seconds();
        auto run = simulate_log(*log, options.trace, name, *power ? &**power : nullptr, &line);
        line.clear();
        if (!run) {
            code = fail(run.error().message);
            break;
        }
        if (run->run.stop != berth::stop_reason::completed) {
            code = exit_interrupted;
            break;
        }
        finished_policy p{.name = name.empty() ? "berth" : name, .run = std::move(run->run)};
        p.seconds = cpu_seconds() - begin;
        trace = std::move(run->trace);
        p.times = berth::completion(trace.jobs, p.run.jobs);
        p.utilisation = berth::utilisation(trace.jobs, p.run, run->gpus);
        p.energy.joules = run->joules;
        if (p.times.jobs > 0) p.energy.joules_a_job = run->joules / static_cast<double>(p.times.jobs);
        print_row(p, power->has_value());
        done.trace = &trace;
        done.policies.push_back(std::move(p));
    }
    if (done.policies.empty()) return code;
    simulate_options written = options;
    written.svg.clear();
    const int wrote = write_outputs(written, done);
    return code != exit_ok ? code : wrote;
}

int simulate(const simulate_options& options) {
    for (const std::string& path : {options.jobs, options.json, options.svg}) {
        if (const auto ok = check_output(path); !ok) return fail(ok.error().message);
    }
    if (options.rules != "own" && berth::fuses_multiply_add()) {
        return fail("--rules " + options.rules +
                    ": this program fuses multiplication and addition, so its figures differ "
                    "from published ones in the last digits; compile it with -ffp-contract=off");
    }
    if (options.format == "events") return simulate_event_log(options);
    const bool in_rounds = options.format == "gavel";
    if (options.rules == "muri" && in_rounds) return fail("--rules muri: not with --format gavel");
    if (options.rules == "gavel" && !in_rounds) return fail("--rules gavel: only with --format gavel");
    const auto text = read_text(options.trace);
    if (!text) return fail(text.error().message);
    auto trace = in_rounds                  ? parse_gavel_trace(options.trace, *text, options.select)
                 : options.format == "muri" ? parse_muri_trace(options.trace, *text, options.select)
                                            : parse_duration_trace(options.trace, *text);
    if (!trace) return fail(trace.error().message);
    if (options.at_zero) arrive_at_zero(*trace);
    if (options.format == "philly") return simulate_durations(options, std::move(*trace));
    return in_rounds ? simulate_rounds(options, *trace) : simulate_events(options, *trace);
}

}  // namespace

command add_simulate(CLI::App& program, CLI::App*& subcommand) {
    auto options = std::make_shared<simulate_options>();
    subcommand = program.add_subcommand(
        "simulate", "Traces under policies of time, in virtual time: completion times, preemptions, utilisation");
    CLI::App& app = *subcommand;
    app.add_option("--format", options->format, "Format of the trace")
        ->check(CLI::IsMember({"muri", "gavel", "philly", "events"}))
        ->capture_default_str();
    app.add_option("--trace", options->trace, "The trace, CSV; every input may be compressed with xz")->required();
    app.add_option("--select", options->select, "Which trace of the file, by its column \"trace\"");
    app.add_option("--cluster", options->cluster,
                   "Nodes x GPUs, as in 8x8; with --format gavel GPU models, as in v100:8,p100:16,k80:24");
    app.add_option("--speeds", options->speeds, "Speeds of job types on GPU models, CSV; for --format gavel");
    app.add_option("--speed-table", options->speed_table, "Which table of the speeds, by its column \"table\"")
        ->capture_default_str();
    app.add_option(
        "--rounds", options->rounds,
        "The orders in which policies without a fixed one filled the models, CSV with a column \"type_order\"");
    app.add_option("--rules", options->rules, "When a restart is charged and the like: berth's own, or a simulator's")
        ->check(CLI::IsMember({"own", "muri", "gavel"}))
        ->capture_default_str();
    app.add_flag("--at-zero", options->at_zero, "All jobs arrive at the beginning");
    app.add_option("--nodes", options->nodes,
                   "Nodes with their GPUs, CSV as of openb; the scheduler decides (--format philly)");
    app.add_option("--power", options->power,
                   "Watts of GPU models, idle and busy, CSV as of `place`; without it energy is unknown");
    app.add_option("--arrivals", options->arrivals, "So many jobs, drawn again from the trace (--format philly)")
        ->check(CLI::Range(std::size_t{1}, std::size_t{100'000'000}));
    app.add_option("--load", options->load, "Σ GPUs x duration / (GPUs x span) of jobs that are drawn")
        ->check(CLI::Range(0.01, 10.0))
        ->capture_default_str();
    app.add_option("--steps-known", options->steps_known, "Whether policies know how much of a job is left")
        ->check(CLI::IsMember({"yes", "no"}))
        ->capture_default_str();
    app.add_option("--speeds-known", options->speeds_known, "Whether policies know speeds, or learn them")
        ->check(CLI::IsMember({"yes", "no", "learned"}))
        ->capture_default_str();
    app.add_option(
           "--aim", options->aim,
           "What policy berth is after in rounds; fitting: the makespan of a batch that arrives at once, else the "
           "mean completion time")
        ->check(CLI::IsMember({"fitting", "completion", "makespan"}))
        ->capture_default_str();
    app.add_option_function<std::string>(
           "--seed", [options](const std::string& text) { options->seed = std::stoull(text); },
           "Decides noise, random orders and drawn jobs")
        ->check(check_digits);
    app.add_option("--speed-noise", options->speed_noise, "Deviation of true speeds from round to round, 0 to 0.5")
        ->check(CLI::Range(0.0, 0.5))
        ->capture_default_str();
    app.add_option("--drift", options->drifts, "GPU_MODEL=FACTOR@SECONDS: a model is slower or faster from then on")
        ->delimiter(',');
    app.add_option("--policy", options->policies, "Policies by name; default: all that fit the format")->delimiter(',');
    app.add_option("--jobs", options->jobs, "Write start and end of each job as CSV");
    app.add_option("--json", options->json, "Write the figures as JSON");
    app.add_option("--svg", options->svg, "Draw completion times, and beside it utilisation and who is on which GPUs");
    app.add_flag("--progress", options->progress, "Print progress also where the output is no terminal");
    return [options] { return simulate(*options); };
}

}  // namespace bench
