// SPDX-License-Identifier: Apache-2.0
#include "berth/model/why_not.hpp"

#include "berth/model/fleet_builder.hpp"
#include "berth/model/workload_builder.hpp"

#include "common/instances.hpp"
#include "common/naive.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

using berth::amount;
using berth::explain;
using berth::ledger;
using berth::node_index;
using berth::refusal;
using berth::task_index;
using berth_test::naive_ledger;
using berth_test::need;
using berth_test::random_instance;

TEST_CASE("explain: equals an independent recount, and gives no reason exactly where the task fits") {
    std::array<std::size_t, berth::refusal_count> seen{};
    for (std::uint64_t seed = 0; seed < 150; ++seed) {
        CAPTURE(seed);
        const auto in = random_instance(seed, 40);
        berth::xoshiro256 g{berth::stream_seed(seed, 5)};
        ledger ledger{in.machines};
        std::map<std::size_t, berth::slot> live;
        for (std::size_t t = 0; t < in.tasks.task_count(); t += 2) {
            const auto demand = in.tasks.demand(task_index{t});
            const node_index n{berth_test::below(g, in.machines.node_count())};
            if (!ledger.fits(demand, n)) continue;
            berth::slot where{.node = n};
            berth::gpu_mask rest = ledger.fitting_gpus(demand, n);
            for (std::size_t k = 0; k < demand.gpus; ++k, rest &= rest - 1) where.gpus |= rest & (~rest + 1);
            ledger.place(demand, where);
            live.emplace(t, where);
        }
        const naive_ledger naive{in.machines, in.tasks, live};
        for (std::size_t t = 0; t < in.tasks.task_count(); ++t) {
            const auto why = explain(ledger, in.tasks, task_index{t});
            std::array<std::size_t, berth::refusal_count> counted{};
            std::array<std::size_t, berth::refusal_count> sole{};
            std::size_t fewest = berth::refusal_count + 1;
            for (std::size_t i = 0; i < in.machines.node_count(); ++i) {
                const auto holds = naive.reasons(task_index{t}, node_index{i});
                const auto reasons = static_cast<std::size_t>(std::count(holds.begin(), holds.end(), true));
                for (std::size_t r = 0; r < holds.size(); ++r) {
                    counted[r] += holds[r] ? 1 : 0;
                    sole[r] += holds[r] && reasons == 1 ? 1 : 0;
                }
                if (reasons > 0) fewest = std::min(fewest, reasons);
                const bool group_only = holds[static_cast<std::size_t>(refusal::group)];
                REQUIRE(naive.fits(in.tasks.demand(task_index{t}), node_index{i}) == (reasons == 0 || group_only));
            }
            REQUIRE(why.counted == counted);
            REQUIRE(why.sole == sole);
            REQUIRE(why.nodes == in.machines.node_count());
            REQUIRE(why.nearest.node.valid() == (fewest <= berth::refusal_count));
            if (why.nearest.node.valid()) {
                const auto holds = naive.reasons(task_index{t}, why.nearest.node);
                REQUIRE(static_cast<std::size_t>(std::count(holds.begin(), holds.end(), true)) == fewest);
                REQUIRE(holds[static_cast<std::size_t>(why.nearest.reason)]);
                REQUIRE(why.nearest.available < why.nearest.wanted);
            }
            for (std::size_t r = 0; r < seen.size(); ++r) seen[r] += counted[r];
        }
    }
    for (std::size_t r = 0; r < seen.size(); ++r) {
        CAPTURE(to_string(static_cast<refusal>(r)));
        CHECK((seen[r] > 100) == (static_cast<refusal>(r) != refusal::admission));
    }
}

namespace {

struct small {
    berth::fleet machines = build();
    berth::workload tasks = build_tasks(machines);

    static berth::fleet build() {
        berth::fleet_builder builder{{.gpu = {"share"}, .node = {"cpu"}}};
        const amount cpu[] = {16};
        const std::vector<berth::gpu_description> t4(2, {.model = "T4"});
        const berth::gpu_description one_sick[] = {{.model = "A100"}, {.model = "A100", .healthy = false}};
        (void)need(builder.add_node({.name = "t4", .capacity = cpu, .gpus = t4}));
        (void)need(builder.add_node({.name = "a100", .capacity = cpu, .gpus = one_sick}));
        (void)need(builder.add_node({.name = "host", .capacity = cpu}));
        return need(std::move(builder).build());
    }
    static berth::workload build_tasks(const berth::fleet& machines) {
        berth::workload_builder builder{machines};
        const amount cpu[] = {20};
        const amount most[] = {900};
        const std::string_view a100[] = {"A100"};
        (void)need(builder.add_task({.gpus = 2, .accepted_models = a100}));
        (void)need(builder.add_task({.gpu_demand = most, .node_demand = cpu}));
        (void)need(builder.add_task({.gpu_demand = most, .accepted_models = a100}));
        (void)need(builder.add_task({.gpus = 0, .group = "g", .gang = true}));
        return need(std::move(builder).build());
    }
};

}  // namespace

