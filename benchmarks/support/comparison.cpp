// SPDX-License-Identifier: Apache-2.0
#include "support/comparison.hpp"

#include "support/csv_table.hpp"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <limits>
#include <utility>

namespace bench {

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();
/// Gaps of the chart below this are drawn at its foot.
constexpr double chart_foot = 0.001;

[[gnu::format(printf, 1, 2)]] std::string print(const char* format, ...) {
    char text[512];
    std::va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return text;
}

std::string number(double value) { return std::isfinite(value) ? print("%.10g", value) : std::string{}; }

std::string whole(double value) { return std::isfinite(value) ? print("%.17g", value) : std::string{}; }

std::string gap_cell(double gap) { return std::isfinite(gap) ? print("%10.4f", gap) : print("%10s", "inf."); }

/// The cost found within a budget. The plan of the largest budget may arrive slightly late.
double cost_within(const search_run& run, double seconds, bool largest) {
    if (largest && run.plan.feasible() && run.seconds <= 1.01 * seconds + 0.01) return run.plan.cost;
    return cost_at(run.trajectory, seconds);
}

/// The best cost of a run at a time.
double cost_by(const comparison_run& run, const std::vector<double>& budgets, double seconds) {
    if (!run.taken) return cost_at(run.trajectory, seconds);
    double cost = infinite;
    for (std::size_t b = 0; b < budgets.size() && budgets[b] <= seconds; ++b) cost = run.costs[b];
    return cost;
}

template <class Items, class Value>
std::vector<double> collect(const Items& items, const Value& value) {
    std::vector<double> values;
    for (const auto& item : items) values.push_back(value(item));
    return values;
}

}  // namespace

double median(std::vector<double> values) {
    if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    if (values.size() % 2 == 1 || std::isinf(values[middle])) return values[middle];
    return values[middle - 1] + (values[middle] - values[middle - 1]) / 2.0;
}

comparison::comparison(std::vector<named_allocator> allocators, comparison_options options)
    : allocators_{std::move(allocators)}, options_{std::move(options)} {
    BERTH_ASSERT(!options_.seconds.empty() && options_.seeds > 0, "bench: a comparison has a budget and a seed");
    std::sort(options_.seconds.begin(), options_.seconds.end());
}

berth::result<void> comparison::take_runs(const std::string& csv_file) {
    const auto in = csv_table::read(csv_file);
    if (!in) return in.error();
    enum : std::size_t {
        instance,
        allocator,
        stopped,
        agents,
        tasks,
        seed,
        threads,
        evaluations,
        budget,
        known,
        reference,
        bound,
        seconds,
        speed,
        feasible,
        cost,
        columns
    };
    constexpr const char* names[columns] = {"instance",       "algorithm",
                                            "stopped",        "agents",
                                            "tasks",          "seed",
                                            "threads",        "evaluations",
                                            "budget_seconds", "reference_known",
                                            "reference",      "lower_bound",
                                            "run_seconds",    "evaluations_per_second",
                                            "feasible",       "cost"};
    std::size_t column[columns] = {};
    for (std::size_t c = 0; c < columns; ++c) {
        const auto at = in->column(names[c]);
        if (!at) return at.error();
        column[c] = *at;
    }
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    std::vector<double> budgets;  // of the run that is being read
    const auto end_run = [&] {
        if (taken_.empty() || budgets.empty()) return;
        comparison_run& run = taken_.back();
        std::vector<double> costs;
        for (const double wanted : options_.seconds) {
            const auto at = std::find(budgets.begin(), budgets.end(), wanted);
            if (at != budgets.end()) costs.push_back(run.costs[static_cast<std::size_t>(at - budgets.begin())]);
        }
        const bool usable = costs.size() == options_.seconds.size() && budgets.back() == options_.seconds.back();
        budgets.clear();
        run.costs = std::move(costs);
        if (!usable) taken_.pop_back();
    };
    for (std::size_t row = 0; row < in->row_count(); ++row) {
        std::int64_t count[columns] = {};
        for (const auto c : {agents, tasks, seed, threads, evaluations, known, feasible}) {
            const auto value = in->integer(row, column[c], 0, most);
            if (!value) return value.error();
            count[c] = *value;
        }
        double number[columns] = {};
        for (const auto c : {budget, reference, bound, seconds, speed, cost}) {
            number[c] = c == cost ? infinite : -infinite;
            if ((c == cost && count[feasible] == 0) ||
                ((c == bound || c == reference) && in->cell(row, column[c]).empty())) {
                continue;
            }
            const auto value =
                in->number(row, column[c], std::numeric_limits<double>::lowest(), std::numeric_limits<double>::max());
            if (!value) return value.error();
            number[c] = *value;
        }
        if (count[threads] != static_cast<std::int64_t>(options_.threads)) {
            end_run();
            continue;
        }
        comparison_run run{.instance = std::string{in->cell(row, column[instance])},
                           .agents = static_cast<std::size_t>(count[agents]),
                           .tasks = static_cast<std::size_t>(count[tasks]),
                           .allocator = std::string{in->cell(row, column[allocator])},
                           .seed = static_cast<std::uint64_t>(count[seed]),
                           .reference = number[reference],
                           .reference_known = count[known] != 0,
                           .bound = number[bound],
                           .costs = {},
                           .gaps = {},
                           .seconds = number[seconds],
                           .evaluations_per_second = number[speed],
                           .evaluations = static_cast<std::uint64_t>(count[evaluations]),
                           .trajectory = {},
                           .taken = true};
        for (const auto reason : {berth::stop_reason::completed, berth::stop_reason::cancelled,
                                  berth::stop_reason::budget_exhausted, berth::stop_reason::deadline_reached}) {
            if (in->cell(row, column[stopped]) == berth::to_string(reason)) run.stopped = reason;
        }
        // The rows of a run follow each other, budgets ascending.
        const bool same = !budgets.empty() && taken_.back().instance == run.instance &&
                          taken_.back().allocator == run.allocator && taken_.back().seed == run.seed &&
                          budgets.back() < number[budget];
        if (!same) {
            end_run();
            taken_.push_back(std::move(run));
        }
        taken_.back().costs.push_back(number[cost]);
        budgets.push_back(number[budget]);
    }
    end_run();
    return {};
}

