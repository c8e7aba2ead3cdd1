// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/math.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

// Length: the measure and the table that it looks up.

namespace berth::inline v0 {

/// The parts of `memory_stranding::cost`. The defaults were chosen on the openb trace with memory demands;
/// docs/scarcity.md has the effect of each.
struct memory_weights {
    double stranding = 1.0;    ///< of the growth of stranded share
    double surplus = 200.0;    ///< thousandths for each doubling of memory beyond the demand, for a whole GPU
    double patience = 10.0;    ///< arrivals that a rest of a GPU waits for one that fits; above 0
    double least_part = 0.25;  ///< the part of a GPU that the surplus is charged for at least
};

/// What lack of GPU memory costs: the compute share that tasks of the mix will leave unused because memory is gone.
///
/// Imagine that tasks of the mix arrive at one GPU, one after the other, and take it as long as they fit. V(s, f) is
/// the share that is expected to be used of a free share s with free memory f, and V(s, ∞) with memory in abundance.
/// The GPU has stranded V(s, ∞) - V(s, f). So a rest of a GPU with share but without memory is charged, and a task
/// without memory is best put where memory is small. V is looked up in a table for each GPU model, in steps of 1/50 of
/// a GPU and 1/64 of the model's memory; free amounts are rounded down, demands up.
///
/// The cost of a placement on one GPU is the sum of
/// - the growth of what it has stranded;
/// - `surplus` · part of the GPU · log2(free memory / need), where need is the demand, at least the smallest GPU memory
///   of the fleet, if more is free than needed. This also works where nothing is known of the mix. A task that wants
///   memory gets no credit for less stranding on such a GPU, so that it takes the smaller one if both are free.
///
/// GPUs with unlimited memory strand nothing and have no surplus. Costs are 0 in a fleet where no counter is GPU
/// memory, and if neither the mix nor the task wants memory. O(GPUs). Immutable, shared between threads.
class memory_stranding {
public:
    /// Of nothing: concerns no demand.
    memory_stranding() = default;
    /// Tables of the mix. O(models × demands of the mix) with a factor of 3200, one table for models of equal mix and
    /// memory.
    ///
    /// @param p  the mix is the workload's demands by their frequency
    explicit memory_stranding(const problem& p, const memory_weights& weights = {})
        : weights_{weights}, role_{p.fleet().roles().gpu_memory} {
        if (role_ == counter_roles::none) return;
        const fleet& fleet = p.fleet();
        sizes_ = sizes_of(fleet);
        const detail::flat<amount>& most = sizes_.most;
        for (std::size_t s = 0; s < p.workload().shape_count(); ++s) {
            const demand_view demand = p.workload().demand(shape_index{s});
            in_mix_ = in_mix_ || demand.gpu[role_] > 0;
        }
        if (!in_mix_) return;
        detail::growing<detail::flat<arrival>> mixes;
        for (std::size_t m = 0; m < fleet.model_count(); ++m) {
            const amount memory = most[m] > 0 ? most[m] : 1;
            mixes.grow() = mix_of(p.workload(), m, memory);
            std::size_t same = 0;
            while (same < m && !(of_model_[same].memory == memory && equal(mixes[same].view(), mixes[m].view())))
                ++same;
            of_model_.push_back({memory, same < m ? of_model_[same].first : stranded_.size()});
            if (same == m) append_table(mixes[m].view());
        }
    }

    /// True if the tables are right for this fleet, which has changed: no GPU model has another memory.
    [[nodiscard]] bool suits(const fleet& fleet) const {
        if (role_ == counter_roles::none) return true;
        const sizes now = sizes_of(fleet);
        return now.smallest == sizes_.smallest && (!in_mix_ || now.most == sizes_.most);
    }

    /// True if a placement of this demand may cost something.
    [[nodiscard]] bool concerns(const demand_view& demand) const noexcept {
        return role_ != counter_roles::none && demand.gpus > 0 && (in_mix_ || demand.gpu[role_] > 0);
    }
    /// True if the mix wants GPU memory.
    [[nodiscard]] bool in_mix() const noexcept { return in_mix_; }

