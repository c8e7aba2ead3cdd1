// SPDX-License-Identifier: Apache-2.0
#include "berth/queue/max_min_shares.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

struct fixture {
    std::vector<berth::round_job> jobs;
    std::vector<std::uint32_t> gpus;
    std::vector<double> speeds;

    [[nodiscard]] berth::round_view view() const {
        berth::round_view made;
        made.jobs = jobs;
        made.gpus = gpus;
        made.speeds = {speeds.data(), jobs.size(), gpus.size()};
        return made;
    }
    template <class Policy>
    [[nodiscard]] std::vector<double> shares(const Policy& policy) const {
        std::vector<double> out(jobs.size() * gpus.size(), 0.0);
        policy.allocate(view(), {out.data(), jobs.size(), gpus.size()});
        return out;
    }
};

berth::round_job job(std::uint32_t id, std::uint32_t gpus, double left = NAN, double weight = 1.0) {
    return {.id = id, .gpus = gpus, .steps_left = left, .weight = weight};
}

}  // namespace

TEST_CASE("each job gets the model that is best for it") {
    const fixture given{.jobs = {job(0, 1), job(1, 1)}, .gpus = {1, 1}, .speeds = {10.0, 1.0, 0.2, 2.0}};
    const auto shares = given.shares(berth::max_min_shares{});
    CHECK(shares[0] > 0.99);
    CHECK(shares[3] > 0.99);
}

TEST_CASE("without speeds all models count alike, and GPUs x time is even") {
    const fixture given{
        .jobs = {job(0, 1), job(1, 2), job(2, 1)}, .gpus = {1, 1}, .speeds = {9.0, 1.0, 1.0, 1.0, NAN, NAN}};
    const auto shares = given.shares(berth::max_min_shares{.by_speed = false});
    CHECK(shares[0] + shares[1] == doctest::Approx(1.0).epsilon(1e-5));
    CHECK(shares[2] + shares[3] == 0.0);  // no model has two GPUs
    CHECK(shares[4] + shares[5] == doctest::Approx(1.0).epsilon(1e-5));
}

TEST_CASE("weights are claims") {
    const fixture given{.jobs = {job(0, 1, NAN, 3.0), job(1, 1)}, .gpus = {1}, .speeds = {5.0, 7.0}};
    const auto shares = given.shares(berth::max_min_shares{});
    CHECK(shares[0] == doctest::Approx(0.75).epsilon(1e-5));
    CHECK(shares[1] == doctest::Approx(0.25).epsilon(1e-5));
}

TEST_CASE("unknown speeds count as the mean of the known ones") {
    const fixture unknown{.jobs = {job(0, 1), job(1, 1)}, .gpus = {1, 2}, .speeds = {4.0, NAN, NAN, NAN}};
    const fixture known{.jobs = {job(0, 1), job(1, 1)}, .gpus = {1, 2}, .speeds = {4.0, 4.0, 1.0, 1.0}};
    CHECK(unknown.shares(berth::max_min_shares{}) == known.shares(berth::max_min_shares{}));
}

TEST_CASE("the makespan is that of the work, and a job alone runs all the time") {
    const fixture given{.jobs = {job(0, 1, 100.0), job(1, 1, 300.0)}, .gpus = {1}, .speeds = {1.0, 1.0}};
    const auto found = berth::makespan_shares{}.solve(given.view());
    CHECK(1.0 / found.level == doctest::Approx(400.0).epsilon(1e-6));
    CHECK(found.shares[0] == doctest::Approx(0.25).epsilon(1e-5));
    const fixture alone{.jobs = {job(0, 1, 100.0)}, .gpus = {1, 1}, .speeds = {2.0, 1.0}};
    CHECK(1.0 / berth::makespan_shares{}.solve(alone.view()).level == doctest::Approx(50.0).epsilon(1e-6));
}

TEST_CASE("unknown steps count as an expected time") {
    const fixture given{.jobs = {job(0, 1), job(1, 1, 200.0)}, .gpus = {1}, .speeds = {4.0, 1.0}};
    const auto found = berth::makespan_shares{.expected_left_s = 50.0}.solve(given.view());
    CHECK(1.0 / found.level == doctest::Approx(250.0).epsilon(1e-6));
}

TEST_CASE("nobody there") {
    const fixture given{.jobs = {}, .gpus = {2, 3}, .speeds = {}};
    CHECK(given.shares(berth::max_min_shares{}).empty());
    CHECK(given.shares(berth::makespan_shares{}).empty());
}