const comparison_run* comparison::taken(const gap_instance& instance, const std::string& allocator,
                                        std::uint64_t seed) const {
    for (const auto& run : taken_) {
        if (run.instance == instance.name && run.agents == instance.agents && run.tasks == instance.tasks &&
            run.allocator == allocator && run.seed == seed) {
            return &run;
        }
    }
    return nullptr;
}

void comparison::add(const gap_instance& instance, const std::optional<gap_reference>& reference,
                     progress_line& progress, const listener& tell) {
    const double largest = options_.seconds.back();
    // The bound is computed once, unless there is nothing to run; every run is charged with its time.
    std::optional<berth::priced_problem> priced;
    double pricing = 0.0;
    const auto problem = [&]() -> const berth::priced_problem& {
        if (!priced) {
            const double before = cpu_seconds();
            priced.emplace(instance.problem(), pricing_within(instance.agents, instance.tasks, largest));
            pricing = cpu_seconds() - before;
        }
        return *priced;
    };
    const auto gap_to = [](double reference_cost, double cost) {
        return std::isfinite(cost) ? berth::gap_percent(cost, reference_cost) : infinite;
    };

    for (const auto& allocator : allocators_) {
        comparison_row row{.instance = instance.name,
                           .type = instance.type(),
                           .allocator = allocator.name,
                           .reference_known = reference.has_value(),
                           .gaps = {}};
        std::vector<comparison_run> runs;
        for (std::size_t s = 0; s < options_.seeds && !interrupted(); ++s) {
            ++started_;
            const std::uint64_t seed = options_.first_seed + s;
            if (const comparison_run* there = taken(instance, allocator.name, seed)) {
                comparison_run run = *there;
                run.type = instance.type();
                if (reference) run.reference = reference->lower;
                run.reference_known = run.reference_known || reference.has_value();
                for (const double cost : run.costs) run.gaps.push_back(gap_to(run.reference, cost));
                if (tell.on_run) tell.on_run(run);
                runs.push_back(std::move(run));
                continue;
            }
            std::string label = expected_ > 0 ? print("[%zu of %zu] ", started_, expected_) : std::string{};
            label += allocator.name + " on " + instance.name + ", seed " + std::to_string(seed);
            const berth::priced_problem& bounded = problem();
            const search_run found = run_search(
                allocator, instance, bounded,
                {.seconds = largest, .origin = cpu_seconds() - pricing, .seed = seed, .threads = options_.threads},
                progress, label);
            if (!found.refused.empty()) {
                refusals_.push_back(instance.name + ": " + found.refused);
                break;
            }
            if (!found.fault.empty()) {
                faults_.push_back(allocator.name + " on " + instance.name + ", seed " + std::to_string(seed) + ": " +
                                  found.fault);
                continue;
            }
            if (found.plan.stopped == berth::stop_reason::cancelled) break;
            comparison_run run{.instance = instance.name,
                               .type = instance.type(),
                               .agents = instance.agents,
                               .tasks = instance.tasks,
                               .allocator = allocator.name,
                               .seed = seed,
                               .reference = reference ? reference->lower : bounded.bound().rounded,
                               .reference_known = reference.has_value(),
                               .bound = found.plan.lower_bound,
                               .costs = {},
                               .gaps = {},
                               .seconds = found.seconds,
                               .evaluations = found.plan.evaluations,
                               .stopped = found.plan.stopped,
                               .trajectory = found.trajectory};
            for (const double seconds : options_.seconds) {
                const double cost = cost_within(found, seconds, seconds == largest);
                run.costs.push_back(cost);
                run.gaps.push_back(gap_to(run.reference, cost));
            }
            const double searching = found.seconds - pricing;
            if (searching > 0.0) run.evaluations_per_second = static_cast<double>(run.evaluations) / searching;
            if (tell.on_run) tell.on_run(run);
            runs.push_back(std::move(run));
        }
        if (runs.empty()) continue;
        row.runs = runs.size();
        for (std::size_t b = 0; b < options_.seconds.size(); ++b) {
            row.gaps.push_back(median(collect(runs, [b](const comparison_run& run) { return run.gaps[b]; })));
        }
        row.evaluations_per_second =
            median(collect(runs, [](const comparison_run& run) { return run.evaluations_per_second; }));
        row.feasible = static_cast<std::size_t>(
            std::count_if(runs.begin(), runs.end(), [](const auto& run) { return std::isfinite(run.costs.back()); }));
        if (tell.on_row) tell.on_row(row);
        rows_.push_back(std::move(row));
        for (auto& run : runs) runs_.push_back(std::move(run));
    }
}

