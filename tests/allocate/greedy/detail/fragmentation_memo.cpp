// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/detail/fragmentation_memo.hpp"

#include "berth/core/random.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <utility>
#include <vector>

using namespace berth;
using namespace berth_test;
using berth::detail::fragmentation_memo;

TEST_CASE("the cached value of a state is the computed one") {
    fragmentation_memo empty;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        const auto [machines, work] = random_problem(seed);
        const expected_fragmentation fragmentation{problem{machines, work}, {}};
        const ledger ledger{machines};
        fragmentation_memo memo = empty;
        xoshiro256 g{seed};
        for (int i = 0; i < 2000; ++i) {
            const node_view node = ledger.node(node_index{below(g, machines.node_count())});
            share_profile shares{node};
            for (gpu_mask rest = node.healthy; rest != 0; rest &= rest - 1) {
                const amount left = node.free_share(lowest_gpu(rest));
                if (chance(g, 40)) shares.replace(left, left / 250 * static_cast<amount>(below(g, 4)) * 50);
            }
            // Few different states, so that most recur; CPU is part of the state.
            const amount cpu = static_cast<amount>(8'000 * below(g, 6) + below(g, 2));
            const auto expected = fragmentation(node, shares, cpu);
            for (int again = 0; again < 2; ++again) {
                const auto found = memo(fragmentation, node, shares, cpu);
                REQUIRE(found.fragmentation == expected.fragmentation);
                REQUIRE(found.usable == expected.usable);
            }
        }
    }
}
