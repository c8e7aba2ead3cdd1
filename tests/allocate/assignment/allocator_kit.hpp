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

/// Of the assignment and its number of evaluations.
inline std::uint64_t hash_of(const berth::assignment_plan& plan) {
    std::uint64_t hash = berth::splitmix64(plan.evaluations);
    for (const berth::gpu_index g : plan.gpu_of) hash = berth::splitmix64(hash ^ g.value());
    return hash;
}

/// Every task on a random GPU; capacities are ignored.
inline berth::gpu_assignment anywhere(const gap_instance& d, std::uint64_t seed) {
    berth::xoshiro256 random{seed};
    berth::gpu_assignment start;
    for (std::size_t t = 0; t < d.tasks; ++t) start.push_back(berth::gpu_index{below(random, d.gpus())});
    return start;
}

/// Requests a stop at the poll after these.
struct stop_after {
    int* polls;
    [[nodiscard]] bool stop_requested() const { return --*polls < 0; }
};

/// Counts all polls and requests a stop after `last` of them.
struct stop_at_poll {
    std::uint64_t* polls;
    std::uint64_t last;
    [[nodiscard]] bool stop_requested() const { return ++*polls > last; }
};

/// A clock that the test sets.
struct set_clock {
    const double* now;
    [[nodiscard]] static bool stop_requested() { return false; }
    [[nodiscard]] bool deadline_reached() const { return *now >= 1.0; }
    [[nodiscard]] double elapsed() const { return *now; }
};

/// Checks progress against the contract of allocators.
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
