// SPDX-License-Identifier: Apache-2.0
#include "support/mrp_instance.hpp"

#include "support/mrp_check.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using bench::mrp_instance;

namespace {

// Two resources, two machines, two services, three processes, one balance. A number a line, from line 1.
const std::vector<std::string> sample{
    "2", "1", "100", "0",   "10",                                              // 0: resources
    "2", "0", "7",   "30",  "400",  "16", "80", "0",  "5",                     // 5: machines
    "1", "9", "10",  "100", "8",    "90", "4",  "0",                           // 14
    "2", "2", "0",   "1",   "2",    "0",  "0",                                 // 22: services
    "3", "0", "12",  "10",  "1000", "0",  "10", "20", "100", "1", "6", "200",  // 29: processes
    "1", "1", "0",   "1",   "20",   "10", "1",  "11", "111",                   // 41: ..., balances, weights
};

std::string lines(const std::vector<std::string>& numbers) {
    std::string text;
    for (const auto& number : numbers) text += number + '\n';
    return text;
}
std::string with(std::size_t position, const std::string& number) {
    auto numbers = sample;
    numbers[position] = number;
    return lines(numbers);
}

berth::result<berth::reassignment_input> parse(std::string_view text) {
    return bench::read_mrp_model("m.txt", bench::text_blocks(text));
}
berth::result<std::vector<std::uint32_t>> parse_assignment(std::string_view text) {
    return bench::read_mrp_assignment("a.txt", bench::text_blocks(text), 3, 2);
}

template <class T>
void refused(const berth::result<T>& read, std::string_view start, std::string_view what) {
    REQUIRE_FALSE(read.has_value());
    const std::string& said = read.error().message;
    CHECK_MESSAGE(said.starts_with(start), said);
    CHECK_MESSAGE(said.find(what) != std::string::npos, said);
}
void refused(const std::string& text, std::string_view start, std::string_view what) {
    CAPTURE(text);
    refused(parse(text), start, what);
}

std::string text_of(const berth::reassignment_input& input) {
    std::ostringstream out;
    bench::write_mrp_model(out, input);
    return out.str();
}

}  // namespace

TEST_CASE("a model is read in the order of the challenge") {
    const std::string text = lines(sample);
    const auto read = parse(text);
    REQUIRE(read.has_value());
    using amounts = std::vector<berth::amount>;
    using numbers = std::vector<std::uint32_t>;
    REQUIRE(read->resources.size() == 2);
    CHECK(read->resources[0].transient);
    CHECK_FALSE(read->resources[1].transient);
    CHECK(read->resources[0].load_weight == 100);
    CHECK(read->neighbourhood == numbers{0, 1});
    CHECK(read->location == numbers{7, 9});
    CHECK(read->capacity == amounts{30, 400, 10, 100});
    CHECK(read->safety_capacity == amounts{16, 80, 8, 90});
    CHECK(read->pair_costs(berth::node_index{0}, berth::node_index{1}) == 5);
    CHECK(read->pair_costs(berth::node_index{1}, berth::node_index{0}) == 4);
    CHECK(read->spread == numbers{2, 1});
    CHECK(read->dependencies == numbers{0, 0});
    CHECK(read->dependency_ends == std::vector<std::size_t>{0, 2});
    CHECK(read->group == numbers{0, 0, 1});
    CHECK(read->demand == amounts{12, 10, 10, 20, 6, 200});
    CHECK(read->move_cost == amounts{1000, 100, 1});
    REQUIRE(read->balances.size() == 1);
    CHECK(read->balances[0].first == 0);
    CHECK(read->balances[0].second == 1);
    CHECK(read->balances[0].target == 20);
    CHECK(read->balances[0].weight == 10);
    CHECK(read->task_weight == 1);
    CHECK(read->group_weight == 11);
    CHECK(read->pair_weight == 111);
    CHECK(read->initial.empty());
}

TEST_CASE("a model that is written reads back") {
    const std::string text = lines(sample);
    const auto read = parse(text);
    REQUIRE(read.has_value());
    const std::string written = text_of(*read);
    const auto again = parse(written);
    REQUIRE(again.has_value());
    CHECK(text_of(*again) == written);
    std::string flat = written;
    std::replace(flat.begin(), flat.end(), ' ', '\n');
    CHECK(flat == text);
}

