// SPDX-License-Identifier: Apache-2.0
#include <berth/cost/pair_costs.hpp>
#include <berth/cuda/device.cuh>
#include <berth/cuda/evaluator.cuh>
#include <berth/objective/terms/gpu_loads.hpp>

#include <cstdio>
#include <span>
#include <vector>

int main() {
    const std::vector<double> costs{1.0, 2.0, 3.0, 4.0};
    const std::vector<berth::amount> loads{1, 1, 1, 1};
    const std::vector<berth::amount> capacities{1, 1};
    const auto packed = pack_assignments(berth::assignment_problem{2, berth::matrix_cost{{costs.data(), 2, 2}},
                                                                   berth::matrix_load{{loads.data(), 2, 2}},
                                                                   std::span<const berth::amount>{capacities}});
    const auto state = berth::cuda::evaluator{}.prepare(*packed);
    std::printf("consumer: %s\n", state ? "a device" : state.error().message.c_str());
    return state.has_value() == berth::cuda::device_available() ? 0 : 1;
}
