// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/batch/packed_problem.hpp"

#include "berth/cost/pair_costs.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

/// Two tasks on two GPUs with these costs; loads are 1.
result<packed_problem> pack(const std::vector<double>& costs, packing_options options = {}, amount load = 1) {
    static const std::vector<amount> capacities{5, 5};
    const std::vector<amount> loads(costs.size(), load);
    const std::size_t tasks = costs.size() / 2;
    return pack_assignments(assignment_problem{tasks, matrix_cost{{costs.data(), tasks, 2}},
                                               matrix_load{{loads.data(), tasks, 2}}, capacities},
                            options);
}

std::string refusal_of(const result<packed_problem>& packed) {
    REQUIRE_FALSE(packed);
    return packed.error().message;
}

}  // namespace

TEST_CASE("a packed table by hand") {
    const packed_problem p = need(pack({10, 13, -4, 5}));
    CHECK(p.tasks() == 2);
    CHECK(p.gpus() == 2);
    CHECK(p.word_bits() == 32);
    CHECK(p.gene_bits() == 16);
    CHECK(p.cost_unit() == 1.0);
    CHECK(p.exact_costs());
    const auto table = p.table<std::uint32_t>();
    CHECK(table.base == 10 - 4);
    CHECK(table.words[0] == 1U);
    CHECK(table.words[1] == (3U << 16U | 1U));
    CHECK(table.words[3] == (9U << 16U | 1U));
    CHECK(table.capacities[1] == 5);
    const auto wide = need(pack({10, 13, -4, 5}, {.narrow_words = false}));
    CHECK(wide.word_bits() == 64);
    CHECK(wide.table<std::uint64_t>().words[3] == (std::uint64_t{9} << 32U | 1U));
}

TEST_CASE("the unit is the largest power of two that all costs are multiples of") {
    CHECK(need(pack({8, 24, -40, 0})).cost_unit() == 8.0);
    CHECK(need(pack({0.5, 0.75, 1, 2})).cost_unit() == 0.25);
    CHECK(need(pack({0, 0, 0, 0})).cost_unit() == 1.0);
    CHECK(need(pack({})).cost_unit() == 1.0);
    CHECK(need(pack({3, 3, 1e15, 1e15 + 1})).exact_costs());
    CHECK(need(pack({0.5, 0.5 + 0x1p-40, 1, 1})).exact_costs());
}

TEST_CASE("a unit that would be too small is made larger until sums fit") {
    const packed_problem wide_span = need(pack({0, 1e12 + 1, 5, 5}));
    CHECK_FALSE(wide_span.exact_costs());
    CHECK(wide_span.cost_unit() == 256.0);  // 1e12 / 2^32 = 233
    const packed_problem thirds = need(pack({1.0 / 3.0, 2.0 / 3.0, 0.1, 0.2}));
    CHECK_FALSE(thirds.exact_costs());
    CHECK(thirds.cost_unit() == 0x1p-33);
    CHECK(thirds.word_bits() == 64);
    const packed_problem far = need(pack({1e300, 1e300, 1, 1}));
    CHECK(far.cost_unit() > 1.0);
    CHECK(need(pack({1e-310, 2e-310, 0, 0})).tasks() == 2);
}

TEST_CASE("a unit of one's own makes room for narrow words") {
    const std::vector<double> costs{0.123, 99.3, 17.77, 3.1};
    CHECK(need(pack(costs)).word_bits() == 64);
    const packed_problem rounded = need(pack(costs, {.cost_unit = 0.01}));
    CHECK(rounded.word_bits() == 32);
    CHECK(rounded.table<std::uint32_t>().base == 12 + 310);
    CHECK_FALSE(rounded.exact_costs());
}

TEST_CASE("16 bits hold spans and loads up to their limits") {
    CHECK(need(pack({0, 65'533, 1, 2})).word_bits() == 32);
    CHECK(need(pack({1, 65'537, 1, 2})).word_bits() == 64);
    CHECK(need(pack({-1e9, -1e9 + 65'533, 1e9, 1e9})).word_bits() == 32);
    CHECK(need(pack({1, 2, 3, 4}, {}, 65'535)).word_bits() == 32);
    CHECK(need(pack({1, 2, 3, 4}, {}, 65'536)).word_bits() == 64);
}

TEST_CASE("a pair of infinite cost is packed as one that does not fit") {
    const double infinity = std::numeric_limits<double>::infinity();
    const packed_problem p = need(pack({10, infinity, 5, 3}, {}, 4));
    const auto table = p.table<std::uint32_t>();
    using bits = detail::packing<std::uint32_t>;
    CHECK(p.exact_costs());
    CHECK(static_cast<amount>(bits::load(table.words[1])) == p.capacities()[1] + 1);
    CHECK(bits::cost(table.words[1]) == bits::cost(table.words[0]));
    CHECK(bits::load(table.words[3]) == 4);
    CHECK(static_cast<amount>(bits::load(table.words[3])) <= p.capacities()[1]);
}

TEST_CASE("problems that cannot be packed are refused with a sentence") {
    const double infinity = std::numeric_limits<double>::infinity();
    CHECK(refusal_of(pack({1, 2, -infinity, 4})) == "cost of task 1 on GPU 0: minus infinity");
    CHECK(refusal_of(pack({1, std::nan(""), infinity, 4})) == "cost of task 0 on GPU 1: not a number");
    CHECK(refusal_of(pack({1, 2, 3, 4}, {}, -1)) == "load of task 0 on GPU 0 is -1, expected 0..4294967295");
    CHECK(refusal_of(pack({1, 2, 3, 4}, {}, amount{1} << 32U)).find("4294967296") != std::string::npos);
    CHECK(refusal_of(pack({0, 1e10, 3, 4}, {.cost_unit = 1.0})).find("unit of costs is too small") !=
          std::string::npos);
    CHECK(refusal_of(pack({1e20, 1e20, 3, 4}, {.cost_unit = 1.0})).find("2^52") != std::string::npos);
    CHECK(refusal_of(pack({1, 2, 3, 4}, {.cost_unit = -1.0})).find("unit") != std::string::npos);
    CHECK(refusal_of(pack({1, 2, 3, 4}, {.cost_unit = std::nan("")})).find("unit") != std::string::npos);
    CHECK(refusal_of(pack({1e308, 1, 1e308, 1})).find("too large") != std::string::npos);

    const auto zero = [](task_index, gpu_index) { return 0; };
    const std::vector<amount> none;
    CHECK(refusal_of(pack_assignments(assignment_problem{std::size_t{1}, zero, zero, none})).find("no GPU") !=
          std::string::npos);
    CHECK(need(pack_assignments(assignment_problem{std::size_t{0}, zero, zero, none})).gpus() == 0);
    const std::vector<amount> negative{4, -2};
    CHECK(refusal_of(pack_assignments(assignment_problem{std::size_t{1}, zero, zero, negative})) ==
          "capacity of GPU 1 is -2, expected 0 or more");
}
