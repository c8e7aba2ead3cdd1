// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/math.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/measures/share_profile.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

// Length: the measure, what it reads of a node, and its tables.

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
/// Tasks that want no share of a GPU count as tasks without GPU. Tasks on several GPUs are left out on purpose:
/// including them costs more than it saves; `detail::whole_node_reserve` cares for them. Memory is another measure,
/// `memory_stranding`. O(shares of the mix × GPUs + demands of the mix). Immutable, shared between threads.
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
            if (demand.total_share() > 0) gpu_tasks += count;
            if (demand.gpus == 1 && demand.gpu[0] > 0) single += count;
            cpu += count * static_cast<double>(work.roles().cpu_of(demand.node));
            share += count * static_cast<double>(demand.total_share());
        }
        cpu_per_gpu_ = share > 0.0 ? weights.cpu_rate * cpu / share * static_cast<double>(whole_gpu) : 0.0;
        for (std::size_t m = 0; m < of_model_.size(); ++m) {
            detail::flat<mix_part> parts;  // ascending share, then CPU
            for (std::size_t s = 0; s < work.shape_count(); ++s) {
                const demand_view demand = work.demand(shape_index{s});
                if (demand.gpus != 1 || demand.gpu[0] == 0 || (demand.accepted_models >> m & 1U) == 0) continue;
                const double part = static_cast<double>(work.frequency(shape_index{s})) / single * (gpu_tasks / tasks);
                of_model_[m].accepted += part;
                insert(parts, {demand.gpu[0], work.roles().cpu_of(demand.node), part});
            }
            of_model_[m].first = groups_.size();
            for (const mix_part& part : parts) {
                const auto wanted = static_cast<double>(part.share);
                if (groups_.size() == of_model_[m].first || groups_.back().share != wanted) {
                    groups_.push_back({.share = wanted,
                                       .on_whole = whole_part(whole_gpu_share / wanted),
                                       .most_cpu = 0.0,
                                       .part = 0.0,
                                       .first = demands_.size(),
                                       .last = demands_.size()});
                }
                share_group& group = groups_.back();
                group.most_cpu = static_cast<double>(part.cpu);
                group.part += part.part;
                demands_.push_back({.cpu = group.most_cpu, .part = part.part, .part_up_to = group.part});
                ++group.last;
            }
            of_model_[m].last = groups_.size();
        }
    }

    /// CPU per whole GPU at the rate of the mix, in units of the CPU counter; 0 if the mix wants none.
    [[nodiscard]] double cpu_per_gpu() const noexcept { return cpu_per_gpu_; }

    /// The free shares of the GPUs of one node, each amount once. A value on the stack.
    class distinct_shares {
    public:
        /// No GPU.
        distinct_shares() noexcept = default;
        /// Adds a GPU with this share free. At most `max_gpus_per_node` times.
        void add(amount free) noexcept {
            const auto share = static_cast<double>(free);
            std::size_t at = size_;
            while (at > 0 && share < runs_[at - 1].share) --at;
            if (at == 0 || runs_[at - 1].share != share) {
                for (std::size_t i = size_++; i > at; --i) runs_[i] = runs_[i - 1];
                runs_[at++] = {share, 0.0, 0.0};
            }
            runs_[at - 1].total += share;
            runs_[at - 1].gpus += 1.0;
            total_ += share;
        }

    private:
        friend class expected_fragmentation;

        struct run {
            double share;
            double total;
            double gpus;
        };
        std::array<run, max_gpus_per_node> runs_;  // ascending
        std::size_t size_ = 0;
        double total_ = 0.0;
    };

    /// A node, given its free shares and CPU. Nodes with several models count as if all GPUs were of the first.
    [[nodiscard]] value operator()(const node_view& node, const share_profile& shares, amount cpu) const noexcept {
        distinct_shares distinct;
        for (const amount share : shares.ascending()) distinct.add(share);
        return (*this)(node, distinct, cpu);
    }
    /// The same; GPUs without a free share need not be there.
    [[nodiscard]] value operator()(const node_view& node, const distinct_shares& shares, amount cpu) const noexcept {
        const double free = shares.total_;
        value v;
        double used_by_slots = 0.0;
        double reached = 0.0;
        if (shares.size_ > 0) {
            const model_table& table = of_model_[node.model(0).value()];
            const auto& runs = shares.runs_;
            const auto cpu_left = static_cast<double>(cpu);
            std::size_t from = 0;  // the first run that is not too small
            double enough = free;  // free from there on
            for (const share_group* g = groups_.data() + table.first; g != groups_.data() + table.last; ++g) {
                while (from < shares.size_ && runs[from].share < g->share) enough -= runs[from++].total;
                if (from == shares.size_) break;  // ascending: nothing larger fits either
                double slots = 0.0;
                for (std::size_t i = from; i < shares.size_; ++i) {
                    const bool whole = runs[i].share == whole_gpu_share;
                    slots += runs[i].gpus * (whole ? g->on_whole : whole_part(runs[i].share / g->share));
                }
                // There is room for one at least.
                if (g->most_cpu * slots <= cpu_left) [[likely]] {
                    reached += g->part * enough;
                    used_by_slots += g->part * slots * g->share;
                    continue;
                }
                // Demands ascend by CPU: those that find room for every slot, those whose number CPU limits, those that
                // lack CPU even for one.
                const demand_part* const first = demands_.data() + g->first;
                const demand_part* at = demands_.data() + g->last;
                while (at != first && at[-1].cpu > cpu_left) --at;
                if (at == first) continue;
                reached += at[-1].part_up_to * enough;
                double tasks = 0.0;
                for (; at != first && at[-1].cpu * slots > cpu_left; --at) {
                    const double by_cpu = whole_part(cpu_left / at[-1].cpu);
                    tasks += at[-1].part * (by_cpu < slots ? by_cpu : slots);
                }
                if (at != first) tasks += at[-1].part_up_to * slots;
                used_by_slots += tasks * g->share;
            }
            if (table.accepted > 0.0) v.usable = reached / table.accepted;
        }
        v.fragmentation = weights_.fragments * (free - reached) + weights_.slots * (free - used_by_slots);
        if (cpu_per_gpu_ > 0.0) {
            const double short_of_cpu = free - static_cast<double>(cpu) * static_cast<double>(whole_gpu) / cpu_per_gpu_;
            const double z = short_of_cpu / weights_.smoothing;
            v.fragmentation += weights_.stranding * weights_.smoothing * (z > 30.0 ? z : detail::log1p(detail::exp(z)));
        }
        return v;
    }
    /// A node as it stands.
    [[nodiscard]] value operator()(const node_view& node) const noexcept {
        return (*this)(node, share_profile{node}, node.free_cpu());
    }

