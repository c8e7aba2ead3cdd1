// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/scheduler/scheduler_interface.hpp"

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
        if (!of.failed || records_[of.first].grows) continue;
        const std::uint64_t now = of.bar == detail::queue_bar::none ? classes_.explain(c) : of.bar_bit();
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
            if (!jobs_.is_taken(j) || records_[j].demand != c || records_[j].told == now) continue;
            records_[j].told = now;
            waits_.push_back({records_[j].sequence, j, first, count});
        }
        of.not_told.clear();
    }
    const auto sorted = detail::sorted_positions(
        waits_.size(), [&](std::size_t a, std::size_t b) { return waits_[a].sequence < waits_[b].sequence; });
    for (const std::size_t i : sorted) {
        tell(decision_kind::wait, waits_[i].job, 0, unplaced, "");
        decided_.back().alternative = waits_[i].first;
        decided_.back().wave = waits_[i].count;
    }
    waits_.clear();
}

template <class Policies>
void scheduler<Policies>::append_reasons(const detail::demand_class& of, std::uint64_t set) {
    using classes = detail::demand_classes;
    for (std::uint32_t b = 0; b < 64; ++b) {
        if ((set >> b & 1U) == 0) continue;
        const bool of_places = of.bar == detail::queue_bar::none && b != static_cast<std::uint32_t>(wait_reason::delay);
        const std::uint32_t places = of_places ? of.refusing[b] : 1;
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
