// SPDX-License-Identifier: Apache-2.0
#include "berth/cost/energy/limit_sharing.hpp"

#include "berth/core/random.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace {

using berth::gpu_limits;

/// The least sum of losses, added in the order of GPUs, over all choices within the budget.
double best_of_all(const std::vector<gpu_limits>& gpus, berth::amount budget, std::size_t g = 0, double loss = 0.0) {
    if (budget < 0) return std::numeric_limits<double>::infinity();
    if (g == gpus.size()) return loss;
    double best = std::numeric_limits<double>::infinity();
    for (const auto& o : gpus[g].options) {
        best = std::fmin(best, best_of_all(gpus, budget - o.watts, g + 1, loss + o.loss));
    }
    return best;
}

std::vector<gpu_limits> random_fleet(berth::xoshiro256& random, berth::amount& least, berth::amount& most) {
    std::vector<gpu_limits> gpus(1 + random() % 5);
    const berth::amount unit = random() % 2 == 0 ? 1 : 25;
    for (auto& gpu : gpus) {
        const std::size_t options = 1 + random() % 4;
        berth::amount low = berth::max_amount, high = 0;
        for (std::size_t o = 0; o < options; ++o) {
            const auto watts = static_cast<berth::amount>(random() % 12) * unit;
            gpu.options.push_back({watts, static_cast<double>(random() % 1000) / 700.0 - 0.1});
            low = std::min(low, watts);
            high = std::max(high, watts);
        }
        least += low;
        most += high;
    }
    return gpus;
}

}  // namespace

TEST_CASE("limit_sharing: exact equals all choices, by rate keeps its bound") {
    berth::xoshiro256 random{7};
    for (int round = 0; round < 400; ++round) {
        berth::amount least = 0, most = 0;
        const auto gpus = random_fleet(random, least, most);
        const berth::amount budget =
            least + static_cast<berth::amount>(random() % static_cast<unsigned>(most - least + 2));
        const double best = best_of_all(gpus, budget);
        const auto exact = berth::limit_sharing{}.run(gpus, budget);
        REQUIRE(exact.has_value());
        CHECK(exact->optimal);
        CHECK(exact->loss == best);
        CHECK(exact->lower_bound == best);
        const auto quick = berth::limit_sharing{.max_cells = 0}.run(gpus, budget);
        REQUIRE(quick.has_value());
        CHECK_FALSE(quick->optimal);
        CHECK(quick->loss >= best);
        CHECK(quick->lower_bound <= best);
        for (const auto* plan : {&*exact, &*quick}) {
            berth::amount watts = 0;
            double loss = 0.0;
            for (std::size_t g = 0; g < gpus.size(); ++g) {
                watts += gpus[g].options[plan->option[g]].watts;
                loss += gpus[g].options[plan->option[g]].loss;
            }
            CHECK(watts == plan->watts);
            CHECK(loss == plan->loss);
            CHECK(watts <= budget);
        }
    }
}

TEST_CASE("limit_sharing: a large fleet by rate is close to its bound") {
    berth::xoshiro256 random{3};
    std::vector<gpu_limits> gpus(2000);
    for (auto& gpu : gpus) {
        for (berth::amount w = 100; w <= 300; w += 25) {
            gpu.options.push_back({w, static_cast<double>(300 - w) * static_cast<double>(random() % 100) / 2e4});
        }
    }
    const auto plan = berth::limit_sharing{.max_cells = 0}.run(gpus, 2000 * 210);
    REQUIRE(plan.has_value());
    CHECK(plan->watts <= 2000 * 210);
    CHECK(plan->loss - plan->lower_bound <= 1.0);  // one step at most
    CHECK(plan->loss >= plan->lower_bound);
}

TEST_CASE("limit_sharing: a budget of evaluations leaves the quick plan") {
    const std::vector<gpu_limits> gpus(3, gpu_limits{"", {{100, 0.5}, {200, 0.0}}});
    const auto plan = berth::limit_sharing{}.run(gpus, 400, berth::run_control<>{.max_evaluations = 0});
    REQUIRE(plan.has_value());
    CHECK(plan->stopped == berth::stop_reason::budget_exhausted);
    CHECK_FALSE(plan->optimal);
    CHECK(plan->loss == 1.0);
    CHECK(berth::limit_sharing{}.run({}, 0)->loss == 0.0);
}

TEST_CASE("limit_sharing: bad input names GPU and option") {
    const auto said = [](std::vector<gpu_limits> gpus, berth::amount budget) {
        const auto plan = berth::limit_sharing{}.run(gpus, budget);
        return plan ? std::string{} : plan.error().message;
    };
    CHECK(said({{"a", {}}}, 10) == "gpu 0 (\"a\"): options is empty");
    CHECK(said({{"a", {{-1, 0.0}}}}, 10).find("options[0].watts is -1") != std::string::npos);
    CHECK(said({{"a", {{1, std::nan("")}}}}, 10).find("options[0].loss") != std::string::npos);
    CHECK(said({{"a", {{6, 0.0}}}, {"b", {{5, 0.0}}}}, 10).find("gpu 1 (\"b\"): the smallest limits") == 0);
    CHECK(said({}, -1).find("power budget is -1") == 0);
}

TEST_CASE("limits_of: speed lost against the largest limit") {
    const auto limits = berth::limits_of({"job", {{100, 4.0, 90.0}, {200, 2.0, 150.0}}});
    CHECK(limits.options == std::vector<berth::limit_option>{{100, 0.5}, {200, 0.0}});
}
