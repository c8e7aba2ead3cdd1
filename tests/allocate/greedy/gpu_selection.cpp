// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/gpu_selection.hpp"

#include "berth/allocate/greedy/scores/fgd.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/allocate/greedy/scores/power_score.hpp"
#include "berth/model/fleet_builder.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

/// The first `wanted` GPUs of a list of keys and positions, and the sum of their keys.
struct sorted_pick {
    amount sum = 0;
    std::size_t of = 0;  ///< how many fit
    gpu_mask gpus = 0;
};
sorted_pick first_of(std::vector<std::pair<amount, std::size_t>> all, std::size_t wanted) {
    std::sort(all.begin(), all.end());
    sorted_pick picked{.of = all.size()};
    for (std::size_t k = 0; k < wanted; ++k) {
        picked.gpus |= gpu_mask{1} << all[k].second;
        picked.sum += all[k].first;
    }
    return picked;
}

/// The first `wanted` fitting GPUs when sorted by a key and then by position; with `alike`, of the model whose GPUs have
/// the least sum of keys, then of which the fewest fit, then the lowest, if a model has enough.
template <class Key>
gpu_mask sorted_choice(const node_view& node, std::size_t wanted, gpu_mask fitting, bool alike, Key key) {
    std::vector<std::pair<amount, std::size_t>> all;
    std::map<std::size_t, std::vector<std::pair<amount, std::size_t>>> of_model;
    for (std::size_t i = 0; i < node.gpu_count(); ++i) {
        if ((fitting >> i & 1U) == 0) continue;
        all.emplace_back(key(node.free_share(i)), i);
        of_model[node.model(i).value()].emplace_back(all.back());
    }
    std::vector<sorted_pick> picks;
    for (const auto& [model, list] : of_model) {
        if (alike && wanted > 1 && list.size() >= wanted) picks.push_back(first_of(list, wanted));
    }
    if (picks.empty()) return first_of(all, wanted).gpus;
    return std::min_element(picks.begin(), picks.end(),
                            [](const sorted_pick& a, const sorted_pick& b) {
                                return std::tuple{a.sum, a.of, lowest_gpu(a.gpus)} <
                                       std::tuple{b.sum, b.of, lowest_gpu(b.gpus)};
                            })
        ->gpus;
}

/// Calls f(ledger, candidate, fitting) for many states of random problems.
template <class F>
void on_random_nodes(F f) {
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        CAPTURE(seed);
        const auto [machines, work] = random_problem(seed, {.gpu_counters = 1 + seed % 2});
        const problem p{machines, work};
        ledger ledger{machines};
        xoshiro256 g{seed};
        for (std::size_t t = 0; t < work.task_count(); ++t) {
            const auto demand = work.demand(task_index{t});
            const std::size_t n = below(g, machines.node_count());
            if (demand.gpus == 0 || !ledger.fits(demand, node_index{n})) continue;
            const gpu_mask fitting = ledger.fitting_gpus(demand, node_index{n});
            const auto c = candidate_for(ledger, work, t, n, 0);
            f(p, c, fitting);
            ledger.place(demand, {node_index{n}, random_gpu{seed}(c.node, demand, fitting)});
        }
    }
}

/// The fraction of its capacity that a GPU has free.
struct emptiest {
    static constexpr bool anonymous = true;
    double operator()(const candidate& x) const {
        const std::size_t i = lowest_gpu(x.gpus);
        return static_cast<double>(x.node.free_share(i)) /
               static_cast<double>(x.node.fleet->capacity(x.node.fleet->gpu(x.node.index, i))[0]);
    }
};

}  // namespace

TEST_CASE("GPU rules by hand, ties to the lowest position") {
    const auto machines = hand_fleet({{.shares = {500, 300, 1000, 300, 1000, 200}}});
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 250}, {.gpus = 2, .share = 250}});
    const ledger ledger{machines};
    const auto one = candidate_for(ledger, work, 0, 0, 0);
    const auto two = candidate_for(ledger, work, 1, 0, 0);
    const gpu_mask fitting = 0b011111;
    CHECK(tightest_gpu{}(one.node, one.demand, fitting) == 0b000010);
    CHECK(loosest_gpu{}(one.node, one.demand, fitting) == 0b000100);
    CHECK(first_gpu{}(one.node, one.demand, fitting) == 0b000001);
    CHECK(tightest_gpu{}(two.node, two.demand, fitting) == 0b001010);
    CHECK(loosest_gpu{}(two.node, two.demand, fitting) == 0b010100);
    CHECK(first_gpu{}(two.node, two.demand, fitting) == 0b000011);
    CHECK(first_gpu{}(two.node, two.demand, 0b011010) == 0b001010);
    // Exactly as many as wanted.
    CHECK(tightest_gpu{}(two.node, two.demand, 0b010001) == 0b010001);
}