TEST_CASE("what is wrong with a model is said with file and line and number") {
    refused("", "m.txt:1: field \"number of resources\"", "missing: the file ends after 0 numbers");
    refused(" \n\t\n", "m.txt:3: field \"number of resources\"", "missing");
    refused(with(0, "-2"), "m.txt:1: field \"number of resources\"", "\"-2\" is not within 0..");
    refused(with(0, "two"), "m.txt:1: field \"number of resources\"", "\"two\" is not a whole number");
    refused(with(1, "2"), "m.txt:2: field \"transient flag of resource 0\"", "\"2\" is not within 0..1");
    refused(with(4, "-10"), "m.txt:5: field \"load weight of resource 1\"", "\"-10\"");
    refused(with(6, "0.5"), "m.txt:7: field \"neighbourhood of machine 0\"", "\"0.5\" is not a whole number");
    refused(with(7, "4294967296"), "m.txt:8: field \"location of machine 0\"", "is not within 0..4294967295");
    refused(with(9, "-400"), "m.txt:10: field \"capacity of machine 0, resource 1\"", "\"-400\"");
    refused(with(18, "9999999999999999999999"), "m.txt:19: field \"safety capacity of machine 1, resource 0\"",
            "within");
    refused(with(20, "x"), "m.txt:21: field \"cost of moves of machine 1, to machine 0\"", "\"x\"");
    refused(with(23, "1e3"), "m.txt:24: field \"spread of service 0\"", "\"1e3\"");
    refused(with(26, ""), "m.txt:", "");
    refused(with(27, "2"), "m.txt:28: field \"dependency of service 1, number 0\"", "\"2\" is not within 0..1");
    refused(with(30, "2"), "m.txt:31: field \"service of process 0\"", "\"2\" is not within 0..1");
    refused(with(36, "-20"), "m.txt:37: field \"requirement of process 1, resource 1\"", "\"-20\"");
    refused(with(37, "1,5"), "m.txt:38: field \"cost of a move of process 1\"", "\"1,5\"");
    refused(with(43, "2"), "m.txt:44: field \"first resource of balance 0\"", "\"2\" is not within 0..1");
    refused(with(46, "-1"), "m.txt:47: field \"weight of balance 0\"", "\"-1\"");
    refused(with(49, "nan"), "m.txt:50: field \"weight of moves between machines\"", "\"nan\"");
    refused(lines(sample) + "3\n", "m.txt:51: field \"after the weight of moves between machines\"", "one too many");
    refused(lines(sample) + "junk", "m.txt:51: ", "\"junk\"");
    refused(std::string{"2 1 \0 1", 7}, "m.txt:1: field \"load weight of resource 0\"", "whole number");
    refused("1 0 1  1 0 0 5 5 0  0  1 0", "m.txt:1: field \"service of process 0\"", "\"0\": there is none");
}

TEST_CASE("a model that ends early says where") {
    for (std::size_t there = 0; there < sample.size(); ++there) {
        auto numbers = sample;
        numbers.resize(there);
        const auto read = parse(lines(numbers));
        REQUIRE_FALSE(read.has_value());
        CHECK(read.error().message.find("missing: the file ends after " + std::to_string(there) + " numbers") !=
              std::string::npos);
    }
    // Counts that no file keeps up with cost no memory.
    refused("4294967294 0", "m.txt:1: field \"load weight of resource 0\"", "missing");
    refused("1 0 1 4294967294 0 0 5 5 0 0", "m.txt:1: field \"cost of moves of machine 0, to machine 2\"", "missing");
}

TEST_CASE("an assignment names a machine for each process") {
    const auto read = parse_assignment("\xef\xbb\xbf 1 0\r\n1");
    REQUIRE(read.has_value());
    CHECK(*read == std::vector<std::uint32_t>{1, 0, 1});
    refused(parse_assignment("1 0"), "a.txt:1: field \"machine of process 2 of 3\"", "missing: the file ends after 2");
    refused(parse_assignment("1 0 1\n1"), "a.txt:2: field \"after the machine of the last process\"", "one too many");
    refused(parse_assignment("1\n2 1"), "a.txt:2: field \"machine of process 1 of 3\"", "\"2\" is not within 0..1");
    refused(parse_assignment("-1 0 0"), "a.txt:1: field \"machine of process 0 of 3\"", "\"-1\"");
    CHECK(bench::mrp_assignment_text(std::vector{berth::node_index{3}, berth::node_index{0}}) == "3 0\n");
    CHECK(bench::mrp_assignment_text({}) == "\n");
}

