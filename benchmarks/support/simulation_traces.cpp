// SPDX-License-Identifier: Apache-2.0
#include "support/simulation_traces.hpp"

#include "berth/core/random.hpp"

#include "support/csv_table.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <set>
#include <system_error>
#include <tuple>

namespace bench {

using berth::error_code;
using berth::result;
using berth::detail::refuse;

namespace {

constexpr double most = 1e15;

/// The rows whose optional column has a name. Without the column all rows; without a name there may be only one.
result<std::vector<std::size_t>> select_rows(const csv_table& in, const char* column, const std::string& name,
                                             const char* option) {
    std::vector<std::size_t> rows;
    const auto at = in.find_column(column);
    if (!at && !name.empty()) {
        return berth::error{error_code::unknown_name,
                            in.file() + ": there is no column \"" + column + "\" for " + option + " to choose from"};
    }
    std::set<std::string, std::less<>> names;
    for (std::size_t row = 0; row < in.row_count(); ++row) {
        if (at) names.emplace(in.cell(row, *at));
        if (!at || name.empty() || in.cell(row, *at) == name) rows.push_back(row);
    }
    std::string known;
    for (const std::string& n : names) known += (known.empty() ? "" : ", ") + n;
    if (name.empty() && names.size() > 1) {
        return berth::error{error_code::invalid_value, in.file() + ": choose one of " + known + " with " + option};
    }
    if (!name.empty() && rows.empty()) {
        return berth::error{error_code::unknown_name, in.file() + ": " + shown(name) +
                                                          " is none of the names in column \"" + column +
                                                          "\": " + known};
    }
    return rows;
}

/// Sorts jobs by arrival and refuses names that repeat.
result<simulation_trace> in_order(const csv_table& in, simulation_trace trace, std::size_t name_column) {
    std::set<std::string, std::less<>> seen;
    for (std::size_t j = 0; j < trace.names.size(); ++j) {
        if (!seen.insert(trace.names[j]).second) {
            for (std::size_t row = 0; row < in.row_count(); ++row) {
                if (in.line(row) == trace.lines[j]) {
                    return in.fault(row, name_column, error_code::duplicate,
                                    shown(trace.names[j]) + " was given on an earlier line");
                }
            }
        }
    }
    if (trace.jobs.empty()) return berth::error{error_code::malformed, in.file() + ": there are no jobs"};
    std::vector<std::size_t> by(trace.jobs.size());
    std::iota(by.begin(), by.end(), std::size_t{0});
    std::sort(by.begin(), by.end(), [&](std::size_t a, std::size_t b) {
        const double first = trace.jobs[a].arrival_s;
        const double second = trace.jobs[b].arrival_s;
        return first < second || (first <= second && a < b);
    });
    simulation_trace out;
    out.file = in.file();
    for (const std::size_t j : by) {
        out.jobs.push_back(trace.jobs[j]);
        out.names.push_back(std::move(trace.names[j]));
        out.classes.push_back(std::move(trace.classes[j]));
        out.lines.push_back(trace.lines[j]);
    }
    return out;
}

/// Seconds that Muri's simulator charges for a restart on 1, 2, 4, 8, 16, 32 GPUs; 10 for other models.
double muri_restart(std::string_view model, std::int64_t gpus) {
    struct entry {
        std::string_view model;
        double seconds[6];
    };
    static constexpr entry table[] = {
        {"vgg16", {7, 7, 8, 9, 9, 10}},     {"vgg19", {7, 7, 8, 9, 10, 10}},
        {"resnet18", {4, 5, 5, 7, 7, 7}},   {"shufflenet_v2_x1_0", {4, 4, 5, 5, 7, 8}},
        {"bert", {10, 10, 10, 10, 10, 10}}, {"gpt2", {10, 10, 10, 10, 10, 10}},
        {"a2c", {38, 39, 39, 46, 46, 46}},  {"dqn", {5, 5, 6, 6, 8, 8}},
    };
    std::size_t size = 0;
    while (size < 5 && (std::int64_t{2} << size) <= gpus) ++size;
    for (const entry& e : table) {
        if (e.model == model) return e.seconds[size];
    }
    return 10.0;
}

std::optional<std::uint32_t> count_of(std::string_view text) {
    std::uint32_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc{} || end != text.data() + text.size() || value == 0 || value > 1'000'000) return std::nullopt;
    return value;
}

}  // namespace

