// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

namespace berth::inline v0 {

/// A customisation point: a source of 64 uniform random bits. Any full-range 64-bit generator of the standard library
/// or of your own fits.
///
/// 1. `g()` returns an unsigned 64-bit value, all bits uniform (`min() == 0`, `max() == 2^64 - 1`).
/// 2. The sequence depends on the seed alone.
///
/// `xoshiro256`, `philox_source` and `std::mt19937_64` are sources. Draw through `bounded`, `uniform01` and `shuffle`:
/// the distributions of `<random>` and `std::shuffle` differ between standard libraries.
template <class G>
concept random_source = requires(G& g) {
    { g() } -> std::same_as<std::uint64_t>;
    requires G::min() == 0;
    requires G::max() == std::numeric_limits<std::uint64_t>::max();
};

/// Steele, Lea and Flood's finaliser ("Fast splittable pseudorandom number generators", OOPSLA 2014): a bijection of
/// 64-bit words in which every output bit depends on all input bits. Hashes counters and seeds generators.
[[nodiscard]] BERTH_HD constexpr std::uint64_t splitmix64(std::uint64_t x) noexcept {
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31U);
}

/// The seed of an independent stream for a pair of counters, such as generation and worker, so that draws do not depend
/// on the number of threads.
[[nodiscard]] BERTH_HD constexpr std::uint64_t stream_seed(std::uint64_t seed, std::uint64_t a,
                                                           std::uint64_t b = 0) noexcept {
    return splitmix64(splitmix64(splitmix64(seed) ^ a) ^ b);
}

/// xoshiro256** 1.0 of Blackman and Vigna ("Scrambled linear pseudorandom number generators", TOMS 2021): the default
/// source.
class xoshiro256 {
public:
    using result_type = std::uint64_t;  ///< type of the draws

    /// The state is seeded through `splitmix64`, so that any seed will do.
    BERTH_HD constexpr explicit xoshiro256(std::uint64_t seed = 0) noexcept {
        for (auto& word : state_) {
            word = splitmix64(seed);
            seed += 0x9e3779b97f4a7c15ULL;
        }
    }

    /// Smallest draw.
    [[nodiscard]] static constexpr result_type min() noexcept { return 0; }
    /// Largest draw.
    [[nodiscard]] static constexpr result_type max() noexcept { return ~result_type{0}; }

    /// The next 64 random bits.
    BERTH_HD constexpr result_type operator()() noexcept {
        const result_type out = rotate_left(state_[1] * 5, 7) * 9;
        const result_type t = state_[1] << 17U;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= t;
        state_[3] = rotate_left(state_[3], 45);
        return out;
    }

private:
    // std::rotl is not a device function.
    [[nodiscard]] BERTH_HD static constexpr result_type rotate_left(result_type x, unsigned by) noexcept {
        return (x << by) | (x >> (64U - by));
    }

    std::uint64_t state_[4] = {};
};

/// A uniform integer in [0, n), n > 0. Multiply-shift with rejection (Lemire, "Fast random integer generation in an
/// interval", TOMACS 2019), on 32-bit halves so that it needs no 128-bit type; n is at most 2^32 - 1.
template <random_source G>
[[nodiscard]] constexpr std::uint32_t bounded(G& g, std::uint32_t n) noexcept(noexcept(g())) {
    BERTH_ASSERT(n > 0, "berth: bounded(g, n) needs n > 0");
    std::uint64_t product = (g() >> 32U) * n;
    if (static_cast<std::uint32_t>(product) < n) {
        const std::uint32_t threshold = (0U - n) % n;
        while (static_cast<std::uint32_t>(product) < threshold) product = (g() >> 32U) * n;
    }
    return static_cast<std::uint32_t>(product >> 32U);
}

/// A uniform double in [0, 1) with 53 random bits.
template <random_source G>
[[nodiscard]] constexpr double uniform01(G& g) noexcept(noexcept(g())) {
    return static_cast<double>(g() >> 11U) * 0x1.0p-53;
}

/// Fisher-Yates from the last position down; at most 2^32 - 1 items.
template <random_source G, class T>
constexpr void shuffle(G& g, std::span<T> items) {
    BERTH_ASSERT(items.size() <= std::numeric_limits<std::uint32_t>::max(), "berth: shuffle of 2^32 items or more");
    for (std::size_t i = items.size(); i > 1; --i) {
        const std::size_t j = bounded(g, static_cast<std::uint32_t>(i));
        if (j != i - 1) std::swap(items[i - 1], items[j]);
    }
}

static_assert(random_source<xoshiro256>);

}  // namespace berth::inline v0