TEST_CASE("GPU rules agree with sorting") {
    on_random_nodes([](const problem&, const candidate& c, gpu_mask fitting) {
        const std::size_t wanted = c.demand.gpus;
        REQUIRE(tightest_gpu{}(c.node, c.demand, fitting) ==
                sorted_choice(c.node, wanted, fitting, true, [](amount share) { return share; }));
        REQUIRE(loosest_gpu{}(c.node, c.demand, fitting) ==
                sorted_choice(c.node, wanted, fitting, true, [](amount share) { return -share; }));
        REQUIRE(first_gpu{}(c.node, c.demand, fitting) ==
                sorted_choice(c.node, wanted, fitting, false, [](amount) { return 0; }));
        const gpu_mask any = random_gpu{3}(c.node, c.demand, fitting);
        REQUIRE(gpu_count(any) == wanted);
        REQUIRE((any & ~fitting) == 0);
        REQUIRE(any == random_gpu{3}(c.node, c.demand, fitting));
    });
}

TEST_CASE("a task on several GPUs gets like ones, and never others with same_model") {
    fleet_builder builder;
    const std::vector<gpu_description> one_turing{
        {.model = "turing"}, {.model = "ampere"}, {.model = "ampere"}, {.model = "ampere"}};
    (void)need(builder.add_node({.gpus = one_turing}));
    const std::vector<gpu_description> pairs{{.model = "turing"}, {.model = "ampere"}, {.model = "turing"}};
    (void)need(builder.add_node({.gpus = pairs}));
    const fleet machines = need(std::move(builder).build());
    workload_builder tasks{machines};
    (void)need(tasks.add_task({.gpus = 2}));
    (void)need(tasks.add_task({.gpus = 2, .same_model = true}));
    (void)need(tasks.add_task({.gpus = 3}));
    (void)need(tasks.add_task({.gpus = 3, .same_model = true}));
    (void)need(tasks.add_task({.gpus = 1, .same_model = true}));
    const workload work = need(std::move(tasks).build());
    const ledger ledger{machines};
    const auto gpus = [&](const auto& rule, std::size_t node, std::size_t task) {
        const auto c = candidate_for(ledger, work, task, node, 0);
        const gpu_mask fitting = ledger.fitting_gpus(c.demand, node_index{node});
        return has_gpus(fitting, c.demand.gpus) ? rule(c.node, c.demand, fitting) : gpu_mask{0};
    };
    for (const std::size_t task : {0U, 1U}) {
        CHECK(gpus(tightest_gpu{}, 0, task) == 0b0110);
        CHECK(gpus(loosest_gpu{}, 0, task) == 0b0110);
        CHECK(gpus(tightest_gpu{}, 1, task) == 0b101);
    }
    CHECK(gpus(first_gpu{}, 0, 0) == 0b0011);
    CHECK(gpus(first_gpu{}, 0, 1) == 0b0110);
    CHECK(gpus(tightest_gpu{}, 0, 2) == 0b1110);
    CHECK(gpus(tightest_gpu{}, 1, 2) == 0b111);
    CHECK(gpus(tightest_gpu{}, 1, 3) == 0);
    CHECK(gpus(tightest_gpu{}, 0, 4) == 0b0001);
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CHECK(machines.one_model({node_index{0}, gpus(random_gpu{seed}, 0, 3)}));
        CHECK(machines.one_model({node_index{1}, gpus(random_gpu{seed}, 1, 1)}));
    }
    // A selection that mixes models refuses the node.
    const auto mixes = [](const node_view&, const demand_view&, gpu_mask) { return gpu_mask{0b0011}; };
    auto same = candidate_for(ledger, work, 1, 0, 0);
    CHECK_FALSE(choose_gpus(mixes, first_fit{}, same, 0b1110).has_value());
    auto any = candidate_for(ledger, work, 0, 0, 0);
    CHECK(choose_gpus(mixes, first_fit{}, any, 0b1111)->gpus == 0b0011);
}

