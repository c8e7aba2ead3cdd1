// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/genetic/crossover/gpu_bundle.hpp"

#include "berth/allocate/assignment/priced_greedy.hpp"

#include "allocate/genetic/support.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace berth;
using namespace berth_test;

namespace {

genome genes_of(const gpu_assignment& a) {
    genome genes;
    for (const gpu_index g : a) genes.push_back(static_cast<gpu_gene>(g.value()));
    return genes;
}

}  // namespace

TEST_CASE("bundles assign every task to a GPU of a parent or of its short list") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const gap_instance d = odd_instance(9, 30, seed);
        if (d.tasks == 0) continue;
        const priced_problem p{d.problem()};
        auto cross = gpu_bundle{}.prepare(p);
        xoshiro256 random{seed};
        for (int i = 0; i < 10; ++i) {
            const genome a = random_genome(d.tasks, d.gpus(), random);
            const genome b = random_genome(d.tasks, d.gpus(), random);
            genome child(d.tasks, 0xffff);
            cross({a, b}, child, random);
            for (std::size_t t = 0; t < d.tasks; ++t) {
                REQUIRE(child[t] < d.gpus());
                const auto list = p.candidates().of(task_index{t});
                CHECK((child[t] == a[t] || child[t] == b[t] ||
                       std::ranges::find(list, gpu_index{child[t]}) != list.end()));
            }
        }
    }
}

TEST_CASE("bundles keep whole GPUs of good parents") {
    const type_d d{10, 100, 2};
    const priced_problem p{d.problem()};
    const genome a = genes_of(priced_greedy{.seed = 1}.run(p).gpu_of);
    const genome b = genes_of(priced_greedy{.seed = 1, .max_passes = 0}.run(p).gpu_of);
    auto cross = gpu_bundle{}.prepare(p);
    xoshiro256 random{1};
    for (int i = 0; i < 20; ++i) {
        genome child(100);
        cross({a, b}, child, random);
        // At least the first GPU of the order is inherited unchanged, with its tasks and later ones only.
        std::size_t whole = 0;
        for (gpu_gene g = 0; g < 10; ++g) {
            bool all_a = true;
            bool all_b = true;
            for (std::size_t t = 0; t < 100; ++t) {
                all_a = all_a && (a[t] != g || child[t] == g);
                all_b = all_b && (b[t] != g || child[t] == g);
            }
            whole += all_a || all_b ? 1 : 0;
        }
        CHECK(whole >= 1);
    }
    genome child(100);
    cross({a, a}, child, random);
    CHECK(child == a);
}
