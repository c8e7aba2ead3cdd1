// SPDX-License-Identifier: Apache-2.0
#include "support/output_file.hpp"

#include "support/csv_table.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace fs = std::filesystem;

TEST_CASE("outputs that cannot be written are refused before anything is done") {
    const fs::path folder = fs::temp_directory_path() / ("berth_output_file_test_" + std::to_string(getpid()));
    fs::create_directories(folder);
    const std::string file = (folder / "out.txt").string();
    CHECK(bench::check_output("").has_value());
    CHECK(bench::check_output(file).has_value());
    CHECK_FALSE(fs::exists(file));  // looking leaves nothing behind
    CHECK(bench::write_file(file, "one\n").has_value());
    CHECK(bench::check_output(file).has_value());
    CHECK(bench::write_file(file, "two\n").has_value());
    CHECK(bench::read_file(file).value() == "two\n");
    CHECK(bench::check_output("a_file_in_the_working_folder.txt").has_value());

    const auto into = bench::check_output(folder.string());
    REQUIRE_FALSE(into.has_value());
    CHECK(into.error().message == folder.string() + ": is a directory, not a file");
    const auto nowhere = bench::check_output((folder / "no" / "out.txt").string());
    REQUIRE_FALSE(nowhere.has_value());
    CHECK(nowhere.error().message.ends_with(": the folder does not exist"));
    CHECK_FALSE(bench::write_file((folder / "no" / "out.txt").string(), "x").has_value());
    CHECK_FALSE(bench::check_output(file + "/out.txt").has_value());
    fs::remove_all(folder);
}
