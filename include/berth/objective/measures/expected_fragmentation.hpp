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

/// How `expected_fragmentation` weighs its three views of a node. Chosen on the openb traces (docs/scarcity.md lists what each is worth
/// and how little the result depends on the exact figures).
struct fragmentation_weights {
    double fragments = 0.8;  ///< share that lies on GPUs too small for a task of the mix, or that its CPU cannot reach
    double slots = 0.4;      ///< share beyond what whole tasks of the mix would use if they filled the node
    double stranding = 0.8;  ///< share that the node's free CPU cannot feed at the rate of the mix
    double cpu_rate = 0.9;   ///< that rate, as a part of the mix's CPU per GPU
    double smoothing = 1000.0;  ///< thousandths over which stranding sets in
};

/// What is expected to go to fragmentation on a node, in GPU thousandths, and what is expected to be usable: a smoother relative of
/// `fragmentation` that sees a lack of CPU coming.
///
/// Over the tasks of the mix that want one GPU or a share of it; p_m is their frequency, scaled so that Σ p_m is the part of all
/// tasks that want GPU:
/// - us = Σ p_m · (share on GPUs with at least u_m), over tasks that the node's models and CPU admit: what a task could use;
/// - un = Σ p_m · u_m · min(Σ_GPUs floor(share / u_m), floor(CPU / c_m)): what whole tasks of that kind would use;
/// - stranded = softplus(share - CPU / rate): share that the CPU left cannot feed.
/// fragmentation = fragments · (L - us) + slots · (L - un) + stranding · stranded, usable = us / Σ p_m over accepted tasks.
///
/// Tasks on several GPUs are left out on purpose: their mass here costs more than it saves (they are looked after by
/// `whole_node_reserve`). O(shares of the mix × GPUs + demands of the mix). Immutable, shared between threads.
class expected_fragmentation {
public:
    struct value {
        double fragmentation = 0.0;
        double usable = 0.0;
    };

    expected_fragmentation(const problem& p, const fragmentation_weights& weights)
        : weights_{weights}, of_model_(p.fleet().model_count()) {
        BERTH_ASSERT(weights.smoothing > 0.0, "berth: waste_weights::smoothing is above zero");
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

    /// The rate at which CPU feeds GPUs: units of the first node counter per whole GPU; 0 if the mix wants none.
    [[nodiscard]] double cpu_per_gpu() const noexcept { return cpu_per_gpu_; }

    /// A node if its shares and CPU were these. Nodes with several models are read as if all GPUs were of the first.
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
