// SPDX-License-Identifier: Apache-2.0
#include "support/reassignment_comparison.hpp"

#include "berth/allocate/reassignment/reassignment_problem.hpp"

#include "support/comparison.hpp"
#include "support/csv_table.hpp"
#include "support/mrp_check.hpp"
#include "support/reassignment_run.hpp"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <limits>
#include <utility>

namespace bench {

using berth::result;
using run_type = reassignment_comparison_run;
using row_type = reassignment_comparison_row;

namespace {

/// The instances of the goals of set B: public ones outside the repository that are small enough.
constexpr const char* goal_instances[] = {"b_1", "b_2", "b_3", "b_4", "b_5"};
constexpr const char* teams[] = {"S41", "S38", "J12", "J25", "J33"};

[[gnu::format(printf, 1, 2)]] std::string print(const char* format, ...) {
    char text[512];
    std::va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return text;
}

const char* name_of(clock_kind clock) { return clock == clock_kind::cpu ? "cpu" : "wall"; }

/// `B` of `b_1`, `A` of `a2_5`; empty for others.
std::string set_of(const std::string& instance) {
    if (instance.size() < 3 || instance.find('_') == std::string::npos) return {};
    const char letter = instance.front();
    const bool known = letter == 'a' || letter == 'b' || letter == 'x';
    return known ? std::string(1, static_cast<char>(letter - 'a' + 'A')) : std::string{};
}

template <class Items, class Value>
std::vector<double> collect(const Items& items, const Value& value) {
    std::vector<double> values;
    for (const auto& item : items) values.push_back(value(item));
    return values;
}

}  // namespace

std::optional<double> run_type::score() const {
    if (!best) return std::nullopt;
    return mrp_score(feasible ? cost : initial, *best, initial);
}

reassignment_comparison::reassignment_comparison(mrp_references references, reassignment_comparison_options options)
    : references_{std::move(references)}, options_{std::move(options)} {
    BERTH_ASSERT(!options_.seconds.empty() && options_.seeds > 0, "bench: a comparison has a budget and a seed");
    std::sort(options_.seconds.begin(), options_.seconds.end());
    options_.seconds.erase(std::unique(options_.seconds.begin(), options_.seconds.end()), options_.seconds.end());
}

result<void> reassignment_comparison::take_runs(const std::string& csv_file) {
    const auto in = csv_table::read(csv_file);
    if (!in) return in.error();
    enum : std::size_t {
        instance,
        budget,
        clock,
        threads,
        seed,
        feasible,
        cost,
        initial,
        moved,
        seconds,
        evaluations,
        speed,
        columns
    };
    constexpr const char* names[columns] = {
        "instance", "budget_seconds", "clock",     "threads",     "seed",        "feasible",
        "cost",     "initial_cost",   "relocated", "run_seconds", "evaluations", "evaluations_per_core_second"};
    std::size_t column[columns] = {};
    for (std::size_t c = 0; c < columns; ++c) {
        const auto at = in->column(names[c]);
        if (!at) return at.error();
        column[c] = *at;
    }
    for (std::size_t row = 0; row < in->row_count(); ++row) {
        double number[columns] = {};
        for (const auto c : {budget, threads, seed, feasible, cost, initial, moved, seconds, evaluations, speed}) {
            const auto value = in->number(row, column[c], 0.0, 1e19);
            if (!value) return value.error();
            number[c] = *value;
        }
        if (in->cell(row, column[clock]) != name_of(options_.clock)) continue;
        if (number[threads] != static_cast<double>(options_.threads)) continue;
        run_type run;
        run.instance = in->cell(row, column[instance]);
        run.budget = number[budget];
        run.seed = static_cast<std::uint64_t>(number[seed]);
        run.feasible = number[feasible] != 0.0;
        run.cost = number[cost];
        run.initial = number[initial];
        run.moved = static_cast<std::size_t>(number[moved]);
        run.seconds = number[seconds];
        run.evaluations = static_cast<std::uint64_t>(number[evaluations]);
        run.evaluations_per_core_second = number[speed];
        run.taken = true;
        taken_.push_back(std::move(run));
    }
    return {};
}

const run_type* reassignment_comparison::taken(const std::string& instance, double budget, std::uint64_t seed) const {
    for (const auto& run : taken_) {
        if (run.instance == instance && run.budget == budget && run.seed == seed) return &run;
    }
    return nullptr;
}

void reassignment_comparison::add(const mrp_instance& instance, progress_line& progress, const listener& tell) {
    const auto problem = berth::make_reassignment_problem(instance.input);
    if (!problem) {
        faults_.push_back(instance.name + ": " + problem.error().message);
        return;
    }
    const auto bound = static_cast<double>(mrp_lower_bound(instance.input));
    const auto before = check_mrp_assignment(instance.input, observed_nodes(instance.input));
    const auto initial = static_cast<double>(before.cost.total());
    // Another instance may have the name of a published one.
    const mrp_reference* known = references_.find(instance.name, "initial");
    const mrp_reference* best = references_.find(instance.name, "best");
    if (known == nullptr || known->value != initial) best = nullptr;

    std::vector<run_type> runs;
    for (const double budget : options_.seconds) {
        for (std::size_t s = 0; s < options_.seeds && !interrupted(); ++s) {
            ++started_;
            const std::uint64_t seed = options_.first_seed + s;
            run_type run;
            if (const run_type* known_run = taken(instance.name, budget, seed);
                known_run != nullptr && known_run->initial == initial) {
                run = *known_run;
            } else {
                std::string label = expected_ > 0 ? print("[%zu of %zu] ", started_, expected_) : std::string{};
                label += instance.name + ", seed " + std::to_string(seed);
                const run_clock clock{options_.clock, budget, options_.threads};
                const auto found = run_reassignment(
                    instance.input, *problem, clock,
                    {.seed = seed, .threads = options_.threads, .islands = options_.threads}, bound, progress, label);
                if (!found.fault.empty()) {
                    faults_.push_back(label + ": " + found.fault);
                    continue;
                }
                if (found.plan.stopped == berth::stop_reason::cancelled) break;
                run.budget = budget;
                run.seed = seed;
                run.feasible = found.verdict.feasible();
                run.cost = static_cast<double>(found.verdict.cost.total());
                run.moved = found.verdict.moved;
                run.seconds = found.seconds;
                run.evaluations = found.plan.evaluations;
                run.evaluations_per_core_second = found.evaluations_per_core_second();
                run.trajectory = found.trajectory;
            }
            run.instance = instance.name;
            run.machines = instance.input.location.size();
            run.processes = instance.input.group.size();
            run.initial = initial;
            run.lower_bound = bound;
            if (best != nullptr) run.best = best->value;
            if (tell.on_run) tell.on_run(run);
            runs.push_back(std::move(run));
        }
    }
    if (runs.empty()) return;
    row_type row{.instance = instance.name,
                 .initial = initial,
                 .lower_bound = bound,
                 .best = runs.front().best,
                 .costs = {},
                 .scores = {}};
    row.runs = runs.size();
    for (const double budget : options_.seconds) {
        std::vector<run_type> at;
        for (const auto& run : runs) {
            if (run.budget == budget) at.push_back(run);
        }
        row.costs.push_back(median(collect(at, [](const run_type& run) {
            return run.feasible ? run.cost : std::numeric_limits<double>::infinity();
        })));
        row.scores.push_back(row.best && !at.empty()
                                 ? std::optional{median(collect(at, [](const run_type& r) { return *r.score(); }))}
                                 : std::nullopt);
    }
    row.evaluations_per_core_second =
        median(collect(runs, [](const run_type& run) { return run.evaluations_per_core_second; }));
    row.feasible = static_cast<std::size_t>(
        std::count_if(runs.begin(), runs.end(), [](const run_type& run) { return run.feasible; }));
    if (tell.on_row) tell.on_row(row);
    rows_.push_back(std::move(row));
    for (auto& run : runs) runs_.push_back(std::move(run));
}

std::vector<reassignment_comparison_sum> reassignment_comparison::sums() const {
    std::vector<std::string> sets;
    for (const auto& row : rows_) {
        const std::string set = set_of(row.instance);
        const bool complete =
            std::all_of(row.scores.begin(), row.scores.end(), [](const auto& s) { return s.has_value(); });
        if (!set.empty() && complete && std::find(sets.begin(), sets.end(), set) == sets.end()) sets.push_back(set);
    }
    std::vector<reassignment_comparison_sum> all;
    for (const auto& set : sets) {
        std::vector<const row_type*> rows;
        for (const auto& row : rows_) {
            const bool complete =
                std::all_of(row.scores.begin(), row.scores.end(), [](const auto& s) { return s.has_value(); });
            if (set_of(row.instance) == set && complete) rows.push_back(&row);
        }
        reassignment_comparison_sum sum{.set = set, .instances = rows.size(), .scores = {}, .goals = {}, .teams = {}};
        const auto is_row = [&](const char* name) {
            return std::any_of(rows.begin(), rows.end(), [&](const row_type* row) { return row->instance == name; });
        };
        const bool five = rows.size() == std::size(goal_instances) &&
                          std::all_of(std::begin(goal_instances), std::end(goal_instances), is_row);
        for (std::size_t b = 0; b < options_.seconds.size(); ++b) {
            double score = 0.0;
            for (const row_type* row : rows) score += *row->scores[b];
            sum.scores.push_back(score);
            sum.goals.push_back(five ? references_.goal(set, "score_goal", options_.seconds[b]) : std::nullopt);
        }
        for (const char* team : teams) {
            double score = 0.0;
            bool complete = true;
            for (const row_type* row : rows) {
                const mrp_reference* cost = references_.find(row->instance, team, "final");
                complete = complete && cost != nullptr;
                if (complete) score += mrp_score(cost->value, *row->best, row->initial);
            }
            if (complete) sum.teams.emplace_back(team, score);
        }
        all.push_back(std::move(sum));
    }
    return all;
}

std::optional<double> reassignment_comparison::goal(const std::string& instance, double seconds) const {
    return references_.goal(instance, "goal", seconds);
}

// ---- text
// ------------------------------------------------------------------------------------------------------------

std::string reassignment_comparison::header_text() const {
    std::string text = print(
        "Cost and score, 100 (cost - best of the challenge) / initial, median of %zu seed%s; %s on %zu thread%s\n",
        options_.seeds, options_.seeds == 1 ? "" : "s",
        options_.clock == clock_kind::cpu ? "CPU seconds of each thread" : "seconds", options_.threads,
        options_.threads == 1 ? "" : "s");
    text += print("%-14s%14s%14s%14s", "instance", "initial", "lower bound", "best");
    for (const double seconds : options_.seconds) text += print("%14s%9s", print("%g s", seconds).c_str(), "score");
    return text + print("%10s%20s\n", "feasible", "evaluations/s/core");
}

std::string reassignment_comparison::row_text(const row_type& row) const {
    std::string text = print("%-14s%14.0f%14.0f", row.instance.c_str(), row.initial, row.lower_bound);
    text += row.best ? print("%14.0f", *row.best) : print("%14s", "-");
    for (std::size_t b = 0; b < row.costs.size(); ++b) {
        text += std::isfinite(row.costs[b]) ? print("%14.0f", row.costs[b]) : print("%14s", "-");
        text += row.scores[b] ? print("%9.3f", *row.scores[b]) : print("%9s", "-");
    }
    return text +
           print("%10s%20.3g\n", print("%zu/%zu", row.feasible, row.runs).c_str(), row.evaluations_per_core_second);
}

std::string reassignment_comparison::summary_text() const {
    std::string text;
    for (const auto& sum : sums()) {
        text += print("\nSet %s, %zu instance%s, sum of scores:", sum.set.c_str(), sum.instances,
                      sum.instances == 1 ? "" : "s");
        for (std::size_t b = 0; b < sum.scores.size(); ++b) {
            text += print("%s %.3f after %g s", b > 0 ? "," : "", sum.scores[b], options_.seconds[b]);
            if (sum.goals[b])
                text += print(" (goal %g: %s)", *sum.goals[b], sum.scores[b] <= *sum.goals[b] ? "reached" : "missed");
        }
        text += '\n';
        for (const auto& [team, score] : sum.teams) {
            text += print("%s%s %.3f", &sum.teams.front().first == &team ? "In the final, after 300 s: " : ", ",
                          team.c_str(), score);
        }
        if (!sum.teams.empty()) text += '\n';
    }
    std::size_t goals = 0;
    std::size_t reached = 0;
    std::string missed;
    for (const auto& row : rows_) {
        for (std::size_t b = 0; b < options_.seconds.size(); ++b) {
            const auto wanted = row.best ? goal(row.instance, options_.seconds[b]) : std::nullopt;
            if (!wanted) continue;
            ++goals;
            if (row.costs[b] <= *wanted) {
                ++reached;
                continue;
            }
            missed += print("  %s after %g s: %.0f, goal %.0f (%.4f %% above)\n", row.instance.c_str(),
                            options_.seconds[b], row.costs[b], *wanted, 100.0 * (row.costs[b] / *wanted - 1.0));
        }
    }
    if (goals > 0) text += print("\nGoals of single instances: %zu of %zu reached\n", reached, goals) + missed;
    return text;
}

std::string reassignment_comparison::csv_header() {
    return "instance,machines,processes,budget_seconds,clock,threads,seed,feasible,cost,initial_cost,lower_bound,best,"
           "score,"
           "relocated,run_seconds,evaluations,evaluations_per_core_second\n";
}

std::string reassignment_comparison::csv_line(const run_type& run) const {
    std::string line = csv_field(run.instance) + print(",%zu,%zu,%g,%s,%zu,%llu,%d,%.0f,%.0f,%.0f,", run.machines,
                                                       run.processes, run.budget, name_of(options_.clock),
                                                       options_.threads, static_cast<unsigned long long>(run.seed),
                                                       run.feasible ? 1 : 0, run.cost, run.initial, run.lower_bound);
    line += (run.best ? print("%.0f", *run.best) : std::string{}) + ',';
    line += (run.score() ? print("%.6f", *run.score()) : std::string{}) + ',';
    return line + print("%zu,%.6f,%llu,%.6g\n", run.moved, run.seconds,
                        static_cast<unsigned long long>(run.evaluations), run.evaluations_per_core_second);
}

line_chart reassignment_comparison::chart() const {
    constexpr int points = 80;
    constexpr double foot = 1e-4;
    const double last = options_.seconds.back();
    const double first = std::max(last / 1000.0, 0.01);
    line_chart chart{
        .title = "Cost above the lower bound over time",
        .subtitle = print(
            "machine reassignment, median of %zu seed%s, runs of %g s on %zu thread%s; %g %% and less at the foot",
            options_.seeds, options_.seeds == 1 ? "" : "s", last, options_.threads, options_.threads == 1 ? "" : "s",
            foot),
        .x = {.label = options_.clock == clock_kind::cpu ? "CPU seconds of each thread" : "seconds",
              .logarithmic = true},
        .y = {.label = "cost above the lower bound, % of the initial cost", .logarithmic = true},
        .series = {}};
    for (const auto& row : rows_) {
        chart_series series{.name = row.instance, .points = {}, .emphasised = row.instance == "b_1"};
        for (int i = 0; i <= points; ++i) {
            const double at = first < last ? first * std::pow(last / first, static_cast<double>(i) / points) : last;
            std::vector<double> gaps;
            for (const auto& run : runs_) {
                if (run.instance != row.instance || run.budget != last || run.trajectory.empty()) continue;
                gaps.push_back(mrp_score(cost_at(run.trajectory, at), run.lower_bound, run.initial));
            }
            const double gap = gaps.empty() ? std::numeric_limits<double>::quiet_NaN() : median(gaps);
            series.points.emplace_back(at, std::isfinite(gap) ? std::max(gap, foot)
                                                              : std::numeric_limits<double>::quiet_NaN());
        }
        chart.series.push_back(std::move(series));
    }
    return chart;
}

}  // namespace bench
