// expect: A placer keeps kinds of tasks, not which task is where
// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/migrate/run/migration_run.hpp"
#include "berth/testing/archetypes.hpp"

bool look(berth::migration_run& run, const berth::problem& problem, berth::ledger& ledger,
          berth::archetypes::executor& executor) {
    auto placer = berth::greedy{berth::first_fit{}}.start(problem);
#ifdef BERTH_FIXED
    berth::ledger_adapter keeper{problem, ledger};
    return run.advance(executor, keeper, 0.0);
#else
    return run.advance(executor, placer, 0.0);
#endif
}
