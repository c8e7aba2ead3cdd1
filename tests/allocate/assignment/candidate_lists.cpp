// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/candidate_lists.hpp"

#include "allocate/assignment/gap_instances.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <utility>
#include <vector>

using namespace berth;
using namespace berth_test;

TEST_CASE("candidate lists are the cheapest GPUs by reduced cost in order") {
    const type_d d{9, 40, 3};
    const auto p = d.problem();
    const auto bound = bound_assignments(p);
    const candidate_lists some{p, bound, 4};
    const candidate_lists all{p, bound, 100};
    CHECK(some.width() == 4);
    CHECK(all.width() == 9);
    for (std::size_t t = 0; t < p.tasks; ++t) {
        std::vector<std::pair<double, std::size_t>> order;
        for (std::size_t g = 0; g < 9; ++g) order.push_back({reduced_cost(p, bound, task_index{t}, gpu_index{g}), g});
        std::sort(order.begin(), order.end());
        for (std::size_t k = 0; k < 9; ++k) {
            CHECK(all.of(task_index{t})[k].value() == order[k].second);
            if (k < 4) CHECK(some.of(task_index{t})[k].value() == order[k].second);
        }
    }
}

TEST_CASE("candidate lists of equally cheap GPUs go by load and then position") {
    const std::vector<double> costs(6, 3.0);
    const std::vector<amount> loads{1, 1, 1, 3, 2, 2};
    const std::vector<amount> capacities(3, 5);
    const assignment_problem p{2, matrix_cost{{costs.data(), 2, 3}}, matrix_load{{loads.data(), 2, 3}},
                               std::span<const amount>{capacities}};
    const candidate_lists lists{p, bound_assignments(p), 2};
    CHECK(lists.of(task_index{0})[0] == gpu_index{0});
    CHECK(lists.of(task_index{0})[1] == gpu_index{1});
    CHECK(lists.of(task_index{1})[0] == gpu_index{1});
    CHECK(lists.of(task_index{1})[1] == gpu_index{2});
    CHECK(candidate_lists{p, bound_assignments(p), 0}.of(task_index{0}).empty());
    CHECK(candidate_lists{}.width() == 0);
}

TEST_CASE("GPUs that a task exceeds alone come last in its candidate list") {
    const std::vector<double> costs{1.0, 2.0, 3.0};
    const std::vector<amount> loads{9, 4, 4};
    const std::vector<amount> capacities{5, 5, 5};
    const assignment_problem p{1, matrix_cost{{costs.data(), 1, 3}}, matrix_load{{loads.data(), 1, 3}},
                               std::span<const amount>{capacities}};
    const candidate_lists lists{p, bound_assignments(p), 3};
    CHECK(lists.of(task_index{0})[0] == gpu_index{1});
    CHECK(lists.of(task_index{0})[1] == gpu_index{2});
    CHECK(lists.of(task_index{0})[2] == gpu_index{0});
}
