// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/list_pool.hpp"
#include "berth/scheduler/job_description.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// Of each job by position: which jobs have evicted it, of those that are there still. At most `most` of a job, so the
/// memory is bounded and nothing is forgotten: whoever asks `is_full` spares a job that has lost its place to so many.
class eviction_pairs {
public:
    static constexpr std::size_t most = 64;

    /// Makes lists for positions below `jobs`.
    void resize(std::size_t jobs) {
        if (jobs > by_.size()) by_.resize(jobs);
    }
    /// The job is gone.
    void clear(std::uint32_t job) noexcept { by_.clear(job); }

    /// Who has evicted it, the first one first; some may be gone.
    [[nodiscard]] std::span<const job_handle> of(std::uint32_t job) const noexcept { return by_[job]; }
    /// Whether one has evicted it. O(`most`).
    [[nodiscard]] bool has(std::uint32_t job, job_handle by) const noexcept {
        const auto known = by_[job];
        return std::find(known.begin(), known.end(), by) != known.end();
    }
    /// Whether nobody else can be noted. O(`most`).
    ///
    /// @param is_there  whether a job of this handle is there still
    template <class IsThere>
    [[nodiscard]] bool is_full(std::uint32_t job, const IsThere& is_there) const {
        const auto known = by_[job];
        return known.size() >= most && std::all_of(known.begin(), known.end(), is_there);
    }
    /// Notes who has evicted it, and forgets those that are gone.
    template <class IsThere>
    void note(std::uint32_t job, job_handle by, const IsThere& is_there) {
        if (has(job, by)) return;
        for (std::size_t i = 0; i < by_[job].size();) {
            const job_handle known = by_[job][i];
            if (is_there(known) || !by_.erase(job, known)) ++i;
        }
        BERTH_ASSERT(by_[job].size() < most, "berth: who has lost its place to so many is spared");
        by_.push_back(job, by);
    }

private:
    list_pool<job_handle> by_;
};

}  // namespace berth::inline v0::detail
