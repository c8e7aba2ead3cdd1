// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/resources.hpp"

#include <cstddef>
#include <span>
#include <string_view>

namespace berth::inline v0 {

/// A GPU, as input of `fleet_builder` and `cluster`.
struct gpu_description {
    std::string_view model{};            ///< name of its model; the empty name is a model like any other
    std::span<const amount> capacity{};  ///< per `resource_schema::gpu`; empty: one whole GPU, else unlimited
    bool healthy = true;                 ///< false: takes no new task
    std::string_view name{};             ///< unique in a cluster (UUID); empty: known by its position on the node
};

/// A domain (rack, zone, ...) with a capacity, as input of `make_fleet`.
struct domain_description {
    std::string_view name{};             ///< unique, not empty
    std::size_t level = 0;               ///< 0 for the innermost (rack), then outwards (row, zone)
    std::span<const amount> capacity{};  ///< per `resource_schema::domain`; empty: unlimited
};

/// A node, as input of `fleet_builder` and `cluster`.
struct node_description {
    std::string_view name{};                      ///< unique; empty: `node-<position>`
    std::span<const amount> capacity{};           ///< per `resource_schema::node`; empty: unlimited
    std::span<const gpu_description> gpus{};      ///< at most 64
    std::span<const std::string_view> domains{};  ///< names that were added before, at most one per level
    bool healthy = true;                          ///< false: takes no new task, nor do its GPUs
};

}  // namespace berth::inline v0
