// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/io/event_log_decisions.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/why_not.hpp"
#include "berth/scheduler/decision.hpp"
#include "berth/scheduler/scheduler.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace berth::inline v0::io {

/// A decision by names, and which of its demands a task starts with.
struct named_decision {
    decision what{};       ///< by names
    std::size_t form = 0;  ///< of a start: as `berth::decision::alternative`
};

/// The names of a slot's node and GPUs; empty if it is no place. O(GPUs).
[[nodiscard]] inline log_place named(const scheduler_events& engine, const slot& where) {
    log_place found;
    if (!where.placed()) return found;
    found.node = engine.cluster().fleet().name(where.node);
    for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1)
        found.gpus.push_back(engine.cluster().uuid(where.node, lowest_gpu(rest)));
    return found;
}

/// A decision of the last `decide`, as a log of decisions has it. Allocates for the names.
[[nodiscard]] inline named_decision named(const scheduler_events& engine, const berth::decision& d) {
    const std::string job{engine.name(d.job)};
    const auto slice = [&](std::uint32_t offset) {
        return d.mig_profile.empty() ? std::optional<mig_slice>{} : mig_slice{std::string{d.mig_profile}, offset};
    };
    switch (d.kind) {
        case decision_kind::start:
            return {start_decision{d.time, job, d.task, named(engine, d.where), slice(d.mig_offset)}, d.alternative};
        case decision_kind::evict: {
            evict_decision found{d.time, job, d.task, named(engine, d.where), {}, d.reason};
            if (d.beneficiary.valid()) found.for_job = std::string{engine.name(d.beneficiary)};
            return {found, 0};
        }
        case decision_kind::move:
            return {move_decision{d.time, job, d.task, named(engine, d.from), named(engine, d.where), d.wave, d.reason,
                                  slice(d.mig_from), slice(d.mig_offset)},
                    0};
        case decision_kind::lost: return {lost_decision{d.time, job, d.task, d.reason}, 0};
        case decision_kind::wait: break;
    }
    wait_decision found{d.time, job, {}, {}, {}, {}};
    for (const wait_count& one : d.reasons) found.reasons.emplace_back(engine.name(one), one.places);
    for (const job_reservation& r : engine.reservations()) {
        if (r.job == d.job) found.at = r.from;
    }
    return {found, 0};
}

/// Notes the node that comes nearest to taking a job, and what it lacks.
///
/// @param why  what the scheduler's `explain` says of the job
inline void note_nearest(const scheduler_events& engine, const why_not& why, wait_decision& wait) {
    const near_miss& miss = why.never() ? why.nearest_empty : why.nearest;
    if (!miss.node.valid()) return;
    const resource_schema& schema = engine.cluster().fleet().schema();
    wait.nearest_node = std::string{engine.cluster().fleet().name(miss.node)};
    const auto of_gpus = [&]() -> std::string {
        if (miss.counter == 0) return "gpu";
        return schema.gpu[miss.counter] == "memory" ? "gpu_memory" : schema.gpu[miss.counter];
    };
    const amount lacks = miss.wanted - miss.available;
    switch (miss.reason) {
        case refusal::gpu_share: wait.missing = {{of_gpus(), lacks}}; break;
        case refusal::whole_gpus:
            // So many GPUs have not enough of the counter free, or are not there at all.
            wait.missing = {{of_gpus(), lacks * (miss.each == 0 ? whole_gpu : miss.each)}};
            break;
        case refusal::node_counter: wait.missing = {{schema.node[miss.counter], lacks}}; break;
        default: break;
    }
}

}  // namespace berth::inline v0::io
