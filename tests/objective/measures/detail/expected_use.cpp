// SPDX-License-Identifier: Apache-2.0
#include "berth/objective/measures/detail/expected_use.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

using namespace berth;
using namespace berth_test;
using berth::detail::expected_use;

namespace {

/// The formula, on tasks as they are.
class recursion {
public:
    recursion(std::vector<hand_task> mix, double patience) : mix_{std::move(mix)}, patience_{patience} {
        for (const hand_task& t : mix_) tasks_ += static_cast<double>(t.copies);
    }
    /// r · V(r, c) / V(r, ∞), at most r.
    double relative(amount room, amount cpu) {
        const double ample = (*this)(room, 1'000'000'000);
        const double part = ample > 0.0 ? (*this)(room, cpu) / ample : 0.0;
        return static_cast<double>(room) * std::min(part, 1.0);
    }
    /// V
    double operator()(amount room, amount cpu) {
        const bool abundant = cpu > 1'000'000;  // where tasks without GPU take nothing
        if (const auto at = known_.find({room, cpu}); at != known_.end()) return at->second;
        double used = 0.0;
        double weight = 1.0 / patience_;
        for (const hand_task& t : mix_) {
            const amount share = static_cast<amount>(t.gpus) * t.share;
            if (share > room || t.cpu > cpu || (share == 0 && (abundant || t.cpu == 0))) continue;
            const double part = static_cast<double>(t.copies) / tasks_;
            used += part * (static_cast<double>(share) + (*this)(room - share, abundant ? cpu : cpu - t.cpu));
            weight += part;
        }
        return known_[{room, cpu}] = used / weight;
    }

private:
    std::vector<hand_task> mix_;
    double patience_;
    double tasks_ = 0.0;
    std::map<std::pair<amount, amount>, double> known_;
};

const hand_node largest{.shares = std::vector<amount>(8, 1000), .cpu = 64'000};  // steps of 100 thousandths, 1000 CPU

}  // namespace

TEST_CASE("expected use is what the recursion says, where demands are steps of the table") {
    const std::vector<hand_task> mix{{.gpus = 1, .share = 1000, .cpu = 11'000, .copies = 5},
                                     {.gpus = 1, .share = 800, .cpu = 3000, .copies = 3},
                                     {.gpus = 1, .share = 500, .cpu = 0, .copies = 1},
                                     {.gpus = 4, .share = 1000, .cpu = 40'000, .copies = 1},
                                     {.gpus = 0, .cpu = 12'000, .copies = 2},
                                     {.gpus = 0, .cpu = 32'000, .copies = 1},
                                     {.gpus = 0, .cpu = 0, .copies = 4}};
    const auto machines = hand_fleet({largest, {{1000}, 1000}});
    const auto work = hand_workload(machines, mix);
    for (const double patience : {2.0, 20.0, 1000.0}) {
        recursion expected{mix, patience};
        const expected_use use{problem{machines, work}, patience, 20'000.0};
        for (amount room = 0; room <= 8000; room += 100) {
            for (amount cpu = 0; cpu <= 64'000; cpu += 1000) {
                REQUIRE(use(static_cast<double>(room), cpu) ==
                        doctest::Approx(expected.relative(room, cpu)).epsilon(1e-5));
            }
        }
        // Between the steps it is interpolated, and CPU beyond the largest node's counts no more.
        CHECK(use(1050.0, 20'500) ==
              doctest::Approx(0.25 * (expected.relative(1000, 20'000) + expected.relative(1000, 21'000) +
                                      expected.relative(1100, 20'000) + expected.relative(1100, 21'000)))
                  .epsilon(1e-5));
        CHECK(use(8000.0, 64'000) > 5000.0);
        CHECK(use(3000.0, 1'000'000) == use(3000.0, 64'000));
        CHECK(use(3000.0, -1) == use(3000.0, 0));
        CHECK(use(9000.0, 64'000) == use(8000.0, 64'000));
    }
}

TEST_CASE("expected use: tasks without GPU compete for the CPU") {
    const auto machines = hand_fleet({largest});
    const auto use_of = [&](const std::vector<hand_task>& mix, amount cpu) {
        const auto work = hand_workload(machines, mix);
        return expected_use{problem{machines, work}, 50.0, 8000.0}(1000.0, cpu);
    };
    const hand_task with_gpu{.gpus = 1, .share = 1000, .cpu = 8000, .copies = 2};
    const hand_task without{.gpus = 0, .cpu = 12'000, .copies = 1};
    CHECK(use_of({with_gpu, without}, 7000) == 0.0);
    // At 8000 and 11,000 only the task with GPU fits; at 12,000 the other one may take the CPU first, at 20,000 there is
    // enough for both.
    CHECK(use_of({with_gpu, without}, 11'000) == doctest::Approx(use_of({with_gpu, without}, 8000)));
    CHECK(use_of({with_gpu, without}, 12'000) < 0.75 * use_of({with_gpu, without}, 11'000));
    CHECK(use_of({with_gpu, without}, 20'000) > 1.2 * use_of({with_gpu, without}, 12'000));
    CHECK(use_of({with_gpu}, 12'000) == doctest::Approx(use_of({with_gpu}, 8000)));
}

TEST_CASE("expected use: with CPU for everything all room is used, and less is never used of less room") {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        CAPTURE(seed);
        const auto [machines, work] = random_problem(seed);
        const expected_use use{problem{machines, work}, 1.0 + static_cast<double>(seed), 1e6};
        for (double room = 0.0; room < 4000.0; room += 77.0) {
            for (amount cpu = 0; cpu < 130'000; cpu += 3100) {
                REQUIRE(use(room, cpu) >= 0.0);
                REQUIRE(use(room, cpu) <= room + 1e-3);
            }
        }
    }
    const auto machines = hand_fleet({largest});
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 300, .cpu = 1000}, {.gpus = 1, .share = 800}});
    const expected_use use{problem{machines, work}, 20.0, 4000.0};
    for (double room = 300.0; room <= 8000.0; room += 100.0) CHECK(use(room, 64'000) == doctest::Approx(room));
}

TEST_CASE("expected use knows which fleets its table is for") {
    const auto machines = hand_fleet({{.shares = {1000, 1000}, .cpu = 32'000}, {.shares = {1000}, .cpu = 8000}});
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 1000, .cpu = 8000}});
    const expected_use use{problem{machines, work}, 20.0, 8000.0};
    const auto suits = [&](const hand_node& node) {
        return use.suits(hand_fleet({node, {.shares = {1000}, .cpu = 1000}}));
    };
    CHECK(suits({.shares = {1000, 1000}, .cpu = 32'000}));
    CHECK_FALSE(suits({.shares = {1000}, .cpu = 32'000}));
    CHECK_FALSE(suits({.shares = {1000, 1000, 1000}, .cpu = 32'000}));
    CHECK_FALSE(suits({.shares = {1000, 1000}, .cpu = 31'000}));
    // 32,000 is twice what the mix takes with two GPUs: more makes no difference.
    CHECK(suits({.shares = {1000, 1000}, .cpu = 64'000}));
}
