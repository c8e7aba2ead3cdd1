// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/random.hpp"

#include <cstddef>
#include <cstdint>

namespace berth::inline v0 {

/// Four words of 32 bits: the input (a counter) or the output of `philox4x32`.
struct philox_block {
    std::uint32_t word[4] = {};  ///< lowest first

    /// Word i, 0..3.
    [[nodiscard]] BERTH_HD constexpr std::uint32_t operator[](std::size_t i) const noexcept { return word[i]; }
    /// Equal words.
    friend constexpr bool operator==(const philox_block&, const philox_block&) noexcept = default;
};

/// Philox4x32-10 of Salmon, Moraes, Dror and Shaw ("Parallel random numbers: as easy as 1, 2, 3", SC 2011): 128 random
/// bits as a function of a counter and a key. It has no state, so that draws can be made in any order, on any number of
/// threads and on a device. Equals Random123 and cuRAND word for word; a bijection of counters for each key. About 60
/// instructions.
///
/// Use it where many threads must draw the same numbers as a loop; for draws in sequence `xoshiro256` is faster.
///
/// @param counter  the position of the draw
/// @param key      the seed; its lower half is the first word of the key of Random123
[[nodiscard]] BERTH_HD constexpr philox_block philox4x32(philox_block counter, std::uint64_t key) noexcept {
    auto low = static_cast<std::uint32_t>(key);
    auto high = static_cast<std::uint32_t>(key >> 32U);
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t first = std::uint64_t{0xd2511f53U} * counter.word[0];
        const std::uint64_t second = std::uint64_t{0xcd9e8d57U} * counter.word[2];
        counter = {
            {static_cast<std::uint32_t>(second >> 32U) ^ counter.word[1] ^ low, static_cast<std::uint32_t>(second),
             static_cast<std::uint32_t>(first >> 32U) ^ counter.word[3] ^ high, static_cast<std::uint32_t>(first)}};
        low += 0x9e3779b9U;
        high += 0xbb67ae85U;
    }
    return counter;
}

/// An integer in [0, n) from one random word; 0 if n is 0. It rejects no word, so that every draw takes exactly one;
/// probabilities of the values differ by at most 2^-32.
[[nodiscard]] BERTH_HD constexpr std::uint32_t scaled(std::uint32_t word, std::uint32_t n) noexcept {
    return static_cast<std::uint32_t>((std::uint64_t{word} * n) >> 32U);
}

/// Philox as a sequence, a `random_source`. Streams of one seed do not overlap, and opening a stream costs nothing.
class philox_source {
public:
    using result_type = std::uint64_t;  ///< type of the draws

    /// @param seed    the key
    /// @param stream  number of the stream
    BERTH_HD constexpr explicit philox_source(std::uint64_t seed, std::uint64_t stream = 0) noexcept
        : seed_{seed}, stream_{stream} {}

    /// Smallest draw.
    [[nodiscard]] static constexpr result_type min() noexcept { return 0; }
    /// Largest draw.
    [[nodiscard]] static constexpr result_type max() noexcept { return ~result_type{0}; }

    /// The next 64 random bits.
    BERTH_HD constexpr result_type operator()() noexcept {
        const std::uint64_t block = drawn_ / 2;
        const std::size_t half = drawn_ % 2 * 2;
        ++drawn_;
        if (half == 0) {
            words_ = philox4x32({{static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32U),
                                  static_cast<std::uint32_t>(stream_), static_cast<std::uint32_t>(stream_ >> 32U)}},
                                seed_);
        }
        return std::uint64_t{words_[half + 1]} << 32U | words_[half];
    }

private:
    std::uint64_t seed_;
    std::uint64_t stream_;
    std::uint64_t drawn_ = 0;
    philox_block words_{};
};

static_assert(random_source<philox_source>);

}  // namespace berth::inline v0
