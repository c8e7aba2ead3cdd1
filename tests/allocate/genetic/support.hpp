// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/allocate/genetic/individual.hpp"
#include "berth/core/random.hpp"

#include "allocate/assignment/gap_instances.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace berth_test {

using genome = std::vector<berth::gpu_gene>;

[[nodiscard]] inline genome random_genome(std::size_t tasks, std::size_t gpus, berth::xoshiro256& random) {
    genome genes(tasks);
    for (auto& g : genes) g = static_cast<berth::gpu_gene>(below(random, gpus));
    return genes;
}
/// Every gene is that of one parent or the other.
[[nodiscard]] inline bool from_parents(const genome& child, const genome& a, const genome& b) {
    for (std::size_t t = 0; t < child.size(); ++t) {
        if (child[t] != a[t] && child[t] != b[t]) return false;
    }
    return true;
}
[[nodiscard]] inline std::size_t differing(const genome& a, const genome& b) {
    std::size_t count = 0;
    for (std::size_t t = 0; t < a.size(); ++t) count += a[t] != b[t] ? 1 : 0;
    return count;
}
/// Everything that an individual keeps, from scratch.
inline void check_individual(const gap_instance& d, const berth::individual& i) {
    auto room = d.capacities;
    double cost = 0.0;
    std::vector<std::size_t> on(d.gpus(), 0);
    for (std::size_t t = 0; t < d.tasks; ++t) {
        const std::size_t g = i.gpu_of(t);
        REQUIRE(g < d.gpus());
        cost += d.costs[t * d.gpus() + g];
        room[g] -= d.loads[t * d.gpus() + g];
        ++on[g];
    }
    amount excess = 0;
    for (std::size_t g = 0; g < d.gpus(); ++g) {
        CHECK(i.room(g) == room[g]);
        excess += room[g] < 0 ? -room[g] : 0;
        std::size_t count = 0;
        for (std::size_t t = i.first_on(g); t < i.tasks(); t = i.next_on_same(t), ++count) CHECK(i.gpu_of(t) == g);
        CHECK(count == on[g]);
    }
    CHECK(i.excess() == excess);
    CHECK(i.cost() == doctest::Approx(cost));
}

}  // namespace berth_test
