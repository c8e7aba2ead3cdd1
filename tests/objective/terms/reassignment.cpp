// SPDX-License-Identifier: Apache-2.0
// The terms of reassignment together are the cost and the constraints of the Google ROADEF/EURO challenge 2012.
#include "berth/objective/objective.hpp"
#include "berth/objective/terms/capacity_excess.hpp"
#include "berth/objective/terms/counter_balance.hpp"
#include "berth/objective/terms/group_dependencies.hpp"
#include "berth/objective/terms/group_move_peak.hpp"
#include "berth/objective/terms/grouping.hpp"
#include "berth/objective/terms/least_spread.hpp"
#include "berth/objective/terms/load_over_safety.hpp"
#include "berth/objective/terms/move_cost.hpp"
#include "berth/objective/terms/move_distance.hpp"
#include "berth/objective/terms/transient_excess.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

using machines_of = std::vector<std::size_t>;  // a machine for each process

/// An instance with the challenge's terms.
struct challenge {
    struct machine {
        std::size_t neighbourhood, location;
        std::vector<amount> capacity, safety, move_cost;
    };
    struct service {
        std::size_t least_spread;
        std::vector<std::size_t> depends_on;
    };
    struct process {
        std::size_t service;
        std::vector<amount> demand;
        double move_cost;
    };
    struct balance {
        std::size_t first, second;
        amount target, weight;
    };
    std::vector<bool> transient;
    std::vector<amount> load_weight;
    std::vector<machine> machines;
    std::vector<service> services;
    std::vector<process> processes;
    std::vector<balance> balances;
    double process_weight = 1, service_weight = 1, machine_weight = 1;
    machines_of original;

    [[nodiscard]] amount used(const machines_of& a, std::size_t m, std::size_t r) const {
        amount sum = 0;
        for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] == m ? processes[i].demand[r] : 0;
        return sum;
    }
    [[nodiscard]] amount cost(const machines_of& a) const {
        amount sum = 0;
        for (std::size_t m = 0; m < machines.size(); ++m) {
            for (std::size_t r = 0; r < load_weight.size(); ++r) {
                sum += load_weight[r] * std::max<amount>(0, used(a, m, r) - machines[m].safety[r]);
            }
            for (const auto& b : balances) {
                const amount first = machines[m].capacity[b.first] - used(a, m, b.first);
                const amount second = machines[m].capacity[b.second] - used(a, m, b.second);
                sum += b.weight * std::max<amount>(0, b.target * first - second);
            }
        }
        std::vector<amount> moved(services.size(), 0);
        double moves = 0;
        for (std::size_t i = 0; i < a.size(); ++i) {
            if (a[i] == original[i]) continue;
            moves += process_weight * processes[i].move_cost;
            moves += machine_weight * static_cast<double>(machines[original[i]].move_cost[a[i]]);
            ++moved[processes[i].service];
        }
        moves += service_weight * static_cast<double>(*std::max_element(moved.begin(), moved.end()));
        return sum + static_cast<amount>(moves);
    }
    [[nodiscard]] bool feasible(const machines_of& a) const {
        for (std::size_t m = 0; m < machines.size(); ++m) {
            for (std::size_t r = 0; r < load_weight.size(); ++r) {
                amount sum = 0;
                for (std::size_t i = 0; i < a.size(); ++i) {
                    if (a[i] == m || (transient[r] && original[i] == m)) sum += processes[i].demand[r];
                }
                if (sum > machines[m].capacity[r]) return false;
            }
        }
        for (std::size_t s = 0; s < services.size(); ++s) {
            std::set<std::size_t> locations;
            std::set<std::size_t> hosts;
            for (std::size_t i = 0; i < a.size(); ++i) {
                if (processes[i].service != s) continue;
                if (!hosts.insert(a[i]).second) return false;
                locations.insert(machines[a[i]].location);
                for (const std::size_t needed : services[s].depends_on) {
                    bool near_by = false;
                    for (std::size_t j = 0; j < a.size(); ++j) {
                        near_by = near_by || (processes[j].service == needed &&
                                              machines[a[j]].neighbourhood == machines[a[i]].neighbourhood);
                    }
                    if (!near_by) return false;
                }
            }
            if (locations.size() < services[s].least_spread) return false;
        }
        return true;
    }
};

