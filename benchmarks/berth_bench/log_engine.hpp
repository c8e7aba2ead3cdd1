// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/mig/mig_board.hpp"
#include "berth/core/result.hpp"
#include "berth/io/event_log_decisions.hpp"
#include "berth/io/event_log_events.hpp"

#include "support/log_fleet.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// A decision by names, and which of its demands a task starts with.
struct named_decision {
    berth::io::decision what{};
    std::size_t form = 0;
};

/// A scheduler that speaks in events and decisions of a log. The only place where the two meet the engine.
class log_engine {
public:
    log_engine() = default;
    log_engine(const log_engine&) = delete;
    log_engine& operator=(const log_engine&) = delete;
    virtual ~log_engine() = default;

    /// Tells of an event that `fleet` has taken already, and that changed something.
    [[nodiscard]] virtual berth::result<void> apply(const berth::io::event& e, const log_fleet& fleet) = 0;
    /// Decides, and appends what was decided.
    [[nodiscard]] virtual berth::result<void> decide(double time, std::vector<named_decision>& to) = 0;
    /// When it wants to decide again although nothing happens; infinity: never.
    [[nodiscard]] virtual double wake_at() const = 0;
};

/// What a log says beside its events, and the program's options over it.
struct log_engine_options {
    std::string policy{};
    bool acknowledged = false;               ///< evictions and moves are done when the log says so, else at once
    double grace = 60.0;                     ///< seconds for which a gang may run below its least
    bool consolidate = true;                 ///< tasks may be moved so that others fit
    std::vector<berth::mig_board> boards{};  ///< what GPUs in MIG mode may be
};

/// Counters of a log, in the order of their names, those of GPUs without the share; and its levels of domains.
struct log_counters {
    std::set<std::string> node{};
    std::set<std::string> gpu{};
    std::vector<std::string> levels{};  ///< outermost first, without the innermost one, `host`
};
[[nodiscard]] log_counters counters_of(std::span<const berth::io::event> log);

/// What GPUs in MIG mode may be, for logs that mention any: the boards of a profile table.
///
/// @param file  the table; empty: the project's own
[[nodiscard]] berth::result<std::vector<berth::mig_board>> boards_for(std::span<const berth::io::event> log,
                                                                      const std::string& file);

/// A policy by name.
struct log_policy {
    std::string_view name;
    std::string_view summary;
};
[[nodiscard]] std::span<const log_policy> log_policies() noexcept;

/// Nothing if there is no such policy.
[[nodiscard]] std::unique_ptr<log_engine> make_log_engine(const log_counters& counters,
                                                          const log_engine_options& options);

/// What the engine cannot do yet.
struct not_yet {
    std::string field;
    std::string why;
};
/// Nothing if it can.
[[nodiscard]] std::optional<not_yet> find_not_yet(const berth::io::event& e);

}  // namespace bench
