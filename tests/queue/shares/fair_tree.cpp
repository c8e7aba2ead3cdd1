// SPDX-License-Identifier: Apache-2.0
#include "berth/queue/shares/fair_tree.hpp"

#include "common/skip.hpp"
#include "support/csv_table.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

using namespace berth;

namespace {

// A cell as a number; nothing for an empty cell.
bool near(std::string_view cell, double value) {
    if (cell.empty()) return true;
    if (cell == "inf") return std::isinf(value);
    return std::abs(std::strtod(std::string{cell}.c_str(), nullptr) - value) < 1e-6;
}

}  // namespace

TEST_CASE("fair tree: exact fractions tell apart what products of 64 bits cannot") {
    using detail::wide_fraction;
    constexpr detail::wide_int large = static_cast<detail::wide_int>(1) << 124;
    CHECK(wide_fraction{large - 1, large - 2} > wide_fraction{large, large - 1});
    CHECK(wide_fraction{10'000, 100} == wide_fraction{1000, 10});
    CHECK(wide_fraction{1, 0} > wide_fraction{large, 1});
    CHECK(wide_fraction{2, 0} == wide_fraction{1, 0});
    CHECK(wide_fraction{0, 5} == wide_fraction{0, 7});
    for (detail::wide_int a = 0; a < 6; ++a) {
        for (detail::wide_int b = 1; b < 6; ++b) {
            for (detail::wide_int c = 0; c < 6; ++c) {
                for (detail::wide_int d = 1; d < 6; ++d) {
                    CHECK(((wide_fraction{a, b} <=> wide_fraction{c, d}) == (a * d <=> c * b)));
                }
            }
        }
    }
}

TEST_CASE("fair tree: a user of a light account goes before the lightest user of a heavy one") {
    const std::vector<share_holder> holders = {
        {.user = false},           {.user = false},           {.parent = 0, .usage = 90},
        {.parent = 0, .usage = 1}, {.parent = 1, .usage = 8}, {.parent = 1, .usage = 4},
    };
    const auto standings = rank_fair_tree(holders);
    REQUIRE(standings);
    CHECK((*standings)[5].rank == 4);
    CHECK((*standings)[4].rank == 3);
    CHECK((*standings)[3].rank == 2);
    CHECK((*standings)[2].rank == 1);
    CHECK((*standings)[5].fair_share == 1.0);
    CHECK((*standings)[5].position == 0);
    CHECK((*standings)[0].level_share == doctest::Approx(0.5 / (91.0 / 103.0)));
}

TEST_CASE("fair tree: equal accounts merge, and equal users share a rank") {
    const std::vector<share_holder> holders = {
        {.user = false},
        {.user = false},
        {.parent = 0, .usage = 5},
        {.parent = 0, .usage = 1},
        {.parent = 1, .usage = 5},
        {.parent = 1, .usage = 1},
        {.usage = 6},
    };
    const auto standings = rank_fair_tree(holders);
    REQUIRE(standings);
    CHECK((*standings)[6].rank == 5);  // the user goes first, and shares the rank of the accounts' best
    CHECK((*standings)[3].rank == 5);
    CHECK((*standings)[5].rank == 5);
    CHECK((*standings)[2].rank == 2);
    CHECK((*standings)[4].rank == 2);
}

TEST_CASE("fair tree: the numbers of holders decide nothing but the order of equals") {
    std::mt19937 random{4};
    for (std::size_t round = 0; round < 200; ++round) {
        std::vector<share_holder> holders(2 + random() % 12);
        for (std::size_t h = 0; h < holders.size(); ++h) {
            holders[h].user = h >= 2 && random() % 3 != 0;
            holders[h].shares = random() % 8 == 0 ? share_holder::as_parent : static_cast<std::int64_t>(random() % 4);
            holders[h].usage = holders[h].user ? static_cast<std::int64_t>(random() % 4) : 0;
            const std::size_t parent = h == 0 ? 0 : random() % h;
            if (h > 0 && !holders[parent].user) holders[h].parent = parent;
        }
        const auto standings = rank_fair_tree(holders);
        REQUIRE(standings);
        std::vector<share_holder> turned(holders.rbegin(), holders.rend());
        for (share_holder& holder : turned) {
            if (holder.parent != share_holder::no_parent) holder.parent = holders.size() - 1 - holder.parent;
        }
        const auto back = rank_fair_tree(turned);
        REQUIRE(back);
        std::vector<bool> taken(holders.size(), false);
        for (std::size_t h = 0; h < holders.size(); ++h) {
            CHECK((*back)[holders.size() - 1 - h].rank == (*standings)[h].rank);
            CHECK(((*standings)[h].rank > 0) == holders[h].user);
            if (!holders[h].user) continue;
            CHECK_FALSE(taken[(*standings)[h].position]);
            taken[(*standings)[h].position] = true;
        }
    }
}

TEST_CASE("fair tree: what is no tree is refused, with holder and field") {
    const auto message = [](std::vector<share_holder> holders) {
        const auto standings = rank_fair_tree(holders);
        REQUIRE(!standings);
        return standings.error().message;
    };
    constexpr std::int64_t most = std::int64_t{1} << 62;
    CHECK(message({{.parent = 1, .user = false}, {.parent = 0, .user = false}}) ==
          "share holder 0: parent: the accounts above it form a circle");
    CHECK(message({{.parent = 3}}) == "share holder 0: parent is no holder");
    CHECK(message({{}, {.parent = 0}}) == "share holder 1: parent is a user");
    CHECK(message({{.shares = -2}}) == "share holder 0: shares is negative");
    CHECK(message({{.usage = -1}}) == "share holder 0: usage is negative");
    CHECK(message({{.shares = most}, {.shares = 1}}) == "share holder 1: shares makes a sum above 2^62");
    CHECK(message({{.usage = most}, {.usage = 1}}) == "share holder 1: usage makes a sum above 2^62");
    CHECK(rank_fair_tree({})->empty());
}

TEST_CASE("fair tree: every column of Slurm's own test, where BERTH_DATA has it") {
    const auto path = berth_test::external_data("queueing/fairtree-slurm.csv");
    if (!path) return;
    const auto table = bench::csv_table::read(path->string());
    REQUIRE(table);
    const auto cell = [&](std::size_t row, const char* column) { return table->cell(row, *table->column(column)); };
    std::map<std::string, std::size_t> accounts;  // the position of each; the first row is the root
    std::vector<share_holder> holders;
    std::vector<std::string> parents;
    for (std::size_t row = 1; row < table->row_count(); ++row) {
        share_holder holder;
        holder.user = !cell(row, "user").empty();
        const std::string_view shares = cell(row, "raw_shares");
        holder.shares = shares == "parent" ? share_holder::as_parent : std::atoll(std::string{shares}.c_str());
        if (holder.user) holder.usage = *table->integer(row, *table->column("user_usage"), 0, 1'000'000);
        if (!holder.user) accounts[std::string{cell(row, "account")}] = holders.size();
        parents.emplace_back(cell(row, "parent_account"));
        holders.push_back(holder);
    }
    for (std::size_t h = 0; h < holders.size(); ++h) {
        if (parents[h] != "root") holders[h].parent = accounts.at(parents[h]);
    }
    const auto standings = rank_fair_tree(holders, fair_tree_ties::rounded);
    REQUIRE(standings);
    std::size_t users = 0;
    for (std::size_t h = 0; h < holders.size(); ++h) {
        const fair_standing& standing = (*standings)[h];
        INFO("row ", h + 2);
        CHECK(near(cell(h + 1, "norm_shares"), standing.shares));
        CHECK(near(cell(h + 1, "effective_usage"), standing.usage));
        CHECK(near(cell(h + 1, "level_fs"), standing.level_share));
        if (!holders[h].user) continue;
        CHECK(near(cell(h + 1, "fairshare"), standing.fair_share));
        ++users;
    }
    CHECK(users == 21);
}

TEST_CASE("fair tree: the walks of flux-accounting's own tests, where BERTH_DATA has them") {
    const auto path = berth_test::external_data("queueing/fairshare-flux.csv");
    if (!path) return;
    const auto table = bench::csv_table::read(path->string());
    REQUIRE(table);
    const auto cell = [&](std::size_t row, const char* column) { return table->cell(row, *table->column(column)); };
    std::size_t leaves = 0;
    for (std::size_t row = 0; row < table->row_count();) {
        const std::string tree{cell(row, "tree")};
        CAPTURE(tree);
        std::map<std::string, std::size_t> accounts;
        std::vector<share_holder> holders;
        const std::size_t first = ++row;  // behind the root
        for (; row < table->row_count() && cell(row, "tree") == tree; ++row) {
            share_holder holder;
            const std::string account{cell(row, "account")};
            holder.user = !cell(row, "user").empty();
            holder.shares = *table->integer(row, *table->column("shares"), 0, 1'000'000);
            if (holder.user) holder.usage = *table->integer(row, *table->column("usage"), 0, 1'000'000);
            if (!holder.user) accounts[account] = holders.size();
            if (holder.user && account != "root") holder.parent = accounts.at(account);
            holders.push_back(holder);
        }
        const auto standings = rank_fair_tree(holders);
        REQUIRE(standings);
        // Who comes at which step of the walk, theirs and ours: of equal users any order will do.
        std::map<std::int64_t, std::size_t> walk;
        for (std::size_t h = 0; h < holders.size(); ++h) {
            if (!holders[h].user) continue;
            ++leaves;
            CHECK(near(cell(first + h, "fairshare"), (*standings)[h].fair_share));
            walk[*table->integer(first + h, *table->column("walk_order"), 1, 100)] = (*standings)[h].rank;
        }
        std::size_t last = std::numeric_limits<std::size_t>::max();
        for (const auto& [step, rank] : walk) {
            CHECK(rank <= last);
            last = rank;
        }
    }
    CHECK(leaves == 38);
}
