// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/migration_budget.hpp"

#include "berth/core/random.hpp"

#include "balance/balance_fleets.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

using berth_test::at;
using berth_test::below;

static_assert(!berth::move_budget<int>);

TEST_CASE("migration_budget: spends, refunds and begins anew") {
    const auto all = berth_test::make_instance({.nodes = 3, .gpus = 2}, std::vector<berth_test::small_task>(3));
    const berth::problem p{all.machines, all.tasks};
    const berth::assignment placement{at(0), at(0), at(0)};
    berth::projected_state now{p};
    REQUIRE(now.update({.placement = placement}));
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

TEST_CASE("migration_budget: links are counted as a map counts them") {
    constexpr std::size_t nodes = 40;
    const auto all = berth_test::make_instance({.nodes = nodes}, std::vector<berth_test::small_task>(1));
    const berth::problem p{all.machines, all.tasks};
    const berth::assignment placement{at(0)};
    berth::projected_state now{p};
    REQUIRE(now.update({.placement = placement}));
    auto state = berth::migration_budget{.per_link = 3}.prepare(p);
    berth::xoshiro256 g{5};
    for (int round = 0; round < 4; ++round) {
        state.begin(now);
        std::map<std::pair<std::size_t, std::size_t>, std::size_t> used;
        std::vector<berth::task_move> spent;
        for (int i = 0; i < 2000; ++i) {
            if (!spent.empty() && berth_test::chance(g, 30)) {
                std::swap(spent[below(g, spent.size())], spent.back());
                const berth::task_move r = spent.back();
                spent.pop_back();
                state.refund(r, {});
                --used[std::minmax(r.from.node.value(), r.to.node.value())];
                continue;
            }
            const berth::task_move r{berth::task_index{0}, at(below(g, nodes)), at(below(g, nodes))};
            std::size_t& count = used[std::minmax(r.from.node.value(), r.to.node.value())];
            REQUIRE(state.allows(r, {}) == (r.from.node == r.to.node || count < 3));
            if (r.from.node == r.to.node || count >= 3) continue;
            ++count;
            state.spend(r, {});
            spent.push_back(r);
        }
    }
}
