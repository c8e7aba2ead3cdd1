// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/order/costs/stop_and_copy.hpp"

#include "migrate/bare_gpus.hpp"

#include <doctest/doctest.h>

#include <string>

using berth::node_index;
using berth::slot;
using berth::stop_and_copy;
using berth::task_index;
using berth::task_move;

namespace {

const slot first{node_index{0}, 1};
const slot second{node_index{1}, 1};

}  // namespace

static_assert(!berth::migration_cost_model<std::string>);

TEST_CASE("stop and copy: 80 GB by hand, and the published ends of the measured range") {
    const berth_test::bare_gpus in{2, 400, {80, 56, 290}};
    const stop_and_copy<> model{};
    const auto whole = model(in.problem(), {task_index{0}, first, second});
    CHECK(whole.downtime == doctest::Approx(48.0 + 80 / 0.53 + 80 / 12.0 + 47.0 + 80 / 3.85));
    CHECK(whole.duration == whole.downtime);
    CHECK(whole.bytes == 80'000'000'000);
    // Saving alone, as measured: 154 s for 56 GB, 596 s for 290 GB; restoring alone: 60 s and 122 s.
    CHECK(model(in.problem(), {task_index{1}, first, berth::unplaced}).downtime == doctest::Approx(154).epsilon(0.01));
    CHECK(model(in.problem(), {task_index{2}, first, berth::unplaced}).downtime == doctest::Approx(596).epsilon(0.01));
    const stop_and_copy<> free_link{.link = {.between_nodes = 1e30}};
    CHECK(free_link(in.problem(), {task_index{1}, berth::unplaced, first}).downtime ==
          doctest::Approx(60).epsilon(0.03));
    CHECK(free_link(in.problem(), {task_index{2}, berth::unplaced, first}).downtime ==
          doctest::Approx(122).epsilon(0.01));
}

TEST_CASE("stop and copy: within a node nothing crosses a link, and overlapped stages count once") {
    const berth_test::bare_gpus in{2, 80, {80}, 2};
    const task_move within{task_index{0}, {node_index{0}, 1}, {node_index{0}, 2}};
    stop_and_copy<> model{.speed = {1.0, 4e9, 2.0, 8e9}};
    CHECK(model(in.problem(), within).downtime == doctest::Approx(1.0 + 20.0 + 2.0 + 10.0));
    model.overlapped = true;
    CHECK(model(in.problem(), within).downtime == doctest::Approx(1.0 + 2.0 + 20.0));
    const berth_test::bare_gpus apart{2, 80, {80}};
    model.link.between_nodes = 2e9;
    CHECK(model(apart.problem(), {task_index{0}, first, second}).downtime == doctest::Approx(1.0 + 2.0 + 40.0));
}

TEST_CASE("stop and copy: droppable bytes do not travel and take time to come back") {
    const berth_test::bare_gpus in{2, 80, {80}};
    const stop_and_copy<> model{.speed = {0.0, 1e9, 0.0, 1e9},
                                .rewarm_bandwidth = 10e9,
                                .link = {.between_nodes = 2e9},
                                .droppable = {.part = 0.75}};
    const auto cost = model(in.problem(), {task_index{0}, first, second});
    CHECK(cost.bytes == 20'000'000'000);
    CHECK(cost.downtime == doctest::Approx(20.0 + 10.0 + 20.0 + 6.0));
    // Never more than there is.
    const stop_and_copy<> all{.speed = {3.0, 1e9, 4.0, 1e9}, .droppable = {.constant = 1e15}};
    CHECK(all(in.problem(), {task_index{0}, first, second}).bytes == 0);
    CHECK(all(in.problem(), {task_index{0}, first, second}).downtime == 7.0);
}

TEST_CASE("stop and copy: a lambda is a link, and the driver's toggle takes 16 seconds at 80 GB") {
    const berth_test::bare_gpus in{2, 80, {80}};
    const auto link = [](const berth::problem&, node_index from, node_index to) {
        return from.value() < to.value() ? 80e9 : 8e9;
    };
    const stop_and_copy<decltype(link)> model{.speed = berth::cuda_checkpoint_h100, .link = link};
    CHECK(model(in.problem(), {task_index{0}, first, second}).downtime == doctest::Approx(16.0 + 1.0 + 16.0));
    CHECK(model(in.problem(), {task_index{0}, second, first}).downtime == doctest::Approx(16.0 + 10.0 + 16.0));
}