TEST_CASE("the tightest GPU is of the smallest class of memory where the task fits, then by share, then by memory") {
    fleet_builder builder{{.gpu = {"share", "memory"}}};
    const std::vector<amount> a100{1000, 80};
    const std::vector<amount> t4{1000, 16};
    const std::vector<amount> a10{1000, 24};
    const std::vector<gpu_description> gpus{{.model = "A100", .capacity = a100},
                                            {.model = "A10", .capacity = a10},
                                            {.model = "T4", .capacity = t4},
                                            {.model = "T4", .capacity = t4},
                                            {.model = "A100", .capacity = a100}};
    (void)need(builder.add_node({.gpus = gpus}));
    const fleet machines = need(std::move(builder).build());
    workload_builder tasks{machines};
    const auto add = [&](std::size_t wanted, amount share, amount memory) {
        const std::vector<amount> gpu{share, memory};
        (void)need(tasks.add_task({.gpus = wanted, .gpu_demand = gpu}));
    };
    add(1, 300, 12);
    add(1, 300, 40);
    add(2, 1000, 12);
    add(2, 300, 20);
    add(1, 300, 0);
    add(1, 0, 4);
    const workload work = need(std::move(tasks).build());
    ledger ledger{machines};
    const auto pick = [&](const auto& rule, std::size_t task) {
        const auto c = candidate_for(ledger, work, task, 0, 0);
        return rule(c.node, c.demand, ledger.fitting_gpus(c.demand, node_index{0}));
    };
    CHECK(pick(tightest_gpu{}, 0) == 0b00100);
    CHECK(pick(tightest_gpu{}, 1) == 0b00001);
    CHECK(pick(tightest_gpu{}, 2) == 0b01100);
    CHECK(pick(tightest_gpu{}, 3) == 0b10001);  // two A100 rather than an A10 and an A100
    CHECK(pick(tightest_gpu{}, 4) == 0b00001);  // wants no memory: by share and position, as ever
    CHECK(pick(loosest_gpu{}, 0) == 0b00001);
    ledger.place(work.demand(task_index{0}), {node_index{0}, 0b00100});
    CHECK(pick(tightest_gpu{}, 0) == 0b01000);  // 4 GiB are left on the first T4
    CHECK(pick(tightest_gpu{}, 5) == 0b00100);
    ledger.place(work.demand(task_index{0}), {node_index{0}, 0b01000});
    CHECK(pick(tightest_gpu{}, 0) == 0b00010);  // the A10 before the A100
}

TEST_CASE("random_gpu reaches every GPU") {
    const auto machines = hand_fleet({{.shares = {1000, 1000, 1000, 1000}}});
    const auto work = hand_workload(machines, {{.gpus = 2, .share = 1000}});
    const ledger ledger{machines};
    const auto c = candidate_for(ledger, work, 0, 0, 0);
    std::map<gpu_mask, int> seen;
    for (std::uint64_t seed = 0; seed < 600; ++seed) ++seen[random_gpu{seed}(c.node, c.demand, 0b1111)];
    CHECK(seen.size() == 6);
    for (const auto& [gpus, count] : seen) CHECK(count > 60);
}

TEST_CASE("best_scored_gpu is the best of all GPUs, lowest position on ties") {
    const auto check = [](const auto& score, const candidate& c, gpu_mask fitting) {
        candidate open = c;
        const auto found = best_scored_gpu{}.best(score, open, fitting);
        if (c.demand.gpus != 1) {
            open.gpus = tightest_gpu{}(c.node, c.demand, fitting);
            REQUIRE(found.gpus == open.gpus);
            REQUIRE(found.value == score(open));
            return;
        }
        double best = not_admitted;
        gpu_mask at = 0;
        for (std::size_t i = 0; i < 64; ++i) {
            if ((fitting >> i & 1U) == 0) continue;
            open.gpus = gpu_mask{1} << i;
            if (at == 0 || score(open) > best) {
                best = score(open);
                at = open.gpus;
            }
        }
        REQUIRE(found.gpus == at);
        REQUIRE(found.value == best);
    };
    on_random_nodes([&](const problem& p, const candidate& c, gpu_mask fitting) {
        // `before` of fgd is that of empty nodes here, which shifts all GPUs of a node by the same value.
        check(fgd{}.prepare(p), c, fitting);
        check(power_score{}.prepare(p), c, fitting);
        check([](const candidate& x) { return static_cast<double>(lowest_gpu(x.gpus) % 3); }, c, fitting);
        check(first_fit{}, c, fitting);
    });
}

