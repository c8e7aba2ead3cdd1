// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/measures/share_profile.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace berth::inline v0 {

/// The weights of the three parts of `expected_fragmentation`. Chosen on the openb traces; docs/scarcity.md has the
/// effect of each and how little the result depends on the exact figures.
struct fragmentation_weights {
    double fragments = 0.8;     ///< free share on GPUs with too little for a task of the mix, or without CPU for it
    double slots = 0.4;         ///< free share that whole tasks of the mix would leave unused
    double stranding = 0.8;     ///< free share for which the node lacks CPU at the rate of the mix
    double cpu_rate = 0.9;      ///< that rate, as a fraction of the mix's CPU per GPU
    double smoothing = 1000.0;  ///< GPU thousandths over which stranding sets in; above 0
};

/// The expected fragmentation and the expected usable share of a node, in GPU thousandths: a smoother relative of
/// `fragmentation` that rises before the node runs out of CPU.
///
/// Over the tasks of the mix that want one GPU or a share of it; L is the free share of the node, p_m the frequency of
/// task m, scaled so that Σ p_m is the part of all tasks that want GPU:
/// - us = Σ p_m · (share on GPUs with at least u_m), over tasks that the node's models and CPU admit: usable by a
///   single task;
/// - un = Σ p_m · u_m · min(Σ_GPUs floor(share / u_m), floor(CPU / c_m)): usable by as many tasks of the kind as
///   fit;
/// - stranded = softplus(share - CPU / rate): share for which the node lacks CPU;
/// - fragmentation = fragments · (L - us) + slots · (L - un) + stranding · stranded;
/// - usable = us / Σ p_m over accepted tasks.
///
/// Tasks on several GPUs are left out on purpose: including them costs more than it saves; `detail::whole_node_reserve`
/// cares for them. O(shares of the mix × GPUs + demands of the mix). Immutable, shared between threads.
class expected_fragmentation {
public:
    /// Both figures, in GPU thousandths.
    struct value {
        double fragmentation = 0.0;  ///< lower is better
        double usable = 0.0;         ///< by a task that the node's model admits
    };

    /// Tables of the mix. O(shapes × (models + distinct demands)).
    ///
    /// @param p        the mix is the workload's demands by their frequency
    /// @param weights  `smoothing` is above 0
    expected_fragmentation(const problem& p, const fragmentation_weights& weights)
        : weights_{weights}, of_model_(p.fleet().model_count()) {
        BERTH_ASSERT(weights.smoothing > 0.0, "berth: fragmentation_weights::smoothing must be above 0");
        const workload& work = p.workload();
        double tasks = 0.0;
        double gpu_tasks = 0.0;
        double single = 0.0;
        double cpu = 0.0;
        double share = 0.0;
        for (std::size_t s = 0; s < work.shape_count(); ++s) {
            const demand_view demand = work.demand(shape_index{s});
            const auto count = static_cast<double>(work.frequency(shape_index{s}));
            tasks += count;
            if (demand.gpus > 0) gpu_tasks += count;
            if (demand.gpus == 1) single += count;
            cpu += count * static_cast<double>(cpu_of(demand));
            share += count * static_cast<double>(demand.total_share());
        }
        cpu_per_gpu_ = share > 0.0 ? weights.cpu_rate * cpu / share * static_cast<double>(whole_gpu) : 0.0;
        for (std::size_t s = 0; s < work.shape_count(); ++s) {
            const demand_view demand = work.demand(shape_index{s});
            if (demand.gpus != 1) continue;
            const double part = static_cast<double>(work.frequency(shape_index{s})) / single * (gpu_tasks / tasks);
            for (std::size_t m = 0; m < of_model_.size(); ++m) {
                if ((demand.accepted_models >> m & 1U) != 0) of_model_[m].add(demand.gpu[0], cpu_of(demand), part);
            }
        }
    }

    /// CPU per whole GPU at the rate of the mix, in units of the first node counter; 0 if the mix wants none.
    [[nodiscard]] double cpu_per_gpu() const noexcept { return cpu_per_gpu_; }

    /// A node, given its free shares and CPU. Nodes with several models count as if all GPUs were of the first.
    [[nodiscard]] value operator()(const node_view& node, const share_profile& shares, amount cpu) const noexcept {
        const auto free = static_cast<double>(shares.total());
        value v;
        double used_by_slots = 0.0;
        double reached = 0.0;
        if (shares.size() > 0) {
            const model_table& table = of_model_[node.model(0).value()];
            for (const auto& group : table.groups) {
                const std::size_t too_small = shares.short_of(group.share);
                if (too_small == shares.size()) break;  // ascending: nothing larger fits either
                const std::int64_t slots = shares.slots_from(too_small, group.share);
                double part = 0.0;
                double tasks = 0.0;
                for (const auto& demand : group.demands) {
                    if (demand.cpu > cpu) break;
                    part += demand.part;
                    // A division only where CPU is what limits.
                    const bool ample =
                        static_cast<double>(demand.cpu) * static_cast<double>(slots) <= static_cast<double>(cpu);
                    tasks += demand.part * static_cast<double>(ample ? slots : std::min(slots, cpu / demand.cpu));
                }
                reached += part * static_cast<double>(shares.total() - shares.below(too_small));
                used_by_slots += tasks * static_cast<double>(group.share);
            }
            if (table.accepted > 0.0) v.usable = reached / table.accepted;
        }
        v.fragmentation = weights_.fragments * (free - reached) + weights_.slots * (free - used_by_slots);
        if (cpu_per_gpu_ > 0.0) {
            const double short_of_cpu = free - static_cast<double>(cpu) * static_cast<double>(whole_gpu) / cpu_per_gpu_;
            const double z = short_of_cpu / weights_.smoothing;
            v.fragmentation += weights_.stranding * weights_.smoothing * (z > 30.0 ? z : std::log1p(std::exp(z)));
        }
        return v;
    }
    /// A node as it stands.
    [[nodiscard]] value operator()(const node_view& node) const noexcept {
        return (*this)(node, share_profile{node}, node.free_node.empty() ? 0 : node.free_node[0]);
    }

private:
    struct demand_part {
        amount cpu;
        double part;
    };
    struct share_group {
        amount share;
        std::vector<demand_part> demands;  // ascending CPU
    };
    struct model_table {
        std::vector<share_group> groups;  // ascending share
        double accepted = 0.0;

        void add(amount share, amount cpu, double part) {
            accepted += part;
            auto group = std::find_if(groups.begin(), groups.end(), [&](const auto& g) { return g.share >= share; });
            if (group == groups.end() || group->share != share) group = groups.insert(group, share_group{share, {}});
            auto& demands = group->demands;
            auto at = std::find_if(demands.begin(), demands.end(), [&](const auto& d) { return d.cpu >= cpu; });
            if (at == demands.end() || at->cpu != cpu) at = demands.insert(at, demand_part{cpu, 0.0});
            at->part += part;
        }
    };
    [[nodiscard]] static amount cpu_of(const demand_view& demand) noexcept {
        return demand.node.empty() ? 0 : demand.node[0];
    }

    fragmentation_weights weights_;
    double cpu_per_gpu_ = 0.0;
    std::vector<model_table> of_model_;
};

}  // namespace berth::inline v0
