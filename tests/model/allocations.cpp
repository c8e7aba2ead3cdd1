// SPDX-License-Identifier: Apache-2.0
#include "berth/model/ledger.hpp"

#include "common/counting_new.hpp"
#include "common/instances.hpp"

#include <doctest/doctest.h>

using berth_test::allocations_of;

TEST_CASE("ledger: does not allocate in steady state") {
    const auto in = berth_test::random_instance(7, 60);
    berth::ledger ledger{in.machines};
    std::size_t placed = 0;
    const auto round = [&] {
        ledger.checkpoint();
        for (std::size_t t = 0; t < in.tasks.task_count(); ++t) {
            const auto demand = in.tasks.demand(berth::task_index{t});
            ledger.checkpoint();
            for (std::size_t i = 0; i < in.machines.node_count(); ++i) {
                const berth::node_index n{i};
                if (!ledger.fits(demand, n)) continue;
                berth::gpu_mask rest = ledger.fitting_gpus(demand, n);
                berth::slot where{.node = n};
                for (std::size_t k = 0; k < demand.gpus; ++k, rest &= rest - 1) where.gpus |= rest & (~rest + 1);
                ledger.place(demand, where);
                ++placed;
                break;
            }
            ledger.commit();
        }
        ledger.rollback();
    };
    CHECK(allocations_of(round) > 0);
    CHECK(placed > 0);
    CHECK(allocations_of(round) == 0);
}
