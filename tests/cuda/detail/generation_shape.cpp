// SPDX-License-Identifier: Apache-2.0
#include "berth/cuda/detail/generation_shape.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>

namespace ev = berth::detail::evolution;

namespace {

constexpr std::size_t kib = 1024;

template <class Word>
void check(std::size_t gpus, std::uint32_t population, std::size_t shared, std::size_t multiprocessors) {
    CAPTURE(gpus);
    CAPTURE(population);
    const auto shape = ev::shape_for<Word>(gpus, population, shared, multiprocessors);
    CHECK(shape.threads() == ev::generation_threads);
    CHECK(shape.slices >= 2);
    CHECK(shape.shared <= shared);
    CHECK(shape.blocks >= 1);
    if (shape.loads_shared) {
        CHECK(shape.shared >= gpus * shape.lanes * sizeof(Word));
        CHECK(std::size_t{shape.blocks} * shape.lanes >= population);
        CHECK(shape.scratch(gpus) == 0);
    } else {
        CHECK(shape.scratch(gpus) == std::size_t{shape.blocks} * shape.lanes * gpus);
        CHECK(shape.blocks <= 2 * multiprocessors);
    }
}

}  // namespace

TEST_CASE("shapes fit the device") {
    for (const std::size_t gpus : {0U, 1U, 100U, 1000U, 5000U, 65535U}) {
        for (const std::uint32_t population : {2U, 100U, 8192U, 1048576U}) {
            check<std::uint32_t>(gpus, population, 227 * kib, 132);
            check<std::uint64_t>(gpus, population, 227 * kib, 132);
            check<std::uint64_t>(gpus, population, 99 * kib, 46);
        }
    }
}

TEST_CASE("shapes of common devices and problems") {
    const auto few = ev::shape_for<std::uint32_t>(100, 8192, 227 * kib, 132);
    CHECK(few.lanes == 64);
    CHECK(few.blocks == 128);
    const auto small = ev::shape_for<std::uint32_t>(100, 1024, 227 * kib, 132);
    CHECK(small.lanes == 8);
    const auto many = ev::shape_for<std::uint32_t>(1000, 8192, 227 * kib, 132);
    CHECK(many.lanes == 32);
    CHECK(!ev::shape_for<std::uint32_t>(65535, 8192, 227 * kib, 132).loads_shared);
}
