// SPDX-License-Identifier: Apache-2.0
// berth-bench scale in parts, wherever these are held.
#pragma once

#include "berth/allocate/greedy/sampled_greedy.hpp"
#include "berth/allocate/search/distributed_search.hpp"
#include "berth/core/part_exchange.hpp"
#include "berth/core/thread_pool.hpp"
#include "berth/objective/terms/assignment_cost.hpp"
#include "berth/objective/terms/capacity_excess.hpp"
#include "berth/objective/terms/move_cost.hpp"

#include "berth_bench/commands.hpp"
#include "berth_bench/scale_instance.hpp"
#include "support/cpu_deadline.hpp"
#include "support/output_file.hpp"
#include "support/progress.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace bench {

struct scale_model {
    using node = scale_gpu;
    using task = scale_task;
    using records = berth::region_records<node, task>;
    scale_prices prices;

    [[nodiscard]] static berth::resource_schema schema() {
        berth::resource_schema only_gpus;
        only_gpus.node = {};
        return only_gpus;
    }
    [[nodiscard]] auto cost(const records& r) const {
        return [&prices = prices, r](berth::task_index t, berth::gpu_index g) {
            return prices(r.tasks[t.value()], r.nodes[g.value()]);  // a GPU is a node
        };
    }
    [[nodiscard]] auto goal(const records& r) const {
        return berth::objective{berth::tier(berth::capacity_excess{}), berth::tier(berth::left_out{}),
                                berth::tier(berth::assignment_cost_term{cost(r)})};
    }
};

/// What went between processes, of one process.
struct scale_traffic {
    std::uint64_t shared_bytes = 0;
    std::uint64_t sent_bytes = 0;
};

struct scale_parts_watch {
    const wall_clock* clock;
    double every;
    std::vector<std::pair<double, double>>* points;
    progress_line* line;

    void on_progress(const berth::progress& p) const {
        const double now = clock->seconds();
        if (!points->empty() && now < points->back().first + every) return;
        points->emplace_back(now, p.objective);
        if (line->due()) line->say(fmt::format("scale: {:.0f} s, cost {:.6g}", now, p.objective));
    }
};