TEST_CASE("explain: a node with too few GPUs of the wrong model has both reasons") {
    berth::fleet_builder builder{{}};
    const berth::gpu_description t4[] = {{.model = "T4"}, {.model = "T4"}};
    const berth::gpu_description a100[] = {{.model = "A100"}};
    (void)need(builder.add_node({.name = "t4", .gpus = t4}));
    (void)need(builder.add_node({.name = "a100", .gpus = a100}));
    const berth::fleet machines = need(std::move(builder).build());
    berth::workload_builder tasks{machines};
    const std::string_view only_a100[] = {"A100"};
    (void)need(tasks.add_task({.gpus = 3, .accepted_models = only_a100}));
    const berth::workload work = need(std::move(tasks).build());

    const auto why = explain(ledger{machines}, work, task_index{0});
    CHECK(why[refusal::gpu_model] == 1);
    CHECK(why[refusal::whole_gpus] == 2);
    CHECK(why.nearest.node == node_index{1});
}

TEST_CASE("explain: by hand") {
    const small s;
    ledger ledger{s.machines};

    const auto two = explain(ledger, s.tasks, task_index{0});
    CHECK(two[refusal::gpu_model] == 1);   // t4
    CHECK(two[refusal::health] == 1);      // a100: one of two is sick
    CHECK(two[refusal::whole_gpus] == 1);  // host: none at all
    CHECK(two.nearest.node == node_index{1});
    CHECK(two.nearest.reason == refusal::health);
    CHECK(two.nearest.wanted == 2);
    CHECK(two.nearest.available == 1);

    const auto cpu = explain(ledger, s.tasks, task_index{1});
    CHECK(cpu[refusal::node_counter] == 3);
    CHECK(cpu.sole[static_cast<std::size_t>(refusal::node_counter)] == 2);
    CHECK(cpu[refusal::gpu_share] == 1);  // host
    CHECK(cpu.node_counters == std::vector<std::size_t>{3});
    CHECK(cpu.nearest.counter == 0);
    CHECK(cpu.nearest.wanted == 20);
    CHECK(cpu.nearest.available == 16);

    // The healthy GPU is in use, the unhealthy one is free: the share is short.
    ledger.place(s.tasks.demand(task_index{2}), {node_index{1}, 0b01});
    const auto share = explain(ledger, s.tasks, task_index{2});
    CHECK(share[refusal::health] == 0);
    CHECK(share[refusal::gpu_share] == 2);
    CHECK(share.nearest.node == node_index{1});
    CHECK(share.nearest.available == 100);

    const auto gang = explain(ledger, s.tasks, task_index{3});
    CHECK(gang[refusal::group] == 3);
}

TEST_CASE("explain: a task that fits everywhere, and a policy that does not admit it") {
    const small s;
    const ledger ledger{s.machines};
    berth::workload_builder builder{s.machines};
    (void)need(builder.add_task({.gpus = 0}));
    const auto easy = need(std::move(builder).build());
    const auto why = explain(ledger, easy, task_index{0});
    CHECK(why.counted == decltype(why.counted){});
    CHECK_FALSE(why.nearest.node.valid());
    const auto strict = explain(ledger, easy, task_index{0}, [](node_index n) { return n != node_index{1}; });
    CHECK(strict[refusal::admission] == 1);
    CHECK(strict.nearest.node == node_index{1});
}

TEST_CASE("refusal: every reason has a name") {
    for (std::size_t r = 0; r < berth::refusal_count; ++r) {
        CHECK_FALSE(std::string{to_string(static_cast<refusal>(r))}.empty());
        for (std::size_t other = 0; other < r; ++other) {
            CHECK(std::string{to_string(static_cast<refusal>(r))} != to_string(static_cast<refusal>(other)));
        }
    }
    CHECK(std::string{to_string(refusal::group)} == "rest of the group");
}
