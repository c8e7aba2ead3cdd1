// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/genetic/concepts.hpp"
#include "berth/allocate/genetic/population.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"

#include <cstddef>
#include <limits>

namespace berth::inline v0 {

// When to use which:
//
//   steady_state   the default: few children, each of which replaces a bad member or one that it resembles; keeps the
//                  members of a small population different
//   generational   textbook: children replace all but the elite, whatever their value

/// Children replace all but the best members. O(population).
struct generational {
    std::size_t elite = 2;  ///< at most all but one member

    /// Default number of members of an island.
    static constexpr std::size_t usual_population = 200;

    /// Children of a generation of a population of that size.
    [[nodiscard]] std::size_t children(std::size_t size) const noexcept { return size > elite ? size - elite : 1; }
    /// Exchanges members for children.
    void operator()(population& members) const {
        const std::size_t kept = members.size() - members.children();
        for (std::size_t j = 0; j < members.children(); ++j) members.exchange(kept + j, j);
    }
};

/// A child that differs from some member in fewer than `least_distance` genes replaces that member or none; any other
/// child replaces the worst member. Either only if it is better. O(population × tasks) for a child.
struct steady_state {
    std::size_t offspring = 1;  ///< children of a generation, 1 or more
    /// In genes; 1 excludes copies only. 0: a 64th of the tasks, at least 1.
    std::size_t least_distance = 0;

    /// Default number of members of an island.
    static constexpr std::size_t usual_population = 40;

    /// Children of a generation of a population of that size.
    [[nodiscard]] std::size_t children(std::size_t) const noexcept { return offspring; }
    /// Success, or the option that is out of its range.
    [[nodiscard]] result<void> validate() const {
        if (offspring >= 1) return {};
        return detail::refuse(error_code::invalid_value, {"steady_state.offspring is 0, expected 1 or more"});
    }
    /// Exchanges members for children.
    void operator()(population& members) const {
        for (std::size_t j = 0; j < members.children(); ++j) {
            std::size_t nearest = members.size();
            std::size_t distance = least_distance > 0 ? least_distance : 1 + members.tasks() / 64;
            std::size_t worst = 0;
            for (std::size_t i = 0; i < members.size(); ++i) {
                if (members.value(i) >= members.value(worst)) worst = i;
                const std::size_t d = hamming_distance(members.genes(i), members.child_genes(j));
                if (d >= distance) continue;
                distance = d;
                nearest = i;
            }
            const std::size_t place = nearest == members.size() ? worst : nearest;
            if (members.child_value(j) < members.value(place)) members.exchange(place, j);
        }
    }
};

static_assert(replacement<generational> && replacement<steady_state>);

}  // namespace berth::inline v0
