// SPDX-License-Identifier: Apache-2.0
#include "berth/objective/detail/group_places.hpp"

#include "objective/terms/services.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

using namespace berth;
using namespace berth_test;
using berth::detail::group_places;

namespace {

using counts = std::map<std::size_t, std::int64_t>;

counts counted(const problem& p, std::span<const slot> a, group_index group, const group_places& places) {
    counts all;
    for (const task_index t : p.workload().members(group)) {
        if (const auto at = places.at(a[t.value()]); at != group_places::nowhere) ++all[at];
    }
    return all;
}

void check_same(const problem& p, std::span<const slot> a, const group_places& places) {
    for (std::size_t i = 0; i < p.workload().group_count(); ++i) {
        const group_index group{i};
        const counts expected = counted(p, a, group, places);
        counts found;
        places.each_place(group, [&](group_places::place where, std::int64_t tasks) { found[where] = tasks; });
        REQUIRE(found == expected);
        REQUIRE(places.distinct(group) == static_cast<std::int64_t>(expected.size()));
        std::int64_t placed = 0;
        for (const auto& [where, tasks] : expected) placed += tasks;
        REQUIRE(places.placed(group, {}) == placed);
    }
}

}  // namespace

TEST_CASE("tasks of groups in places after thousands of moves and while some are pending") {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        CAPTURE(seed);
        // Many nodes and groups of few tasks, so that the tables are as full as they get and cells collide.
        const auto made = service_problem(seed, {.nodes = 12 * seed, .tasks = 60, .groups = 2 + 2 * seed});
        const problem p{made.machines, made.tasks};
        xoshiro256 g{seed};
        for (const place_of what : {place_of{}, place_of{.level = 0}, place_of{.level = 1}}) {
            assignment now = random_assignment(g, p);
            group_places places{what, p, now};
            check_same(p, now, places);
            for (int step = 0; step < 200; ++step) {
                const auto pending = random_relocations(g, p, now);
                assignment after = now;
                for (const auto& r : pending) after[r.task.value()] = r.to;
                for (const auto& r : pending) {
                    const group_index group = places.group(r);
                    const auto to = places.at(r.to);
                    if (!group.valid() || to == group_places::nowhere) continue;
                    CHECK(places.count(group, to, {}) == counted(p, now, group, places)[to]);
                    CHECK(places.count(group, to, pending) == counted(p, after, group, places)[to]);
                }
                for (const auto& r : pending) places.apply(r);
                now = after;
                if (step % 10 == 0) check_same(p, now, places);
            }
            check_same(p, now, places);
        }
    }
}
