// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/concepts.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/objective/measures/memory_stranding.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace berth::inline v0 {

/// GpuPacking of the published table (Kubernetes scheduler simulator of FGD): prefers GPUs in use, then free GPUs of
/// nodes in use, then untouched nodes. For tasks without GPU every node is equal. O(GPUs of the node × GPUs wanted).
/// Where GPU memory matters, `memory_stranding::cost` is taken off.
struct gpu_packing {
    /// The ready form, a `prepared_score`.
    struct state {
        static constexpr score_scope scope = score_scope::shape;  ///< see `prepared_score`
        static constexpr bool anonymous = true;                   ///< see `prepared_score`
        static constexpr std::size_t node_counters_read = 1;      ///< see `prepared_score`
        memory_stranding memory;                                  ///< GPU memory

        /// The value of a candidate.
        [[nodiscard]] double operator()(const candidate& c) const noexcept {
            constexpr double per_thousandth = 0.02;
            const double value = gpu_packing{}(c);
            return memory.concerns(c.demand) ? value - per_thousandth * memory.cost(c.node, c.demand, c.gpus) : value;
        }
    };
    /// The ready form for a problem. O(GPUs), and the tables of `memory_stranding`.
    [[nodiscard]] state prepare(const problem& p) const { return {memory_stranding{p}}; }

    /// The value of a candidate without regard to GPU memory, as published.
    [[nodiscard]] double operator()(const candidate& c) const noexcept {
        if (c.demand.gpus == 0) return 0.0;
        const std::size_t gpus = c.node.gpu_count();
        const auto whole = [&](std::size_t i) { return c.node.untouched(i); };
        int untouched = 0;
        for (std::size_t i = 0; i < gpus; ++i) untouched += whole(i) ? 1 : 0;
        if (untouched == static_cast<int>(gpus)) return std::max(33 - untouched, untouched);
        int opened = 0;
        int left = 0;
        for (gpu_mask rest = c.gpus; rest != 0; rest &= rest - 1) {
            const std::size_t i = lowest_gpu(rest);
            opened += whole(i) ? 1 : 0;
            left += static_cast<int>(c.node.free_share(i) * 100 / whole_gpu);
        }
        if (opened > 0) return std::max(50 - opened, 33);
        return std::max(100 - left / 10, 50);
    }
};

/// GpuClustering of the published table: keeps tasks of one class (a share, or k whole GPUs) together, by a count of
/// classes per node. O(GPUs of the node) per value, O(1) per placement.
struct gpu_clustering {
    /// The ready form, a `prepared_score`.
    class state {
    public:
        static constexpr score_scope scope = score_scope::shape;  ///< see `prepared_score`
        static constexpr bool anonymous = true;                   ///< see `prepared_score`
        static constexpr std::size_t node_counters_read = 1;      ///< see `prepared_score`
        static constexpr bool looks_at_gpus = false;              ///< see `prepared_score`

        /// Made by `prepare`.
        explicit state(const problem& p)
            : memory_{p},
              largest_{static_cast<amount>(detail::largest_node{p.fleet()}.share)},
              present_(p.fleet().node_count(), 0),
              counts_(p.fleet().node_count() * class_count, 0) {}

        /// The value of a candidate.
        [[nodiscard]] double operator()(const candidate& c) const noexcept {
            if (c.demand.gpus == 0) return 0.0;
            const std::uint64_t classes = present_[c.node.index.value()];
            const std::uint64_t own = std::uint64_t{1} << class_of(c.demand);
            const amount base = 25 * (largest_ - detail::total_free_share(c.node)) / largest_;
            const amount bonus = classes == own ? 75 : (classes & own) != 0 ? 50 : classes == 0 ? 25 : 0;
            const auto value = static_cast<double>(base + bonus);
            if (!memory_.concerns(c.demand)) return value;
            // In steps of a tenth of a GPU, so that near-ties go to the fixed node order.
            return value - 2.0 * std::floor(memory_.least_cost(c.node, c.demand) / 100.0);
        }
        /// Counts a placement on its node.
        void on_place(const candidate& c) noexcept { count(c, +1); }
        /// Undoes `on_place`.
        void on_remove(const candidate& c) noexcept { count(c, -1); }

    private:
        // A share, then 1, 2, 3..4, 5..8, 9..16, 17..32 and 33..64 GPUs.
        static constexpr std::size_t class_count = 8;
        [[nodiscard]] static std::size_t class_of(const demand_view& demand) noexcept {
            return demand.is_share() ? 0 : 1 + static_cast<std::size_t>(std::bit_width(demand.gpus - 1));
        }
        void count(const candidate& c, int change) noexcept {
            if (c.demand.gpus == 0) return;
            const std::size_t n = c.node.index.value();
            const std::size_t k = class_of(c.demand);
            counts_[n * class_count + k] += static_cast<std::uint32_t>(change);
            const std::uint64_t bit = std::uint64_t{1} << k;
            present_[n] = counts_[n * class_count + k] > 0 ? present_[n] | bit : present_[n] & ~bit;
        }

        memory_stranding memory_;
        amount largest_;
        std::vector<std::uint64_t> present_;
        std::vector<std::uint32_t> counts_;
    };
    /// The ready form for a problem. O(nodes + GPUs).
    [[nodiscard]] state prepare(const problem& p) const { return state{p}; }
};

static_assert(placement_score<gpu_packing> && placement_score<gpu_clustering>);

}  // namespace berth::inline v0