result<simulation_trace> parse_muri_trace(const std::string& file, std::string_view text, const std::string& select) {
    const auto read = csv_table::parse(file, text);
    if (!read) return read.error();
    const csv_table& in = *read;
    enum : std::size_t { id, gpus, submit, iterations, model, iteration, columns };
    constexpr const char* names[columns] = {"job_id", "num_gpu", "submit_ms", "iterations", "model", "iteration_ms"};
    std::size_t column[columns] = {};
    if (auto ok = in.find_columns(names, column); !ok) return ok.error();
    const auto rows = select_rows(in, "trace", select, "--select");
    if (!rows) return rows.error();
    simulation_trace trace;
    for (const std::size_t row : *rows) {
        const auto name = in.text(row, column[id]);
        if (!name) return name.error();
        const auto count = in.integer(row, column[gpus], 1, 1'000'000);
        if (!count) return count.error();
        const auto at = in.number(row, column[submit], 0.0, most);
        if (!at) return at.error();
        const auto steps = in.number(row, column[iterations], 1e-9, most);
        if (!steps) return steps.error();
        const auto kind = in.text(row, column[model]);
        if (!kind) return kind.error();
        const auto step = in.number(row, column[iteration], 1e-9, most);
        if (!step) return step.error();
        trace.jobs.push_back({.arrival_s = *at / 1000.0,
                              .steps = *steps,
                              .step_s = *step * 1.015 / 1000.0,
                              .restart_s = muri_restart(*kind, *count),
                              .gpus = static_cast<std::uint32_t>(*count)});
        trace.names.emplace_back(*name);
        trace.classes.emplace_back(*kind);
        trace.lines.push_back(in.line(row));
    }
    return in_order(in, std::move(trace), column[id]);
}

result<simulation_trace> parse_gavel_trace(const std::string& file, std::string_view text, const std::string& select) {
    const auto read = csv_table::parse(file, text);
    if (!read) return read.error();
    const csv_table& in = *read;
    enum : std::size_t { id, type, scale, steps, arrival, columns };
    constexpr const char* names[columns] = {"job", "job_type", "scale_factor", "total_steps", "arrival_s"};
    std::size_t column[columns] = {};
    if (auto ok = in.find_columns(names, column); !ok) return ok.error();
    const auto rows = select_rows(in, "trace", select, "--select");
    if (!rows) return rows.error();
    simulation_trace trace;
    for (const std::size_t row : *rows) {
        const auto name = in.text(row, column[id]);
        if (!name) return name.error();
        const auto kind = in.text(row, column[type]);
        if (!kind) return kind.error();
        const auto count = in.integer(row, column[scale], 1, 1'000'000);
        if (!count) return count.error();
        const auto work = in.integer(row, column[steps], 1, std::int64_t{1} << 52U);
        if (!work) return work.error();
        const auto at = in.number(row, column[arrival], 0.0, most);
        if (!at) return at.error();
        trace.jobs.push_back(
            {.arrival_s = *at, .steps = static_cast<double>(*work), .gpus = static_cast<std::uint32_t>(*count)});
        trace.names.emplace_back(*name);
        trace.classes.emplace_back(*kind);
        trace.lines.push_back(in.line(row));
    }
    return in_order(in, std::move(trace), column[id]);
}

result<simulation_trace> parse_duration_trace(const std::string& file, std::string_view text) {
    const auto read = csv_table::parse(file, text);
    if (!read) return read.error();
    const csv_table& in = *read;
    enum : std::size_t { submit, duration, gpus, columns };
    constexpr const char* names[columns] = {"submit_s", "duration_s", "gpus"};
    std::size_t column[columns] = {};
    if (auto ok = in.find_columns(names, column); !ok) return ok.error();
    simulation_trace trace;
    for (std::size_t row = 0; row < in.row_count(); ++row) {
        const auto at = in.number(row, column[submit], 0.0, most);
        if (!at) return at.error();
        const auto time = in.number(row, column[duration], 1e-9, most);
        if (!time) return time.error();
        const auto count = in.integer(row, column[gpus], 1, 1'000'000);
        if (!count) return count.error();
        trace.jobs.push_back({.arrival_s = *at, .steps = *time, .gpus = static_cast<std::uint32_t>(*count)});
        trace.names.push_back(std::to_string(row));
        trace.classes.emplace_back();
        trace.lines.push_back(in.line(row));
    }
    return in_order(in, std::move(trace), column[submit]);
}

