// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"
#include "berth/objective/measures/power.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace bench {

/// Idle and full watts from a CSV file with the columns `part`, `model`, `idle_watts`, `full_watts` and
/// `milli_per_package`. A part is `gpu` (with a model), `other_gpu` (all models that are not listed) or `cpu_package`
/// (with the thousandths of a CPU that one package supplies); the latter two occur at most once. Errors name file, line
/// and field.
struct power_csv {
    berth::power_table table{};
    bool has_other = false;  ///< it has a row `other_gpu`; else the table's own default stands for it

    /// Idle and full watts of a GPU model as far as the file says: NaN of a model that it neither lists nor covers by
    /// `other_gpu`.
    [[nodiscard]] std::pair<double, double> watts(std::string_view model) const;
};
[[nodiscard]] berth::result<power_csv> read_power_csv(const std::string& path);
[[nodiscard]] berth::result<power_csv> parse_power_csv(const std::string& file, std::string_view text);
/// The table alone.
[[nodiscard]] berth::result<berth::power_table> read_power_table(const std::string& path);
[[nodiscard]] berth::result<berth::power_table> parse_power_table(const std::string& file, std::string_view text);

}  // namespace bench
