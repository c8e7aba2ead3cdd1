// SPDX-License-Identifier: Apache-2.0
#include "allocate/greedy/agreement.hpp"

using namespace berth;
using namespace berth_test;

TEST_CASE("index and scan agree: sums") {
    agrees_with_usual_selections(weighted_sum{weighted{0.4, best_fit{}}, weighted{0.6, fgd{}}});
}
TEST_CASE("index and scan agree: rescaled sums") {
    agrees_with_usual_selections(weighted_sum{weighted{0.1, rescaled{power_score{}}}, weighted{0.9, fgd{}}});
}
TEST_CASE("index and scan agree: a rescaled sum with a part that refuses") {
    agrees(weighted_sum{weighted{0.5, rescaled{choosy_score{}}}, weighted{0.5, rescaled{best_fit{}}}}, tightest_gpu{});
}
TEST_CASE("index and scan agree: a rescaled sum of task scope") {
    agrees(weighted_sum{weighted{0.5, rescaled{quiet_score}}, weighted{0.5, rescaled{best_fit{}}}}, tightest_gpu{});
}
TEST_CASE("index and scan agree: scarcity") {
    agrees(scarcity{}, best_scored_gpu{});
    agrees(scarcity{.reprice_after = 0.001}, tightest_gpu{});
    agrees(scarcity{.reprice_after = 0.3}, gpu_scored_by{fgd{}});
}
TEST_CASE("index and scan agree: tiers") { agrees_with_usual_selections(tiers{gpu_packing{}, worst_fit{}}); }
TEST_CASE("index and scan agree: tiers with one of task scope") {
    agrees(tiers{gpu_packing{}, random_score{4}}, tightest_gpu{});
}
TEST_CASE("index and scan agree: scarcity in tiers and sums") {
    agrees(tiers{unsigned_score{}, scarcity{.reprice_after = 0.001}}, best_scored_gpu{});
    agrees(tiers{scarcity{.reprice_after = 0.01}, best_fit{}}, gpu_scored_by{scarcity{}});
    agrees(weighted_sum{weighted{0.7, scarcity{.reprice_after = 0.001}}, weighted{-9.0, worst_fit{}}}, tightest_gpu{});
}
TEST_CASE("index and scan agree: prices and ranges in one sum, sums in tiers in tiers") {
    // Both reasons to combine again at once: a price that changed, a range that did.
    const weighted_sum both{weighted{3.0, scarcity{.reprice_after = 0.001}}, weighted{5.0, rescaled{power_score{}}}};
    agrees(both, best_scored_gpu{});
    agrees(tiers{gpu_packing{}, tiers{both, quiet_score}}, tightest_gpu{});
    agrees(tiers{weighted_sum{weighted{0.5, rescaled{best_fit{}}}, weighted{0.5, rescaled{fgd{}}}}, gpu_clustering{}},
           gpu_scored_by{both});
}
