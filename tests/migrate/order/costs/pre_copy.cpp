// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/order/costs/pre_copy.hpp"

#include "berth/migrate/order/costs/restart.hpp"

#include "migrate/bare_gpus.hpp"

#include <doctest/doctest.h>

using berth::node_index;
using berth::pre_copy;
using berth::slot;
using berth::task_index;

namespace {

const slot first{node_index{0}, 1};
const slot second{node_index{1}, 1};

}  // namespace

TEST_CASE("pre-copy: three rounds by hand") {
    const berth_test::bare_gpus in{2, 80, {64}};
    // 64, 16, 4 GB while it runs; 1 GB is little enough.
    const pre_copy<> model{
        .switch_seconds = 0.5, .stop_below = 2e9, .link = {.between_nodes = 4e9}, .dirty_rate = {.constant = 1e9}};
    const auto cost = model(in.problem(), {task_index{0}, first, second});
    CHECK(cost.downtime == doctest::Approx(0.25 + 0.5));
    CHECK(cost.duration == doctest::Approx(16.0 + 4.0 + 1.0 + 0.25 + 0.5));
    CHECK(cost.bytes == 85'000'000'000);
}

TEST_CASE("pre-copy: rounds end it, and without rounds it stops at once") {
    const berth_test::bare_gpus in{2, 80, {64}};
    pre_copy<> model{.switch_seconds = 0.0,
                     .stop_below = 0.0,
                     .rounds = 1,
                     .link = {.between_nodes = 4e9},
                     .dirty_rate = {.constant = 1e9}};
    CHECK(model(in.problem(), {task_index{0}, first, second}).downtime == doctest::Approx(4.0));
    model.rounds = 0;
    CHECK(model(in.problem(), {task_index{0}, first, second}).downtime == doctest::Approx(16.0));
    model.dirty_rate.constant = 0.0;
    model.rounds = 30;
    CHECK(model(in.problem(), {task_index{0}, first, second}).downtime == 0.0);
}

TEST_CASE("pre-copy: uses the fallback when copies do not shrink, and where one end is host memory") {
    const berth_test::bare_gpus in{2, 80, {64}};
    pre_copy<> model{.link = {.between_nodes = 4e9}, .dirty_rate = {.constant = 4e9}};
    const berth::task_move r{task_index{0}, first, second};
    CHECK(model(in.problem(), r) == berth::stop_and_copy<>{}(in.problem(), r));
    model.dirty_rate.constant = 0.0;
    const berth::task_move park{task_index{0}, first, berth::unplaced};
    CHECK(model(in.problem(), park) == berth::stop_and_copy<>{}(in.problem(), park));
    const pre_copy<berth::uniform_link, berth::part_of_state, berth::restart<>> other{.dirty_rate = {.part = 1.0}};
    CHECK(other(in.problem(), r) == berth::restart<>{}(in.problem(), r));
}
