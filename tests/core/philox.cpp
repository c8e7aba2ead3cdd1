// SPDX-License-Identifier: Apache-2.0
#include "berth/core/philox.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <set>
#include <type_traits>

using berth::philox4x32;
using berth::philox_block;
using berth::philox_source;
using berth::scaled;

// The known answers of Random123 (kat_vectors, philox4x32 with 10 rounds).
static_assert(philox4x32({{0, 0, 0, 0}}, 0) == philox_block{{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}});
static_assert(philox4x32({{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}}, 0xffffffffffffffffULL) ==
              philox_block{{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}});
static_assert(philox4x32({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0x299f31d0a4093822ULL) ==
              philox_block{{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}});

static_assert(berth::random_source<philox_source>);
static_assert(std::is_trivially_copyable_v<philox_block> && std::is_trivially_copyable_v<philox_source>);

static_assert(scaled(0, 7) == 0 && scaled(0xffffffff, 7) == 6 && scaled(0x80000000, 7) == 3);
static_assert(scaled(0xffffffff, 0) == 0 && scaled(0xffffffff, 1) == 0);
static_assert(scaled(0xffffffff, 0xffffffff) == 0xfffffffe);

TEST_CASE("philox_source: draws are the words of consecutive counters") {
    constexpr std::uint64_t seed = 0x0123456789abcdefULL;
    constexpr std::uint64_t stream = 0xfedcba9876543210ULL;
    philox_source source{seed, stream};
    for (std::uint32_t block = 0; block < 50; ++block) {
        const philox_block words = philox4x32({{block, 0, 0x76543210, 0xfedcba98}}, seed);
        for (std::size_t half = 0; half < 4; half += 2) {
            CHECK(source() == (std::uint64_t{words[half + 1]} << 32U | words[half]));
        }
    }
}

TEST_CASE("philox_source: different streams and seeds give different numbers") {
    std::set<std::uint64_t> seen;
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        for (std::uint64_t stream = 0; stream < 10; ++stream) {
            philox_source source{seed, stream};
            for (int i = 0; i < 10; ++i) seen.insert(source());
        }
    }
    CHECK(seen.size() == 1000);
}

TEST_CASE("philox4x32: every bit of every word is 1 in half of the draws") {
    constexpr std::uint32_t draws = 4096;
    std::uint32_t ones[4][32] = {};
    for (std::uint32_t i = 0; i < draws; ++i) {
        const philox_block words = philox4x32({{i, 1, 2, 3}}, 42);
        for (std::size_t w = 0; w < 4; ++w) {
            for (unsigned bit = 0; bit < 32; ++bit) ones[w][bit] += words[w] >> bit & 1U;
        }
    }
    for (const auto& word : ones) {
        for (const std::uint32_t count : word) {
            CHECK(count > draws / 2 - 200);  // six standard deviations
            CHECK(count < draws / 2 + 200);
        }
    }
}

TEST_CASE("scaled: covers the whole range evenly") {
    std::uint32_t counts[10] = {};
    for (std::uint32_t i = 0; i < 2500; ++i) {
        const philox_block words = philox4x32({{i, 0, 0, 0}}, 7);
        for (const std::uint32_t word : words.word) ++counts[scaled(word, 10)];
    }
    for (const std::uint32_t count : counts) {
        CHECK(count > 820);
        CHECK(count < 1180);
    }
}
