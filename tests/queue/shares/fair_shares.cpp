// SPDX-License-Identifier: Apache-2.0
#include "berth/queue/shares/fair_shares.hpp"

#include "berth/queue/shares/time_based_weights.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

using namespace berth;

namespace {

std::vector<amount> divided(amount total, amount unit, const std::vector<queue_claim>& claims) {
    std::vector<amount> fair(claims.size());
    divide_fairly(total, unit, claims, fair);
    return fair;
}

queue_claim random_claim(std::mt19937& random, amount step) {
    queue_claim claim;
    claim.quota = random() % 16 == 0 ? queue_claim::no_limit : static_cast<amount>(random() % 5) * step;
    claim.limit = random() % 2 == 0 ? queue_claim::no_limit : static_cast<amount>(random() % 12) * step;
    claim.weight = random() % 4 == 0 ? 0.25 * static_cast<double>(random() % 9) : static_cast<double>(random() % 5);
    claim.priority = static_cast<std::int32_t>(random() % 2);
    claim.want = static_cast<amount>(random() % 12) * step;
    return claim;
}

}  // namespace

TEST_CASE("fair shares: the example with a guarantee and a remainder") {
    const std::vector<queue_claim> claims = {{.quota = 2000, .weight = 2, .want = 9000},
                                             {.quota = 1000, .weight = 1, .want = 9000}};
    CHECK(divided(4000, 1000, claims) == std::vector<amount>{3000, 1000});
}

TEST_CASE("fair shares: what a satisfied queue leaves is divided again") {
    const std::vector<queue_claim> claims = {{.want = 1}, {.want = 20}, {.want = 20}};
    CHECK(divided(10, 1, claims) == std::vector<amount>{1, 5, 4});
}

TEST_CASE("fair shares: a higher priority takes what is over, but no quota") {
    const std::vector<queue_claim> claims = {{.quota = 2, .weight = 9, .want = 8},
                                             {.quota = 1, .weight = 1, .priority = 1, .want = 8}};
    CHECK(divided(10, 1, claims) == std::vector<amount>{2, 8});
    CHECK(divided(12, 1, claims) == std::vector<amount>{4, 8});
}

TEST_CASE("fair shares: quotas above the total stay, on paper") {
    const std::vector<queue_claim> claims = {{.quota = 8, .want = 9}, {.quota = 8, .want = 4}, {.want = 4}};
    CHECK(divided(10, 1, claims) == std::vector<amount>{8, 4, 0});
    CHECK(due_share(claims[1], 4) == 8);
    CHECK(due_share({.quota = 8, .limit = 6}, 4) == 6);
}

TEST_CASE("fair shares: weights of any size keep their proportions, amounts of any size their sum") {
    for (const double scale : {1e-300, 1e-9, 1.0, 1e9, 1e300}) {
        const std::vector<queue_claim> claims = {{.weight = 3 * scale, .want = 100}, {.weight = scale, .want = 100}};
        CHECK(divided(100, 1, claims) == std::vector<amount>{75, 25});
    }
    const amount most = queue_claim::no_limit;
    const std::vector<queue_claim> claims = {{.weight = 1, .want = most}, {.weight = 2, .want = most}};
    const std::vector<amount> fair = divided(most, 1, claims);
    CHECK(fair[0] == most / 3);
    CHECK(fair[1] == most - most / 3);
}

TEST_CASE("fair shares: 10,000 random trees, level by level") {
    std::mt19937 random{14};
    for (std::size_t round = 0; round < 10'000; ++round) {
        const amount unit = random() % 2 == 0 ? 1 : 1000;
        const amount step = unit == 1 ? 1 : random() % 2 == 0 ? 1000 : 500;
        std::vector<share_queue> queues(1 + random() % 8);
        for (std::size_t q = 0; q < queues.size(); ++q) {
            queues[q].claim = random_claim(random, step);
            if (q > 0 && random() % 2 == 0) queues[q].parent = random() % q;
        }
        const amount total = static_cast<amount>(random() % 30) * unit;
        const auto shares = fair_shares(total, unit, queues);
        REQUIRE(shares);
        // What each queue wants, the last one first: parents come before those below them.
        std::vector<amount> wants(queues.size(), 0);
        std::vector<bool> leaf(queues.size(), true);
        for (std::size_t q = queues.size(); q-- > 0;) {
            wants[q] = std::min(leaf[q] ? queues[q].claim.want : wants[q], queues[q].claim.limit);
            const std::size_t parent = queues[q].parent;
            if (parent == share_queue::no_parent) continue;
            leaf[parent] = false;
            wants[parent] += wants[q];
        }
        bool fine = true;
        for (std::size_t level = 0; level <= queues.size(); ++level) {
            const std::size_t parent = level == queues.size() ? share_queue::no_parent : level;
            const amount given = level == queues.size() ? total : (*shares)[level];
            amount guaranteed = 0;
            amount ceiling = 0;
            amount sum = 0;
            bool any = false;
            for (std::size_t q = 0; q < queues.size(); ++q) {
                if (queues[q].parent != parent) continue;
                any = true;
                const amount least = std::min(queues[q].claim.quota, wants[q]);
                guaranteed += least;
                ceiling += queues[q].claim.weight > 0.0 ? wants[q] : least;
                sum += (*shares)[q];
                fine = fine && (*shares)[q] >= least && (*shares)[q] <= wants[q];
            }
            if (any && guaranteed <= given) fine = fine && sum == std::min(given, ceiling);
            if (any && guaranteed > given) fine = fine && sum == guaranteed;
        }
        CHECK(fine);
        // Monotone in the own weight.
        const std::size_t grown = random() % queues.size();
        std::vector<share_queue> heavier = queues;
        heavier[grown].claim.weight += 0.25 * static_cast<double>(1 + random() % 12);
        CHECK((*fair_shares(total, unit, heavier))[grown] >= (*shares)[grown]);
        // Independent of the order: parents are numbered anew, and siblings keep theirs.
        std::vector<std::size_t> place(queues.size());
        for (std::size_t q = 0; q < place.size(); ++q) place[q] = q;
        const std::size_t turn = random() % queues.size();
        std::rotate(place.begin(), place.begin() + static_cast<std::ptrdiff_t>(turn), place.end());
        const auto siblings_kept = [&] {
            for (std::size_t a = 0; a < place.size(); ++a) {
                for (std::size_t b = a + 1; b < place.size(); ++b) {
                    if (queues[a].parent == queues[b].parent && place[a] > place[b]) return false;
                }
            }
            return true;
        };
        if (!siblings_kept()) continue;
        std::vector<share_queue> moved(queues.size());
        for (std::size_t q = 0; q < queues.size(); ++q) {
            moved[place[q]] = queues[q];
            if (queues[q].parent != share_queue::no_parent) moved[place[q]].parent = place[queues[q].parent];
        }
        const auto again = fair_shares(total, unit, moved);
        REQUIRE(again);
        for (std::size_t q = 0; q < queues.size(); ++q) CHECK((*again)[place[q]] == (*shares)[q]);
    }
}

