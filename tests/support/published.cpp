// SPDX-License-Identifier: Apache-2.0
#include "support/published.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

TEST_CASE("the published tables") {
    const auto read = bench::published_results::read(BERTH_OPENB_DIR);
    REQUIRE(read.has_value());
    CHECK(read->unallocated_percent("default", "fgd", 100) == 4.77);
    CHECK(read->unallocated_percent("default", "random", 125) == 12.60);
    CHECK(read->unallocated_percent("gpuspec33", "best_fit", 90) == 26.90);
    CHECK(read->unallocated_percent("multigpu50", "gpu_packing", 130) == 3.82);
    CHECK(read->deviation("cpu250", "gpu_clustering", 100) == 0.61);
    CHECK(read->fragmentation_percent("default", "dot_product", 95) == 9.34);
    CHECK(read->fragmentation_percent("gpushare100", "fgd", 100) == 13.25);
    CHECK_FALSE(read->unallocated_percent("default", "fgd", 99).has_value());
    CHECK_FALSE(read->unallocated_percent("cpu050", "fgd", 105).has_value());
    CHECK_FALSE(read->deviation("default", "fgd", 90).has_value());
    CHECK_FALSE(read->unallocated_percent("my own", "fgd", 100).has_value());
}

TEST_CASE("a folder without the tables is an error that names the file") {
    const auto read = bench::published_results::read("/no/such/folder");
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().message == "/no/such/folder/published_unallocated.csv: no such file");
}

TEST_CASE("the trace is recognised by the name of the file") {
    CHECK(bench::trace_name("/data/openb_pod_list_gpuspec33.csv") == "gpuspec33");
    CHECK(bench::trace_name("openb_pod_list_default.csv") == "default");
    CHECK(bench::trace_name("my_pods.csv").empty());
    CHECK(bench::trace_name("").empty());
}

TEST_CASE("the project's own data is found") { CHECK(std::filesystem::exists(bench::openb_folder() + "/README.md")); }
