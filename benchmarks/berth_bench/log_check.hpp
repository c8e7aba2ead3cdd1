// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/io/event_log_expectation.hpp"

#include "support/log_fleet.hpp"

#include <string>
#include <vector>

namespace bench {

/// What differs from what a log expects at its end, one sentence each; empty if all of it holds.
[[nodiscard]] std::vector<std::string> differences(const berth::io::expectation& expected, const log_fleet& found);

}  // namespace bench
