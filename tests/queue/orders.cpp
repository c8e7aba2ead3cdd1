// SPDX-License-Identifier: Apache-2.0
#include "berth/queue/orders.hpp"

#include "berth/queue/least_attained.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

template <berth::queue_order Order>
std::vector<std::size_t> ranked(const Order& order, std::span<const berth::queued_job> jobs) {
    std::vector<std::size_t> rank;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        std::size_t at = 0;
        while (at < rank.size() && !berth::goes_before(order(jobs[i]), jobs[i], order(jobs[rank[at]]), jobs[rank[at]]))
            ++at;
        rank.insert(rank.begin() + static_cast<std::ptrdiff_t>(at), i);
    }
    return rank;
}

std::vector<berth::queued_job> four_jobs() {
    std::vector<berth::queued_job> jobs(4);
    for (std::size_t i = 0; i < 4; ++i) jobs[i].sequence = i;
    jobs[0] = {.sequence = 0, .arrival = 2.0, .priority = 0, .gpus = 8.0, .remaining_seconds = 10.0};
    jobs[1] = {.sequence = 1, .arrival = 1.0, .priority = 1, .gpus = 1.0, .remaining_seconds = 30.0};
    jobs[2] = {.sequence = 2, .arrival = 1.0, .priority = 1, .gpus = 0.5, .remaining_seconds = unknown};
    jobs[3] = {.sequence = 3, .arrival = 0.0, .priority = -1, .gpus = 4.0, .remaining_seconds = 10.0};
    return jobs;
}

using order_of_jobs = std::vector<std::size_t>;

}  // namespace

TEST_CASE("each order ranks by what it names, the oldest first among equals, the unknown last") {
    const auto jobs = four_jobs();
    CHECK(ranked(berth::fifo{}, jobs) == order_of_jobs{3, 1, 2, 0});
    CHECK(ranked(berth::shortest_remaining{}, jobs) == order_of_jobs{3, 0, 1, 2});
    CHECK(ranked(berth::shortest_service{}, jobs) == order_of_jobs{1, 3, 0, 2});
    CHECK(ranked(berth::by_priority{}, jobs) == order_of_jobs{1, 2, 0, 3});
    CHECK(ranked(berth::by_priority{berth::shortest_remaining{}}, jobs) == order_of_jobs{1, 2, 0, 3});
    CHECK(ranked([](const berth::queued_job& job) { return job.gpus; }, jobs) == order_of_jobs{2, 1, 3, 0});
}

TEST_CASE("the comparison of keys is a total order, NaN included") {
    const std::vector<berth::queue_key> keys{1.0,         unknown,        {1.0, unknown},
                                             {1.0, -2.0}, {unknown, 1.0}, {1.0, 0.0, 5.0}};
    for (const auto& a : keys) {
        CHECK(berth::compare(a, a) == 0);
        for (const auto& b : keys) {
            CHECK(berth::compare(a, b) == -berth::compare(b, a));
            for (const auto& c : keys) {
                if (berth::compare(a, b) < 0 && berth::compare(b, c) < 0) CHECK(berth::compare(a, c) < 0);
            }
        }
    }
}

TEST_CASE("a job sinks one level at a time when its attained service passes the limit") {
    const berth::least_attained order{.limits = {100.0, 400.0}};
    berth::queued_job job{.gpus = 8.0};
    CHECK(order.level(job) == 0);
    CHECK(order.next_level_in(job) == 13.0);  // 12.5 in whole seconds
    job.attained_seconds = 60.0;
    CHECK(order.level(job) == 1);
    job.level = 1;
    CHECK(order.level(job) == 2);
    job.level = 2;
    CHECK(order.level(job) == 2);
    CHECK(std::isinf(order.next_level_in(job)));
    CHECK(std::isinf(order.next_level_in({.gpus = 0.0})));

    std::vector<berth::queued_job> jobs(3);
    jobs[0] = {.sequence = 0, .level = 1, .level_entry = 4};
    jobs[1] = {.sequence = 1, .level = 0, .level_entry = 5};
    jobs[2] = {.sequence = 2, .level = 1, .level_entry = 3};
    CHECK(ranked(order, jobs) == order_of_jobs{1, 2, 0});
}
