// SPDX-License-Identifier: Apache-2.0
#include "berth/mpi/checkpoints.hpp"

#include "berth/allocate/search/island_run.hpp"
#include "berth/core/part_exchange.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

using run_type = berth::island_run<std::uint32_t, double>;

/// A folder that is removed again.
struct scratch {
    std::filesystem::path path =
        std::filesystem::temp_directory_path() / ("berth_checkpoints_" + std::to_string(::getpid()));
    scratch() { std::filesystem::remove_all(path); }
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
    ~scratch() { std::filesystem::remove_all(path); }
};
run_type new_run() { return run_type{{.seed = 2, .islands = 3, .turn_evaluations = 4}, {{0, 0}, 100.0, 0}}; }
constexpr auto one_lower = [](const berth::island_turn& now, const auto& from) {
    auto next = from;
    next.value -= static_cast<double>(now.seed % 5);
    next.genes[0] += static_cast<std::uint32_t>(now.seed % 7);
    next.evaluations = now.max_evaluations;
    return next;
};
std::size_t files_in(const std::filesystem::path& folder) {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator{folder}, std::filesystem::directory_iterator{}));
}

}  // namespace

TEST_CASE("checkpoints: a run goes on from the last one, and older ones are removed") {
    const scratch folder;
    const berth::run_control<> short_run{.max_evaluations = 12 * 5};
    const berth::run_control<> long_run{.max_evaluations = 12 * 9};
    auto whole = new_run();
    const auto expected = whole.improve(one_lower, berth::sequential{}, long_run);

    auto first = new_run();
    berth::mpi::checkpoints saved{folder.path.string(), berth::one_process{}, {.every = 2}};
    const auto nothing = saved.resume(first);
    REQUIRE(nothing);
    CHECK_FALSE(*nothing);
    (void)first.improve(one_lower, berth::sequential{}, short_run, saved);
    CHECK(saved.status());
    CHECK(first.rounds() == 5);
    CHECK(files_in(folder.path) == 3 + 1);  // three islands and `last`

    auto second = new_run();
    berth::mpi::checkpoints again{folder.path.string(), berth::one_process{}, {.every = 2}};
    const auto found = again.resume(second);
    REQUIRE(found);
    CHECK(*found);
    CHECK(second.rounds() == 4);
    const auto answer = second.improve(one_lower, berth::sequential{}, long_run, again);
    CHECK(answer.best.genes == expected.best.genes);
    CHECK(answer.best.value == expected.best.value);
    CHECK(files_in(folder.path) == 3 + 1);
}

TEST_CASE("checkpoints: damaged, foreign and missing files are refused by name") {
    const scratch folder;
    auto run = new_run();
    berth::mpi::checkpoints saved{folder.path.string(), berth::one_process{}};
    REQUIRE(saved.write(run));
    const std::filesystem::path part = folder.path / "round-0.part-1";
    const auto refusal = [&] {
        auto again = new_run();
        berth::mpi::checkpoints from{folder.path.string(), berth::one_process{}};
        const auto found = from.resume(again);
        return found ? std::string{} : found.error().message;
    };
    CHECK(refusal().empty());
    std::fstream{part, std::ios::in | std::ios::out | std::ios::binary}.seekp(40).put('!');
    CHECK(refusal() == "berth: " + part.string() + ": field checksum: the file is damaged");
    std::filesystem::remove(part);
    CHECK(refusal() == "berth: " + part.string() + ": cannot be read");
    std::filesystem::copy_file(folder.path / "round-0.part-0", part);
    CHECK(refusal() == "berth: " + part.string() + ": field island: 0, expected 1");
    std::ofstream{folder.path / "last"} << "0x\n";
    CHECK(refusal() == "berth: " + (folder.path / "last").string() + ": field round: expected digits");
}

TEST_CASE("checkpoints: a folder that cannot be written ends the run with its reason") {
    const scratch folder;
    std::ofstream{folder.path} << "a file";
    auto run = new_run();
    berth::mpi::checkpoints saved{folder.path.string(), berth::one_process{}};
    const auto answer = run.improve(one_lower, berth::sequential{}, berth::run_control<>{}, saved);
    CHECK(answer.stopped == berth::stop_reason::cancelled);
    REQUIRE_FALSE(saved.status());
    CHECK(saved.status().error().message.find((folder.path / "round-1.part-0").string()) != std::string::npos);
}
