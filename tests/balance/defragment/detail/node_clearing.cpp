// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/defragment/detail/node_clearing.hpp"

#include "berth/core/random.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/workload_builder.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

using namespace berth;
using berth::detail::node_clearing;
using berth::detail::occupied_fleet;
using berth_test::below;
using berth_test::chance;
using berth_test::need;

namespace {

/// One node with four GPUs; the last task waits.
struct one_node {
    berth::fleet machines;
    berth::workload work;
};

struct wanted_task {
    std::size_t gpus;
    amount share;
    amount cpu;
    std::string_view model = {};
};

one_node make_node(const std::vector<std::string_view>& models, amount cpu, const std::vector<wanted_task>& wanted) {
    fleet_builder nodes{resource_schema{.gpu = {"share"}, .node = {"cpu"}, .domain = {}}};
    std::vector<gpu_description> gpus;
    for (const std::string_view m : models) gpus.push_back({.model = m});
    const amount room[] = {cpu};
    (void)need(nodes.add_node({.capacity = room, .gpus = gpus}));
    fleet machines = need(std::move(nodes).build());
    workload_builder tasks{machines};
    for (const wanted_task& w : wanted) {
        const amount share[] = {w.share};
        const amount host[] = {w.cpu};
        std::vector<std::string_view> accepted;
        if (!w.model.empty()) accepted.push_back(w.model);
        (void)need(
            tasks.add_task({.gpus = w.gpus, .gpu_demand = share, .node_demand = host, .accepted_models = accepted}));
    }
    workload work = need(std::move(tasks).build());
    return {std::move(machines), std::move(work)};
}

}  // namespace

TEST_CASE("node_clearing: GPUs with the fewest tasks are cleared and the largest users of CPU leave") {
    const one_node f = make_node({"A", "A", "A", "B"}, 20,
                                 {{1, 400, 1},
                                  {1, 400, 1},
                                  {1, 900, 9},
                                  {1, 900, 1},
                                  {1, 900, 1},
                                  {2, 1000, 4, "A"},
                                  {2, 1000, 12, "A"},
                                  {4, 1000, 1}});
    occupied_fleet fleet{problem{f.machines, f.work}};
    const node_index n{0};
    CHECK(fleet.add(task_index{0}, {n, 0b0001}));
    CHECK(fleet.add(task_index{1}, {n, 0b0001}));
    CHECK(fleet.add(task_index{2}, {n, 0b0010}));
    CHECK(fleet.add(task_index{3}, {n, 0b0100}));
    CHECK(fleet.add(task_index{4}, {n, 0b1000}));
    const ledger before = fleet.ledger();
    node_clearing clearing;
    const auto tasks_for = [&](std::size_t t, std::size_t most) {
        const auto out = clearing.tasks(f.work.demand(task_index{t}), n, fleet, most);
        CHECK(fleet.ledger() == before);
        return std::vector<task_index>(out.begin(), out.end());
    };
    CHECK(tasks_for(5, 4) == std::vector{task_index{2}, task_index{3}});
    CHECK(tasks_for(5, 1).empty());
    CHECK(tasks_for(6, 4) == std::vector{task_index{2}, task_index{3}});
    CHECK(tasks_for(7, 5).size() == 5);
    CHECK(tasks_for(7, 4).empty());
}

TEST_CASE("node_clearing: random nodes - the chosen tasks make room and are no more than allowed") {
    std::size_t cleared = 0;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        xoshiro256 g{seed};
        std::vector<wanted_task> wanted;
        constexpr amount shares[] = {200, 300, 500, 800, 1000};
        for (std::size_t t = 0; t < 10; ++t) {
            wanted.push_back({chance(g, 20) ? 2U : 1U, shares[below(g, 5)], static_cast<amount>(below(g, 4))});
        }
        wanted.push_back({2 + below(g, 2), 1000, static_cast<amount>(below(g, 9)), chance(g, 40) ? "A" : ""});
        const one_node f = make_node({"A", "A", "B", "A"}, 16, wanted);
        occupied_fleet fleet{problem{f.machines, f.work}};
        const node_index n{0};
        for (std::size_t t = 0; t + 1 < wanted.size(); ++t) {
            gpu_mask gpus = 0;
            gpu_mask fitting = fleet.ledger().fitting_gpus(f.work.demand(task_index{t}), n);
            for (std::size_t i = 0; i < wanted[t].gpus; ++i, fitting &= fitting - 1) gpus |= fitting & (~fitting + 1);
            if (gpu_count(gpus) == wanted[t].gpus) (void)fleet.add(task_index{t}, {n, gpus});
        }
        const demand_view root = f.work.demand(task_index{wanted.size() - 1});
        const ledger before = fleet.ledger();
        node_clearing clearing;
        const std::size_t most = below(g, 6);
        const auto out = clearing.tasks(root, n, fleet, most);
        CHECK(fleet.ledger() == before);
        CHECK(out.size() <= most);
        if (out.empty()) continue;
        ledger ledger = before;
        for (const task_index t : out) ledger.remove(f.work.demand(t), fleet.where(t));
        CHECK(ledger.fits(root, n));
        ++cleared;
    }
    CHECK(cleared > 20);
}
