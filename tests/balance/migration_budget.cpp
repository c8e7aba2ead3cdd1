// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/migration_budget.hpp"

#include "balance/balance_fleets.hpp"

#include <doctest/doctest.h>

#include <vector>

using berth_test::at;

static_assert(!berth::move_budget<int>);

TEST_CASE("migration_budget: spends, refunds and begins anew") {
    const auto all = berth_test::make_instance({.nodes = 3, .gpus = 2}, std::vector<berth_test::small_task>(3));
    const berth::problem p{all.machines, all.tasks};
    const berth::assignment placement{at(0), at(0), at(0)};
    berth::projected_state now{p};
    REQUIRE(now.see({.placement = placement}));
    const berth::task_move there{berth::task_index{0}, at(0), at(1)};
    const berth::task_move back{berth::task_index{1}, at(1), at(0)};
    const berth::task_move inside{berth::task_index{2}, at(0, 1), at(0, 2)};
    const berth::migration_estimate e{.duration = 1.0, .downtime = 1.0, .bytes = 10};

    auto links = berth::migration_budget{.per_link = 1}.prepare(p);
    links.begin(now);
    CHECK(links.allows(there, e));
    links.spend(there, e);
    CHECK_FALSE(links.allows(back, e));  // either way
    CHECK(links.allows(inside, e));
    links.refund(there, e);
    CHECK(links.allows(back, e));
    links.spend(back, e);
    links.begin(now);
    CHECK(links.allows(there, e));

    auto nodes = berth::migration_budget{.per_node = 2}.prepare(p);
    nodes.begin(now);
    nodes.spend(inside, e);  // begins and ends on the same node: once
    CHECK(nodes.allows(there, e));
    nodes.spend(there, e);
    CHECK_FALSE(nodes.allows(back, e));

    auto bytes = berth::migration_budget{.bytes = 25}.prepare(p);
    bytes.begin(now);
    bytes.spend(there, e);
    CHECK(bytes.allows(back, e));
    bytes.spend(back, e);
    CHECK_FALSE(bytes.allows(inside, e));
    CHECK(bytes.allows(inside, {.bytes = 5}));
}
