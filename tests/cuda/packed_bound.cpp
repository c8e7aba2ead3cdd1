// SPDX-License-Identifier: Apache-2.0
#include "berth/cuda/packed_bound.hpp"

#include "berth/allocate/assignment/exact.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"

#include "allocate/assignment/gap_instances.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace rows = berth::detail::rows;

TEST_CASE("the bound of a packed problem equals that of its tables") {
    for (const char type : {'A', 'B', 'C', 'D', 'E'}) {
        for (const std::uint64_t seed : {1U, 2U}) {
            CAPTURE(type);
            CAPTURE(seed);
            const auto instance = berth_test::gap_of_type(type, 5 + 5 * seed, 100, seed);
            const auto wanted = bound_assignments(instance.problem());
            for (const bool narrow : {true, false}) {
                const auto packed = pack_assignments(instance.problem(), {.narrow_words = narrow});
                const auto found = bound_packed(*packed);
                CHECK(found.value == doctest::Approx(wanted.value).epsilon(2e-4));
                CHECK(found.rounded >= found.value);
                CHECK(std::abs(found.rounded - wanted.rounded) <= 1.0 + 2e-4 * wanted.value);
                CHECK(found.prices.size() == instance.gpus());
            }
        }
    }
}

TEST_CASE("both widths of words lead to the same bound bit for bit") {
    const auto instance = berth_test::gap_of_type('D', 7, 60, 4);
    const auto narrow = bound_packed(*pack_assignments(instance.problem()));
    const auto wide = bound_packed(*pack_assignments(instance.problem(), {.narrow_words = false}));
    CHECK(narrow.value == wide.value);
    CHECK(narrow.prices == wide.prices);
    CHECK(narrow.iterations == wide.iterations);
}

TEST_CASE("no feasible assignment costs less") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const auto instance = berth_test::gap_of_type('C', 3, 8, seed);
        const berth::priced_problem p{instance.problem()};
        const auto best = berth::exact{}.run(p, {}, {});
        if (!best.feasible()) continue;
        const auto bound = bound_packed(*pack_assignments(instance.problem()));
        CHECK(bound.value <= best.cost + 1e-9);
        CHECK(bound.rounded <= best.cost);
    }
}

TEST_CASE("the value follows from the prices") {
    // Worked out by hand: both tasks want GPU 0, which has room for one; a price of 2 makes them indifferent.
    const std::vector<double> costs{1, 3, 1, 3};
    const std::vector<berth::amount> loads{1, 1, 1, 1};
    const std::vector<berth::amount> capacities{1, 5};
    const berth::assignment_problem problem{2, berth::matrix_cost{{costs.data(), 2, 2}},
                                            berth::matrix_load{{loads.data(), 2, 2}},
                                            std::span<const berth::amount>{capacities}};
    const auto bound = bound_packed(*pack_assignments(problem));
    CHECK(bound.value == doctest::Approx(4.0).epsilon(1e-5));
    CHECK(bound.rounded == 4.0);
    CHECK(bound.prices[0] == doctest::Approx(2.0).epsilon(1e-3));
    CHECK(bound.prices[1] == 0.0);
}

TEST_CASE("units other than one") {
    const std::vector<double> costs{0.25, 0.75, -8.0, -7.5};
    const std::vector<berth::amount> loads{1, 1, 1, 1};
    const std::vector<berth::amount> capacities{1, 5};
    const berth::assignment_problem problem{2, berth::matrix_cost{{costs.data(), 2, 2}},
                                            berth::matrix_load{{loads.data(), 2, 2}},
                                            std::span<const berth::amount>{capacities}};
    const auto bound = bound_packed(*pack_assignments(problem));
    const auto wanted = bound_assignments(problem);
    CHECK(bound.value == doctest::Approx(wanted.value).epsilon(1e-4));
    CHECK(bound.rounded == bound.value);
}

TEST_CASE("a task that fits nowhere has an infinite bound") {
    const std::vector<double> costs{1, 3};
    const std::vector<berth::amount> loads{9, 9};
    const std::vector<berth::amount> capacities{1, 5};
    const berth::assignment_problem problem{1, berth::matrix_cost{{costs.data(), 1, 2}},
                                            berth::matrix_load{{loads.data(), 1, 2}},
                                            std::span<const berth::amount>{capacities}};
    const auto bound = bound_packed(*pack_assignments(problem));
    CHECK(bound.value == std::numeric_limits<double>::infinity());
    CHECK(bound.prices == std::vector<double>{0.0, 0.0});
}

TEST_CASE("no tasks") {
    berth_test::gap_instance none;
    none.capacities = {1, 5};
    CHECK(bound_packed(*pack_assignments(none.problem())).value == 0.0);
}

TEST_CASE("rows are surveyed and priced the same by any number of lanes") {
    const auto instance = berth_test::gap_of_type('E', 37, 10, 2);
    const auto packed = pack_assignments(instance.problem(), {.narrow_words = false});
    const auto table = packed->table<std::uint64_t>();
    const std::vector<double> prices(37, 0.7);
    const rows::priced_rows<rows::packed_pairs<std::uint64_t>> priced{
        {table.words, 37}, table.capacities, prices.data()};
    for (std::size_t t = 0; t < 10; ++t) {
        const auto one = rows::survey_row(table, t, 0, 1);
        const auto least = rows::lowest<rows::cheaper>(priced, t, 0, 1);
        rows::row_survey all;
        rows::priced_gpu cheapest;
        for (std::size_t lane = 32; lane-- > 0;) {
            all = rows::merge_surveys{}(all, rows::survey_row(table, t, lane, 32));
            cheapest = rows::cheaper{}(rows::lowest<rows::cheaper>(priced, t, lane, 32), cheapest);
        }
        CHECK(all.spread() == one.spread());
        CHECK(all.most == one.most);
        CHECK(all.fitting == one.fitting);
        CHECK(cheapest.gpu == least.gpu);
        CHECK(cheapest.reduced == least.reduced);
    }
}

TEST_CASE("counts of least costs never overflow") {
    const rows::cost_counting small = rows::counting_of({.most = 100}, 10);
    CHECK(small.scale == 0x1p30);
    CHECK(small(1.5) == 3U << 29U);
    CHECK(small(-0.0) == 0);
    const rows::cost_counting huge = rows::counting_of({.most = std::uint64_t{1} << 53U}, 1000);
    CHECK(huge.scale == 0x1p7);
    CHECK(huge(std::numeric_limits<double>::infinity()) <= (std::uint64_t{1} << 62U) / 1001);
}
