// SPDX-License-Identifier: Apache-2.0
#include "berth/cost/linear_cost.hpp"

#include "berth/cost/evaluate.hpp"

#include "cost/random_features.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

TEST_CASE("linear_cost by hand") {
    const auto model = berth::make_linear_cost({2.0, -1.0}, {0.5}, 10.0);
    REQUIRE(model);
    const double task[] = {3.0, 4.0};
    const double gpu[] = {8.0};
    CHECK((*model)(task, gpu) == 10.0 + 6.0 - 4.0 + 4.0);
    CHECK(model->task_weights().size() == 2);
    CHECK(model->gpu_weights()[0] == 0.5);
    CHECK(model->bias() == 10.0);
}

TEST_CASE("linear_cost: single, row and bulk evaluation agree bit for bit") {
    for (const std::size_t tasks : {0U, 1U, 2U, 17U}) {
        for (const std::size_t gpus : {0U, 1U, 3U, 16U, 33U}) {
            const random_features t{tasks + 1, tasks, 5};
            const random_features g{gpus + 100, gpus, 3};
            const auto model = berth::make_linear_cost({0.1, -2.0, 0.3, 7.0, 1e-3}, {0.7, -0.2, 3.0}, 0.25).value();
            std::vector<double> filled(tasks * gpus);
            berth::fill_costs(model, t.view(), g.view(), berth::matrix_view<double>{filled.data(), tasks, gpus});
            std::vector<double> row(gpus);
            for (std::size_t i = 0; i < tasks; ++i) {
                berth::cost_row(model, t.view().row(i), g.view(), row);
                for (std::size_t j = 0; j < gpus; ++j) {
                    const double one = model(t.view().row(i), g.view().row(j));
                    CHECK(filled[i * gpus + j] == one);
                    CHECK(row[j] == one);
                }
            }
        }
    }
}

TEST_CASE("linear_cost refuses weights that are not finite, by name") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK(berth::make_linear_cost({1.0, nan}, {}).error() ==
          berth::error{berth::error_code::invalid_value, "linear cost: task_weights[1] is not a finite number"});
    CHECK(berth::make_linear_cost({}, {nan}).error().message == "linear cost: gpu_weights[0] is not a finite number");
    CHECK(berth::make_linear_cost({}, {}, -std::numeric_limits<double>::infinity()).error().message ==
          "linear cost: bias is not a finite number");
}
