// SPDX-License-Identifier: Apache-2.0
// berth-bench rebalance: the share of the gain of unlimited rebalancing that a few moves reach, on random fleets.
#include "berth/balance/balancer.hpp"
#include "berth/balance/triggers/load_above.hpp"
#include "berth/core/random.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/workload_builder.hpp"

#include "berth_bench/arguments.hpp"
#include "berth_bench/commands.hpp"
#include "support/output_file.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bench {

namespace {

struct rebalance_options {
    std::size_t nodes = 32;
    std::size_t gpus = 8;
    std::size_t tasks_per_gpu = 8;
    std::size_t fleets = 5;
    std::uint64_t seed = 1;
    double budget = 5.0;  // percent of the tasks
    std::string json;
};

/// A fleet of equal GPUs of 80 GiB and tasks placed regardless of their load.
struct scene {
    berth::fleet machines;
    berth::workload tasks;
    berth::assignment placement;
    std::vector<double> task_load;

    [[nodiscard]] berth::problem problem() const { return {machines, tasks}; }
};

struct outcome {
    std::size_t moves = 0;
    double variance = 0.0;
    double highest = 0.0;
    double seconds = 0.0;
};

struct comparison {
    std::uint64_t seed = 0;
    std::size_t tasks = 0;
    std::size_t allowed = 0;
    outcome before;
    outcome unlimited;
    outcome budgeted;
    outcome replanned;

