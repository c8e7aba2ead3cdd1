// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/genetic/detail/generation.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

namespace ev = berth::detail::evolution;

static_assert(std::is_trivially_copyable_v<ev::listed_table<std::uint32_t>>);
static_assert(std::is_trivially_copyable_v<ev::population_summary>);

// Bit i of four is gene i of four.
static_assert(ev::gene_mask(0) == 0 && ev::gene_mask(15) == ~std::uint64_t{0});
static_assert(ev::gene_mask(1) == 0xffff && ev::gene_mask(2) == 0xffff0000 && ev::gene_mask(9) == 0xffff00000000ffff);
static_assert(ev::gene_mask(0xf4) == 0xffff00000000);

static_assert(ev::chunks_of(0) == 0 && ev::chunks_of(1) == 1 && ev::chunks_of(8) == 1 && ev::chunks_of(9) == 2);
static_assert(ev::over(5, 3) == 2 && ev::over(3, 3) == 0 && ev::over(-1, 0) == 0);
static_assert(ev::lower({9, 0}, {1, 1}) && ev::lower({1, 1}, {2, 1}) && !ev::lower({1, 1}, {1, 1}));

TEST_CASE("a chunk is eight genes in the order of memory") {
    ev::gene_chunk chunk;
    std::uint16_t plain[8] = {};
    for (std::size_t i = 0; i < 8; ++i) {
        const auto gpu = static_cast<std::uint16_t>(65535 - 1000 * i);
        chunk.set(i, 1);
        chunk.set(i, gpu);
        plain[i] = gpu;
        for (std::size_t j = 0; j < 8; ++j) CHECK(chunk.get(j) == plain[j]);
    }
    CHECK(std::memcmp(&chunk, plain, sizeof chunk) == 0);
}

TEST_CASE("a tournament of many finds the member of the least penalised cost") {
    const std::vector<ev::member_value> values{{5, 0}, {1, 1}, {3, 0}, {3, 0}};
    ev::generation_rules rules{.population = 4, .tournament = 200, .penalty = 10};
    for (std::uint32_t member = 0; member < 20; ++member) {
        const auto winner = ev::tournament(rules, values.data(), 1, member, ev::draw::parent);
        CHECK(winner >= 2);
    }
    rules.penalty = 1;
    CHECK(ev::tournament(rules, values.data(), 1, 0, ev::draw::parent) == 1);
}

TEST_CASE("the best member of a range with a stride") {
    const std::vector<ev::member_value> values{{5, 1}, {4, 0}, {9, 0}, {4, 0}, {0, 2}};
    CHECK(ev::best_member(values.data(), 0, 5, 1) == 1);
    CHECK(ev::best_member(values.data(), 2, 5, 1) == 3);
    CHECK(ev::best_member(values.data(), 0, 5, 2) == 2);
    CHECK(ev::best_member(values.data(), 4, 5, 7) == 4);
}

TEST_CASE("rates of crossing and mutation are kept") {
    const std::vector<std::uint32_t> words(80 * 4, 0);
    const std::vector<berth::amount> capacities(4, 0);
    const ev::listed_table<std::uint32_t> p{{words.data(), capacities.data(), 77, 4}, nullptr, 0};
    const ev::generation_rules rules{
        .seed = 3, .population = 2, .crossed_below = 1U << 30U, .mutated_below = 1U << 31U};
    ev::gene_chunk nines;
    for (std::size_t i = 0; i < 8; ++i) nines.set(i, 9);
    std::size_t crossed = 0;
    std::size_t exchanged = 0;
    std::size_t mutated = 0;
    constexpr std::uint32_t members = 2000;
    for (std::uint32_t member = 0; member < members; ++member) {
        crossed += ev::is_crossed(rules, 1, member) ? 1 : 0;
        for (std::uint32_t chunk = 0; chunk < 10; ++chunk) {
            ev::generation_rules still = rules;
            still.mutated_below = 0;
            const auto mixed = ev::child_chunk(still, p, 1, member, chunk, true, ev::gene_chunk{}, nines);
            const auto changed = ev::child_chunk(rules, p, 1, member, chunk, false, nines, ev::gene_chunk{});
            std::size_t genes = 0;
            for (std::size_t i = 0; i < 8; ++i) {
                exchanged += mixed.get(i) == 9 ? 1 : 0;
                genes += changed.get(i) != 9 ? 1 : 0;
                if (chunk == 9 && i >= 5) CHECK(changed.get(i) == 9);  // beyond the last task
            }
            CHECK(genes <= 1);
            mutated += genes;
        }
    }
    CHECK(crossed > members * 22 / 100);
    CHECK(crossed < members * 28 / 100);
    CHECK(exchanged > members * 80 * 60 / 1000);  // a sixteenth is 62.5 of 1000
    CHECK(exchanged < members * 80 * 65 / 1000);
    CHECK(mutated > members * 77 / 16 * 95 / 100);
    CHECK(mutated < members * 77 / 16 * 105 / 100);
}

TEST_CASE("summaries merge in any order") {
    const ev::merge_summaries merge;
    const std::int64_t large = std::numeric_limits<std::int64_t>::max() / 2;
    const std::vector<ev::member_value> values{{large, 0}, {7, 3}, {large - 1, 0}, {large - 1, 0}, {1, 1}};
    ev::population_summary forward;
    ev::population_summary backward;
    for (std::uint32_t i = 0; i < 5; ++i) {
        forward = merge(forward, ev::population_summary::of(values[i], i));
        backward = merge(ev::population_summary::of(values[4 - i], 4 - i), backward);
    }
    for (const auto& all : {forward, backward}) {
        CHECK(all.best_member == 2);
        CHECK(all.best == values[2]);
        CHECK(all.feasible == 3);
        CHECK(all.members == 5);
        CHECK(all.mean_cost() == doctest::Approx(3.0 * static_cast<double>(large) / 5.0));
    }
}
