// SPDX-License-Identifier: Apache-2.0
#include "berth/cost/sites/site_links.hpp"

#include "berth/model/fleet_builder.hpp"

#include "support/data_folders.hpp"
#include "support/site_tables.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string_view>
#include <utility>

TEST_CASE("site_links: directed, incomplete, missing is not free") {
    berth::site_links links;
    const auto edge = *links.add_site("edge");
    const auto cloud = *links.add_site("cloud");
    CHECK(links.add_site("edge").error().message.find("\"edge\" was added before") != std::string::npos);
    CHECK_FALSE(links.add_site("").has_value());
    REQUIRE(
        links.set_link(edge, cloud, {.round_trip = 0.02, .bytes_per_second = 1e9, .price_per_gb = 0.0}).has_value());
    REQUIRE(links.set_link(cloud, edge, {.round_trip = 0.02, .price_per_gb = 0.09}).has_value());
    CHECK(links.add_site("far").has_value());  // keeps what was set
    CHECK(links.link(edge, cloud).complete());
    CHECK_FALSE(links.link(cloud, edge).complete());
    CHECK(links.transfer(edge, cloud, 5e9).seconds == 5.0);
    CHECK(links.transfer(edge, cloud, 5e9).price == 0.0);
    CHECK(std::isnan(links.transfer(cloud, edge, 5e9).seconds));
    CHECK(links.transfer(cloud, edge, 10e9).price == doctest::Approx(0.9));
    CHECK(std::isnan(links.transfer(*links.find("far"), edge, 0.0).price));
    CHECK(std::isnan(links.link({}, edge).round_trip));
    CHECK(links.transfer(edge, edge, 5e9).seconds == 0.0);
    CHECK(links.transfer(edge, edge, 5e9).price == 0.0);
}

TEST_CASE("site_links: a bad link names sites and field, and changes nothing") {
    berth::site_links links;
    const auto a = *links.add_site("a");
    const auto b = *links.add_site("b");
    const auto said = [&](berth::site_index from, berth::site_index to, const berth::site_link& link) {
        const auto set = links.set_link(from, to, link);
        return set ? std::string{} : set.error().message;
    };
    CHECK(said(a, b, {.round_trip = -1.0}) ==
          "link from \"a\" to \"b\": round_trip is not a finite number of seconds from 0 on");
    CHECK(said(a, b, {.bytes_per_second = 0.0}).find("bytes_per_second") != std::string::npos);
    CHECK(said(b, a, {.price_per_gb = INFINITY}).find("price_per_gb") != std::string::npos);
    CHECK(said(a, berth::site_index{7}, {}).find("not added") != std::string::npos);
    CHECK(std::isnan(links.link(a, b).round_trip));
}

TEST_CASE("sites_of_nodes: a domain whose name is a site's") {
    berth::site_links links;
    (void)links.add_site("edge");
    (void)links.add_site("cloud");
    berth::fleet_builder builder;
    (void)builder.add_domain("rack", 0);
    (void)builder.add_domain("cloud", 1);
    (void)builder.add_domain("edge", 2);
    const std::string_view inside[] = {"rack", "cloud"};
    const std::string_view twice[] = {"cloud", "edge"};
    (void)builder.add_node({.name = "n0", .domains = inside});
    (void)builder.add_node({.name = "n1"});
    berth::fleet_builder bad = builder;
    const auto fleet = std::move(builder).build();
    const auto sites = berth::sites_of_nodes(*fleet, links);
    REQUIRE(sites.has_value());
    CHECK((*sites)[0] == *links.find("cloud"));
    CHECK_FALSE((*sites)[1].valid());
    (void)bad.add_node({.name = "n2", .domains = twice});
    const auto both = std::move(bad).build();
    CHECK(berth::sites_of_nodes(*both, links).error().message.find("node 2 (\"n2\"): domains name two sites") == 0);
}

TEST_CASE("the Skyplane links: the published check values") {
    const auto links = bench::read_site_links(bench::own_data_folder("sites") + "/skyplane_links.csv.xz");
    REQUIRE_MESSAGE(links.has_value(), links.error().message);
    CHECK(links->count() == 72);
    struct expected {
        const char *from, *to;
        double ms, gbit, seconds, price;
    };
    for (const auto& e : {expected{"aws:us-east-1", "aws:us-west-2", 68.272, 5.1988, 153.9, 2.0},
                          expected{"aws:us-east-1", "gcp:europe-west1-b", 81.918, 5.1362, 155.8, 9.0},
                          expected{"azure:eastus", "aws:ap-northeast-1", 163.336, 4.7848, 167.2, 8.75}}) {
        const auto from = links->find(e.from), to = links->find(e.to);
        REQUIRE((from && to));
        const auto link = links->link(*from, *to);
        CHECK(link.round_trip * 1e3 == doctest::Approx(e.ms).epsilon(1e-12));
        CHECK(link.bytes_per_second * 8e-9 == doctest::Approx(e.gbit).epsilon(1e-12));
        const auto t = links->transfer(*from, *to, 100e9);
        CHECK(std::abs(t.seconds - e.seconds) < 0.05);
        CHECK(t.price == doctest::Approx(e.price).epsilon(1e-12));
    }
    std::size_t known[4] = {};
    for (std::size_t a = 0; a < links->count(); ++a) {
        for (std::size_t b = 0; b < links->count(); ++b) {
            const auto link = links->link(berth::site_index{a}, berth::site_index{b});
            if (a == b) continue;
            known[0] += link.round_trip == link.round_trip;
            known[1] += link.bytes_per_second == link.bytes_per_second;
            known[2] += link.price_per_gb == link.price_per_gb;
            known[3] += link.complete();
        }
    }
    CHECK(known[0] == 4692);
    CHECK(known[1] == 3907 - 1);  // one bandwidth and 63 prices are within a region
    CHECK(known[2] == 3969 - 63);
    CHECK(known[3] == 3540);
}
