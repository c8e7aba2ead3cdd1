// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/genetic/concepts.hpp"
#include "berth/allocate/genetic/individual.hpp"
#include "berth/core/config.hpp"
#include "berth/core/random.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace berth::inline v0 {

// When to use which crossover:
//
//   path_relinking      the default: the best assignment between two good ones, by costs and prices
//                       (crossover/path_relinking.hpp)
//   gpu_bundle          inherits GPUs with all their tasks: for tight capacities (crossover/gpu_bundle.hpp)
//   uniform_crossover   the usual one of textbooks for assignments; mixes most
//   one_point           only if neighbouring tasks belong together (sorted by job, rack, type)
//   two_point           the same without favouring the ends
//
// The last three look at genes only and cost about a tenth of an evaluation.

/// Every gene from either parent with equal probability: one draw for 64 genes, no branches. O(tasks).
struct uniform_crossover {
    /// Writes the child's genes.
    void operator()(const parents& two, std::span<gpu_gene> child, xoshiro256& random) const {
        BERTH_ASSERT(two.better.size() == child.size() && two.other.size() == child.size(),
                     "berth: parents and child have the same number of genes");
        const gpu_gene* a = two.better.data();
        const gpu_gene* b = two.other.data();
        gpu_gene* out = child.data();
        std::size_t t = 0;
        for (; t + 64 <= child.size(); t += 64) {
            std::uint64_t mask = random();
            for (std::size_t i = t; i < t + 64; i += 4, mask >>= 4U) mix(a + i, b + i, out + i, mask & 15U);
        }
        if (t == child.size()) return;
        std::uint64_t mask = random();
        for (; t + 4 <= child.size(); t += 4, mask >>= 4U) mix(a + t, b + t, out + t, mask & 15U);
        for (; t < child.size(); ++t, mask >>= 1U) out[t] = (mask & 1U) != 0 ? b[t] : a[t];
    }

private:
    /// Four genes from `b` where the mask has a bit, from `a` where it has none.
    static void mix(const gpu_gene* a, const gpu_gene* b, gpu_gene* out, std::uint64_t mask) noexcept {
        // Bit i to bit 16 i, then to all 16 bits there.
        const std::uint64_t spread = (mask * 0x0000'2000'4000'8001ULL) & 0x0001'0001'0001'0001ULL;
        const std::uint64_t lanes = (spread << 16U) - spread;
        std::uint64_t x = 0;
        std::uint64_t y = 0;
        std::memcpy(&x, a, sizeof x);
        std::memcpy(&y, b, sizeof y);
        x ^= (x ^ y) & lanes;
        std::memcpy(out, &x, sizeof x);
    }
};

/// The genes before a random task from the better parent, the others from the other one. O(tasks), a copy.
struct one_point {
    /// Writes the child's genes.
    void operator()(const parents& two, std::span<gpu_gene> child, xoshiro256& random) const {
        const std::size_t cut = bounded(random, static_cast<std::uint32_t>(child.size() + 1));
        std::copy_n(two.better.data(), cut, child.data());
        std::copy_n(two.other.data() + cut, child.size() - cut, child.data() + cut);
    }
};

/// The genes between two random tasks from the other parent, the rest from the better one. O(tasks), a copy.
struct two_point {
    /// Writes the child's genes.
    void operator()(const parents& two, std::span<gpu_gene> child, xoshiro256& random) const {
        const auto ends = static_cast<std::uint32_t>(child.size() + 1);
        std::size_t first = bounded(random, ends);
        std::size_t last = bounded(random, ends);
        if (first > last) std::swap(first, last);
        std::copy_n(two.better.data(), child.size(), child.data());
        std::copy_n(two.other.data() + first, last - first, child.data() + first);
    }
};

static_assert(crossover<uniform_crossover> && crossover<one_point> && crossover<two_point>);

}  // namespace berth::inline v0
