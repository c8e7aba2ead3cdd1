// SPDX-License-Identifier: Apache-2.0
// Both queues beside the rules of their papers, written down plainly.
#include "berth/queue/backfill/conservative_queue.hpp"
#include "berth/queue/backfill/easy_queue.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

using namespace berth;

namespace {

struct plain_job {
    std::int64_t submit;
    std::int64_t run;
    std::int64_t estimate;
    std::array<amount, 2> demand;
    std::int64_t start = -1;
    bool ended = false;
};

constexpr std::array<amount, 2> capacity = {6, 9};

std::vector<plain_job> random_jobs(std::uint32_t seed) {
    std::mt19937 random{seed};
    const auto below = [&](unsigned n) { return static_cast<std::int64_t>(random() % n); };
    std::vector<plain_job> jobs;
    std::int64_t now = 0;
    for (int j = 0; j < 40; ++j) {
        now += below(3);
        const std::int64_t run = 1 + below(9);
        jobs.push_back({now, run, run + below(3) * below(9), {1 + below(6), below(9)}});
    }
    return jobs;
}

bool fits(const std::array<amount, 2>& demand, const std::array<amount, 2>& room) {
    return demand[0] <= room[0] && demand[1] <= room[1];
}
void add(std::array<amount, 2>& room, const std::array<amount, 2>& demand, amount sign) {
    for (std::size_t c = 0; c < 2; ++c) room[c] += sign * demand[c];
}

// Free at an instant from now on if all that runs ends as estimated.
std::array<amount, 2> free_at(const std::vector<plain_job>& jobs, std::int64_t instant) {
    std::array<amount, 2> room = capacity;
    for (const plain_job& j : jobs) {
        if (j.start >= 0 && !j.ended && j.start + j.estimate > instant) add(room, j.demand, -1);
    }
    return room;
}

std::vector<std::size_t> plain_easy_pass(std::vector<plain_job>& jobs, std::int64_t now, backfill_mode mode) {
    std::vector<std::size_t> queue;
    std::vector<std::size_t> started;
    for (std::size_t j = 0; j < jobs.size(); ++j) {
        if (jobs[j].submit <= now && jobs[j].start < 0) queue.push_back(j);
    }
    const auto start = [&](std::size_t j) {
        jobs[j].start = now;
        started.push_back(j);
    };
    while (!queue.empty() && fits(jobs[queue.front()].demand, free_at(jobs, now))) {
        start(queue.front());
        queue.erase(queue.begin());
    }
    if (mode == backfill_mode::none || queue.size() < 2) return started;
    const plain_job& head = jobs[queue.front()];
    std::int64_t shadow = now;
    while (!fits(head.demand, free_at(jobs, shadow))) ++shadow;
    std::array<amount, 2> extra = free_at(jobs, shadow);
    add(extra, head.demand, -1);
    std::array<amount, 2> room = free_at(jobs, now);
    queue.erase(queue.begin());
    if (mode == backfill_mode::shortest_first) {
        std::ranges::sort(queue, {}, [&](std::size_t j) { return std::pair{jobs[j].estimate, j}; });
    }
    for (const std::size_t j : queue) {
        const bool ends = now + jobs[j].estimate <= shadow;
        if (!fits(jobs[j].demand, room) || (!ends && !fits(jobs[j].demand, extra))) continue;
        add(room, jobs[j].demand, -1);
        if (!ends) add(extra, jobs[j].demand, -1);
        start(j);
    }
    return started;
}

}  // namespace

TEST_CASE("EASY over two counters starts what its rule says, instant by instant") {
    for (const backfill_mode mode : {backfill_mode::none, backfill_mode::queue, backfill_mode::shortest_first}) {
        for (std::uint32_t seed = 1; seed <= 40; ++seed) {
            CAPTURE(seed);
            std::vector<plain_job> jobs = random_jobs(seed);
            easy_queue queue{capacity, mode};
            std::size_t arrived = 0;
            std::size_t running = 0;
            for (std::int64_t now = 0; arrived < jobs.size() || running > 0 || !queue.waiting().empty(); ++now) {
                REQUIRE(now < 1000);
                for (std::size_t j = 0; j < arrived; ++j) {
                    if (jobs[j].start < 0 || jobs[j].ended || jobs[j].start + jobs[j].run > now) continue;
                    jobs[j].ended = true;
                    --running;
                    CHECK(queue.finish(j, now));
                    CHECK_FALSE(queue.finish(j, now));
                }
                for (; arrived < jobs.size() && jobs[arrived].submit <= now; ++arrived) {
                    CHECK(queue.submit(now, jobs[arrived].estimate, jobs[arrived].demand).value() == arrived);
                }
                std::vector<std::size_t> started;
                queue.pass(now, [&](backfill_job j) { started.push_back(j); });
                running += started.size();
                CHECK(started == plain_easy_pass(jobs, now, mode));
            }
        }
    }
}

