// SPDX-License-Identifier: Apache-2.0
#include "support/gap_instance.hpp"

#include "common/skip.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

using bench::gap_instance;
using bench::parse_gap_instance;

namespace {

// Two agents, three tasks. Numbers from the number of agents on, one a line from line 1.
const std::vector<std::string> sample{"2", "3", "10", "20", "30", "40", "50", "60",
                                      "1", "2", "3",  "4",  "5",  "6",  "7",  "8"};

std::string lines(std::vector<std::string> numbers) {
    std::string text;
    for (const auto& number : numbers) text += number + '\n';
    return text;
}
std::string with(std::size_t position, const std::string& number) {
    auto numbers = sample;
    numbers[position] = number;
    return lines(numbers);
}

void refused(const std::string& text, std::string_view start, std::string_view what) {
    CAPTURE(text);
    const auto read = parse_gap_instance("x.txt", text);
    REQUIRE_FALSE(read.has_value());
    const std::string& said = read.error().message;
    CHECK_MESSAGE(said.starts_with(start), said);
    CHECK_MESSAGE(said.find(what) != std::string::npos, said);
}

gap_instance parsed(const std::string& text) {
    auto read = parse_gap_instance("folder/d0203.txt", text);
    REQUIRE(read.has_value());
    return *std::move(read);
}

std::vector<berth::gpu_index> agents(std::initializer_list<std::size_t> values) {
    std::vector<berth::gpu_index> out;
    for (const std::size_t value : values) out.emplace_back(value);
    return out;
}

}  // namespace

TEST_CASE("an instance is read agent by agent and kept task by task") {
    const gap_instance read = parsed(lines(sample));
    CHECK(read.name == "d0203");
    CHECK(read.type() == 'd');
    gap_instance word = read;
    word.name = "batch";
    CHECK(word.type() == 0);  // not an instance of type B
    CHECK(read.agents == 2);
    CHECK(read.tasks == 3);
    CHECK(read.costs == std::vector<double>{10, 40, 20, 50, 30, 60});
    CHECK(read.loads == std::vector<berth::amount>{1, 4, 2, 5, 3, 6});
    CHECK(read.capacities == std::vector<berth::amount>{7, 8});
    const auto problem = read.problem();
    CHECK(problem.tasks == 3);
    CHECK(problem.cost(berth::task_index{2}, berth::gpu_index{1}) == 60.0);
    CHECK(problem.load(berth::task_index{1}, berth::gpu_index{0}) == 2);
    CHECK(problem.capacities[1] == 8);
}

TEST_CASE("white space of any kind separates the numbers") {
    std::string text = "\xef\xbb\xbf  ";
    for (const auto& number : sample) text += number + "\t \r\n\v\f";
    CHECK(parsed(text).costs == parsed(lines(sample)).costs);
    text = "2 3 10 20 30 40 50 60 1 2 3 4 5 6 7 8";
    CHECK(parsed(text).capacities == parsed(lines(sample)).capacities);
}

TEST_CASE("costs may be negative") { CHECK(parsed(with(2, "-10")).costs[0] == -10.0); }

TEST_CASE("text of an instance reads back") {
    const gap_instance read = parsed(lines(sample));
    const gap_instance again = parsed(to_text(read));
    CHECK(again.costs == read.costs);
    CHECK(again.loads == read.loads);
    CHECK(again.capacities == read.capacities);
}

