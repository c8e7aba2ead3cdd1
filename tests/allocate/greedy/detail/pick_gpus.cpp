// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/detail/pick_gpus.hpp"

#include "berth/objective/measures/share_profile.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <cstddef>

using namespace berth;
using namespace berth_test;

TEST_CASE("has_exactly equals counting") {
    xoshiro256 g{1};
    for (int i = 0; i < 2000; ++i) {
        gpu_mask gpus = 0;
        for (std::size_t k = below(g, 9); k > 0; --k) gpus |= gpu_mask{1} << below(g, 64);
        for (std::size_t wanted = 0; wanted < 10; ++wanted) {
            REQUIRE(detail::has_exactly(gpus, wanted) == (gpu_count(gpus) == wanted));
        }
    }
    CHECK(detail::has_exactly(~gpu_mask{0}, 64));
    CHECK_FALSE(detail::has_exactly(~gpu_mask{0}, 63));
}

TEST_CASE("picked GPUs come first by their free share, ties to the lowest position") {
    const auto machines = hand_fleet({{.shares = {500, 200, 200, 900}}});
    const ledger ledger{machines};
    const auto pick = [&](std::size_t wanted, gpu_mask fitting) {
        const demand_view demand{.gpu = {}, .node = {}, .domain = {}, .gpus = wanted};
        return detail::pick_gpus(ledger.node(node_index{0}), demand, fitting, detail::less_room{});
    };
    CHECK(pick(1, 0b1111) == 0b0010);
    CHECK(pick(2, 0b1111) == 0b0110);
    CHECK(pick(3, 0b1111) == 0b0111);
    CHECK(pick(1, 0b1001) == 0b0001);
    CHECK(pick(2, 0b1001) == 0b1001);
}

TEST_CASE("the best GPU by shares: equal GPUs are evaluated once, a later one wins by more than the margin only") {
    const auto machines = hand_fleet({{.shares = {600, 600, 900}}});
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 100}});
    const ledger ledger{machines};
    const candidate c = candidate_for(ledger, work, 0, 0, 0);
    const share_profile shares{c.node};
    std::size_t evaluated = 0;
    const auto value = [&](const share_profile& after, gpu_mask) {
        ++evaluated;
        return static_cast<double>(after.below(1));  // 500 if a small GPU takes the task, 600 if the large one does
    };
    CHECK(detail::best_gpu_by_shares(c, 0b111, shares, 0.0, value).gpus == 0b100);
    CHECK(evaluated == 2);
    CHECK(detail::best_gpu_by_shares(c, 0b111, shares, 100.0, value).gpus == 0b001);
    CHECK(detail::best_gpu_by_shares(c, 0b110, shares, 100.0, value).gpus == 0b010);
}