std::vector<comparison_summary> comparison::summaries() const {
    std::vector<char> types;
    for (const auto& row : rows_) {
        if (std::find(types.begin(), types.end(), row.type) == types.end()) types.push_back(row.type);
    }
    std::sort(types.begin(), types.end());
    if (types.size() > 1) types.push_back('*');
    std::vector<comparison_summary> all;
    for (const char type : types) {
        for (const auto& allocator : allocators_) {
            std::vector<comparison_row> rows;
            for (const auto& row : rows_) {
                if ((type == '*' || row.type == type) && row.allocator == allocator.name) rows.push_back(row);
            }
            if (rows.empty()) continue;
            comparison_summary summary{.type = type,
                                       .allocator = allocator.name,
                                       .instances = rows.size(),
                                       .median_gaps = {},
                                       .worst_gaps = {}};
            for (std::size_t b = 0; b < options_.seconds.size(); ++b) {
                const auto gaps = collect(rows, [b](const comparison_row& row) { return row.gaps[b]; });
                summary.median_gaps.push_back(median(gaps));
                summary.worst_gaps.push_back(*std::max_element(gaps.begin(), gaps.end()));
            }
            summary.evaluations_per_second =
                median(collect(rows, [](const comparison_row& row) { return row.evaluations_per_second; }));
            all.push_back(std::move(summary));
        }
    }
    return all;
}

// ---- text
// ------------------------------------------------------------------------------------------------------------

std::string comparison::header_text() const {
    std::string text = print("Gap in %% to the best bound known, median of %zu seed%s, by CPU time\n%-16s%-18s",
                             options_.seeds, options_.seeds == 1 ? "" : "s", "instance", "algorithm");
    for (const double seconds : options_.seconds) text += print("%10s", print("%g s", seconds).c_str());
    return text + print("%10s%16s\n", "feasible", "evaluations/s");
}

std::string comparison::row_text(const comparison_row& row) const {
    std::string text = print("%-16s%-18s", row.instance.c_str(), row.allocator.c_str());
    for (const double gap : row.gaps) text += gap_cell(gap);
    text += print("%10s%16.3g", print("%zu/%zu", row.feasible, row.runs).c_str(), row.evaluations_per_second);
    return text + (row.reference_known ? "\n" : "  (to the bound computed here)\n");
}

