// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/detail/fluid_market.hpp"

#include "berth/core/random.hpp"
#include "berth/objective/measures/expected_fragmentation.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

using namespace berth;
using namespace berth_test;
using berth::detail::fluid_market;
using berth::detail::node_classes;

namespace {

/// A market with its problem.
struct stall {
    fleet machines;
    workload work;
    node_classes classes;
    double cpu_per_gpu;
    fluid_market market;

    stall(const std::vector<hand_node>& nodes, const std::vector<hand_task>& tasks)
        : stall{hand_fleet(nodes), [&](const fleet& f) { return hand_workload(f, tasks); }} {}
    template <class MakeWork>
    stall(fleet f, MakeWork make)
        : machines{std::move(f)},
          work{make(machines)},
          classes{machines},
          cpu_per_gpu{expected_fragmentation{problem{machines, work}, {.cpu_rate = 1.0}}.cpu_per_gpu()},
          market{problem{machines, work}, classes, ledger{machines}, cpu_per_gpu} {}
};

const hand_node scarce{.shares = {1000}, .cpu = 1'000'000, .model = "A100"};
const hand_node plenty{.shares = {1000}, .cpu = 1'000'000, .model = "T4"};
constexpr double step = 1.0 / 64.0;  // prices are rounded to it

double mean_price(const fluid_market& market, const std::vector<double>& supply) {
    double sum = 0.0;
    double all = 0.0;
    for (std::size_t c = 0; c < supply.size(); ++c) {
        sum += supply[c] * market.gpu_price(c);
        all += supply[c];
    }
    return sum / all;
}

}  // namespace

TEST_CASE("a market of two classes, by hand") {
    // Equal supply S of both classes, so 2 S is wanted: a quarter of it only on A100, the rest anywhere. S/2 + 3/2 S w
    // = S makes w = 1/3 of the rest go to A100; with the logit of elasticity 0.7 that is a difference of 0.7 ln 2.
    stall s{{scarce, plenty},
            {{.gpus = 1, .share = 1000, .accepted = {"A100"}, .copies = 1}, {.gpus = 1, .share = 1000, .copies = 3}}};
    const std::vector<double> supply{500'000.0, 500'000.0};
    s.market.clear(supply, supply);
    CHECK(std::abs(s.market.gpu_price(0) - 0.35 * std::log(2.0)) <= step / 2.0 + 1e-3);
    CHECK(std::abs(s.market.gpu_price(1) + 0.35 * std::log(2.0)) <= step / 2.0 + 1e-3);
    CHECK(s.market.cpu_price(0) == 0.0);  // nobody wants CPU
    CHECK(s.market.cpu_price(1) == 0.0);
    // Cleared again for the same supply, the prices stay.
    const double price = s.market.gpu_price(0);
    s.market.clear(supply, supply);
    CHECK(std::abs(s.market.gpu_price(0) - price) <= step);
    // The smaller the supply of the scarce class, the higher its price; with enough for its own tasks, no price.
    const std::vector<double> less{200'000.0, 800'000.0};
    s.market.clear(less, less);
    CHECK(s.market.gpu_price(0) - s.market.gpu_price(1) > 2.0 * price + 0.1);
    const std::vector<double> more{900'000.0, 100'000.0};
    for (int i = 0; i < 10; ++i) s.market.clear(more, more);
    CHECK(s.market.gpu_price(0) < 2.0 * price);
}

TEST_CASE("prices of GPUs have a mean of zero, and none that nodes see is far below it") {
    stall s{{scarce, plenty},
            {{.gpus = 1, .share = 1000, .accepted = {"A100"}, .copies = 1}, {.gpus = 1, .share = 500, .copies = 8}}};
    for (const auto& supply : {std::vector{6e5, 4e5}, std::vector{3e5, 9e5}, std::vector{1e3, 1e6}}) {
        s.market.clear(supply, supply);
        CHECK(std::abs(mean_price(s.market, supply)) <= step);
        CHECK(s.market.gpu_price(0) > s.market.gpu_price(1));
    }
    // More tasks ask for A100 than fit: its price is the highest, but the other one falls only so far.
    stall short_of{{scarce, plenty},
                   {{.gpus = 1, .share = 1000, .accepted = {"A100"}, .copies = 9}, {.gpus = 1, .share = 500}}};
    const std::vector<double> even{5e5, 5e5};
    short_of.market.clear(even, even);
    CHECK(short_of.market.gpu_price(0) == 4.0);
    CHECK(short_of.market.raw(1).gpu < -1.0);
    CHECK(short_of.market.gpu_price(1) == -0.5);
}

