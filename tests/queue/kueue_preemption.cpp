// SPDX-License-Identifier: Apache-2.0
#include "berth/queue/kueue_preemption.hpp"

#include "common/skip.hpp"
#include "support/kueue_cases.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

using namespace berth;

namespace {

std::vector<preemption_victim> by_job(std::vector<preemption_victim> victims) {
    std::ranges::sort(victims, {}, &preemption_victim::job);
    return victims;
}

// The rules in their own words: nothing is kept up to date, all is summed up when it is asked for.
struct naive_cohorts {
    std::vector<cohort_queue> queues;
    std::vector<cohort_job> running;
    cohort_job job;
    std::vector<bool> needed;
    std::vector<bool> out;  // of the running jobs

    amount used(std::size_t q, std::size_t c) const {
        amount sum = 0;
        for (std::size_t j = 0; j < running.size(); ++j)
            sum += running[j].queue == q && !out[j] ? running[j].demand[c] : 0;
        return sum;
    }
    amount guaranteed(std::size_t q, std::size_t c) const {
        const lending_quota& quota = queues[q].quotas[c];
        return std::max<amount>(0, quota.nominal - quota.lending_limit);
    }
    amount available(std::size_t c) const {
        const std::size_t q = job.queue;
        const lending_quota& quota = queues[q].quotas[c];
        if (queues[q].cohort == cohort_queue::no_cohort) return quota.nominal - used(q, c);
        amount lent = 0;
        for (std::size_t m = 0; m < queues.size(); ++m) {
            if (queues[m].cohort != queues[q].cohort) continue;
            lent += queues[m].quotas[c].nominal - guaranteed(m, c);
            lent -= std::max<amount>(0, used(m, c) - guaranteed(m, c));
        }
        const amount g = guaranteed(q, c);
        const amount most = quota.nominal - g - std::max<amount>(0, used(q, c) - g) + quota.borrowing_limit;
        return std::max<amount>(0, g - used(q, c)) + std::min(lent, most);
    }
    bool borrows_with_job() const {
        for (std::size_t c = 0; c < needed.size(); ++c) {
            if (job.demand[c] > 0 && used(job.queue, c) + job.demand[c] > queues[job.queue].quotas[c].nominal)
                return true;
        }
        return false;
    }
    bool fits(bool borrowing) const {
        for (std::size_t c = 0; c < needed.size(); ++c) {
            if (job.demand[c] > 0 && job.demand[c] > available(c)) return false;
        }
        return borrowing || !borrows_with_job();
    }
    bool above(std::size_t q) const {
        for (std::size_t c = 0; c < needed.size(); ++c) {
            if (needed[c] && used(q, c) > queues[q].quotas[c].nominal) return true;
        }
        return false;
    }
    bool allows(victim_rule rule, const cohort_job& victim) const {
        const bool newer = victim.priority == job.priority && victim.created > job.created;
        return rule == victim_rule::any || (rule != victim_rule::never && victim.priority < job.priority) ||
               (rule == victim_rule::lower_or_newer_priority && newer);
    }
    std::vector<std::size_t> attempt(const std::vector<std::size_t>& order, const std::vector<bool>& not_borrowing,
                                     bool borrowing) {
        std::vector<std::size_t> taken;
        for (const std::size_t j : order) {
            if ((borrowing && not_borrowing[j]) || (running[j].queue != job.queue && !above(running[j].queue)))
                continue;
            out[j] = true;
            taken.push_back(j);
            if (!fits(borrowing)) continue;
            for (std::size_t i = taken.size() - 1; i-- > 0;) {
                out[taken[i]] = false;
                if (fits(borrowing))
                    taken.erase(taken.begin() + static_cast<std::ptrdiff_t>(i));
                else
                    out[taken[i]] = true;
            }
            out.assign(out.size(), false);
            return taken;
        }
        out.assign(out.size(), false);
        return {};
    }
    std::vector<std::size_t> victims() {
        const cohort_queue& mine = queues[job.queue];
        std::vector<std::size_t> always;
        std::vector<std::size_t> others;
        std::vector<std::size_t> own;
        std::vector<bool> not_borrowing(running.size(), false);
        for (std::size_t j = 0; j < running.size(); ++j) {
            const cohort_job& r = running[j];
            if (!((needed[0] && r.demand[0] > 0) || (needed[1] && r.demand[1] > 0))) continue;
            if (r.queue == job.queue) {
                if (allows(mine.within, r)) own.push_back(j);
            } else if (mine.cohort != cohort_queue::no_cohort && queues[r.queue].cohort == mine.cohort &&
                       above(r.queue) && allows(mine.reclaim, r)) {
                (borrows_with_job() ? others : always).push_back(j);
                not_borrowing[j] = borrows_with_job() && !(mine.reclaims_while_borrowing && r.priority < job.priority &&
                                                           r.priority <= mine.borrowing_threshold);
            }
        }
        std::vector<std::size_t> order;
        for (std::vector<std::size_t>* group : {&always, &others, &own}) {
            std::ranges::sort(*group, [&](std::size_t a, std::size_t b) {
                if (running[a].priority != running[b].priority) return running[a].priority < running[b].priority;
                return running[a].reserved != running[b].reserved ? running[a].reserved > running[b].reserved : a < b;
            });
            order.insert(order.end(), group->begin(), group->end());
        }
        bool under = true;
        for (std::size_t c = 0; c < needed.size(); ++c) {
            if (needed[c] && used(job.queue, c) >= mine.quotas[c].nominal) under = false;
        }
        const bool strict = !mine.reclaims_while_borrowing;
        std::vector<bool> attempts = {false, true};
        if (!(strict && always.empty())) attempts = {true, false};
        if ((always.empty() && others.empty()) || (strict && !under)) attempts = {true};
        for (const bool borrowing : attempts) {
            const std::vector<std::size_t> found = attempt(order, not_borrowing, borrowing);
            if (!found.empty()) return found;
        }
        return {};
    }
};

std::size_t check_cases(const std::string& path) {
    const auto cases = bench::read_preemption_cases(path);
    REQUIRE_MESSAGE(cases, cases.error().message);
    for (const bench::preemption_case& one : *cases) {
        CAPTURE(one.name);
        const auto victims = kueue_preemption(one.queues, one.running, one.job, one.needed);
        REQUIRE(victims);
        CHECK(by_job(*victims) == by_job(one.expected));
    }
    return cases->size();
}

}  // namespace

