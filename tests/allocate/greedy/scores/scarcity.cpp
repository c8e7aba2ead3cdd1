// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/scores/scarcity.hpp"

#include "berth/allocate/greedy/combine.hpp"
#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fgd.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

const greedy policy{scarcity{}, best_scored_gpu{}};

/// The prices of a node, as the value of a candidate with these parts.
std::vector<double> prices(const scarcity_state& score, const fleet& machines) {
    std::vector<double> values;
    for (std::size_t n = 0; n < machines.node_count(); ++n) {
        for (const scarcity_state::part_values& part :
             {scarcity_state::part_values{0, 1000, 0, 0}, {0, 0, 1000, 0}, {0, 0, 0, 1}}) {
            values.push_back(score.combine(part, node_index{n}, {}));
        }
    }
    return values;
}

/// FNV-1a over nodes and GPUs of all slots.
std::uint64_t hash(const assignment& slots) {
    std::uint64_t h = 0xcbf29ce484222325ULL;
    const auto mix = [&](std::uint64_t word) {
        for (int byte = 0; byte < 8; ++byte) h = (h ^ (word >> (8 * byte) & 0xff)) * 0x100000001b3ULL;
    };
    for (const slot& where : slots) {
        mix(where.placed() ? where.node.value() : ~std::uint64_t{0});
        mix(where.gpus);
    }
    return h;
}

/// A run with an index and one without are equal, so is a second one, and nothing that fits is refused.
assignment run_all_ways(const fleet& machines, const workload& work) {
    const problem p{machines, work};
    const assignment slots = policy.run(p).assignment;
    REQUIRE(slots == policy.run(p).assignment);
    REQUIRE(slots == policy.exhaustive().run(p).assignment);
    ledger ledger{machines};
    for (std::size_t t = 0; t < work.task_count(); ++t) {
        if (!slots[t].placed()) continue;
        REQUIRE(ledger.fits(work.demand(task_index{t}), slots[t]));
        ledger.place(work.demand(task_index{t}), slots[t]);
    }
    for (std::size_t t = 0; t < work.task_count(); ++t) {
        const auto group = work.group(task_index{t});
        if (slots[t].placed() || (group.valid() && work.is_gang(group))) continue;
        for (std::size_t n = 0; n < machines.node_count(); ++n) {
            REQUIRE(!ledger.fits(work.demand(task_index{t}), node_index{n}));
        }
    }
    return slots;
}

std::size_t placed_in(const assignment& slots) {
    return static_cast<std::size_t>(
        std::count_if(slots.begin(), slots.end(), [](const slot& where) { return where.placed(); }));
}

const hand_node eight{.shares = std::vector<amount>(8, 1000), .cpu = 96'000, .model = "G2"};

}  // namespace

