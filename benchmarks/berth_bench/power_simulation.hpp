// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/zeus_power.hpp"

#include <nlohmann/json.hpp>

namespace bench {

/// Simulates Gavel's continuous trace with a power limit for each job and GPU model, from the table of Zeus, and prints
/// energy a job against the mean completion time. Returns an exit status.
int print_power_simulation(const zeus_table& table, nlohmann::ordered_json& json);

}  // namespace bench
