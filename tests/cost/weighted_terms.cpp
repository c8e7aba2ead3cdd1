// SPDX-License-Identifier: Apache-2.0
#include "berth/cost/weighted_terms.hpp"

#include "berth/cost/execution_time.hpp"
#include "berth/cost/linear_cost.hpp"

#include "cost/random_features.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string_view>
#include <vector>

namespace {

const auto heat = [](berth::feature_row, berth::feature_row gpu) { return gpu[1]; };

static_assert(berth::row_cost_model<berth::weighted_terms<berth::execution_time, decltype(heat)>>);

}  // namespace

TEST_CASE("weighted_terms by hand, with the split by term") {
    const berth::weighted_terms cost{berth::cost_term{"time", 2.0, berth::execution_time{}},
                                     berth::cost_term{"heat", 0.5, heat}};
    const double task[] = {0.0, 100.0, 0.0};
    const double gpu[] = {20.0, 60.0};
    CHECK(cost(task, gpu) == 2.0 * 5.0 + 0.5 * 60.0);
    std::array<double, 2> parts{};
    cost.split(task, gpu, parts);
    CHECK(parts == std::array{10.0, 30.0});
    CHECK(cost.names() == std::array<std::string_view, 2>{"time", "heat"});
    CHECK(cost.size == 2);
}

TEST_CASE("weighted_terms nest and hold temporaries by value") {
    const berth::weighted_terms inner{berth::cost_term{"heat", 3.0, heat}};
    const berth::weighted_terms outer{berth::cost_term{"inner", 2.0, inner}, berth::cost_term{"heat", -1.0, heat}};
    const double gpu[] = {1.0, 7.0};
    CHECK(outer({}, gpu) == 2.0 * 21.0 - 7.0);
}

TEST_CASE("weighted_terms: row and split agree with single evaluations bit for bit, over more than one block") {
    const auto linear = berth::make_linear_cost({1.0, 0.01, 0.0}, {-0.1, 0.2}).value();
    const berth::weighted_terms cost{berth::cost_term{"time", 1.3, berth::execution_time{}},
                                     berth::cost_term{"linear", -0.7, linear}, berth::cost_term{"heat", 0.11, heat}};
    for (const std::size_t gpus : {0U, 1U, 255U, 256U, 257U, 700U}) {
        const random_features t{1, 3, 3};
        const random_features g{gpus, gpus, 2};
        std::vector<double> out(3 * gpus);
        berth::fill_costs(cost, t.view(), g.view(), berth::matrix_view<double>{out.data(), 3, gpus});
        bool equal = true;
        bool adds_up = true;
        for (std::size_t i = 0; i < 3; ++i) {
            for (std::size_t j = 0; j < gpus; ++j) {
                const double one = cost(t.view().row(i), g.view().row(j));
                std::array<double, 3> parts{};
                cost.split(t.view().row(i), g.view().row(j), parts);
                equal = equal && out[i * gpus + j] == one;
                adds_up = adds_up && (0.0 + parts[0]) + parts[1] + parts[2] == one;
            }
        }
        CHECK(equal);
        CHECK(adds_up);
    }
}
