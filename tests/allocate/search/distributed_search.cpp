// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/search/distributed_search.hpp"

#include "berth/allocate/greedy/sampled_greedy.hpp"
#include "berth/core/thread_pool.hpp"
#include "berth/objective/terms/assignment_cost.hpp"
#include "berth/objective/terms/capacity_excess.hpp"
#include "berth/objective/terms/move_cost.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace {

/// A node of four GPUs; the price of a GPU is that of its node.
struct host {
    std::uint8_t price = 1;
    std::uint8_t rack = 0;

    struct gpu {
        std::array<berth::amount, 1> capacity() const { return {1000}; }
    };
    [[nodiscard]] std::array<gpu, 4> gpus() const { return {}; }
};
struct job {
    std::uint16_t share = 500;
    std::uint8_t work = 1;
    std::uint8_t gpus_wanted = 1;

    [[nodiscard]] std::size_t gpus() const { return gpus_wanted; }
    [[nodiscard]] std::array<berth::amount, 1> gpu_demand() const { return {share}; }
};
struct fleet_model {
    using node = host;
    using task = job;

    [[nodiscard]] static auto cost(const berth::region_records<node, task>& r) {
        return [r](berth::task_index t, berth::gpu_index g) {
            return static_cast<double>(r.of(t).work * r.of(g).price + (r.of(t).share ^ r.of(g).rack) % 7);
        };
    }
    [[nodiscard]] auto goal(const berth::region_records<node, task>& r) const {
        return berth::objective{berth::tier(berth::capacity_excess{}), berth::tier(berth::left_out{}),
                                berth::tier(berth::assignment_cost_term{cost(r)})};
    }
};

constexpr berth::distributed_options small{.seed = 5,
                                           .parts = 6,
                                           .nodes_per_region = 8,
                                           .regions_per_round = 3,
                                           .max_region_evaluations = 400,
                                           .patience = 40};
constexpr std::size_t hosts = 120;
constexpr std::size_t jobs = 1100;

host host_of(std::size_t n) {
    const std::uint64_t drawn = berth::splitmix64(n);
    return {static_cast<std::uint8_t>(1 + drawn % 9), static_cast<std::uint8_t>(drawn >> 8U)};
}
job job_of(std::size_t t) {
    const std::uint64_t drawn = berth::stream_seed(1, t);
    return {static_cast<std::uint16_t>(100 + drawn % 400), static_cast<std::uint8_t>(1 + (drawn >> 16U) % 20),
            static_cast<std::uint8_t>(t % 50 == 0 ? 2 : 1)};
}

template <class Run>
void fill(Run& run) {
    const std::size_t parts = run.options().parts;
    for (std::size_t part = run.held().first; part < run.held().end; ++part) {
        for (std::size_t n = part * hosts / parts; n < (part + 1) * hosts / parts; ++n)
            run.add_node(part, static_cast<std::uint32_t>(n), host_of(n));
        for (std::size_t t = part * jobs / parts; t < (part + 1) * jobs / parts; ++t)
            run.add_task(part, static_cast<std::uint32_t>(t), job_of(t));
    }
}
constexpr auto greedily = [](const berth::problem& p, const auto& records, std::uint64_t seed, auto slots) {
    const berth::plan start = berth::sampled_greedy{.seed = seed}.run(p, fleet_model::cost(records));
    for (std::size_t t = 0; t < slots.size(); ++t) slots[t] = start.assignment[t];
};

/// Holds some of the parts and is asked nothing.
struct other_process {
    berth::held_parts range;
    [[nodiscard]] berth::held_parts held(std::size_t) const { return range; }
    void share(std::size_t, std::span<std::byte>, std::size_t) const {}
    void send(std::size_t, std::span<const std::uint32_t>, std::span<berth::byte_box>) const {}
    void tell(std::size_t, std::size_t, berth::byte_box&) const {}
};

}  // namespace

