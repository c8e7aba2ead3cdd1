// SPDX-License-Identifier: Apache-2.0
// An edge site and two clouds: data lie somewhere, links have a price and a latency, and a link that nobody measured is
// not free. Placements pay for egress and keep the bounds of services; relays and migrations are priced alike.
#include "berth/berth.hpp"

#include <cstdio>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

struct job {
    std::string name;
    std::string_view data;  // the site of its data
    double gigabytes;
    std::string_view users;  // the site of its users
    double round_trip;       // seconds that they accept
    int gpus = 1;
    long state_bytes = 8'000'000'000;
};
struct card {
    std::string model = "L40S";
};
struct machine {
    std::string name;
    std::vector<std::string_view> domains;  // its site
    std::vector<card> gpus{{}};
};

int main() {
    berth::site_links links;
    const auto edge = *links.add_site("edge"), east = *links.add_site("east"), west = *links.add_site("west");
    const auto set = [&](berth::site_index a, berth::site_index b, double ms, double gbit, double price) {
        return links.set_link(a, b, {ms / 1e3, gbit * 1e9 / 8, price}).has_value();
    };
    bool ok = set(edge, east, 8, 1, 0.00) && set(east, edge, 8, 5, 0.09);  // the two ways differ
    ok = ok && set(east, west, 68, 5, 0.02) && set(west, east, 68, 5, 0.02);
    ok = ok && set(west, edge, 75, 5, 0.09);  // nobody measured edge -> west

    const std::vector<machine> machines{{"e1", {"edge"}}, {"a1", {"east"}}, {"b1", {"west"}}};
    const std::vector<job> jobs{
        {"chat", "east", 2, "edge", 0.005}, {"train", "west", 400, "west", 1.0}, {"camera", "edge", 20, "edge", 0.020}};
    const berth::domain_description domains[] = {{"edge"}, {"east"}, {"west"}};
    const auto fleet = berth::make_fleet(machines, {}, domains);
    if (!ok || !fleet) return std::puts("bad links or machines"), 1;
    const auto work = berth::make_workload(jobs, *fleet);
    const auto sites = berth::sites_of_nodes(*fleet, links);
    if (!work || !sites) return std::puts("bad jobs or domains"), 1;

    using berth::column, berth::columns, berth::cost_term;
    const auto site = [&](std::string_view name) { return site_feature(*links.find(name)); };
    const auto tasks = extract(
        jobs, columns{column{"data", [&](const job& j) { return site(j.data); }}, column{"GB", &job::gigabytes},
                      column{"users", [&](const job& j) { return site(j.users); }}, column{"bound", &job::round_trip}});
    const auto gpus = extract(machines, columns{column{"site", [&](const machine& m) { return site(m.domains[0]); }}});
    if (!tasks || !gpus) return std::puts("bad features"), 1;
    // With `cost_score` infinity refuses a slot.
    const double never = std::numeric_limits<double>::infinity();
    const berth::weighted_terms cost{
        cost_term{"egress", 1.0, berth::transfer_cost{.links = &links, .unknown = never}},
        cost_term{"latency", 1.0,
                  berth::latency_bound{.links = &links, .user_site = 2, .round_trip = 3, .over = never}}};

    const berth::problem problem{*fleet, *work};
    const auto plan =
        berth::greedy{berth::cost_score{berth::bound_cost{cost, tasks->view(), gpus->view()}}}.run(problem);
    for (std::size_t j = 0; j < jobs.size(); ++j) {
        const auto at = plan.assignment[j];
        std::printf("%-7s%s", jobs[j].name.c_str(), at.placed() ? machines[at.node.value()].name.c_str() : "waits");
        if (at.placed()) std::printf(", egress $%.2f", cost(tasks->row(j), gpus->row(at.node.value())));
        std::puts("");
    }

    std::printf("edge to west: %s by a direct link;", links.link(edge, west).complete() ? "known" : "unknown");
    const auto route = find_route(links, edge, west, {.goal = berth::route_goal::cheapest, .round_trip_at_most = 0.1});
    for (const auto s : route.sites) std::printf(" %s", links.name(s).c_str());
    std::printf(" at $%.2f per GB\n", route.link.price_per_gb);

    const berth::migration_egress egress{&links, *sites};
    std::printf("moving train to the edge: $%.2f\n",
                egress(problem, berth::task_index{1}, plan.assignment[1].node, berth::node_index{0}));
    return plan.counters.placed == 3 && route.sites.size() == 3 ? 0 : 1;
}
