// SPDX-License-Identifier: Apache-2.0
// A placer on a cluster decides as one over the problem: on the openb trace, placement by placement.
#include "berth/allocate/greedy/cluster_placer.hpp"
#include "berth/allocate/greedy/scores/fgd.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/allocate/greedy/scores/scarcity.hpp"

#include "common/cluster_of.hpp"
#include "common/instances.hpp"
#include "support/openb.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>

using namespace berth;
using namespace berth_test;

TEST_CASE_TEMPLATE("openb, default order, seed 42: with the known mix as the prior", Score, best_fit, fgd, scarcity) {
    const std::string folder = BERTH_OPENB_DIR;
    const auto nodes = need(bench::read_openb_nodes(folder + "/openb_node_list_gpu_node.csv"));
    const auto pods = need(bench::read_openb_pods(folder + "/openb_pod_list_default.csv"));
    const auto order =
        need(bench::read_order(folder + "/orders/order_default_42.txt", pods.pods.size(), nodes.nodes.size()));
    const auto e = need(bench::make_experiment(nodes, pods, order));
    cluster living{e.fleet->schema()};
    join_all(living, *e.fleet);
    const greedy policy{Score{}, best_scored_gpu{}, priority_order{e.priorities}};
    auto batch = policy.start(e.problem());
    auto live = policy.start(living, cluster_placer_options{.learn = false}, &*e.workload);
    REQUIRE(live.mix_known());
    for (std::size_t i = 0; i < e.arrivals.size(); i += 3) {
        CAPTURE(i);
        REQUIRE(live.place(admit_copy(living, *e.workload, e.arrivals[i])) == batch.place(e.arrivals[i]));
    }
    CHECK(live.preparations() == 1);
    for (std::size_t n = 0; n < e.fleet->node_count(); ++n) {
        const auto free = living.ledger().free(node_index{n});
        REQUIRE(std::equal(free.begin(), free.end(), batch.ledger().free(node_index{n}).begin()));
    }
}
