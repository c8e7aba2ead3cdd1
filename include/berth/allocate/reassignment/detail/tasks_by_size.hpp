// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/reassignment/reassignment_problem.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/sort_positions.hpp"

#include <cstddef>
#include <cstdint>

namespace berth::inline v0::detail {

/// The tasks of a reassignment in ascending order of size: the sum of their demands as parts of the fleet's capacities.
class tasks_by_size {
public:
    explicit tasks_by_size(const reassignment_problem& p) : rank_(p.task_count()) {
        flat<double> total(p.resource_count(), 0.0);
        for (std::size_t n = 0; n < p.node_count(); ++n) {
            for (std::size_t r = 0; r < total.size(); ++r)
                total[r] += static_cast<double>(p.capacity(node_index{n})[r]);
        }
        flat<double> sizes(p.task_count());
        for (std::size_t t = 0; t < sizes.size(); ++t) {
            for (std::size_t r = 0; r < total.size(); ++r) {
                if (total[r] > 0) sizes[t] += static_cast<double>(p.demand(task_index{t})[r]) / total[r];
            }
        }
        sorted_ = sorted_positions(sizes.size(), [&](std::size_t a, std::size_t b) {
            return sizes[a] != sizes[b] ? sizes[a] < sizes[b] : a < b;
        });
        for (std::size_t i = 0; i < sorted_.size(); ++i) rank_[sorted_[i]] = static_cast<std::uint32_t>(i);
    }

    [[nodiscard]] std::size_t size() const noexcept { return sorted_.size(); }
    [[nodiscard]] std::uint32_t rank(task_index t) const noexcept { return rank_[t.value()]; }
    [[nodiscard]] task_index at(std::size_t rank) const noexcept { return task_index{sorted_[rank]}; }

private:
    flat<std::size_t> sorted_;
    flat<std::uint32_t> rank_;
};

}  // namespace berth::inline v0::detail
