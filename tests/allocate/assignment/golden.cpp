// SPDX-License-Identifier: Apache-2.0
// The published placements of the openb trace, one by one.
#include "common/golden.hpp"

#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fgd.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>

using namespace berth;
using namespace berth_test;

namespace {

template <class Score, class GpuSelection>
void equals_golden(const Score& score, const GpuSelection& devices, const std::string& file, std::size_t rejected) {
    const std::string folder = BERTH_OPENB_DIR;
    const auto nodes = need(bench::read_openb_nodes(folder + "/openb_node_list_gpu_node.csv"));
    const auto pods = need(bench::read_openb_pods(folder + "/openb_pod_list_default.csv"));
    const auto order =
        need(bench::read_order(folder + "/orders/order_default_42.txt", pods.pods.size(), nodes.nodes.size()));
    const auto e = need(bench::make_experiment(nodes, pods, order));
    const auto golden = golden_slots(e, folder + '/' + file);
    REQUIRE(golden.size() == 10'866);
    auto placer = greedy{score, devices, priority_order{e.priorities}}.start(e.problem());
    std::size_t left_out = 0;
    for (std::size_t i = 0; i < e.arrivals.size(); ++i) {
        CAPTURE(i);
        const slot where = placer.place(e.arrivals[i]);
        REQUIRE(where == golden[i]);
        left_out += where.placed() ? 0 : 1;
    }
    CHECK(left_out == rejected);
}

}  // namespace

TEST_CASE("FGD on the default trace, seed 42: every placement of the golden file") {
    equals_golden(fgd{}, best_scored_gpu{}, "golden_fgd_default_42.csv", 2532);
}

TEST_CASE("BestFit on the default trace, seed 42: every placement of the golden file") {
    equals_golden(best_fit{}, tightest_gpu{}, "golden_bestfit_default_42.csv", 2676);
}
