// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/order/detail/migration_estimates.hpp"

#include "balance/balance_fleets.hpp"

#include <doctest/doctest.h>

#include <vector>

using berth_test::at;

TEST_CASE("migration estimates: yield what the model yields, also a lambda") {
    const auto all = berth_test::make_instance({.nodes = 2}, std::vector<berth_test::small_task>(2));
    const berth::problem p{all.machines, all.tasks};
    const berth::task_move r{berth::task_index{1}, at(0), at(1)};
    const berth::uniform_migration uniform{.seconds = 3.0};
    CHECK(berth::detail::migration_estimates::of(uniform)(p, r) == uniform(p, r));
    const auto by_task = [](const berth::problem&, const berth::task_move& move) {
        return berth::migration_estimate{static_cast<double>(move.task.value()), 0.0, 0};
    };
    CHECK(berth::detail::migration_estimates::of(by_task)(p, r).duration == 1.0);
}
