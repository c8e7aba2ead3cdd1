// SPDX-License-Identifier: Apache-2.0
#include "berth/cost/sites/site_coverage.hpp"

#include "berth/core/random.hpp"

#include "support/data_folders.hpp"
#include "support/site_tables.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <vector>

namespace {

/// The most users that the sites of a mask serve, and the smallest mask that serves as many as all sites do.
struct all_choices {
    const berth::site_reach& reach;
    std::size_t sites, capacity;

    std::size_t served(std::size_t user, std::vector<std::size_t>& load, unsigned mask) const {
        if (user == reach.size()) return 0;
        std::size_t best = served(user + 1, load, mask);
        for (const auto s : reach[user]) {
            if ((mask >> s.value() & 1U) == 0 || load[s.value()] == capacity) continue;
            ++load[s.value()];
            best = std::max(best, 1 + served(user + 1, load, mask));
            --load[s.value()];
        }
        return best;
    }
    std::size_t fewest(std::size_t wanted) const {
        std::size_t best = sites;
        for (unsigned mask = 0; mask < 1U << sites; ++mask) {
            const auto count = static_cast<std::size_t>(std::popcount(mask));
            if (count >= best) continue;
            std::vector<std::size_t> load(sites, 0);
            if (served(0, load, mask) == wanted) best = count;
        }
        return best;
    }
};

void valid(const berth::site_coverage& c, const berth::site_reach& reach, std::size_t sites, std::size_t capacity) {
    std::vector<std::size_t> load(sites, 0);
    std::size_t served = 0;
    for (std::size_t u = 0; u < reach.size(); ++u) {
        if (!c.site_of[u].valid()) continue;
        ++served;
        CHECK(std::find(reach[u].begin(), reach[u].end(), c.site_of[u]) != reach[u].end());
        CHECK(++load[c.site_of[u].value()] <= capacity);
    }
    CHECK(served == c.served);
    CHECK(static_cast<std::size_t>(std::count_if(load.begin(), load.end(), [](auto l) { return l > 0; })) == c.sites);
}

}  // namespace

TEST_CASE("most_users and fewest_sites against all choices") {
    berth::xoshiro256 random{9};
    std::size_t equal = 0;
    for (int round = 0; round < 60; ++round) {
        const std::size_t sites = 1 + random() % 4;
        const std::size_t capacity = random() % 4;
        berth::site_reach reach(1 + random() % 6);
        for (auto& list : reach) {
            for (std::size_t s = 0; s < sites; ++s) {
                if (random() % 2 == 0) list.emplace_back(s);
            }
        }
        const all_choices oracle{reach, sites, capacity};
        std::vector<std::size_t> load(sites, 0);
        const std::size_t most = oracle.served(0, load, ~0U);
        const auto served = berth::most_users(reach, sites, capacity);
        valid(served, reach, sites, capacity);
        CHECK(served.served == most);
        const auto few = berth::fewest_sites(reach, sites, capacity, {.rounds = 20});
        valid(few, reach, sites, capacity);
        CHECK(few.served == most);
        const std::size_t fewest = oracle.fewest(most);
        CHECK(few.sites >= fewest);
        CHECK(few.least_sites <= fewest);
        equal += few.sites == fewest;
    }
    CHECK(equal == 60);
}

TEST_CASE("fewest_sites stops with a valid answer") {
    const berth::site_reach reach(4, {berth::site_index{0}, berth::site_index{1}});
    const auto few = berth::fewest_sites(reach, 2, 4, {}, berth::run_control<>{.max_evaluations = 0});
    CHECK(few.stopped == berth::stop_reason::budget_exhausted);
    CHECK(few.served == 4);
    CHECK(berth::fewest_sites(reach, 2, 4).sites == 1);
    CHECK(berth::most_users({}, 0, 1).served == 0);
}

TEST_CASE("the EUA positions: most users within 450 m") {
    const auto read = bench::read_positions(bench::own_data_folder("sites") + "/eua_melbourne_cbd.csv.xz");
    REQUIRE_MESSAGE(read.has_value(), read.error().message);
    REQUIRE(read->sites.size() == 125);
    REQUIRE(read->users.size() == 816);
    const auto reach = berth::sites_within(read->users, read->sites, 450.0);
    for (std::size_t capacity = 1; capacity <= 10; ++capacity) {
        CHECK(berth::most_users(reach, 125, capacity).served == std::min<std::size_t>(816, 125 * capacity));
    }
    const auto few = berth::fewest_sites(reach, 125, 10);
    valid(few, reach, 125, 10);
    CHECK(few.served == 816);
    CHECK(few.sites <= 84);  // the optimum is 82
}

TEST_CASE("metres_between") {
    CHECK(berth::metres_between({0, 0}, {0, 0}) == 0.0);
    CHECK(berth::metres_between({0, 0}, {0, 180}) == doctest::Approx(3.14159265358979 * 6'371'000.0));
    CHECK(berth::metres_between({10, 20}, {30, 40}) == berth::metres_between({30, 40}, {10, 20}));
}
