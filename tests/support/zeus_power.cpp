// SPDX-License-Identifier: Apache-2.0
#include "support/zeus_power.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

TEST_CASE("a table of power limits: rows that are refused name file, line and field") {
    const std::string header =
        "gpu,dataset,network,batch_size,optimizer,power_limit_w,time_per_epoch_s,average_power_w\n";
    const auto refused = [&](const std::string& rows, std::string_view begins) {
        const auto read = bench::parse_zeus_power("power.csv", header + rows);
        REQUIRE_FALSE(read.has_value());
        CHECK_MESSAGE(read.error().message.starts_with(begins), read.error().message);
    };
    refused("v,d,n,8,adam,0,1,1\n", "power.csv:2: field \"power_limit_w\": ");
    refused("v,d,n,8,adam,100.5,1,1\n", "power.csv:2: field \"power_limit_w\": ");
    refused("v,d,n,8,adam,100,0,1\n", "power.csv:2: field \"time_per_epoch_s\": ");
    refused("v,d,n,8,adam,100,1,nan\n", "power.csv:2: field \"average_power_w\": ");
    refused("v,,n,8,adam,100,1,1\n", "power.csv:2: field \"dataset\": ");
    refused("v,d,n,8,adam,100,1,1\nv,d,n,8,adam,100,2,2\n", "power.csv:3: field \"power_limit_w\": 100 was given");
    refused("v,d,n\n", "power.csv:2: ");
    CHECK_FALSE(bench::parse_zeus_power("power.csv", "gpu,dataset\n").has_value());
    CHECK_FALSE(bench::read_zeus_power("/nowhere.csv").has_value());

    const auto read = bench::parse_zeus_power("power.csv", header + "v,d,n,8,adam,200,1,150\nv,d,n,8,adam,100,2,90\n"
                                                                    "v,d,m,8,adam,100,1,1\n");
    REQUIRE(read.has_value());
    REQUIRE(read->profiles.size() == 1);  // the other has no row at 200 W
    CHECK(read->left_out == 1);
    CHECK(read->profiles[0].profile.points[0].limit == 100);
}
