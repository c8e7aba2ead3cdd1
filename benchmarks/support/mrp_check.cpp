// SPDX-License-Identifier: Apache-2.0
#include "support/mrp_check.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace bench {

using berth::amount;
using berth::node_index;
using berth::reassignment_input;

namespace {

/// Usage of every machine: a row of resources for each.
struct usage {
    std::vector<amount> now;      ///< by the processes on it
    std::vector<amount> holding;  ///< by the processes that are on it or were on it at first
};

usage add_up(const reassignment_input& input, std::span<const node_index> assignment) {
    const std::size_t resources = input.resources.size();
    usage used{std::vector<amount>(input.capacity.size(), 0), std::vector<amount>(input.capacity.size(), 0)};
    for (std::size_t p = 0; p < assignment.size(); ++p) {
        const std::size_t to = assignment[p].value();
        const std::size_t from = input.initial[p];
        for (std::size_t r = 0; r < resources; ++r) {
            const amount demand = input.demand[p * resources + r];
            used.now[to * resources + r] += demand;
            used.holding[to * resources + r] += demand;
            if (from != to) used.holding[from * resources + r] += demand;
        }
    }
    return used;
}

void check_capacities(const reassignment_input& input, const usage& used, mrp_verdict& verdict) {
    const std::size_t resources = input.resources.size();
    for (std::size_t i = 0; i < input.capacity.size(); ++i) {
        const bool transient = input.resources[i % resources].transient;
        const amount beyond = (transient ? used.holding[i] : used.now[i]) - input.capacity[i];
        if (beyond <= 0) continue;
        verdict.violations.capacity += beyond;
        verdict.broken.push_back({transient ? mrp_constraint::transient_capacity : mrp_constraint::capacity,
                                  i / resources, i % resources, beyond});
    }
}

void check_services(const reassignment_input& input, std::span<const node_index> assignment, mrp_verdict& verdict) {
    const std::size_t services = input.spread.size();
    std::map<std::pair<std::size_t, std::size_t>, std::size_t> first;  // (service, machine): the first process there
    std::vector<std::set<std::uint32_t>> locations(services);
    std::vector<std::set<std::uint32_t>> neighbourhoods(services);
    for (std::size_t p = 0; p < assignment.size(); ++p) {
        const std::size_t service = input.group[p];
        const std::size_t machine = assignment[p].value();
        const auto [there, alone] = first.try_emplace({service, machine}, p);
        if (!alone) {
            ++verdict.violations.conflicts;
            verdict.broken.push_back({mrp_constraint::conflict, p, there->second, static_cast<amount>(machine)});
        }
        locations[service].insert(input.location[machine]);
        neighbourhoods[service].insert(input.neighbourhood[machine]);
    }
    std::size_t begin = 0;
    for (std::size_t s = 0; s < services; ++s) {
        if (locations[s].size() < input.spread[s]) {
            const std::size_t missing = input.spread[s] - locations[s].size();
            verdict.violations.spread += missing;
            verdict.broken.push_back({mrp_constraint::spread, s, 0, static_cast<amount>(missing)});
        }
        const std::set<std::uint32_t> needed(input.dependencies.begin() + static_cast<std::ptrdiff_t>(begin),
                                             input.dependencies.begin() +
                                                 static_cast<std::ptrdiff_t>(input.dependency_ends[s]));
        begin = input.dependency_ends[s];
        for (const std::uint32_t on : needed) {
            for (const std::uint32_t neighbourhood : neighbourhoods[s]) {
                if (neighbourhoods[on].contains(neighbourhood)) continue;
                ++verdict.violations.dependencies;
                verdict.broken.push_back({mrp_constraint::dependency, s, on, static_cast<amount>(neighbourhood)});
            }
        }
    }
}

void add_costs(const reassignment_input& input, std::span<const node_index> assignment, const usage& used,
               mrp_verdict& verdict) {
    const std::size_t resources = input.resources.size();
    for (std::size_t i = 0; i < input.capacity.size(); ++i) {
        const amount beyond = used.now[i] - input.safety_capacity[i];
        verdict.cost.load += input.resources[i % resources].load_weight * std::max<amount>(beyond, 0);
    }
    for (const auto& balance : input.balances) {
        for (std::size_t row = 0; row < input.capacity.size(); row += resources) {
            const auto free = [&](std::size_t r) { return input.capacity[row + r] - used.now[row + r]; };
            const amount lacking = balance.target * free(balance.first) - free(balance.second);
            verdict.cost.balance += balance.weight * std::max<amount>(lacking, 0);
        }
    }
    std::vector<amount> moved(input.spread.size(), 0);
    for (std::size_t p = 0; p < assignment.size(); ++p) {
        const node_index from{input.initial[p]};
        if (from == assignment[p]) continue;
        ++verdict.moved;
        ++moved[input.group[p]];
        verdict.cost.tasks += input.task_weight * input.move_cost[p];
        verdict.cost.pairs += input.pair_weight * static_cast<amount>(input.pair_costs(from, assignment[p]));
    }
    for (const amount count : moved) verdict.cost.groups = std::max(verdict.cost.groups, input.group_weight * count);
}

}  // namespace

std::string to_text(const mrp_violation& v) {
    const auto text = [](auto number) { return std::to_string(number); };
    switch (v.constraint) {
        case mrp_constraint::capacity:
            return "machine " + text(v.item) + ": usage of resource " + text(v.other) + " is " + text(v.amount) +
                   " beyond the capacity";
        case mrp_constraint::transient_capacity:
            return "machine " + text(v.item) + ": usage of resource " + text(v.other) + " is " + text(v.amount) +
                   " beyond the capacity, initial processes included";
        case mrp_constraint::conflict:
            return "process " + text(v.item) + ": is on machine " + text(v.amount) + ", as process " + text(v.other) +
                   " of the same service";
        case mrp_constraint::spread:
            return "service " + text(v.item) + ": is in " + text(v.amount) + " locations too few";
        case mrp_constraint::dependency:
            return "service " + text(v.item) + ": needs service " + text(v.other) + " in neighbourhood " +
                   text(v.amount);
    }
    return {};
}

mrp_verdict check_mrp_assignment(const reassignment_input& input, std::span<const node_index> assignment) {
    mrp_verdict verdict;
    if (assignment.size() != input.group.size()) return verdict;
    for (const node_index machine : assignment) {
        if (!machine.valid() || machine.value() >= input.location.size()) return verdict;
    }
    verdict.complete = true;
    const usage used = add_up(input, assignment);
    check_capacities(input, used, verdict);
    check_services(input, assignment, verdict);
    add_costs(input, assignment, used, verdict);
    return verdict;
}

amount mrp_lower_bound(const reassignment_input& input) {
    const std::size_t resources = input.resources.size();
    const auto total = [resources](const std::vector<amount>& rows, std::size_t r) {
        amount sum = 0;
        for (std::size_t i = r; i < rows.size(); i += resources) sum += rows[i];
        return sum;
    };
    amount bound = 0;
    for (std::size_t r = 0; r < resources; ++r) {
        const amount beyond = total(input.demand, r) - total(input.safety_capacity, r);
        bound += input.resources[r].load_weight * std::max<amount>(beyond, 0);
    }
    const auto free = [&](std::size_t r) { return total(input.capacity, r) - total(input.demand, r); };
    for (const auto& balance : input.balances) {
        bound += balance.weight * std::max<amount>(balance.target * free(balance.first) - free(balance.second), 0);
    }
    return bound;
}

}  // namespace bench
