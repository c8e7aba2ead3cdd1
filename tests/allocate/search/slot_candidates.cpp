// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/search/slot_candidates.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

double quirky_cost(task_index t, gpu_index g) { return static_cast<double>((t.value() * 7 + g.value() * 13) % 29); }

}  // namespace

TEST_CASE("the cheapest GPUs are those that a sort of all admitted ones begins with") {
    for (std::uint64_t seed = 1; seed <= 15; ++seed) {
        const auto made = random_problem(seed, {.nodes = 6, .tasks = 30});
        const problem p{made.machines, made.tasks};
        const auto lists = cheapest_gpus{quirky_cost, 5}.prepare(p);
        for (std::size_t t = 0; t < 30; ++t) {
            std::vector<gpu_index> all;
            for (std::size_t n = 0; n < made.machines.node_count(); ++n) {
                for (std::size_t i = 0; i < made.machines.gpu_count(node_index{n}); ++i) {
                    const gpu_index g = made.machines.gpu(node_index{n}, i);
                    const bool healthy = (made.machines.healthy_gpus(node_index{n}) >> i & 1U) != 0;
                    const auto accepted = made.tasks.demand(task_index{t}).accepted_models;
                    if (healthy && (accepted >> made.machines.model(g).value() & 1U) != 0) all.push_back(g);
                }
            }
            std::sort(all.begin(), all.end(), [&](gpu_index a, gpu_index b) {
                const double first = quirky_cost(task_index{t}, a);
                const double second = quirky_cost(task_index{t}, b);
                return first != second ? first < second : a.value() < b.value();
            });
            all.resize(std::min<std::size_t>(all.size(), 5));
            const auto list = lists.of(task_index{t});
            CHECK(std::equal(list.begin(), list.end(), all.begin(), all.end()));
        }
        const auto same = listed_gpus{&lists}.prepare(p);
        CHECK(same.of(task_index{3}).data() == lists.of(task_index{3}).data());
        CHECK(any_node::prepare(p).of(task_index{3}).empty());
    }
}

TEST_CASE("types that are not lists of GPUs are rejected") {
    struct no_of {};
    static_assert(!gpu_lists<no_of> && !slot_candidates<no_of>);
    static_assert(slot_candidates<listed_gpus<any_node::no_lists>>);
}
