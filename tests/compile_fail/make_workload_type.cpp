// expect: berth: this type is not a task; give it a member `gpus`, `gpu_demand` or `node_demand`
// SPDX-License-Identifier: Apache-2.0
// A task whose members are called otherwise, without a task_traits.
#include <berth/model/lower.hpp>

#include <vector>

struct pod {
    int devices;
};
#ifdef BERTH_FIXED
template <>
struct berth::task_traits<pod> {
    static int gpus(const pod& p) { return p.devices; }
};
#endif

int check(const berth::fleet& fleet) { return berth::make_workload(std::vector<pod>{}, fleet) ? 0 : 1; }