TEST_CASE("conservative backfilling reserves and compresses as its rule says, without trying all again") {
    for (std::uint32_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        std::vector<plain_job> jobs = random_jobs(seed);
        std::vector<std::int64_t> reserved(jobs.size(), -1);
        const auto room_for = [&](std::size_t job, std::int64_t now) {
            // The first instant with room, all other reservations and running jobs given.
            for (std::int64_t start = now;; ++start) {
                bool free = true;
                for (std::int64_t t = start; t < start + jobs[job].estimate && free; ++t) {
                    std::array<amount, 2> room = capacity;
                    for (std::size_t j = 0; j < jobs.size(); ++j) {
                        const std::int64_t begin = jobs[j].start >= 0 ? jobs[j].start : reserved[j];
                        if (j == job || begin < 0 || jobs[j].ended) continue;
                        if (begin <= t && t < begin + jobs[j].estimate) add(room, jobs[j].demand, -1);
                    }
                    free = fits(jobs[job].demand, room);
                }
                if (free) return start;
            }
        };
        conservative_queue queue{capacity};
        const auto nothing = [](backfill_job, std::int64_t) {};
        std::size_t arrived = 0;
        std::size_t ended = 0;
        for (std::int64_t now = 0; ended < jobs.size(); ++now) {
            REQUIRE(now < 1000);
            for (; arrived < jobs.size() && jobs[arrived].submit <= now; ++arrived) {
                CHECK(queue.submit(now, jobs[arrived].estimate, jobs[arrived].demand, nothing).value() == arrived);
                reserved[arrived] = room_for(arrived, now);
                CHECK(queue.start_of(arrived) == reserved[arrived]);
            }
            for (std::size_t j = 0; j < arrived; ++j) {
                if (jobs[j].start < 0 || jobs[j].ended || jobs[j].start + jobs[j].run > now) continue;
                jobs[j].ended = true;
                ++ended;
                CHECK(queue.finish(j, now));
                for (std::size_t k = 0; k < arrived; ++k) {
                    if (jobs[k].start < 0 && reserved[k] > now) reserved[k] = std::min(reserved[k], room_for(k, now));
                }
                queue.pass(now, [&](backfill_job k, std::int64_t start) { CHECK(queue.start_of(k) == start); });
                for (std::size_t k = 0; k < arrived; ++k) {
                    if (jobs[k].start < 0) CHECK(queue.start_of(k) == reserved[k]);
                }
            }
            for (std::size_t j = 0; j < arrived; ++j) {
                CHECK(queue.start(j, now) == (jobs[j].start < 0 && reserved[j] == now));
                if (jobs[j].start < 0 && reserved[j] == now) jobs[j].start = now;
            }
        }
        CHECK(queue.waiting().empty());
    }
}

TEST_CASE("conservative backfilling loses no job to a late wake-up, and runs no more than there is room for") {
    conservative_queue late{std::array<amount, 1>{2}};
    std::vector<std::pair<backfill_job, std::int64_t>> told;
    const auto tell = [&](backfill_job j, std::int64_t start) { told.emplace_back(j, start); };
    for (int j = 0; j < 3; ++j) CHECK(late.submit(0, 10, std::array<amount, 1>{2}, tell));
    CHECK_FALSE(late.start(0, 3));
    late.pass(3, tell);
    // The first waits until those after it, which have their word, are done; and these use what it gave back.
    using told_starts = std::vector<std::pair<backfill_job, std::int64_t>>;
    CHECK((told == told_starts{{0, 0}, {1, 10}, {2, 20}, {0, 30}, {1, 3}, {2, 13}}));
    late.pass(3, tell);
    CHECK(told.back() == std::pair{backfill_job{0}, std::int64_t{23}});
    CHECK(late.start(1, 3));

    for (std::uint32_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        std::mt19937 random{seed};
        std::vector<plain_job> jobs = random_jobs(seed);
        std::vector<std::int64_t> reserved(jobs.size(), -1);
        conservative_queue queue{capacity};
        const auto heard = [&](backfill_job j, std::int64_t start) { reserved[j] = start; };
        std::size_t arrived = 0;
        std::size_t ended = 0;
        // Nobody looks at the queue at some of the instants.
        for (std::int64_t now = 0; ended < jobs.size(); now += 1 + static_cast<std::int64_t>(random() % 4)) {
            REQUIRE(now < 4000);
            for (std::size_t j = 0; j < arrived; ++j) {
                if (jobs[j].start < 0 || jobs[j].ended || jobs[j].start + jobs[j].run > now) continue;
                jobs[j].ended = true;
                ++ended;
                CHECK(queue.finish(j, now));
            }
            const std::vector<std::int64_t> before = reserved;
            queue.pass(now, heard);
            for (std::size_t j = 0; j < arrived; ++j) {
                CHECK(reserved[j] == queue.start_of(j));
                if (jobs[j].start >= 0) continue;
                CHECK(reserved[j] >= now);
                if (before[j] >= now) CHECK(reserved[j] <= before[j]);
            }
            for (; arrived < jobs.size() && jobs[arrived].submit <= now; ++arrived) {
                CHECK(queue.submit(now, jobs[arrived].estimate, jobs[arrived].demand, heard));
            }
            for (std::size_t j = 0; j < arrived; ++j) {
                if (queue.start(j, now)) jobs[j].start = now;
            }
            const std::array<amount, 2> room = free_at(jobs, now);
            CHECK(room[0] >= 0);
            CHECK(room[1] >= 0);
        }
        CHECK(queue.waiting().empty());
    }
}

