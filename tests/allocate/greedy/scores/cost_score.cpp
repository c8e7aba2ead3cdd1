// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/scores/cost_score.hpp"

#include "berth/allocate/greedy/greedy.hpp"
#include "berth/core/random.hpp"
#include "berth/cost/pair_costs.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/workload_builder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace {

using berth::amount;
using berth::candidate;
using berth::gpu_index;
using berth::gpu_mask;
using berth::load_gpu;
using berth::load_task;
using berth::node_index;
using berth::task_index;

struct row_major {
    double operator()(task_index t, gpu_index g) const { return static_cast<double>(10 * t.value() + g.value()); }
};
struct not_a_pair_cost {
    double operator()(int) const { return 0.0; }
};
template <class C>
concept scored = requires(C cost) { berth::cost_score<C>{cost}; };

static_assert(scored<row_major> && scored<berth::matrix_cost>);
static_assert(!scored<not_a_pair_cost>);
static_assert(berth::prepared_score<berth::cost_score<row_major>>);
static_assert(berth::scope_of<berth::cost_score<row_major>> == berth::score_scope::task);
static_assert(!berth::is_anonymous<berth::prepared_load_cost>, "GPUs that look alike may carry different loads");

berth::fleet make_machines(std::size_t nodes, std::size_t gpus_per_node) {
    berth::fleet_builder builder;
    const std::vector<berth::gpu_description> gpus(gpus_per_node);
    for (std::size_t n = 0; n < nodes; ++n) REQUIRE(builder.add_node({.gpus = gpus}));
    return std::move(builder).build().value();
}

berth::workload make_tasks(const berth::fleet& fleet, const std::vector<load_task>& tasks, std::size_t gpus = 1) {
    berth::workload_builder builder{fleet};
    for (const load_task& task : tasks) {
        const amount share[] = {std::max<amount>(task.load % 1000, 1)};
        REQUIRE(builder.add_task({.gpus = gpus, .gpu_demand = share}));
    }
    return std::move(builder).build().value();
}

candidate at(const berth::ledger& ledger, const berth::workload& work, task_index task, node_index node,
             gpu_mask gpus) {
    return {
        .node = ledger.node(node), .demand = work.demand(task), .gpus = gpus, .shape = work.shape(task), .task = task};
}

}  // namespace

TEST_CASE("cost_score: minus the cost of every GPU of the candidate, by fleet-wide position") {
    const auto fleet = make_machines(3, 2);
    const auto work = make_tasks(fleet, std::vector<load_task>(2), 2);
    const berth::ledger ledger{fleet};
    const berth::cost_score score{row_major{}};
    CHECK(score(at(ledger, work, task_index{0}, node_index{0}, 0b01)) == 0.0);
    CHECK(score(at(ledger, work, task_index{1}, node_index{2}, 0b10)) == -15.0);
    CHECK(score(at(ledger, work, task_index{1}, node_index{2}, 0b11)) == -29.0);
    CHECK(score(at(ledger, work, task_index{1}, node_index{2}, 0)) == 0.0);
}

TEST_CASE("cost_score: an infinite cost, or one that is no number, refuses the candidate") {
    const auto fleet = make_machines(3, 2);
    const auto work = make_tasks(fleet, std::vector<load_task>(2), 2);
    const berth::ledger ledger{fleet};
    const berth::cost_score score{[](task_index t, gpu_index g) {
        if (g.value() == 1) return std::numeric_limits<double>::infinity();
        return t.value() == 1 ? std::numeric_limits<double>::quiet_NaN() : 2.0;
    }};
    CHECK(score(at(ledger, work, task_index{0}, node_index{0}, 0b01)) == -2.0);
    CHECK(score(at(ledger, work, task_index{0}, node_index{0}, 0b11)) == berth::not_admitted);
    CHECK(score(at(ledger, work, task_index{1}, node_index{1}, 0b01)) == berth::not_admitted);
}

TEST_CASE("load_cost_score: minus C times P, not admitted beyond G, loads follow placements") {
    const auto fleet = make_machines(2, 2);
    const std::vector<load_task> tasks{{.execution_cost = 3.0, .load = 400}, {.execution_cost = 2.0, .load = 700}};
    const auto work = make_tasks(fleet, tasks);
    const auto model = berth::make_load_cost(tasks, {{.load = 500}, {}, {}, {}}).value();
    const berth::load_cost_score description{model};
    auto score = description.prepare(berth::problem{fleet, work});
    const berth::ledger ledger{fleet};
    const auto first = at(ledger, work, task_index{0}, node_index{0}, 0b01);
    CHECK(score(first) == doctest::Approx(-1.5));
    CHECK(score(at(ledger, work, task_index{1}, node_index{0}, 0b01)) == berth::not_admitted);
    CHECK(score(at(ledger, work, task_index{1}, node_index{0}, 0b10)) == 0.0);
    const auto last = at(ledger, work, task_index{1}, node_index{1}, 0b10);
    berth::notify_place(score, last);
    CHECK(score.state().load(gpu_index{3}) == doctest::Approx(0.7));
    CHECK(score(at(ledger, work, task_index{0}, node_index{1}, 0b10)) == berth::not_admitted);
    berth::notify_remove(score, last);
    CHECK(score(at(ledger, work, task_index{0}, node_index{1}, 0b10)) == 0.0);
    // Over several GPUs: the sum, and refused if one of them refuses.
    CHECK(score(at(ledger, work, task_index{0}, node_index{0}, 0b11)) == doctest::Approx(-1.5));
    CHECK(score(at(ledger, work, task_index{1}, node_index{0}, 0b11)) == berth::not_admitted);
    // A second run starts from the loads of the description.
    CHECK(description.prepare(berth::problem{fleet, work}).state().load(gpu_index{3}) == 0.0);
}

