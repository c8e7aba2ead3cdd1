// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/cuda/detail/generation_block.hpp"

#include <cstddef>
#include <cstdint>

namespace berth::inline v0::detail::evolution {

/// How a generation is divided into blocks of threads. It does not change the generation.
struct generation_shape {
    std::uint32_t lanes = 64;  ///< members of a block side by side
    std::uint32_t slices = 8;  ///< threads for each of them
    std::uint32_t blocks = 1;
    std::size_t shared = 0;    ///< bytes of shared memory of a block
    bool loads_shared = true;  ///< loads are in shared memory, else in device memory

    [[nodiscard]] constexpr std::uint32_t threads() const noexcept { return lanes * slices; }
    /// Words of loads in device memory.
    [[nodiscard]] constexpr std::size_t scratch(std::size_t gpus) const noexcept {
        return loads_shared ? 0 : std::size_t{blocks} * lanes * gpus;
    }
};

inline constexpr std::uint32_t generation_threads = 1024;

/// As many members in a block as fit with the loads of all GPUs, so that many of them read a row of the table at the
/// same time, but not so many that a multiprocessor has no block.
/// @param shared_per_block, multiprocessors  of the device
template <class Word>
[[nodiscard]] constexpr generation_shape shape_for(std::size_t gpus, std::uint32_t population,
                                                   std::size_t shared_per_block, std::size_t multiprocessors) noexcept {
    constexpr std::size_t fixed = generation_threads * block_scratch<Word>::bytes_per_thread();
    generation_shape shape;
    for (shape.lanes = 64; shape.lanes >= 8; shape.lanes /= 2) {
        shape.shared = fixed + gpus * shape.lanes * sizeof(Word);
        const bool fits = shape.shared <= shared_per_block;
        const bool idle = (population + shape.lanes - 1) / shape.lanes < multiprocessors * 9 / 10;
        if (fits && (!idle || shape.lanes == 8)) break;
    }
    if (shape.lanes < 8) {
        shape.lanes = 32;
        shape.shared = fixed;
        shape.loads_shared = false;
    }
    shape.slices = generation_threads / shape.lanes;
    shape.blocks = (population + shape.lanes - 1) / shape.lanes;
    const std::size_t resident = 2 * multiprocessors;
    if (!shape.loads_shared && shape.blocks > resident) shape.blocks = static_cast<std::uint32_t>(resident);
    return shape;
}

}  // namespace berth::inline v0::detail::evolution
