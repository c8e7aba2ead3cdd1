// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/math.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/measures/detail/expected_use.hpp"
#include "berth/objective/measures/detail/share_worth.hpp"

#include <array>
#include <cstddef>

namespace berth::inline v0 {

/// The weights of the four parts of `expected_fragmentation`. Chosen on the openb traces; docs/scarcity.md has the
/// effect of each and how little the result depends on the exact figures.
struct fragmentation_weights {
    double packing = 2.0;       ///< free share that the best packing of the mix leaves unused
    double slots = 0.2;         ///< free share that tasks of one kind would leave unused, over the kinds
    double use = 1.2;           ///< free share that tasks are not expected to use, for lack of CPU or of tasks
    double stranding = 0.5;     ///< free share for which the node lacks CPU at the rate of the mix
    double cpu_rate = 0.9;      ///< that rate, as a fraction of the mix's CPU per GPU
    double smoothing = 1000.0;  ///< GPU thousandths over which stranding sets in; above 0
    double broken = 0.0;        ///< g (1000 - g) / 1000 of each GPU, g its free share: GPUs in use before whole ones
    double patience = 20.0;     ///< arrivals that a rest of a node waits for a task that fits; above 0
};

/// The expected fragmentation and the expected use of a node, in GPU thousandths: a smoother relative of
/// `fragmentation` that rises before the node runs out of CPU, and knows which rests of GPUs go with which tasks.
///
/// Over the free shares g of the node's healthy GPUs, whose sum is L, and its free CPU C:
/// - room = Σ W(g): W is what a free part of a GPU is worth when the mix is packed as well as it can be
///   (`detail::share_worth`, here in thousandths);
/// - filled = Σ_g Σ_m p_m · u_m · floor(g / u_m), over the tasks m of the mix that want one GPU or a share u_m of one
///   and accept the node's model. p_m is their frequency, scaled so that Σ p_m over all of them is the part of all
///   tasks that want GPU;
/// - usable: what arriving tasks are expected to use of this room with this CPU (`detail::expected_use`), at most room;
/// - stranded = softplus(L - C / rate): share for which the node lacks CPU;
/// - fragmentation = packing · (L - room) + slots · (L - filled) + use · (L - a · usable) + stranding · stranded, where
///   a is Σ p_m over the m that accept the model: room is worth the more the more tasks may have it.
///
/// Tasks on several GPUs count in W and in the expected use only; `detail::whole_node_reserve` cares for them. GPU
/// memory is another measure, `memory_stranding`. What depends on single GPUs is looked up in tables of steps of
/// 1/1024, whose sums are exact in any order, so that sums can follow changes. O(GPUs) for a node, O(1) for a change
/// of one GPU; 8 kB per GPU model and 30 kB. Immutable, shared between threads.
class expected_fragmentation {
    struct share_figures {
        float lost;  // by packing and slots, weighted
        float room;
    };

public:
    /// Both figures, in GPU thousandths.
    struct value {
        double fragmentation = 0.0;  ///< lower is better
        double usable = 0.0;         ///< expected to be used by tasks of the mix
    };

    /// Tables of the mix. O(models · shapes · 1000) at most, and what `detail::share_worth` and `detail::expected_use`
    /// cost: 2 ms for the openb traces.
    ///
    /// @param p        the mix is the workload's demands by their frequency
    /// @param weights  `smoothing` and `patience` are above 0
    expected_fragmentation(const problem& p, const fragmentation_weights& weights)
        : weights_{weights},
          cpu_per_gpu_{weights.cpu_rate * mix_cpu_per_gpu(p.workload())},
          use_{p, weights.patience, mix_cpu_per_gpu(p.workload())} {
        BERTH_ASSERT(weights.smoothing > 0.0, "berth: fragmentation_weights::smoothing must be above 0");
        BERTH_ASSERT(weights.patience > 0.0, "berth: fragmentation_weights::patience must be above 0");
        for (std::size_t i = 0; i < softplus_.size(); ++i) {
            const double z = static_cast<double>(i) / softplus_steps - softplus_range;
            softplus_[i] = rounded(static_cast<double>(whole_gpu) * detail::log1p(detail::exp(z)));
        }
        const workload& work = p.workload();
        detail::share_worth::task_counts counts;
        mix_parts parts;
        for (std::size_t s = 0; s < work.shape_count(); ++s) {
            const demand_view demand = work.demand(shape_index{s});
            const auto count = static_cast<double>(work.frequency(shape_index{s}));
            parts.tasks += count;
            if (demand.total_share() == 0) continue;
            parts.with_gpu += count;
            if (demand.gpus == 1) parts.single += count;
            counts.add(demand.gpu[0], static_cast<double>(demand.gpus) * count);
        }
        const detail::share_worth worth{counts};
        accepted_.resize(p.fleet().model_count(), 0.0);
        of_share_.reserve(accepted_.size() * model_row);
        for (std::size_t m = 0; m < accepted_.size(); ++m) append_model(work, m, parts, worth);
    }

