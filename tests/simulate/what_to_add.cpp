// SPDX-License-Identifier: Apache-2.0
#include "berth/simulate/what_to_add.hpp"

#include "berth/core/random.hpp"
#include "berth/queue/orders.hpp"
#include "berth/simulate/events.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

namespace {

/// How many GPUs of jobs find no node, if each in turn goes to the smallest with room; offers differ in size.
struct rejected_gpus {
    std::vector<std::uint32_t> jobs;
    std::vector<std::uint32_t> sizes;  // of each offer
    std::uint64_t calls = 0;

    double operator()(std::span<const std::uint32_t> counts) {
        ++calls;
        std::vector<std::uint32_t> room{8, 4};
        for (std::size_t o = 0; o < counts.size(); ++o) room.insert(room.end(), counts[o], sizes[o]);
        double rejected = 0.0;
        for (const std::uint32_t job : jobs) {
            std::uint32_t* best = nullptr;
            for (std::uint32_t& r : room) {
                if (r >= job && (best == nullptr || r < *best)) best = &r;
            }
            if (best == nullptr)
                rejected += job;
            else
                *best -= job;
        }
        return rejected;
    }
};

}  // namespace

TEST_CASE("what_to_add: beside every combination of small catalogues") {
    berth::xoshiro256 draw{11};
    int equal = 0;
    double ours = 0.0;
    double least = 0.0;
    const int rounds = 60;
    for (int round = 0; round < rounds; ++round) {
        rejected_gpus value;
        std::vector<berth::node_offer> offers;
        for (int o = 0; o < 3; ++o) {
            value.sizes.push_back(std::uint32_t{2} << berth::bounded(draw, 4));
            offers.push_back(
                {.price = value.sizes.back() * (0.5 + berth::uniform01(draw)), .most = 1 + berth::bounded(draw, 4)});
        }
        for (int j = 0; j < 20; ++j) value.jobs.push_back(std::uint32_t{1} << berth::bounded(draw, 5));
        const double budget = 10.0 + 50.0 * berth::uniform01(draw);
        const auto found = berth::what_to_add(offers, budget, value);
        const auto exact = berth::what_to_add_exact(offers, budget, value);
        REQUIRE(found.has_value());
        REQUIRE(exact.has_value());
        CHECK(found->value >= exact->value);
        CHECK(found->value <= found->value_before);
        CHECK(found->value_before == exact->value_before);
        double price = 0.0;
        for (std::size_t o = 0; o < offers.size(); ++o) {
            CHECK(found->counts[o] <= offers[o].most);
            price += found->counts[o] * offers[o].price;
        }
        CHECK(std::fabs(price - found->price) < 1e-9);
        CHECK(price <= budget + 1e-9);
        CHECK(value(found->counts) == found->value);
        equal += found->value <= exact->value ? 1 : 0;
        ours += found->value_before - found->value;
        least += exact->value_before - exact->value;
        const auto again = berth::what_to_add(offers, budget, value);
        CHECK(again->counts == found->counts);
    }
    CHECK(equal >= rounds * 8 / 10);
    CHECK(ours >= 0.97 * least);
    MESSAGE("as good as exact: " << equal << " of " << rounds << ", gain " << ours / least);
}

TEST_CASE("what_to_add: the nodes that cut the waiting of simulated jobs, no more than help") {
    std::vector<berth::simulated_job> jobs;
    for (int j = 0; j < 6; ++j) jobs.push_back({.arrival_s = 10.0 * j, .steps = 100.0, .gpus = 16});
    const auto waiting = [&](std::span<const std::uint32_t> more) -> berth::result<double> {
        const berth::event_simulation<> cluster{.jobs = jobs, .nodes = 2 + more[0], .gpus_per_node = 8};
        const auto run = cluster.run(berth::shortest_service{});
        if (!run) return run.error();
        return berth::mean_waiting(jobs, run->jobs);
    };
    // Jobs take two nodes: one node alone helps nobody, and twelve are enough for all six.
    const std::vector<berth::node_offer> offers{{.price = 7.0, .most = 40}};
    const auto little = berth::what_to_add(offers, 13.0, waiting);
    REQUIRE(little.has_value());
    CHECK(little->counts[0] == 0);
    CHECK(little->value == little->value_before);
    const auto plenty = berth::what_to_add(offers, 1000.0, waiting);
    REQUIRE(plenty.has_value());
    CHECK(plenty->value == 0.0);
    CHECK(plenty->counts[0] == 10);
    CHECK(plenty->value_before > 0.0);
}

TEST_CASE("what_to_add: budgets of evaluations, bad input, values that fail") {
    const std::vector<berth::node_offer> offers{{.price = 1.0, .most = 5}, {.price = 2.0, .most = 5}};
    const auto value = [](std::span<const std::uint32_t> counts) { return 100.0 - counts[0] - 3.0 * counts[1]; };
    const auto stopped = berth::what_to_add(offers, 9.0, value, berth::run_control<>{.max_evaluations = 3});
    REQUIRE(stopped.has_value());
    CHECK(stopped->stop == berth::stop_reason::budget_exhausted);
    CHECK(stopped->evaluations == 3);
    const auto none = berth::what_to_add({}, 9.0, [](std::span<const std::uint32_t>) { return 1.0; });
    REQUIRE(none.has_value());
    CHECK(none->value == 1.0);
    CHECK(none->counts.empty());
    const auto refused = [&](double price, double budget, std::string_view what) {
        const std::vector<berth::node_offer> bad{{.price = 1.0}, {.price = price}};
        for (const auto& plan :
             {berth::what_to_add(bad, budget, value), berth::what_to_add_exact(bad, budget, value)}) {
            REQUIRE_FALSE(plan.has_value());
            CHECK_MESSAGE(plan.error().message.find(what) != std::string_view::npos, plan.error().message);
        }
    };
    refused(0.0, 1.0, "offer 1: price");
    refused(std::nan(""), 1.0, "offer 1: price");
    refused(std::numeric_limits<double>::infinity(), 1.0, "offer 1: price");
    refused(1.0, -1.0, "budget");
    refused(1.0, std::nan(""), "budget");
    const auto fails = [](std::span<const std::uint32_t> counts) -> berth::result<double> {
        if (counts[0] > 0) return berth::error{berth::error_code::io, "no simulation"};
        return 1.0;
    };
    const auto failed = berth::what_to_add(offers, 9.0, fails);
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().message == "no simulation");
    CHECK_FALSE(
        berth::what_to_add(offers, 9.0, [](std::span<const std::uint32_t>) { return std::nan(""); }).has_value());
}

TEST_CASE("what_to_add: more nodes than 31 bits count, as long as the budget of evaluations lasts") {
    constexpr std::uint32_t most = std::numeric_limits<std::uint32_t>::max();
    for (const std::uint32_t have : {std::uint32_t{1} << 31, most}) {
        const std::vector<berth::node_offer> offers{{.price = 1.0, .most = have}};
        const auto value = [](std::span<const std::uint32_t> counts) { return -static_cast<double>(counts[0]); };
        const berth::run_control<> control{.max_evaluations = 200};
        const auto found = berth::what_to_add(offers, 1e10, value, control);
        REQUIRE(found.has_value());
        CHECK(found->counts[0] == have);
        CHECK(found->stop == berth::stop_reason::budget_exhausted);
        const auto exact = berth::what_to_add_exact(offers, 1e10, value, control);
        REQUIRE(exact.has_value());
        CHECK(exact->counts[0] == 199);
    }
}
