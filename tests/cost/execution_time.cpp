// SPDX-License-Identifier: Apache-2.0
#include "berth/cost/execution_time.hpp"

#include <doctest/doctest.h>

#include <vector>

TEST_CASE("execution_time: seconds, by hand") {
    const double task[] = {100.0, 5000.0, 10.0};  // GB, GFLOP, GB
    const double gpu[] = {20.0};                  // GFLOPS
    CHECK(berth::execution_time{}(task, gpu) == 250.0);
    const berth::execution_time with_transfers{.seconds_per_input_gb = 0.125, .seconds_per_output_gb = 0.5};
    CHECK(with_transfers(task, gpu) == 12.5 + 250.0 + 5.0);
}

TEST_CASE("execution_time: reads the chosen columns") {
    const double task[] = {10.0, 1.0, 2.0};
    const double gpu[] = {99.0, 5.0};
    const berth::execution_time model{
        .seconds_per_input_gb = 1.0, .seconds_per_output_gb = 1.0, .data = 1, .compute = 0, .speed = 1};
    CHECK(model(task, gpu) == 1.0 + 2.0 + 2.0);
}

TEST_CASE("execution_costs: one number per task on a reference GPU, by the default model or another") {
    const std::vector<double> tasks{0, 40, 0, 8, 60, 0};
    const berth::matrix_view<const double> rows{tasks.data(), 2, 3};
    const double gpu[] = {20.0};
    std::vector<double> costs(2);
    berth::execution_costs(rows, gpu, costs);
    CHECK(costs == std::vector<double>{2, 3});
    berth::execution_costs(rows, gpu, costs, [](berth::feature_row t, berth::feature_row) { return t[0]; });
    CHECK(costs == std::vector<double>{0, 8});
}