TEST_CASE("kueue preemption: Kueue's own table") {
    CHECK(check_cases(BERTH_DATA_DIR "/queueing/kueue-preemption.json.xz") == 21);
}

TEST_CASE("kueue preemption: the table of BERTH_DATA, which may have more cases") {
    const auto path = berth_test::external_data("queueing/kueue-preemption.json.xz");
    if (path) CHECK(check_cases(path->string()) >= 21);
}

TEST_CASE("kueue preemption: the lowest priority first, and nobody who is not needed") {
    const std::vector<cohort_queue> queues = {{.quotas = {{.nominal = 6}}, .within = victim_rule::lower_priority}};
    std::vector<cohort_job> running = {
        {.priority = -1, .demand = {1}}, {.priority = 0, .demand = {2}}, {.priority = 1, .demand = {3}}};
    const cohort_job job = {.priority = 1, .demand = {2}};
    CHECK(*kueue_preemption(queues, running, job, {true}) ==
          std::vector<preemption_victim>{{1, preemption_reason::in_queue}});
    // Of equal priorities the one that got its quota last.
    running = {{.priority = 0, .reserved = 1, .demand = {3}}, {.priority = 0, .reserved = 2, .demand = {3}}};
    CHECK(*kueue_preemption(queues, running, job, {true}) ==
          std::vector<preemption_victim>{{1, preemption_reason::in_queue}});
    CHECK(kueue_preemption(queues, running, {.priority = 0, .demand = {2}}, {true})->empty());
}

TEST_CASE("kueue preemption: an older job of equal priority, where the rule is so") {
    const std::vector<cohort_queue> queues = {
        {.quotas = {{.nominal = 4}}, .within = victim_rule::lower_or_newer_priority}};
    const std::vector<cohort_job> running = {{.created = 5, .demand = {4}}};
    CHECK(kueue_preemption(queues, running, {.created = 4, .demand = {1}}, {true})->size() == 1);
    CHECK(kueue_preemption(queues, running, {.created = 5, .demand = {1}}, {true})->empty());
}

TEST_CASE("kueue preemption: limits of lending and borrowing hold") {
    std::vector<cohort_queue> queues = {
        {.cohort = 0, .quotas = {{.nominal = 6, .lending_limit = 4}}, .reclaim = victim_rule::any},
        {.cohort = 0, .quotas = {{.nominal = 6, .lending_limit = 2}}}};
    const std::vector<cohort_job> running = {{.queue = 1, .demand = {10}}};
    // 6 of its own and 2 that are lent to it: 8, but not 9.
    CHECK(kueue_preemption(queues, running, {.demand = {9}}, {true})->empty());
    CHECK(kueue_preemption(queues, running, {.demand = {8}}, {true})->empty());  // it would borrow, and may not then
    CHECK(kueue_preemption(queues, running, {.demand = {6}}, {true})->size() == 1);
    queues[0].reclaims_while_borrowing = true;
    CHECK(kueue_preemption(queues, running, {.priority = 1, .demand = {8}}, {true})->front().reason ==
          preemption_reason::reclaimed_for_borrowing);
    CHECK(kueue_preemption(queues, running, {.priority = 1, .demand = {9}}, {true})->empty());
    queues[0].borrowing_threshold = -1;
    CHECK(kueue_preemption(queues, running, {.priority = 1, .demand = {8}}, {true})->empty());
    queues[0].borrowing_threshold = 0;
    queues[0].quotas[0].borrowing_limit = 1;
    CHECK(kueue_preemption(queues, running, {.priority = 1, .demand = {8}}, {true})->empty());
}