result<simulation_trace> draw_jobs(const simulation_trace& from, std::size_t count, double load, double gpus,
                                   std::uint32_t most_gpus, std::uint64_t seed) {
    std::vector<std::size_t> pool;
    for (std::size_t j = 0; j < from.jobs.size(); ++j) {
        if (from.jobs[j].gpus <= most_gpus) pool.push_back(j);
    }
    if (pool.empty()) return berth::error{error_code::invalid_value, from.file + ": no job fits the fleet"};
    simulation_trace out;
    out.file = from.file;
    out.jobs.reserve(count);
    berth::xoshiro256 draw{seed};
    double at = 0.0;
    double work = 0.0;
    for (std::size_t j = 0; j < count; ++j) {
        berth::simulated_job job = from.jobs[pool[berth::bounded(draw, static_cast<std::uint32_t>(pool.size()))]];
        at += -std::log(1.0 - berth::uniform01(draw));
        job.arrival_s = at;
        work += job.steps * job.step_s * static_cast<double>(job.gpus);
        out.jobs.push_back(job);
    }
    const double span = work / (gpus * load);
    for (berth::simulated_job& job : out.jobs) job.arrival_s *= span / at;
    return out;
}

void arrive_at_zero(simulation_trace& trace) {
    // In the order of the file, which is that of all jobs that arrive at once.
    std::vector<std::size_t> by(trace.jobs.size());
    std::iota(by.begin(), by.end(), std::size_t{0});
    std::sort(by.begin(), by.end(), [&](std::size_t a, std::size_t b) { return trace.lines[a] < trace.lines[b]; });
    simulation_trace out;
    out.file = trace.file;
    for (const std::size_t j : by) {
        out.jobs.push_back(trace.jobs[j]);
        out.jobs.back().arrival_s = 0.0;
        out.names.push_back(std::move(trace.names[j]));
        out.classes.push_back(std::move(trace.classes[j]));
        out.lines.push_back(trace.lines[j]);
    }
    trace = std::move(out);
}

result<model_counts> parse_model_counts(const std::string& text) {
    const auto wrong = [&](std::string_view part) {
        return berth::error{error_code::malformed,
                            "--cluster: " + shown(part) + " is not MODEL:GPUS, as in v100:8,k80:24"};
    };
    std::vector<std::pair<std::string, std::uint32_t>> given;
    std::string_view rest = text;
    for (;;) {
        const std::string_view part = rest.substr(0, rest.find(','));
        const std::size_t colon = part.find(':');
        if (colon == 0 || colon == std::string_view::npos) return wrong(part);
        const auto count = count_of(part.substr(colon + 1));
        if (!count) return wrong(part);
        given.emplace_back(part.substr(0, colon), *count);
        if (part.size() == rest.size()) break;
        rest.remove_prefix(part.size() + 1);
    }
    auto sorted = given;
    std::sort(sorted.begin(), sorted.end());
    model_counts out;
    for (const auto& [name, count] : sorted) {
        if (!out.names.empty() && out.names.back() == name) {
            return berth::error{error_code::duplicate, "--cluster: " + shown(name) + " is given twice"};
        }
        out.names.push_back(name);
        out.gpus.push_back(count);
    }
    for (const auto& entry : given) {
        const auto at = std::find(out.names.begin(), out.names.end(), entry.first) - out.names.begin();
        out.order.emplace_back(static_cast<std::size_t>(at));
    }
    return out;
}

result<node_counts> parse_node_counts(const std::string& text) {
    const std::size_t cross = text.find('x');
    const auto nodes = count_of(std::string_view{text}.substr(0, cross == std::string::npos ? 0 : cross));
    const auto gpus =
        count_of(cross == std::string::npos ? std::string_view{} : std::string_view{text}.substr(cross + 1));
    if (!nodes || !gpus) {
        return berth::error{error_code::malformed, "--cluster: " + shown(text) + " is not NODESxGPUS, as in 8x8"};
    }
    return node_counts{*nodes, *gpus};
}

