// SPDX-License-Identifier: Apache-2.0
#include "support/published.hpp"

#include "support/csv_table.hpp"

#include <filesystem>
#include <system_error>
#include <utility>

namespace bench {

using berth::result;

namespace {

using cells = std::map<std::tuple<std::string, std::string, int>, double>;

result<void> read_cells(const std::string& path, const char* value_column, cells& into, const char* deviation_column,
                        cells* deviations) {
    const auto table = csv_table::read(path);
    if (!table) return table.error();
    const auto trace = table->column("trace");
    if (!trace) return trace.error();
    const auto policy = table->column("policy");
    if (!policy) return policy.error();
    const auto arrived = table->column("arrived_percent");
    if (!arrived) return arrived.error();
    const auto value = table->column(value_column);
    if (!value) return value.error();
    std::size_t deviation = 0;
    if (deviations != nullptr) {
        const auto at = table->column(deviation_column);
        if (!at) return at.error();
        deviation = *at;
    }
    for (std::size_t row = 0; row < table->row_count(); ++row) {
        const auto percent = table->integer(row, *arrived, 0, 1000);
        if (!percent) return percent.error();
        const auto number = table->number(row, *value, 0.0, 100.0);
        if (!number) return number.error();
        const std::tuple key{std::string{table->cell(row, *trace)}, std::string{table->cell(row, *policy)},
                             static_cast<int>(*percent)};
        if (!into.emplace(key, *number).second) {
            return table->fault(row, *arrived, berth::error_code::duplicate, "this cell was given on an earlier line");
        }
        if (deviations == nullptr || table->cell(row, deviation).empty()) continue;
        const auto spread = table->number(row, deviation, 0.0, 100.0);
        if (!spread) return spread.error();
        deviations->emplace(key, *spread);
    }
    return {};
}

}  // namespace

result<published_results> published_results::read(const std::string& folder) {
    published_results read;
    if (const auto ok = read_cells(folder + "/published_unallocated.csv", "unallocated_percent", read.unallocated_,
                                   "sd", &read.deviation_);
        !ok) {
        return ok.error();
    }
    if (const auto ok = read_cells(folder + "/published_fragmentation.csv", "fragmentation_percent",
                                   read.fragmentation_, nullptr, nullptr);
        !ok) {
        return ok.error();
    }
    return read;
}

std::optional<double> published_results::find(const cells& in, std::string_view trace, std::string_view policy,
                                              int arrived) {
    const auto at = in.find({std::string{trace}, std::string{policy}, arrived});
    return at == in.end() ? std::nullopt : std::optional{at->second};
}
std::optional<double> published_results::unallocated_percent(std::string_view trace, std::string_view policy,
                                                             int arrived) const {
    return find(unallocated_, trace, policy, arrived);
}
std::optional<double> published_results::fragmentation_percent(std::string_view trace, std::string_view policy,
                                                               int arrived) const {
    return find(fragmentation_, trace, policy, arrived);
}
std::optional<double> published_results::deviation(std::string_view trace, std::string_view policy, int arrived) const {
    return find(deviation_, trace, policy, arrived);
}

std::string trace_name(const std::string& pods_file) {
    constexpr std::string_view prefix = "openb_pod_list_";
    const std::string stem = std::filesystem::path{pods_file}.stem().string();
    return stem.starts_with(prefix) ? stem.substr(prefix.size()) : std::string{};
}

std::string openb_folder() {
    std::error_code ignored;
    std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", ignored);
    for (const auto& folder :
         {std::filesystem::path{BERTH_DATA_DIR} / "openb",
          // build/<preset>/benchmarks/berth-bench, and an installed tree
          program.parent_path() / "../../../benchmarks/data/openb", program.parent_path() / "../share/berth/openb",
          std::filesystem::path{"benchmarks/data/openb"}}) {
        if (std::filesystem::is_regular_file(folder / "openb_node_list_gpu_node.csv", ignored)) {
            return folder.lexically_normal().string();
        }
    }
    return {};
}

}  // namespace bench
