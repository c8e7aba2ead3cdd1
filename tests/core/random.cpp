// SPDX-License-Identifier: Apache-2.0
#include "berth/core/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <span>
#include <vector>

using berth::bounded;
using berth::random_source;
using berth::shuffle;
using berth::splitmix64;
using berth::stream_seed;
using berth::uniform01;
using berth::xoshiro256;

static_assert(random_source<xoshiro256>);
static_assert(random_source<std::mt19937_64>);
static_assert(!random_source<std::mt19937>, "32 bits are too few");
static_assert(!random_source<std::minstd_rand>);
static_assert(!random_source<int>);
static_assert(!random_source<const xoshiro256>, "a source changes when asked");

// The published first outputs of splitmix64 from seeds 0 and 1234567.
static_assert(splitmix64(0) == 0xe220a8397b1dcdafULL);
static_assert(splitmix64(0x9e3779b97f4a7c15ULL) == 0x6e789e6aa1b965f4ULL);
static_assert(splitmix64(1234567) == 0x599ed017fb08fc85ULL);  // 6457827717110365317

// Computed by a program of its own, in another language.
static_assert(stream_seed(42, 3, 5) == 0xaab9b8f05946561fULL);
static_assert(stream_seed(0, 0) == 0x238275bc38fcbe91ULL);
static_assert(stream_seed(1, 2, 3) != stream_seed(1, 3, 2));

namespace {

template <std::size_t N>
constexpr std::array<std::uint64_t, N> first(std::uint64_t seed) {
    xoshiro256 g{seed};
    std::array<std::uint64_t, N> out{};
    for (auto& value : out) value = g();
    return out;
}

template <std::size_t N>
constexpr std::array<std::uint32_t, N> first_bounded(std::uint64_t seed, std::uint32_t n) {
    xoshiro256 g{seed};
    std::array<std::uint32_t, N> out{};
    for (auto& value : out) value = bounded(g, n);
    return out;
}

template <int N>
constexpr std::array<int, N> shuffled(std::uint64_t seed) {
    std::array<int, N> out{};
    for (int i = 0; i < N; ++i) out[static_cast<std::size_t>(i)] = i;
    xoshiro256 g{seed};
    shuffle(g, std::span<int>{out});
    return out;
}

}  // namespace

// Golden streams: the same on every compiler, at compile time and at run time.
static_assert(first<5>(0) == std::array<std::uint64_t, 5>{0x99ec5f36cb75f2b4, 0xbf6e1f784956452a, 0x1a5f849d4933e6e0,
                                                          0x6aa594f1262d2d2c, 0xbba5ad4a1f842e59});
static_assert(first<5>(42) == std::array<std::uint64_t, 5>{0x15780b2e0c2ec716, 0x6104d9866d113a7e, 0xae17533239e499a1,
                                                           0xecb8ad4703b360a1, 0xfde6dc7fe2ec5e64});
static_assert(first_bounded<16>(42, 10) ==
              std::array<std::uint32_t, 16>{0, 3, 6, 9, 9, 7, 7, 8, 7, 5, 6, 2, 8, 3, 7, 8});
static_assert(first_bounded<8>(42, 3000000000U) == std::array<std::uint32_t, 8>{1136940751, 2040130232, 2774078835,
                                                                                2157775733, 2284123142, 1750047928,
                                                                                2047358608, 872033284});
static_assert(shuffled<10>(42) == std::array<int, 10>{9, 1, 4, 2, 8, 7, 6, 5, 3, 0});
static_assert(shuffled<5>(7) == std::array<int, 5>{0, 4, 2, 1, 3});

TEST_CASE("golden streams at run time") {
    volatile std::uint64_t seed = 42;
    xoshiro256 g{seed};
    CHECK(g() == 0x15780b2e0c2ec716ULL);
    xoshiro256 u{seed};
    CHECK(uniform01(u) == 0x1.5780b2e0c2ec0p-4);
    CHECK(uniform01(u) == 0x1.84136619b444ep-2);
    CHECK(uniform01(u) == 0x1.5c2ea66473c93p-1);
}

