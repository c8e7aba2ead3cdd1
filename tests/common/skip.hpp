// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

namespace berth_test {

/// Reports that a case cannot run here. Return from the case right after it: CTest reports any case that printed this as
/// skipped, even if it checks something later. A program without doctest returns 77 instead.
inline void skipped(const std::string& why) {
    std::printf("SKIPPED: %s\n", why.c_str());
    std::fflush(stdout);
}

/// A file or folder among the public instances that are not in the repository (environment variable BERTH_DATA; CTest
/// sets it to ../shared/data beside the repository where that exists). Prints why and returns nothing if it is not there.
[[nodiscard]] inline std::optional<std::filesystem::path> external_data(const std::filesystem::path& relative) {
    const char* root = std::getenv("BERTH_DATA");
    if (root == nullptr || *root == '\0') {
        skipped("BERTH_DATA is not set");
        return std::nullopt;
    }
    auto path = std::filesystem::path{root} / relative;
    if (!std::filesystem::exists(path)) {
        skipped(path.string() + " is not there");
        return std::nullopt;
    }
    return path;
}

}  // namespace berth_test
