// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace berth::inline v0 {

/// How much of one resource: milli-units, MiB, slots, watts. Always an integer, so that feasibility is exact.
using amount = std::int64_t;

/// The largest capacity or demand of one counter, and what an unlimited counter holds. Sums over 2^17 places stay below 2^63.
inline constexpr amount max_amount = amount{1} << 45U;

/// The capacity of the first counter of every GPU that is shared by the thousandth: one whole GPU.
inline constexpr amount whole_gpu = 1000;

/// GPUs of one node are a 64-bit mask.
inline constexpr std::size_t max_gpus_per_node = 64;
/// Accepted GPU models of one task are a 64-bit mask.
inline constexpr std::size_t max_models = 64;

/// Which counters exist, by name and in the order of every capacity and demand array. A place is a GPU, a node or a domain
/// (a rack, a zone). The first counter of a GPU is its compute share in thousandths.
struct resource_schema {
    std::vector<std::string> gpu{"share"};
    std::vector<std::string> node{"cpu", "memory"};
    std::vector<std::string> domain{};

    friend bool operator==(const resource_schema&, const resource_schema&) = default;
};

}  // namespace berth::inline v0
