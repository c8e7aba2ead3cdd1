// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"

#include <cstddef>

namespace berth::inline v0::detail {

/// A set of moves that makes room for the new task: what it costs and what it leaves behind.
struct candidate_plan {
    std::size_t steps = 0;
    double downtime = 0.0;
    amount bytes = 0;
    double fragmentation = 0.0;  // by how much that of the nodes concerned grows
    slot root{};                 // of the new task

    static constexpr double noise = 1e-9;

    /// @param step_cost  fragmentation that each step has to save
    [[nodiscard]] double total(double step_cost) const noexcept {
        return fragmentation + step_cost * static_cast<double>(steps);
    }
    /// With a step cost the lower total wins; then fewer steps, less downtime, fewer bytes, less fragmentation.
    [[nodiscard]] bool better_than(const candidate_plan& other, double step_cost) const noexcept {
        if (step_cost > 0.0) {
            const double saved = other.total(step_cost) - total(step_cost);
            if (saved > noise || saved < -noise) return saved > 0.0;
        }
        if (steps != other.steps) return steps < other.steps;
        if (downtime != other.downtime) return downtime < other.downtime;
        if (bytes != other.bytes) return bytes < other.bytes;
        return fragmentation < other.fragmentation - noise;
    }
};

}  // namespace berth::inline v0::detail
