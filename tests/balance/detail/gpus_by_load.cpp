// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/detail/gpus_by_load.hpp"

#include "berth/core/random.hpp"

#include "balance/balance_fleets.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

using berth::gpu_index;
using berth_test::at;

TEST_CASE("gpus_by_load: in order after any move, of several GPUs, too") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        berth::xoshiro256 g{seed};
        std::vector<berth_test::small_task> tasks(14, {.share = 20, .memory = 1});
        for (auto& task : tasks) task.gpus = 1 + berth_test::below(g, 3);
        const auto all = berth_test::make_instance({.nodes = 3, .gpus = 4}, tasks);
        const berth::problem p{all.machines, all.tasks};
        const auto any_slot = [&](std::size_t gpus) {
            berth::gpu_mask mask = 0;
            while (berth::gpu_count(mask) < gpus) mask |= berth::gpu_mask{1} << berth_test::below(g, 4);
            return at(berth_test::below(g, 3), mask);
        };
        berth::assignment placement;
        std::vector<double> task_load;
        for (const auto& task : tasks) {
            placement.push_back(any_slot(task.gpus));
            task_load.push_back(0.125 * static_cast<double>(berth_test::below(g, 4)));
        }
        const auto load = berth_test::loads_of(all.machines, placement, task_load);
        berth::projected_state now{p};
        REQUIRE(now.update({.placement = placement, .gpu_load = load, .task_load = task_load}));
        berth::detail::gpus_by_load order{12};
        order.sort(now);
        for (int i = 0; i < 40; ++i) {
            const berth::task_index t{berth_test::below(g, tasks.size())};
            const berth::task_move r{t, now.where(t), any_slot(tasks[t.value()].gpus)};
            if (r.from == r.to || !now.fits(all.tasks.demand(t), r.to)) continue;
            now.move_task(r);
            order.update(now, r);
            std::vector<std::size_t> expected;
            for (std::size_t gpu = 0; gpu < 12; ++gpu) expected.push_back(gpu);
            std::sort(expected.begin(), expected.end(), [&](std::size_t a, std::size_t b) {
                const double x = now.load(gpu_index{a});
                const double y = now.load(gpu_index{b});
                return x != y ? x < y : a < b;
            });
            REQUIRE(std::vector<std::size_t>{order.gpus().begin(), order.gpus().end()} == expected);
        }
    }
}

TEST_CASE("gpus_by_load: the least and the most loaded of a slot") {
    const auto all = berth_test::make_instance({.nodes = 1, .gpus = 4}, std::vector<berth_test::small_task>(1));
    const berth::assignment placement{at(0)};
    const std::vector<double> load{0.5, 0.2, 0.2, 0.9};
    berth::projected_state now{berth::problem{all.machines, all.tasks}};
    REQUIRE(now.update({.placement = placement, .gpu_load = load}));
    CHECK(berth::detail::highest_load(now, at(0, 0b0111)) == 0.5);
    CHECK(berth::detail::highest_load(now, at(0, 0)) == 0.0);
    CHECK(berth::detail::least_loaded(now, berth::node_index{0}, 0b1111, 1) == 0b0010);
    CHECK(berth::detail::least_loaded(now, berth::node_index{0}, 0b1101, 2) == 0b0101);
    CHECK(berth::detail::least_loaded(now, berth::node_index{0}, 0b1111, 0) == 0);
}
