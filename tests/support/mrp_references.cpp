// SPDX-License-Identifier: Apache-2.0
#include "support/mrp_references.hpp"

#include "common/skip.hpp"
#include "support/mrp_check.hpp"
#include "support/mrp_instance.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

using bench::mrp_references;

TEST_CASE("the project knows what others reached") {
    const auto known = mrp_references::read(mrp_references::own_file());
    REQUIRE(known.has_value());
    REQUIRE(known->find("b_1", "best") != nullptr);
    CHECK(known->find("b_1", "best")->value == 3339186879.0);
    CHECK(known->find("b_1", "best")->seconds == 300.0);
    CHECK(known->find("b_1", "S41", "final")->value == 3370468979.0);
    CHECK(known->find("b_1", "S41", "2026")->source == "2026");
    CHECK(known->find("b_1", "S99") == nullptr);
    CHECK(known->find("c_1", "best") == nullptr);
    CHECK(known->goal("a1_1", "goal", 60.0) == 44306501.0);
    CHECK_FALSE(known->goal("a1_1", "goal", 10.0).has_value());
    CHECK(known->goal("B", "score_goal", 300.0) == -0.3);
    // Whatever anybody reached lies between the bound and the original cost.
    for (const auto& row : known->rows()) {
        if (row.name == "score_goal") continue;
        CAPTURE(row.instance);
        CAPTURE(row.name);
        REQUIRE(known->find(row.instance, "initial") != nullptr);
        CHECK(row.value >= known->find(row.instance, "lower_bound")->value);
        CHECK(row.value <= known->find(row.instance, "initial")->value);
    }
}

TEST_CASE("bounds and original costs that are known are what the instances come to") {
    if (!berth_test::external_data("mrp")) return;
    const auto known = mrp_references::read(mrp_references::own_file());
    REQUIRE(known.has_value());
    for (const auto& name : bench::mrp_instance_names()) {
        CAPTURE(name);
        const auto* bound = known->find(name, "lower_bound");
        if (bound == nullptr) continue;
        const auto read = bench::read_mrp_instance(*bench::find_mrp_instance(name));
        REQUIRE(read.has_value());
        CHECK(static_cast<double>(bench::mrp_lower_bound(read->input)) == bound->value);
        const auto verdict = bench::check_mrp_assignment(read->input, bench::observed_nodes(read->input));
        CHECK(static_cast<double>(verdict.cost.total()) == known->find(name, "initial")->value);
    }
}

TEST_CASE("a file of references is refused by line and field") {
    const auto path =
        std::filesystem::temp_directory_path() / ("berth_references_" + std::to_string(getpid()) + ".csv");
    const auto said = [&](const std::string& text) {
        std::ofstream{path} << text;
        const auto read = mrp_references::read(path.string());
        return read ? std::string{} : read.error().message.substr(path.string().size());
    };
    CHECK(said("instance,name,seconds,value,source\nb_1,best,,5,\n").empty());
    CHECK(said("instance,name,seconds,value,source\nb_1,best,,five,\n").starts_with(":2: field \"value\""));
    CHECK(said("instance,name,seconds,value,source\nb_1,best,-1,5,\n").starts_with(":2: field \"seconds\""));
    CHECK(said("instance,name,seconds,value,source\nb_1,,,5,\n").starts_with(":2: field \"name\""));
    CHECK(said("instance,name,value,source\nb_1,best,5,\n").find("seconds") != std::string::npos);
    std::filesystem::remove(path);
}
