// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/model/resources.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace berth::inline v0 {

/// Room over time: how much of each counter is free from each instant on, as far as it is known now. What reservations
/// in the future are made on.
///
/// Instants are whole numbers of any unit. Deterministic. Memory O(instants at which the room changes × counters);
/// amounts may be below zero, where reality exceeds a capacity. Strong exception guarantee.
class room_timeline {
public:
    static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();  ///< no such instant

    /// The same room at all instants.
    ///
    /// @param free  of each counter
    explicit room_timeline(std::span<const amount> free) : counters_{free.size()}, free_(free.begin(), free.end()) {
        begins_.push_back(std::numeric_limits<std::int64_t>::min());
    }

    /// Takes an amount of each counter from `begin` until before `end`. O(changes of room + changes between).
    void take(std::int64_t begin, std::int64_t end, std::span<const amount> demand) { add(begin, end, demand, -1); }
    /// Gives it back.
    void give(std::int64_t begin, std::int64_t end, std::span<const amount> demand) { add(begin, end, demand, 1); }

    /// The earliest instant from which there is room for so long.
    ///
    /// @param demand    of each counter
    /// @param duration  how long, above 0
    /// @param from      no instant before this one
    /// @param before    no instant from this one on, either
    /// @return          `never` if there is none
    [[nodiscard]] std::int64_t earliest(std::span<const amount> demand, std::int64_t duration, std::int64_t from,
                                        std::int64_t before = never) const noexcept {
        std::size_t at = position(from);
        std::int64_t start = from;
        while (start < before) {
            // The first change of room from here on at which it does not fit, if that comes before the end.
            std::size_t i = at;
            const std::int64_t end = duration > never - start ? never : start + duration;
            while (i < begins_.size() && (i == at || begins_[i] < end) && fits(demand, i)) ++i;
            if (i == begins_.size() || (i != at && begins_[i] >= end)) return start;
            do ++i;
            while (i < begins_.size() && !fits(demand, i));
            if (i == begins_.size()) return never;
            at = i;
            start = begins_[i];
        }
        return never;
    }
    /// The free amount of each counter at an instant. Valid until the next call that is not const.
    [[nodiscard]] std::span<const amount> free_at(std::int64_t instant) const noexcept {
        return free(position(instant));
    }
    /// Forgets what was before an instant.
    void forget_before(std::int64_t instant) noexcept {
        const std::size_t keep = position(instant);
        begins_.erase(begins_.begin(), begins_.begin() + static_cast<std::ptrdiff_t>(keep));
        free_.erase(free_.begin(), free_.begin() + static_cast<std::ptrdiff_t>(keep * counters_));
        begins_.front() = std::numeric_limits<std::int64_t>::min();
    }
    /// Stretches of time with the same room.
    [[nodiscard]] std::size_t size() const noexcept { return begins_.size(); }
    /// Counters.
    [[nodiscard]] std::size_t counters() const noexcept { return counters_; }

private:
    [[nodiscard]] std::span<const amount> free(std::size_t i) const noexcept {
        return {free_.data() + i * counters_, counters_};
    }
    [[nodiscard]] bool fits(std::span<const amount> demand, std::size_t i) const noexcept {
        const amount* room = free_.data() + i * counters_;
        for (std::size_t c = 0; c < counters_; ++c) {
            if (demand[c] > room[c]) return false;
        }
        return true;
    }
    // The stretch that an instant lies in.
    [[nodiscard]] std::size_t position(std::int64_t instant) const noexcept {
        const auto after = std::upper_bound(begins_.begin() + 1, begins_.end(), instant);
        return static_cast<std::size_t>(after - begins_.begin()) - 1;
    }
    // The stretch that begins at an instant, cut there if none does. Memory is reserved.
    std::size_t cut(std::int64_t instant) noexcept {
        const std::size_t at = position(instant);
        if (begins_[at] == instant) return at;
        begins_.insert(begins_.begin() + static_cast<std::ptrdiff_t>(at + 1), instant);
        free_.resize(free_.size() + counters_);
        const auto copied = free_.begin() + static_cast<std::ptrdiff_t>(at * counters_);
        std::copy_backward(copied, free_.end() - static_cast<std::ptrdiff_t>(counters_), free_.end());
        return at + 1;
    }
    void add(std::int64_t begin, std::int64_t end, std::span<const amount> demand, amount sign) {
        BERTH_ASSERT(demand.size() == counters_, "berth: a demand has as many counters as the timeline");
        if (begin >= end) return;
        if (begins_.capacity() < begins_.size() + 2) begins_.reserve(2 * begins_.size() + 2);
        if (free_.capacity() < free_.size() + 2 * counters_) free_.reserve(2 * free_.size() + 2 * counters_);
        const std::size_t first = cut(begin);
        const std::size_t last = end == never ? begins_.size() : cut(end);
        for (std::size_t i = first; i < last; ++i) {
            for (std::size_t c = 0; c < counters_; ++c) free_[i * counters_ + c] += sign * demand[c];
        }
        // Stretches that are alike again become one.
        if (last < begins_.size()) join(last);
        join(first);
    }
    void join(std::size_t i) noexcept {
        if (i == 0 || !std::ranges::equal(free(i - 1), free(i))) return;
        begins_.erase(begins_.begin() + static_cast<std::ptrdiff_t>(i));
        free_.erase(free_.begin() + static_cast<std::ptrdiff_t>(i * counters_),
                    free_.begin() + static_cast<std::ptrdiff_t>((i + 1) * counters_));
    }

    std::size_t counters_;
    std::vector<std::int64_t> begins_;  // of each stretch, ascending; the first one began long ago
    std::vector<amount> free_;          // of each stretch, per counter
};

}  // namespace berth::inline v0
