// SPDX-License-Identifier: Apache-2.0
#include "berth/core/index.hpp"

#include <doctest/doctest.h>

#include <cstddef>
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

// value() of an index that is not valid breaks an assertion, so that it is not even a constant.
template <class Index>
concept has_default_value = requires { typename std::integral_constant<std::size_t, Index{}.value()>; };
#ifndef NDEBUG
static_assert(!has_default_value<node_index>);
#endif
static_assert(noexcept(node_index{}.value()));

template <class A, class B>
concept comparable = requires(A a, B b) { a == b; };
static_assert(comparable<task_index, task_index>);
static_assert(!comparable<task_index, node_index>);

namespace {
struct mine;
}

TEST_CASE("an index of a user's own table") {
    const basic_index<mine> none;
    CHECK_FALSE(none.valid());
    CHECK(basic_index<mine>{12}.value() == 12);
    CHECK(none == basic_index<mine>{});
}

TEST_CASE("below: the range check that an index from outside needs") {
    static_assert(node_index{2}.below(3) && !node_index{3}.below(3));
    static_assert(!node_index{}.below(3) && !node_index{}.below(0xffffffff),
                  "an index that is not valid is below nothing");
    static_assert(!node_index{}.below(~std::size_t{0}) && !node_index{0}.below(0));
}