    /// CPU per whole GPU at the rate of the mix, in units of the CPU counter; 0 if the mix wants none.
    [[nodiscard]] double cpu_per_gpu() const noexcept { return cpu_per_gpu_; }
    /// True if the tables are right for this fleet, which has changed but has the GPU models that it had: its largest
    /// node is as large. O(nodes).
    [[nodiscard]] bool suits(const fleet& fleet) const noexcept { return use_.suits(fleet); }

    /// What the free shares of a node's GPUs contribute: a sum to which GPUs are added and from which they are taken,
    /// exactly. Of the measure that made it and its copies.
    class gpu_sum {
    public:
        /// Equal sums.
        friend bool operator==(const gpu_sum&, const gpu_sum&) = default;

    private:
        friend class expected_fragmentation;

        std::size_t row = 0;  // of the model
        double accepted = 0.0;
        double share = 0.0;
        double lost = 0.0;
        double room = 0.0;
    };

    /// The sum of a node as it stands. Nodes with several models count as if all GPUs were of the first.
    [[nodiscard]] gpu_sum sum(const node_view& node) const noexcept {
        gpu_sum all;
        if (node.gpu_count() == 0) return all;
        const std::size_t model = node.model(0).value();
        all.row = model * model_row;
        all.accepted = accepted_[model];
        for (gpu_mask rest = node.healthy; rest != 0; rest &= rest - 1) add(all, node.free_share(lowest_gpu(rest)));
        return all;
    }
    /// Adds a GPU with this share free.
    void add(gpu_sum& to, amount free) const noexcept { change(to, free, 1.0); }
    /// The sum after a task took this share of each of these GPUs of the node, which are healthy.
    [[nodiscard]] gpu_sum after(gpu_sum before, const node_view& node, amount share, gpu_mask gpus) const noexcept {
        for (; gpus != 0; gpus &= gpus - 1) {
            const amount free = node.free_share(lowest_gpu(gpus));
            change(before, free, -1.0);
            change(before, free - share, 1.0);
        }
        return before;
    }
    /// A node with this sum of its GPUs and so much free CPU.
    [[nodiscard]] value operator()(const gpu_sum& gpus, amount cpu) const noexcept {
        value v;
        v.usable = use_(gpus.room, cpu);
        v.fragmentation = gpus.lost + weights_.use * (gpus.share - gpus.accepted * v.usable);
        if (cpu_per_gpu_ > 0.0) {
            const double with_cpu = static_cast<double>(cpu) * static_cast<double>(whole_gpu) / cpu_per_gpu_;
            v.fragmentation += weights_.stranding * softplus(gpus.share - with_cpu);
        }
        return v;
    }
    /// A node as it stands.
    [[nodiscard]] value operator()(const node_view& node) const noexcept { return (*this)(sum(node), node.free_cpu()); }

private:
    static constexpr std::size_t model_row = static_cast<std::size_t>(whole_gpu) + 1;
    static constexpr double softplus_range = 16.0;
    static constexpr double softplus_steps = 16.0;  // for 1

