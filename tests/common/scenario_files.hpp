// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/io/event_log.hpp"

#include "support/text_blocks.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace berth_test {

/// The files of a folder below tests/scenarios, by name.
[[nodiscard]] inline std::vector<std::string> scenario_files(const std::string& folder) {
    std::vector<std::string> found;
    const std::filesystem::path root = std::filesystem::path{BERTH_SCENARIOS_DIR} / folder;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{root}) {
        if (entry.path().extension() == ".jsonl") found.push_back(entry.path().string());
    }
    std::sort(found.begin(), found.end());
    return found;
}

/// The events of a file; fails the test and gives none if it cannot be read or expects nothing.
[[nodiscard]] inline std::vector<berth::io::numbered_event> read_scenario(const std::string& file) {
    const auto text = bench::read_text(file);
    REQUIRE_MESSAGE(text.has_value(), text.error().message);
    auto log = berth::io::read_event_log(*text, file);
    if (!log) {
        FAIL_CHECK(log.error().message);
        return {};
    }
    if (log->empty() || !std::holds_alternative<berth::io::expectation>(log->back().what)) {
        FAIL_CHECK("expects nothing");
        return {};
    }
    return *std::move(log);
}

}  // namespace berth_test
