// SPDX-License-Identifier: Apache-2.0
#include "berth/model/why_not.hpp"

#include "berth/model/cluster.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/why_not_text.hpp"
#include "berth/model/workload_builder.hpp"

#include "common/instances.hpp"
#include "common/naive.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <map>
#include <span>
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

namespace {

std::size_t sum(const std::vector<std::size_t>& counts) {
    std::size_t all = 0;
    for (const std::size_t one : counts) all += one;
    return all;
}
/// Nodes that could take the demand if they were empty and healthy, from the description.
std::size_t could_ever(const berth_test::instance& in, const berth::demand_view& demand) {
    const auto enough = [](std::span<const amount> capacity, std::span<const amount> wanted) {
        for (std::size_t r = 0; r < wanted.size(); ++r) {
            if (capacity[r] < wanted[r]) return false;
        }
        return true;
    };
    std::size_t nodes = 0;
    for (std::size_t i = 0; i < in.machines.node_count(); ++i) {
        const node_index n{i};
        std::size_t gpus = 0;
        for (std::size_t g = 0; g < in.machines.gpu_count(n); ++g) {
            const berth::gpu_index gpu = in.machines.gpu(n, g);
            const bool accepted = (demand.accepted_models >> in.machines.model(gpu).value() & 1U) != 0;
            gpus += accepted && enough(in.machines.capacity(gpu), demand.gpu) ? 1 : 0;
        }
        bool fits = gpus >= demand.gpus && enough(in.machines.capacity(n), demand.node);
        for (const auto d : in.machines.domains(n)) fits = fits && enough(in.machines.capacity(d), demand.domain);
        nodes += fits ? 1 : 0;
    }
    return nodes;
}

}  // namespace

TEST_CASE("explain: equals an independent recount, and gives no reason exactly where the task fits") {
    std::array<std::size_t, berth::refusal_count> seen{};
    std::size_t never = 0;
    std::size_t later = 0;
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
            std::size_t fitting = 0;
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
                fitting += reasons == 0 ? 1 : 0;
            }
            REQUIRE(why.fitting == fitting);
            REQUIRE(why.possible == could_ever(in, in.tasks.demand(task_index{t})));
            REQUIRE(why.never() == (why.possible == 0));
            REQUIRE(why.nearest_empty.node.valid() == why.never());
            REQUIRE(sum(why.node_counters) >= why[refusal::node_counter]);
            REQUIRE(sum(why.domain_counters) >= why[refusal::domain_counter]);
            REQUIRE(sum(why.gpu_counters) + why.too_few_gpus >= why[refusal::gpu_share] + why[refusal::whole_gpus]);
            never += why.never() ? 1 : 0;
            later += why.fitting == 0 && !why.never() ? 1 : 0;
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
    CHECK(never > 100);
    CHECK(later > 100);
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

