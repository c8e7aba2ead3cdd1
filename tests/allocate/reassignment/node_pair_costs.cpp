// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/reassignment/node_pair_costs.hpp"

#include "berth/core/random.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

using berth::node_index;
using berth::node_pair_costs;

namespace {

node_pair_costs made_of(const std::vector<std::vector<std::uint32_t>>& rows) {
    node_pair_costs costs{rows.size()};
    for (const auto& row : rows) costs.add_row(row);
    costs.finish();
    return costs;
}

void check_same(const node_pair_costs& costs, const std::vector<std::vector<std::uint32_t>>& rows) {
    std::uint32_t largest = 0;
    REQUIRE(costs.node_count() == rows.size());
    for (std::size_t from = 0; from < rows.size(); ++from) {
        for (std::size_t to = 0; to < rows.size(); ++to) {
            CHECK(costs(node_index{from}, node_index{to}) == rows[from][to]);
            largest = rows[from][to] > largest ? rows[from][to] : largest;
        }
    }
    CHECK(costs.largest() == largest);
}

}  // namespace

TEST_CASE("any matrix comes back as it was given") {
    berth::xoshiro256 random{7};
    for (std::size_t nodes = 1; nodes < 20; ++nodes) {
        for (const std::uint32_t values : {1U, 2U, 1000U}) {
            std::vector<std::vector<std::uint32_t>> rows(nodes, std::vector<std::uint32_t>(nodes));
            for (auto& row : rows) {
                for (auto& cost : row) cost = berth::bounded(random, values);
            }
            check_same(made_of(rows), rows);
        }
    }
}

TEST_CASE("costs by location are kept and may be asymmetric") {
    std::vector<std::vector<std::uint32_t>> rows(12, std::vector<std::uint32_t>(12));
    for (std::size_t from = 0; from < 12; ++from) {
        for (std::size_t to = 0; to < 12; ++to) {
            rows[from][to] = from / 3 == to / 3 ? 0 : static_cast<std::uint32_t>(1 + from / 3 * 4 + to / 3);
        }
    }
    check_same(made_of(rows), rows);
}

TEST_CASE("the largest of all numbers") { check_same(made_of({{~0U, 0}, {1, ~0U}}), {{~0U, 0}, {1, ~0U}}); }

TEST_CASE("no nodes no costs") {
    node_pair_costs costs{0};
    costs.finish();
    CHECK(costs.node_count() == 0);
    CHECK(costs.largest() == 0);
    CHECK(node_pair_costs{}.node_count() == 0);
}
