// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/model/arrival_mix.hpp"
#include "berth/model/workload.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace berth::inline v0::detail {

/// The mix that a fragmentation cost on a cluster is prepared with: one that is given, or that of the cluster's tasks,
/// which is replaced when it has moved.
class workload_mix {
public:
    /// @param tolerance  see `cluster_defragment_options::mix_tolerance`
    /// @param given      null: the cluster's tasks
    workload_mix(double tolerance, const workload* given) : tolerance_{tolerance}, given_{given != nullptr} {
        BERTH_ASSERT(tolerance >= 0.0, "berth: cluster_defragment_options::mix_tolerance is not negative");
        if (given) mix_.add_prior(*given);
    }

    /// True if the mix is no longer the one that was handed out last. O(demands).
    [[nodiscard]] bool moved(const workload& work) const noexcept {
        if (given_) return false;
        const auto before = static_cast<double>(total_);
        const auto now = static_cast<double>(work.total_frequency());
        if (total_ == 0 || work.total_frequency() == 0) return total_ != work.total_frequency();
        double distance = 0.0;
        bool differs = false;
        for (std::size_t s = 0; s < work.shape_count(); ++s) {
            const double share = static_cast<double>(work.frequency(shape_index{s})) / now;
            const demand_count was = s < known_.size() ? known_[s] : demand_count{};
            const double share_before = static_cast<double>(was.tasks) / before;
            const bool same = was.generation == work.generation(shape_index{s});
            distance += same ? std::fabs(share - share_before) : share + share_before;
            differs = differs || (same ? was.tasks != work.frequency(shape_index{s}) : share + share_before > 0.0);
        }
        return tolerance_ > 0.0 ? distance / 2.0 > tolerance_ : differs;
    }
    /// The mix as a workload without tasks. O(demands).
    [[nodiscard]] workload expected(const problem& p) {
        if (given_) return mix_.expected(p.fleet());
        const workload& work = p.workload();
        arrival_mix now;
        now.add_prior(work);
        workload made = now.expected(p.fleet());
        known_.resize(work.shape_count());
        for (std::size_t s = 0; s < work.shape_count(); ++s) {
            known_[s] = {work.frequency(shape_index{s}), work.generation(shape_index{s})};
        }
        total_ = work.total_frequency();
        return made;
    }

private:
    struct demand_count {
        std::size_t tasks = 0;
        std::uint32_t generation = 0;
    };

    double tolerance_;
    bool given_;
    arrival_mix mix_;  // the one that is given
    flat<demand_count> known_;
    std::size_t total_ = 0;
};

}  // namespace berth::inline v0::detail