TEST_CASE("what is refused names file and line and number") {
    refused("", "x.txt:1: ", "empty");
    refused(" \n\t\n", "x.txt:1: ", "empty");
    refused(with(0, "0"), "x.txt:1: field \"number of agents\"", "\"0\"");
    refused(with(0, "-2"), "x.txt:1: field \"number of agents\"", "\"-2\"");
    refused(with(1, "0"), "x.txt:2: field \"number of tasks\"", "\"0\"");
    refused(with(0, "2.5"), "x.txt:1: field \"number of agents\"", "not a whole number");
    refused(with(0, "99999999"), "x.txt:1: field \"number of agents\"", "99999999");
    refused(with(1, "99999999"), "x.txt:", "the file has 14");
    refused(with(5, "x"), "x.txt:6: field \"cost of agent 1, task 0\"", "\"x\" is not a whole number");
    refused(with(4, "3.0"), "x.txt:5: field \"cost of agent 0, task 2\"", "\"3.0\" is not a whole number");
    refused(with(4, "1e3"), "x.txt:5: field \"cost of agent 0, task 2\"", "1e3");
    refused(with(4, "nan"), "x.txt:5: field \"cost of agent 0, task 2\"", "nan");
    refused(with(12, "-5"), "x.txt:13: field \"amount of agent 1, task 1\"", "\"-5\" is not within 0..");
    refused(with(12, "5,"), "x.txt:13: field \"amount of agent 1, task 1\"", "\"5,\"");
    refused(with(15, "-8"), "x.txt:16: field \"capacity of agent 1\"", "\"-8\" is not within 0..");
    refused(with(14, "99999999999999999999"), "x.txt:15: field \"capacity of agent 0\"", "64 bits");
    refused(with(9, "35184372088833"), "x.txt:10: field \"amount of agent 0, task 1\"", "..35184372088832");
    refused(with(2, "-35184372088833"), "x.txt:3: field \"cost of agent 0, task 0\"", "-35184372088832..");
    refused(lines(sample) + "9\n", "x.txt:17: field \"after the last capacity\"", "\"9\"");
    refused(lines(sample) + "junk", "x.txt:17: field \"after the last capacity\"", "junk");
    refused(std::string{"2 3 \0 1", 7}, "x.txt:1: ", "NUL");
    refused("\x7f"
            "ELF\x02",
            "x.txt:1: field \"number of agents\"", "?ELF?");
    refused("2", "x.txt:1: field \"number of tasks\"", "missing");
}

TEST_CASE("a file that ends early says where") {
    for (std::size_t there = 2; there < sample.size(); ++there) {
        auto numbers = sample;
        numbers.resize(there);
        const std::size_t k = there - 2;
        const std::string field =
            k < 6    ? "cost of agent " + std::to_string(k / 3) + ", task " + std::to_string(k % 3)
            : k < 12 ? "amount of agent " + std::to_string(k / 3 - 2) + ", task " + std::to_string(k % 3)
                     : "capacity of agent " + std::to_string(k - 12);
        refused(lines(numbers), "x.txt:", "field \"" + field + "\": missing");
        for (auto& number : numbers) number += "        ";  // long enough for as many numbers as there should be
        refused(lines(numbers), "x.txt:", "field \"" + field + "\": missing");
    }
}

TEST_CASE("sums that would not be exact are refused") {
    std::string text = "1 300 ";
    for (int i = 0; i < 300; ++i) text += "35184372088832 ";
    for (int i = 0; i < 300; ++i) text += "1 ";
    refused(text + "300", "x.txt: field \"costs\"", "2^53");
}

TEST_CASE("files that cannot be read") {
    for (const char* path : {"/no/such/file.txt", "/tmp"}) {
        const auto read = bench::read_gap_instance(path);
        REQUIRE_FALSE(read.has_value());
        CHECK(read.error().message.starts_with(path));
    }
}

TEST_CASE("an assignment is checked from the instance alone") {
    const gap_instance read = parsed(lines(sample));
    const auto good = check_assignment(read, agents({0, 1, 0}));
    CHECK(good.feasible());
    CHECK(good.cost == 10 + 50 + 30);
    const auto over = check_assignment(read, agents({1, 1, 1}));
    CHECK(over.complete);
    CHECK_FALSE(over.feasible());
    CHECK(over.cost == 150);
    CHECK(over.excess == 15 - 8);
    CHECK(over.overloaded == 1);
    CHECK_FALSE(check_assignment(read, agents({0, 1})).complete);
    CHECK_FALSE(check_assignment(read, agents({0, 1, 2})).complete);
    CHECK_FALSE(check_assignment(read, std::vector<berth::gpu_index>(3)).feasible());
}

TEST_CASE("the project's own instances have proven optima that nothing contradicts") {
    std::size_t own = 0;
    for (const char* name : {"c05100", "c10100", "d05100", "d10100", "e05100"}) {
        INFO(name);
        const auto file = bench::find_gap_instance(name);
        REQUIRE(file.has_value());
        const auto read = bench::read_gap_instance(*file);
        REQUIRE(read.has_value());
        CHECK(read->name == name);
        CHECK(read->tasks == 100);
        const auto known = bench::find_gap_reference(*file, *read);
        REQUIRE(known.has_value());
        REQUIRE(known->has_value());
        CHECK((*known)->lower == (*known)->upper);
        double least = 0.0;
        for (std::size_t t = 0; t < read->tasks; ++t) {
            const auto row = read->problem().cost.costs.row(t);
            least += *std::min_element(row.begin(), row.end());
        }
        CHECK(least <= (*known)->lower);
        ++own;
    }
    CHECK(own == 5);
    CHECK(bench::gap_instance_files().size() >= own);
}