    /// Thousandths that a GPU of the node has stranded as it stands.
    [[nodiscard]] double operator()(const node_view& node, std::size_t gpu) const noexcept {
        return in_mix_ && role_ < node.gpu_counters && limited(node, gpu)
                   ? stranded(node.model(gpu), node.free_share(gpu), node.free_gpu(gpu)[role_])
                   : 0.0;
    }
    /// The cost of a placement on these GPUs of the node, before it is made, in GPU thousandths; below 0 if less is
    /// stranded afterwards. Only if `concerns(demand)`.
    [[nodiscard]] double cost(const node_view& node, const demand_view& demand, gpu_mask gpus) const noexcept {
        double sum = 0.0;
        for (; gpus != 0; gpus &= gpus - 1) sum += cost_on(node, demand, lowest_gpu(gpus));
        return sum;
    }
    /// The cost on the cheapest GPU where the demand fits, for each GPU that it wants: for scores that do not know the
    /// GPUs. Only if `concerns(demand)`.
    ///
    /// @param of_rest  added for each thousandth that the GPU keeps free
    [[nodiscard]] double least_cost(const node_view& node, const demand_view& demand,
                                    double of_rest = 0.0) const noexcept {
        double least = 0.0;
        bool any = false;
        for (gpu_mask rest = node.healthy; rest != 0; rest &= rest - 1) {
            const std::size_t i = lowest_gpu(rest);
            if (node.free_share(i) < demand.gpu[0] || node.free_gpu(i)[role_] < demand.gpu[role_] ||
                (demand.accepted_models >> node.model(i).value() & 1U) == 0) {
                continue;
            }
            const double here =
                cost_on(node, demand, i) + of_rest * static_cast<double>(node.free_share(i) - demand.gpu[0]);
            if (any && here >= least) continue;
            least = here;
            any = true;
        }
        return least * static_cast<double>(demand.gpus);
    }

private:
    static constexpr std::size_t share_steps = 50;
    static constexpr std::size_t memory_steps = 64;
    static constexpr amount share_step = whole_gpu / static_cast<amount>(share_steps);
    static constexpr std::size_t row = memory_steps + 1;
    static constexpr std::size_t table_size = (share_steps + 1) * row;

    /// The memory of the GPUs of a fleet.
    struct sizes {
        detail::flat<amount> most;  // per model: of its largest GPU
        amount smallest = 0;        // of all GPUs; 0 if all are unlimited
    };
    [[nodiscard]] sizes sizes_of(const fleet& fleet) const {
        sizes found;
        found.most.resize(fleet.model_count(), 0);
        for (std::size_t i = 0; i < fleet.gpu_count(); ++i) {
            const gpu_index g{i};
            if (fleet.unlimited(g, role_)) continue;
            const amount memory = fleet.capacity(g)[role_];
            amount& of_model = found.most[fleet.model(g).value()];
            if (memory > of_model) of_model = memory;
            if (memory > 0 && (found.smallest == 0 || memory < found.smallest)) found.smallest = memory;
        }
        return found;
    }

    struct model_table {
        amount memory;      // that is `memory_steps`
        std::size_t first;  // of its stranded share, in `stranded_`
    };
    /// Tasks of the mix in steps of the table, with the part of all arrivals that they are.
    struct arrival {
        std::size_t share;
        std::size_t memory;
        double part;
        friend bool operator==(const arrival&, const arrival&) = default;
    };
    [[nodiscard]] static bool equal(std::span<const arrival> a, std::span<const arrival> b) noexcept {
        for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
            if (!(a[i] == b[i])) return false;
        }
        return a.size() == b.size();
    }

