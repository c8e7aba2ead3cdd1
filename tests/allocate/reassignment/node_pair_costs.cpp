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

TEST_CASE("malformed rows are refused and not added") {
    const std::vector<std::uint32_t> right{1, 2, 3};
    const auto refusal = [](node_pair_costs& costs) {
        costs.finish();
        const auto valid = costs.validate();
        REQUIRE_FALSE(valid.has_value());
        return valid.error().message;
    };
    node_pair_costs short_row{3};
    short_row.add_row(right);
    short_row.add_row(std::vector<std::uint32_t>{1, 2});
    short_row.add_row(right);
    CHECK(refusal(short_row) == "pair costs: row 1 has 2 costs, expected 3");
    CHECK_FALSE(short_row.finished());
    node_pair_costs long_row{3};
    long_row.add_row(std::vector<std::uint32_t>(7, 1));
    CHECK(refusal(long_row) == "pair costs: row 0 has 7 costs, expected 3");
    node_pair_costs few{3};
    few.add_row(right);
    CHECK(refusal(few) == "pair costs: they are not finished, there are 1 rows, expected 3");
    node_pair_costs many{3};
    for (int i = 0; i < 4; ++i) many.add_row(right);
    CHECK(refusal(many) == "pair costs: more rows than the 3 nodes");
    node_pair_costs twice{3};
    for (int i = 0; i < 3; ++i) twice.add_row(right);
    CHECK_FALSE(twice.validate().has_value());
    twice.finish();
    twice.finish();
    CHECK(twice.validate().has_value());
    CHECK(twice(node_index{2}, node_index{1}) == 2);
}

TEST_CASE("no nodes no costs") {
    node_pair_costs costs{0};
    costs.finish();
    CHECK(costs.node_count() == 0);
    CHECK(costs.largest() == 0);
    CHECK(node_pair_costs{}.node_count() == 0);
}

TEST_CASE("node pair costs: none") {
    const berth::node_pair_costs costs = berth::node_pair_costs::none(3);
    CHECK(costs.finished());
    CHECK(costs.validate().has_value());
    CHECK(costs.node_count() == 3);
    CHECK(costs.largest() == 0);
    CHECK(costs(berth::node_index{2}, berth::node_index{0}) == 0);
    CHECK(berth::node_pair_costs::none(0).finished());
}
