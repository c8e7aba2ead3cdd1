// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace berth::inline v0 {

/// Within what `migration_order` works, and what it prefers.
struct order_options {
    static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();
    static constexpr double never = std::numeric_limits<double>::infinity();

    /// Steps of one wave that touch one node, parks and fetches included. A move within a node touches it once.
    std::size_t per_node = unlimited;
    /// Steps of one wave between one pair of nodes, in either direction.
    std::size_t per_link = unlimited;
    /// Steps of one wave.
    std::size_t per_wave = unlimited;

    /// Third slots may be used to make room.
    bool staging = true;
    /// Host memory may be used to make room.
    bool parking = true;
    /// Bytes that parked tasks may take in the host memory of each node: a task is parked on the node that it leaves, from the
    /// beginning of the park until the end of the fetch. Empty: no bound. An entry for each node otherwise.
    std::vector<amount> host_memory{};

    /// What an extra step counts for, in seconds, beside the downtime that it adds: it takes the executor's time and may fail.
    double step_price = 600.0;
    /// What dropping a move counts for, in seconds. `never`: only where neither slot nor host memory is left.
    double drop_price = never;

    /// How long to look for fewer extra steps where more than 16 moves wait for each other: so many moves are put
    /// in order, a microsecond or so each. 0: greedy alone.
    std::size_t effort = 400'000;
    std::uint64_t seed = 1;
};

}  // namespace berth::inline v0
