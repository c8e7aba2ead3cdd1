// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/linked_gpus.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/io/event_log_events.hpp"
#include "berth/model/resources.hpp"
#include "berth/queue/orders.hpp"
#include "berth/scheduler/any_scheduler.hpp"
#include "berth/scheduler/backfill.hpp"
#include "berth/scheduler/preemption.hpp"
#include "berth/scheduler/scheduler_options.hpp"
#include "berth/scheduler/scheduler_policies.hpp"
#include "berth/scheduler/share_rules.hpp"

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
        {"easy", "as berth, and the first job that does not fit is not delayed by those behind it (EASY backfilling)"},
    };
    return policies;
}

/// What the first line of a log says of its scheduler, with the defaults of the format.
struct log_defaults {
    std::string policy = "berth";  ///< a name
    scheduler_options options{};   ///< `acknowledge` and `grace`
    bool consolidate = true;       ///< tasks may be moved so that others fit
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
    found.consolidate = format->consolidate.value_or(found.consolidate);
    return found;
}

/// A scheduler of the policy of that name; nothing if there is none. Queues follow their shares: `share_rules`. Costly
/// to compile: every policy is a scheduler of its own, so keep it in one file.
[[nodiscard]] inline std::optional<any_scheduler> make_log_scheduler(std::string_view name, resource_schema schema,
                                                                     scheduler_options options = {},
                                                                     bool consolidate = true) {
    const auto make = [&](auto policies) { return any_scheduler{std::move(policies), std::move(schema), options}; };
    const auto base = scheduler_policies<>{}.with_preemption(share_rules{.consolidate = consolidate});
    if (name == "berth") return make(base);
    if (name == "best_fit") return make(base.with_placement(greedy{best_fit{}, linked_gpus{}}));
    if (name == "spread") return make(base.with_placement(greedy{worst_fit{}, linked_gpus{loosest_gpu{}}}));
    if (name == "fifo") return make(base.with_order(fifo{}));
    if (name == "preempting") return make(scheduler_policies<>{}.with_preemption(for_priority{}));
    if (name == "srtf") return make(base.with_order(shortest_remaining{}));
    if (name == "easy") return make(base.with_backfill(easy_backfill{}));
    return std::nullopt;
}

}  // namespace berth::inline v0::io
