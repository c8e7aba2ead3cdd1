// SPDX-License-Identifier: Apache-2.0
#include "berth/core/index.hpp"

#include <doctest/doctest.h>

#include <type_traits>

using berth::basic_index;
using berth::gpu_index;
using berth::node_index;
using berth::task_index;

static_assert(!node_index{}.valid());
static_assert(node_index{0}.valid());
static_assert(node_index{7}.value() == 7);
static_assert(node_index{0xfffffffe}.valid());
static_assert(node_index{3} < node_index{4} && node_index{4} < node_index{});
static_assert(node_index{3} == node_index{3} && node_index{3} != node_index{4});
static_assert(sizeof(node_index) == 4);
static_assert(std::is_trivially_copyable_v<node_index>);

// An index of one table is not an index of another, and not a number.
static_assert(!std::is_convertible_v<gpu_index, node_index>);
static_assert(!std::is_constructible_v<gpu_index, node_index>);
static_assert(!std::is_convertible_v<std::size_t, task_index>);
static_assert(!std::is_convertible_v<task_index, std::size_t>);

template <class A, class B>
concept comparable = requires(A a, B b) { a == b; };
static_assert(comparable<task_index, task_index>);
static_assert(!comparable<task_index, node_index>);

namespace {
struct mine;
}

TEST_CASE("an index of a table of one's own") {
    const basic_index<mine> none;
    CHECK_FALSE(none.valid());
    CHECK(basic_index<mine>{12}.value() == 12);
    CHECK(none == basic_index<mine>{});
}
