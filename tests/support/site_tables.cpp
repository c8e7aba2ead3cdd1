// SPDX-License-Identifier: Apache-2.0
#include "support/site_tables.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

TEST_CASE("tables of links and positions: rows that are refused name file, line and field") {
    const std::string header = "src,dst,rtt_ms,gbit_per_s_64conn,usd_per_gb\n";
    const auto refused = [&](const std::string& rows, std::string_view begins) {
        const auto read = bench::parse_site_links("links.csv", header + rows);
        REQUIRE_FALSE(read.has_value());
        CHECK_MESSAGE(read.error().message.starts_with(begins), read.error().message);
    };
    refused(",b,1,1,1\n", "links.csv:2: field \"src\": ");
    refused("a,b,-1,1,1\n", "links.csv:2: field \"rtt_ms\": ");
    refused("a,b,1,0,1\n", "links.csv:2: field \"gbit_per_s_64conn\": ");
    refused("a,b,1,1,free\n", "links.csv:2: field \"usd_per_gb\": ");
    refused("a,b,1,1,1\na,b,1,1,1\n", "links.csv:3: field \"dst\": this link was given");
    const auto links = bench::parse_site_links("links.csv", header + "a,a,,,0\na,b,2,8,\n");
    REQUIRE(links.has_value());
    const berth::site_index a{0}, b{1};
    CHECK(links->link(a, a).complete());
    CHECK(links->link(a, b).bytes_per_second == 1e9);
    CHECK(links->link(a, b).round_trip == 2e-3);
    CHECK_FALSE(links->link(a, b).complete());

    const auto bad = [](const std::string& row, std::string_view begins) {
        const auto read = bench::parse_positions("eua.csv", "kind,id,latitude,longitude\n" + row);
        REQUIRE_FALSE(read.has_value());
        CHECK_MESSAGE(read.error().message.starts_with(begins), read.error().message);
    };
    bad("ship,1,0,0\n", "eua.csv:2: field \"kind\": ");
    bad("user,1,91,0\n", "eua.csv:2: field \"latitude\": ");
    bad("user,1,0,\n", "eua.csv:2: field \"longitude\": ");
}
