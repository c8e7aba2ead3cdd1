// expect: berth: names, models and groups are text
// SPDX-License-Identifier: Apache-2.0
#include <berth/model/lower.hpp>

#include <string>
#include <vector>

struct pod {
    int gpus = 1;
#ifdef BERTH_FIXED
    std::string name = "7";
#else
    int name = 7;
#endif
};

int check(const berth::fleet& fleet) { return berth::make_workload(std::vector<pod>{}, fleet) ? 0 : 1; }
