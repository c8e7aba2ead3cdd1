// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/batch/evaluate_tile.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

using namespace berth;
using namespace berth::detail;

static_assert(std::is_trivially_copyable_v<packed_table<std::uint64_t>> &&
              std::is_trivially_copyable_v<assignment_value>);
static_assert(packing<std::uint32_t>::pack(3, 5) == (3U << 16U | 5U));
static_assert(packing<std::uint64_t>::cost(packing<std::uint64_t>::pack(3, 5)) == 3);
static_assert(packing<std::uint32_t>::load(packing<std::uint32_t>::pack(65'535, 65'535)) == 65'535);

namespace {

/// Three tasks on two GPUs: costs 1 2, 3 4, 5 6; loads 10 20, 30 40, 50 60.
template <class Word>
struct small {
    Word words[6] = {pack(1, 10), pack(2, 20), pack(3, 30), pack(4, 40), pack(5, 50), pack(6, 60)};
    amount capacities[2] = {45, 70};
    packed_table<Word> table{words, capacities, 3, 2, 100, 0.5};

    static Word pack(std::uint64_t cost, std::uint64_t load) { return packing<Word>::pack(cost, load); }
};

template <class Word>
void by_hand() {
    const small<Word> s;
    const std::uint16_t genes[] = {0, 1, 0, 1, 1, 1, 0, 0, 0};
    Word loads[6];
    std::uint64_t sums[3];
    assignment_value values[3];
    amount carried[6];
    for (std::size_t rows = 1; rows <= 4; ++rows) {
        evaluate_tile(s.table, genes, 3, rows, loads, sums, values, carried);
        CHECK(values[0] == assignment_value{(100 + 1 + 4 + 5) * 0.5, 60 - 45});
        CHECK(values[1] == assignment_value{(100 + 2 + 4 + 6) * 0.5, 120 - 70});
        CHECK(values[2] == assignment_value{(100 + 1 + 3 + 5) * 0.5, 90 - 45});
        CHECK(carried[0] == 60);
        CHECK(carried[1] == 40);
        CHECK(carried[5] == 0);
    }
    evaluate_tile(s.table, genes, 0, 8, loads, sums, values, static_cast<amount*>(nullptr));

    // The kernel of a device: lanes are individuals, the loads of two GPUs lie a lane count apart.
    constexpr std::size_t lanes = 3;
    Word lane_loads[2 * lanes] = {};
    for (std::size_t lane = 0; lane < lanes; ++lane) {
        std::uint64_t sum = add_genes(s.words, 2, genes + lane * 3, 2, lane_loads + lane, lanes);
        sum += add_genes(s.words + 4, 2, genes + lane * 3 + 2, 1, lane_loads + lane, lanes);
        amount* no_loads = nullptr;
        CHECK(finish(s.table, sum, lane_loads + lane, no_loads, lanes) == values[lane]);
    }
}

}  // namespace

TEST_CASE("a tile by hand - 32-bit words") { by_hand<std::uint32_t>(); }
TEST_CASE("a tile by hand - 64-bit words") { by_hand<std::uint64_t>(); }
