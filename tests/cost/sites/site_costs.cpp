// SPDX-License-Identifier: Apache-2.0
#include "berth/cost/sites/site_costs.hpp"

#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/cost_score.hpp"
#include "berth/cost/pair_costs.hpp"
#include "berth/cost/weighted_terms.hpp"
#include "berth/migrate/order/costs/stop_and_copy.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/workload_builder.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string_view>
#include <utility>

namespace {

struct two_sites {
    berth::site_links links;
    berth::site_index edge = *links.add_site("edge");
    berth::site_index cloud = *links.add_site("cloud");
    berth::site_index dark = *links.add_site("dark");  // without links

    two_sites() {
        (void)links.set_link(edge, cloud, {0.02, 1e9, 0.0});
        (void)links.set_link(cloud, edge, {0.03, 2e9, 0.09});
    }
};

}  // namespace

TEST_CASE("transfer_cost: price and time, both ways, unknown is not free") {
    const two_sites w;
    const double task[] = {site_feature(w.cloud), 10.0};
    const double at_edge[] = {site_feature(w.edge)}, at_cloud[] = {site_feature(w.cloud)}, nowhere[] = {-1.0};
    const berth::transfer_cost price{.links = &w.links};
    CHECK(price(task, at_edge) == doctest::Approx(0.9));
    CHECK(price(task, at_cloud) == 0.0);
    CHECK(price(task, nowhere) == 1e9);
    const double no_data[] = {-1.0, 0.0};
    CHECK(price(no_data, nowhere) == 0.0);
    const berth::transfer_cost seconds{.links = &w.links, .what = berth::transfer_quantity::seconds};
    CHECK(seconds(task, at_edge) == 5.0);
    const berth::transfer_cost back{.links = &w.links, .way = berth::transfer_way::from_gpu};
    CHECK(back(task, at_edge) == 0.0);
    const berth::latency_bound bound{.links = &w.links};
    const double service[] = {site_feature(w.edge), 0.02}, strict[] = {site_feature(w.edge), 0.01};
    CHECK(bound(service, at_cloud) == 0.0);
    CHECK(bound(strict, at_cloud) == 1e9);
    CHECK(bound(service, nowhere) == 1e9);
    CHECK(bound(strict, at_edge) == 0.0);
}

TEST_CASE("a placement pays egress, and a bound of latency refuses a slot") {
    const two_sites w;
    berth::fleet_builder machines;
    for (const std::string_view site : {"edge", "cloud", "dark"}) {
        (void)machines.add_domain(site, 0);
        const berth::gpu_description gpu{};
        (void)machines.add_node({.name = site, .gpus = {&gpu, 1}, .domains = {&site, 1}});
    }
    const auto fleet = std::move(machines).build();
    berth::workload_builder jobs{*fleet};
    for (int t = 0; t < 3; ++t) (void)jobs.add_task({.gpus = 1, .state_bytes = 4'000'000'000});
    const auto work = std::move(jobs).build();
    const auto sites = berth::sites_of_nodes(*fleet, w.links);
    REQUIRE(sites.has_value());
    const double gpus[] = {0, 1, 2};
    // data site, GB, site of users, round trip
    const double tasks[] = {1, 100, 1, 1.0,  // its data lie in the cloud
                            1, 100, 0, 0.02, 0, 0, 0, 0.001};
    const berth::weighted_terms cost{
        berth::cost_term{"egress", 1.0, berth::transfer_cost{.links = &w.links}},
        berth::cost_term{
            "latency", 1.0,
            berth::latency_bound{
                .links = &w.links, .user_site = 2, .round_trip = 3, .over = std::numeric_limits<double>::infinity()}}};
    const berth::bound_cost bound{cost, berth::matrix_view<const double>{tasks, 3, 4},
                                  berth::matrix_view<const double>{gpus, 3, 1}};
    const berth::problem p{*fleet, *work};
    const auto plan = berth::greedy{berth::cost_score{bound}}.run(p);
    CHECK(plan.assignment[0].node.value() == 1);
    CHECK(plan.assignment[1].node.value() == 0);  // the cloud is taken; pays 9.00
    CHECK_FALSE(plan.assignment[2].placed());     // its users are near the edge alone

    const berth::migration_egress egress{&w.links, *sites};
    const berth::node_index edge{0}, cloud{1}, dark{2};
    CHECK(egress(p, berth::task_index{0}, cloud, edge) == doctest::Approx(0.36));
    CHECK(egress(p, berth::task_index{0}, edge, cloud) == 0.0);
    CHECK(egress(p, berth::task_index{0}, edge, dark) == 1e9);
    CHECK(egress(p, berth::task_index{0}, {}, edge) == 0.0);
    const berth::task_move move{berth::task_index{0}, {cloud, 1}, {edge, 1}};
    CHECK(egress(p, move) == doctest::Approx(0.36));

    const berth::site_bandwidth link{&w.links, *sites};
    CHECK(link(p, cloud, edge) == 2e9);
    CHECK(link(p, edge, dark) == 1e6);
    CHECK(link(p, edge, edge) == 50e9);
    CHECK(link(p, {}, edge) == 1e6);
    const berth::stop_and_copy copy{berth::checkpoint_speed{}, false, 1e12, link};
    static_assert(berth::migration_cost_model<decltype(copy)>);
    CHECK(copy(p, move).duration == 2.0);
}