TEST_CASE("a task that fits anywhere leaves the scarce nodes to tasks that need them") {
    // T4 comes first, and most of the mix accepts no other model.
    std::vector<hand_node> nodes(4, hand_node{{1000, 1000}, 96'000, 1'000'000, "T4"});
    nodes.insert(nodes.end(), 12, hand_node{{1000, 1000}, 96'000, 1'000'000, "G2"});
    const auto machines = hand_fleet(nodes);
    const auto work =
        hand_workload(machines, {{.gpus = 1, .share = 1000, .cpu = 8'000, .accepted = {"T4"}, .copies = 12},
                                 {.gpus = 1, .share = 1000, .cpu = 8'000, .copies = 12}});
    auto placer = policy.start(problem{machines, work});
    auto fgd_placer = greedy{fgd{}, best_scored_gpu{}}.start(problem{machines, work});
    for (std::size_t t = 12; t < 24; ++t) {
        CHECK(placer.place(task_index{t}).node.value() >= 4);
        (void)fgd_placer.place(task_index{t});
    }
    std::size_t placed = 0;
    for (std::size_t t = 0; t < 8; ++t) placed += placer.place(task_index{t}).placed() ? 1 : 0;
    CHECK(placed == 8);
    // Work conserving: when only the scarce nodes are left they are taken.
    auto full = policy.start(problem{machines, work});
    for (std::size_t i = 0; i < 32; ++i) CHECK(full.place(task_index{12}).placed());
    CHECK(!full.place(task_index{12}).placed());
}

TEST_CASE("equal nodes fill up one after the other") {
    const auto machines = hand_fleet(std::vector<hand_node>(6, eight));
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 1000, .cpu = 10'000, .copies = 48}});
    auto placer = policy.start(problem{machines, work});
    for (std::size_t t = 0; t < 48; ++t) CHECK(placer.place(task_index{t}).node.value() == t / 8);
}

TEST_CASE("the last whole nodes are kept for tasks on all of their GPUs") {
    // One whole node, first in order, beside a smaller one. Two thirds of the mix's share want 8 GPUs.
    const auto machines = hand_fleet({eight, {{1000, 1000}, 96'000, 0, "G2"}});
    const auto work = hand_workload(machines, {{.gpus = 8, .share = 1000, .cpu = 8'000, .copies = 2},
                                               {.gpus = 1, .share = 1000, .cpu = 1'000, .copies = 8}});
    const problem p{machines, work};
    auto keeps = policy.start(p);
    CHECK(keeps.place(task_index{5}).node.value() == 1);
    CHECK(keeps.place(task_index{5}).node.value() == 1);
    CHECK(keeps.place(task_index{0}).node.value() == 0);
    // Work conserving, still.
    keeps.remove(task_index{0}, {node_index{0}, 0xff});
    CHECK(keeps.place(task_index{5}).node.value() == 0);
    auto spends = greedy{scarcity{.first_fit_slope = 1e6, .whole_node_charge = 0.0}, best_scored_gpu{}}.start(p);
    CHECK(spends.place(task_index{5}).node.value() == 0);
}

TEST_CASE("a share goes on the GPU with the least fragmentation") {
    const auto machines = hand_fleet({{{1000, 300, 500, 300}, 96'000}});
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 300, .cpu = 0, .copies = 2},
                                               {.gpus = 1, .share = 500, .cpu = 0, .copies = 2},
                                               {.gpus = 1, .share = 1000, .cpu = 0, .copies = 2}});
    const problem p{machines, work};
    auto placer = policy.start(p);
    CHECK(placer.place(task_index{0}) == slot{node_index{0}, 0b0010});  // the first of equals
    CHECK(placer.place(task_index{0}) == slot{node_index{0}, 0b1000});
    CHECK(placer.place(task_index{2}) == slot{node_index{0}, 0b0100});
    // best_gpu equals a loop over the GPUs.
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        const auto [many, tasks] = random_problem(seed, {.gpu_counters = 1 + seed % 2});
        const problem q{many, tasks};
        const scarcity_state score = scarcity{}.prepare(q);
        const ledger ledger{many};
        for (std::size_t s = 0; s < tasks.shape_count(); ++s) {
            const demand_view demand = tasks.demand(shape_index{s});
            for (std::size_t n = 0; demand.gpus == 1 && n < many.node_count(); ++n) {
                const gpu_mask fitting = ledger.fitting_gpus(demand, node_index{n});
                if (fitting == 0) continue;
                candidate c{.node = ledger.node(node_index{n}), .demand = demand, .gpus = 0, .shape = shape_index{s}};
                const auto best = score.best_gpu(c, fitting);
                for (gpu_mask rest = fitting; rest != 0; rest &= rest - 1) {
                    c.gpus = rest & (~rest + 1);
                    REQUIRE(score(c) <= best.value + 1e-6 * (1.0 + std::abs(best.value)));  // parts are floats
                    if (c.gpus == best.gpus) REQUIRE(score(c) == doctest::Approx(best.value).epsilon(1e-6));
                }
            }
        }
    }
}

TEST_CASE("parts by hand") {
    // One node of two GPUs, one kind of task: 600 of a GPU and 6000 CPU, so 10'000 CPU per GPU, of which 0.9 count.
    const auto machines = hand_fleet({{{1000, 1000}, 100'000}});
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 600, .cpu = 6'000}});
    const problem p{machines, work};
    const scarcity_state score =
        scarcity{.fragmentation = {.packing = 1.0, .slots = 1.0, .use = 0.0, .stranding = 0.0, .patience = 7.0}}
            .prepare(p);
    const ledger ledger{machines};
    const auto part = score.parts(candidate_for(ledger, work, 0, 0, 0b01));
    // 400 are too small for another one, and no other task wants them; 800 cannot be filled before and after.
    CHECK(part[0] == doctest::Approx((400.0 + 800.0) - (0.0 + 800.0)));
    const detail::expected_use use{p, 7.0, 10'000.0};
    CHECK(part[1] == doctest::Approx(use(2000.0, 100'000) - use(1000.0, 94'000)));
    CHECK(part[2] == doctest::Approx(6'000 * 1000.0 / 9'000));
    CHECK(part[3] == 0.0);
    CHECK(score(candidate_for(ledger, work, 0, 0, 0b01)) == -part[0]);
}

TEST_CASE("the best parts are those of the GPUs that best_scored_gpu picks") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        const auto [machines, work] = random_problem(seed, {.gpu_counters = 1 + seed % 2});
        // Without a mix as well.
        const auto none = hand_workload(machines, {});
        scarcity_state score = scarcity{}.prepare(problem{machines, seed % 5 == 0 ? none : work});
        ledger ledger{machines};
        for (std::size_t t = 0; t < work.task_count(); ++t) {
            for (std::size_t n = 0; n < machines.node_count(); ++n) {
                const demand_view demand = work.demand(task_index{t});
                if (!ledger.fits(demand, node_index{n})) continue;
                const gpu_mask fitting = demand.gpus > 0 ? ledger.fitting_gpus(demand, node_index{n}) : 0;
                candidate expected = candidate_for(ledger, work, t, n, 0);
                if (demand.gpus > 0) expected.gpus = best_scored_gpu{}.best(score, expected, fitting).gpus;
                candidate found = candidate_for(ledger, work, t, n, 0);
                const auto parts = score.best_parts(found, fitting);
                REQUIRE(found.gpus == expected.gpus);
                REQUIRE(parts == score.parts(expected));
                if ((t + n) % 3 != 0) continue;
                ledger.place(demand, {node_index{n}, found.gpus});
                score.on_node(ledger.node(node_index{n}));
            }
        }
    }
}

TEST_CASE("a failed gang changes no counter, price or later placement") {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        CAPTURE(seed);
        const auto [machines, work] = random_problem(seed, {.gpu_counters = 1 + seed % 2, .domains = seed % 3 == 0});
        const problem p{machines, work};
        const greedy eager{scarcity{.reprice_after = seed % 2 == 0 ? 0.03 : 1e-6}, best_scored_gpu{}};
        auto tried = eager.start(p);
        auto spared = eager.start(p);
        xoshiro256 g{seed};
        for (std::size_t t = 0; t < work.task_count(); ++t) {
            REQUIRE(tried.place(task_index{t}) == spared.place(task_index{t}));
            if (t % 4 != 0) continue;
            std::vector<task_index> many;
            for (std::size_t i = 0; i < 400; ++i) many.emplace_back(below(g, work.task_count()));
            const ledger before = tried.ledger();
            REQUIRE(!tried.place_all(many));
            REQUIRE(tried.ledger() == before);
        }
    }
}

TEST_CASE("removing undoes placing in the score itself") {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        CAPTURE(seed);
        const auto [machines, work] = random_problem(seed);
        scarcity_state score = scarcity{.reprice_after = 1e-6}.prepare(problem{machines, work});
        const auto before = prices(score, machines);
        ledger ledger{machines};
        std::vector<std::pair<task_index, slot>> live;
        const auto here = [&](task_index t, const slot& where) {
            return candidate_for(ledger, work, t.value(), where.node.value(), where.gpus);
        };
        for (std::size_t t = 0; t < work.task_count(); ++t) {
            for (std::size_t n = 0; n < machines.node_count(); ++n) {
                const demand_view demand = work.demand(task_index{t});
                if (!ledger.fits(demand, node_index{n})) continue;
                const gpu_mask gpus = demand.gpus == 0 ? 0
                                                       : tightest_gpu{}(ledger.node(node_index{n}), demand,
                                                                        ledger.fitting_gpus(demand, node_index{n}));
                live.emplace_back(t, slot{node_index{n}, gpus});
                ledger.place(demand, live.back().second);
                score.on_node(here(live.back().first, live.back().second).node);
                break;
            }
        }
        REQUIRE(live.size() > 20);
        for (; !live.empty(); live.pop_back()) {
            ledger.remove(work.demand(live.back().first), live.back().second);
            score.on_node(here(live.back().first, live.back().second).node);
        }
        REQUIRE(prices(score, machines) == before);
        score.on_settled();  // no change since the last prices
        REQUIRE(prices(score, machines) == before);
    }
}

TEST_CASE("tasks on unhealthy GPUs do not change the supply") {
    fleet_builder builder;
    const amount host[] = {64'000, 0};
    std::vector<gpu_description> gpus(4, gpu_description{.model = "A100", .healthy = false});
    (void)need(builder.add_node({.capacity = host, .gpus = gpus}));
    gpus.assign(4, gpu_description{.model = "T4"});
    (void)need(builder.add_node({.capacity = host, .gpus = gpus}));
    const auto machines = need(std::move(builder).build());
    const auto work =
        hand_workload(machines, {{.gpus = 4, .share = 1000, .cpu = 0}, {.gpus = 1, .share = 500, .cpu = 0}});
    auto placer = policy.start(problem{machines, work});
    REQUIRE(placer.occupy(task_index{0}, {node_index{0}, 0xf}));
    for (int i = 0; i < 8; ++i) CHECK(placer.place(task_index{1}).node.value() == 1);
    CHECK(!placer.place(task_index{1}).placed());
    placer.remove(task_index{0}, {node_index{0}, 0xf});
    CHECK(!placer.place(task_index{1}).placed());
}

TEST_CASE("prepared twice is the same, and a description can be shared") {
    const auto [machines, work] = random_problem(5);
    const problem p{machines, work};
    const scarcity how{};
    const scarcity_state a = how.prepare(p);
    const scarcity_state b = how.prepare(p);
    CHECK(prices(a, machines) == prices(b, machines));
    const ledger ledger{machines};
    for (std::size_t t = 0; t < work.task_count(); ++t) {
        for (std::size_t n = 0; n < machines.node_count(); ++n) {
            const demand_view demand = work.demand(task_index{t});
            if (demand.gpus != 1 || !ledger.fits(demand, node_index{n})) continue;
            const gpu_mask fitting = ledger.fitting_gpus(demand, node_index{n});
            const candidate c = candidate_for(ledger, work, t, n, fitting & (~fitting + 1));
            REQUIRE(a(c) == b(c));
            REQUIRE(a.parts(c) == b.parts(c));
            for (const double part : a.parts(c)) REQUIRE(std::isfinite(part));
        }
    }
}

TEST_CASE("random problems: index equals scan, twice the same, work conserving") {
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
        CAPTURE(seed);
        const auto [machines, work] = random_problem(
            300 + seed, {.nodes = 10 + 10 * (seed % 3), .gpu_counters = 1 + seed % 2, .domains = seed % 2 == 0});
        CHECK(placed_in(run_all_ways(machines, work)) > 0);
    }
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        CAPTURE(seed);
        const auto [machines, work] = random_instance(seed, 60);
        (void)run_all_ways(machines, work);
    }
}

TEST_CASE("scarcity gives the same plan on every compiler") {
    const auto [machines, work] = random_problem(2024, {.nodes = 80, .tasks = 500, .shapes = 30, .gpu_counters = 2});
    CHECK(hash(run_all_ways(machines, work)) == 0x60acca6f1c7f408fULL);
}

TEST_CASE("degenerate fleets and workloads") {
    const std::vector<hand_node> mixed{eight, {{1000, 500}, 8'000, 0, "T4"}, {{}, 64'000}};
    SUBCASE("no tasks") {
        const auto machines = hand_fleet(mixed);
        const auto work = hand_workload(machines, {});
        CHECK(run_all_ways(machines, work).empty());
    }
    SUBCASE("no task wants GPU") {
        const auto machines = hand_fleet(mixed);
        const auto work = hand_workload(machines, {{.gpus = 0, .cpu = 8'000, .copies = 30}});
        CHECK(placed_in(run_all_ways(machines, work)) == 21);
    }
    SUBCASE("no task wants CPU") {
        const auto machines = hand_fleet(mixed);
        const auto work = hand_workload(machines, {{.gpus = 1, .share = 500, .copies = 30}});
        CHECK(placed_in(run_all_ways(machines, work)) == 19);
    }
    SUBCASE("only tasks on several GPUs") {
        const auto machines = hand_fleet(mixed);
        const auto work = hand_workload(machines, {{.gpus = 4, .share = 1000, .copies = 3}});
        CHECK(placed_in(run_all_ways(machines, work)) == 2);
    }
    SUBCASE("tasks that fit nowhere") {
        const auto machines = hand_fleet(mixed);
        const auto work =
            hand_workload(machines, {{.gpus = 9, .share = 1000}, {.gpus = 1, .share = 10, .cpu = 200'000}});
        CHECK(placed_in(run_all_ways(machines, work)) == 0);
    }
    SUBCASE("one node") {
        const auto machines = hand_fleet({eight});
        const auto work = hand_workload(machines, {{.gpus = 1, .share = 810, .cpu = 100, .copies = 9}});
        CHECK(placed_in(run_all_ways(machines, work)) == 8);
    }
    SUBCASE("no GPU anywhere") {
        const auto machines = hand_fleet({{{}, 10'000}});
        const auto work = hand_workload(machines, {{.gpus = 0, .cpu = 10'000, .copies = 2}, {.gpus = 1, .share = 1}});
        CHECK(placed_in(run_all_ways(machines, work)) == 1);
    }
    SUBCASE("bare GPUs, no counters of nodes") {
        fleet_builder builder{{.gpu = {"share"}, .node = {}, .domain = {}}};
        const gpu_description gpu[] = {{.model = "A100"}};
        for (int i = 0; i < 10; ++i) (void)need(builder.add_node({.gpus = gpu}));
        const auto machines = need(std::move(builder).build());
        workload_builder tasks{machines};
        const amount share[] = {400};
        for (int i = 0; i < 25; ++i) (void)need(tasks.add_task({.gpus = 1, .gpu_demand = share}));
        const auto work = need(std::move(tasks).build());
        CHECK(placed_in(run_all_ways(machines, work)) == 20);
    }
    SUBCASE("more kinds of nodes than classes") {
        std::vector<hand_node> nodes;
        for (std::size_t i = 0; i < 65; ++i) {
            nodes.push_back({std::vector<amount>(1 + i % 4, 1000), static_cast<amount>(16'000 + i)});
        }
        const auto machines = hand_fleet(nodes);
        REQUIRE(machines.kind_count() == 65);
        const auto work = hand_workload(machines, {{.gpus = 1, .share = 600, .cpu = 2'000, .copies = 150},
                                                   {.gpus = 4, .share = 1000, .cpu = 2'000, .copies = 8}});
        CHECK(placed_in(run_all_ways(machines, work)) > 100);
    }
    SUBCASE("a kind for every node and a model for every second") {
        fleet_builder builder;
        for (std::size_t i = 0; i < 100; ++i) {
            const std::string model = "model-" + std::to_string(i / 2);
            const amount host[] = {static_cast<amount>(8'000 + i), 0};
            const std::vector<gpu_description> gpus(1 + i % 2, gpu_description{.model = model});
            (void)need(builder.add_node({.capacity = host, .gpus = gpus}));
        }
        const auto machines = need(std::move(builder).build());
        const auto work = hand_workload(machines, {{.gpus = 1, .share = 600, .cpu = 1'000, .copies = 90},
                                                   {.gpus = 1, .share = 600, .cpu = 1'000, .accepted = {"model-7"}},
                                                   {.gpus = 2, .share = 1000, .cpu = 1'000, .copies = 9}});
        CHECK(placed_in(run_all_ways(machines, work)) > 90);
    }
    SUBCASE("CPU counted in units that dwarf GPU thousandths") {
        const auto machines = hand_fleet({{{1000, 1000}, max_amount / 8, 0, "T4"}, {{1000, 1000}, 10, 0, "G2"}});
        const auto work = hand_workload(machines, {{.gpus = 1, .share = 1, .cpu = max_amount / 16, .copies = 3},
                                                   {.gpus = 1, .share = 1000, .cpu = 1, .copies = 3}});
        CHECK(placed_in(run_all_ways(machines, work)) == 4);
    }
}
