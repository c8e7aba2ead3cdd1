// expect: berth: a movability policy is a callable bool\(const task_move&\)
// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/move_choice.hpp"

int main() {
#ifdef BERTH_FIXED
    const auto stays = [](const berth::task_move& r) { return r.task.value() != 3; };
#else
    const auto stays = [](berth::task_index task) { return task.value() != 3; };
#endif
    (void)berth::move_choice{berth::payback{}, stays};
}
