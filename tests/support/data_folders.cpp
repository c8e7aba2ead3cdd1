// SPDX-License-Identifier: Apache-2.0
#include "support/data_folders.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

TEST_CASE("the project's own data comes first") {
    for (const char* kind : {"gap", "mrp"}) {
        const auto folders = bench::data_folders(kind);
        REQUIRE_FALSE(folders.empty());
        CHECK(folders.front() == bench::own_data_folder(kind));
        CHECK(std::filesystem::path{folders.front()}.filename() == kind);
        CHECK(std::filesystem::path{bench::outside_data_folder(kind)}.filename() == kind);
        for (const auto& folder : folders) CHECK(std::filesystem::is_directory(folder));
    }
    CHECK(bench::data_folders("no_such_kind").empty());
}
