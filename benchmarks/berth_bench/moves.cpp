// SPDX-License-Identifier: Apache-2.0
// berth-bench moves: orders the moves of random new plans so that they always fit, beside the plain method.
#include "berth/core/random.hpp"
#include "berth/migrate/order/migration_order.hpp"
#include "berth/testing/check_migration.hpp"

#include "berth_bench/arguments.hpp"
#include "berth_bench/commands.hpp"
#include "berth_bench/move_instance.hpp"
#include "support/cpu_deadline.hpp"
#include "support/output_file.hpp"
#include "support/progress.hpp"
#include "support/random_rebalance.hpp"
#include "support/svg_chart.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bench {

namespace {

struct moves_options {
    std::size_t gpus = 64;
    double fill = 0.85;
    std::size_t plans = 120;
    std::uint64_t seed = 7;
    std::string kind = "swap";
    std::size_t moves = 0;
    std::uint64_t random_plans = 0;
    bool staging = true;
    bool parking = true;
    std::uint64_t effort = berth::order_options{}.max_evaluations;
    std::string json;
    std::string svg;
};

const std::map<std::string, move_kind> kinds{
    {"swap", move_kind::swap}, {"worst_fit", move_kind::worst_fit}, {"best_fit", move_kind::best_fit}};

/// The figures of one plan, or sums over all of them.
struct tally {
    std::size_t plans = 0;
    std::size_t moves = 0;
    std::size_t jammed = 0;
    std::size_t stuck = 0;
    std::size_t naive_staged = 0;
    std::size_t naive_parked = 0;
    std::size_t naive_waves = 0;
    std::size_t complete = 0;
    std::size_t staged = 0;
    std::size_t parked = 0;
    std::size_t dropped = 0;
    std::size_t waves = 0;
    std::size_t proven = 0;        ///< plans of which the least number of extra steps is known
    std::size_t least = 0;         ///< that number, over these
    std::size_t extra_proven = 0;  ///< extra steps of the same plans
    std::size_t violations = 0;
    double duration = 0.0;
    double downtime = 0.0;
    double seconds = 0.0;
    double longest_seconds = 0.0;
    std::string first_violation;
};

berth::order_options order_options_of(const moves_options& options, std::uint64_t seed) {
    berth::order_options made;
    made.staging = options.staging;
    made.parking = options.parking;
    made.max_evaluations = options.effort;
    made.seed = seed;
    return made;
}

void count_steps(const berth::migration_plan& plan, tally& all) {
    for (const auto& step : plan.steps) {
        all.staged += step.kind == berth::step_kind::stage ? 1 : 0;
        all.parked += step.kind == berth::step_kind::park ? 1 : 0;
    }
    all.dropped += plan.dropped.size();
    all.complete += plan.dropped.empty() ? 1 : 0;
    all.waves += plan.wave_count();
    all.duration += plan.duration;
    all.downtime += plan.downtime;
}

berth::migration_plan order_one(const moves_options& options, const move_instance& instance, std::uint64_t seed,
                                const move_problem& lowered, tally& all) {
    const berth::problem problem{lowered.machines, lowered.tasks};
    const naive_order naive = order_naively(instance);
    ++all.plans;
    all.moves += naive.moves;
    all.jammed += naive.stuck > 0 ? 1 : 0;
    all.stuck += naive.stuck;
    all.naive_staged += naive.staged;
    all.naive_parked += naive.parked;
    all.naive_waves += naive.waves;

    const berth::migration_order order{order_options_of(options, seed)};
    const double begin = cpu_seconds();
    auto plan = *order.run(problem, lowered.initial, lowered.wanted);
    const double seconds = cpu_seconds() - begin;
    all.seconds += seconds;
    all.longest_seconds = std::max(all.longest_seconds, seconds);
    count_steps(plan, all);

    // All cycle-breaking moves cost the same and host memory is unbounded: if this plan is proven, no order has fewer
    // extra steps.
    const berth::migration_order counting{berth::uniform_migration{}, {.staging = false, .max_evaluations = 0}};
    const auto bound = *counting.run(problem, lowered.initial, lowered.wanted);
    if (bound.proven && bound.dropped.empty()) {
        ++all.proven;
        all.least += bound.extra_steps;
        all.extra_proven += plan.extra_steps;
    }

    const auto checked = berth::check_migration(problem, lowered.initial, lowered.wanted, plan, {}, order.options());
    if (!checked) {
        if (all.violations == 0) all.first_violation = checked.error().message;
        ++all.violations;
    }
    return plan;
}

/// Random problems with several counters, domains, limits and moves in flight, for the checker alone.
tally order_random(const moves_options& options) {
    tally all;
    for (std::uint64_t i = 0; i < options.random_plans && !interrupted(); ++i) {
        const random_rebalance in = make_random_rebalance(berth::stream_seed(options.seed, i));
        const berth::problem problem{in.machines, in.tasks};
        const double begin = cpu_seconds();
        const auto plan = *berth::migration_order{in.options}.run(problem, in.initial, in.wanted, in.in_flight);
        all.seconds += cpu_seconds() - begin;
        ++all.plans;
        for (std::size_t t = 0; t < in.initial.size(); ++t) { all.moves += in.initial[t] == in.wanted[t] ? 0 : 1; }
        count_steps(plan, all);
        const auto checked = berth::check_migration(problem, in.initial, in.wanted, plan, in.in_flight, in.options);
        if (checked) continue;
        if (all.violations == 0) all.first_violation = fmt::format("plan {}: {}", i, checked.error().message);
        ++all.violations;
    }
    return all;
}

std::string timeline_svg(const moves_options& options, const berth::migration_plan& plan,
                         const berth::problem& problem) {
    timeline_chart chart;
    chart.title = "Waves of moves";
    chart.subtitle = fmt::format("{}, {} GPUs of 80 GB, {:g} % full, first of {} plans, seed {}: {} steps, {} extra",
                                 options.kind, options.gpus, 100.0 * options.fill, options.plans, options.seed,
                                 plan.steps.size(), plan.extra_steps);
    chart.x_label = "seconds";
    chart.kinds = {"move", "stage", "park", "fetch", "in host memory"};
    double begin = 0.0;
    std::map<std::size_t, std::size_t> row_of;
    std::map<std::size_t, double> parked_since;
    for (std::size_t w = 0; w < plan.wave_count(); ++w) {
        double longest = 0.0;
        for (const auto& step : plan.wave(w)) {
            const std::size_t t = step.task.value();
            const auto [at, is_new] = row_of.emplace(t, chart.rows.size());
            if (is_new) {
                const auto gigabytes = problem.workload().state_bytes(step.task) / 1'000'000'000;
                chart.rows.push_back({fmt::format("task {} ({} GB)", t, gigabytes), {}});
            }
            auto& bars = chart.rows[at->second].bars;
            if (step.kind == berth::step_kind::fetch && parked_since.contains(t)) {
                bars.push_back({parked_since[t], begin, 4});
            }
            bars.push_back({begin, begin + step.duration, static_cast<std::size_t>(step.kind)});
            if (step.kind == berth::step_kind::park) parked_since[t] = begin + step.duration;
            longest = std::max(longest, step.duration);
        }
        begin += longest;
        chart.lines.push_back(begin);
    }
    return to_svg(chart);
}

double mean(std::size_t sum, std::size_t count) {
    return count == 0 ? 0.0 : static_cast<double>(sum) / static_cast<double>(count);
}

std::string verdict(const tally& all) {
    if (all.violations == 0) return "no counter below zero in any plan";
    return fmt::format("{} plans violate something: {}", all.violations, all.first_violation);
}

void print(const moves_options& options, const tally& all) {
    const std::size_t n = all.plans;
    const std::size_t naive = all.naive_staged + all.naive_parked;
    const std::size_t extra = all.staged + all.parked;
    fmt::print("{}: {} GPUs of 80 GB, {:g} % full, {} plans, seed {}\n\n", options.kind, options.gpus,
               100.0 * options.fill, n, options.seed);
    fmt::print("{:>7.1f}  moves wanted per plan\n", mean(all.moves, n));
    fmt::print("{:>6.0f} %  of the plans deadlock without cycle-breaking moves\n", 100.0 * mean(all.jammed, n));
    fmt::print("{:>6.0f} %  of the moves are stuck then\n\n", 100.0 * mean(all.stuck, all.moves));
    fmt::print("{:<24}{:>10}{:>10}{:>12}\n", "per plan", "plain", "berth", "ratio");
    fmt::print("{:<24}{:>10.2f}{:>10.2f}{:>12.2f}\n", "extra hops", mean(naive, n), mean(extra, n), mean(extra, naive));
    fmt::print("{:<24}{:>10.2f}{:>10.2f}\n", "  staged", mean(all.naive_staged, n), mean(all.staged, n));
    fmt::print("{:<24}{:>10.2f}{:>10.2f}\n", "  parked", mean(all.naive_parked, n), mean(all.parked, n));
    fmt::print("{:<24}{:>10.1f}{:>10.1f}{:>12.2f}\n", "waves", mean(all.naive_waves, n), mean(all.waves, n),
               mean(all.waves, all.naive_waves));
    fmt::print("{:<24}{:>10}{:>10.2f}\n\n", "dropped", "", mean(all.dropped, n));
    fmt::print("{} of {} plans complete, {} moves dropped\n", all.complete, n, all.dropped);
    fmt::print("in {} plans the least number of extra hops is known: {:.2f} per plan; berth has {:.2f} there\n",
               all.proven, mean(all.least, all.proven), mean(all.extra_proven, all.proven));
    fmt::print("{:.0f} s of waves and {:.0f} s of downtime per plan\n",
               all.duration / static_cast<double>(std::max<std::size_t>(n, 1)),
               all.downtime / static_cast<double>(std::max<std::size_t>(n, 1)));
    fmt::print("{:.4f} CPU s per plan, {:.4f} at most\n",
               all.seconds / static_cast<double>(std::max<std::size_t>(n, 1)), all.longest_seconds);
    fmt::print("checker: {}\n", verdict(all));
}

std::string result_json(const moves_options& options, const tally& all) {
    nlohmann::ordered_json json;
    json["kind"] = options.random_plans > 0 ? "random" : options.kind;
    json["gpus"] = options.gpus;
    json["fill"] = options.fill;
    json["seed"] = options.seed;
    json["plans"] = all.plans;
    json["relocations"] = all.moves;
    json["without_breakers"] = {{"jammed_plans", all.jammed}, {"stuck_relocations", all.stuck}};
    json["plain"] = {{"extra_hops", all.naive_staged + all.naive_parked},
                     {"staged", all.naive_staged},
                     {"parked", all.naive_parked},
                     {"waves", all.naive_waves}};
    json["berth"] = {{"extra_hops", all.staged + all.parked},
                     {"staged", all.staged},
                     {"parked", all.parked},
                     {"waves", all.waves},
                     {"dropped", all.dropped},
                     {"complete_plans", all.complete},
                     {"duration", all.duration},
                     {"downtime", all.downtime}};
    json["least_known"] = {
        {"plans", all.proven}, {"least_extra_hops", all.least}, {"extra_hops_of_berth", all.extra_proven}};
    json["seconds"] = all.seconds;
    json["longest_seconds"] = all.longest_seconds;
    json["violations"] = all.violations;
    json["first_violation"] = all.first_violation;
    return json.dump(2) + '\n';
}

int moves(const moves_options& options) {
    for (const auto* path : {&options.json, &options.svg}) {
        if (const auto ok = check_output(*path); !ok) return fail(ok.error().message);
    }
    tally all;
    std::string svg;
    if (options.random_plans > 0) {
        all = order_random(options);
        fmt::print("{} random plans: {} moves wanted, {} dropped, {} staged, {} parked or left\nchecker: {}\n",
                   all.plans, all.moves, all.dropped, all.staged, all.parked, verdict(all));
    } else {
        for (std::size_t i = 0; i < options.plans && !interrupted(); ++i) {
            const std::uint64_t seed = berth::stream_seed(options.seed, i);
            const move_kind kind = kinds.at(options.kind);
            auto instance = options.moves > 0 ? berth::result<move_instance>{make_large_move_instance(
                                                    options.gpus, options.fill, kind, options.moves, seed)}
                                              : make_move_instance(options.gpus, options.fill, kind, seed);
            if (!instance) return fail(instance.error().message);
            const move_problem lowered = lower(*instance);
            const auto plan = order_one(options, *instance, seed, lowered, all);
            if (i == 0 && !options.svg.empty()) {
                svg = timeline_svg(options, plan, berth::problem{lowered.machines, lowered.tasks});
            }
        }
        print(options, all);
    }
    if (!options.json.empty()) {
        if (const auto ok = write_file(options.json, result_json(options, all)); !ok) return fail(ok.error().message);
    }
    if (!svg.empty()) {
        if (const auto ok = write_file(options.svg, svg); !ok) return fail(ok.error().message);
    }
    if (all.violations > 0) return exit_wrong_answer;
    return interrupted() ? exit_interrupted : exit_ok;
}

std::string check_fill(const std::string& text) {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    const bool good = end != text.c_str() && *end == '\0' && value > 0.0 && value <= 1.0;
    return good ? std::string{} : "\"" + text + "\" is not a part above 0 and up to 1";
}

}  // namespace

