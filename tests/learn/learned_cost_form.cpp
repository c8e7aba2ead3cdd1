// SPDX-License-Identifier: Apache-2.0
#include "berth/learn/learned_cost_form.hpp"

#include "berth/cost/concepts.hpp"
#include "berth/cuda/device_cost.hpp"
#include "berth/learn/learned_cost.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

using namespace berth;

static_assert(cost_model<learned_cost_form> && device_cost_model<learned_cost_form>);
static_assert(sizeof(learned_cost_form) < 4096, "a kernel takes it as a parameter");

TEST_CASE("the form of a learned model is the model, bit for bit, on the host and by the rows of a device") {
    std::mt19937_64 random{3};
    const auto uniform = [&] { return 2.0 * static_cast<double>(random() >> 11U) * 0x1p-53 - 1.0; };
    for (const double products : {0.0, 0.5}) {
        auto model = learned_cost::make(3, 2, {.product = products});
        REQUIRE(model);
        std::vector<double> task(3);
        std::vector<double> gpu(2);
        for (int i = 0; i < 60; ++i) {
            for (double& x : task) x = uniform();
            for (double& x : gpu) x = uniform();
            const learned_cost_form before = model->form();
            CHECK(before(feature_row{task}, feature_row{gpu}) == (*model)(task, gpu));
            const auto on_device = device_form(before);
            REQUIRE(on_device);
            CHECK((*on_device)(device_row{task.data(), 3}, device_row{gpu.data(), 2}) == (*model)(task, gpu));
            CHECK((*model)(task, gpu) == doctest::Approx(model->predict(task, gpu).median()).epsilon(1e-12));
            REQUIRE(model->observe(task, gpu, std::exp(1.0 + task[0] - gpu[1] + 0.1 * uniform())));
        }
    }
}
