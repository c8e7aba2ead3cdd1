// SPDX-License-Identifier: Apache-2.0
#include "berth/queue/shares/queue_turn.hpp"

#include "berth/queue/shares/fair_shares.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <random>
#include <vector>

using namespace berth;

namespace {

// Whether a goes before b by one counter each, also if the ages say otherwise.
bool first(const queue_use& a, const queue_use& b, std::int32_t priority_a = 0, std::int32_t priority_b = 0) {
    const queue_turn x{{&a, 1}, priority_a, 1};
    const queue_turn y{{&b, 1}, priority_b, 0};
    CHECK(goes_before(x, y) != goes_before(y, x));
    return goes_before(x, y);
}

}  // namespace

TEST_CASE("queue turn: each rule decides where those before it do not") {
    using use = queue_use;
    // At its fair share before above it, whatever the priority.
    CHECK(first(use{.allocated = 3, .demand = 1, .fair = 3, .due = 3},
                use{.allocated = 4, .demand = 1, .fair = 3, .due = 3}, 0, 9));
    // Within its quota before beyond it.
    CHECK(first(use{.allocated = 1, .demand = 1, .quota = 2, .fair = 2, .due = 2},
                use{.allocated = 0, .demand = 3, .quota = 2, .fair = 9, .due = 9}, 0, 9));
    CHECK(first(use{.demand = 1, .fair = 1, .due = 1}, use{.demand = 1, .fair = 9, .due = 9}, 1, 0));
    // Due anything before due nothing.
    CHECK(first(use{.demand = 9, .fair = 1, .due = 1}, use{.demand = 1, .fair = 0, .due = 0}));
    // The smaller share with the next job: 2/4 before 2/3.
    CHECK(first(use{.allocated = 1, .demand = 1, .fair = 4, .due = 4}, use{.demand = 2, .fair = 3, .due = 3}));
    // The same with the job, less without it.
    CHECK(first(use{.allocated = 1, .demand = 3, .fair = 4, .due = 4},
                use{.allocated = 3, .demand = 1, .fair = 4, .due = 4}));
    // The same shares: due less.
    CHECK(first(use{.allocated = 1, .demand = 1, .fair = 2, .due = 2},
                use{.allocated = 2, .demand = 2, .fair = 4, .due = 4}));
    // All the same: the older one.
    CHECK_FALSE(first(use{.demand = 1, .fair = 4, .due = 4}, use{.demand = 1, .fair = 4, .due = 4}));
}

TEST_CASE("queue turn: only counters that the next job needs put a queue above its share") {
    const std::vector<queue_use> cpu_heavy = {{.allocated = 9, .demand = 0, .fair = 4, .due = 4},
                                              {.allocated = 0, .demand = 1, .fair = 4, .due = 4}};
    const std::vector<queue_use> above = {{.allocated = 0, .demand = 0, .fair = 4, .due = 4},
                                          {.allocated = 5, .demand = 1, .fair = 4, .due = 4}};
    CHECK(goes_before({cpu_heavy, 0, 1}, {above, 0, 0}));
}

TEST_CASE("queue turn: a total order, whatever the queues") {
    std::mt19937 random{6};
    for (std::size_t round = 0; round < 300; ++round) {
        std::vector<std::vector<queue_use>> uses(3, std::vector<queue_use>(2));
        std::vector<queue_turn> turns;
        for (std::size_t q = 0; q < uses.size(); ++q) {
            for (queue_use& use : uses[q]) {
                const auto any = [&] { return static_cast<amount>(random() % 3); };
                use = {any(), any(), any(), any(), any()};
            }
            turns.push_back({uses[q], static_cast<std::int32_t>(random() % 2), q});
        }
        for (std::size_t a = 0; a < 3; ++a) {
            CHECK_FALSE(goes_before(turns[a], turns[a]));
            for (std::size_t b = 0; b < 3; ++b) {
                if (a != b) CHECK(goes_before(turns[a], turns[b]) != goes_before(turns[b], turns[a]));
                const std::size_t c = 3 - a - b;
                if (a == b || c > 2) continue;
                if (goes_before(turns[a], turns[b]) && goes_before(turns[b], turns[c])) {
                    CHECK(goes_before(turns[a], turns[c]));
                }
            }
        }
    }
}

TEST_CASE("queue turn: jobs of one GPU, turn by turn, end at the fair shares") {
    std::mt19937 random{7};
    for (std::size_t round = 0; round < 200; ++round) {
        std::vector<queue_claim> claims(2 + random() % 4);
        for (queue_claim& claim : claims) {
            claim.quota = static_cast<amount>(random() % 3);
            claim.weight = static_cast<double>(1 + random() % 4);
            claim.want = 20;
        }
        const amount total = static_cast<amount>(10 + random() % 10);
        std::vector<amount> fair(claims.size());
        divide_fairly(total, 1, claims, fair);
        std::vector<amount> running(claims.size(), 0);
        for (amount started = 0; started < total; ++started) {
            std::vector<queue_use> uses;
            std::vector<queue_turn> turns;
            for (std::size_t q = 0; q < claims.size(); ++q) {
                uses.push_back({running[q], 1, claims[q].quota, fair[q], due_share(claims[q], fair[q])});
            }
            for (std::size_t q = 0; q < claims.size(); ++q) turns.push_back({{&uses[q], 1}, 0, q});
            const auto first = [](const queue_turn& a, const queue_turn& b) { return goes_before(a, b); };
            ++running[std::ranges::min_element(turns, first)->age];
        }
        CHECK(running == fair);
    }
}
