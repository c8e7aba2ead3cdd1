// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/detail/fragmentation_memo.hpp"

#include "berth/core/random.hpp"
#include "berth/model/ledger.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

using namespace berth;
using namespace berth_test;
using berth::detail::fragmentation_memo;
using berth::detail::packed_shares;

namespace {

std::vector<amount> unpacked(const packed_shares& shares) {
    std::vector<amount> all;
    for (const std::uint64_t word : {shares.low, shares.high}) {
        for (unsigned i = 0; i < 4; ++i) all.push_back(static_cast<amount>(word >> (16 * i) & 0xffff));
    }
    return all;
}

}  // namespace

TEST_CASE("packed shares are those of the healthy GPUs, and follow a placement") {
    xoshiro256 g{1};
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        const auto [machines, work] = random_problem(seed);
        ledger books{machines};
        for (int i = 0; i < 50; ++i) {
            const node_index n{below(g, machines.node_count())};
            const node_view node = books.node(n);
            packed_shares packed;
            REQUIRE(packed.pack(node) == (node.gpu_count() <= packed_shares::most_gpus));
            if (node.gpu_count() > packed_shares::most_gpus) continue;
            const auto shares = [&] {
                std::vector<amount> all(packed_shares::most_gpus, 0);
                for (gpu_mask rest = node.healthy; rest != 0; rest &= rest - 1) {
                    all[lowest_gpu(rest)] = node.free_share(lowest_gpu(rest));
                }
                return all;
            };
            REQUIRE(unpacked(packed) == shares());
            const demand_view demand = work.demand(shape_index{below(g, work.shape_count())});
            if (!books.fits(demand, n)) continue;
            slot where{n, 0};
            for (gpu_mask rest = demand.gpus > 0 ? books.fitting_gpus(demand, n) : 0;
                 gpu_count(where.gpus) < demand.gpus; rest &= rest - 1) {
                where.gpus |= rest & (~rest + 1);
            }
            books.place(demand, where);
            if (demand.gpus > 0) packed.take(demand.gpu[0], where.gpus);
            REQUIRE(unpacked(packed) == shares());
        }
    }
}

TEST_CASE("shares that 16 bits do not hold, and nodes with more than 8 GPUs, are not packed") {
    const auto packs = [](const std::vector<amount>& shares) {
        const auto machines = hand_fleet({{shares, 0, 0}});
        const ledger books{machines};
        packed_shares packed;
        return packed.pack(books.node(node_index{0}));
    };
    CHECK(packs({}));
    CHECK(packs({0, 65'535}));
    CHECK(!packs({0, 65'536}));
    CHECK(packs(std::vector<amount>(8, 1000)));
    CHECK(!packs(std::vector<amount>(9, 1000)));
    // Reality may leave less than nothing.
    const auto machines = hand_fleet({{{1000}, 0, 0}});
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 600}});
    ledger books{machines};
    REQUIRE(books.occupy(work.demand(shape_index{0}), {node_index{0}, 1}));
    REQUIRE(books.occupy(work.demand(shape_index{0}), {node_index{0}, 1}));
    packed_shares packed;
    CHECK(!packed.pack(books.node(node_index{0})));
}

TEST_CASE("the value that is found is that of the state") {
    const auto value_of = [](const packed_shares& shares, std::uint64_t first, std::uint64_t second) {
        return static_cast<double>(shares.low % 1009 + 3 * (shares.high % 1013) + 7 * first + 11 * second);
    };
    fragmentation_memo<double> memo{4};
    xoshiro256 g{2};
    std::size_t made = 0;
    constexpr int asked = 4000;
    for (int i = 0; i < asked; ++i) {
        // Few states, so that most recur, and more than there is room for.
        const packed_shares shares{below(g, 3) << 16U, below(g, 3)};
        const std::uint64_t first = below(g, 3);
        const std::uint64_t second = below(g, 2) == 0 ? 0 : ~std::uint64_t{0};
        const double found = memo.find(shares, first, second, [&] {
            ++made;
            return value_of(shares, first, second);
        });
        REQUIRE(found == value_of(shares, first, second));
    }
    CHECK(made < asked);
    CHECK(made > 0);
}
