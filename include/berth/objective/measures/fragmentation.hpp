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
#include <span>
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
                              .share_at = 0,
                              .gpus = demand.gpus,
                              .accepted_models = demand.accepted_models,
                              .popularity = entry.popularity});
            insert(cpu_demands_, tasks_.back().cpu);
            insert(wanted_shares_, tasks_.back().share);
        }
        for (typical& task : tasks_) task.share_at = covered(wanted_shares_, task.share) - 1;
    }

    /// The part of a node's CPU that F depends on: how many of the mix's distinct demands of CPU it covers. Nodes of
    /// equal models, equal free shares and equal levels have equal F.
    [[nodiscard]] std::size_t cpu_level(amount cpu) const noexcept { return covered(cpu_demands_, cpu); }

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
        // Tasks of equal share find the same GPUs too small. Shares beyond the table are looked up again.
        std::array<too_small_gpus, tabled_shares> table;
        const std::span<const amount> free = shares.ascending();
        for (std::size_t s = 0, count = 0; s < wanted_shares_.size() && s < tabled_shares; ++s) {
            while (count < free.size() && free[count] < wanted_shares_[s]) ++count;
            table[s] = {count, static_cast<double>(shares.below(count))};
        }
        for (const typical& task : tasks_) {
            const bool cpu_fits = cpu >= task.cpu;
            if (task.gpus == 0) {
                parts[cpu_fits ? no_gpu_fits : no_gpu_lacks] += task.popularity * idle;
            } else if ((models & task.accepted_models) == 0) {
                parts[no_access] += task.popularity * idle;
            } else {
                const too_small_gpus too_small =
                    task.share_at < tabled_shares ? table[task.share_at] : too_small_for(task.share, shares);
                const bool gpu_fits = shares.size() - too_small.count >= task.gpus;
                if (gpu_fits && cpu_fits) {
                    parts[lacks_gpu] += task.popularity * too_small.free;
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
        std::size_t share_at;  // its position in `wanted_shares_`
        std::size_t gpus;
        std::uint64_t accepted_models;
        double popularity;
    };
    static constexpr std::size_t tabled_shares = 32;
    /// The GPUs of a node whose free share is less than a task wants.
    struct too_small_gpus {
        std::size_t count;
        double free;  // share, on all of them
    };
    [[nodiscard]] static too_small_gpus too_small_for(amount share, const share_profile& shares) noexcept {
        const std::size_t count = shares.short_of(share);
        return {count, static_cast<double>(shares.below(count))};
    }
    /// How many of these amounts, which ascend, are at most so much.
    [[nodiscard]] static std::size_t covered(const detail::flat<amount>& ascending, amount most) noexcept {
        std::size_t count = 0;
        while (count < ascending.size() && ascending[count] <= most) ++count;
        return count;
    }
    static void insert(detail::flat<amount>& ascending, amount added) {
        const std::size_t at = covered(ascending, added);
        if (at > 0 && ascending[at - 1] == added) return;
        ascending.push_back(added);
        for (std::size_t i = ascending.size() - 1; i > at; --i) std::swap(ascending[i], ascending[i - 1]);
    }

    detail::flat<typical> tasks_;
    detail::flat<amount> wanted_shares_;  // ascending, each once
    detail::flat<amount> cpu_demands_;    // ascending, each once
};

}  // namespace berth::inline v0