TEST_CASE("bounded: uniform") {
    for (const std::uint32_t n : {1U, 2U, 3U, 7U, 10U, 64U}) {
        CAPTURE(n);
        xoshiro256 g{n};
        constexpr int draws = 64'000;
        std::vector<int> seen(n, 0);
        for (int i = 0; i < draws; ++i) {
            const std::uint32_t value = bounded(g, n);
            REQUIRE(value < n);
            ++seen[value];
        }
        const double expected = static_cast<double>(draws) / n;
        double chi_squared = 0.0;
        for (const int count : seen) chi_squared += (count - expected) * (count - expected) / expected;
        CHECK(chi_squared < n + 6.0 * std::sqrt(2.0 * n));  // mean n - 1, six standard deviations
    }
}

TEST_CASE("bounded: rejects the biased region") {
    // n just over 2^31: almost half of all draws are rejected.
    constexpr std::uint32_t n = (1U << 31U) + 1;
    xoshiro256 g{5};
    std::uint64_t low = 0;
    for (int i = 0; i < 20'000; ++i) {
        if (bounded(g, n) < n / 2) ++low;
    }
    CHECK(low > 9'500);
    CHECK(low < 10'500);

    struct scripted {
        static constexpr std::uint64_t min() { return 0; }
        static constexpr std::uint64_t max() { return ~std::uint64_t{0}; }
        std::uint64_t operator()() { return script[at++] << 32U; }
        std::array<std::uint64_t, 3> script;
        std::size_t at = 0;
    };
    // 2^32 mod 10 is 6, so that the product 0 is refused and 0 * 10 + 10 is not.
    scripted s{{0, 0, 1}};
    CHECK(bounded(s, 10) == 0);
    CHECK(s.at == 3);
}

TEST_CASE("uniform01: at least 0 and below 1") {
    struct extreme {
        static constexpr std::uint64_t min() { return 0; }
        static constexpr std::uint64_t max() { return ~std::uint64_t{0}; }
        std::uint64_t operator()() const { return value; }
        std::uint64_t value;
    };
    extreme zero{0};
    extreme ones{~std::uint64_t{0}};
    CHECK(uniform01(zero) == 0.0);
    CHECK(uniform01(ones) < 1.0);
    xoshiro256 g{9};
    double sum = 0.0;
    for (int i = 0; i < 100'000; ++i) sum += uniform01(g);
    CHECK(sum / 100'000 == doctest::Approx(0.5).epsilon(0.01));
}

TEST_CASE("shuffle: a permutation, and every permutation occurs") {
    xoshiro256 g{3};
    std::vector<int> seen(6, 0);
    for (int round = 0; round < 6'000; ++round) {
        std::array items{0, 1, 2};
        shuffle(g, std::span<int>{items});
        std::array sorted = items;
        std::sort(sorted.begin(), sorted.end());
        REQUIRE(sorted == std::array{0, 1, 2});
        const int rank = items[0] * 2 + (items[1] > items[2] ? 1 : 0);
        ++seen[static_cast<std::size_t>(rank)];
    }
    for (const int count : seen) {
        CHECK(count > 850);
        CHECK(count < 1'150);
    }
    std::vector<int> none;
    shuffle(g, std::span<int>{none});
    std::vector<int> one{7};
    xoshiro256 before = g;
    shuffle(g, std::span<int>{one});
    CHECK(one.front() == 7);
    CHECK(g() == before());  // one item draws nothing
}

TEST_CASE("stream_seed: streams do not overlap") {
    std::vector<std::uint64_t> seeds;
    for (std::uint64_t a = 0; a < 64; ++a) {
        for (std::uint64_t b = 0; b < 64; ++b) seeds.push_back(stream_seed(42, a, b));
    }
    std::sort(seeds.begin(), seeds.end());
    CHECK(std::adjacent_find(seeds.begin(), seeds.end()) == seeds.end());
}
