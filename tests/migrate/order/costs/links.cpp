// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/order/costs/links.hpp"

#include "migrate/bare_gpus.hpp"

#include <doctest/doctest.h>

using berth::node_index;

static_assert(!berth::link_bandwidth<int>);
static_assert(!berth::task_quantity<berth::uniform_link>);

TEST_CASE("links: uniform between nodes and within one") {
    const berth_test::bare_gpus in{2, 80, {10}};
    const berth::uniform_link link{};
    CHECK(link(in.problem(), node_index{0}, node_index{1}) == 12e9);
    CHECK(link(in.problem(), node_index{1}, node_index{1}) == 50e9);
    CHECK(link(in.problem(), node_index{}, node_index{}) == 12e9);
}

TEST_CASE("links: the narrowest of source, link and target, and a share of it") {
    const berth_test::bare_gpus in{2, 80, {10}};
    const berth::node_links links{.out = {20e9, 60e9}, .in = {10e9, 60e9}, .link = 48e9, .share = 0.5};
    CHECK(links(in.problem(), node_index{0}, node_index{1}) == 10e9);  // out of node 0
    CHECK(links(in.problem(), node_index{1}, node_index{0}) == 5e9);   // into node 0
    CHECK(links(in.problem(), node_index{1}, node_index{1}) == 24e9);  // the link
    CHECK(links(in.problem(), node_index{}, node_index{0}) == 5e9);
}

TEST_CASE("links: a part of the state") {
    const berth_test::bare_gpus in{1, 80, {10}};
    CHECK(berth::part_of_state{.part = 0.25, .constant = 1e9}(in.problem(), berth::task_index{0}) == 3.5e9);
    CHECK(berth::part_of_state{}(in.problem(), berth::task_index{0}) == 0.0);
}
