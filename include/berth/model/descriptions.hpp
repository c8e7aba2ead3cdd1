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
    std::string_view uuid{};             ///< unique in a cluster; empty: known by its position on the node
    std::string_view mig_board{};        ///< of a scheduler: in MIG mode, the board; empty: not in MIG mode
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
    /// How well each two of its GPUs are connected, `gpu_links::max_score` at most: of GPUs i and j at [i * GPUs + j],
    /// symmetric, 0 from a GPU to itself. Empty: not known.
    std::span<const amount> gpu_links{};
};

/// Another demand that would do for a task, as input of `cluster`; fields as of `task_description`.
struct alternative_description {
    std::size_t gpus = 1;                                 ///< 0: CPU only
    std::span<const amount> gpu_demand{};                 ///< empty: one whole GPU
    std::span<const amount> node_demand{};                ///< empty: 0
    std::span<const amount> domain_demand{};              ///< empty: 0
    std::span<const std::string_view> accepted_models{};  ///< empty: all
    bool same_model = false;                              ///< its GPUs are of one model
    double speed = 1.0;                                   ///< relative, finite and above 0; twice as fast: 2
};

/// A task, as input of `workload_builder` and `cluster`.
struct task_description {
    std::string_view name{};                  ///< unique; empty: `task-<position>`
    std::size_t gpus = 1;                     ///< number of distinct GPUs, 0..64
    std::span<const amount> gpu_demand{};     ///< per GPU, not 0 in every counter; empty: one whole GPU
    std::span<const amount> node_demand{};    ///< empty: 0
    std::span<const amount> domain_demand{};  ///< on each domain of the node; empty: 0
    /// Names of GPU models; empty: all. The fleet need not have them: a task that accepts no model of the fleet fits
    /// nowhere, and `explain` says so.
    std::span<const std::string_view> accepted_models{};
    bool same_model = false;    ///< all its GPUs, in a gang all GPUs of the gang, are of one model
    std::string_view group{};   ///< job or service; empty: none
    bool gang = false;          ///< the group is placed as a whole or not at all
    std::size_t min_tasks = 0;  ///< a gang starts with so many of its tasks; 0: with all
    int priority = 0;           ///< larger is more important
    amount state_bytes = 0;     ///< bytes that travel when the task is moved, 0..`max_amount`
    double speed = 1.0;         ///< relative, with the demand above; matters beside alternatives
    /// What it takes of its GPUs is kept elsewhere, as for slices of GPUs in MIG mode: `gpu_demand` may be 0.
    bool takes_nothing = false;
    /// Other demands that would do. Only a `cluster` keeps them; a workload that is built for a batch has the demand
    /// above alone.
    std::span<const alternative_description> alternatives{};
};

}  // namespace berth::inline v0