TEST_CASE("greedy by load_cost_score is the brute-force argmin of C * P over admitted GPUs, at every step") {
    berth::xoshiro256 random{17};
    for (int round = 0; round < 30; ++round) {
        const std::size_t gpu_count = 2 + berth::bounded(random, 6);
        std::vector<load_task> tasks;
        for (int i = 0; i < 40; ++i) {
            tasks.push_back({.execution_cost = 1.0 + berth::bounded(random, 9),
                             .load = 1 + static_cast<amount>(berth::bounded(random, 400))});
        }
        std::vector<load_gpu> gpus;
        for (std::size_t g = 0; g < gpu_count; ++g) {
            gpus.push_back({.max_load = static_cast<amount>(berth::bounded(random, 2500)),
                            .available_time = static_cast<amount>(berth::bounded(random, 1500)),
                            .load = static_cast<amount>(berth::bounded(random, 500))});
        }
        // Bare GPUs: each is a node with one GPU. The tasks' demands are small, so that the load model alone decides.
        const auto fleet = make_machines(gpu_count, 1);
        std::vector<load_task> weightless(tasks.size());
        const auto work = make_tasks(fleet, weightless);
        const auto model = berth::make_load_cost(tasks, gpus).value();
        auto score = berth::prepare_score(berth::load_cost_score{model}, berth::problem{fleet, work});
        berth::ledger ledger{fleet};

        std::vector<std::size_t> place(tasks.size(), gpu_count);
        for (std::size_t t = 0; t < tasks.size(); ++t) {
            // The greedy step: the best score, the lowest node among equals.
            std::size_t chosen = gpu_count;
            double best = berth::not_admitted;
            for (std::size_t n = 0; n < gpu_count; ++n) {
                const double value = score(at(ledger, work, task_index{t}, node_index{n}, 1));
                if (value > best) {
                    best = value;
                    chosen = n;
                }
            }
            // The oracle: everything recomputed from the formula.
            std::size_t expected = gpu_count;
            double least = 0.0;
            for (std::size_t g = 0; g < gpu_count; ++g) {
                amount used = gpus[g].load * 1000;
                for (std::size_t i = 0; i < t; ++i) {
                    if (place[i] == g) used += tasks[i].load * gpus[g].available_time;
                }
                if (tasks[t].load * gpus[g].available_time > gpus[g].max_load * 1000 - used) continue;
                const double cost = tasks[t].execution_cost * (static_cast<double>(used) * 1e-6);
                if (expected == gpu_count || cost < least) {
                    expected = g;
                    least = cost;
                }
            }
            REQUIRE(chosen == expected);
            if (chosen == gpu_count) continue;
            REQUIRE(-best == least);
            place[t] = chosen;
            ledger.place(work.demand(task_index{t}), {.node = node_index{chosen}, .gpus = 1});
            score.on_place(at(ledger, work, task_index{t}, node_index{chosen}, 1));
            // Sometimes a task is removed.
            if (berth::bounded(random, 4) == 0) {
                const std::size_t gone = berth::bounded(random, static_cast<std::uint32_t>(t + 1));
                if (place[gone] == gpu_count) continue;
                ledger.remove(work.demand(task_index{gone}), {.node = node_index{place[gone]}, .gpus = 1});
                score.on_remove(at(ledger, work, task_index{gone}, node_index{place[gone]}, 1));
                place[gone] = gpu_count;
            }
        }
    }
}

TEST_CASE("greedy itself with load_cost_score: the least loaded GPU of all, removals reduce loads") {
    berth::xoshiro256 random{23};
    for (int round = 0; round < 20; ++round) {
        const auto fleet = make_machines(4, 3);
        std::vector<load_task> tasks;
        for (int i = 0; i < 60; ++i) {
            tasks.push_back({.execution_cost = 1.0, .load = 1 + static_cast<amount>(berth::bounded(random, 200))});
        }
        const auto work = make_tasks(fleet, std::vector<load_task>(tasks.size()));
        const auto model = berth::make_load_cost(tasks, std::vector<load_gpu>(12)).value();
        auto placer = berth::greedy{berth::load_cost_score{model}, berth::best_scored_gpu{}}.start({fleet, work});
        std::vector<amount> load(12, 0);
        for (std::size_t t = 0; t < tasks.size(); ++t) {
            const auto least = std::min_element(load.begin(), load.end());
            const berth::slot where = placer.place(task_index{t});
            if (*least + tasks[t].load > 1000) {
                REQUIRE_FALSE(where.placed());
                continue;
            }
            REQUIRE(where.placed());
            const std::size_t g = fleet.gpu(where.node, berth::lowest_gpu(where.gpus)).value();
            REQUIRE(load[g] == *least);
            load[g] += tasks[t].load;
            if (berth::bounded(random, 3) == 0) {
                placer.remove(task_index{t}, where);
                load[g] -= tasks[t].load;
            }
        }
    }
}

TEST_CASE("greedy with cost_score: every task on its cheapest GPU") {
    const auto fleet = make_machines(2, 2);
    const auto work = make_tasks(fleet, std::vector<load_task>(2));
    const double costs[] = {4, 3, 2, 5, 1, 9, 9, 9};
    const berth::cost_score score{berth::matrix_cost{{costs, 2, 4}}};
    const auto plan = berth::greedy{score, berth::best_scored_gpu{}}.run({fleet, work});
    CHECK(plan.assignment[0] == berth::slot{node_index{1}, 0b01});
    CHECK(plan.assignment[1] == berth::slot{node_index{0}, 0b01});
}
