// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/topology/domain_assignment.hpp"

#include "common/skip.hpp"
#include "support/kueue_cases.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <random>
#include <string>
#include <vector>

using namespace berth;

namespace {

// Racks of hosts, by the tasks that each host has room for.
domain_tree racks(const std::vector<std::vector<amount>>& rooms) {
    std::vector<domain_leaf> leaves;
    for (std::size_t r = 0; r < rooms.size(); ++r) {
        for (std::size_t h = 0; h < rooms[r].size(); ++h) {
            leaves.push_back({{"r" + std::to_string(r), "h" + std::to_string(h)}, {rooms[r][h]}});
        }
    }
    auto tree = domain_tree::make(2, leaves);
    REQUIRE(tree);
    return *tree;
}

// Returns the number of pod sets.
std::size_t check_cases(const std::string& path) {
    const auto cases = bench::read_domain_cases(path);
    REQUIRE_MESSAGE(cases, cases.error().message);
    std::size_t sets = 0;
    for (const bench::domain_case& one : *cases) {
        CAPTURE(one.name);
        auto tree = domain_tree::make(one.levels, one.leaves);
        REQUIRE(tree);
        for (const bench::domain_case::pod_set& set : one.pod_sets) {
            ++sets;
            const domain_assignment found = tree->choose(set.request);
            CHECK(found.fits == set.expected.has_value());
            if (!found.fits || !set.expected) continue;
            tree->take(found, set.request.demand);
            bench::domain_case::leaf_counts named;
            for (const domain_part& part : found.parts) {
                const auto labels = tree->labels(part.leaf);
                const auto first = one.hosts ? labels.end() - 1 : labels.begin();
                named.emplace_back(std::vector<std::string>(first, labels.end()), part.count);
            }
            CHECK(named == *set.expected);
        }
    }
    return sets;
}

}  // namespace

TEST_CASE("domain assignment: Kueue's own table") {
    CHECK(check_cases(BERTH_DATA_DIR "/queueing/kueue-tas.json.xz") == 23);
}

TEST_CASE("domain assignment: the table of BERTH_DATA, which may have more cases") {
    const auto path = berth_test::external_data("queueing/kueue-tas.json.xz");
    if (path) CHECK(check_cases(path->string()) >= 23);
}

TEST_CASE("domain assignment: the tightest rack, then few hosts") {
    const domain_tree tree = racks({{4, 4, 4}, {1, 2, 5}, {8, 8}});
    const auto parts = [&](domain_mode mode, std::size_t level, std::size_t count) {
        return tree.choose({mode, level, count, {1}}).parts;
    };
    using enum domain_mode;
    CHECK(parts(required, 0, 7) == std::vector<domain_part>{{4, 2}, {5, 5}});  // 8 is the tightest that takes 7
    CHECK(parts(required, 0, 9) == std::vector<domain_part>{{0, 4}, {1, 4}, {2, 1}});
    CHECK(parts(required, 1, 5) == std::vector<domain_part>{{5, 5}});
    CHECK(parts(preferred, 1, 12) == std::vector<domain_part>{{0, 4}, {1, 4}, {2, 4}});
    CHECK(parts(unconstrained, 0, 3) == std::vector<domain_part>{{0, 3}});
    CHECK(parts(unconstrained, 0, 9) == std::vector<domain_part>{{0, 4}, {1, 2}, {3, 1}, {4, 2}});
    CHECK(tree.choose({required, 1, 9, {1}}).fits == false);
    CHECK(tree.choose({required, 1, 9, {1}}).most == 8);
    CHECK(tree.choose({preferred, 1, 99, {1}}).most == 36);
    CHECK(tree.choose({required, 0, 0, {1}}).fits);
    CHECK(tree.choose({required, 0, 5, {0}}).fits);  // what takes no room goes anywhere
}

