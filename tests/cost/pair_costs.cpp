// SPDX-License-Identifier: Apache-2.0
#include "berth/cost/pair_costs.hpp"

#include "berth/cost/execution_time.hpp"

#include "cost/random_features.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <span>
#include <string>
#include <vector>

namespace {

struct job {
    double work;
};
struct card {
    double speed;
};

}  // namespace

TEST_CASE("pair costs: bound, over objects, as a matrix and as a table agree") {
    std::vector<job> jobs{{100}, {30}};
    const std::vector<card> cards{{10}, {20}, {5}};
    const std::vector<double> tasks{0, 100, 0, 0, 30, 0};
    const std::vector<double> gpus{10, 20, 5};
    const berth::matrix_view<const double> t{tasks.data(), 2, 3};
    const berth::matrix_view<const double> g{gpus.data(), 3, 1};

    const berth::bound_cost bound{berth::execution_time{}, t, g};
    const berth::object_cost object{[](const job& j, const card& c) { return j.work / c.speed; }, std::span{jobs},
                                    std::span{cards}};
    const auto table = berth::materialise(berth::execution_time{}, t, g);
    REQUIRE(table);
    const berth::matrix_cost matrix{table->view()};
    static_assert(berth::pair_cost<decltype(bound)> && berth::pair_cost<decltype(object)>);
    const double expected[2][3] = {{10, 5, 20}, {3, 1.5, 6}};
    for (std::size_t i = 0; i < 2; ++i) {
        for (std::size_t j = 0; j < 3; ++j) {
            const berth::task_index ti{i};
            const berth::gpu_index gj{j};
            CHECK(bound(ti, gj) == expected[i][j]);
            CHECK(object(ti, gj) == expected[i][j]);
            CHECK(matrix(ti, gj) == expected[i][j]);
            CHECK((*table)(ti, gj) == expected[i][j]);
        }
    }
}

TEST_CASE("check_costs and materialise: refuse costs that are no numbers, with task and GPU, and take infinite ones") {
    const std::vector<double> tasks{0, 100, 0, 0, 0, 0};
    const std::vector<double> gpus{10, 0};
    const auto time = [](berth::feature_row task, berth::feature_row gpu) { return task[1] / gpu[0]; };
    const auto table = berth::materialise(time, berth::matrix_view<const double>{tasks.data(), 2, 3},
                                          berth::matrix_view<const double>{gpus.data(), 2, 1});
    CHECK(table.error() == berth::error{berth::error_code::invalid_value, "cost of task 1 on GPU 1: not a number"});
    CHECK(berth::materialise(time, berth::matrix_view<const double>{tasks.data(), 1, 3},
                             berth::matrix_view<const double>{gpus.data(), 2, 1}));
    const double infinity = std::numeric_limits<double>::infinity();
    const double costs[] = {1, 2, infinity, -infinity};
    CHECK(berth::check_costs({costs, 2, 2}).error().message == "cost of task 1 on GPU 1: minus infinity");
    CHECK(berth::check_costs({costs, 1, 3}));
}

TEST_CASE("materialise: empty matrices") {
    const auto table = berth::materialise(berth::execution_time{}, {}, {});
    REQUIRE(table);
    CHECK(table->view().rows() == 0);
}
