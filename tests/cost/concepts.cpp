// SPDX-License-Identifier: Apache-2.0
#include "berth/cost/concepts.hpp"

#include "berth/cost/evaluate.hpp"
#include "berth/cost/pair_costs.hpp"
#include "berth/cost/weighted_terms.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

// The smallest type that models the concept: no copy of a row, no conversion but the one to double.
struct only_double {
    double value;
    operator double() const { return value; }
    operator float() const = delete;
};
struct archetype {
    only_double operator()(berth::feature_row task, berth::feature_row gpu) const { return {task[0] - gpu[0]}; }
};
struct archetype_pair {
    only_double operator()(berth::task_index, berth::gpu_index) const { return {1.0}; }
};
struct swapped_pair {
    double operator()(berth::gpu_index, berth::task_index) const { return 1.0; }
};
struct no_const {
    double operator()(berth::feature_row, berth::feature_row) { return 1.0; }
};
struct text {
    std::string operator()(berth::feature_row, berth::feature_row) const { return {}; }
};
[[maybe_unused]] const auto lambda = [](berth::feature_row task, berth::feature_row gpu) { return task[0] / gpu[0]; };
[[maybe_unused]] const auto one_row = [](berth::feature_row task) { return task[0]; };

static_assert(berth::cost_model<archetype>);
static_assert(berth::cost_model<decltype(lambda)>);
static_assert(!berth::row_cost_model<archetype> && !berth::bulk_cost_model<archetype>);
static_assert(!berth::cost_model<no_const>, "a model is const");
static_assert(!berth::cost_model<text>);
static_assert(!berth::cost_model<decltype(one_row)>);
static_assert(!berth::cost_model<int>);
static_assert(berth::pair_cost<archetype_pair>);
static_assert(berth::pair_cost<berth::bound_cost<archetype>>);
static_assert(!berth::pair_cost<archetype>, "features are not positions");
static_assert(!berth::pair_cost<swapped_pair>, "task first");

}  // namespace

TEST_CASE("cost_model: the smallest model works with every evaluation") {
    const std::vector<double> tasks{1, 2};
    const std::vector<double> gpus{10, 20, 30};
    const berth::matrix_view<const double> t{tasks.data(), 2, 1};
    const berth::matrix_view<const double> g{gpus.data(), 3, 1};
    std::vector<double> out(6);
    berth::fill_costs(archetype{}, t, g, berth::matrix_view<double>{out.data(), 2, 3});
    CHECK(out == std::vector<double>{-9, -19, -29, -8, -18, -28});
    std::vector<double> row(3);
    berth::cost_row(archetype{}, t.row(1), g, row);
    CHECK(row == std::vector<double>{-8, -18, -28});
    const berth::weighted_terms twice{berth::cost_term{"a", 2.0, archetype{}}};
    CHECK(twice(t.row(0), g.row(0)) == -18.0);
    CHECK(berth::materialise(archetype{}, t, g).value()(berth::task_index{1}, berth::gpu_index{2}) == -28.0);
}