TEST_CASE("instances outside the project are found by name and in order") {
    const auto folder = berth_test::external_data("gap");
    if (!folder) return;
    const auto files = bench::gap_instance_files();
    REQUIRE(files.size() >= 42);
    const auto position = [&](const char* name) {
        return std::find_if(files.begin(), files.end(),
                            [&](const std::string& file) { return std::filesystem::path{file}.stem() == name; }) -
               files.begin();
    };
    CHECK(position("a05100") < position("b05100"));
    CHECK(position("d05100") < position("d20100"));
    CHECK(position("d20100") < position("d05200"));
    CHECK(position("d15900") < position("d201600"));
    CHECK(position("d201600") < position("e05100"));
    for (const auto& file : files) {
        INFO(file);
        const auto read = bench::read_gap_instance(file);
        REQUIRE(read.has_value());
        CHECK(bench::find_gap_reference(file, *read).value().has_value());
    }
}

TEST_CASE("names that are nowhere say where they were looked for") {
    const auto file = bench::find_gap_instance("d99999");
    REQUIRE_FALSE(file.has_value());
    CHECK(file.error().message.find("\"d99999\"") != std::string::npos);
    CHECK(file.error().message.find("data/gap") != std::string::npos);
    CHECK(*bench::find_gap_instance("no/such/file.txt") == "no/such/file.txt");  // refused by the reader
}

TEST_CASE("references: rows that are refused name line and field") {
    const std::string path = (std::filesystem::temp_directory_path() / "berth_gap_best_known_test.csv").string();
    const auto said = [&](const std::string& rows) {
        std::ofstream{path, std::ios::trunc} << "instance,n_tasks,m_agents,ref_ub,ref_lb\n" << rows;
        const auto read = bench::read_gap_references(path);
        return read ? std::to_string(read->size()) : read.error().message;
    };
    CHECK(said("a,1,1,5,4\nb,1,1,5,5\n") == "2");
    CHECK(said("a,1,1,5,6\n").find("csv:2: field \"ref_ub\"") != std::string::npos);
    CHECK(said("a,1,1,5,4\na,1,1,5,4\n").find("csv:3: field \"instance\"") != std::string::npos);
    CHECK(said("a,0,1,5,4\n").find("csv:2: field \"n_tasks\"") != std::string::npos);
    CHECK(said("a,1,1,5,inf\n").find("csv:2: field \"ref_lb\"") != std::string::npos);
    std::remove(path.c_str());
    CHECK_FALSE(bench::read_gap_references(path).has_value());
}

TEST_CASE("generated instances are of their type and repeat") {
    for (const char type : {'a', 'b', 'c', 'd', 'e'}) {
        INFO(type);
        const auto made = bench::generate_gap_instance(type, 4, 30, 7);
        const auto again = bench::generate_gap_instance(type, 4, 30, 7);
        CHECK(made.type() == type);
        CHECK(made.costs == again.costs);
        CHECK(made.loads == again.loads);
        CHECK(made.capacities == again.capacities);
        CHECK(made.costs != bench::generate_gap_instance(type, 4, 30, 8).costs);
        REQUIRE(made.capacities.size() == 4);
        std::vector<double> sums(4, 0.0);
        for (std::size_t i = 0; i < made.loads.size(); ++i) {
            const auto load = static_cast<double>(made.loads[i]);
            sums[i % 4] += load;
            if (type == 'd') {
                CHECK((load >= 1 && load <= 100));
                CHECK((made.costs[i] + load >= 101 && made.costs[i] + load <= 121));
            } else if (type == 'e') {
                CHECK(load >= 1);
                CHECK(made.costs[i] <= 1000.0 / load);
                CHECK(made.costs[i] >= 1000.0 / load - 11.0);
            } else {
                CHECK((load >= 5 && load <= 25));
                CHECK((made.costs[i] >= 10 && made.costs[i] <= 50));
            }
        }
        if (type < 'c') continue;
        for (std::size_t a = 0; a < 4; ++a)
            CHECK(made.capacities[a] == static_cast<berth::amount>(0.8 * sums[a] / 4.0));
    }
    const auto loose = bench::generate_gap_instance('a', 4, 30, 7);
    const auto tight = bench::generate_gap_instance('b', 4, 30, 7);
    CHECK(loose.costs == tight.costs);
    CHECK(tight.capacities[0] < loose.capacities[0]);
}
