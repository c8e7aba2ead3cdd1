// SPDX-License-Identifier: Apache-2.0
// berth-bench scale in parts, in a program that was built without MPI.
#include "berth_bench/scale_parts.hpp"

namespace bench {

int scale_in_parts(const scale_options& options) {
    if (among_ranks())
        return fail("scale: this berth-bench was built without MPI, so a launcher would run it many times");
    if (!options.checkpoint.empty()) return fail("scale: --checkpoint needs a berth-bench that was built with MPI");
    return scale_in_parts_over(
        options, berth::one_process{}, 1, true, [](auto&) { return berth::result<bool>{false}; },
        [](const auto&) { return true; }, [] { return scale_traffic{}; });
}

}  // namespace bench
