// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/task_mix.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/measures/share_profile.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace berth::inline v0 {

/// The expected fragmentation F of a node: the free GPU thousandths that a task drawn from the mix could not use there,
/// because it lacks GPU, host CPU or access (Weng et al., "Beware of Fragmentation", USENIX ATC 2023, section 4;
/// classes as in their simulator, see docs/fragmentation.md).
///
/// For a typical task that fits, the fragmentation is the free share on GPUs with less than its share; for one that
/// does not fit, and for one that wants no GPU, it is all free share. F is the mean over the mix, in thousandths of a
/// GPU. Memory plays no role. Unhealthy GPUs are left out. A task that accepts one of the models of a node counts all
/// its GPUs.
///
/// Sums run class by class in the order of the mix and then over classes, as in the published simulator, so that equal
/// states give equal bits (compile with `-ffp-contract=off` if the target has fused multiply-add and golden placements
/// matter). O(typical tasks × GPUs). Immutable, shared between threads.
class fragmentation {
public:
    /// Tables of a mix of the problem's tasks (`typical_mix`). O(mix).
    fragmentation(const problem& p, const task_mix& mix) {
        for (const auto& entry : mix.entries) {
            const demand_view demand = p.workload().demand(entry.example);
            tasks_.push_back({.cpu = p.workload().roles().cpu_of(demand.node),
                              .share = demand.gpu[0],
                              .gpus = demand.gpus,
                              .accepted_models = demand.accepted_models,
                              .popularity = entry.popularity});
            insert(tasks_.back().cpu);
        }
    }

    /// The part of a node's CPU that F depends on: how many of the mix's distinct demands of CPU it covers. Nodes of
    /// equal models, equal free shares and equal levels have equal F.
    [[nodiscard]] std::size_t cpu_level(amount cpu) const noexcept {
        std::size_t level = 0;
        while (level < cpu_demands_.size() && cpu_demands_[level] <= cpu) ++level;
        return level;
    }

    /// F of a node as it stands.
    [[nodiscard]] double operator()(const node_view& node) const noexcept {
        return (*this)(node, share_profile{node}, node.free_cpu());
    }
    /// F of a node, given its free shares and CPU.
    [[nodiscard]] double operator()(const node_view& node, const share_profile& shares, amount cpu) const noexcept {
        enum : std::size_t { lacks_both, lacks_gpu, lacks_cpu, no_gpu_fits, no_gpu_lacks, no_access, classes };
        std::array<double, classes> parts{};
        const auto idle = static_cast<double>(shares.total());
        const std::uint64_t models = node.fleet->models_on(node.index);
        for (const typical& task : tasks_) {
            const bool cpu_fits = cpu >= task.cpu;
            if (task.gpus == 0) {
                parts[cpu_fits ? no_gpu_fits : no_gpu_lacks] += task.popularity * idle;
            } else if ((models & task.accepted_models) == 0) {
                parts[no_access] += task.popularity * idle;
            } else {
                const std::size_t too_small = shares.short_of(task.share);
                const bool gpu_fits = shares.size() - too_small >= task.gpus;
                if (gpu_fits && cpu_fits) {
                    parts[lacks_gpu] += task.popularity * static_cast<double>(shares.below(too_small));
                } else if (gpu_fits) {
                    parts[lacks_cpu] += task.popularity * idle;
                } else {
                    parts[cpu_fits ? lacks_gpu : lacks_both] += task.popularity * idle;
                }
            }
        }
        double sum = 0.0;
        for (const double part : parts) sum += part;
        return sum;
    }

private:
    struct typical {
        amount cpu;
        amount share;
        std::size_t gpus;
        std::uint64_t accepted_models;
        double popularity;
    };
    void insert(amount cpu) {
        std::size_t at = cpu_level(cpu);
        if (at > 0 && cpu_demands_[at - 1] == cpu) return;
        cpu_demands_.push_back(cpu);
        for (std::size_t i = cpu_demands_.size() - 1; i > at; --i) std::swap(cpu_demands_[i], cpu_demands_[i - 1]);
    }

    detail::flat<typical> tasks_;
    detail::flat<amount> cpu_demands_;  // ascending, each once
};

}  // namespace berth::inline v0
