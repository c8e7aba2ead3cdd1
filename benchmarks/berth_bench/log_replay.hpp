// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"
#include "berth/io/event_log.hpp"

#include "support/log_fleet.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace bench {

/// What the program's options say over the defaults of a log.
struct replay_settings {
    std::string policy{};                ///< empty: the log's
    std::optional<bool> acknowledged{};  ///< absent: the log's
    std::optional<double> until{};       ///< seconds up to which the engine is woken after the last line
    std::string mig_profiles{};          ///< file of the boards of GPUs in MIG mode; empty: the project's own
};

/// A replayed log.
struct replayed_log {
    std::string policy{};
    bool acknowledged = false;
    std::map<std::string, std::uint64_t> events{};     ///< by name
    std::map<std::string, std::uint64_t> decisions{};  ///< by name
    std::uint64_t duplicates = 0;                      ///< events that came before
    std::vector<berth::io::decision> decided{};
    std::optional<berth::io::expectation> expected{};
    log_fleet end;  ///< at the end
    std::uint64_t times_decided = 0;
    double decide_seconds = 0.0;          ///< CPU time of all decisions
    std::optional<std::string> broken{};  ///< what no scheduler may decide: an error of the engine
};

/// Runs a log through a scheduler. An error names file, line and field of what the log cannot mean or the engine cannot
/// do yet; it comes before the decisions of that line's time.
[[nodiscard]] berth::result<replayed_log> replay_log(const std::vector<berth::io::numbered_event>& log,
                                                     const std::string& file, const replay_settings& settings);

}  // namespace bench
