// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/order/migration_cost.hpp"

#include "migrate/bare_gpus.hpp"

#include <doctest/doctest.h>

using berth::migration_estimate;
using berth::node_index;
using berth::task_index;

namespace {

constexpr auto of_bytes = [](const berth::problem& p, const berth::task_move& r) {
    const double seconds = static_cast<double>(p.workload().state_bytes(r.task)) / 1e9;
    return migration_estimate{seconds, seconds / 2.0, p.workload().state_bytes(r.task)};
};
struct wrong {
    double operator()(const berth::problem&, const berth::task_move&) const { return 0.0; }
};

}  // namespace

static_assert(berth::migration_cost_model<decltype(of_bytes)>, "a lambda is a cost model");
static_assert(!berth::migration_cost_model<wrong>, "seconds alone are no estimate");

TEST_CASE("migration cost: uniform, and a model of the user") {
    const berth_test::bare_gpus in{2, 80, {40}};
    const berth::task_move r{task_index{0}, {node_index{0}, 1}, {node_index{1}, 1}};
    CHECK(berth::uniform_migration{3.0}(in.problem(), r) == migration_estimate{3.0, 3.0, 40'000'000'000});
    CHECK(of_bytes(in.problem(), r) == migration_estimate{40.0, 20.0, 40'000'000'000});
}
