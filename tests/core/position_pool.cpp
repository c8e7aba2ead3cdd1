// SPDX-License-Identifier: Apache-2.0
#include "berth/core/position_pool.hpp"

#include "berth/core/random.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

using berth::detail::position_pool;
using berth_test::below;

namespace {

/// The same with two plain arrays.
struct plain_positions {
    std::vector<bool> taken{};
    std::vector<std::uint32_t> generation{};

    [[nodiscard]] std::size_t next_vacant(std::size_t from) const {
        while (from < taken.size() && taken[from]) ++from;
        return from < taken.size() ? from : taken.size();
    }
};

void check_equal(const position_pool& pool, const plain_positions& plain) {
    REQUIRE(pool.size() == plain.taken.size());
    std::size_t taken = 0;
    for (std::size_t p = 0; p < plain.taken.size(); ++p) {
        REQUIRE(pool.is_taken(p) == plain.taken[p]);
        REQUIRE(pool.generation(p) == plain.generation[p]);
        REQUIRE(pool.has(p, plain.generation[p]) == plain.taken[p]);
        REQUIRE_FALSE(pool.has(p, plain.generation[p] + 1));
        taken += plain.taken[p] ? 1 : 0;
    }
    REQUIRE_FALSE(pool.is_taken(plain.taken.size()));
    REQUIRE(pool.taken() == taken);
}

}  // namespace

TEST_CASE("position_pool: the lowest vacant position is taken, with a new generation") {
    position_pool pool;
    CHECK(pool.lowest_vacant() == 0);
    CHECK(pool.next_vacant(0) == 0);
    for (std::size_t p = 0; p < 5; ++p) pool.take(pool.lowest_vacant());
    CHECK(pool.size() == 5);
    CHECK(pool.lowest_vacant() == 5);
    pool.vacate(3);
    pool.vacate(1);
    CHECK(pool.lowest_vacant() == 1);
    CHECK(pool.next_vacant(2) == 3);
    CHECK(pool.next_vacant(4) == 5);
    CHECK_FALSE(pool.has(1, 1));
    pool.take(1);
    CHECK(pool.has(1, 2));
    CHECK_FALSE(pool.has(1, 1));
    pool.undo_take(1);
    CHECK(pool.generation(1) == 1);
    CHECK(pool.lowest_vacant() == 1);
}

TEST_CASE("position_pool: positions of a table that is loaded") {
    position_pool pool;
    pool.extend(70);
    CHECK(pool.size() == 70);
    CHECK(pool.taken() == 0);
    CHECK(pool.generation(69) == 0);
    pool.set_generation(69, 6);
    pool.take(69);
    CHECK(pool.has(69, 7));
    CHECK(pool.lowest_vacant() == 0);
}

TEST_CASE("position_pool: equals plain arrays") {
    for (const std::size_t most : {1U, 63U, 64U, 65U, 300U, 5000U}) {
        CAPTURE(most);
        berth::xoshiro256 g{most};
        position_pool pool;
        plain_positions plain;
        for (std::size_t step = 0; step < 3 * most + 500; ++step) {
            // Fill, then empty, then whatever comes.
            const bool fill = step < most || (step > 2 * most && below(g, 2) == 0);
            const std::size_t p = below(g, plain.taken.size() + 1);
            if (fill) {
                const std::size_t at = below(g, 5) == 0 && p < plain.taken.size() && !plain.taken[p] ? p
                                       : below(g, 20) == 0 ? plain.taken.size()
                                                           : plain.next_vacant(0);
                if (below(g, 2) == 0) pool.reserve_one();
                pool.take(at);
                if (at == plain.taken.size()) {
                    plain.taken.push_back(false);
                    plain.generation.push_back(0);
                }
                plain.taken[at] = true;
                ++plain.generation[at];
            } else if (pool.is_taken(p)) {
                pool.vacate(p);
                plain.taken[p] = false;
            }
            REQUIRE(pool.lowest_vacant() == plain.next_vacant(0));
            const std::size_t from = below(g, plain.taken.size() + 2);
            REQUIRE(pool.next_vacant(from) == plain.next_vacant(from));
            if (step % (most / 4 + 1) == 0) check_equal(pool, plain);
        }
        check_equal(pool, plain);
    }
}
