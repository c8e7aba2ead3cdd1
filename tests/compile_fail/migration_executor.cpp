// expect: berth: the first argument of advance is an executor, with start
// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/run/migration_run.hpp"

struct my_executor {
    void start(berth::migration_action, const berth::migration_job&, double) {}
    berth::action_status poll(berth::migration_action, const berth::migration_job&, double) { return {}; }
    void abort(berth::migration_action, const berth::migration_job&, double) {}
#ifdef BERTH_FIXED
    berth::migration_state query(const berth::migration_job&, double) { return {}; }
#else
    bool query(const berth::migration_job&, double) { return true; }
#endif
};

bool look(berth::migration_run& run, berth::ledger_adapter& ledger, my_executor& executor) {
    return run.advance(executor, ledger, 0.0);
}
