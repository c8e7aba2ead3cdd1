// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/csv_instance.hpp"

#include "berth/cost/execution_time.hpp"

#include "support/csv_table.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace bench {

using berth::amount;
using berth::error;
using berth::error_code;
using berth::result;

namespace {

constexpr double most_load = 1e9;
constexpr double most_gigabytes = 1e12;
constexpr double gigabytes_per_second = 12.0;
constexpr double default_speed = 20.0;
constexpr std::size_t most_pairs = std::size_t{1} << 27U;
constexpr double most_cost = 9007199254740992.0;  // 2^53: sums of whole numbers up to here are exact
constexpr amount most_total_load = amount{1} << 61U;

/// Thousandths: loads and costs are whole numbers inside.
double milli(double value) { return std::round(value * 1000.0); }
amount milli_amount(double value) { return static_cast<amount>(std::llround(value * 1000.0)); }
std::string from_milli(amount value) { return fmt::format("{:.10g}", static_cast<double>(value) / 1000.0); }

/// A table whose columns are read by name. It remembers which were, to name the others.
class reader {
public:
    explicit reader(const csv_table& table) : table_{&table} {}

    /// The first of these columns that the file has.
    std::optional<std::size_t> find(std::initializer_list<std::string_view> names) {
        for (const auto name : names) {
            const auto at = table_->find_column(name);
            if (!at) continue;
            used_.insert(*at);
            return at;
        }
        return std::nullopt;
    }
    result<std::size_t> need(std::initializer_list<std::string_view> names) {
        if (const auto at = find(names)) return *at;
        return table_->column(*names.begin()).error();
    }
    /// All numbers of a column; `otherwise` in each row if there is none.
    result<std::vector<double>> numbers(std::optional<std::size_t> column, double least, double most,
                                        double otherwise) const {
        std::vector<double> values(table_->row_count(), otherwise);
        for (std::size_t row = 0; column && row < values.size(); ++row) {
            const auto value = table_->number(row, *column, least, most);
            if (!value) return value.error();
            values[row] = *value;
        }
        return values;
    }
    /// The names of all rows, each once: `KIND-1` and so on for those without one.
    result<std::vector<std::string>> names(std::string_view kind) {
        const auto column = find({"name", "id"});
        std::vector<std::string> names;
        std::set<std::string, std::less<>> seen;
        for (std::size_t row = 0; row < table_->row_count(); ++row) {
            std::string name = column ? std::string{table_->cell(row, *column)} : std::string{};
            if (name.empty()) name = fmt::format("{}-{}", kind, row + 1);
            if (!seen.insert(name).second) {
                return table_->fault(row, column.value_or(0), error_code::duplicate, shown(name) + " was given before");
            }
            names.push_back(std::move(name));
        }
        return names;
    }
    /// A sentence about the columns that nobody read; empty if there are none.
    [[nodiscard]] std::string ignored() const {
        std::string names;
        for (std::size_t c = 0; c < table_->column_count(); ++c) {
            if (used_.contains(c)) continue;
            names += (names.empty() ? "" : ", ") + shown(table_->column_name(c));
        }
        return names.empty() ? names : fmt::format("{}: not used: {}", table_->file(), names);
    }

private:
    const csv_table* table_;
    std::set<std::size_t> used_;
};

struct task_columns {
    std::vector<std::string> names;
    std::vector<double> complexity;
    std::vector<double> load;
    std::vector<double> data;
    std::vector<double> output;
    std::size_t load_column = 0;  ///< named in messages about room
    std::size_t complexity_column = 0;
};

struct gpu_columns {
    std::vector<std::string> names;
    std::vector<double> load;
    std::vector<double> max_load;
    std::vector<double> speed;
    std::vector<double> rate;  ///< cost of a second
    std::vector<double> temp;  ///< empty: no limit by temperature
    std::vector<double> max_temp;
};

result<task_columns> to_tasks(const csv_table& table, std::vector<std::string>& notes) {
    reader in{table};
    task_columns tasks;
    auto names = in.names("task");
    if (!names) return names.error();
    tasks.names = *std::move(names);
    const auto complexity = in.need({"complexity", "complicity"});
    if (!complexity) return complexity.error();
    const auto load = in.find({"load"});
    tasks.complexity_column = *complexity;
    tasks.load_column = load.value_or(*complexity);
    const auto fill = [&](std::vector<double>& to, std::optional<std::size_t> column, double most) -> result<void> {
        auto values = in.numbers(column, 0.0, most, 0.0);
        if (!values) return values.error();
        to = *std::move(values);
        return {};
    };
    if (const auto ok = fill(tasks.complexity, *complexity, most_load); !ok) return ok.error();
    if (const auto ok = fill(tasks.load, tasks.load_column, most_load); !ok) return ok.error();
    if (const auto ok = fill(tasks.data, in.find({"data_size"}), most_gigabytes); !ok) return ok.error();
    if (const auto ok = fill(tasks.output, in.find({"output_size"}), most_gigabytes); !ok) return ok.error();
    if (table.row_count() == 0)
        return file_fault(error_code::invalid_value, table.file(), 0, {}, "there is no task in it");
    if (const auto ignored = in.ignored(); !ignored.empty()) notes.push_back(ignored);
    return tasks;
}

result<gpu_columns> to_gpus(const csv_table& table, const std::string& cost, std::string& cost_column,
                            std::vector<std::string>& notes) {
    reader in{table};
    gpu_columns gpus;
    auto names = in.names("gpu");
    if (!names) return names.error();
    gpus.names = *std::move(names);
    const auto max_load = in.need({"max_load"});
    if (!max_load) return max_load.error();
    const auto fill = [&](std::vector<double>& to, std::optional<std::size_t> column, double least, double most,
                          double otherwise) -> result<void> {
        auto values = in.numbers(column, least, most, otherwise);
        if (!values) return values.error();
        to = *std::move(values);
        return {};
    };
    if (const auto ok = fill(gpus.max_load, *max_load, 0.001, most_load, 0.0); !ok) return ok.error();
    if (const auto ok = fill(gpus.load, in.find({"load"}), 0.0, most_load, 0.0); !ok) return ok.error();
    if (const auto ok = fill(gpus.speed, in.find({"speed"}), 0.001, most_load, default_speed); !ok) return ok.error();
    std::optional<std::size_t> rate;
    if (cost.empty()) {
        rate = in.find({"power"});
    } else if (cost != "seconds") {
        const auto at = in.need({cost});
        if (!at) return at.error();
        rate = *at;
    }
    if (rate) cost_column = table.column_name(*rate);
    if (const auto ok = fill(gpus.rate, rate, 0.0, most_load, 1.0); !ok) return ok.error();
    if (table.find_column("temp") && table.find_column("max_temp")) {
        if (const auto ok = fill(gpus.temp, in.find({"temp"}), -100.0, 1000.0, 0.0); !ok) return ok.error();
        if (const auto ok = fill(gpus.max_temp, in.find({"max_temp"}), -100.0, 1000.0, 0.0); !ok) return ok.error();
    }
    if (table.row_count() == 0)
        return file_fault(error_code::invalid_value, table.file(), 0, {}, "there is no GPU in it");
    if (const auto ignored = in.ignored(); !ignored.empty()) notes.push_back(ignored);
    return gpus;
}

/// The rise of the temperature from no load to full load: the slope of the least-squares line through all GPUs. 0 if
/// they do not tell. Never negative.
double rise_with_load(const gpu_columns& gpus) {
    const auto count = static_cast<double>(gpus.temp.size());
    double mean_x = 0.0;
    double mean_y = 0.0;
    for (std::size_t g = 0; g < gpus.temp.size(); ++g) {
        mean_x += gpus.load[g] / gpus.max_load[g] / count;
        mean_y += gpus.temp[g] / count;
    }
    double xx = 0.0;
    double xy = 0.0;
    for (std::size_t g = 0; g < gpus.temp.size(); ++g) {
        const double x = gpus.load[g] / gpus.max_load[g] - mean_x;
        xx += x * x;
        xy += x * (gpus.temp[g] - mean_y);
    }
    return xx > 1e-12 ? std::max(0.0, xy / xx) : 0.0;
}

/// How much more load each GPU takes.
std::vector<amount> rooms(const gpu_columns& gpus) {
    const double rise = rise_with_load(gpus);
    std::vector<amount> room;
    for (std::size_t g = 0; g < gpus.max_load.size(); ++g) {
        double most = gpus.max_load[g];
        if (!gpus.temp.empty()) {
            const double warmer = gpus.max_temp[g] - gpus.temp[g];
            if (rise > 0.0) most = std::min(most, gpus.load[g] + warmer / rise * gpus.max_load[g]);
            if (warmer <= 0.0) most = std::min(most, gpus.load[g]);
        }
        room.push_back(std::max<amount>(0, milli_amount(std::max(most, 0.0)) - milli_amount(gpus.load[g])));
    }
    return room;
}

/// The tasks that have a GPU with enough room. The names of the others go to `left_out`.
result<std::vector<std::size_t>> placeable(const csv_table& table, const task_columns& tasks, const gpu_columns& gpus,
                                           const std::vector<amount>& room, csv_instance& made) {
    const auto roomiest = static_cast<std::size_t>(std::max_element(room.begin(), room.end()) - room.begin());
    std::vector<std::size_t> kept;
    amount wanted = 0;
    for (std::size_t t = 0; t < tasks.load.size(); ++t) {
        const amount load = milli_amount(tasks.load[t]);
        if (load > room[roomiest]) {
            made.left_out.push_back(tasks.names[t]);
            if (made.left_out.size() > 1) continue;
            made.notes.push_back(
                table
                    .fault(t, tasks.load_column, error_code::inconsistent,
                           fmt::format("{} fits on no GPU, so that {} is left out; the most room is {}, on {}",
                                       from_milli(load), shown(tasks.names[t]), from_milli(room[roomiest]),
                                       shown(gpus.names[roomiest])))
                    .message);
            continue;
        }
        kept.push_back(t);
        wanted += load;
        if (wanted > most_total_load) {
            return table.fault(t, tasks.load_column, error_code::overflow,
                               "the sum of all loads up to here exceeds 2^61 thousandths");
        }
    }
    if (kept.empty()) {
        return table.fault(0, tasks.load_column, error_code::inconsistent,
                           fmt::format("no task fits on any GPU; the most room is {}, on {}",
                                       from_milli(room[roomiest]), shown(gpus.names[roomiest])));
    }
    if (made.left_out.size() > 1) {
        made.notes.push_back(fmt::format("{}: {} tasks are left out in this way", table.file(), made.left_out.size()));
    }
    amount there = 0;
    for (std::size_t g = 0; g < room.size() && there < wanted; ++g) there += room[g];
    if (there < wanted) {
        made.notes.push_back(fmt::format("{}: no plan is feasible: the tasks need room for {}, the GPUs have {}",
                                         table.file(), from_milli(wanted), from_milli(there)));
    }
    return kept;
}

result<csv_instance> combine(const csv_table& task_table, const csv_table& gpu_table, const std::string& cost) {
    csv_instance made;
    const auto tasks = to_tasks(task_table, made.notes);
    if (!tasks) return tasks.error();
    const auto gpus = to_gpus(gpu_table, cost, made.cost_column, made.notes);
    if (!gpus) return gpus.error();
    gap_instance& instance = made.instance;
    instance.name = std::filesystem::path{task_table.file()}.stem().string();
    instance.agents = gpus->max_load.size();
    if (task_table.row_count() > most_pairs / instance.agents) {
        return file_fault(error_code::limit_exceeded, task_table.file(), 0, {},
                          fmt::format("{} tasks on {} GPUs are more than {} pairs", task_table.row_count(),
                                      instance.agents, most_pairs));
    }
    instance.capacities = rooms(*gpus);
    const auto kept = placeable(task_table, *tasks, *gpus, instance.capacities, made);
    if (!kept) return kept.error();
    instance.tasks = kept->size();

    const berth::execution_time seconds{.seconds_per_input_gb = 1.0 / gigabytes_per_second,
                                        .seconds_per_output_gb = 1.0 / gigabytes_per_second};
    instance.costs.reserve(instance.tasks * instance.agents);
    instance.loads.reserve(instance.tasks * instance.agents);
    double sum = 0.0;
    bool alike = instance.agents > 1;
    for (const std::size_t t : *kept) {
        const std::size_t first = instance.costs.size();
        const double features[] = {tasks->data[t], tasks->complexity[t], tasks->output[t]};
        double largest = 0.0;
        for (std::size_t g = 0; g < instance.agents; ++g) {
            const double speed[] = {gpus->speed[g]};
            instance.costs.push_back(milli(seconds(features, speed) * gpus->rate[g]));
            instance.loads.push_back(milli_amount(tasks->load[t]));
            largest = std::max(largest, instance.costs.back());
            alike = alike && instance.costs.back() == instance.costs[first];
        }
        sum += largest;
        if (sum > most_cost) {
            return task_table.fault(t, tasks->complexity_column, error_code::overflow,
                                    "the sum of the largest cost of each task up to here exceeds 2^53 thousandths");
        }
    }
    if (alike) {
        made.notes.push_back(gpu_table.file() +
                             ": every task costs the same on each GPU, so every plan that fits is as "
                             "good as any other; give the GPUs a speed, a power or --cost");
    }
    const auto full = std::count(instance.capacities.begin(), instance.capacities.end(), 0);
    if (full > 0)
        made.notes.push_back(fmt::format("{}: {} of {} GPUs have no room", gpu_table.file(), full, instance.agents));
    return made;
}

}  // namespace

result<csv_instance> read_csv_instance(const std::string& tasks_file, const std::string& gpus_file,
                                       const std::string& cost) {
    const auto tasks = csv_table::read(tasks_file);
    if (!tasks) return tasks.error();
    const auto gpus = csv_table::read(gpus_file);
    if (!gpus) return gpus.error();
    return combine(*tasks, *gpus, cost);
}

}  // namespace bench
