// SPDX-License-Identifier: Apache-2.0
#include "support/power_csv.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <string_view>
#include <utility>

namespace {

constexpr const char* header = "part,model,idle_watts,full_watts,milli_per_package\n";

void refused(const std::string& rows, std::string_view line, std::string_view field, std::string_view what) {
    CAPTURE(rows);
    const auto read = bench::parse_power_table("watts.csv", header + rows);
    REQUIRE_FALSE(read.has_value());
    const std::string& said = read.error().message;
    CHECK(said.starts_with("watts.csv:" + std::string{line} + ": field \"" + std::string{field} + "\": "));
    CHECK_MESSAGE(said.find(what) != std::string::npos, said);
}

}  // namespace

TEST_CASE("the watts of the openb trace") {
    const auto table = bench::read_power_table(std::string{BERTH_OPENB_DIR} + "/power_watts.csv");
    REQUIRE(table.has_value());
    CHECK(berth::validate(*table).has_value());
    REQUIRE(table->gpus.size() == 8);
    CHECK(table->gpus[0].model == "T4");
    CHECK(table->gpus[0].idle == 10.0);
    CHECK(table->gpus[7].model == "G3");
    CHECK(table->gpus[7].full == 400.0);
    CHECK(table->other.full == 300.0);
    CHECK(table->cpu.milli_per_package == 32'000);
    CHECK(table->cpu.idle == 20.0);
    CHECK(table->cpu.full == 120.0);
}

TEST_CASE("watts: rows that are refused name file, line and field") {
    refused("gpu,T4,-1,70,\n", "2", "idle_watts", "-1");
    refused("gpu,T4,1,nan,\n", "2", "full_watts", "nan");
    refused("gpu,T4,,70,\n", "2", "idle_watts", "");
    refused("gpu,T4,71,70,\n", "2", "idle_watts", "more than full_watts");
    refused("gpu,,1,70,\n", "2", "model", "");
    refused("gpu,T4,1,2,\ngpu,T4,1,2,\n", "3", "model", "T4");
    refused("gpu,T4,1,2,32000\n", "2", "milli_per_package", "cpu_package");
    refused("other_gpu,T4,1,2,\n", "2", "model", "not empty");
    refused("other_gpu,,1,2,\nother_gpu,,1,2,\n", "3", "part", "other_gpu");
    refused("cpu_package,,1,2,0\n", "2", "milli_per_package", "0");
    refused("cpu_package,,1,2,\n", "2", "milli_per_package", "");
    refused("cpu_package,,1,2,9\ncpu_package,,1,2,9\n", "3", "part", "cpu_package");
    refused("fan,,1,2,\n", "2", "part", "fan");
    const auto missing = bench::parse_power_table("watts.csv", "part,model,idle_watts\n");
    REQUIRE_FALSE(missing.has_value());
    CHECK(missing.error().message.find("full_watts") != std::string::npos);
}

TEST_CASE("watts of a model: as listed, else those of other GPUs, else unknown") {
    const auto listed = bench::parse_power_csv("watts.csv", std::string{header} + "gpu,T4,10,70,\n");
    REQUIRE(listed.has_value());
    CHECK(listed->watts("T4") == std::pair{10.0, 70.0});
    CHECK(std::isnan(listed->watts("A10").first));
    CHECK(std::isnan(listed->watts("").second));
    const auto other = bench::parse_power_csv("watts.csv", std::string{header} + "other_gpu,,1,2,\ngpu,T4,10,70,\n");
    REQUIRE(other.has_value());
    CHECK(other->watts("T4") == std::pair{10.0, 70.0});
    CHECK(other->watts("") == std::pair{1.0, 2.0});
}
