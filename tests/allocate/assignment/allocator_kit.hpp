// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/random.hpp"

#include "allocate/assignment/gap_instances.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>

namespace berth_test {

/// Of the plan and of the work that it took.
inline std::uint64_t hash_of(const berth::assignment_plan& plan) {
    std::uint64_t hash = berth::splitmix64(plan.evaluations);
    for (const berth::gpu_index g : plan.gpu_of) hash = berth::splitmix64(hash ^ g.value());
    return hash;
}

/// Every task on a GPU drawn at random, capacities or not.
inline berth::gpu_assignment anywhere(const gap_instance& d, std::uint64_t seed) {
    berth::xoshiro256 random{seed};
    berth::gpu_assignment start;
    for (std::size_t t = 0; t < d.tasks; ++t) start.push_back(berth::gpu_index{below(random, d.gpus())});
    return start;
}

/// Asks to stop at the poll after these.
struct stop_after {
    int* polls;
    [[nodiscard]] bool stop_requested() const { return --*polls < 0; }
};

/// Sees whether progress is what the contract of allocators says.
struct watch {
    double* last;
    int* ends;
    void on_progress(const berth::progress& seen) const {
        CHECK(seen.objective <= *last);
        *last = seen.objective;
    }
    void on_end(const berth::progress& seen) const {
        CHECK(seen.objective == *last);
        ++*ends;
    }
};

}  // namespace berth_test