    [[nodiscard]] double gain(const outcome& o) const { return before.variance - o.variance; }
    [[nodiscard]] double reached() const {
        return gain(unlimited) > 0.0 ? 100.0 * gain(budgeted) / gain(unlimited) : 100.0;
    }
    [[nodiscard]] double moved(const outcome& o) const {
        return 100.0 * static_cast<double>(o.moves) / static_cast<double>(tasks);
    }
};

std::vector<double> gpu_loads(const scene& s, const berth::assignment& placement) {
    std::vector<double> load(s.machines.gpu_count(), 0.0);
    for (std::size_t t = 0; t < placement.size(); ++t) {
        if (!placement[t].placed()) continue;
        load[s.machines.gpu(placement[t].node, berth::lowest_gpu(placement[t].gpus)).value()] += s.task_load[t];
    }
    return load;
}

outcome judge(const scene& s, const berth::assignment& placement) {
    const auto load = gpu_loads(s, placement);
    const auto n = static_cast<double>(load.size());
    const double mean = std::accumulate(load.begin(), load.end(), 0.0) / n;
    outcome o;
    for (const double l : load) {
        o.variance += (l - mean) * (l - mean) / n;
        o.highest = std::max(o.highest, l);
    }
    for (std::size_t t = 0; t < placement.size(); ++t) o.moves += placement[t] == s.placement[t] ? 0 : 1;
    return o;
}

/// Tasks of 1 to 16 GiB that load their GPU with 0.02 to 0.2, each on a random GPU with room.
berth::result<scene> make_scene(const rebalance_options& options, std::uint64_t seed) {
    berth::xoshiro256 random{seed};
    berth::fleet_builder builder{berth::resource_schema{.gpu = {"share", "memory"}, .node = {}, .domain = {}}};
    const berth::amount capacity[] = {berth::max_amount, 80};
    const std::vector<berth::gpu_description> gpus(options.gpus, {.model = {}, .capacity = capacity});
    for (std::size_t n = 0; n < options.nodes; ++n) {
        if (const auto added = builder.add_node({.gpus = gpus}); !added) return added.error();
    }
    auto machines = std::move(builder).build();
    if (!machines) return machines.error();
    berth::workload_builder work{*machines};
    std::vector<double> task_load;
    const std::size_t count = options.nodes * options.gpus * options.tasks_per_gpu;
    for (std::size_t t = 0; t < count; ++t) {
        const berth::amount memory = 1 + static_cast<berth::amount>(berth::bounded(random, 16));
        task_load.push_back(0.02 + 0.18 * berth::uniform01(random));
        const berth::amount demand[] = {1, memory};
        const auto added = work.add_task({.gpus = 1, .gpu_demand = demand, .state_bytes = memory << 30});
        if (!added) return added.error();
    }
    auto tasks = std::move(work).build();
    if (!tasks) return tasks.error();
    scene s{*std::move(machines), *std::move(tasks), {}, std::move(task_load)};

    berth::ledger ledger{s.machines};
    for (std::size_t t = 0; t < count; ++t) {
        const berth::demand_view demand = s.tasks.demand(berth::task_index{t});
        berth::slot where = berth::unplaced;
        for (int attempt = 0; attempt < 1000; ++attempt) {
            const auto node = berth::bounded(random, static_cast<std::uint32_t>(options.nodes));
            const auto gpu = berth::bounded(random, static_cast<std::uint32_t>(options.gpus));
            where = {berth::node_index{node}, berth::gpu_mask{1} << gpu};
            if (ledger.fits(demand, where)) break;
            where = berth::unplaced;
        }
        if (!where.placed()) {
            return berth::error{berth::error_code::limit_exceeded,
                                "task " + std::to_string(t) + " found no room; fewer --tasks-per-gpu"};
        }
        ledger.place(demand, where);
        s.placement.push_back(where);
    }
    return s;
}

/// One observation and one round with the given budget. Without a budget it repeats until no move is chosen.
outcome rebalance(const scene& s, std::optional<std::size_t> moves) {
    const berth::migration_budget budget{.moves = moves.value_or(berth::migration_budget::unlimited)};
    const berth::balancer policy{
        berth::triggers{berth::load_above_mean{.enter = 1.02, .leave = 1.015, .rounds = 1, .memory = 0.0, .sweep = 0}},
        berth::move_choice{berth::payback{}, berth::all_movable{}, {.cooldown = 0.0}}, budget};
    const std::clock_t begin = std::clock();
    auto state = policy.prepare(s.problem());
    berth::assignment placement = s.placement;
    for (int i = 0; i < (moves ? 1 : 100); ++i) {
        const auto load = gpu_loads(s, placement);
        const auto round = state.round(
            {.time = static_cast<double>(i), .placement = placement, .gpu_load = load, .task_load = s.task_load});
        if (!round || round->chosen.empty()) break;
        for (const auto& c : round->chosen) placement[c.move.task.value()] = c.move.to;
    }
    outcome o = judge(s, placement);
    o.seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    return o;
}

/// Assigns all tasks anew, regardless of their initial GPUs: by decreasing load, each to the least loaded GPU with
/// room.
outcome replan(const scene& s) {
    const std::clock_t begin = std::clock();
    std::vector<std::size_t> order(s.placement.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return s.task_load[a] != s.task_load[b] ? s.task_load[a] > s.task_load[b] : a < b;
    });
    berth::ledger ledger{s.machines};
    std::vector<double> load(s.machines.gpu_count(), 0.0);
    berth::assignment placement(s.placement.size(), berth::unplaced);
    for (const std::size_t t : order) {
        const berth::demand_view demand = s.tasks.demand(berth::task_index{t});
        std::size_t best = load.size();
        for (std::size_t g = 0; g < load.size(); ++g) {
            if (ledger.free(berth::gpu_index{g})[1] < demand.gpu[1]) continue;
            if (best == load.size() || load[g] < load[best]) best = g;
        }
        if (best == load.size()) continue;
        const berth::node_index n = s.machines.node_of(berth::gpu_index{best});
        placement[t] = {n, berth::gpu_mask{1} << (best - s.machines.gpu(n, 0).value())};
        ledger.place(demand, placement[t]);
        load[best] += s.task_load[t];
    }
    outcome o = judge(s, placement);
    o.seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    return o;
}

nlohmann::ordered_json to_json(const comparison& c, const outcome& o) {
    nlohmann::ordered_json json;
    json["relocations"] = o.moves;
    json["moved_percent"] = c.moved(o);
    json["variance"] = o.variance;
    json["gain"] = c.gain(o);
    json["highest_load"] = o.highest;
    json["cpu_seconds"] = o.seconds;
    return json;
}

