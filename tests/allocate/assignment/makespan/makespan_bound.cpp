// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/makespan/makespan_bound.hpp"

#include "berth/core/random.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace berth;

TEST_CASE("the published instance of 1000 tasks on 100 GPUs: the linear program is at 16.098") {
    std::vector<amount> loads(std::size_t{1000} * 100);
    std::uint64_t state = 1;
    for (auto& load : loads) {
        load = 1 + static_cast<amount>(((splitmix64(state) >> 32U) * 100) >> 32U);
        state += 0x9e3779b97f4a7c15ULL;
    }
    const auto bound = bound_makespan(makespan_problem{1000, 100, matrix_load{{loads.data(), 1000, 100}}}, 120);
    CHECK(bound.value > 16.07);
    CHECK(bound.value <= 16.0985);
    CHECK(bound.rounded == 17);
}

TEST_CASE("where GPUs differ by a factor the bound is the total over all speeds, the largest task is one too") {
    const makespan_problem factors{50, 4, [](task_index t, gpu_index g) -> amount {
                                       return static_cast<amount>((1 + t.value()) * (1 + g.value()) * 12);
                                   }};
    CHECK(bound_makespan(factors, 1).value == doctest::Approx(12.0 * 1275.0 / (1.0 + 1.0 / 2 + 1.0 / 3 + 1.0 / 4)));
    const makespan_problem single{3, 5, [](task_index t, gpu_index) -> amount { return t.value() == 1 ? 100 : 1; }};
    CHECK(bound_makespan(single).rounded == 100);
    CHECK(bound_makespan(single).value < 100.0);
    CHECK(bound_makespan(makespan_problem{0, 5, [](task_index, gpu_index) -> amount { return 1; }}).rounded == 0);
}
