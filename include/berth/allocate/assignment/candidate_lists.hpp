// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/lagrangian_bound.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"

#include <cstddef>
#include <limits>
#include <span>

namespace berth::inline v0 {

/// A few candidate GPUs for each task: those of least reduced cost, in that order, ties by the lower load and then the
/// lower position. GPUs whose capacity the task exceeds alone come after all others. Immutable.
class candidate_lists {
public:
    /// Lists of no task.
    candidate_lists() = default;
    /// O(tasks × GPUs × width), O(tasks × width) memory.
    ///
    /// @param bound  of the same problem
    /// @param width  length of a list, at most the number of GPUs
    template <pair_cost Cost, load_source Load>
    candidate_lists(const assignment_problem<Cost, Load>& p, const lagrangian_bound& bound, std::size_t width)
        : width_{width < p.capacities.size() ? width : p.capacities.size()} {
        BERTH_ASSERT(bound.prices.size() == p.capacities.size(),
                     "berth: the bound of candidate lists belongs to another problem");
        gpus_.resize(p.tasks * width_);
        struct key {
            double cost;
            amount load;

            bool operator<(const key& other) const noexcept {
                return cost != other.cost ? cost < other.cost : load < other.load;
            }
        };
        detail::flat<key> kept(width_, key{0.0, 0});
        for (std::size_t t = 0; t < p.tasks; ++t) {
            gpu_index* list = gpus_.data() + t * width_;
            std::size_t size = 0;
            for (std::size_t g = 0; g < p.capacities.size(); ++g) {
                const auto load = static_cast<amount>(p.load(task_index{t}, gpu_index{g}));
                const key it{load <= p.capacities[g] ? reduced_cost(p, bound, task_index{t}, gpu_index{g})
                                                     : std::numeric_limits<double>::infinity(),
                             load};
                if (size == width_ && (width_ == 0 || !(it < kept[size - 1]))) continue;
                std::size_t at = size < width_ ? size++ : size - 1;
                for (; at > 0 && it < kept[at - 1]; --at) {
                    kept[at] = kept[at - 1];
                    list[at] = list[at - 1];
                }
                kept[at] = it;
                list[at] = gpu_index{g};
            }
        }
    }

    /// Length of every list.
    [[nodiscard]] std::size_t width() const noexcept { return width_; }
    /// The candidates of a task, best first. O(1).
    [[nodiscard]] std::span<const gpu_index> of(task_index t) const noexcept {
        return {gpus_.data() + t.value() * width_, width_};
    }

private:
    std::size_t width_ = 0;
    detail::flat<gpu_index> gpus_;
};

}  // namespace berth::inline v0