TEST_CASE("a job that outlives its estimate keeps its room") {
    easy_queue queue{std::array<amount, 1>{2}};
    const auto start_all = [&](std::int64_t now) {
        std::vector<backfill_job> started;
        queue.pass(now, [&](backfill_job j) { started.push_back(j); });
        return started;
    };
    CHECK(queue.submit(0, 10, std::array<amount, 1>{2}));
    CHECK(start_all(0) == std::vector<backfill_job>{0});
    CHECK(queue.submit(1, 5, std::array<amount, 1>{2}));
    CHECK_FALSE(queue.prolong(1, 9, 7));  // it does not run
    CHECK_FALSE(queue.prolong(0, 9, 10));
    CHECK(queue.prolong(0, 10, 20));
    CHECK(start_all(10).empty());
    CHECK(start_all(19).empty());
    CHECK(start_all(20) == std::vector<backfill_job>{1});  // nobody prolonged it: it is taken to be gone
    CHECK(queue.prolong(0, 21, 30));                       // but it was not: nothing starts until enough has ended
    CHECK(queue.submit(22, 1, std::array<amount, 1>{1}));
    CHECK(start_all(22).empty());
    CHECK(queue.finish(1, 23));
    CHECK(start_all(23).empty());
    CHECK(queue.finish(0, 24));
    CHECK(start_all(24) == std::vector<backfill_job>{2});
}

TEST_CASE("an estimate that is learned later changes the order of the shortest") {
    easy_queue queue{std::array<amount, 1>{4}, backfill_mode::shortest_first};
    std::vector<backfill_job> started;
    const auto start = [&](backfill_job j) { started.push_back(j); };
    CHECK(queue.submit(0, 100, std::array<amount, 1>{3}));
    queue.pass(0, start);
    for (const std::int64_t estimate : {50, 30, 20}) {
        CHECK(queue.submit(1, estimate, std::array<amount, 1>{estimate == 50 ? 4 : 1}));
    }
    CHECK(queue.estimate(2, 10));
    CHECK_FALSE(queue.estimate(2, 0));
    CHECK_FALSE(queue.estimate(0, 10));
    CHECK_FALSE(queue.estimate(9, 10));
    queue.pass(1, start);
    CHECK(started == std::vector<backfill_job>{0, 2});
}

TEST_CASE("a job that no queue can take is refused with its number and field") {
    easy_queue queue{capacity};
    conservative_queue reserving{capacity};
    struct broken {
        std::int64_t estimate;
        std::vector<amount> demand;
        const char* message;
    };
    const broken cases[] = {
        {0, {1, 1}, "job 0: estimate is not above 0"},
        {-1, {1, 1}, "job 0: estimate is not above 0"},
        {1, {1}, "job 0: demand has another number of counters"},
        {1, {7, 1}, "job 0: demand is above the capacity"},
        {1, {1, -1}, "job 0: demand is negative"},
    };
    for (const broken& each : cases) {
        CHECK(queue.submit(0, each.estimate, each.demand).error().message == each.message);
        CHECK(reserving.submit(0, each.estimate, each.demand, [](backfill_job, std::int64_t) {}).error().message ==
              each.message);
    }
    CHECK_FALSE(queue.finish(0, 0));
    CHECK_FALSE(reserving.finish(0, 0));
    CHECK_FALSE(reserving.start(0, 0));
}