command add_moves(CLI::App& program, CLI::App*& subcommand) {
    auto options = std::make_shared<moves_options>();
    subcommand = program.add_subcommand(
        "moves", "Orders the moves of random new plans so that they always fit, beside the plain method");
    CLI::App& app = *subcommand;
    app.add_option("--gpus", options->gpus, "GPUs of 80 GB, eight to a node")
        ->check(CLI::Range(std::size_t{2}, std::size_t{100'000}))
        ->capture_default_str();
    app.add_option("--fill", options->fill, "Part of the memory in use")->check(check_fill)->capture_default_str();
    app.add_option("--plans", options->plans, "Random rebalances")->check(check_count)->capture_default_str();
    app.add_option("--seed", options->seed, "Seed of all of them")->check(check_digits)->capture_default_str();
    app.add_option("--kind", options->kind, "The new plan: pairs exchanged, or all tasks packed anew")
        ->check(CLI::IsMember({"swap", "worst_fit", "best_fit"}))
        ->capture_default_str();
    app.add_option("--relocations", options->moves,
                   "Number of tasks that move, on fleets of any size (default: the generator of the reference)")
        ->check(check_count);
    app.add_option(
           "--random-plans", options->random_plans,
           "Instead, check this number of random plans with several counters, domains, limits and moves in flight")
        ->check(check_count);
    app.add_flag("!--no-staging", options->staging, "No third slots");
    app.add_flag("!--no-parking", options->parking, "No host memory");
    app.add_option("--effort", options->effort, "Budget of the search for fewer extra hops, in moves put in order")
        ->check(check_digits)
        ->capture_default_str();
    app.add_option("--json", options->json, "Write the sums over all plans as JSON");
    app.add_option("--svg", options->svg, "Draw the waves of the first plan");
    return [options] {
        if (!options->svg.empty() && options->random_plans > 0) return fail("--svg draws none of --random-plans");
        return moves(*options);
    };
}

}  // namespace bench