TEST_CASE("explain: a demand, every counter of GPUs and domains by itself") {
    berth::fleet_builder builder{{.gpu = {"share", "memory"}, .node = {"cpu"}, .domain = {"power", "water"}}};
    const amount rack[] = {10, 5};
    (void)need(builder.add_domain("rack", 0, rack));
    const amount plenty[] = {1000, 80};
    const amount little[] = {1000, 16};
    const amount halved[] = {500, 80};
    const amount cpu[] = {8};
    const std::string_view racks[] = {"rack"};
    const berth::gpu_description memory_short[] = {{.capacity = little}, {.capacity = little}};
    const berth::gpu_description neither[] = {{.capacity = little}, {.capacity = halved}};
    const berth::gpu_description good[] = {{.capacity = plenty}, {.capacity = plenty}};
    (void)need(builder.add_node({.name = "small", .capacity = cpu, .gpus = memory_short}));
    (void)need(builder.add_node({.name = "odd", .capacity = cpu, .gpus = neither}));
    (void)need(builder.add_node({.name = "racked", .capacity = cpu, .gpus = good, .domains = racks}));
    const berth::fleet machines = need(std::move(builder).build());
    const ledger free{machines};
    const amount zero[] = {0, 0};

    const amount wanted[] = {1000, 40};
    const berth::demand_view one{.gpu = wanted, .node = std::span{zero}.first(1), .domain = zero, .gpus = 1};
    const auto why = explain(free, one);
    CHECK_FALSE(why.task.valid());
    CHECK(why.nodes == 3);
    CHECK(why.fitting == 1);
    CHECK(why.possible == 1);
    CHECK(why[refusal::whole_gpus] == 2);
    // "odd": each counter has a GPU with room, but not the same one, so both count.
    CHECK(why.gpu_counters == std::vector<std::size_t>{1, 2});
    CHECK(describe(why, machines) == "the task fits on 1 of 3 nodes.");

    const amount watts[] = {20, 1};
    const berth::demand_view hot{.gpu = wanted, .node = std::span{zero}.first(1), .domain = watts, .gpus = 2};
    const auto never = explain(free, hot);
    CHECK(never.never());
    CHECK(never.domain_counters == std::vector<std::size_t>{1, 0});
    CHECK(never.gpu_counters == std::vector<std::size_t>{1, 2});
    CHECK(never.nearest_empty.node == node_index{2});
    CHECK(
        describe(never, machines) ==
        "the task can never run here: no node could take it, even empty. The nearest would be node \"racked\": in its "
        "domain \"rack\" 20 of power wanted, 10 in all.");
    const auto strict = explain(free, one, [](node_index) { return false; });
    CHECK(strict[refusal::admission] == 1);
    CHECK(describe(strict, machines) ==
          "the task waits: no node can take it now, 1 could if empty and healthy. Of 3 nodes: 1 is short of GPU share, "
          "2 are short "
          "of "
          "GPU memory, 1 has room, but the policy does not admit it. The nearest is node \"small\": 1 GPU wanted, "
          "0 with 40 of GPU memory free.");
}

namespace {

/// A ledger of one node on which more is in use than there is.
struct overcommitted {
    const berth::fleet* machines;
    std::vector<amount> gpu;
    std::vector<amount> node;

    [[nodiscard]] const berth::fleet& fleet() const { return *machines; }
    [[nodiscard]] std::span<const amount> free(berth::gpu_index) const { return gpu; }
    [[nodiscard]] std::span<const amount> free(node_index) const { return node; }
    [[nodiscard]] std::span<const amount> free(berth::domain_index) const { return {}; }
};

}  // namespace

TEST_CASE("explain: amounts below zero") {
    berth::fleet_builder builder{{.gpu = {"share", "memory"}, .node = {"cpu", "memory"}}};
    const amount gpu[] = {1000, 48};
    const amount host[] = {16, 256};
    const berth::gpu_description gpus[] = {{.capacity = gpu}};
    (void)need(builder.add_node({.name = "ada", .capacity = host, .gpus = gpus}));
    const berth::fleet machines = need(std::move(builder).build());
    const amount wanted[] = {300, 10};
    const amount zero[] = {0, 0};
    const berth::demand_view demand{.gpu = wanted, .node = zero, .gpus = 1};
    const auto of = [&](std::vector<amount> left, std::vector<amount> host_left) {
        return berth::detail::explain_demand(overcommitted{&machines, std::move(left), std::move(host_left)}, demand, 0,
                                             [](node_index) { return true; });
    };
    const auto memory = of({400, -12}, {16, 256});
    CHECK(memory[refusal::gpu_share] == 1);
    CHECK(memory.nearest.counter == 1);
    CHECK(memory.nearest.available == -12);
    CHECK(memory.possible == 1);
    CHECK(
        describe(memory, machines) ==
        "the task waits: no node can take it now. Of 1 node: 1 is short of GPU memory. The nearest is node \"ada\": 10 "
        "of GPU memory wanted, but 12 more is in use than there is.");
    // Nothing new goes there, even if it does not want that counter.
    const auto cpu = of({400, 20}, {-4, 256});
    CHECK(cpu[refusal::node_counter] == 1);
    CHECK(cpu.node_counters == std::vector<std::size_t>{1, 0});
    CHECK(
        describe(cpu, machines) ==
        "the task waits: no node can take it now. Of 1 node: 1 is short of node cpu. The nearest is node \"ada\": 0 of "
        "node cpu wanted, but 4 more is in use than there is.");
}

