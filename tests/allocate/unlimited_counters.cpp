// SPDX-License-Identifier: Apache-2.0
// Counters without a limit stand in nobody's way, however much is taken together: gangs, terms, doors, orders of moves.
#include "berth/allocate/assignment/assignment_door.hpp"
#include "berth/allocate/greedy/cluster_placer.hpp"
#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/reassignment/reassignment_door.hpp"
#include "berth/migrate/order/migration_order.hpp"
#include "berth/model/cluster.hpp"
#include "berth/objective/objective.hpp"
#include "berth/objective/terms/capacity_excess.hpp"
#include "berth/testing/check_migration.hpp"

#include "common/small_cluster.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

using namespace berth;
using berth_test::gpus_of;
using berth_test::need;
using berth_test::node_spec;
using berth_test::on_node;

namespace {

constexpr std::size_t count = 12;

/// Two nodes with twelve GPUs each whose memory, CPU and power have no limit, and twelve tasks that each want half of
/// the largest amount, of power in any case.
struct without_limits {
    cluster c{{.gpu = {"share", "memory"}, .node = {"cpu"}, .domain = {"power"}}};
    std::vector<task_handle> tasks{};

    explicit without_limits(amount much = max_amount / 2) {
        (void)need(c.add_domain("rack", 0));
        for (const char* name : {"a", "b"}) {
            (void)need(c.join(*node_spec{.name = name, .gpus = gpus_of(count), .domains = {"rack"}}));
        }
        const amount gpu[] = {100, much};
        const amount cpu[] = {much};
        const amount half[] = {max_amount / 2};
        for (std::size_t i = 0; i < count; ++i) {
            tasks.push_back(need(c.admit({.gpu_demand = gpu, .node_demand = cpu, .domain_demand = half})));
        }
    }
    void run_on(std::size_t node) {
        for (std::size_t i = 0; i < count; ++i) REQUIRE(c.place(tasks[i], on_node(node, gpu_mask{1} << (i / 6))));
    }
};

}  // namespace

TEST_CASE("unlimited: a gang whose members want more together than a number could hold as a capacity") {
    without_limits f;
    REQUIRE(f.c.set_open(*f.c.find_node("b"), false));
    auto placer = greedy{}.start(f.c);
    const gang_placement found = placer.place_gang(f.tasks);
    CHECK(found.placed());
    berth_test::check_sound(f.c);
}

TEST_CASE("unlimited: no excess, and moves in one wave") {
    without_limits f;
    f.run_on(0);
    assignment wanted;
    for (std::size_t i = 0; i < count; ++i) wanted.push_back(on_node(1, gpu_mask{1} << (i / 6)));
    const objective goal{tier(capacity_excess{})};
    CHECK(goal.prepare(f.c.problem(), wanted).value()[0] == 0.0);
    const migration_plan plan = need(migration_order{uniform_migration{}}.run(f.c, wanted));
    CHECK(plan.dropped.empty());
    CHECK(plan.wave_count() == 1);
    CHECK(check_migration(f.c, wanted, plan));
}

TEST_CASE("unlimited: doors find no counter that could run out") {
    without_limits f;
    f.run_on(0);
    const auto cost = [](task_index, gpu_index) { return 1.0; };
    const auto door = to_assignment_problem(f.c.problem(), cost, f.c.slots());
    CHECK_MESSAGE(door.has_value(), (door ? "" : door.error().message));
    // A reassignment problem counts GPUs and nodes in 32 bits; the power of the rack is checked as it is.
    without_limits small{1000};
    small.run_on(0);
    const auto services = to_reassignment_problem(small.c.problem(), small.c.slots(), {});
    CHECK_MESSAGE(services.has_value(), (services ? "" : services.error().message));
}
