// expect: berth: the second argument of place and choose is a choice among alternatives
// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/cluster_placer.hpp"
#include "berth/allocate/greedy/greedy.hpp"

void place(berth::cluster& cluster, berth::task_handle task) {
    auto placer = berth::greedy{}.start(cluster);
#ifdef BERTH_FIXED
    placer.place(task, [](const berth::alternative_candidate& a) { return a.speed; });
#else
    placer.place(task, [](double speed) { return speed; });
#endif
}