/// The same for the library. Kept in one place so that spans in terms stay valid.
class lowered {
public:
    explicit lowered(const challenge& c)
        : machines_{fleet_of(c)}, tasks_{workload_of(c, machines_)}, observed_{at(c.original)}, load_{c.load_weight} {
        for (std::size_t r = 0; r < c.transient.size(); ++r) {
            if (c.transient[r]) transient_.push_back(r);
        }
        for (const auto& b : c.balances) goals_.push_back({b.first, b.second, b.target, b.weight});
        for (const auto& m : c.machines) {
            safety_.insert(safety_.end(), m.safety.begin(), m.safety.end());
            distance_.insert(distance_.end(), m.move_cost.begin(), m.move_cost.end());
        }
        for (std::size_t s = 0; s < c.services.size(); ++s) {
            const auto group = tasks_.find_group(std::to_string(s));
            if (!group) continue;  // no process is of it
            if (group->value() >= least_.size()) least_.resize(group->value() + 1, 0);
            least_[group->value()] = c.services[s].least_spread;
            for (const std::size_t other : c.services[s].depends_on) {
                pairs_.push_back({*group, tasks_.find_group(std::to_string(other)).value()});
            }
        }
        for (const auto& one : c.processes) weights_.push_back(one.move_cost);
    }

    [[nodiscard]] berth::problem problem() const { return {machines_, tasks_}; }
    [[nodiscard]] assignment at(const machines_of& a) const {
        assignment all;
        for (const std::size_t m : a) all.push_back({node_index{m}, 0});
        return all;
    }
    /// Constraints first, then cost. `Resources` and `Balances` may be known when this is compiled.
    template <std::size_t Resources = std::dynamic_extent, std::size_t Balances = std::dynamic_extent>
    [[nodiscard]] auto wish(const challenge& c) const {
        const std::span<const slot> initial{observed_};
        return objective{
            tier(capacity_excess{}, transient_excess<>{initial, transient_}, spread_of_groups{}, least_spread{least_},
                 group_dependencies{pairs_}),
            tier(load_over_safety<on_nodes, Resources>{{safety_.data(), c.machines.size(), load_.size()}, load_},
                 counter_balance<on_nodes, Balances>{goals_},
                 c.process_weight * move_cost{initial, move_weights{weights_}},
                 c.service_weight * group_move_peak<>{initial},
                 c.machine_weight * move_distance{initial, matrix_distance{{distance_.data(), c.machines.size(),
                                                                            c.machines.size()}}})};
    }

private:
    static fleet fleet_of(const challenge& c) {
        resource_schema schema{.node = {}};
        for (std::size_t r = 0; r < c.load_weight.size(); ++r) schema.node.push_back("r" + std::to_string(r));
        fleet_builder builder{schema};
        std::set<std::string> domains;
        for (const auto& m : c.machines) {
            const std::string location = "location " + std::to_string(m.location);
            const std::string neighbourhood = "neighbourhood " + std::to_string(m.neighbourhood);
            if (domains.insert(location).second) (void)need(builder.add_domain(location, 0));
            if (domains.insert(neighbourhood).second) (void)need(builder.add_domain(neighbourhood, 1));
            const std::string_view named[] = {location, neighbourhood};
            (void)need(builder.add_node({.capacity = m.capacity, .domains = named}));
        }
        return need(std::move(builder).build());
    }
    static workload workload_of(const challenge& c, const fleet& machines) {
        workload_builder builder{machines};
        for (const auto& one : c.processes) {
            const std::string service = std::to_string(one.service);
            (void)need(builder.add_task({.gpus = 0, .node_demand = one.demand, .group = service}));
        }
        return need(std::move(builder).build());
    }

    fleet machines_;
    workload tasks_;
    assignment observed_;
    std::vector<amount> load_;
    std::vector<std::size_t> transient_;
    std::vector<balance_goal> goals_;
    std::vector<amount> safety_;
    std::vector<amount> distance_;
    std::vector<std::size_t> least_;
    std::vector<group_dependency> pairs_;
    std::vector<double> weights_;
};

/// The example of the challenge's problem definition.
challenge worked_example() {
    challenge c;
    c.transient = {true, false};
    c.load_weight = {100, 10};
    c.machines = {{0, 0, {30, 400}, {16, 80}, {0, 1, 4, 5}},
                  {0, 0, {10, 240}, {8, 160}, {1, 0, 3, 4}},
                  {1, 1, {15, 100}, {12, 80}, {4, 3, 0, 2}},
                  {1, 2, {10, 100}, {8, 80}, {5, 4, 2, 0}}};
    c.services = {{2, {}}, {1, {0}}};
    c.processes = {{0, {12, 10}, 1000}, {0, {10, 20}, 100}, {1, {6, 200}, 1}};
    c.balances = {{0, 1, 20, 10}};
    c.process_weight = 1;
    c.service_weight = 10;
    c.machine_weight = 100;
    c.original = {0, 3, 0};
    return c;
}

