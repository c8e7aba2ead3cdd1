// SPDX-License-Identifier: Apache-2.0
#include "berth/objective/terms/grouping.hpp"

#include "objective/terms/services.hpp"

#include <doctest/doctest.h>

using namespace berth;
using namespace berth_test;

namespace {

/// Pairs of one group, both somewhere, whose places are equal or not, counted one by one.
std::size_t pairs(const problem& p, std::span<const slot> a, place_of what, bool together) {
    const auto key = [&](const slot& where) -> std::size_t {
        if (!where.placed()) return ~std::size_t{0};
        if (what.level == place_of::node_level) return where.node.value();
        const domain_index d = domain_at(p.fleet(), where.node, what.level);
        return d.valid() ? d.value() : ~std::size_t{0};
    };
    std::size_t sum = 0;
    for (std::size_t t = 0; t < a.size(); ++t) {
        for (std::size_t u = 0; u < t; ++u) {
            const group_index g = p.workload().group(task_index{t});
            if (!g.valid() || p.workload().group(task_index{u}) != g) continue;
            if (key(a[t]) == ~std::size_t{0} || key(a[u]) == ~std::size_t{0}) continue;
            sum += (key(a[t]) == key(a[u])) == together ? 1 : 0;
        }
    }
    return sum;
}

}  // namespace

TEST_CASE("pairs of groups large and small equal a count one by one") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        const auto made = service_problem(seed, {.nodes = 3 + 2 * seed, .tasks = 30});
        const problem p{made.machines, made.tasks};
        for (const place_of what : {place_of{}, place_of{.level = 0}, place_of{.level = 1}, place_of{.level = 7}}) {
            check_walk(
                spread_of_groups{what}, p, seed, [&](std::span<const slot> a) { return pairs(p, a, what, true); }, 60);
            check_walk(
                colocation_of_groups{what}, p, seed, [&](std::span<const slot> a) { return pairs(p, a, what, false); },
                60);
        }
    }
}
