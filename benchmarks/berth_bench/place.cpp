// SPDX-License-Identifier: Apache-2.0
// berth-bench place: places a trace with one or several policies; prints measured beside published figures.
#include "berth_bench/arguments.hpp"
#include "berth_bench/commands.hpp"
#include "berth_bench/policies.hpp"
#include "berth_bench/recorder.hpp"
#include "support/csv_table.hpp"
#include "support/openb.hpp"
#include "support/output_file.hpp"
#include "support/power_csv.hpp"
#include "support/progress.hpp"
#include "support/published.hpp"
#include "support/svg_chart.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace bench {

namespace {

struct place_options {
    std::string nodes;
    std::string pods;
    std::vector<std::string> policies;
    std::string power;
    std::string order;
    std::uint64_t seed = 42;
    bool seeded = false;
    bool listed = false;
    std::string prior = "known";
    double inflate = 1.3;
    std::size_t replicate = 1;
    bool hide_gpu_memory = false;
    std::string placements;
    std::string why_not;
    std::string json;
    std::string svg;
    bool progress = true;
    relocation_rules moving;
    std::string moves;

    /// The policies have to learn the mix of tasks from those that arrive.
    [[nodiscard]] bool learns() const noexcept { return prior == "empty"; }
};

/// The figures of one policy on the trace.
struct policy_outcome {
    const named_policy* policy = nullptr;
    placement_record record;
    std::vector<berth::slot> placements;
    std::vector<arrival_rescue> rescues;
    double placements_per_second = 0.0;
    bool stopped = false;
};

// ---- running ------------------------------------------------------------------------------------------------------

/// Runs a policy, and repeats it while the measured time is short, so that the time of quick policies is accurate.
/// Every repetition gives the same placements; the speed is all placements over all measured seconds.
policy_outcome run_policy(const named_policy& policy, const experiment& input, const place_options& options,
                          progress_line& progress) {
    constexpr double enough_seconds = 0.5;
    constexpr std::size_t most_repetitions = 5;
    policy_outcome outcome;
    outcome.policy = &policy;
    double seconds = 0.0;
    std::size_t placed = 0;
    for (std::size_t repetition = 0; repetition < most_repetitions && seconds < enough_seconds; ++repetition) {
        progress.start(repetition == 0 ? std::string{policy.name} : fmt::format("{} (timing)", policy.name),
                       input.arrivals.size());
        const auto watch = [&](std::size_t done) {
            progress.update(done);
            return !interrupted();
        };
        placement_run run = options.learns()          ? policy.run_learning(input, watch)
                            : options.moving.most > 0 ? policy.run_relocating(input, watch, options.moving)
                                                      : policy.run(input, watch);
        seconds += run.seconds;
        placed += run.placements.size();
        if (repetition == 0) {
            outcome.placements = std::move(run.placements);
            outcome.rescues = std::move(run.rescues);
            outcome.stopped = run.stopped;
        }
        if (run.stopped) break;
    }
    progress.clear();
    outcome.placements_per_second = seconds > 0.0 ? static_cast<double>(placed) / seconds : 0.0;
    outcome.record = record_run(input, outcome.placements, !options.why_not.empty(), outcome.rescues);
    return outcome;
}

// ---- printing -----------------------------------------------------------------------------------------------------

std::string cell(double value, int width = 7) {
    return std::isnan(value) ? fmt::format("{:>{}}", "-", width) : fmt::format("{:{}.2f}", value, width);
}

/// The row of the published tables that a policy is compared with.
std::string_view published_name(std::string_view policy) { return policy == "fgd_naive" ? "fgd" : policy; }

template <class Published>
void print_curves(const char* title, const std::vector<policy_outcome>& outcomes,
                  const std::vector<double> arrival_curve::* curve, const Published& published) {
    fmt::print("\n{}\n{:<16}", title, "arrived %");
    for (const int b : table_arrivals) fmt::print("{:7d}", b);
    fmt::print("\n");
    for (const auto& outcome : outcomes) {
        fmt::print("{:<16}", outcome.policy->name);
        for (const int b : table_arrivals) fmt::print("{}", cell(arrival_curve::at(outcome.record.curve.*curve, b)));
        std::string row;
        bool any = false;
        for (const int b : table_arrivals) {
            const std::optional<double> value = published(published_name(outcome.policy->name), b);
            any = any || value.has_value();
            row += cell(value.value_or(std::numeric_limits<double>::quiet_NaN()));
        }
        fmt::print("\n");
        // The naive loop gives the placements of fgd; its published row is printed once.
        const bool twice =
            outcome.policy->name == "fgd_naive" && outcomes.size() > 1 &&
            std::any_of(outcomes.begin(), outcomes.end(), [](const auto& o) { return o.policy->name == "fgd"; });
        if (any && !twice) fmt::print("{:<16}{}\n", "  published", row);
    }
}

void print_totals(const std::vector<policy_outcome>& outcomes) {
    const auto naive = std::find_if(outcomes.begin(), outcomes.end(), [](const policy_outcome& o) {
        return o.policy->name == "fgd_naive" && !o.stopped;
    });
    fmt::print("\nAt the end of the run\n{:<16}{:>12}{:>9}", "", "allocated", "rejected");
    for (std::size_t c = 0; c + 1 < task_class_count; ++c) fmt::print("{:>7}", task_classes[c]);
    fmt::print("{:>7}{:>7}{:>9}{:>14}{:>10}\n", "GPUs", "CPU %", "power kW", "placements/s", "vs naive");
    const auto row = [](std::string_view name, const auto& classes) {
        fmt::print("{:<16}{:>12}{:>9}", name, "", "");
        for (std::size_t c = 0; c + 1 < task_class_count; ++c) fmt::print("{:>7}", classes[c]);
        fmt::print("\n");
    };
    for (const auto& outcome : outcomes) {
        const placement_record& r = outcome.record;
        fmt::print("{:<16}{:>12}{:>9}", outcome.policy->name, r.allocated_milli, r.rejected);
        for (std::size_t c = 0; c + 1 < task_class_count; ++c) fmt::print("{:>7}", r.accepted_by_class[c]);
        fmt::print("{:>7}{:>7.1f}{:>9.0f}{:>14.0f}", r.gpus_in_use, r.cpu_percent, r.power_watts / 1000.0,
                   outcome.placements_per_second);
        if (naive != outcomes.end() && naive->placements_per_second > 0.0) {
            fmt::print("{:>9.1f}x", outcome.placements_per_second / naive->placements_per_second);
        }
        fmt::print("\n");
    }
    if (!outcomes.empty()) row("  arrived", outcomes.front().record.arrived_by_class);
    fmt::print(
        "Tasks accepted by class: no GPU, a share of one, 1, 2, 4 and 8 GPUs. Placements per second: CPU time inside\n"
        "the placement calls only; preparation, progress and metrics are outside the clock.\n");
}

double per_thousand(std::size_t count, std::size_t arrivals) {
    return arrivals > 0 ? 1000.0 * static_cast<double>(count) / static_cast<double>(arrivals) : 0.0;
}

void print_relocations(const std::vector<policy_outcome>& outcomes, const relocation_rules& rules) {
    fmt::print(
        "\nMoves, at most {} for an arrival that fits nowhere; GPU thousandths of fragmentation cost that each saves: "
        "{}{}{}\n",
        rules.most, rules.step_price,
        rules.least_share > 0.0 ? fmt::format(", that the arrival must want for each: {}", rules.least_share) : "",
        rules.park ? "" : "; none parked");
    fmt::print("{:<16}{:>9}{:>9}{:>9}{:>21}{:>21}\n", "", "placed", "steps", "parked", "per 1000 arrivals",
               "up to 100 %");
    for (const auto& outcome : outcomes) {
        const placement_record& r = outcome.record;
        fmt::print("{:<16}{:>9}{:>9}{:>9}{:>21.2f}{:>21.2f}\n", outcome.policy->name, r.evicted, r.moves, r.parked,
                   per_thousand(r.moves, r.arrivals), per_thousand(r.relocations_at_100, r.arrivals_at_100));
    }
    fmt::print("Steps: a task that is parked in host memory makes two, out and in. Every step was replayed: its target "
               "had room\n"
               "while all sources of its wave were held.\n");
}

// ---- files --------------------------------------------------------------------------------------------------------

/// `out.csv` for one policy; `out.fgd.csv` and so on for several.
std::string file_for(const std::string& path, std::string_view policy, bool several) {
    if (!several) return path;
    std::filesystem::path file{path};
    const std::string extension = file.extension().string();
    file.replace_extension();
    return file.string() + '.' + std::string{policy} + extension;
}

std::string placements_csv(const experiment& input, const policy_outcome& outcome) {
    std::string csv;
    for (std::size_t i = 0; i < outcome.placements.size(); ++i) {
        const berth::slot& where = outcome.placements[i];
        csv += csv_field(input.workload->name(input.arrivals[i]));
        csv += ',';
        csv += where.placed() ? csv_field(input.fleet->name(where.node)) : "-";
        csv += ',';
        bool first = true;
        for (berth::gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
            if (!first) csv += '-';
            csv += std::to_string(berth::lowest_gpu(rest));
            first = false;
        }
        csv += '\n';
    }
    return csv;
}

std::string gpus_text(berth::gpu_mask gpus) {
    std::string text;
    for (; gpus != 0; gpus &= gpus - 1) {
        if (!text.empty()) text += '-';
        text += std::to_string(berth::lowest_gpu(gpus));
    }
    return text;
}

std::string moves_csv(const experiment& input, const policy_outcome& outcome) {
    const auto node = [&](const berth::slot& where) {
        return where.placed() ? csv_field(input.fleet->name(where.node)) : std::string{"-"};
    };
    std::string csv = "arrival,wave,kind,moved_arrival,pod,from_node,from_gpus,to_node,to_gpus\n";
    for (const auto& eviction_plan : outcome.rescues) {
        for (std::size_t w = 0; w < eviction_plan.plan.wave_count(); ++w) {
            for (const auto& s : eviction_plan.plan.wave(w)) {
                csv += fmt::format("{},{},{},{},{},{},{},{},{}\n", eviction_plan.arrival, w, berth::to_string(s.kind),
                                   s.task.value(), csv_field(input.workload->name(input.arrivals[s.task.value()])),
                                   node(s.from), gpus_text(s.from.gpus), node(s.to), gpus_text(s.to.gpus));
            }
        }
    }
    return csv;
}

std::string why_not_csv(const experiment& input, const policy_outcome& outcome) {
    const auto& counters = input.fleet->schema().node;
    std::string csv = "arrival,pod,nodes,health,gpu_model,gpu_share,whole_gpus";
    for (const auto& counter : counters) csv += ',' + counter;
    csv += ",domain,group,nearest_node,nearest_reason,wanted,available,missing\n";
    for (const auto& rejection : outcome.record.rejections) {
        const berth::why_not& why = rejection.why;
        csv += fmt::format("{},{},{},{},{},{},{}", rejection.arrival, csv_field(input.workload->name(why.task)),
                           why.nodes, why[berth::refusal::health], why[berth::refusal::gpu_model],
                           why[berth::refusal::gpu_share], why[berth::refusal::whole_gpus]);
        for (const std::size_t count : why.node_counters) csv += fmt::format(",{}", count);
        csv += fmt::format(",{},{}", why[berth::refusal::domain_counter], why[berth::refusal::group]);
        const berth::near_miss& near = why.nearest;
        if (!near.node.valid()) {
            csv += ",-,-,,,\n";
            continue;
        }
        const std::string reason = near.reason == berth::refusal::node_counter
                                       ? counters[near.counter]
                                       : std::string{berth::to_string(near.reason)};
        csv += fmt::format(",{},{},{},{},{}\n", csv_field(input.fleet->name(near.node)), csv_field(reason), near.wanted,
                           near.available, near.wanted - near.available);
    }
    return csv;
}

nlohmann::ordered_json curve_json(const std::vector<double>& curve) {
    nlohmann::ordered_json json = nlohmann::ordered_json::object();
    for (const int b : table_arrivals) {
        const double value = arrival_curve::at(curve, b);
        json[std::to_string(b)] = std::isnan(value) ? nlohmann::ordered_json{} : nlohmann::ordered_json(value);
    }
    return json;
}

nlohmann::ordered_json classes_json(const std::array<std::size_t, task_class_count>& counts) {
    nlohmann::ordered_json json = nlohmann::ordered_json::object();
    for (std::size_t c = 0; c < task_class_count; ++c) json[task_classes[c]] = counts[c];
    return json;
}

std::string results_json(const place_options& options, const experiment& input,
                         const std::vector<policy_outcome>& outcomes) {
    nlohmann::ordered_json json;
    json["default_policy"] = default_policy();
    json["nodes_file"] = options.nodes;
    json["pods_file"] = options.pods;
    json["power_file"] = options.power;
    if (options.order.empty()) {
        json["seed"] = options.seed;
        json["listed"] = options.listed;
        if (!options.listed) json["inflate"] = options.inflate;
    } else {
        json["order_file"] = options.order;
    }
    json["prior"] = options.prior;
    json["replicate"] = options.replicate;
    json["gpu_memory"] = input.fleet->schema().gpu.size() > 1 ? (options.hide_gpu_memory ? "hidden" : "seen") : "none";
    if (options.moving.most > 0) {
        json["relocations"] = options.moving.most;
        json["park"] = options.moving.park;
        json["step_price"] = options.moving.step_price;
        json["least_share"] = options.moving.least_share;
        json["beam_width"] = options.moving.beam_width;
    }
    json["nodes"] = input.fleet->node_count();
    json["gpus"] = input.fleet->gpu_count();
    json["arrivals"] = input.arrivals.size();
    json["capacity_milli"] = input.capacity_milli;
    json["policies"] = nlohmann::ordered_json::object();
    for (const auto& outcome : outcomes) {
        const placement_record& r = outcome.record;
        nlohmann::ordered_json& policy = json["policies"][std::string{outcome.policy->name}];
        policy["allocated_milli"] = r.allocated_milli;
        policy["unallocated_percent"] = curve_json(r.curve.unallocated_percent);
        policy["fragmentation_percent"] = curve_json(r.curve.fragmentation_percent);
        policy["fragmentation_ratio_percent"] = curve_json(r.curve.fragmentation_ratio_percent);
        policy["rejected"] = r.rejected;
        policy["rejected_at_100"] = r.rejected_at_100;
        policy["accepted_by_class"] = classes_json(r.accepted_by_class);
        policy["arrived_by_class"] = classes_json(r.arrived_by_class);
        policy["placements_per_second"] = outcome.placements_per_second;
        policy["arrivals"] = r.arrivals;
        policy["arrived_milli"] = r.arrived_milli;
        policy["gpus_in_use"] = r.gpus_in_use;
        policy["cpu_percent"] = r.cpu_percent;
        policy["memory_percent"] = r.memory_percent;
        policy["power_watts"] = r.power_watts;
        policy["stopped"] = outcome.stopped;
        if (options.moving.most == 0) continue;
        policy["rescued"] = r.evicted;
        policy["relocations"] = r.moves;
        policy["parked"] = r.parked;
        policy["relocations_per_1000"] = per_thousand(r.moves, r.arrivals);
        policy["relocations_per_1000_at_100"] = per_thousand(r.relocations_at_100, r.arrivals_at_100);
    }
    // Names come from user files and may hold any bytes.
    return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

std::string figure_svg(const std::string& trace, const experiment& input, const std::vector<policy_outcome>& outcomes) {
    line_chart chart{.title = "GPUs left unallocated",
                     .subtitle =
                         fmt::format("{}: {} nodes, {} GPUs, {} arrivals", trace.empty() ? "trace" : "openb, " + trace,
                                     input.fleet->node_count(), input.fleet->gpu_count(), input.arrivals.size()),
                     .x = {.label = "Arrived workload (% of GPU capacity)", .least = 80.0, .most = 130.0, .step = 10.0},
                     .y = {.label = "Unallocated GPUs (% of capacity)"},
                     .series = {}};
    const bool naive_is_hidden =
        std::any_of(outcomes.begin(), outcomes.end(), [](const auto& o) { return o.policy->name == "fgd"; });
    for (const auto& outcome : outcomes) {
        if (naive_is_hidden && outcome.policy->name == "fgd_naive") continue;  // the same curve as fgd
        chart_series series{.name = std::string{outcome.policy->name},
                            .points = {},
                            .emphasised = outcomes.size() > 1 && outcome.policy->name == default_policy()};
        const auto& curve = outcome.record.curve.unallocated_percent;
        for (std::size_t b = 0; b < curve.size(); ++b) series.points.emplace_back(static_cast<double>(b), curve[b]);
        chart.series.push_back(std::move(series));
    }
    const double arrived =
        100.0 * static_cast<double>(outcomes.front().record.arrived_milli) / static_cast<double>(input.capacity_milli);
    if (arrived < 85.0) {  // a short list of arrivals: show all of it
        chart.x.least = 0.0;
        chart.x.most = std::max(10.0, std::ceil(arrived / 10.0) * 10.0);
        chart.x.step = 0.0;
    }
    return to_svg(chart);
}

// ---- the command --------------------------------------------------------------------------------------------------

/// Fills in the defaults: the project's own trace, its order file (which belongs to exactly these nodes and tasks), its
/// watts, all policies.
berth::result<void> complete(place_options& options) {
    const std::string own = openb_folder();
    const bool own_nodes = options.nodes.empty();
    const bool own_pods = options.pods.empty();
    if ((own_nodes || own_pods) && own.empty()) {
        return berth::error{berth::error_code::io,
                            "the project's openb data was not found; name files with --nodes and --pods"};
    }
    if (own_nodes && own_pods && options.order.empty() && !options.seeded && !options.listed) {
        options.order = own + "/orders/order_default_42.txt";
    }
    if (own_nodes) options.nodes = own + "/openb_node_list_gpu_node.csv";
    if (own_pods) options.pods = own + "/openb_pod_list_default.csv";
    if (options.power.empty() && !own.empty()) options.power = own + "/power_watts.csv";
    if (!options.policies.empty()) return {};
    if (options.moving.most > 0) {
        options.policies.emplace_back(default_policy());
        return {};
    }
    for (const auto& policy : policies()) {
        if (options.learns() && policy.run_learning == nullptr) continue;
        // Its time grows with the square of the scale: minutes at 4 ×. It runs then only if it is named.
        if (options.replicate > 1 && policy.name == "fgd_naive") continue;
        options.policies.emplace_back(policy.name);
    }
    return {};
}

/// Every pod once, as the file lists them; `pods` are sorted by name.
std::vector<std::uint32_t> listed_arrivals(const openb_pod_list& pods) {
    std::vector<std::uint32_t> arrivals(pods.pods.size());
    for (std::size_t p = 0; p < arrivals.size(); ++p) arrivals[p] = static_cast<std::uint32_t>(p);
    std::sort(arrivals.begin(), arrivals.end(),
              [&](std::uint32_t a, std::uint32_t b) { return pods.pods[a].line < pods.pods[b].line; });
    return arrivals;
}

std::string arrival_text(const place_options& options) {
    if (!options.order.empty()) return options.order;
    if (options.listed) return fmt::format("their order in the file, ties by seed {}", options.seed);
    return fmt::format("seed {}, inflated to {:.2f}", options.seed, options.inflate);
}

/// Published results refer to one fleet, and to arrivals that were shuffled.
bool is_published_fleet(const openb_node_list& list) {
    std::size_t gpus = 0;
    for (const auto& node : list.nodes) gpus += node.gpus;
    return list.nodes.size() == 1'213 && gpus == 6'212;
}

int place(place_options options) {
    const bool all_policies = options.policies.empty();
    if (const auto ok = complete(options); !ok) return fail(ok.error().message);
    std::vector<const named_policy*> chosen;
    for (const auto& name : options.policies) {
        const named_policy* policy = find_policy(name);
        if (std::find(chosen.begin(), chosen.end(), policy) == chosen.end()) chosen.push_back(policy);
    }
    for (const named_policy* policy : chosen) {
        if (options.moving.most == 0 || policy->run_relocating != nullptr) continue;
        return fail(fmt::format("--relocations: policy \"{}\" does not support moves of other tasks", policy->name));
    }
    for (const named_policy* policy : chosen) {
        if (!options.learns() || policy->run_learning != nullptr) continue;
        return fail(
            fmt::format("--prior: policy \"{}\" expects no mix of tasks, so there is nothing to learn", policy->name));
    }
    if (!options.moves.empty() && options.moving.most == 0) return fail("--moves: nothing moves without --relocations");
    for (const auto& path : {options.placements, options.why_not, options.moves, options.json, options.svg}) {
        if (const auto ok = check_output(path); !ok) return fail(ok.error().message);
    }

    const auto nodes = read_openb_nodes(options.nodes);
    if (!nodes) return fail(nodes.error().message);
    const auto pods = read_openb_pods(options.pods);
    if (!pods) return fail(pods.error().message);
    if (nodes->has_gpu_memory) {
        // The baseline of the published policy knows no GPU memory.
        const auto naive = std::find(chosen.begin(), chosen.end(), find_policy("fgd_naive"));
        if (naive != chosen.end() && all_policies) {
            chosen.erase(naive);
        } else if (naive != chosen.end()) {
            return fail("policy \"fgd_naive\" does not know GPU memory; " + options.nodes +
                        " has the column gpu_memory_mib");
        }
    }
    auto power = options.power.empty() ? berth::power_table{} : read_power_table(options.power);
    if (!power) return fail(power.error().message);
    arrival_order order;
    if (options.order.empty()) {
        order = make_order(*pods, *nodes, options.seed, options.inflate);
        if (options.listed) order.arrivals = listed_arrivals(*pods);
    } else {
        auto read = read_order(options.order, pods->pods.size(), nodes->nodes.size());
        if (!read) return fail(read.error().message);
        order = *std::move(read);
    }
    auto input = make_experiment(*nodes, *pods, order, options.replicate,
                                 options.hide_gpu_memory ? gpu_memory_view::hidden : gpu_memory_view::seen);
    if (!input) return fail(input.error().message);
    input->power = *std::move(power);

    const std::string trace = trace_name(options.pods);
    fmt::print("{}: {} tasks, arriving by {}\n", options.pods, pods->pods.size(), arrival_text(options));
    fmt::print("{}: {} nodes with {} GPUs", options.nodes, input->fleet->node_count(), input->fleet->gpu_count());
    if (nodes->without_gpus > 0) fmt::print(" ({} nodes without GPUs left out)", nodes->without_gpus);
    if (options.replicate > 1) fmt::print(" ({} copies of the list)", options.replicate);
    fmt::print("; {} arrivals{}\n", input->arrivals.size(),
               options.learns() ? "; the mix of tasks is learned from them" : "");
    std::fflush(stdout);

    progress_line progress{options.progress ? progress_line::mode::automatic : progress_line::mode::off};
    std::vector<policy_outcome> outcomes;
    for (const auto* policy : chosen) {
        if (interrupted()) break;
        outcomes.push_back(run_policy(*policy, *input, options, progress));
        if (!outcomes.back().record.relocations_fit) {
            fmt::print(stderr, "berth-bench: a move of {} has no room at its target\n", policy->name);
            return exit_bad_input;
        }
    }
    if (interrupted()) {
        fmt::print("\nInterrupted: {} of {} policies were finished; the results below are incomplete.\n",
                   std::count_if(outcomes.begin(), outcomes.end(), [](const auto& o) { return !o.stopped; }),
                   chosen.size());
    }
    if (outcomes.empty()) return exit_interrupted;

    const auto published = published_results::read(openb_folder());
    const bool known = published && !options.listed && !trace.empty() && is_published_fleet(*nodes);
    print_curves("Unallocated GPUs, % of capacity (published: mean of ten seeds)", outcomes,
                 &arrival_curve::unallocated_percent, [&](std::string_view policy, int b) {
                     return known ? published->unallocated_percent(trace, policy, b) : std::nullopt;
                 });
    print_curves("Fragmentation, % of capacity", outcomes, &arrival_curve::fragmentation_percent,
                 [&](std::string_view policy, int b) {
                     return known ? published->fragmentation_percent(trace, policy, b) : std::nullopt;
                 });
    print_totals(outcomes);
    if (options.moving.most > 0) print_relocations(outcomes, options.moving);

    const bool several = chosen.size() > 1;
    std::vector<std::pair<std::string, std::string>> files;
    for (const auto& outcome : outcomes) {
        const auto name = outcome.policy->name;
        if (!options.placements.empty()) {
            files.emplace_back(file_for(options.placements, name, several), placements_csv(*input, outcome));
        }
        if (!options.moves.empty()) {
            files.emplace_back(file_for(options.moves, name, several), moves_csv(*input, outcome));
        }
        if (!options.why_not.empty())
            files.emplace_back(file_for(options.why_not, name, several), why_not_csv(*input, outcome));
    }
    if (!options.json.empty()) files.emplace_back(options.json, results_json(options, *input, outcomes));
    if (!options.svg.empty()) files.emplace_back(options.svg, figure_svg(trace, *input, outcomes));
    for (const auto& [path, bytes] : files) {
        if (const auto ok = write_file(path, bytes); !ok) return fail(ok.error().message);
    }
    return interrupted() ? exit_interrupted : exit_ok;
}

}  // namespace

namespace {

std::string within_range(const std::string& text) {
    double value = 0.0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool good = code == std::errc{} && end == text.data() + text.size() && value >= 0.01 && value <= 100.0;
    return good ? std::string{} : "\"" + text + "\" is not within 0.01..100";
}

}  // namespace

command add_place(CLI::App& program, CLI::App*& subcommand) {
    auto options = std::make_shared<place_options>();
    subcommand = program.add_subcommand("place", "Place a trace with one or several policies");
    CLI::App& place_app = *subcommand;
    std::vector<std::string> names;
    for (const auto& policy : policies()) names.emplace_back(policy.name);

    place_app.add_option(
        "--nodes", options->nodes,
        "Node list (CSV: sn, cpu_milli, memory_mib, gpu, model and perhaps gpu_memory_mib of each GPU)");
    place_app.add_option("--pods", options->pods,
                         "Task list (CSV: name, cpu_milli, memory_mib, num_gpu, gpu_milli and perhaps gpu_spec and "
                         "gpu_memory_mib on each GPU)");
    place_app.add_option("--policy", options->policies, "Policy to run, may be repeated; all by default")
        ->check(CLI::IsMember(names))
        ->take_all();
    auto* order =
        place_app.add_option("--order", options->order, "File with the order of arrivals and the ranks of nodes");
    auto* seed =
        place_app.add_option("--seed", options->seed, "Seed of a random order of arrivals and of ties (default 42)")
            ->check(check_digits);
    auto* inflate = place_app
                        .add_option("--inflate", options->inflate,
                                    "GPU request of all arrivals, as a multiple of the capacity (default 1.3)")
                        ->check(within_range);
    auto* listed = place_app.add_flag("--listed", options->listed,
                                      "Every task arrives once, in the order of the task list; --seed breaks ties");
    order->excludes(seed)->excludes(inflate)->excludes(listed);
    listed->excludes(inflate);
    auto* prior =
        place_app
            .add_option("--prior", options->prior,
                        "The mix of tasks that fgd and scarcity expect: known (that of the task list; default), "
                        "or empty (learned from the arrivals, on a living cluster)")
            ->check(CLI::IsMember({"known", "empty"}));
    place_app.add_option("--power", options->power,
                         "Watts of GPU models and CPU packages (CSV: part, model, idle_watts, full_watts, "
                         "milli_per_package)");
    place_app.add_option("--replicate", options->replicate, "Copies of the fleet, with as many arrivals")
        ->check(CLI::Range(std::size_t{1}, std::size_t{256}));
    place_app.add_flag("--hide-gpu-memory", options->hide_gpu_memory,
                       "Do not show GPU memory to the policies; it still has to fit");
    place_app.add_option("--placements", options->placements,
                         "Write each arrival's pod, node (- if rejected) and GPUs; one file per policy");
    place_app.add_option("--why-not", options->why_not,
                         "Write the reasons of each rejected arrival; one file per policy");
    place_app
        .add_option("--relocations", options->moving.most,
                    "Moves that an arrival that fits nowhere may trigger (default 0: nothing ever moves)")
        ->check(CLI::Range(std::size_t{0}, std::size_t{24}))
        ->excludes(prior);
    place_app.add_flag("--park,!--no-park", options->moving.park,
                       "Let host memory break cycles of tasks that wait for each other's slot (default)");
    place_app
        .add_option("--step-price", options->moving.step_price,
                    "GPU thousandths of fragmentation cost that each move must save (default 115; 0: fewest first)")
        ->check(CLI::Range(0.0, 64'000.0));
    place_app
        .add_option("--least-share", options->moving.least_share,
                    "GPU thousandths that an arrival must want for each move (default 0)")
        ->check(CLI::Range(0.0, 64'000.0));
    place_app
        .add_option("--beam-width", options->moving.beam_width,
                    "Number of candidate plans of three moves and more that are followed (default 100)")
        ->check(CLI::Range(std::size_t{1}, std::size_t{10'000}));
    place_app.add_option("--moves", options->moves, "Write every move; one file per policy");
    place_app.add_option("--json", options->json, "Write all results as JSON");
    place_app.add_option("--svg", options->svg, "Write the figure: unallocated GPUs over arrived workload");
    place_app.add_flag("--progress,!--no-progress", options->progress, "Show progress on stderr (default)");
    return [options, seed, inflate] {
        options->seeded = seed->count() > 0 || inflate->count() > 0;
        return place(*options);
    };
}

}  // namespace bench
