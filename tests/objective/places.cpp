// SPDX-License-Identifier: Apache-2.0
#include "berth/objective/places.hpp"

#include "objective/terms/services.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <map>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

struct nothing_at_all {
    static std::size_t count(const fleet&) { return 0; }
};
static_assert(!counter_places<nothing_at_all> && !counter_places<int>);

/// The change of each place, by `each` of one move.
template <counter_places Places>
std::map<std::size_t, amount> gains(const problem& p, const task_move& r) {
    std::map<std::size_t, amount> all;
    Places::each(p.fleet(), r, [&](std::size_t place, amount sign) {
        CHECK(place < Places::count(p.fleet()));
        CHECK(all.emplace(place, sign).second);  // each once
    });
    return all;
}

/// The same: the places of the target less those of the source.
template <counter_places Places>
std::map<std::size_t, amount> difference(const problem& p, const task_move& r) {
    auto all = gains<Places>(p, {r.task, unplaced, r.to});
    for (const auto& [place, sign] : gains<Places>(p, {r.task, unplaced, r.from})) {
        if ((all[place] -= sign) == 0) all.erase(place);
    }
    return all;
}

}  // namespace

TEST_CASE("a move leaves the places of its source only and enters those of its target only") {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        CAPTURE(seed);
        const auto made = service_problem(seed);
        const problem p{made.machines, made.tasks};
        xoshiro256 g{seed};
        const assignment now = random_assignment(g, p);
        for (int i = 0; i < 100; ++i) {
            for (const task_move& r : random_relocations(g, p, now)) {
                CHECK(gains<on_nodes>(p, r) == difference<on_nodes>(p, r));
                CHECK(gains<on_gpus>(p, r) == difference<on_gpus>(p, r));
                CHECK(gains<on_domains>(p, r) == difference<on_domains>(p, r));
                CHECK(gains<on_gpus>(p, {r.task, unplaced, r.to}).size() == gpu_count(r.to.gpus));
                CHECK(gains<on_nodes>(p, {r.task, unplaced, r.to}).size() == (r.to.placed() ? 1 : 0));
            }
        }
        CHECK(on_nodes::counters(p.fleet()) == 3);
        CHECK(on_gpus::counters(p.fleet()) == 2);
        CHECK(on_domains::counters(p.fleet()) == 1);
        CHECK(on_gpus::capacity(p.fleet(), 0)[0] == whole_gpu);
    }
}
