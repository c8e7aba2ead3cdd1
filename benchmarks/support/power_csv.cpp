// SPDX-License-Identifier: Apache-2.0
#include "support/power_csv.hpp"

#include "support/csv_table.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>

namespace bench {

using berth::error_code;
using berth::result;

namespace {

constexpr double most_watts = 1e6;

result<power_csv> to_power_csv(const csv_table& in) {
    enum : std::size_t { part, model, idle, full, package, columns };
    constexpr const char* names[columns] = {"part", "model", "idle_watts", "full_watts", "milli_per_package"};
    std::size_t column[columns] = {};
    if (auto ok = in.find_columns(names, column); !ok) return ok.error();
    power_csv read;
    berth::power_table& table = read.table;
    bool has_cpu = false;
    for (std::size_t row = 0; row < in.row_count(); ++row) {
        const std::string_view kind = in.cell(row, column[part]);
        const auto idle_watts = in.number(row, column[idle], 0.0, most_watts);
        if (!idle_watts) return idle_watts.error();
        const auto full_watts = in.number(row, column[full], 0.0, most_watts);
        if (!full_watts) return full_watts.error();
        if (*idle_watts > *full_watts) {
            return in.fault(row, column[idle], error_code::inconsistent, "is more than full_watts");
        }
        // A cell that does not belong to the part is an error.
        for (const auto& [cell, owner] : {std::pair{model, "gpu"}, std::pair{package, "cpu_package"}}) {
            if (kind != owner && !in.cell(row, column[cell]).empty()) {
                return in.fault(row, column[cell], error_code::inconsistent,
                                "is not empty, but the row is no " + std::string{owner});
            }
        }
        if (kind == "gpu") {
            const auto name = in.text(row, column[model]);
            if (!name) return name.error();
            if (std::any_of(table.gpus.begin(), table.gpus.end(), [&](const auto& g) { return g.model == *name; })) {
                return in.fault(row, column[model], error_code::duplicate,
                                shown(*name) + " was given on an earlier line");
            }
            table.gpus.push_back({std::string{*name}, *idle_watts, *full_watts});
        } else if (kind == "other_gpu" || kind == "cpu_package") {
            bool& seen = kind == "other_gpu" ? read.has_other : has_cpu;
            if (seen) {
                return in.fault(row, column[part], error_code::duplicate,
                                shown(kind) + " was given on an earlier line");
            }
            seen = true;
            if (kind == "other_gpu") {
                table.other = {.model = {}, .idle = *idle_watts, .full = *full_watts};
                continue;
            }
            const auto milli = in.integer(row, column[package], 1, berth::max_amount);
            if (!milli) return milli.error();
            table.cpu = {.milli_per_package = *milli, .idle = *idle_watts, .full = *full_watts};
        } else {
            return in.fault(row, column[part], error_code::unknown_name,
                            shown(kind) + " is none of gpu, other_gpu, cpu_package");
        }
    }
    return read;
}

/// The table alone.
result<berth::power_table> table_of(result<power_csv> read) {
    if (!read) return read.error();
    return std::move(read->table);
}

}  // namespace

std::pair<double, double> power_csv::watts(std::string_view model) const {
    constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
    for (const berth::gpu_watts& gpu : table.gpus) {
        if (gpu.model == model) return {gpu.idle, gpu.full};
    }
    return has_other ? std::pair{table.other.idle, table.other.full} : std::pair{unknown, unknown};
}

result<power_csv> read_power_csv(const std::string& path) {
    const auto table = csv_table::read(path);
    if (!table) return table.error();
    return to_power_csv(*table);
}

result<power_csv> parse_power_csv(const std::string& file, std::string_view text) {
    const auto table = csv_table::parse(file, text);
    if (!table) return table.error();
    return to_power_csv(*table);
}

result<berth::power_table> read_power_table(const std::string& path) { return table_of(read_power_csv(path)); }

result<berth::power_table> parse_power_table(const std::string& file, std::string_view text) {
    return table_of(parse_power_csv(file, text));
}

}  // namespace bench