TEST_CASE("GPUs are only equal if their capacities are") {
    // The first GPU is half used, the second is half a GPU and idle: free shares are equal, watts are not.
    fleet_builder builder;
    const amount half[] = {500};
    const gpu_description gpus[] = {{.model = "T4"}, {.model = "T4", .capacity = half}};
    (void)need(builder.add_node({.gpus = gpus}));
    const auto machines = need(std::move(builder).build());
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 500}});
    const problem p{machines, work};
    ledger ledger{machines};
    ledger.place(work.demand(task_index{0}), {node_index{0}, 0b01});
    auto c = candidate_for(ledger, work, 0, 0, 0);
    CHECK(!detail::repeats_earlier_gpu(c.node, 0b11, 1));
    CHECK(best_scored_gpu{}.best(emptiest{}, c, 0b11).gpus == 0b10);
}

TEST_CASE("gpu_scored_by selects GPUs with its own score, the policy's score values the node") {
    const auto machines = hand_fleet({{.shares = {1000, 400, 600}}});
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 300}, {.gpus = 2, .share = 300}});
    const problem p{machines, work};
    const ledger ledger{machines};
    const auto most_left = [](const candidate& c) {
        return static_cast<double>(c.node.free_share(lowest_gpu(c.gpus)));
    };
    const auto choice = gpu_scored_by{most_left}.prepare(p);
    const auto position = [](const candidate& c) { return static_cast<double>(c.gpus) * 10.0; };
    auto one = candidate_for(ledger, work, 0, 0, 0);
    const auto found = choose_gpus(choice, position, one, 0b111);
    REQUIRE(found.has_value());
    CHECK(found->gpus == 0b001);
    CHECK(found->value == 10.0);
    auto two = candidate_for(ledger, work, 1, 0, 0);
    CHECK(choose_gpus(choice, position, two, 0b111)->gpus == 0b110);
}

namespace {

/// Returns the same GPUs whatever fits.
struct fixed_search {
    gpu_mask gpus;

    template <class Score>
    [[nodiscard]] scored_gpus<double> best(const Score&, candidate&, gpu_mask) const {
        return {1.0, gpus};
    }
};

}  // namespace

TEST_CASE("a selection outside the GPUs that fit, or of another number, is no selection") {
    const auto machines = hand_fleet({{.shares = {1000, 400, 600}}});
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 300}, {.gpus = 2, .share = 300}});
    const ledger ledger{machines};
    std::size_t asked = 0;
    const auto score = [&](const candidate& c) {
        ++asked;
        return static_cast<double>(c.gpus);
    };
    for (const gpu_mask wrong : {gpu_mask{0}, gpu_mask{0b010}, gpu_mask{0b101}, gpu_mask{1} << 3, gpu_mask{1} << 63}) {
        CAPTURE(wrong);
        auto c = candidate_for(ledger, work, 0, 0, 0);
        const auto rule = [&](const node_view&, const demand_view&, gpu_mask) { return wrong; };
        CHECK_FALSE(choose_gpus(rule, score, c, 0b101).has_value());
        CHECK_FALSE(choose_gpus(fixed_search{wrong}, score, c, 0b101).has_value());
    }
    CHECK(asked == 0);  // a score never sees GPUs that do not exist
    auto two = candidate_for(ledger, work, 1, 0, 0);
    const auto all = [](const node_view&, const demand_view&, gpu_mask fitting) { return fitting; };
    CHECK_FALSE(choose_gpus(all, score, two, 0b111).has_value());
    CHECK(choose_gpus(all, score, two, 0b101)->gpus == 0b101);
}
