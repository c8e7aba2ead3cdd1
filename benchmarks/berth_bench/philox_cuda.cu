// SPDX-License-Identifier: Apache-2.0
#include "berth/cuda/device.cuh"
#include "berth/cuda/genetic.cuh"

#include "berth_bench/philox_cuda.hpp"

namespace bench {

berth::result<void> cuda_ready() {
    if (const auto device = berth::cuda::describe_device(); !device) {
        return berth::error{device.error().code, "--device cuda: " + device.error().message};
    }
    return {};
}

berth::result<berth::assignment_plan> run_on_cuda(const berth::philox_genetic& description,
                                                  const berth::priced_problem& p,
                                                  const berth::run_control<search_stop, search_observer>& control) {
    return berth::cuda::genetic{description}.run(p, {}, nullptr, control);
}

}  // namespace bench
