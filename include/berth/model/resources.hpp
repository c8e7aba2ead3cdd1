// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace berth::inline v0 {

/// A quantity of one counter, in the unit of that counter: thousandths, MiB, slots, watts. Always an integer, so that
/// feasibility is exact.
using amount = std::int64_t;

/// The largest capacity or demand of one counter; as a capacity it means *unlimited*. A sum over 2^17 places stays
/// below 2^63.
inline constexpr amount max_amount = amount{1} << 45U;

namespace detail {

/// A capacity for sums of demands: one that is unlimited is never reached.
[[nodiscard]] constexpr amount summable(amount capacity) noexcept {
    return capacity < max_amount ? capacity : max_amount << 17U;
}

}  // namespace detail

/// One whole GPU, in thousandths: the first counter of every GPU is its compute share.
inline constexpr amount whole_gpu = 1000;

/// The largest number of GPUs of one node: they are the bits of a 64-bit mask.
inline constexpr std::size_t max_gpus_per_node = 64;
/// The largest number of GPU models of a fleet: the models a task accepts are the bits of a 64-bit mask.
inline constexpr std::size_t max_models = 64;

namespace detail {

// Functions, not braced initialisers of the members: g++ 12 crashes on those when a schema is completed inside a
// function template.
[[nodiscard, gnu::noinline]] inline std::vector<std::string> default_gpu_counters() {
    std::vector<std::string> names;
    names.push_back("share");
    return names;
}
[[nodiscard, gnu::noinline]] inline std::vector<std::string> default_node_counters() {
    std::vector<std::string> names;
    names.push_back("cpu");
    names.push_back("memory");
    return names;
}

}  // namespace detail

/// In `role_names`: no counter plays the role, whatever their names.
inline constexpr const char* no_counter = "-";

/// Which counter plays which role, by its name in the schema. Policies that look at CPU or GPU memory ask for the role,
/// never for a position. A role that is not set (empty) is played by the first counter with a usual name; the part
/// before the unit is compared, so `memory`, `gpu_memory_mib` and `memory_gib` are all memory.
///
/// The compute share has no name here: it is always the first GPU counter, in thousandths.
struct role_names {
    std::string cpu{};         ///< a node counter; usual: cpu, cpus, vcpu, vcpus, cores
    std::string memory{};      ///< a node counter; usual: memory, mem, ram
    std::string gpu_memory{};  ///< a GPU counter; usual: memory, mem, vram, hbm

    /// Equal names.
    friend bool operator==(const role_names&, const role_names&) = default;
};

/// The positions of the counters that play roles.
struct counter_roles {
    static constexpr std::size_t none = ~std::size_t{0};  ///< no counter plays the role
    static constexpr std::size_t share = 0;               ///< GPU counter: the compute share, always the first

    std::size_t cpu = none;         ///< node counter
    std::size_t memory = none;      ///< node counter
    std::size_t gpu_memory = none;  ///< GPU counter

    /// The CPU among the counters of a node or of a demand on it; 0 without the role.
    [[nodiscard]] constexpr amount cpu_of(std::span<const amount> node) const noexcept {
        return cpu < node.size() ? node[cpu] : 0;
    }
    /// The memory among the counters of a node or of a demand on it; 0 without the role.
    [[nodiscard]] constexpr amount memory_of(std::span<const amount> node) const noexcept {
        return memory < node.size() ? node[memory] : 0;
    }
    /// The memory among the counters of a GPU or of a demand on each GPU; 0 without the role.
    [[nodiscard]] constexpr amount gpu_memory_of(std::span<const amount> gpu) const noexcept {
        return gpu_memory < gpu.size() ? gpu[gpu_memory] : 0;
    }
    /// Equal positions.
    friend constexpr bool operator==(const counter_roles&, const counter_roles&) noexcept = default;
};

/// The counters of GPUs, nodes and domains (racks, zones) by name. Every array of capacities or demands has their
/// order. Names are not empty, and unique among the counters of one kind of place.
struct resource_schema {
    /// Per GPU, at least one; the first is the compute share in thousandths.
    std::vector<std::string> gpu = detail::default_gpu_counters();
    std::vector<std::string> node = detail::default_node_counters();  ///< per node
    std::vector<std::string> domain{};                                ///< per domain
    role_names roles{};                                               ///< which of them is CPU, memory, GPU memory

    /// Equal names in equal order, and equal roles.
    friend bool operator==(const resource_schema&, const resource_schema&) = default;
};

}  // namespace berth::inline v0