TEST_CASE("distributed_search: better than its start, every counter suffices, no task is lost or doubled") {
    const berth::distributed_search search{fleet_model{}, small};
    auto run = search.start();
    fill(run);
    REQUIRE(run.open(berth::sequential{}, greedily));
    const auto start = run.value();
    const auto answer = run.improve(berth::sequential{}, berth::run_control<>{.max_evaluations = 60'000});
    CHECK(answer.stopped == berth::stop_reason::budget_exhausted);
    CHECK(answer.evaluations >= 60'000);
    CHECK(answer.evaluations <= 60'000 + 6 * 10);
    CHECK(answer.exceeded == 0);
    CHECK(answer.value[2] < 0.9 * start[2]);
    CHECK(answer.value[2] == doctest::Approx(run.value()[2]));
    std::map<std::uint32_t, int> seen;
    std::map<std::pair<std::uint32_t, unsigned>, int> load;
    double cost = 0.0;
    for (std::size_t part = 0; part < small.parts; ++part) {
        run.for_each_placed(part, [&](std::uint32_t t, std::uint32_t n, berth::gpu_mask gpus) {
            ++seen[t];
            CHECK(berth::gpu_count(gpus) == job_of(t).gpus_wanted);
            for (unsigned g = 0; g < 4; ++g) {
                if ((gpus >> g & 1U) == 0) continue;
                load[{n, g}] += job_of(t).share;
                cost += job_of(t).work * host_of(n).price + (job_of(t).share ^ host_of(n).rack) % 7;
            }
        });
        run.for_each_waiting(part, [&](std::uint32_t t) { ++seen[t]; });
    }
    CHECK(seen.size() == jobs);
    for (const auto& [task, times] : seen) CHECK(times == 1);
    for (const auto& [gpu, share] : load) CHECK(share <= 1000);
    CHECK(cost == doctest::Approx(answer.value[2]));
    CHECK(answer.tasks == jobs);
}

TEST_CASE("distributed_search: the same plan for any number of threads") {
    const berth::distributed_search search{fleet_model{}, small};
    std::vector<std::uint64_t> fingerprints;
    for (const std::size_t n : {1U, 2U, 4U}) {
        berth::thread_pool threads{n};
        auto run = search.start();
        fill(run);
        REQUIRE(run.open(threads, greedily));
        const auto answer = run.improve(threads, berth::run_control<>{.max_evaluations = 20'000});
        fingerprints.push_back(answer.fingerprint);
    }
    CHECK(fingerprints[0] == fingerprints[1]);
    CHECK(fingerprints[0] == fingerprints[2]);
}

TEST_CASE("distributed_search: saved after any round and restored, it goes on to the same plan") {
    const berth::distributed_search search{fleet_model{}, small};
    const berth::run_control<> control{.max_evaluations = 30'000};
    std::vector<std::vector<berth::byte_box>> saved;
    auto run = search.start();
    fill(run);
    REQUIRE(run.open(berth::sequential{}, greedily));
    const auto answer = run.improve(berth::sequential{}, control, [&](const auto& now) {
        saved.emplace_back(small.parts);
        for (std::size_t part = 0; part < small.parts; ++part) now.save(part, saved.back()[part]);
        return true;
    });
    REQUIRE(saved.size() > 3);
    for (const auto& boxes : saved) {
        auto again = search.start();
        for (std::size_t part = 0; part < small.parts; ++part) REQUIRE(again.restore(part, boxes[part]));
        const auto same = again.improve(berth::sequential{}, control);
        CHECK(same.fingerprint == answer.fingerprint);
        CHECK(same.evaluations == answer.evaluations);
        CHECK(same.value == answer.value);
    }
    SUBCASE("damaged bytes are refused") {
        auto again = search.start();
        for (std::size_t length = 0; length < saved[0][0].size(); length += 97)
            CHECK_FALSE(again.restore(0, std::span{saved[0][0]}.first(length)));
        CHECK_FALSE(again.restore(1, saved[0][0]));
        auto options = small;
        options.seed = 6;
        auto other = berth::distributed_search{fleet_model{}, options}.start();
        const auto refused = other.restore(0, saved[0][0]);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().message.find("other options") != std::string::npos);
    }
}

TEST_CASE("distributed_search: tasks that do not fit wait and are counted") {
    const berth::distributed_search search{fleet_model{}, {.parts = 2, .max_region_evaluations = 500, .patience = 3}};
    auto run = search.start();
    for (std::uint32_t n = 0; n < 4; ++n) run.add_node(n % 2, n, host_of(n));
    for (std::uint32_t t = 0; t < 40; ++t) run.add_task(0, t, {600, 1, 1});
    REQUIRE(run.open(berth::sequential{}, typename decltype(run)::keep_places{}));
    const auto answer = run.improve(berth::sequential{});
    CHECK(answer.stopped == berth::stop_reason::completed);
    CHECK(answer.left_out == 24);
    CHECK(answer.exceeded == 0);
    CHECK(answer.value[1] == 24.0);
}

TEST_CASE("distributed_search: records that are refused are named by part") {
    const berth::distributed_search search{fleet_model{}, {.parts = 3}};
    auto run = search.start();
    for (std::size_t part = 0; part < 3; ++part) run.add_node(part, 0, {});
    run.add_task(1, 7, {500, 1, 200});
    const auto opened = run.open(berth::sequential{}, greedily);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().message.find("part 1") != std::string::npos);
    CHECK(opened.error().message.find("gpus") != std::string::npos);
}

TEST_CASE("distributed_search: holds only the parts that its exchange gives it") {
    const berth::distributed_search search{fleet_model{}, small};
    auto run = search.start(other_process{{2, 4}});
    CHECK(run.held() == berth::held_parts{2, 4});
    fill(run);
    std::size_t tasks = 0;
    REQUIRE(run.open(berth::sequential{}, typename decltype(run)::keep_places{}));
    for (std::size_t part = 2; part < 4; ++part) run.for_each_waiting(part, [&](std::uint32_t) { ++tasks; });
    CHECK(tasks == 4 * jobs / 6 - 2 * jobs / 6);
}
