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
#include <utility>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

/// The first `wanted` fitting GPUs when sorted by a key and then by position.
template <class Key>
gpu_mask sorted_choice(const node_view& node, std::size_t wanted, gpu_mask fitting, Key key) {
    std::vector<std::pair<amount, std::size_t>> all;
    for (std::size_t i = 0; i < node.gpu_count(); ++i) {
        if ((fitting >> i & 1U) != 0) all.emplace_back(key(node.free_share(i)), i);
    }
    std::sort(all.begin(), all.end());
    gpu_mask picked = 0;
    for (std::size_t k = 0; k < wanted; ++k) picked |= gpu_mask{1} << all[k].second;
    return picked;
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
                sorted_choice(c.node, wanted, fitting, [](amount share) { return share; }));
        REQUIRE(loosest_gpu{}(c.node, c.demand, fitting) ==
                sorted_choice(c.node, wanted, fitting, [](amount share) { return -share; }));
        REQUIRE(first_gpu{}(c.node, c.demand, fitting) ==
                sorted_choice(c.node, wanted, fitting, [](amount) { return 0; }));
        const gpu_mask any = random_gpu{3}(c.node, c.demand, fitting);
        REQUIRE(gpu_count(any) == wanted);
        REQUIRE((any & ~fitting) == 0);
        REQUIRE(any == random_gpu{3}(c.node, c.demand, fitting));
    });
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