std::string comparison::summary_text() const {
    if (rows_.empty()) return {};
    std::string text = print("\n%-16s%-18s", "By type", "algorithm");
    for (const double seconds : options_.seconds) {
        text += print("%10s%10s", print("%g s", seconds).c_str(), "worst");
    }
    text += print("%16s%16s\n", "instances", "evaluations/s");
    for (const auto& summary : summaries()) {
        const std::string type = summary.type == '*'    ? "all"
                                 : summary.type == '\0' ? "other"
                                                        : std::string(1, static_cast<char>(summary.type - 'a' + 'A'));
        text += print("%-16s%-18s", type.c_str(), summary.allocator.c_str());
        for (std::size_t b = 0; b < options_.seconds.size(); ++b) {
            text += gap_cell(summary.median_gaps[b]) + gap_cell(summary.worst_gaps[b]);
        }
        text += print("%16zu%16.3g\n", summary.instances, summary.evaluations_per_second);
    }
    return text;
}

std::string comparison::text() const {
    std::string text = header_text();
    for (const auto& row : rows_) text += row_text(row);
    return text + summary_text();
}

std::string comparison::csv_header() {
    return "instance,agents,tasks,algorithm,seed,budget_seconds,feasible,cost,gap_percent,reference,reference_known,"
           "lower_bound,run_seconds,evaluations,evaluations_per_second,stopped,threads\n";
}

std::string comparison::csv_lines(const comparison_run& run) const {
    std::string lines;
    for (std::size_t b = 0; b < options_.seconds.size(); ++b) {
        const bool feasible = std::isfinite(run.costs[b]);
        lines +=
            csv_field(run.instance) + print(",%zu,%zu,", run.agents, run.tasks) + csv_field(run.allocator) +
            print(",%llu,%g,%d,", static_cast<unsigned long long>(run.seed), options_.seconds[b], feasible ? 1 : 0);
        lines += whole(run.costs[b]) + ',' + number(run.gaps[b]) + ',' + number(run.reference) +
                 (run.reference_known ? ",1," : ",0,") + number(run.bound);
        lines += print(",%.6f,%llu,%.6g,%s,%zu\n", run.seconds, static_cast<unsigned long long>(run.evaluations),
                       run.evaluations_per_second, berth::to_string(run.stopped), options_.threads);
    }
    return lines;
}

line_chart comparison::chart(std::string_view emphasised) const {
    constexpr int points = 80;
    const double last = options_.seconds.back();
    const double first = std::max(last / 1000.0, 0.001);
    std::vector<std::string> instances;
    for (const auto& row : rows_) {
        if (std::find(instances.begin(), instances.end(), row.instance) == instances.end()) {
            instances.push_back(row.instance);
        }
    }
    line_chart chart{.title = "Gap over time",
                     .subtitle =
                         print("median over %zu instance%s of the generalised assignment problem, %zu seed%s each; "
                               "%g %% and less at the foot",
                               instances.size(), instances.size() == 1 ? "" : "s", options_.seeds,
                               options_.seeds == 1 ? "" : "s", chart_foot),
                     .x = {.label = "CPU time, s", .logarithmic = true},
                     .y = {.label = "gap to the best bound known, %", .logarithmic = true},
                     .series = {}};
    for (const auto& allocator : allocators_) {
        chart_series series{.name = allocator.name, .points = {}, .emphasised = allocator.name == emphasised};
        for (int i = 0; i <= points; ++i) {
            const double at = first < last ? first * std::pow(last / first, static_cast<double>(i) / points) : last;
            std::vector<double> gaps;
            for (const auto& run : runs_) {
                if (run.allocator != allocator.name) continue;
                const double cost = i == points ? run.costs.back() : cost_by(run, options_.seconds, at);
                gaps.push_back(std::isfinite(cost) ? berth::gap_percent(cost, run.reference) : infinite);
            }
            const double gap = median(gaps);
            series.points.emplace_back(at, std::isfinite(gap) ? std::max(gap, chart_foot)
                                                              : std::numeric_limits<double>::quiet_NaN());
        }
        chart.series.push_back(std::move(series));
    }
    return chart;
}

}  // namespace bench
