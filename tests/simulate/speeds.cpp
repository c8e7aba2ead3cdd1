// SPDX-License-Identifier: Apache-2.0
#include "berth/simulate/speeds.hpp"

#include "berth/simulate/learned_speeds.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

TEST_CASE("uneven speeds: the stated mean and deviation, and a drift from its moment on") {
    const std::vector<double> table{10.0, 20.0};
    const std::vector<berth::speed_drift> drifts{{berth::model_index{1}, 0.5, 100.0}};
    const berth::uneven_speeds even{{table.data(), 1, 2}, 0.0, 1, drifts};
    CHECK(even(0, berth::model_index{1}, {0, 99.0}) == 20.0);
    CHECK(even(0, berth::model_index{1}, {0, 100.0}) == 10.0);
    CHECK(even(0, berth::model_index{0}, {0, 100.0}) == 10.0);
    const berth::uneven_speeds noisy{{table.data(), 1, 2}, 0.2, 1, {}};
    double sum = 0.0;
    double squares = 0.0;
    constexpr std::uint64_t rounds = 4000;
    for (std::uint64_t r = 0; r < rounds; ++r) {
        const double factor = noisy(0, berth::model_index{0}, {r, 0.0}) / 10.0;
        sum += factor;
        squares += factor * factor;
    }
    const double mean = sum / rounds;
    CHECK(std::fabs(mean - 1.0) < 0.02);
    CHECK(std::fabs(std::sqrt(squares / rounds - mean * mean) - 0.2) < 0.01);
}

TEST_CASE("learned speeds: observed rounds are believed, and where a job cannot run stays known") {
    berth::class_speed model;
    REQUIRE(model.add_gpu_model("slow").has_value());
    REQUIRE(model.add_gpu_model("fast").has_value());
    REQUIRE(model.add_class("a").has_value());
    const std::vector<std::size_t> class_of{0, 0};
    const std::vector<double> possible{1.0, 1.0, 1.0, 0.0};
    berth::learned_speeds<> beliefs{&model, class_of, {possible.data(), 2, 2}};
    const std::vector<berth::round_job> jobs{{.id = 0}, {.id = 1}};
    std::vector<double> speeds(4, 0.0);
    std::vector<double> doubts(4, 0.0);
    berth::round_view view{.jobs = jobs};
    for (int round = 0; round < 5; ++round) {
        const std::vector<berth::round_outcome> ended{{0, berth::model_index{0}, 360.0 * 2.0, 360.0, 360.0, false},
                                                      {1, berth::model_index{0}, 0.0, 360.0, 360.0, false}};
        view.ended = ended;
        beliefs.estimate(view, {speeds.data(), 2, 2}, {doubts.data(), 2, 2});
    }
    CHECK(std::fabs(speeds[0] - 2.0) < 0.2);
    CHECK(speeds[3] == 0.0);
    CHECK(doubts[1] > doubts[0]);
}
