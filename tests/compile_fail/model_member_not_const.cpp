// expect: berth: the member function `priority` has to be const
// SPDX-License-Identifier: Apache-2.0
// Without the check the priority would silently be the default.
#include <berth/model/lower.hpp>

#include <vector>

struct pod {
    int gpus = 1;
#ifdef BERTH_FIXED
    int priority() const { return 1; }
#else
    int priority() { return 1; }
#endif
};

int check(const berth::fleet& fleet) { return berth::make_workload(std::vector<pod>{}, fleet) ? 0 : 1; }
