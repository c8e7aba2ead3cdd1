// SPDX-License-Identifier: Apache-2.0
// Evaluating costs must not allocate: operator new counts its calls in this binary.
#include "berth/cost/divisible/load_cost.hpp"
#include "berth/cost/evaluate.hpp"
#include "berth/cost/execution_time.hpp"
#include "berth/cost/linear_cost.hpp"
#include "berth/cost/pair_costs.hpp"
#include "berth/cost/weighted_terms.hpp"

#include "cost/count_new.hpp"
#include "cost/random_features.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

namespace {

template <class F>
std::size_t count(F f) {
    const std::size_t before = new_calls();
    f();
    return new_calls() - before;
}

}  // namespace

TEST_CASE("count_new: counts allocations") {
    // Called as functions: a compiler may leave out a new and a delete that it wrote itself.
    CHECK(count([] { ::operator delete(::operator new(8)); }) >= 1);
}

TEST_CASE("cost models: evaluation does not allocate") {
    const random_features t{1, 50, 3};
    const random_features g{2, 300, 2};
    std::vector<double> out(50 * 300);
    const berth::matrix_view<double> costs{out.data(), 50, 300};
    const auto linear = berth::make_linear_cost({1, 2, 3}, {4, 5}).value();
    const berth::weighted_terms terms{
        berth::cost_term{"a long name that does not fit into a small string", 1.0, linear},
        berth::cost_term{"time", 1.0, berth::execution_time{}}};
    const auto lambda = [](berth::feature_row task, berth::feature_row gpu) { return task[0] - gpu[0]; };
    const berth::bound_cost bound{terms, t.view(), g.view()};
    double parts[2] = {};
    double sum = 0.0;
    CHECK(count([&] { berth::fill_costs(linear, t.view(), g.view(), costs); }) == 0);
    CHECK(count([&] { berth::fill_costs(terms, t.view(), g.view(), costs); }) == 0);
    CHECK(count([&] { berth::fill_costs(lambda, t.view(), g.view(), costs); }) == 0);
    CHECK(count([&] { berth::cost_row(linear, t.view().row(0), g.view(), costs.row(0)); }) == 0);
    CHECK(count([&] { terms.split(t.view().row(0), g.view().row(0), parts); }) == 0);
    CHECK(count([&] { sum += bound(berth::task_index{3}, berth::gpu_index{200}); }) == 0);
    CHECK(sum > 0.0);
}

TEST_CASE("load_state: no call allocates, not even reset") {
    const auto model = berth::make_load_cost(std::vector<berth::load_task>(4, {.execution_cost = 2.0, .load = 100}),
                                             std::vector<berth::load_gpu>(3))
                           .value();
    berth::load_state state{model};
    double sum = 0.0;
    CHECK(count([&] {
              for (std::size_t i = 0; i < 4; ++i) {
                  const berth::task_index task{i};
                  const berth::gpu_index gpu{i % 3};
                  if (state.admits(task, gpu)) state.place(task, gpu);
                  sum += state.cost(task, gpu) + static_cast<double>(state.room(gpu));
                  state.remove(task, gpu);
              }
              state.reset();
          }) == 0);
    CHECK(sum > 0.0);
}
