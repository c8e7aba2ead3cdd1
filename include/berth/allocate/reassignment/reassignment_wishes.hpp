// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/resources.hpp"
#include "berth/objective/place_of.hpp"
#include "berth/objective/terms/group_dependencies.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace berth::inline v0 {

/// What one place of a reassignment problem stands for.
enum class reassignment_place : std::uint8_t {
    gpu,   ///< one GPU: for tasks of one GPU each, whole or a share
    node,  ///< one node: for tasks of any number of whole GPUs, none included, on nodes with like GPUs
};

/// What the load on one counter costs.
struct reassignment_counter {
    /// The counter by its kind and its name in the schema: `gpu.memory`, `node.cpu`.
    std::string_view counter{};
    amount load_weight = 0;  ///< cost of a unit beyond the safety capacity, 0 or more
    double safety = 1.0;     ///< safety capacity, as a part of the capacity, 0 to 1
    bool transient = false;  ///< a moved task occupies it on its present place, too, until all moves have ended
};

/// Two counters of which the free amounts are kept in proportion, see `reassignment_balance`.
struct reassignment_counter_balance {
    std::string_view first{};   ///< as in `reassignment_counter::counter`
    std::string_view second{};  ///< likewise
    amount target = 1;          ///< free `second` wanted for a unit of free `first`, 0 to 2^32 - 1
    amount weight = 1;          ///< cost of a unit that is missing, 0 to 2^32 - 1
};

/// What `to_reassignment_problem` makes of a problem. Every counter is a hard capacity; those listed cost as well.
/// Views: read while the door is made, not kept.
struct reassignment_wishes {
    reassignment_place place = reassignment_place::gpu;  ///< where tasks are
    /// With GPUs as places: a counter of a node with several GPUs that could run out is divided among them. Each gets
    /// what its tasks use now and an equal part of the rest. Answers always fit, but some that fit are excluded; costs
    /// are those of the parts. false: such a counter is refused.
    bool divide_node_counters = false;

    std::vector<reassignment_counter> counters{};          ///< each at most once
    std::vector<reassignment_counter_balance> balances{};  ///< of every place

    amount task_weight = 1;               ///< multiplies the sum of move costs
    std::span<const amount> move_cost{};  ///< of each task of the workload, 0 to 2^32 - 1; empty: 1
    amount group_weight = 0;              ///< multiplies the largest number of moved tasks of one group
    amount pair_weight = 0;               ///< multiplies the sum of `domain_distance` of all moves

    /// True: no two tasks of a group share a place. What follows needs it, because a reassignment problem knows groups
    /// only so.
    bool groups_apart = false;
    std::span<const std::size_t> least_spread{};       ///< locations of each group of the workload; empty: no limit
    place_of spread_over{.level = 0};                  ///< what a location is
    std::span<const group_dependency> dependencies{};  ///< each holds in every neighbourhood
    place_of near{.level = 1};                         ///< what a neighbourhood is
};

}  // namespace berth::inline v0