TEST_CASE("domain assignment: tasks that fit are placed, where they fit, in one domain if they have to") {
    std::mt19937 random{3};
    for (std::size_t round = 0; round < 2000; ++round) {
        std::vector<std::vector<amount>> rooms(1 + random() % 4);
        for (auto& rack : rooms) {
            rack.resize(1 + random() % 4);
            for (amount& room : rack) room = static_cast<amount>(random() % 6);
        }
        domain_tree tree = racks(rooms);
        const auto mode = static_cast<domain_mode>(random() % 3);
        const std::size_t level = random() % 2;
        const std::size_t count = 1 + random() % 12;
        const amount demand = static_cast<amount>(1 + random() % 2);
        std::size_t all = 0;
        std::size_t best = 0;
        for (const auto& rack : rooms) {
            std::size_t sum = 0;
            for (const amount room : rack) {
                const auto tasks = static_cast<std::size_t>(room / demand);
                sum += tasks;
                if (level == 1) best = std::max(best, tasks);
            }
            if (level == 0) best = std::max(best, sum);
            all += sum;
        }
        const domain_assignment found = tree.choose({mode, level, count, {demand}});
        CHECK(found.fits == ((mode == domain_mode::required ? best : all) >= count));
        if (!found.fits) {
            CHECK(found.most == (mode == domain_mode::required ? best : all));
            CHECK(found.parts.empty());
            continue;
        }
        std::size_t sum = 0;
        std::string rack{tree.labels(found.parts.front().leaf)[0]};
        bool one_rack = true;
        for (const domain_part& part : found.parts) {
            CHECK(static_cast<amount>(part.count) * demand <= tree.free(part.leaf)[0]);
            one_rack = one_rack && tree.labels(part.leaf)[0] == rack;
            sum += part.count;
        }
        CHECK(sum == count);
        if (mode != domain_mode::unconstrained && best >= count) {
            CHECK(one_rack);
            if (level == 1) CHECK(found.parts.size() == 1);
        }
        const std::vector<amount> before(tree.free(found.parts[0].leaf).begin(), tree.free(found.parts[0].leaf).end());
        tree.take(found, std::vector<amount>{demand});
        CHECK(tree.free(found.parts[0].leaf)[0] < before[0]);
        tree.give(found, std::vector<amount>{demand});
        CHECK(tree.free(found.parts[0].leaf)[0] == before[0]);
    }
}

TEST_CASE("domain assignment: the order of nodes decides nothing, equal labels add up") {
    const std::vector<domain_leaf> leaves = {
        {{"a", "x"}, {1}}, {{"b", "x"}, {2}}, {{"a", "y"}, {3}}, {{"a", "x"}, {4}}};
    const auto tree = domain_tree::make(2, leaves);
    const auto back = domain_tree::make(2, std::vector<domain_leaf>(leaves.rbegin(), leaves.rend()));
    REQUIRE(tree);
    REQUIRE(back);
    CHECK(tree->leaf_count() == 3);
    CHECK(tree->free(0)[0] == 5);
    for (std::size_t n = 0; n < 12; ++n) {
        const domain_request request{domain_mode::preferred, 1, n, {1}};
        CHECK(tree->choose(request).parts == back->choose(request).parts);
    }
}

TEST_CASE("domain assignment: nodes without a place in the tree are refused, with node and field") {
    const auto message = [](std::size_t levels, const std::vector<domain_leaf>& leaves) {
        const auto tree = domain_tree::make(levels, leaves);
        REQUIRE(!tree);
        return tree.error().message;
    };
    constexpr amount most = std::numeric_limits<amount>::max();
    CHECK(message(0, {}) == "levels is 0");
    CHECK(message(2, {{{"a"}, {1}}}) == "node 0: labels has another number of levels");
    CHECK(message(1, {{{"a"}, {1}}, {{"b"}, {}}}) == "node 1: free has another number of counters");
    CHECK(message(1, {{{"a"}, {-1}}}) == "node 0: free is negative");
    CHECK(message(1, {{{"a"}, {most}}, {{"a"}, {1}}}) == "node 1: free makes a sum that does not fit");
    const auto empty = domain_tree::make(3, {});
    REQUIRE(empty);
    CHECK_FALSE(empty->choose({domain_mode::required, 2, 1, {1}}).fits);
}
