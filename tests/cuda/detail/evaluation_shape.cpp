// SPDX-License-Identifier: Apache-2.0
#include "berth/cuda/detail/evaluation_shape.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

using namespace berth;
using namespace berth::detail::evaluation;

namespace {

// An H200.
constexpr device_limits h200{132, 227U << 10U, 228U << 10U, 50U << 20U, 1U << 30U};

constexpr problem_sizes table(std::size_t tasks, std::size_t gpus, std::size_t word = 4) {
    return {tasks, gpus, word, word, gpus, 0, 2, true};
}

void check_sound(const evaluation_shape& s, const problem_sizes& p, const device_limits& d) {
    CAPTURE(p.tasks);
    CAPTURE(p.gpus);
    CHECK(s.individuals >= 1);
    CHECK(std::has_single_bit(s.parts));
    CHECK(s.threads() <= evaluation_threads);
    CHECK(s.threads() % 32 == 0);
    const bool lanes = s.layout == evaluation_layout::few_gpus;
    CHECK((1U << s.minor_bits) == (lanes ? s.individuals : s.parts));
    if (lanes) CHECK((1U << s.row_bits) == s.rows);
    CHECK(s.shared <= d.shared_per_block);
    CHECK(s.first_bytes >= s.threads() * sizeof(tally));
    if (s.loads_shared) CHECK(s.first_bytes >= s.individuals * p.gpus * p.word_bytes);
    CHECK((s.window > 0 || p.tasks == 0));
    CHECK(s.window <= p.tasks);
    if (s.layout == evaluation_layout::few_gpus) {
        CHECK(s.rows % 8 == 0);
        CHECK(s.loads_shared);
        CHECK(!s.carries(p));
    }
}

}  // namespace

TEST_CASE("the layout follows the size") {
    const auto few = shape_for(table(1000, 100), 8192, h200);
    CHECK(few.layout == evaluation_layout::few_gpus);
    CHECK(few.individuals == 64);
    CHECK(few.threads() == 1024);
    const auto many = shape_for(table(10'000, 1000), 8192, h200);
    CHECK(many.layout == evaluation_layout::large_table);  // 40 MB of 50 leave no room for genes
    CHECK(many.loads_shared);
    CHECK(shape_for(table(5000, 1000), 8192, h200).layout == evaluation_layout::many_gpus);
    const auto beyond = shape_for(table(100, 65'535), 8192, h200);
    CHECK(!beyond.loads_shared);
    CHECK(beyond.carries(table(100, 65'535)));
    const auto huge = shape_for(table(100'000, 100'000), 8192, h200);
    CHECK(huge.layout == evaluation_layout::large_table);
    CHECK(huge.window == 65);  // 26 MB of rows of 400 kB
    CHECK(huge.at_once == (std::size_t{1} << 30U) / 400'000);
}

TEST_CASE("few individuals get smaller blocks so that no multiprocessor idles") {
    CHECK(shape_for(table(1000, 100), 100'000, h200).individuals == 128);
    CHECK(shape_for(table(1000, 100), 8192, h200).individuals == 64);
    CHECK(shape_for(table(1000, 100), 100, h200).individuals == 32);
}

TEST_CASE("features need no table and no window") {
    const problem_sizes features{10'000, 1000, 4, 4, 8, 9000, 2, false};
    CHECK(shape_for(features, 8192, h200).layout == evaluation_layout::few_gpus);
    const problem_sizes wide{100'000, 100'000, 4, 4, 8, 900'000, 2, false};
    CHECK(shape_for(wide, 8192, h200).layout == evaluation_layout::many_gpus);
}

TEST_CASE("shapes are sound on any device") {
    for (const device_limits& d : {h200, device_limits{108, 163U << 10U, 164U << 10U, 40U << 20U, 1U << 30U},
                                   device_limits{20, 99U << 10U, 100U << 10U, 24U << 20U, 1U << 28U}}) {
        for (const std::size_t gpus : {1U, 2U, 31U, 100U, 255U, 512U, 1000U, 5000U, 20'000U, 65'535U, 200'000U}) {
            for (const std::size_t tasks : {0U, 1U, 7U, 1000U, 100'000U}) {
                for (const std::size_t population : {1U, 33U, 8192U, 1'000'000U}) {
                    check_sound(shape_for(table(tasks, gpus), population, d), table(tasks, gpus), d);
                    check_sound(shape_for(table(tasks, gpus, 8), population, d), table(tasks, gpus, 8), d);
                }
            }
        }
    }
}

TEST_CASE("tallies merge in any order") {
    tally a;
    tally b;
    tally all;
    a.see(5, 3);
    b.see(7, 9);
    b.see(1, 0);
    for (const auto& [load, capacity] : {std::pair<std::uint64_t, amount>{1, 0}, {7, 9}, {5, 3}})
        all.see(load, capacity);
    b.merge(a);
    CHECK(b.excess == 3);
    CHECK(b.total == 13);
    CHECK(b.squares == 75);
    CHECK(b.most == 7);
    CHECK(b.least == 1);
    CHECK(b.excess == all.excess);
    CHECK(b.squares == all.squares);
}
