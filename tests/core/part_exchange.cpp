// SPDX-License-Identifier: Apache-2.0
#include "berth/core/part_exchange.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

TEST_CASE("one_process holds every part and delivers each box") {
    berth::one_process here;
    CHECK(here.held(5) == berth::held_parts{0, 5});
    CHECK(here.held(5).holds(4));
    CHECK_FALSE(here.held(5).holds(5));
    const std::array<std::uint32_t, 4> to{2, 0, 3, 1};
    std::vector<berth::byte_box> boxes(4);
    for (std::size_t i = 0; i < 4; ++i) boxes[i].assign(i, std::byte{static_cast<unsigned char>(i)});
    here.send(4, to, boxes);
    for (std::size_t i = 0; i < 4; ++i) CHECK(boxes[to[i]].size() == i);
    std::array<int, 4> records{1, 2, 3, 4};
    berth::detail::share_records(here, std::span<int>{records});
    CHECK(records == std::array<int, 4>{1, 2, 3, 4});
}
