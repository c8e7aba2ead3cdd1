// SPDX-License-Identifier: Apache-2.0
// Rebalances services on nodes without GPUs. Load over safety capacities, balance of counters, rules of services and
// the cost of moving are each a term; the plan has the value of every term.
#include "berth/search.hpp"

#include <array>
#include <cstdio>
#include <string>
#include <vector>

int main() {
    // Twelve nodes in six racks (level 0) and two rooms (level 1).
    berth::fleet_builder builder{{.node = {"cpu", "memory", "disk"}}};
    const std::array<const char*, 6> racks{"r0", "r1", "r2", "r3", "r4", "r5"};
    for (const char* rack : racks) (void)builder.add_domain(rack, 0);
    for (const char* room : {"west", "east"}) (void)builder.add_domain(room, 1);
    const std::array<berth::amount, 3> capacity{64, 256, 1000};
    for (std::size_t n = 0; n < 12; ++n) {
        const std::array<std::string_view, 2> domains{racks[n / 2], n < 6 ? "west" : "east"};
        (void)builder.add_node({.capacity = capacity, .domains = domains});
    }
    const auto fleet = std::move(builder).build();
    // Eight services of one to five tasks, on the first seven nodes.
    berth::workload_builder tasks{*fleet};
    berth::assignment initial;
    for (std::size_t service = 0; service < 8; ++service) {
        const std::string name = "service-" + std::to_string(service);
        for (std::size_t i = 0; i <= service % 5; ++i) {
            const std::array<berth::amount, 3> demand{6 + static_cast<berth::amount>(service), 40, 50};
            (void)tasks.add_task({.gpus = 0, .node_demand = demand, .group = name});
            initial.push_back({berth::node_index{(3 * service + i) % 7}, 0});
        }
    }
    const auto work = std::move(tasks).build();
    const berth::problem problem{*fleet, *work};

    std::vector<berth::amount> safety;  // 60 % of the cores, 75 % of the memory, all of the disk
    for (std::size_t n = 0; n < 12; ++n) safety.insert(safety.end(), {38, 192, 1000});
    const std::array<berth::amount, 3> weights{10, 1, 1};
    const std::array<std::size_t, 1> copied{2};  // a move holds disk at both ends
    const std::array<berth::balance_goal, 1> goals{berth::balance_goal{.counter = 0, .partner = 1, .target = 4}};
    const std::vector<std::size_t> least_racks{1, 2, 2, 3, 3, 1, 2, 2};  // of each service
    const std::array<berth::group_dependency, 2> near_by{
        berth::group_dependency{.dependent = berth::group_index{3}, .provider = berth::group_index{4}},
        berth::group_dependency{.dependent = berth::group_index{4}, .provider = berth::group_index{2}}};

    const std::span<const berth::slot> home{initial};
    const berth::objective wish{
        berth::tier(berth::capacity_excess{}, berth::transient_excess{home, copied}, berth::spread_of_groups{},
                    berth::least_spread{least_racks}, berth::group_dependencies{near_by}),
        berth::tier(berth::load_over_safety{berth::matrix_view<const berth::amount>{safety.data(), 12, 3}, weights},
                    berth::counter_balance{goals}, 1.0 * berth::move_cost<>{home}, 5.0 * berth::group_move_peak<>{home},
                    2.0 * berth::move_distance{home, berth::domain_distance{&*fleet}})};
    const auto before = wish.prepare(problem, initial);
    const berth::plan plan =
        berth::local_search{}.run(problem, wish, initial, berth::run_control<>{.max_evaluations = 300'000});
    const auto was = before.by_term();
    for (std::size_t i = 0; i < plan.by_term.size(); ++i) {
        const auto& part = plan.by_term[i];
        std::printf("tier %zu  %-22s %4g x %6g, was %6g\n", part.tier, part.name, part.weight, part.value,
                    was[i].value);
    }
    std::printf("%zu of %zu tasks change their node\n", plan.moves.size(), initial.size());
    const auto after = wish.prepare(problem, plan.assignment).value();
    return after[0] == 0 && after[1] < before.value()[1] ? 0 : 1;
}