    [[nodiscard]] bool limited(const node_view& node, std::size_t gpu) const noexcept {
        return !node.fleet->unlimited(node.fleet->gpu(node.index, gpu), role_);
    }
    [[nodiscard]] double cost_on(const node_view& node, const demand_view& demand, std::size_t i) const noexcept {
        if (!limited(node, i)) return 0.0;
        const amount share = node.free_share(i);
        const amount memory = node.free_gpu(i)[role_];
        const amount wanted = demand.gpu[role_];
        double sum = 0.0;
        if (in_mix_) {
            const model_index model = node.model(i);
            sum = weights_.stranding *
                  (stranded(model, share - demand.gpu[0], memory - wanted) - stranded(model, share, memory));
        }
        const amount enough = wanted > sizes_.smallest ? wanted : sizes_.smallest;
        if (memory <= enough) return sum;
        if (wanted > 0 && sum < 0.0) sum = 0.0;
        const double part = static_cast<double>(demand.gpu[0]) / static_cast<double>(whole_gpu);
        return sum +
               weights_.surplus * (part < weights_.least_part ? weights_.least_part : part) * doublings(memory, enough);
    }
    /// log2(more / less) in steps of 1/64, so that its last bits, which libraries differ in, reach no decision.
    [[nodiscard]] static double doublings(amount more, amount less) noexcept {
        constexpr double steps = 64.0;
        return detail::round(steps * detail::log2(static_cast<double>(more) / static_cast<double>(less))) / steps;
    }
    [[nodiscard]] double stranded(model_index model, amount share, amount memory) const noexcept {
        if (share <= 0) return 0.0;
        const model_table& table = of_model_[model.value()];
        const std::size_t s = share < whole_gpu ? static_cast<std::size_t>(share / share_step) : share_steps;
        const std::size_t f =
            memory < table.memory
                ? static_cast<std::size_t>((memory > 0 ? memory : 0) * static_cast<amount>(memory_steps) / table.memory)
                : memory_steps;
        return double{stranded_[table.first + s * row + f]};
    }

    /// The tasks of the mix that accept a model, in steps of its memory; one on several GPUs counts for each of them.
    [[nodiscard]] detail::flat<arrival> mix_of(const workload& work, std::size_t model, amount memory) const {
        detail::flat<double> tasks(table_size, 0.0);
        double all = 0.0;
        for (std::size_t s = 0; s < work.shape_count(); ++s) {
            const demand_view demand = work.demand(shape_index{s});
            if (demand.gpus == 0 || (demand.accepted_models >> model & 1U) == 0) continue;
            if (demand.gpu[0] == 0 || demand.gpu[0] > whole_gpu || demand.gpu[role_] > memory) continue;
            const auto count = static_cast<double>(work.frequency(shape_index{s}) * demand.gpus);
            const amount share = (demand.gpu[0] + share_step - 1) / share_step;
            const amount wanted = (demand.gpu[role_] * static_cast<amount>(memory_steps) + memory - 1) / memory;
            tasks[static_cast<std::size_t>(share) * row + static_cast<std::size_t>(wanted)] += count;
            all += count;
        }
        detail::flat<arrival> mix;
        for (std::size_t i = 0; i < tasks.size(); ++i) {
            if (tasks[i] > 0.0) mix.push_back({i / row, i % row, tasks[i] / all});
        }
        return mix;
    }
    /// Appends V(s, ∞) - V(s, f) for all steps.
    void append_table(std::span<const arrival> mix) {
        const double give_up = 1.0 / weights_.patience;
        detail::flat<double> used(table_size, 0.0);
        detail::flat<double> ample(share_steps + 1, 0.0);
        detail::flat<double> fitting(row, 0.0);
        for (std::size_t s = 1; s <= share_steps; ++s) {
            double* const here = used.data() + s * row;
            fitting.assign(row, 0.0);
            double ample_fitting = 0.0;
            for (const arrival& a : mix) {
                if (a.share > s) break;  // ascending
                const double taken = static_cast<double>(a.share) * static_cast<double>(share_step);
                const double* const after = used.data() + (s - a.share) * row;
                for (std::size_t f = a.memory; f < row; ++f) {
                    here[f] += a.part * (taken + after[f - a.memory]);
                    fitting[f] += a.part;
                }
                ample[s] += a.part * (taken + ample[s - a.share]);
                ample_fitting += a.part;
            }
            for (std::size_t f = 0; f < row; ++f) here[f] /= fitting[f] + give_up;
            ample[s] /= ample_fitting + give_up;
        }
        for (std::size_t s = 0; s <= share_steps; ++s) {
            for (std::size_t f = 0; f < row; ++f) {
                stranded_.push_back(static_cast<float>(ample[s] - used[s * row + f]));
            }
        }
    }

    memory_weights weights_;
    std::size_t role_ = counter_roles::none;
    sizes sizes_;
    bool in_mix_ = false;
    detail::flat<model_table> of_model_;
    detail::flat<float> stranded_;  // per table: by share, then by memory
};

}  // namespace berth::inline v0