    /// Numbers of tasks of the mix.
    struct mix_parts {
        double tasks = 0.0;
        double with_gpu = 0.0;
        double single = 0.0;  // of these on one GPU
    };

    [[nodiscard]] static double mix_cpu_per_gpu(const workload& work) {
        double cpu = 0.0;
        double share = 0.0;
        for (std::size_t s = 0; s < work.shape_count(); ++s) {
            const demand_view demand = work.demand(shape_index{s});
            const auto count = static_cast<double>(work.frequency(shape_index{s}));
            cpu += count * static_cast<double>(work.roles().cpu_of(demand.node));
            share += count * static_cast<double>(demand.total_share());
        }
        return share > 0.0 ? cpu / share * static_cast<double>(whole_gpu) : 0.0;
    }
    /// Sums of a few such numbers are exact.
    [[nodiscard]] static float rounded(double x) noexcept {
        return static_cast<float>(detail::round(x * 1024.0) / 1024.0);
    }
    void change(gpu_sum& of, amount free, double gpus) const noexcept {
        of.share += gpus * static_cast<double>(free);
        if (free <= 0) return;  // over-committed: the share alone counts
        if (free > whole_gpu) [[unlikely]] {
            look_up(of, whole_gpu, gpus * static_cast<double>(free / whole_gpu));
            free %= whole_gpu;
        }
        look_up(of, free, gpus);
    }
    void look_up(gpu_sum& of, amount free, double gpus) const noexcept {
        const share_figures& found = of_share_[of.row + static_cast<std::size_t>(free)];
        of.lost += gpus * double{found.lost};
        of.room += gpus * double{found.room};
    }
    void append_model(const workload& work, std::size_t model, const mix_parts& mix, const detail::share_worth& worth) {
        detail::flat<double> filled(model_row, 0.0);  // what each thousandth adds, then the sum
        for (std::size_t s = 0; s < work.shape_count(); ++s) {
            const demand_view demand = work.demand(shape_index{s});
            if (demand.gpus != 1 || demand.gpu[0] == 0 || (demand.accepted_models >> model & 1U) == 0) continue;
            if (work.frequency(shape_index{s}) == 0) continue;  // a shape that nobody has
            const double part =
                static_cast<double>(work.frequency(shape_index{s})) / mix.single * (mix.with_gpu / mix.tasks);
            accepted_[model] += part;
            const auto share = static_cast<std::size_t>(demand.gpu[0]);
            for (std::size_t free = share; free < model_row; free += share)
                filled[free] += part * static_cast<double>(share);
        }
        for (std::size_t free = 1; free < model_row; ++free) filled[free] += filled[free - 1];
        for (std::size_t free = 0; free < model_row; ++free) {
            const auto share = static_cast<double>(free);
            const double room = static_cast<double>(whole_gpu) * worth(static_cast<amount>(free));
            const double broken = share * (static_cast<double>(whole_gpu) - share) / static_cast<double>(whole_gpu);
            of_share_.push_back({rounded(weights_.packing * (share - room) + weights_.slots * (share - filled[free]) +
                                         weights_.broken * broken),
                                 rounded(room)});
        }
    }
    /// smoothing · log(1 + exp(x / smoothing)), between the points of a table.
    [[nodiscard]] double softplus(double x) const noexcept {
        const double z = x / weights_.smoothing;
        if (z <= -softplus_range) return 0.0;
        if (z >= softplus_range) return x;
        const double at = (z + softplus_range) * softplus_steps;
        const auto i = static_cast<std::size_t>(at);
        const double low = double{softplus_[i]};
        const double high = double{softplus_[i + 1]};
        return weights_.smoothing / static_cast<double>(whole_gpu) *
               (low + (at - static_cast<double>(i)) * (high - low));
    }

    fragmentation_weights weights_;
    double cpu_per_gpu_ = 0.0;
    detail::expected_use use_;
    detail::flat<double> accepted_;         // per model
    detail::flat<share_figures> of_share_;  // per model, by free share
    std::array<float, static_cast<std::size_t>(2.0 * softplus_range * softplus_steps) + 1> softplus_{};
};

}  // namespace berth::inline v0
