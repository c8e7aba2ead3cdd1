// SPDX-License-Identifier: Apache-2.0
#include "berth/core/byte_box.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <limits>
#include <span>

TEST_CASE("byte_box: values come back in the order in which they were put") {
    berth::byte_box box;
    berth::byte_writer out{box};
    const std::array<std::uint16_t, 3> some{7, 8, 9};
    out.put(std::uint64_t{5});
    out.put_all(std::span<const std::uint16_t>{some});
    out.put_all(std::span<const std::uint16_t>{});
    out.put(2.5);
    CHECK(box.size() == 8 + 6 + 8);
    berth::byte_reader in{box};
    CHECK(in.has(22, 1));
    CHECK_FALSE(in.has(23, 1));
    CHECK_FALSE(in.has(std::numeric_limits<std::uint64_t>::max(), 8));
    CHECK(in.get<std::uint64_t>() == 5);
    std::array<std::uint16_t, 3> read{};
    in.get_all(std::span<std::uint16_t>{read});
    CHECK(read == some);
    CHECK_FALSE(in.finished());
    CHECK(in.get<double>() == 2.5);
    CHECK(in.finished());
}

TEST_CASE("byte_box: past the end there are zeros, and the reader says so") {
    berth::byte_box box;
    berth::byte_writer{box}.put(std::uint32_t{5});
    berth::byte_reader in{box};
    CHECK(in.get<std::uint64_t>() == 0);
    CHECK_FALSE(in.complete());
    std::array<std::uint16_t, 2> kept{3, 4};
    in.get_all(std::span<std::uint16_t>{kept});
    CHECK(kept == std::array<std::uint16_t, 2>{3, 4});
    CHECK_FALSE(in.finished());
}
