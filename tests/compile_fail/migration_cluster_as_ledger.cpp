// expect: berth: a run on a cluster is started by start_migration
// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/run/migration_run.hpp"
#include "berth/testing/archetypes.hpp"

bool look(berth::migration_run& run, berth::cluster& cluster, berth::archetypes::executor& executor) {
#ifdef BERTH_FIXED
    (void)cluster;
    return run.advance(executor, 0.0);
#else
    return run.advance(executor, cluster, 0.0);
#endif
}
