// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/io/event_log_events.hpp"
#include "berth/model/resources.hpp"
#include "berth/queue/orders.hpp"
#include "berth/scheduler/any_scheduler.hpp"
#include "berth/scheduler/preemption.hpp"
#include "berth/scheduler/scheduler_options.hpp"
#include "berth/scheduler/scheduler_policies.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace berth::inline v0::io {

/// A policy that a log can name.
struct log_policy {
    std::string_view name;     ///< as the log has it
    std::string_view summary;  ///< for people
};

/// All of them, the default first.
[[nodiscard]] inline std::span<const log_policy> log_policies() noexcept {
    static constexpr log_policy policies[] = {
        {"berth", "by priority, then age; scarcity decides where (the default)"},
        {"best_fit", "by priority, then age; where least is left free (the default of placement \"pack\")"},
        {"spread", "by priority, then age; where most is left free (the default of placement \"spread\")"},
        {"fifo", "by age alone; scarcity decides where"},
        {"preempting", "as berth, and who has a lower priority leaves for who has a higher"},
        {"srtf", "least time still to run first, by `duration` or `work`; scarcity decides where"},
    };
    return policies;
}

/// What the first line of a log says of its scheduler, with the defaults of the format.
struct log_defaults {
    std::string policy = "berth";  ///< a name
    scheduler_options options{};   ///< `acknowledge` and `grace`
};
/// The defaults of a log, if its first event is a `format`.
[[nodiscard]] inline log_defaults defaults_of(const event& first) {
    log_defaults found;
    const auto* format = std::get_if<format_event>(&first);
    if (format == nullptr) return found;
    if (format->spread) found.policy = *format->spread ? "spread" : "best_fit";
    if (format->policy) found.policy = *format->policy;
    if (format->acknowledge_from_log.value_or(false)) found.options.acknowledge = acknowledgement::reported;
    found.options.grace = format->grace.value_or(found.options.grace);
    return found;
}

/// A scheduler of the policy of that name; nothing if there is none. Costly to compile: every policy is a scheduler of
/// its own, so keep it in one file.
[[nodiscard]] inline std::optional<any_scheduler> make_log_scheduler(std::string_view name, resource_schema schema,
                                                                     scheduler_options options = {}) {
    const auto make = [&](auto policies) { return any_scheduler{std::move(policies), std::move(schema), options}; };
    if (name == "berth") return make(scheduler_policies<>{});
    if (name == "best_fit") return make(scheduler_policies<>{}.with_placement(greedy{best_fit{}}));
    if (name == "spread") return make(scheduler_policies<>{}.with_placement(greedy{worst_fit{}}));
    if (name == "fifo") return make(scheduler_policies<>{}.with_order(fifo{}));
    if (name == "preempting") return make(scheduler_policies<>{}.with_preemption(for_priority{}));
    if (name == "srtf") return make(scheduler_policies<>{}.with_order(shortest_remaining{}));
    return std::nullopt;
}

}  // namespace berth::inline v0::io