TEST_CASE("explain: GPUs of one model, no reason exactly where the demand fits") {
    std::size_t fitting = 0;
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        CAPTURE(seed);
        const auto in = random_instance(seed, 20);
        const ledger free{in.machines};
        for (std::size_t t = 0; t < in.tasks.task_count(); ++t) {
            berth::demand_view demand = in.tasks.demand(task_index{t});
            demand.same_model = demand.gpus > 1;
            std::vector<node_index> without;
            const auto why = explain(free, demand, [&](node_index n) {
                without.push_back(n);
                return true;
            });
            std::vector<node_index> expected;
            for (std::size_t n = 0; n < in.machines.node_count(); ++n) {
                if (free.fits(demand, node_index{n})) expected.push_back(node_index{n});
            }
            REQUIRE(without == expected);
            REQUIRE(why.fitting == expected.size());
            fitting += expected.size();
        }
    }
    CHECK(fitting > 100);
}

TEST_CASE("explain: nodes that left a cluster are not counted") {
    berth::cluster cluster{{.gpu = {"share"}, .node = {"cpu"}}};
    const berth::gpu_description gpus[] = {{.model = "A100"}};
    const auto gone = need(cluster.join({.name = "gone", .gpus = gpus}));
    (void)need(cluster.join({.name = "stays", .gpus = gpus}));
    const amount two_gpus[] = {1000};
    const amount cpu[] = {1};
    const berth::demand_view demand{.gpu = two_gpus, .node = cpu, .domain = {}, .gpus = 2};
    CHECK(explain(cluster.ledger(), demand).nodes == 2);
    REQUIRE(cluster.leave(gone));
    const auto why = explain(cluster.ledger(), demand);
    CHECK(why.nodes == 1);
    CHECK(why.never());
    CHECK(why.too_few_gpus == 1);
    CHECK(describe(why, cluster.fleet()) ==
          "the task can never run here: no node could take it, even empty. The nearest would be node \"stays\": 2 GPUs "
          "wanted, 1 there.");
}

TEST_CASE("describe: never and not now, by hand") {
    const small s;
    const berth::problem p{s.machines, s.tasks};
    ledger ledger{s.machines};
    const auto text = [&](std::size_t t) { return describe(explain(ledger, s.tasks, task_index{t}), p); };
    CHECK(text(0) ==
          "task \"task-0\" waits: no node can take it now, 1 could if empty and healthy. Of 3 nodes: 1 is unhealthy or "
          "short of "
          "healthy GPUs, 1 has too few GPUs of an accepted model (A100), 1 has too few GPUs at all. The nearest is "
          "node \"a100\": 2 GPUs wanted, 1 of an accepted model healthy.");
    CHECK(text(1) == "task \"task-1\" can never run here: no node could take it, even empty. The nearest would be node "
                     "\"t4\": 20 of "
                     "node cpu wanted, 16 in all.");
    ledger.place(s.tasks.demand(task_index{2}), {node_index{1}, 0b01});
    CHECK(text(2) ==
          "task \"task-2\" waits: no node can take it now, 1 could if empty and healthy. Of 3 nodes: 1 has too few "
          "GPUs of an "
          "accepted "
          "model (A100), 1 has too few GPUs at all, 1 is short of GPU share. The nearest is node \"a100\": 900 of "
          "GPU share wanted, 100 free.");
    CHECK(text(3) ==
          "task \"task-3\" waits: no node can take it now. Of 3 nodes: 3 have room for it, but not for the rest of its "
          "gang. The nearest is node \"t4\": it has room for the task, but not for all 1 tasks of its gang.");
    CHECK(describe(berth::why_not{}, s.machines) == "the task: it is not known.");
}

TEST_CASE("describe: a model that the fleet does not have any more") {
    const small s;
    berth::workload_builder builder{s.machines};
    const std::string_view either[] = {"H100", "A100"};
    const std::string_view gone[] = {"H100", "B200"};
    (void)need(builder.add_task({.name = "either", .accepted_models = either}));
    (void)need(builder.add_task({.name = "gone", .accepted_models = gone}));
    const auto work = need(std::move(builder).build());
    const berth::problem p{s.machines, work};
    const ledger free{s.machines};
    CHECK(describe(explain(free, work, task_index{0}), p) == "task \"either\" fits on 1 of 3 nodes.");
    const auto why = explain(free, work, task_index{1});
    CHECK(why.never());
    CHECK(why.accepting == 0);
    CHECK(why[refusal::gpu_model] == 2);
    CHECK(describe(why, p) ==
          "task \"gone\" can never run here: no node has a GPU of a model that it accepts (H100|B200).");
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
