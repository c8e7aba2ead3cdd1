// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/model/slot.hpp"
#include "berth/scheduler/decision.hpp"
#include "berth/scheduler/scheduler_events.hpp"

#include <string>

namespace berth::inline v0 {

namespace detail {

inline void append_slot(std::string& text, const slot& at, const cluster& living) {
    if (!at.placed()) return text.append("nowhere"), void();
    text += sentence({"node ", phrase::quoted(living.fleet().name(at.node))});
    const char* before = at.gpus == 0 ? "" : gpu_count(at.gpus) == 1 ? ", GPU " : ", GPUs ";
    for (gpu_mask rest = at.gpus; rest != 0; rest &= rest - 1, before = " ") {
        const std::size_t i = lowest_gpu(rest);
        const std::string& uuid = living.uuid(at.node, i);
        text += before;
        text += uuid.empty() ? sentence({i}) : sentence({phrase::quoted(uuid)});
    }
}
inline void append_slice(std::string& text, const decision& d, std::uint32_t offset) {
    if (d.mig_profile.empty()) return;
    text += sentence({", slice ", phrase::quoted(d.mig_profile), " at ", offset});
}
inline void append_job(std::string& text, job_handle job, const scheduler_events& known) {
    const std::string_view name = known.name(job);
    text += name.empty() ? sentence({"job ", job.position()}) : sentence({"job ", phrase::quoted(name)});
}

}  // namespace detail

/// A decision in one sentence, for people, such as `job "train", task 0 moves from node "n0", GPU "U-1" to node "n1",
/// GPU "U-7": drain` or `job "next" waits: gpu on 12 nodes, unhealthy on 1`. Before the next event of the scheduler.
[[nodiscard]] inline std::string describe(const decision& d, const scheduler_events& known) {
    std::string text;
    detail::append_job(text, d.job, known);
    if (d.kind != decision_kind::wait) text += detail::sentence({", task ", d.task});
    switch (d.kind) {
        case decision_kind::start:
            text += " starts on ";
            detail::append_slot(text, d.where, known.cluster());
            detail::append_slice(text, d, d.mig_offset);
            break;
        case decision_kind::evict:
            text += " leaves ";
            detail::append_slot(text, d.where, known.cluster());
            if (!d.beneficiary.valid()) break;
            text += " for ";
            detail::append_job(text, d.beneficiary, known);
            break;
        case decision_kind::move:
            text += " moves from ";
            detail::append_slot(text, d.from, known.cluster());
            detail::append_slice(text, d, d.mig_from);
            text += " to ";
            detail::append_slot(text, d.where, known.cluster());
            detail::append_slice(text, d, d.mig_offset);
            break;
        case decision_kind::wait: {
            text += " waits";
            const char* before = ": ";
            for (const wait_count& r : d.reasons) {
                text += detail::sentence({before, known.name(r), " on ", r.places, r.places == 1 ? " node" : " nodes"});
                before = ", ";
            }
            break;
        }
        case decision_kind::lost: text += " has lost its place"; break;
    }
    if (*d.reason != '\0') text += detail::sentence({": ", d.reason});
    return text;
}

}  // namespace berth::inline v0