result<std::vector<double>> parse_job_speeds(const std::string& file, std::string_view text, const std::string& select,
                                             const simulation_trace& trace, const model_counts& models) {
    const auto read = csv_table::parse(file, text);
    if (!read) return read.error();
    const csv_table& in = *read;
    enum : std::size_t { gpu, type, scale, speed, columns };
    constexpr const char* names[columns] = {"gpu", "job_type", "scale_factor", "steps_per_s"};
    std::size_t column[columns] = {};
    if (auto ok = in.find_columns(names, column); !ok) return ok.error();
    const auto rows = select_rows(in, "table", in.find_column("table") ? select : std::string{}, "--speed-table");
    if (!rows) return rows.error();
    constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
    std::map<std::pair<std::string, std::int64_t>, std::vector<double>> speeds;
    std::vector<bool> named(models.names.size());
    for (const std::size_t row : *rows) {
        const auto count = in.integer(row, column[scale], 1, 1'000'000);
        if (!count) return count.error();
        const auto value = in.number(row, column[speed], 0.0, most);
        if (!value) return value.error();
        const auto kind = in.text(row, column[type]);
        if (!kind) return kind.error();
        const auto name = in.text(row, column[gpu]);
        if (!name) return name.error();
        const auto at = std::find(models.names.begin(), models.names.end(), *name);
        if (at == models.names.end()) continue;
        const auto m = static_cast<std::size_t>(at - models.names.begin());
        named[m] = true;
        auto& entry = speeds[{std::string{*kind}, *count}];
        entry.resize(models.names.size(), unknown);
        if (!std::isnan(entry[m])) {
            return in.fault(row, column[speed], error_code::duplicate, "this speed was given on an earlier line");
        }
        entry[m] = *value;
    }
    for (std::size_t m = 0; m < named.size(); ++m) {
        if (!named[m]) {
            return berth::error{error_code::unknown_name, file + ": there is no row of GPU model " +
                                                              shown(models.names[m]) + " in column \"gpu\""};
        }
    }
    std::vector<double> out;
    for (std::size_t j = 0; j < trace.jobs.size(); ++j) {
        const auto entry = speeds.find({trace.classes[j], trace.jobs[j].gpus});
        for (std::size_t m = 0; m < models.names.size(); ++m) {
            if (entry == speeds.end() || std::isnan(entry->second[m])) {
                return file_fault(error_code::unknown_name, trace.file, trace.lines[j], "job_type",
                                  file + " has no speed of " + shown(trace.classes[j]) + " with scale factor " +
                                      std::to_string(trace.jobs[j].gpus) + " on " + models.names[m]);
            }
            out.push_back(entry->second[m]);
        }
        bool runs = false;
        for (std::size_t m = 0; m < models.names.size(); ++m) {
            runs = runs || (entry->second[m] > 0.0 && trace.jobs[j].gpus <= models.gpus[m]);
        }
        if (!runs) {
            return file_fault(error_code::invalid_value, trace.file, trace.lines[j], "scale_factor",
                              "no GPU model on which the job can run has " + std::to_string(trace.jobs[j].gpus) +
                                  " GPUs");
        }
    }
    return out;
}

result<std::vector<std::vector<berth::model_index>>> parse_round_orders(const std::string& file, std::string_view text,
                                                                        const std::string& select,
                                                                        const std::string& policy,
                                                                        const model_counts& models) {
    const auto read = csv_table::parse(file, text);
    if (!read) return read.error();
    const csv_table& in = *read;
    const auto order = in.column("type_order");
    if (!order) return order.error();
    const auto round = in.find_column("round");
    const auto of_policy = in.find_column("policy");
    const auto of_trace = in.find_column("trace");
    std::vector<std::vector<berth::model_index>> out;
    for (std::size_t row = 0; row < in.row_count(); ++row) {
        if (of_policy && in.cell(row, *of_policy) != policy) continue;
        if (of_trace && !select.empty() && in.cell(row, *of_trace) != select) continue;
        if (round) {
            const auto number = in.integer(row, *round, 0, std::int64_t{1} << 40U);
            if (!number) return number.error();
            if (static_cast<std::size_t>(*number) != out.size()) {
                return in.fault(row, *round, error_code::inconsistent,
                                "this is round " + std::to_string(*number) + " where round " +
                                    std::to_string(out.size()) + " was expected");
            }
        }
        std::vector<berth::model_index> models_in_order;
        for (const char letter : in.cell(row, *order)) {
            std::size_t found = models.names.size();
            for (std::size_t m = 0; m < models.names.size(); ++m) {
                if (models.names[m].front() != letter) continue;
                if (found != models.names.size()) {
                    return in.fault(row, *order, error_code::inconsistent,
                                    std::string{"two GPU models begin with \""} + letter + '"');
                }
                found = m;
            }
            if (found == models.names.size()) {
                return in.fault(row, *order, error_code::unknown_name,
                                "no GPU model of the cluster begins with " + shown(std::string{letter}));
            }
            for (const berth::model_index m : models_in_order) {
                if (m.value() == found) {
                    return in.fault(row, *order, error_code::duplicate, models.names[found] + " comes twice");
                }
            }
            models_in_order.emplace_back(found);
        }
        if (models_in_order.size() != models.names.size() && !models_in_order.empty()) {
            return in.fault(row, *order, error_code::inconsistent,
                            "expected a letter for each of " + std::to_string(models.names.size()) + " GPU models");
        }
        out.push_back(std::move(models_in_order));
    }
    return out;
}

}  // namespace bench
