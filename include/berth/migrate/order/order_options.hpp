// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace berth::inline v0 {

/// Limits and preferences of `migration_order`. `migration_order::run` refuses values out of range.
struct order_options {
    static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();  ///< no limit
    static constexpr double never = std::numeric_limits<double>::infinity();           ///< no penalty is worth it

    /// Maximum number of steps of one wave that touch one node, parks and fetches included. A move within a node
    /// touches it once.
    std::size_t per_node = unlimited;
    /// Maximum number of steps of one wave between one pair of nodes, in either direction.
    std::size_t per_link = unlimited;
    /// Maximum number of steps of one wave.
    std::size_t per_wave = unlimited;

    /// Allow temporary hosts: slots where a task waits to break a cycle.
    bool staging = true;
    /// Allow host memory to break a cycle.
    bool parking = true;
    /// Bytes that parked tasks may take in the host memory of each node: a task is parked on the node that it leaves,
    /// from the beginning of the park until the end of the fetch. Empty: no bound. An entry for each node otherwise.
    std::vector<amount> host_memory{};

    /// Seconds that a cycle-breaking move counts for, beside the downtime that it adds: an extra step occupies the
    /// executor and may fail. Not negative.
    double step_cost = 600.0;
    /// Seconds that dropping a move counts for. Not negative; `never`: drop only where neither slot nor host memory is
    /// left.
    double drop_cost = never;

    /// Budget of the search for fewer cycle-breaking moves where more than 16 moves wait for each other: the number of
    /// moves that it puts in order, about a microsecond each. A retry after a move that could be neither staged nor
    /// parked gets half the budget of the attempt before. 0: greedy only. A smaller `run_control::max_evaluations`
    /// takes its place.
    std::uint64_t max_evaluations = 400'000;
    /// Seed of that search.
    std::uint64_t seed = 1;
};

}  // namespace berth::inline v0
