// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/defragment/detail/nearby_tasks.hpp"

#include "berth/balance/defragment/detail/occupied_fleet.hpp"

#include "balance/defragment/tight_fleets.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

using namespace berth;
using berth::detail::nearby_tasks;
using berth::detail::occupied_fleet;
using berth_test::fleet_shape;
using berth_test::make_tight;
using berth_test::tight_fleet;

namespace {

/// The definition: the tasks of the node, then those of the other nodes of each domain that is short.
std::vector<task_index> nearby_by_force(const occupied_fleet& fleet, const demand_view& demand, node_index n,
                                        const std::vector<std::uint8_t>& absent) {
    std::vector<node_index> nodes{n};
    for (const domain_index d : fleet.machines().domains(n)) {
        bool lacks = false;
        for (std::size_t r = 0; r < demand.domain.size(); ++r)
            lacks = lacks || fleet.ledger().free(d)[r] < demand.domain[r];
        if (!lacks) continue;
        for (const node_index m : fleet.machines().nodes_in(d)) {
            if (std::find(nodes.begin(), nodes.end(), m) == nodes.end()) nodes.push_back(m);
        }
    }
    std::vector<task_index> tasks;
    for (const node_index m : nodes) {
        for (const task_index t : fleet.tasks_on(m)) {
            if (absent.empty() || absent[t.value()] == 0) tasks.push_back(t);
        }
    }
    return tasks;
}

}  // namespace

TEST_CASE("nearby_tasks: random fleets, compared with the definition") {
    std::size_t from_domains = 0;
    std::size_t in_groups = 0;
    for (std::uint64_t seed = 1; seed <= 120; ++seed) {
        CAPTURE(seed);
        const tight_fleet f = make_tight(seed, {.nodes = 6, .gpus = 2, .domains = seed % 2 == 0});
        occupied_fleet fleet{f.problem()};
        for (std::size_t t = 0; t < f.initial.size(); ++t) {
            if (f.initial[t].placed()) REQUIRE(fleet.add(task_index{t}, f.initial[t]));
        }
        std::vector<std::uint8_t> absent(seed % 3 == 0 ? f.initial.size() : 0, 0);
        for (std::size_t t = 0; t < absent.size(); t += 4) absent[t] = 1;
        for (const bool interchangeable : {false, true}) {
            nearby_tasks nearby{f.machines.node_count(), interchangeable};
            for (std::size_t i = 0; i < f.machines.node_count(); ++i) {
                const node_index n{i};
                const demand_view demand = f.work.demand(f.waiting);
                nearby.collect(demand, n, fleet, absent);
                const auto expected = nearby_by_force(fleet, demand, n, absent);
                REQUIRE(nearby.size() == expected.size());
                from_domains += expected.size() > fleet.tasks_on(n).size() ? 1 : 0;
                for (std::size_t a = 0; a < expected.size(); ++a) {
                    CHECK(nearby[a] == expected[a]);
                    std::size_t rank = 0;
                    std::size_t first = a;
                    for (std::size_t b = 0; b < a; ++b) {
                        const bool same = interchangeable && f.work.shape(expected[a]) == f.work.shape(expected[b]) &&
                                          fleet.where(expected[a]) == fleet.where(expected[b]);
                        if (same && rank++ == 0) first = b;
                        CHECK(nearby.alike(a, b) == (same ? 1 : 0));
                    }
                    CHECK(nearby.rank(a) == rank);
                    CHECK(nearby.first_alike(a) == first);
                    in_groups += rank > 0 ? 1 : 0;
                }
            }
        }
    }
    CHECK(from_domains > 20);
    CHECK(in_groups > 5);
}
