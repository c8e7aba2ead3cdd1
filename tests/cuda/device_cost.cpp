// SPDX-License-Identifier: Apache-2.0
#include "berth/cuda/device_cost.hpp"

#include "berth/core/matrix_view.hpp"
#include "berth/core/random.hpp"
#include "berth/cost/evaluate.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <memory>
#include <vector>

using berth::cost_term;
using berth::device_cost_model;
using berth::device_form;
using berth::device_row;
using berth::feature_row;
using berth::matrix_view;

namespace {

struct heat {
    double weight = 1.0;
    BERTH_HD double operator()(device_row task, device_row gpu) const { return weight * task[0] / gpu[1]; }
};
struct owner {
    std::shared_ptr<double> weight;
    double operator()(device_row, device_row) const { return *weight; }
};
struct spans_only {
    double operator()(std::vector<double>, feature_row) const { return 0.0; }
};

static_assert(device_cost_model<heat>);
static_assert(berth::cost_model<heat>, "a functor of device rows is a cost model like any other");
static_assert(!device_cost_model<owner>, "a device cannot follow a pointer to the host");
static_assert(!device_cost_model<spans_only>);
static_assert(!device_cost_model<berth::weighted_terms<berth::execution_time>>);

struct features {
    std::vector<double> tasks;
    std::vector<double> gpus;

    features() {
        berth::xoshiro256 random{5};
        for (int i = 0; i < 3 * 40; ++i) tasks.push_back(0.1 + berth::uniform01(random));
        for (int i = 0; i < 3 * 25; ++i) gpus.push_back(0.1 + berth::uniform01(random));
    }
    [[nodiscard]] matrix_view<const double> task_rows() const { return {tasks.data(), 40, 3}; }
    [[nodiscard]] matrix_view<const double> gpu_rows() const { return {gpus.data(), 25, 3}; }
};

template <class Model>
void same_costs(const Model& model) {
    const features f;
    const auto form = device_form(model);
    REQUIRE(form.has_value());
    std::vector<double> costs(40 * 25);
    fill_costs(model, f.task_rows(), f.gpu_rows(), matrix_view<double>{costs.data(), 40, 25});
    for (std::size_t t = 0; t < 40; ++t) {
        for (std::size_t g = 0; g < 25; ++g) {
            REQUIRE((*form)(device_row{&f.tasks[3 * t], 3}, device_row{&f.gpus[3 * g], 3}) == costs[t * 25 + g]);
        }
    }
}

}  // namespace

TEST_CASE("forms for a device cost the same") {
    const auto linear = berth::make_linear_cost({0.3, -1.7, 0.1}, {2.0, 0.7, 1e-3}, 0.2);
    const berth::execution_time time{.seconds_per_input_gb = 1.0 / 12.0, .seconds_per_output_gb = 0.3};
    same_costs(heat{0.3});
    same_costs(*linear);
    same_costs(time);
    same_costs(berth::weighted_terms{cost_term{"time", 0.7, time}, cost_term{"line", 1.3, *linear},
                                     cost_term{"heat", 0.1, heat{}}});
    same_costs(berth::weighted_terms<>{});
}

TEST_CASE("too many weights are refused") {
    const std::vector<double> many(65, 1.0);
    const auto linear = berth::make_linear_cost(many, {1.0});
    CHECK(device_form(*linear).error().message == "linear cost: 65 and 1 weights, a device takes at most 64 of each");
    const auto sum =
        device_form(berth::weighted_terms{cost_term{"heat", 0.1, heat{}}, cost_term{"line", 1.3, *linear}});
    REQUIRE(!sum);
    CHECK(sum.error().code == berth::error_code::limit_exceeded);
}
