// expect: berth: `backfill` is no_backfill, or has the members of easy_backfill
// SPDX-License-Identifier: Apache-2.0
#include "berth/scheduler/scheduler_policies.hpp"

struct deep {
    int depth = 2;
};

int main() {
#ifdef BERTH_FIXED
    const auto policies = berth::scheduler_policies<>{}.with_backfill(berth::easy_backfill{.depth = 2});
#else
    const auto policies = berth::scheduler_policies<>{}.with_backfill(deep{});
#endif
    return static_cast<int>(policies.backfill.depth) - 2;
}
