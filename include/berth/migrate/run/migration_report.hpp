// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/run_control.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/migrate/run/detail/step_records.hpp"
#include "berth/migrate/run/migration_executor.hpp"
#include "berth/migrate/run/migration_record.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace berth::inline v0 {

/// A step that was not carried out, and why. On a cluster the position of its task may be another task's by now:
/// `migration_run::task` has the handle.
struct undone_step {
    std::size_t step = 0;                                    ///< position in the plan
    task_move move{};                                        ///< of the step
    migration_outcome outcome = migration_outcome::invalid;  ///< how it ended
    migration_failure failure = migration_failure::none;     ///< why it was not carried out
    migration_action action = migration_action::reserve;     ///< the action that failed, if one was started

    friend bool operator==(const undone_step&, const undone_step&) = default;
};

/// The results of a run so far, by `migration_run::report`.
struct migration_report {
    std::size_t count[migration_outcome_count] = {};  ///< steps by outcome; `operator[]` reads it
    std::uint64_t actions = 0;                        ///< started
    std::uint64_t retries = 0;                        ///< of them, those that had failed before
    double downtime = 0.0;                            ///< seconds over all tasks, the waits of parked tasks included
    std::vector<undone_step> undone{};   ///< in the order of the plan; order these again from the present placement
    std::vector<task_index> lost{};      ///< tasks that the executor lost
    std::vector<task_index> parked{};    ///< tasks that are in host memory now
    std::vector<task_move> in_flight{};  ///< of unresolved and open steps: both ends are held
    stop_reason stopped = stop_reason::completed;  ///< why the run ended early, if it did
    bool given_up = false;                         ///< at `migration_limits::max_failures`

    /// Number of steps with that outcome.
    [[nodiscard]] std::size_t operator[](migration_outcome outcome) const noexcept {
        return count[static_cast<std::size_t>(outcome)];
    }
};

namespace detail {

/// @param before  of the progress's plan, see `steps_before`.
[[nodiscard]] inline migration_report report_of(const migration_progress& progress, const flat<std::size_t>& before) {
    migration_report report;
    report.actions = progress.actions;
    report.retries = progress.retries;
    report.stopped = progress.stopped;
    report.given_up = progress.given_up;
    flat<std::uint8_t> fetched_later(progress.records.size());
    for (std::size_t i = progress.records.size(); i-- > 0;) {
        // What has become of a task that others have taken over is not known here.
        const migration_record& r = progress.records[i];
        const bool left = r.outcome == migration_outcome::done || r.outcome == migration_outcome::gone ||
                          r.failure == migration_failure::task_gone;
        if (before[i] != no_step) fetched_later[before[i]] = left || fetched_later[i] != 0 ? 1 : 0;
    }
    for (std::size_t i = 0; i < progress.records.size(); ++i) {
        const migration_record& r = progress.records[i];
        const migration_step& step = progress.plan.steps[i];
        ++report.count[static_cast<std::size_t>(r.outcome)];
        report.downtime += r.downtime;
        if (under_way(r)) report.in_flight.push_back(step.move());
        if (step.task.value() == gone_position) fetched_later[i] = 1;
        if (r.outcome == migration_outcome::lost && step.task.value() != gone_position)
            report.lost.push_back(step.task);
        const bool parked = (r.outcome == migration_outcome::done && !step.to.placed()) ||
                            (r.outcome == migration_outcome::rolled_back && !step.from.placed());
        if (parked && fetched_later[i] == 0) report.parked.push_back(step.task);
        if (r.outcome != migration_outcome::done && r.outcome != migration_outcome::open) {
            report.undone.push_back({i, step.move(), r.outcome, r.failure, r.failed});
        }
    }
    return report;
}

}  // namespace detail

}  // namespace berth::inline v0
