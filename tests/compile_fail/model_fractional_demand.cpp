// expect: berth: capacities and demands are integers
// SPDX-License-Identifier: Apache-2.0
// Half a GPU as a floating-point number.
#include <berth/model/lower.hpp>

#include <vector>

struct pod {
#ifdef BERTH_FIXED
    std::vector<int> gpu_demand{500};
#else
    std::vector<double> gpu_demand{0.5};
#endif
};

int check(const berth::fleet& fleet) { return berth::make_workload(std::vector<pod>{}, fleet) ? 0 : 1; }
