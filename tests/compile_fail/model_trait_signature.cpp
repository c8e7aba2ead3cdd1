// expect: berth: `priority` of your task_traits has to be a static function of const
// SPDX-License-Identifier: Apache-2.0
// A trait for another argument would silently not be used.
#include <berth/model/lower.hpp>

#include <vector>

struct pod {
    int gpus = 1;
};
template <>
struct berth::task_traits<pod> {
#ifdef BERTH_FIXED
    static int priority(const pod&) { return 1; }
#else
    static int priority(pod&) { return 1; }
#endif
};

int check(const berth::fleet& fleet) { return berth::make_workload(std::vector<pod>{}, fleet) ? 0 : 1; }