TEST_CASE("fair shares: the order of siblings decides between equal remainders only") {
    std::mt19937 random{15};
    for (std::size_t round = 0; round < 500; ++round) {
        std::vector<queue_claim> claims(2 + random() % 4);
        for (queue_claim& claim : claims) claim = random_claim(random, 1);
        // Weights whose remainders differ: each a power of two apart, and of no common factor with the sum.
        for (std::size_t q = 0; q < claims.size(); ++q) claims[q].weight = static_cast<double>(1U << (3 * q)) + 0.0625;
        const amount total = static_cast<amount>(random() % 30);
        const std::vector<amount> fair = divided(total, 1, claims);
        std::vector<queue_claim> turned(claims.rbegin(), claims.rend());
        const std::vector<amount> back = divided(total, 1, turned);
        CHECK(std::vector<amount>(back.rbegin(), back.rend()) == fair);
    }
}

TEST_CASE("fair shares: what is no tree is refused, with queue and field") {
    const auto message = [](std::vector<share_queue> queues, amount total = 10, amount unit = 1) {
        const auto shares = fair_shares(total, unit, queues);
        REQUIRE(!shares);
        return shares.error().message;
    };
    CHECK(message({{.parent = 1}, {.parent = 0}}) == "queue 0: parent: the queues above it form a circle");
    CHECK(message({{}, {.parent = 1}}) == "queue 1: parent: the queues above it form a circle");
    CHECK(message({{.parent = 7}}) == "queue 0: parent is 7, but there are 1");
    CHECK(message({{.claim = {.quota = -1}}}) == "queue 0: quota is negative");
    CHECK(message({{.claim = {.limit = -1}}}) == "queue 0: limit is negative");
    CHECK(message({{.claim = {.want = -1}}}) == "queue 0: want is negative");
    CHECK(message({{.claim = {.weight = -1}}}) == "queue 0: weight is no finite number from 0 on");
    CHECK(message({{.claim = {.weight = std::numeric_limits<double>::quiet_NaN()}}}) ==
          "queue 0: weight is no finite number from 0 on");
    CHECK(message({{}}, -1) == "total is negative");
    CHECK(message({{}}, 1, 0) == "unit is 0, expected 1..2^40");
    CHECK(fair_shares(10, 1, {})->empty());
}

TEST_CASE("time-based weights: who used little gets more of what is over") {
    std::vector<queue_claim> claims = {{.weight = 2, .want = 100}, {.weight = 2, .want = 100}};
    const std::vector<double> uses = {0.75, 0.25};
    std::vector<queue_claim> same = claims;
    time_based_weights(same, uses, 0.0);
    CHECK(divided(100, 1, same) == std::vector<amount>{50, 50});
    time_based_weights(claims, uses, 1.0);
    CHECK(claims[0].weight == doctest::Approx(0.25));
    CHECK(claims[1].weight == doctest::Approx(0.75));
    CHECK(divided(100, 1, claims) == std::vector<amount>{25, 75});
    time_based_weights(claims, uses, 10.0);
    CHECK(claims[0].weight == 0.0);

    decayed_use use{10.0};
    CHECK(use.at(5.0) == 0.0);
    use.add(0.0, 8.0);
    CHECK(use.at(10.0) == doctest::Approx(4.0));
    use.add(20.0, 1.0);
    CHECK(use.at(30.0) == doctest::Approx(1.5));
}