TEST_CASE("CPU has a price exactly where it is short") {
    // Each task wants 10 CPU per GPU. The first class has 2 per GPU, the second 100.
    stall s{{{{1000}, 1'000, 0, "A100"}, {{1000}, 100'000, 0, "T4"}},
            {{.gpus = 1, .share = 100, .cpu = 1'000, .copies = 1}}};
    REQUIRE(s.cpu_per_gpu == doctest::Approx(10'000.0));
    const std::vector<double> gpu{500'000.0, 500'000.0};
    const std::vector<double> cpu{100'000.0, 5'000'000.0};
    s.market.clear(gpu, cpu);
    CHECK(s.market.cpu_price(0) > 0.1);
    CHECK(s.market.cpu_price(1) == 0.0);
    // The slack: a little more demand than supply costs nothing.
    stall even{{scarce}, {{.gpus = 1, .share = 100, .cpu = 1'000}}};
    even.market.clear(std::vector{1e6}, std::vector{0.9e6});
    CHECK(even.market.cpu_price(0) == 0.0);
    even.market.clear(std::vector{1e6}, std::vector{0.5e6});
    CHECK(even.market.cpu_price(0) > 0.0);
}

TEST_CASE("equal classes have equal prices") {
    stall s{{{{1000}, 8'000, 0, "A100"}, {{1000}, 8'001, 0, "A100"}, {{1000}, 8'002, 0, "A100"}},
            {{.gpus = 1, .share = 300, .cpu = 100}, {.gpus = 1, .share = 1000, .cpu = 5'000}}};
    REQUIRE(s.classes.size() == 3);
    const std::vector<double> supply{400'000.0, 400'000.0, 400'000.0};
    const std::vector<double> cpu{100'000.0, 100'000.0, 100'000.0};
    s.market.clear(supply, cpu);
    for (std::size_t c = 1; c < 3; ++c) {
        CHECK(s.market.gpu_price(c) == s.market.gpu_price(0));
        CHECK(s.market.cpu_price(c) == s.market.cpu_price(0));
    }
    CHECK(s.market.gpu_price(0) == 0.0);
}

TEST_CASE("two markets with equal input have equal prices") {
    const auto [machines, work] = random_problem(3, {.nodes = 60, .tasks = 300});
    const problem p{machines, work};
    const node_classes classes{machines};
    fluid_market a{p, classes, ledger{machines}, 8'000.0};
    fluid_market b{p, classes, ledger{machines}, 8'000.0};
    xoshiro256 g{1};
    for (int round = 0; round < 10; ++round) {
        std::vector<double> gpu(classes.size());
        std::vector<double> cpu(classes.size());
        for (auto& x : gpu) x = static_cast<double>(below(g, 1'000'000));
        for (auto& x : cpu) x = static_cast<double>(below(g, 1'000'000));
        a.clear(gpu, cpu);
        b.clear(gpu, cpu);
        for (std::size_t c = 0; c < classes.size(); ++c) {
            REQUIRE(a.gpu_price(c) == b.gpu_price(c));
            REQUIRE(a.cpu_price(c) == b.cpu_price(c));
        }
    }
}

TEST_CASE("prices are finite and within their limits, for any supply") {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        CAPTURE(seed);
        const auto [machines, work] = random_problem(seed);
        const problem p{machines, work};
        const node_classes classes{machines};
        fluid_market market{p, classes, ledger{machines}, seed % 4 == 0 ? 0.0 : 6'000.0};
        xoshiro256 g{seed};
        for (int round = 0; round < 12; ++round) {
            const double scale = std::pow(10.0, static_cast<double>(below(g, 14)) - 1.0);
            std::vector<double> gpu(classes.size());
            std::vector<double> cpu(classes.size());
            for (auto& x : gpu) x = chance(g, 30) || round == 0 ? 0.0 : scale * static_cast<double>(below(g, 1000));
            for (auto& x : cpu) x = chance(g, 30) || round == 1 ? 0.0 : scale * static_cast<double>(below(g, 1000));
            market.clear(gpu, cpu);
            for (std::size_t c = 0; c < classes.size(); ++c) {
                REQUIRE(std::isfinite(market.gpu_price(c)));
                REQUIRE(std::abs(market.gpu_price(c)) <= 4.0);
                REQUIRE(market.cpu_price(c) >= 0.0);
                REQUIRE(market.cpu_price(c) <= 4.0);
            }
        }
    }
}

TEST_CASE("without demand for GPUs no class has a price") {
    for (const auto& tasks : {std::vector<hand_task>{}, std::vector<hand_task>{{.gpus = 0, .cpu = 100}},
                              std::vector<hand_task>{{.gpus = 9, .share = 1000}}}) {
        stall s{{scarce, plenty}, tasks};
        s.market.clear(std::vector{10.0, 1e6}, std::vector{0.0, 5.0});
        for (std::size_t c = 0; c < 2; ++c) {
            CHECK(s.market.gpu_price(c) == 0.0);
            CHECK(s.market.cpu_price(c) == 0.0);
        }
    }
}

TEST_CASE("a class without demand has no price and changes none") {
    const std::vector<hand_task> tasks{{.gpus = 1, .share = 1000, .accepted = {"A100"}, .copies = 3},
                                       {.gpus = 1, .share = 1000, .accepted = {"T4", "A100"}, .copies = 3}};
    const hand_node idle{.shares = {1000}, .cpu = 1'000'000, .model = "K80"};
    stall without{{scarce, plenty}, tasks};
    stall with{{scarce, plenty, idle}, tasks};
    without.market.clear(std::vector<double>{1000, 1000}, std::vector<double>{1e9, 1e9});
    with.market.clear(std::vector<double>{1000, 1000, 5000}, std::vector<double>{1e9, 1e9, 1e9});
    for (std::size_t c = 0; c < 2; ++c) {
        CHECK(with.market.gpu_price(c) == without.market.gpu_price(c));
        CHECK(with.market.cpu_price(c) == without.market.cpu_price(c));
    }
    CHECK(with.market.gpu_price(2) == 0.0);
    CHECK(with.market.cpu_price(2) == 0.0);
    CHECK(without.market.gpu_price(0) > without.market.gpu_price(1));
}
