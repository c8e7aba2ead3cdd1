// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/philox_allocator.hpp"

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/genetic/philox_genetic.hpp"

#include "berth_bench/philox_cuda.hpp"

namespace bench {

named_allocator philox_allocator() {
    return name_allocator(std::string{philox_name}, "thousands of members, counter-based random numbers",
                          [](const search_setup& setup) { return berth::philox_genetic{.seed = setup.seed}; });
}

#ifdef BERTH_BENCH_CUDA

berth::result<named_allocator> philox_allocator_on_cuda() {
    if (const auto ready = cuda_ready(); !ready) return ready.error();
    named_allocator named = philox_allocator();
    named.run = [](const berth::priced_problem& p, const search_setup& setup) {
        auto plan = run_on_cuda(berth::philox_genetic{.seed = setup.seed}, p, setup.control);
        if (!plan) throw device_error{plan.error().message};
        return *std::move(plan);
    };
    return named;
}

#else

berth::result<named_allocator> philox_allocator_on_cuda() {
    return berth::error{berth::error_code::invalid_value,
                        "--device cuda: this berth-bench was built without CUDA; configure with -DBERTH_WITH_CUDA=ON"};
}

#endif

}  // namespace bench
