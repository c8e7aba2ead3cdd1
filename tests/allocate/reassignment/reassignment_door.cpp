// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/reassignment/reassignment_door.hpp"

#include "berth/allocate/reassignment/evaluate_reassignment.hpp"
#include "berth/allocate/reassignment/reassignment_search.hpp"
#include "berth/core/random.hpp"

#include "allocate/door_problems.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using berth::amount;
using berth::node_index;
using berth::reassignment_place;
using berth::reassignment_wishes;
using berth::task_index;
using berth_test::need;

namespace {

/// The cost of slots, computed from the fleet alone: memory and CPU beyond the safety capacity, less what stays
/// beyond it, and moves from place to place.
struct slot_costs {
    const berth_test::door_world& world;
    std::span<const task_index> taking_part;
    reassignment_place place;
    amount memory_weight, cpu_weight, task_weight, pair_weight;
    double safety;

    [[nodiscard]] amount of(const berth::assignment& slots) const {
        berth::assignment others = world.current;
        for (const task_index t : taking_part) others[t.value()] = berth::unplaced;
        return load(slots) - load(others) + moves(slots);
    }

private:
    [[nodiscard]] amount over(amount used, amount capacity, amount weight) const {
        const auto safe = static_cast<amount>(std::floor(static_cast<double>(capacity) * safety));
        return used > safe ? (used - safe) * weight : 0;
    }
    [[nodiscard]] amount load(const berth::assignment& slots) const {
        const berth::fleet& fleet = world.machines;
        std::vector<amount> memory(fleet.gpu_count(), 0);
        std::vector<amount> cpu(fleet.node_count(), 0);
        for (std::size_t t = 0; t < slots.size(); ++t) {
            if (!slots[t].placed()) continue;
            const berth::demand_view demand = world.tasks.demand(task_index{t});
            cpu[slots[t].node.value()] += demand.node[0];
            for (berth::gpu_mask rest = slots[t].gpus; rest != 0; rest &= rest - 1)
                memory[fleet.gpu(slots[t].node, berth::lowest_gpu(rest)).value()] += demand.gpu[1];
        }
        amount sum = 0;
        for (std::size_t n = 0; n < fleet.node_count(); ++n) {
            const node_index node{n};
            amount used = 0;
            amount capacity = 0;
            for (std::size_t i = 0; i < fleet.gpu_count(node); ++i) {
                const berth::gpu_index g = fleet.gpu(node, i);
                if ((fleet.healthy_gpus(node) >> i & 1U) == 0) continue;
                used += memory[g.value()];
                capacity += fleet.capacity(g)[1];
                if (place == reassignment_place::gpu)
                    sum += over(memory[g.value()], fleet.capacity(g)[1], memory_weight);
            }
            if (place == reassignment_place::node) sum += over(used, capacity, memory_weight);
            sum += over(cpu[n], fleet.capacity(node)[0], cpu_weight);
        }
        return sum;
    }
    [[nodiscard]] amount moves(const berth::assignment& slots) const {
        amount sum = 0;
        for (const task_index t : taking_part) {
            const berth::slot from = world.current[t.value()];
            const berth::slot to = slots[t.value()];
            const bool moved = place == reassignment_place::gpu ? !(from == to) : from.node != to.node;
            if (!moved) continue;
            const bool same_rack = from.node.value() % 2 == to.node.value() % 2;
            sum += task_weight + (from.node == to.node || same_rack ? 0 : pair_weight);
        }
        return sum;
    }
};

/// `f(nodes, evaluation)` for every assignment without violations.
template <class F>
void each_assignment(const berth::reassignment_problem& p, std::vector<node_index>& so_far, const F& f) {
    if (so_far.size() == p.task_count()) {
        const auto found = berth::evaluate(p, so_far);
        if (found.feasible()) f(so_far, found);
        return;
    }
    for (std::size_t n = 0; n < p.node_count(); ++n) {
        so_far.push_back(node_index{n});
        each_assignment(p, so_far, f);
        so_far.pop_back();
    }
}

/// Counts slots that differ only in which GPUs of a node tasks have once, if places are nodes.
std::vector<std::size_t> key_of(const berth_test::door_world& world, std::span<const task_index> tasks,
                                const berth::assignment& slots, reassignment_place place) {
    std::vector<std::size_t> key;
    for (const task_index t : tasks) {
        const berth::slot& where = slots[t.value()];
        key.push_back(place == reassignment_place::node
                          ? where.node.value()
                          : world.machines.gpu(where.node, berth::lowest_gpu(where.gpus)).value());
    }
    return key;
}

void round_trip(reassignment_place place, std::uint64_t seed, std::size_t wanted) {
    berth::xoshiro256 random{seed};
    std::size_t made = 0;
    std::size_t tried = 0;
    std::size_t searched = 0;
    std::size_t had_to_leave = 0;
    while (made < wanted) {
        ++tried;
        REQUIRE(tried < 20 * wanted);
        const bool nodes = place == reassignment_place::node;
        berth_test::door_world world =
            berth_test::random_door_world(random, {.gpus_per_node = nodes ? 3U : 2U, .whole_gpus = nodes});
        berth_test::run_some(random, world, 95);
        std::vector<task_index> chosen;
        for (std::size_t t = 0; t < world.current.size(); ++t) {
            if (world.current[t].placed() && berth_test::chance(random, 80)) chosen.push_back(task_index{t});
        }
        reassignment_wishes wishes{.place = place,
                                   .counters = {{.counter = "gpu.memory",
                                                 .load_weight = static_cast<amount>(berth_test::below(random, 4)),
                                                 .safety = 0.25 * static_cast<double>(berth_test::below(random, 5))}},
                                   .task_weight = static_cast<amount>(berth_test::below(random, 6)),
                                   .pair_weight = static_cast<amount>(berth_test::below(random, 3))};
        const bool cpu = nodes || berth_test::chance(random, 30);
        if (cpu) {
            wishes.counters.push_back({.counter = "node.cpu", .load_weight = 2, .safety = wishes.counters[0].safety});
        }
        const auto door = berth::to_reassignment_problem(world.problem(), world.current, wishes,
                                                         {.tasks = chosen, .inexpressible_stay = true});
        if (!door) continue;
        ++made;
        const slot_costs costs{world, door->tasks(), place, wishes.counters[0].load_weight, cpu ? 2 : 0,
                               wishes.task_weight, wishes.pair_weight, wishes.counters[0].safety};
        std::map<std::vector<std::size_t>, amount> placements;
        berth::ledger ledger = berth_test::ledger_without(world, door->tasks());
        berth::assignment slots = world.current;
        berth_test::each_placement(ledger, world.tasks, door->tasks(), slots, [&](const berth::assignment& all) {
            placements[key_of(world, door->tasks(), all, place)] = costs.of(all);
        });
        amount least = std::numeric_limits<amount>::max();
        for (const auto& [key, cost] : placements) least = std::min(least, cost);

        std::size_t assignments = 0;
        amount optimum = std::numeric_limits<amount>::max();
        bool right = true;
        std::vector<node_index> so_far;
        each_assignment(door->problem(), so_far, [&](const std::vector<node_index>& at, const auto& found) {
            ++assignments;
            optimum = std::min(optimum, found.cost.total());
            const auto back = door->slots(at);
            right = right && back && berth_test::feasible(world, door->tasks(), *back);
            right = right && costs.of(*back) == found.cost.total();
        });
        REQUIRE(right);
        REQUIRE(assignments == placements.size());
        REQUIRE(optimum == least);
        const auto start = berth::initial_assignment(door->problem());
        const bool may_stay = berth::evaluate(door->problem(), start).feasible();
        if ((made % 25 != 0 && may_stay) || placements.empty() || door->tasks().empty()) continue;

        had_to_leave += may_stay ? 0 : 1;
        const auto plan = need(berth::reassignment_search{}.run(door->problem(), start, {.max_evaluations = 2000}));
        CHECK(plan.violations.none());
        CHECK(plan.cost.total() == least);
        ++searched;
    }
    CHECK(searched > wanted / 50);
    CHECK(had_to_leave > 0);
}

}  // namespace

TEST_CASE("reassignment door: with GPUs as places it is the problem") { round_trip(reassignment_place::gpu, 11, 600); }

TEST_CASE("reassignment door: with nodes as places it is the problem") { round_trip(reassignment_place::node, 12, 400); }