challenge random_challenge(std::uint64_t seed) {
    xoshiro256 g{seed};
    challenge c;
    for (std::size_t r = 0; r < 3; ++r) {
        c.transient.push_back(chance(g, 50));
        c.load_weight.push_back(static_cast<amount>(below(g, 12)));
    }
    const auto amounts = [&](std::size_t least, std::size_t range) {
        std::vector<amount> all;
        for (std::size_t r = 0; r < 3; ++r) all.push_back(static_cast<amount>(least + below(g, range)));
        return all;
    };
    const std::size_t machines = 3 + below(g, 4);
    for (std::size_t m = 0; m < machines; ++m) {
        challenge::machine one{below(g, 2), below(g, 3), amounts(14, 30), amounts(5, 15), {}};
        for (std::size_t other = 0; other < machines; ++other) {
            one.move_cost.push_back(other == m ? 0 : static_cast<amount>(below(g, 9)));
        }
        c.machines.push_back(std::move(one));
    }
    const std::size_t services = 4;
    for (std::size_t s = 0; s < services; ++s) {
        c.services.push_back({below(g, 3), {}});
        if (chance(g, 40)) c.services.back().depends_on.push_back(below(g, services));
    }
    for (std::size_t i = 0; i < 7; ++i) {
        c.processes.push_back({i < services ? i : below(g, services), amounts(0, 7), static_cast<double>(below(g, 5))});
        c.original.push_back(below(g, machines));
    }
    for (std::size_t b = 0; b < 2; ++b) {
        c.balances.push_back({below(g, 3), below(g, 3), static_cast<amount>(1 + below(g, 3)), static_cast<amount>(b)});
    }
    c.process_weight = 1;
    c.service_weight = 10;
    c.machine_weight = 100;
    return c;
}

}  // namespace

TEST_CASE("the worked example of the challenge: 4200 and 3510 and 2411") {
    const challenge c = worked_example();
    const lowered our{c};
    const auto wish = our.wish<2, 1>(c);
    const auto value = [&](const machines_of& a) {
        const auto both = wish.prepare(our.problem(), our.at(a)).value();
        CHECK((both[0] == 0) == c.feasible(a));
        CHECK(both[1] == static_cast<double>(c.cost(a)));
        return both[1];
    };
    CHECK(value({0, 3, 0}) == 4200);
    CHECK(value({0, 2, 0}) == 3510);
    CHECK(value({0, 2, 1}) == 2411);
    double best = 1e9;
    for (std::size_t i = 0; i < 64; ++i) {
        const machines_of a{i % 4, i / 4 % 4, i / 16};
        const double found = value(a);
        if (c.feasible(a)) best = found < best ? found : best;
    }
    CHECK(best == 2411);
}

TEST_CASE("terms together equal cost and constraints of the challenge on random instances") {
    std::size_t feasible = 0;
    std::size_t asked = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        const challenge c = random_challenge(seed);
        const lowered our{c};
        const problem p = our.problem();
        auto known = our.wish<3, 2>(c).prepare(p, our.at(c.original));
        auto unknown = our.wish(c).prepare(p, our.at(c.original));
        machines_of now = c.original;
        xoshiro256 g{seed};
        for (int step = 0; step < 200; ++step) {
            machines_of then = now;
            std::vector<task_move> all;
            const std::size_t first = below(g, now.size());
            const std::size_t count = 1 + below(g, 3);
            for (std::size_t i = 0; i < count; ++i) {
                const std::size_t moved = (first + i) % now.size();
                then[moved] = i == 1 ? now[first] : below(g, c.machines.size());
                all.push_back({task_index{moved}, {node_index{now[moved]}, 0}, {node_index{then[moved]}, 0}});
            }
            REQUIRE(known.delta(all) == unknown.delta(all));
            REQUIRE(known.delta(all)[1] == static_cast<double>(c.cost(then) - c.cost(now)));
            known.apply(all);
            unknown.apply(all);
            now = then;
            REQUIRE(known.value()[1] == static_cast<double>(c.cost(now)));
            REQUIRE((known.value()[0] == 0) == c.feasible(now));
            feasible += c.feasible(now) ? 1 : 0;
            ++asked;
        }
        CHECK(known.self_check(0.0));
        CHECK(unknown.self_check(0.0));
        CHECK(known.value() == unknown.value());
    }
    CHECK(feasible > 100);
    CHECK(feasible < asked / 2);
}
