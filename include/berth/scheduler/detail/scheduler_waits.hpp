// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/scheduler/scheduler_interface.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

// Why jobs wait.

namespace berth::inline v0 {

template <class Policies>
void scheduler<Policies>::tell_delay(std::uint32_t j) {
    constexpr std::uint64_t delay = std::uint64_t{1} << static_cast<unsigned>(wait_reason::delay);
    if (options_.waits == wait_reports::none || records_[j].told == delay) return;
    records_[j].told = delay;
    waits_.push_back({records_[j].sequence, j, static_cast<std::uint32_t>(reasons_.size()), 1});
    reasons_.push_back({wait_reason::delay, 0, 1});
}

template <class Policies>
void scheduler<Policies>::tell_waits() {
    if (options_.waits == wait_reports::none) return;
    for (const std::uint32_t c : classes_.listed()) {
        detail::demand_class& of = classes_[c];
        if ((!of.failed && !of.kept_out) || records_[of.first].grows) continue;
        const std::uint64_t now = of.bar != detail::queue_bar::none ? of.bar_bit()
                                  : of.kept_out                     ? explain_kept_out(c)
                                                                    : classes_.explain(c);
        const bool others = now != of.told;
        if (!others && of.not_told.empty()) continue;
        of.told = now;
        const auto first = static_cast<std::uint32_t>(reasons_.size());
        append_reasons(of, now);
        const auto count = static_cast<std::uint32_t>(reasons_.size()) - first;
        if (others) {
            of.not_told.clear();
            heap_.list(of.first, of.not_told);
        }
        for (const std::uint32_t j : of.not_told) {
            if (!jobs_.is_taken(j) || records_[j].demand != c) continue;
            const std::uint64_t told = records_[j].told & ~detail::told_reserved;
            const bool reserved = backfills && reservation_of(j) < reservations_;
            if (told == now && (!reserved || told != records_[j].told)) continue;
            records_[j].told = now | (reserved ? detail::told_reserved : 0);
            waits_.push_back({records_[j].sequence, j, first, count});
        }
        of.not_told.clear();
    }
    if constexpr (backfills) tell_reserved();
    const auto sorted = detail::sorted_positions(
        waits_.size(), [&](std::size_t a, std::size_t b) { return waits_[a].sequence < waits_[b].sequence; });
    for (const std::size_t i : sorted) {
        tell(decision_kind::wait, waits_[i].job, 0, unplaced, "");
        decided_.back().alternative = waits_[i].first;
        decided_.back().wave = waits_[i].count;
        if constexpr (backfills) {
            const char* const why = tell_reservation(waits_[i].job, decided_.back().beneficiary);
            decided_.back().reason = why;
        }
    }
    waits_.clear();
}

/// Jobs that have a reservation hear of it once, also where the other reasons are as before.
template <class Policies>
void scheduler<Policies>::tell_reserved() {
    for (std::size_t i = 0; i < reservations_; ++i) {
        const std::uint32_t j = reserved_[i].job;
        detail::job_record& r = records_[j];
        if (r.demand == detail::no_position || (r.told & detail::told_reserved) != 0) continue;
        const detail::demand_class& of = classes_[r.demand];
        r.told = of.told | detail::told_reserved;
        const auto first = static_cast<std::uint32_t>(reasons_.size());
        append_reasons(of, of.told);
        waits_.push_back({r.sequence, j, first, static_cast<std::uint32_t>(reasons_.size()) - first});
    }
}
/// A class whose jobs would fit, but for what is kept: nodes that would take a task hold their room.
template <class Policies>
std::uint64_t scheduler<Policies>::explain_kept_out(std::uint32_t c) {
    const std::uint64_t would_fit = detail::demand_classes::why_not_enough(classes_[c]);
    return (classes_.explain(c) & ~would_fit) | detail::reason_bit(wait_reason::held);
}
/// Nodes that something is kept on.
template <class Policies>
std::uint32_t scheduler<Policies>::kept_nodes() {
    touched_nodes_.clear();
    for (std::size_t i = 0; i < reservations_; ++i) {
        for (const slot& where : reserved_[i].slots) touched_nodes_.push_back(where.node);
    }
    std::sort(touched_nodes_.begin(), touched_nodes_.end());
    return static_cast<std::uint32_t>(std::unique(touched_nodes_.begin(), touched_nodes_.end()) -
                                      touched_nodes_.begin());
}

template <class Policies>
void scheduler<Policies>::append_reasons(const detail::demand_class& of, std::uint64_t set) {
    using classes = detail::demand_classes;
    for (std::uint32_t b = 0; b < 64; ++b) {
        if ((set >> b & 1U) == 0) continue;
        const bool of_places = of.bar == detail::queue_bar::none && b != static_cast<std::uint32_t>(wait_reason::delay);
        std::uint32_t places = of_places ? of.refusing[b] : 1;
        if (of.kept_out && b == static_cast<std::uint32_t>(wait_reason::held)) places += kept_nodes();
        if (b < classes::node_bits) {
            reasons_.push_back({static_cast<wait_reason>(b), 0, places});
        } else {
            const wait_reason kind = b < classes::gpu_bits      ? wait_reason::node_counter
                                     : b < classes::domain_bits ? wait_reason::gpu_counter
                                                                : wait_reason::domain_counter;
            reasons_.push_back({kind, static_cast<std::uint8_t>(b % 16), places});
        }
    }
}

template <class Policies>
std::span<const decision> scheduler<Policies>::answer() {
    for (decision& d : decided_) {
        ++counts_.decisions[static_cast<std::size_t>(d.kind)];
        if (d.kind != decision_kind::wait) continue;
        d.reasons = reasons_.view().subspan(d.alternative, d.wave);
        d.alternative = d.wave = 0;
    }
    answered_ = true;
    lost_told_ = lost_names_.size();
    return decided_.view();
}

}  // namespace berth::inline v0
