// expect: berth: `gpus` of a task is a number of GPUs, an integer
// SPDX-License-Identifier: Apache-2.0
// Half a GPU as the number of GPUs.
#include <berth/model/lower.hpp>

#include <vector>

struct pod {
#ifdef BERTH_FIXED
    int gpus = 1;
#else
    double gpus = 0.5;
#endif
};

int check(const berth::fleet& fleet) { return berth::make_workload(std::vector<pod>{}, fleet) ? 0 : 1; }
