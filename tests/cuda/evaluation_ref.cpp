// SPDX-License-Identifier: Apache-2.0
#include "berth/cuda/evaluation_ref.hpp"

#include "berth/allocate/assignment/batch/packed_problem.hpp"

#include "cuda/evaluation_cases.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

using namespace berth;
using namespace berth_test;

TEST_CASE("one thread with a ref agrees with the definition") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        const evaluation_case c{seed, 1 + seed * 3, 1 + seed, 5};
        const auto expected = plain_outcome(c);
        const auto packed = pack_assignments(c.problem());
        REQUIRE(packed);
        REQUIRE(packed->word_bits() == 32);
        const evaluation_ref<std::uint32_t> ref{packed->table<std::uint32_t>()};
        CHECK(ref.tasks() == c.tasks);
        CHECK(ref.gpus() == c.gpus);
        CHECK(ref.capacity(0) == c.capacities[0]);
        const auto genes = c.genes_as<std::uint16_t>();
        std::vector<std::uint32_t> loads(3 * c.gpus);
        for (std::size_t i = 0; i < c.individuals; ++i) {
            CHECK(ref.value_of(genes.data() + i * c.tasks, loads.data(), 3) == expected.measures[i].value);
            for (std::size_t g = 0; g < c.gpus; ++g) CHECK(amount{loads[3 * g]} == expected.loads[i * c.gpus + g]);
        }
        for (std::size_t g = 0; g < c.gpus; ++g) {
            CHECK(ref.load(0, g) == c.loads[g]);
            const double more = c.costs[g] - c.costs[0];
            CHECK(static_cast<double>(ref.cost(0, g)) - static_cast<double>(ref.cost(0, 0)) ==
                  more / packed->cost_unit());
        }
    }
}
