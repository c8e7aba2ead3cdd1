// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/model/resources.hpp"
#include "berth/queue/backfill/room_timeline.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace berth::inline v0 {

/// A job of a backfill queue: a position, in the order of arrival.
using backfill_job = std::size_t;

namespace detail {

// What both queues know of their jobs. Whole numbers throughout.
class backfill_jobs {
public:
    static constexpr std::int64_t not_started = std::numeric_limits<std::int64_t>::min();

    explicit backfill_jobs(std::span<const amount> capacity) : capacity_(capacity.begin(), capacity.end()) {}

    [[nodiscard]] result<backfill_job> add(std::int64_t estimate, std::span<const amount> demand) {
        if (estimate <= 0) return refused("estimate", "is not above 0");
        if (demand.size() != capacity_.size()) return refused("demand", "has another number of counters");
        for (std::size_t c = 0; c < demand.size(); ++c) {
            if (demand[c] < 0) return refused("demand", "is negative");
            if (demand[c] > capacity_[c]) return refused("demand", "is above the capacity");
        }
        estimates_.push_back(estimate);
        starts_.push_back(not_started);
        demands_.insert(demands_.end(), demand.begin(), demand.end());
        return estimates_.size() - 1;
    }
    [[nodiscard]] std::span<const amount> capacity() const noexcept { return capacity_; }
    [[nodiscard]] std::span<const amount> demand(backfill_job job) const noexcept {
        return {demands_.data() + job * capacity_.size(), capacity_.size()};
    }
    [[nodiscard]] std::int64_t estimate(backfill_job job) const noexcept { return estimates_[job]; }
    [[nodiscard]] std::int64_t end(backfill_job job) const noexcept {
        const std::int64_t start = starts_[job];
        return estimates_[job] > room_timeline::never - start ? room_timeline::never : start + estimates_[job];
    }
    void set_estimate(backfill_job job, std::int64_t estimate) noexcept { estimates_[job] = estimate; }
    [[nodiscard]] std::int64_t& start(backfill_job job) noexcept { return starts_[job]; }
    [[nodiscard]] std::int64_t start(backfill_job job) const noexcept { return starts_[job]; }
    [[nodiscard]] std::size_t size() const noexcept { return estimates_.size(); }

private:
    [[nodiscard]] error refused(const char* field, const char* why) const {
        return refuse(error_code::invalid_value, {"job ", estimates_.size(), ": ", field, " ", why});
    }

    std::vector<amount> capacity_;
    std::vector<std::int64_t> estimates_;
    std::vector<std::int64_t> starts_;
    std::vector<amount> demands_;
};

[[nodiscard]] inline bool fits(std::span<const amount> demand, std::span<const amount> room) noexcept {
    for (std::size_t c = 0; c < demand.size(); ++c) {
        if (demand[c] > room[c]) return false;
    }
    return true;
}
inline void add(std::span<amount> room, std::span<const amount> demand) noexcept {
    for (std::size_t c = 0; c < demand.size(); ++c) room[c] += demand[c];
}
inline void subtract(std::span<amount> room, std::span<const amount> demand) noexcept {
    for (std::size_t c = 0; c < demand.size(); ++c) room[c] -= demand[c];
}

}  // namespace detail

}  // namespace berth::inline v0