int run(const rebalance_options& options) {
    if (const auto ok = check_output(options.json); !ok) return fail(ok.error().message);
    fmt::print("{} random fleets of {} GPUs and {} tasks, seeds {} to {}; budget {:g} % of the tasks\n\n",
               options.fleets, options.nodes * options.gpus, options.nodes * options.gpus * options.tasks_per_gpu,
               options.seed, options.seed + options.fleets - 1, options.budget);
    fmt::print("{:>6} {:>10} | {:>9} {:>7} {:>9} | {:>9} {:>7} {:>9} | {:>9} {:>7} | {:>10}\n", "seed", "variance",
               "unlimited", "moved", "CPU s", "budget", "moved", "CPU s", "replanned", "moved", "of the gain");
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    double least = 100.0;
    double sum = 0.0;
    for (std::size_t f = 0; f < options.fleets; ++f) {
        comparison c;
        c.seed = options.seed + f;
        const auto s = make_scene(options, c.seed);
        if (!s) return fail(s.error().message);
        c.tasks = s->placement.size();
        c.allowed = static_cast<std::size_t>(std::floor(static_cast<double>(c.tasks) * options.budget / 100.0));
        c.before = judge(*s, s->placement);
        c.unlimited = rebalance(*s, std::nullopt);
        c.budgeted = rebalance(*s, c.allowed);
        c.replanned = replan(*s);
        fmt::print("{:>6} {:>10.5f} | {:>9.5f} {:>6.1f}% {:>9.3f} | {:>9.5f} {:>6.1f}% {:>9.3f} | {:>9.5f} {:>6.1f}% | "
                   "{:>9.1f} %\n",
                   c.seed, c.before.variance, c.unlimited.variance, c.moved(c.unlimited), c.unlimited.seconds,
                   c.budgeted.variance, c.moved(c.budgeted), c.budgeted.seconds, c.replanned.variance,
                   c.moved(c.replanned), c.reached());
        std::fflush(stdout);
        least = std::min(least, c.reached());
        sum += c.reached();
        nlohmann::ordered_json json;
        json["seed"] = c.seed;
        json["tasks"] = c.tasks;
        json["allowed"] = c.allowed;
        json["before"] = to_json(c, c.before);
        json["unlimited"] = to_json(c, c.unlimited);
        json["budgeted"] = to_json(c, c.budgeted);
        json["replanned"] = to_json(c, c.replanned);
        json["gain_reached_percent"] = c.reached();
        all.push_back(std::move(json));
    }
    fmt::print("\nmoving at most {:g} % of the tasks reaches {:.1f} % of the gain in variance, {:.1f} % at least\n",
               options.budget, sum / static_cast<double>(options.fleets), least);
    if (!options.json.empty()) {
        nlohmann::ordered_json json;
        json["nodes"] = options.nodes;
        json["gpus_per_node"] = options.gpus;
        json["tasks_per_gpu"] = options.tasks_per_gpu;
        json["budget_percent"] = options.budget;
        json["least_gain_reached_percent"] = least;
        json["fleets"] = std::move(all);
        if (const auto ok = write_file(options.json, json.dump(2) + '\n'); !ok) return fail(ok.error().message);
    }
    return exit_ok;
}

}  // namespace

command add_rebalance(CLI::App& program, CLI::App*& subcommand) {
    auto options = std::make_shared<rebalance_options>();
    subcommand = program.add_subcommand(
        "rebalance", "Random fleets: load variance after unlimited rebalancing, under a budget, and planned anew");
    CLI::App& app = *subcommand;
    app.add_option("--nodes", options->nodes, "Nodes of each fleet")
        ->check(CLI::Range(std::size_t{1}, std::size_t{10'000}))
        ->capture_default_str();
    app.add_option("--gpus", options->gpus, "GPUs of each node")
        ->check(CLI::Range(std::size_t{1}, std::size_t{64}))
        ->capture_default_str();
    app.add_option("--tasks-per-gpu", options->tasks_per_gpu, "Tasks, on average, on each GPU")
        ->check(CLI::Range(std::size_t{1}, std::size_t{9}))
        ->capture_default_str();
    app.add_option("--fleets", options->fleets, "Fleets")
        ->check(CLI::Range(std::size_t{1}, std::size_t{1'000}))
        ->capture_default_str();
    app.add_option("--seed", options->seed, "Seed of the first fleet")->check(check_digits)->capture_default_str();
    app.add_option("--budget", options->budget, "Percent of the tasks that may move")
        ->check(CLI::Range(0.0, 100.0))
        ->capture_default_str();
    app.add_option("--json", options->json, "Write all figures as JSON");
    return [options] {
        if (!(options->budget >= 0.0 && options->budget <= 100.0))
            return fail("--budget is a percentage from 0 to 100");
        return run(*options);
    };
}

}  // namespace bench
