// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace berth::inline v0 {

/// A quantity of one counter, in the unit of that counter: thousandths, MiB, slots, watts. Always an integer, so that
/// feasibility is exact.
using amount = std::int64_t;

/// The largest capacity or demand of one counter; as a capacity it means *unlimited*. A sum over 2^17 places stays
/// below 2^63.
inline constexpr amount max_amount = amount{1} << 45U;

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

/// The counters of GPUs, nodes and domains (racks, zones) by name. Every array of capacities or demands has their
/// order. Names are not empty, and unique among the counters of one kind of place.
struct resource_schema {
    /// Per GPU, at least one; the first is the compute share in thousandths.
    std::vector<std::string> gpu = detail::default_gpu_counters();
    std::vector<std::string> node = detail::default_node_counters();  ///< per node
    std::vector<std::string> domain{};                                ///< per domain

    /// Equal names in equal order.
    friend bool operator==(const resource_schema&, const resource_schema&) = default;
};

}  // namespace berth::inline v0
