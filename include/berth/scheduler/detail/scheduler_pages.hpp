// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/scheduler/scheduler_interface.hpp"

// How the policies of a scheduler start, and start anew when a page is turned.

namespace berth::inline v0 {

/// All jobs that wait leave the line, and are put into it again in the order of their arrival, as if none had failed.
inline void scheduler_events::start_line_anew() {
    for (std::uint32_t j = 0; j < records_.size(); ++j) {
        if (!jobs_.is_taken(j)) continue;
        leave_line(j);
        records_[j].queued = false;
    }
    classes_ = detail::demand_classes{cluster_, places_, slices_};
    to_queue_.clear();
    told_ = true;
    for (const job_handle job : jobs()) {
        if (at(job).waiting > 0) put_in_line(job.position());
    }
    if (!answered_) return;
    decided_.clear();
    answered_ = false;
}

/// A reason that lives as long as the scheduler.
inline const char* scheduler_events::keep(std::string_view reason) {
    for (const auto& known : kept_) {
        if (*known == reason) return known->c_str();
    }
    kept_.push_back(std::make_unique<std::string>(reason));
    return kept_.back()->c_str();
}

/// A watch that begins takes over whatever the cluster calls sick, but for GPUs of a sick node; without one, nobody
/// would ever call a place well again.
template <class Policies>
void scheduler<Policies>::forget_watched() {
    for (std::size_t i = 0; i < cluster_.fleet().node_count(); ++i) {
        const node_index n{i};
        if (!cluster_.fleet().present(n) || (watches && cluster_.healthy(n))) continue;
        bool changes = false;
        const auto forget = [&](detail::place_state& s) {
            changes = changes || s.watched_sick;
            s.watched_sick = false;
        };
        if constexpr (!watches) forget(places_.of(cluster_.handle(n)));
        for (gpu_mask rest = cluster_.gpus_there(n); rest != 0; rest &= rest - 1)
            forget(places_.of(cluster_.handle(n, lowest_gpu(rest))));
        if (!changes) continue;
        places_.apply(n);
        room_freed_ = true;
    }
}

template <class Policies>
void scheduler<Policies>::start_policies(const detail::mix_image& mix) {
    const auto prior = mix.prior(cluster_.fleet());
    const workload* const known = prior && !mix.empty() ? &*prior : nullptr;
    placer_.reset(new placer_type(policies_.placement.start(cluster_, cluster_placer_options{}, known)));
    relief_.reset(new relief_type(detail::start_relief(policies_.balance, *this)));
    forget_watched();
    watch_.reset(new watch_type(detail::start_watch(policies_.watch, *this)));
    measured_ = cluster_readings{cluster_};
}

}  // namespace berth::inline v0
