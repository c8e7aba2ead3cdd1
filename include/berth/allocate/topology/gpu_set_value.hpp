// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/topology/best_gpu_set.hpp"
#include "berth/allocate/topology/link_matrix.hpp"
#include "berth/core/config.hpp"
#include "berth/model/slot.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// What free GPUs of a node are worth for later tasks of one size.
struct gpu_set_demand {
    std::size_t gpus = 1;  ///< of such a task, 2..
    double weight = 1.0;   ///< how much a place for one is worth, 0 or more
};

/// A set of GPUs of a node and its value for a task.
struct gpu_set_choice {
    gpu_mask gpus = 0;   ///< 0: the task does not fit
    double value = 0.0;  ///< comparable between nodes of kinds with the same weights
};

/// How good a place is for a task of k GPUs on nodes of one kind: how well its GPUs are connected, and what the node's
/// other free GPUs are still worth afterwards. Over a stream of tasks the second half decides: who takes the best set
/// of every node breaks the sets of the next ones, and who packs alone gets bad sets.
///
/// ```
/// const berth::gpu_set_value value{links};
/// const berth::gpu_set_choice here = value.best(free, 2);      // on each node; take the largest `here.value`
/// ```
///
/// A table over all sets of free GPUs, so at most 16 GPUs; made once for a kind of node in O(2^GPUs × sizes) searches.
/// Deterministic. See docs/topology.md for what it reaches.
class gpu_set_value {
public:
    /// The usual weights: a place for 2, for 4, for a whole node of 8.
    static constexpr gpu_set_demand usual[] = {{2, 1.0}, {4, 2.0}, {8, 6.0}};

    /// Makes the table.
    ///
    /// @param links    of the kind of node, at most 16 GPUs
    /// @param demands  the sizes of tasks to keep places for
    /// @param now      weight of the task's own connection, per GPU, beside the places for others
    explicit gpu_set_value(link_matrix links, std::span<const gpu_set_demand> demands = usual, double now = 2.5)
        : links_{std::move(links)}, now_{now}, best_(links_.size() + 1), worth_(std::size_t{1} << links_.size()) {
        BERTH_ASSERT(links_.size() <= 16, "berth: gpu_set_value takes at most 16 GPUs");
        const gpu_mask all = (gpu_mask{1} << links_.size()) - 1;
        for (std::size_t k = 2; k <= links_.size(); ++k) best_[k] = links_.score(best_gpu_set(links_, all, k));
        for (gpu_mask free = 0; free <= all; ++free) {
            for (const gpu_set_demand& demand : demands) {
                const gpu_mask set = best_gpu_set(links_, free, demand.gpus, 0, set_tie_break::lowest);
                if (set != 0) worth_[free] += demand.weight * quality(set);
            }
        }
    }
    /// The score of a set beside the best of its size on an empty node, 0 to 1; 1 for a single GPU.
    [[nodiscard]] double quality(gpu_mask set) const noexcept {
        const std::int64_t best = best_[static_cast<std::size_t>(std::popcount(set))];
        return best == 0 ? 1.0 : static_cast<double>(links_.score(set)) / static_cast<double>(best);
    }
    /// The best place for a task of k GPUs among the free ones. O(2^free).
    [[nodiscard]] gpu_set_choice best(gpu_mask free, std::size_t k) const noexcept {
        gpu_set_choice choice;
        free &= (gpu_mask{1} << links_.size()) - 1;
        for (gpu_mask set = free; set != 0; set = (set - 1) & free) {
            if (static_cast<std::size_t>(std::popcount(set)) != k) continue;
            const double own = k < 2 ? 0.0 : now_ * static_cast<double>(k) * quality(set);
            const double value = own + worth_[free & ~set] - worth_[free];
            // Sets come in falling order of their masks: the smallest of equal ones stays.
            if (choice.gpus == 0 || value >= choice.value) choice = {set, value};
        }
        return choice;
    }
    /// The links that it was made for.
    [[nodiscard]] const link_matrix& links() const noexcept { return links_; }

private:
    link_matrix links_;
    double now_;
    std::vector<std::int64_t> best_;  // the highest score of each size on an empty node
    std::vector<double> worth_;       // of each set of free GPUs
};

}  // namespace berth::inline v0
