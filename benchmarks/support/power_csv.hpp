// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"
#include "berth/objective/measures/power.hpp"

#include <string>
#include <string_view>

namespace bench {

/// Idle and full watts from a CSV file with the columns `part`, `model`, `idle_watts`, `full_watts` and
/// `milli_per_package`. A part is `gpu` (with a model), `other_gpu` (all models that are not listed) or `cpu_package`
/// (with the thousandths of a CPU that one package supplies); the latter two occur at most once. Errors name file, line
/// and field.
[[nodiscard]] berth::result<berth::power_table> read_power_table(const std::string& path);
[[nodiscard]] berth::result<berth::power_table> parse_power_table(const std::string& file, std::string_view text);

}  // namespace bench
