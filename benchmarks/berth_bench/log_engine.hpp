// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/mig/mig_board.hpp"
#include "berth/core/result.hpp"
#include "berth/io/event_log_calls.hpp"
#include "berth/io/event_log_events.hpp"
#include "berth/io/event_log_names.hpp"
#include "berth/scheduler/any_scheduler.hpp"

#include "support/log_fleet.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bench {

using berth::io::counters_of;
using berth::io::find_not_yet;
using berth::io::log_counters;
using berth::io::named_decision;

/// A scheduler that speaks in events and decisions of a log.
class log_engine {
public:
    log_engine(berth::io::event_log_calls calls, berth::any_scheduler engine)
        : calls_{std::move(calls)}, engine_{std::move(engine)} {}

    /// Tells of an event that `fleet` has taken already, and that changed something.
    [[nodiscard]] berth::result<void> apply(const berth::io::event& e, const log_fleet& fleet);
    /// Decides, and appends what was decided.
    [[nodiscard]] berth::result<void> decide(double time, std::vector<named_decision>& to);
    /// When it wants to decide again although nothing happens; infinity: never.
    [[nodiscard]] double wake_at() const { return engine_.wake_at(); }

private:
    berth::io::event_log_calls calls_;
    berth::any_scheduler engine_;
};

/// What a log says beside its events, and the program's options over it.
struct log_engine_options {
    std::string policy{};
    bool acknowledged = false;               ///< evictions and moves are done when the log says so, else at once
    double grace = 60.0;                     ///< seconds for which a gang may run below its least
    bool consolidate = true;                 ///< tasks may be moved so that others fit
    std::vector<berth::mig_board> boards{};  ///< what GPUs in MIG mode may be
};

/// What GPUs in MIG mode may be, for logs that mention any: the boards of a profile table.
///
/// @param file  the table; empty: the project's own
[[nodiscard]] berth::result<std::vector<berth::mig_board>> boards_for(std::span<const berth::io::event> log,
                                                                      const std::string& file);

/// Nothing if there is no such policy.
[[nodiscard]] std::unique_ptr<log_engine> make_log_engine(const log_counters& counters,
                                                          const log_engine_options& options);

}  // namespace bench