private:
    /// Whole numbers, and quotients of them, are exact as doubles: they are far below 2^53.
    struct demand_part {
        double cpu;
        double part;
        double part_up_to;  // of the demands of its group up to this one
    };
    struct share_group {
        double share;
        double on_whole;    // tasks that fit on a whole GPU
        double most_cpu;    // of its demands
        double part;        // of all its demands
        std::size_t first;  // of its demands, in ascending order of CPU
        std::size_t last;
    };
    static constexpr auto whole_gpu_share = static_cast<double>(whole_gpu);
    [[nodiscard]] static double whole_part(double quotient) noexcept {
        return static_cast<double>(static_cast<std::int64_t>(quotient));
    }
    struct model_table {
        std::size_t first = 0;  // of its groups, in ascending order of share
        std::size_t last = 0;
        double accepted = 0.0;
    };
    struct mix_part {
        amount share;
        amount cpu;
        double part;
    };
    /// Adds to the part of equal share and CPU, or keeps the order with a new one.
    static void insert(detail::flat<mix_part>& parts, const mix_part& added) {
        std::size_t at = 0;
        while (at < parts.size() &&
               (parts[at].share != added.share ? parts[at].share < added.share : parts[at].cpu < added.cpu)) {
            ++at;
        }
        if (at < parts.size() && parts[at].share == added.share && parts[at].cpu == added.cpu) {
            parts[at].part += added.part;
            return;
        }
        parts.push_back(added);
        for (std::size_t i = parts.size() - 1; i > at; --i) std::swap(parts[i], parts[i - 1]);
    }

    fragmentation_weights weights_;
    double cpu_per_gpu_ = 0.0;
    detail::flat<model_table> of_model_;
    detail::flat<share_group> groups_;
    detail::flat<demand_part> demands_;
};

}  // namespace berth::inline v0