TEST_CASE("instances are found by name") {
    CHECK(bench::mrp_instance_name("a/b.c/model_b_1.txt.xz") == "b_1");
    CHECK(bench::mrp_instance_name("mine.txt") == "mine");
    const auto files = bench::find_mrp_instance("example");
    REQUIRE(files.has_value());
    const auto read = bench::read_mrp_instance(*files);
    REQUIRE(read.has_value());
    CHECK(read->name == "example");
    CHECK(read->input.initial == std::vector<std::uint32_t>{0, 3, 0});
    const auto names = bench::mrp_instance_names();
    CHECK(std::find(names.begin(), names.end(), "example") != names.end());
    const auto none = bench::find_mrp_instance("c_99");
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().message.starts_with("\"c_99\": no instance of this name in "));
}

TEST_CASE("generated instances are valid and their placement is feasible") {
    for (const bench::mrp_recipe& recipe :
         {bench::mrp_recipe{}, bench::mrp_recipe{.machines = 7, .processes = 40, .resources = 1, .services = 20},
          bench::mrp_recipe{.machines = 1, .processes = 3, .services = 3},
          bench::mrp_recipe{.machines = 50, .processes = 600, .resources = 12, .locations = 50, .neighbourhoods = 1}}) {
        const mrp_instance made = bench::generate_mrp_instance(recipe, 5);
        CAPTURE(made.name);
        CHECK(made.input.location.size() == recipe.machines);
        CHECK(made.input.group.size() == recipe.processes);
        CHECK(made.input.resources.size() == recipe.resources);
        const auto verdict = bench::check_mrp_assignment(made.input, bench::observed_nodes(made.input));
        CHECK(verdict.feasible());
        CHECK(verdict.cost.total() == verdict.cost.load + verdict.cost.balance);
        CHECK(berth::make_reassignment_problem(made.input).has_value());
        const std::string text = text_of(made.input);
        const auto again = parse(text);
        REQUIRE(again.has_value());
        CHECK(text_of(*again) == text);
        CHECK(text_of(bench::generate_mrp_instance(recipe, 5).input) == text);
        CHECK(text_of(bench::generate_mrp_instance(recipe, 6).input) != text);
    }
    const auto made = bench::generate_mrp_instance({}, 1).input;
    CHECK(made.dependencies.size() > 10);
    CHECK(bench::check_mrp_assignment(made, bench::observed_nodes(made)).cost.load > 0);
    CHECK(*std::max_element(made.spread.begin(), made.spread.end()) > 1);
    double used = 0.0;
    double room = 0.0;
    for (const auto demand : made.demand) used += static_cast<double>(demand);
    for (const auto capacity : made.capacity) room += static_cast<double>(capacity);
    CHECK(used / room == doctest::Approx(0.85).epsilon(0.01));
}

TEST_CASE("an instance goes through its files") {
    const auto folder =
        std::filesystem::temp_directory_path() / ("berth_mrp_instance_test_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder);
    const bench::mrp_files files{(folder / "model_t.txt").string(), (folder / "assignment_t.txt").string()};
    const mrp_instance made = bench::generate_mrp_instance({.machines = 10, .processes = 60}, 2);
    REQUIRE(bench::write_mrp_instance(files, made.input).has_value());
    const auto read = bench::read_mrp_instance(files);
    REQUIRE(read.has_value());
    CHECK(read->input.initial == made.input.initial);
    CHECK(text_of(read->input) == text_of(made.input));
    std::filesystem::remove_all(folder);
    refused(bench::read_mrp_instance({"/no/such/model.txt", files.assignment}), "/no/such/model.txt",
            "cannot be opened");
    refused(bench::write_mrp_instance({"/no/such/model.txt", files.assignment}, made.input), "/no/such/model.txt",
            "cannot be written");
}
