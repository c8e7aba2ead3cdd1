// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/order/detail/move_table.hpp"

#include "berth/model/ledger.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>

using berth::detail::counter_numbers;
using berth::detail::counter_touch;
using berth::detail::move_table;

TEST_CASE("move table: the counters of a slot are those that the ledger changes") {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        CAPTURE(seed);
        const auto in = berth_test::random_instance(seed, 20);
        const counter_numbers numbers{in.machines};
        const auto capacities = numbers.capacities();
        REQUIRE(capacities.size() == numbers.count());
        for (std::size_t t = 0; t < in.tasks.task_count(); ++t) {
            const auto demand = in.tasks.demand(berth::task_index{t});
            berth::ledger ledger{in.machines};
            for (std::size_t n = 0; n < in.machines.node_count(); ++n) {
                const berth::node_index node{n};
                if (!ledger.fits(demand, node)) continue;
                berth::slot where{node, 0};
                berth::gpu_mask rest = demand.gpus == 0 ? 0 : ledger.fitting_gpus(demand, node);
                for (std::size_t k = 0; k < demand.gpus; ++k, rest &= rest - 1) where.gpus |= rest & (~rest + 1);
                ledger.place(demand, where);
                berth::detail::flat<counter_touch> touches;
                numbers.append(demand, where, touches);
                auto left = capacities;
                for (const counter_touch& touch : touches) left[touch.counter] -= touch.demand;
                for (std::size_t g = 0; g < in.machines.gpu_count(); ++g) {
                    const auto free = ledger.free(berth::gpu_index{g});
                    for (std::size_t r = 0; r < free.size(); ++r) {
                        REQUIRE(left[numbers.first(berth::gpu_index{g}) + r] == free[r]);
                    }
                }
                const auto of_node = ledger.free(node);
                for (std::size_t r = 0; r < of_node.size(); ++r) REQUIRE(left[numbers.first(node) + r] == of_node[r]);
                for (std::size_t d = 0; d < in.machines.domain_count(); ++d) {
                    const auto free = ledger.free(berth::domain_index{d});
                    for (std::size_t r = 0; r < free.size(); ++r) {
                        REQUIRE(left[numbers.first(berth::domain_index{d}) + r] == free[r]);
                    }
                }
                ledger.remove(demand, where);
            }
        }
    }
}

TEST_CASE("move table: two parts for each move") {
    move_table moves;
    moves.touches().push_back({0, 5});
    moves.end_part();
    moves.end_part();
    moves.end_part();
    moves.touches().push_back({1, 6});
    moves.touches().push_back({2, 7});
    moves.end_part();
    REQUIRE(moves.size() == 2);
    CHECK(moves.from(0).size() == 1);
    CHECK(moves.to(0).empty());
    CHECK(moves.from(1).empty());
    CHECK(moves.to(1)[1].demand == 7);
}
