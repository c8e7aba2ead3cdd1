// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/genetic/initialisation.hpp"

#include "allocate/genetic/support.hpp"

#include <doctest/doctest.h>

using namespace berth;
using namespace berth_test;

namespace {

template <class Start>
std::vector<genome> first_members(const Start& policy, const priced_problem& p, warm_start given = {}) {
    auto start = policy.prepare(p, given);
    individual i{p};
    std::vector<genome> made;
    for (std::size_t k = 0; k < 4; ++k) {
        xoshiro256 random{stream_seed(5, k)};
        start(i, k, random);
        made.emplace_back(i.genes().begin(), i.genes().end());
    }
    return made;
}

}  // namespace

TEST_CASE("first members have a GPU for every task and differ and repeat with the seed") {
    const type_d d{9, 70, 3};
    const priced_problem p{d.problem()};
    const auto check = [&](const auto& policy) {
        const auto members = first_members(policy, p);
        for (const genome& g : members) {
            CHECK(g.size() == 70);
            for (const gpu_gene gene : g) CHECK(gene < 9);
        }
        CHECK(members[1] != members[2]);
        CHECK(members[2] != members[3]);
        CHECK(members == first_members(policy, p));
    };
    check(random_start{});
    check(randomised_greedy{});
    check(price_guided{});
    check(near_start{});
}

TEST_CASE("initialisations work on any problem") {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        const gap_instance d = odd_instance(5, 12, seed);
        if (d.tasks == 0) continue;
        const priced_problem p{d.problem()};
        const auto check = [&](const auto& policy) {
            for (const genome& g : first_members(policy, p)) {
                for (const gpu_gene gene : g) CHECK(gene < d.gpus());
            }
        };
        check(random_start{});
        check(randomised_greedy{.choices = 3});
        check(price_guided{});
        check(near_start{});
    }
}

TEST_CASE("price guided starts are far better than random ones") {
    const type_d d{10, 100, 8};
    const priced_problem p{d.problem()};
    individual i{p};
    i.assign(first_members(price_guided{}, p)[0]);
    const double guided = i.cost() + 2.0 * static_cast<double>(i.excess());
    CHECK(gap_percent(guided, p.bound().value) < 15.0);
    i.assign(first_members(random_start{}, p)[0]);
    CHECK(i.cost() + 2.0 * static_cast<double>(i.excess()) > 1.3 * guided);
    i.assign(first_members(randomised_greedy{.choices = 1}, p)[1]);
    CHECK(i.cost() + 2.0 * static_cast<double>(i.excess()) < 1.3 * guided);
}

TEST_CASE("a start near the warm start differs from it in about the given share") {
    const type_d d{9, 200, 3};
    const priced_problem p{d.problem()};
    gpu_assignment given;
    for (std::size_t t = 0; t < 200; ++t) given.push_back(gpu_index{t % 9});
    const auto moved = [&](double share) {
        std::size_t count = 0;
        for (const genome& g : first_members(near_start{.moved = share}, p, given)) {
            for (std::size_t t = 0; t < 200; ++t) count += g[t] != given[t].value() ? 1 : 0;
        }
        return count;
    };
    CHECK(moved(0.0) == 0);
    CHECK(moved(0.2) > 60);
    CHECK(moved(0.2) < 220);
}

TEST_CASE("initialisations name the option that is out of range") {
    CHECK(randomised_greedy{.choices = 0}.validate().error().message ==
          "randomised_greedy.choices is 0, expected 1 or more");
    CHECK_FALSE(price_guided{.noise = -1.0}.validate());
    CHECK_FALSE(near_start{.moved = 1.5}.validate());
    CHECK(price_guided{}.validate());
    CHECK(near_start{}.validate());
}