/// @param first    true in the process that speaks
/// @param resume   `resume(run)` fills it from a checkpoint: true if there was one, or an error
/// @param after    called after every round, see `distributed_run::improve`
/// @param traffic  of this process so far
template <class Exchange, class Resume, class After, class Traffic>
int scale_in_parts_over(const scale_options& options, Exchange exchange, int ranks, bool first, Resume&& resume,
                        After&& after, Traffic&& traffic) {
    const auto say = [first](const std::string& text) {
        if (!first) return;
        fmt::print("{}", text);
        std::fflush(stdout);
    };
    const auto refuse = [first](const std::string& message) { return first ? fail(message) : exit_bad_input; };
    const wall_clock clock;
    const std::size_t parts = options.parts > 0 ? options.parts : scale_options::usual_parts;
    const auto nothing = [](std::size_t, const auto&) {};
    const berth::distributed_search search{
        scale_model{draw_scale_instance(options, nothing, nothing)},
        berth::distributed_options{.seed = options.seed,
                                   .parts = parts,
                                   .max_region_evaluations = options.region_evaluations,
                                   .patience = std::numeric_limits<std::size_t>::max()},
        berth::local_search{berth::neighbourhoods{2.0 * berth::shift{}, berth::swap{}, 0.3 * berth::chain{2}},
                            berth::descent{},
                            berth::any_node{},
                            {.patience = std::numeric_limits<std::size_t>::max()}}};
    berth::thread_pool threads{options.threads};
    auto run = search.start(exchange);
    const auto resumed = resume(run);
    if (!resumed) return refuse(resumed.error().message);
    double greedy_seconds = 0.0;
    if (!*resumed) {
        const berth::held_parts held = run.held();
        const scale_prices prices = draw_scale_instance(
            options,
            [&](std::size_t g, const scale_gpu& gpu) {
                const std::size_t part = g * parts / options.gpus;
                if (held.holds(part)) run.add_node(part, static_cast<std::uint32_t>(g), gpu);
            },
            [&](std::size_t t, const scale_task& task) {
                const std::size_t part = t * parts / options.tasks;
                if (held.holds(part)) run.add_task(part, static_cast<std::uint32_t>(t), task);
            });
        const double before = clock.seconds();
        const auto opened =
            run.open(threads, [&](const berth::problem& p, const auto& records, std::uint64_t seed, auto slots) {
                const auto plan = berth::sampled_greedy{.seed = seed}.run(p, scale_model{prices}.cost(records));
                for (std::size_t t = 0; t < slots.size(); ++t) slots[t] = plan.assignment[t];
            });
        if (!opened) return refuse(opened.error().message);
        greedy_seconds = clock.seconds() - before;
    }
    const double start_cost = run.value()[2];
    say(fmt::format("{} tasks on {} GPUs, {} parts over {} processes of {} threads\n", options.tasks, options.gpus,
                    parts, ranks, options.threads));
    say(fmt::format("{:7.1f} s  {}: cost {:.8g}\n", clock.seconds(),
                    *resumed ? fmt::format("from a checkpoint after {} rounds", run.rounds())
                             : fmt::format("greedy in {:.1f} s", greedy_seconds),
                    start_cost));

    const wall_clock search_clock;
    progress_line line{first ? options.progress : progress_line::mode::off};
    std::vector<std::pair<double, double>> points;
    const std::uint64_t rounds_before = run.rounds();
    const std::uint64_t evaluations_before = run.evaluations();
    const scale_traffic traffic_before = traffic();
    const auto answer = run.improve(threads,
                                    berth::run_control<wall_stop, scale_parts_watch>{
                                        .stop = {&search_clock, options.seconds},
                                        .max_evaluations = options.evaluations,
                                        .observer = {&search_clock, options.seconds / 15.0, &points, &line}},
                                    after);
    const double search_seconds = search_clock.seconds();
    line.clear();

    // Each process says what it used and sent with its parts' records.
    struct process_report {
        double peak;
        scale_traffic sent;
    };
    const scale_traffic traffic_now = traffic();
    std::vector<process_report> reports(parts);
    for (std::size_t part = run.held().first; part < run.held().end; ++part) {
        reports[part] = {peak_megabytes(),
                         {traffic_now.shared_bytes - traffic_before.shared_bytes,
                          traffic_now.sent_bytes - traffic_before.sent_bytes}};
    }
    exchange.share(parts, std::as_writable_bytes(std::span{reports}), sizeof(process_report));
    const std::uint64_t rounds = run.rounds() - rounds_before;
    const double per_round = rounds > 0 ? 1.0 / static_cast<double>(rounds) : 0.0;
    nlohmann::ordered_json peaks = nlohmann::ordered_json::array();
    nlohmann::ordered_json sent = nlohmann::ordered_json::array();
    nlohmann::ordered_json shared = nlohmann::ordered_json::array();
    const auto count = static_cast<std::size_t>(ranks);
    for (std::size_t r = 0; r < count; ++r) {
        const std::size_t part = r * parts / count;
        if (part == (r + 1) * parts / count) continue;  // more ranks than parts
        peaks.push_back(reports[part].peak);
        sent.push_back(static_cast<double>(reports[part].sent.sent_bytes) * per_round);
        shared.push_back(static_cast<double>(reports[part].sent.shared_bytes) * per_round);
    }
    const double cost = answer.value[2];
    const bool valid = answer.exceeded == 0 && answer.tasks == options.tasks;
    for (const auto& [seconds, value] : points) say(fmt::format("{:7.1f} s of search: cost {:.8g}\n", seconds, value));
    say(fmt::format("cost {:.8g} after {:.1f} s of search; {} left out, {}; plan {:016x}\n", cost, search_seconds,
                    answer.left_out, valid ? "every counter suffices" : "INFEASIBLE", answer.fingerprint));
    say(fmt::format("{} evaluations, {:.3g} a second, {} accepted, {} rounds: {}\n", answer.evaluations,
                    static_cast<double>(answer.evaluations - evaluations_before) / search_seconds, answer.accepted,
                    run.rounds(), berth::to_string(answer.stopped)));
    for (std::size_t r = 0; r < peaks.size(); ++r) {
        say(fmt::format("process {}: peak {:.0f} MB, {:.0f} bytes traded and {:.0f} shared with others in a round\n", r,
                        peaks[r].get<double>(), sent[r].get<double>(), shared[r].get<double>()));
    }
    if (first && !options.json.empty()) {
        nlohmann::ordered_json json;
        json["tasks"] = options.tasks;
        json["gpus"] = options.gpus;
        json["seed"] = options.seed;
        json["parts"] = parts;
        json["processes"] = ranks;
        json["threads"] = options.threads;
        json["resumed"] = *resumed;
        json["start_cost"] = start_cost;
        json["greedy_seconds"] = greedy_seconds;
        json["cost"] = cost;
        json["search_seconds"] = search_seconds;
        json["cpu_seconds"] = cpu_seconds();
        json["feasible"] = valid;
        json["left_out"] = answer.left_out;
        json["plan"] = fmt::format("{:016x}", answer.fingerprint);
        json["rounds"] = run.rounds();
        json["evaluations"] = answer.evaluations;
        json["accepted"] = answer.accepted;
        json["stopped"] = berth::to_string(answer.stopped);
        json["peak_megabytes"] = peaks;
        json["traded_bytes_a_round"] = sent;
        json["shared_bytes_a_round"] = shared;
        json["trajectory"] = nlohmann::ordered_json::array();
        for (const auto& [seconds, value] : points)
            json["trajectory"].push_back(nlohmann::ordered_json::array({seconds, value}));
        if (const auto ok = write_file(options.json, json.dump(2) + '\n'); !ok) return fail(ok.error().message);
    }
    if (!valid) return exit_wrong_answer;
    return answer.stopped == berth::stop_reason::cancelled ? exit_interrupted : exit_ok;
}

}  // namespace bench
