// SPDX-License-Identifier: Apache-2.0
#include "berth/core/handle.hpp"

#include <doctest/doctest.h>

#include <type_traits>

using berth::node_handle;
using berth::task_handle;

TEST_CASE("handle: a default-constructed one names nothing") {
    constexpr task_handle none;
    CHECK_FALSE(none.valid());
    CHECK(none == task_handle{});
    CHECK(task_handle{0, 1}.valid());
    CHECK(none != task_handle{0, 1});
}

TEST_CASE("handle: equal for the same occupant of the same position") {
    constexpr node_handle first{3, 1};
    CHECK(first.position() == 3);
    CHECK(first.generation() == 1);
    CHECK(first == node_handle{3, 1});
    CHECK(first != node_handle{3, 2});
    CHECK(first < node_handle{3, 2});
    CHECK(node_handle{3, 9} < node_handle{4, 1});
}

TEST_CASE("handle: of one table is no handle of another") {
    static_assert(!std::is_convertible_v<task_handle, node_handle>);
    static_assert(std::is_trivially_copyable_v<task_handle> && sizeof(task_handle) == 8);
}
