// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/genetic/mutation.hpp"

#include "allocate/genetic/support.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

using namespace berth;
using namespace berth_test;

namespace {

/// Genes changed per individual, on average, when every change shows.
template <class Mutation>
double changes(const Mutation& m, const priced_problem& p, int times) {
    auto mutate = m.prepare(p);
    xoshiro256 random{11};
    std::size_t changed = 0;
    for (int i = 0; i < times; ++i) {
        genome child(p.tasks());
        for (std::size_t t = 0; t < child.size(); ++t)
            child[t] = static_cast<gpu_gene>(1000 + t);  // no GPU of the problem
        const genome before = child;
        mutate(child, random);
        changed += differing(child, before);
    }
    return static_cast<double>(changed) / times;
}

}  // namespace

TEST_CASE("mutations change as many genes as their rate") {
    const type_d d{12, 100, 1};
    const priced_problem p{d.problem()};
    for (const double rate : {0.0, 0.5, 3.0, 60.0}) {
        CAPTURE(rate);
        CHECK(changes(reset_mutation{rate}, p, 2000) == doctest::Approx(rate).epsilon(0.1));
        CHECK(changes(candidate_mutation{rate}, p, 2000) == doctest::Approx(rate).epsilon(0.1));
    }
    CHECK(changes(reset_mutation{1e6}, p, 3) == 100.0);
    CHECK(changes(candidate_mutation{100.0}, p, 3) == 100.0);
    CHECK(changes(swap_mutation{4.0}, p, 2000) == doctest::Approx(4.0).epsilon(0.1));
}

TEST_CASE("each position mutates as often as any other") {
    const detail::gene_skips skip{20, 2.0};
    xoshiro256 random{2};
    std::vector<int> hits(20, 0);
    for (int i = 0; i < 20'000; ++i) {
        for (std::size_t t = skip(random); t < 20; t += 1 + skip(random)) ++hits[t];
    }
    for (const int h : hits) CHECK(std::abs(h - 2000) < 200);
    CHECK(detail::gene_skips{0, 1.0}(random) == 0);
}

TEST_CASE("mutations write only GPUs that they may choose") {
    const type_d d{12, 60, 3};
    const priced_problem p{d.problem()};
    xoshiro256 random{4};
    const genome start = random_genome(60, 12, random);
    auto near = candidate_mutation{10.0}.prepare(p);
    auto swap = swap_mutation{10.0}.prepare(p);
    auto reset = reset_mutation{30.0}.prepare(p);
    for (int i = 0; i < 50; ++i) {
        genome child = start;
        near(child, random);
        for (std::size_t t = 0; t < 60; ++t) {
            const auto list = p.candidates().of(task_index{t});
            CHECK((child[t] == start[t] || std::ranges::find(list, gpu_index{child[t]}) != list.end()));
        }
        child = start;
        swap(child, random);
        genome sorted = start;
        std::ranges::sort(sorted);
        std::ranges::sort(child);
        CHECK(child == sorted);
        child = start;
        reset(child, random);
        for (const gpu_gene g : child) CHECK(g < 12);
        child = start;
        no_mutation{}(child, random);
        CHECK(child == start);
    }
}

TEST_CASE("mutations name the rate that is out of range") {
    CHECK(reset_mutation{}.validate());
    CHECK(reset_mutation{-1.0}.validate().error().message ==
          "reset_mutation.per_individual is not a finite number from 0 on");
    CHECK_FALSE(candidate_mutation{std::numeric_limits<double>::quiet_NaN()}.validate());
    CHECK_FALSE(swap_mutation{std::numeric_limits<double>::infinity()}.validate());
}
