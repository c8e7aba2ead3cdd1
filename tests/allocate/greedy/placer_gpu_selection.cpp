// SPDX-License-Identifier: Apache-2.0
#include "allocate/greedy/agreement.hpp"

using namespace berth;
using namespace berth_test;

TEST_CASE("index and scan agree: first_gpu and loosest_gpu") {
    agrees_with_all_usual_scores(first_gpu{});
    agrees(fgd{}, loosest_gpu{});
}
TEST_CASE("index and scan agree: gpu_scored_by a score of the node") {
    agrees_with_all_usual_scores(gpu_scored_by{fgd{}});
    agrees(weighted_sum{weighted{0.1, rescaled{power_score{}}}, weighted{0.9, fgd{}}}, gpu_scored_by{fgd{}});
}
TEST_CASE("index and scan agree: gpu_scored_by a score of the task") {
    const auto fancy = [](const candidate& c) {
        return static_cast<double>((c.task.value() * 5 + lowest_gpu(c.gpus) * 3) % 7);
    };
    agrees_with_all_usual_scores(gpu_scored_by{fancy});
}
TEST_CASE("index and scan agree: a user's rule that looks at the node's number") {
    agrees_with_all_usual_scores(alternating);
}
TEST_CASE("index and scan agree: users' scores") {
    agrees(quiet_score, tightest_gpu{});
    agrees(random_score{5}, random_gpu{6});
    agrees(choosy_score{}, tightest_gpu{});
    agrees(choosy_score{}, best_scored_gpu{});
    agrees(unsigned_score{}, tightest_gpu{});
}
