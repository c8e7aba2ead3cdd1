// SPDX-License-Identifier: Apache-2.0
#include "berth/queue/shares/dominant_share.hpp"

#include "support/csv_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <map>
#include <sstream>
#include <string>
#include <vector>

using namespace berth;

TEST_CASE("dominant share: what is lent, rounded up") {
    const std::vector<amount> lendable = {10, 10, 0};
    const std::vector<flavor_use> uses = {{0, 3, 2}, {1, 7, 5}, {2, 99, 0}};
    const dominant_share share = dominant_share_of(uses, lendable);
    CHECK(share.resource == 1);
    CHECK(share.borrowed == 2);
    CHECK(share.rounded() == 200);
    CHECK(dominant_share_of(uses, lendable, 3000).rounded() == 67);
    CHECK(dominant_share_of(uses, std::vector<amount>{0, 0, 0}).rounded() == 0);
    CHECK(dominant_share_of(uses, std::vector<amount>{0, 0, 0}).resource == dominant_share::no_resource);
}

TEST_CASE("dominant share: what borrows without weight comes last, and compares by what it borrows") {
    const std::vector<amount> lendable = {1'000'000};
    const std::vector<flavor_use> little = {{0, 1, 0}};
    const std::vector<flavor_use> more = {{0, 2, 0}};
    const std::vector<flavor_use> none = {{0, 0, 0}};
    CHECK(dominant_share_of(little, lendable, 0) > dominant_share_of(more, lendable, 1));
    CHECK(dominant_share_of(little, lendable, 0) < dominant_share_of(more, lendable, 0));
    CHECK(dominant_share_of(none, lendable, 0) < dominant_share_of(little, lendable, 1000));
    CHECK(dominant_share_of(none, lendable, 0) == dominant_share_of(none, lendable, 1000));
    // Equal when rounded, and yet not equal.
    CHECK(dominant_share_of(little, lendable).rounded() == dominant_share_of(more, lendable).rounded());
    CHECK(dominant_share_of(little, lendable) < dominant_share_of(more, lendable));
}

TEST_CASE("dominant share: Kueue's own table") {
    const auto table = bench::csv_table::read(BERTH_DATA_DIR "/queueing/kueue-drs.csv");
    REQUIRE(table);
    const auto cell = [&](std::size_t row, const char* column) {
        return std::string{table->cell(row, *table->column(column))};
    };
    for (std::size_t row = 0; row < table->row_count(); ++row) {
        INFO(cell(row, "case"), ", ", cell(row, "node"));
        // Pairs of a name and an amount; the name of a use is RESOURCE or RESOURCE@FLAVOR.
        const auto pairs = [&](const char* column) {
            std::map<std::string, amount> found;
            std::istringstream text{cell(row, column)};
            std::string name;
            for (amount value = 0; text >> name >> value;) found[name] = value;
            return found;
        };
        std::vector<std::string> resources;
        std::vector<amount> lendable;
        for (const auto& [name, value] : pairs("lendable_seen_from_parent")) {
            resources.push_back(name);
            lendable.push_back(value);
        }
        const auto nominal = pairs("nominal");
        std::vector<flavor_use> uses;
        for (const auto& [name, value] : pairs("used_plus_requested")) {
            const auto at = std::ranges::find(resources, name.substr(0, name.find('@')));
            REQUIRE(at != resources.end());
            uses.push_back({static_cast<std::size_t>(at - resources.begin()), value, nominal.at(name)});
        }
        const double weight = std::strtod(cell(row, "weight").c_str(), nullptr);
        const dominant_share share = dominant_share_of(uses, lendable, std::llround(weight * 1000));
        CHECK(std::to_string(share.rounded()) == cell(row, "expected_share"));
        const bool none = share.resource == dominant_share::no_resource;
        CHECK((none ? std::string{} : resources[share.resource]) == cell(row, "dominant"));
    }
    CHECK(table->row_count() == 17);
}