TEST_CASE("kueue preemption: as the rules say, summed up anew at every step, on random cohorts") {
    std::mt19937 random{8};
    std::size_t with_victims = 0;
    for (std::size_t round = 0; round < 3000; ++round) {
        naive_cohorts cohorts;
        cohorts.queues.resize(4);
        for (cohort_queue& queue : cohorts.queues) {
            queue.cohort = random() % 8 == 0 ? cohort_queue::no_cohort : random() % 3 == 0 ? 1 : 0;
            for (std::size_t c = 0; c < 2; ++c) {
                lending_quota quota{.nominal = static_cast<amount>(random() % 6)};
                if (random() % 3 == 0) quota.borrowing_limit = static_cast<amount>(random() % 5);
                if (random() % 3 == 0) quota.lending_limit = static_cast<amount>(random() % 5);
                queue.quotas.push_back(quota);
            }
            queue.within = static_cast<victim_rule>(random() % 3);
            queue.reclaim = static_cast<victim_rule>(random() % 4);
            queue.reclaims_while_borrowing = random() % 2 == 0;
            if (random() % 2 == 0) queue.borrowing_threshold = static_cast<std::int64_t>(random() % 3);
        }
        const auto random_job = [&] {
            return cohort_job{.queue = random() % 4,
                              .priority = static_cast<std::int64_t>(random() % 3),
                              .created = static_cast<std::int64_t>(random() % 3),
                              .reserved = static_cast<std::int64_t>(random() % 3),
                              .demand = {static_cast<amount>(random() % 4), static_cast<amount>(random() % 2)}};
        };
        for (std::size_t j = random() % 8; j > 0; --j) cohorts.running.push_back(random_job());
        cohorts.job = random_job();
        cohorts.needed = {true, random() % 2 == 0};
        cohorts.out.assign(cohorts.running.size(), false);
        const auto victims = kueue_preemption(cohorts.queues, cohorts.running, cohorts.job, cohorts.needed);
        REQUIRE(victims);
        std::vector<std::size_t> jobs;
        for (const preemption_victim& victim : *victims) jobs.push_back(victim.job);
        CHECK(jobs == cohorts.victims());
        with_victims += jobs.empty() ? 0 : 1;
    }
    CHECK(with_victims > 300);
}

TEST_CASE("kueue preemption: bad input is refused, with queue or job and field") {
    const std::vector<cohort_queue> queues = {{.quotas = {{.nominal = 6}}}};
    const auto message = [](const std::vector<cohort_queue>& q, const std::vector<cohort_job>& r, const cohort_job& j) {
        const auto victims = kueue_preemption(q, r, j, {true});
        REQUIRE(!victims);
        return victims.error().message;
    };
    CHECK(message({{}}, {}, {.demand = {1}}) == "queue 0: quotas has another number of counters");
    CHECK(message({{.quotas = {{.nominal = -1}}}}, {}, {.demand = {1}}) == "queue 0: nominal is negative");
    CHECK(message({{.quotas = {{.borrowing_limit = -1}}}}, {}, {.demand = {1}}) == "queue 0: a limit is out of range");
    CHECK(message(queues, {}, {.queue = 1, .demand = {1}}) == "the job: queue does not exist");
    CHECK(message(queues, {}, {}) == "the job: demand has another number of counters");
    CHECK(message(queues, {}, {.demand = {-1}}) == "the job: demand is negative");
    constexpr amount most = amount{1} << 60;
    CHECK(message(queues, {{.demand = {most}}}, {.demand = {1}}) == "the job: demand makes a sum above 2^60");
    CHECK(message({{.quotas = {{.nominal = most}}}, {.quotas = {{.nominal = 1}}}}, {}, {.demand = {1}}) ==
          "queue 1: nominal makes a sum above 2^60");
    CHECK(message(queues, {{.queue = 3, .demand = {1}}}, {.demand = {1}}) == "running job 0: queue does not exist");
}
