// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/combine.hpp"

#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fgd.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/allocate/greedy/scores/power_score.hpp"
#include "berth/allocate/greedy/scores/scarcity.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

/// A score that reads a table: one value per node.
struct table_score {
    std::vector<double> of_node;
    double operator()(const candidate& c) const { return of_node[c.node.index.value()]; }
};

const auto machines = [] { return hand_fleet({{{1000}}, {{1000}}, {{1000}}, {{1000}}}); };
const auto one_task = [](const fleet& f) { return hand_workload(f, {{.gpus = 1, .share = 1000}}); };

/// The node on which a greedy policy with this score places the only task.
template <class Score>
slot chosen(const Score& score) {
    const auto f = machines();
    const auto w = one_task(f);
    return greedy{score}.start(problem{f, w}).place(task_index{0});
}
template <class Score>
auto value(const Score& score, std::size_t node) {
    const auto f = machines();
    const auto w = one_task(f);
    const problem p{f, w};
    const ledger ledger{f};
    return prepare_score(score, p)(candidate_for(ledger, w, 0, node, 1));
}

}  // namespace

TEST_CASE("weighted_sum by hand") {
    const table_score a{{1, 2, 3, 4}};
    const table_score b{{10, 0, 5, 1}};
    CHECK(value(weighted_sum{weighted{0.5, a}, weighted{2.0, b}}, 0) == 20.5);
    CHECK(value(weighted_sum{weighted{0.5, a}, weighted{2.0, b}}, 3) == 4.0);
    CHECK(chosen(weighted_sum{weighted{1.0, a}, weighted{0.1, b}}).node == node_index{3});
    CHECK(chosen(weighted_sum{weighted{1.0, a}, weighted{10.0, b}}).node == node_index{0});
    CHECK(chosen(weighted_sum{weighted{-1.0, a}}).node == node_index{0});
    // A sum is a score and can be a part.
    CHECK(value(weighted_sum{weighted{2.0, weighted_sum{weighted{3.0, a}}}, weighted{1.0, b}}, 1) == 12.0);
    // Numbers of any kind.
    CHECK(value(weighted_sum{weighted{0.5, [](const candidate&) { return 3; }}}, 0) == 1.5);
}

TEST_CASE("one part that refuses is enough, whatever its weight") {
    const table_score open{{1, 2, 3, 4}};
    const table_score shut{{0, 0, not_admitted, not_admitted}};
    for (const double weight : {1.0, 0.0, -1.0}) {
        CAPTURE(weight);
        CHECK(value(weighted_sum{weighted{1.0, open}, weighted{weight, shut}}, 3) == not_admitted);
        CHECK(chosen(weighted_sum{weighted{1.0, open}, weighted{weight, shut}}).node == node_index{1});
        CHECK(chosen(weighted_sum{weighted{1.0, rescaled{open}}, weighted{weight, rescaled{shut}}}).node ==
              node_index{1});
    }
    CHECK(chosen(tiers{shut, open}).node == node_index{1});
    CHECK(chosen(tiers{open, shut}).node == node_index{1});
    const table_score none{{not_admitted, not_admitted, not_admitted, not_admitted}};
    CHECK(!chosen(tiers{none, open}).placed());
    CHECK(!chosen(tiers{open, none}).placed());
    CHECK(!chosen(none).placed());
    CHECK(!chosen(weighted_sum{weighted{1.0, rescaled{none}}}).placed());
}

TEST_CASE("tiers are lexicographic") {
    const table_score a{{1, 2, 2, 1}};
    const table_score b{{9, 3, 4, 9}};
    CHECK(chosen(tiers{a, b}).node == node_index{2});
    CHECK(chosen(tiers{b, a}).node == node_index{0});
    CHECK(chosen(tiers{a}).node == node_index{1});
    CHECK(value(tiers{a, b}, 2) == tier_values<2>{{2.0, 4.0}});

    static_assert(tier_values<2>{{1, 9}} < tier_values<2>{{2, 0}});
    static_assert(tier_values<2>{{1, 1}} < tier_values<2>{{1, 2}});
    static_assert(tier_values<2>{{1, 2}} == tier_values<2>{{1, 2}});
    static_assert(std::totally_ordered<tier_values<2>>);
}

TEST_CASE("rescaled parts are stretched over the nodes that fit") {
    // a in 1..4 becomes 0, 33.3, 66.7, 100; b in 100..200 becomes 100, 90, 0, 0.
    const table_score a{{1, 2, 3, 4}};
    const table_score b{{200, 190, 100, 100}};
    CHECK(chosen(weighted_sum{weighted{0.5, rescaled{a}}, weighted{0.5, rescaled{b}}}).node == node_index{1});
    CHECK(chosen(weighted_sum{weighted{0.9, rescaled{a}}, weighted{0.1, rescaled{b}}}).node == node_index{3});
    // Unscaled, b would always win.
    CHECK(chosen(weighted_sum{weighted{0.9, a}, weighted{0.1, b}}).node == node_index{0});
    // All equal: 0 for all, the other part decides, then the tie-break.
    CHECK(chosen(weighted_sum{weighted{1.0, rescaled{table_score{{5, 5, 5, 5}}}}, weighted{0.001, a}}).node ==
          node_index{3});
    CHECK(chosen(weighted_sum{weighted{1.0, rescaled{table_score{{5, 5, 5, 5}}}}}).node == node_index{0});
}

TEST_CASE("rescaled agrees with two naive passes at every arrival") {
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
        CAPTURE(seed);
        const auto [f, w] = random_problem(seed, {.gangs = false});
        const problem p{f, w};
        const double weight = 0.1 + 0.05 * static_cast<double>(seed % 3);
        const greedy policy{weighted_sum{weighted{weight, rescaled{power_score{}}}, weighted{1.0 - weight, fgd{}}},
                            gpu_scored_by{fgd{}}, random_order{seed}};
        auto placer = policy.start(p);
        auto watts = power_score{}.prepare(p);
        auto gradient = fgd{}.prepare(p);
        const auto rank = random_order{seed}.rank(f);
        for (std::size_t t = 0; t < w.task_count(); ++t) {
            struct open_node {
                node_index node;
                double first;
                double second;
                gpu_mask gpus;
            };
            std::vector<open_node> nodes;
            for (const node_index n : rank) {
                auto c = candidate_for(placer.ledger(), w, t, n.value(), 0);
                if (!placer.ledger().fits(c.demand, n)) continue;
                const gpu_mask fitting = c.demand.gpus == 0 ? 0 : placer.ledger().fitting_gpus(c.demand, n);
                if (c.demand.gpus == 1) {
                    double best = not_admitted;
                    gpu_mask at = 0;
                    for (gpu_mask rest = fitting; rest != 0; rest &= rest - 1) {
                        c.gpus = rest & (~rest + 1);
                        if (gradient(c) > best) {
                            best = gradient(c);
                            at = c.gpus;
                        }
                    }
                    c.gpus = at;
                } else {
                    c.gpus = tightest_gpu{}(c.node, c.demand, fitting);
                }
                nodes.push_back({n, watts(c), gradient(c), c.gpus});
            }
            slot expected = unplaced;
            if (!nodes.empty()) {
                const auto by_first = [](const open_node& x, const open_node& y) { return x.first < y.first; };
                const double least = std::min_element(nodes.begin(), nodes.end(), by_first)->first;
                const double greatest = std::max_element(nodes.begin(), nodes.end(), by_first)->first;
                double best = not_admitted;
                for (const auto& n : nodes) {
                    const double stretched = greatest > least ? 100.0 * (n.first - least) / (greatest - least) : 0.0;
                    const double sum = 0.0 + weight * stretched + (1.0 - weight) * n.second;
                    if (sum > best) {
                        best = sum;
                        expected = {n.node, n.gpus};
                    }
                }
            }
            const slot where = placer.place(task_index{t});
            REQUIRE(where == expected);
            if (where.placed()) {
                const auto after = candidate_for(placer.ledger(), w, t, where.node.value(), where.gpus);
                notify_node(watts, after.node);
                notify_node(gradient, after.node);
            }
        }
    }
}

namespace {

/// Counts the decisions that stood.
struct settled_counter {
    int* count;
    double operator()(const berth::candidate&) const { return 0.0; }
    void on_settled() const { ++*count; }
};

}  // namespace

TEST_CASE("on_settled calls the parts of every combination once per decision") {
    const auto fleet = hand_fleet({{{1000, 1000}, 64'000}});
    const auto work = hand_workload(fleet, {{.gpus = 1, .share = 1000, .copies = 3}});
    int in_sum = 0;
    int in_tiers = 0;
    int in_selection = 0;
    const berth::greedy policy{
        berth::tiers{berth::weighted_sum{berth::weighted{1.0, settled_counter{&in_sum}}}, settled_counter{&in_tiers}},
        berth::gpu_scored_by{settled_counter{&in_selection}}};
    auto placer = policy.start({fleet, work});
    const berth::slot first = placer.place(berth::task_index{0});
    CHECK(in_sum == 1);
    const berth::task_index two[] = {berth::task_index{1}, berth::task_index{2}};
    CHECK(!placer.place_all(two));  // only one GPU is free: no decision
    CHECK(in_sum == 1);
    placer.remove(berth::task_index{0}, first);
    CHECK(placer.place_all(two));
    CHECK(in_sum == 3);
    CHECK(in_tiers == 3);
    CHECK(in_selection == 3);
}

namespace {

/// Two policies get the same arrivals and departures and must agree at every step.
template <class A, class B>
void decide_alike(const A& a, const B& b) {
    static_assert(std::is_same_v<typename A::selection_type, typename B::selection_type>);
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
        CAPTURE(seed);
        const auto [f, w] = random_problem(300 + seed, {.tasks = 90, .gpu_counters = 1 + seed % 2, .gangs = false});
        const problem p{f, w};
        auto first = a.policy.start(p);
        auto second = b.policy.start(p);
        xoshiro256 g{seed};
        std::vector<std::pair<task_index, slot>> live;
        for (std::size_t step = 0; step < 150; ++step) {
            const task_index t{below(g, w.task_count())};
            if (below(g, 3) > 0 || live.empty()) {
                const slot where = first.place(t);
                REQUIRE(where == second.place(t));
                if (where.placed()) live.emplace_back(t, where);
            } else {
                const std::size_t at = below(g, live.size());
                REQUIRE(first.remove(live[at].first, live[at].second));
                REQUIRE(second.remove(live[at].first, live[at].second));
                live.erase(live.begin() + static_cast<std::ptrdiff_t>(at));
            }
        }
    }
}
/// A policy with the default GPU selection of its score.
template <class Score>
struct with_defaults {
    using selection_type = default_gpu_selection_of<Score>;
    greedy<Score, selection_type> policy;
};
template <class Score>
with_defaults<Score> policy_of(const Score& score) {
    return {greedy<Score, default_gpu_selection_of<Score>>{score, {}, {}}};
}

}  // namespace

TEST_CASE("a combination of scarcity alone is scarcity") {
    const scarcity eager{.reprice_after = 0.005};
    decide_alike(policy_of(tiers{eager}), policy_of(eager));
    decide_alike(policy_of(weighted_sum{weighted{1.0, eager}}), policy_of(eager));
    decide_alike(policy_of(tiers{weighted_sum{weighted{2.0, tiers{eager}}}}), policy_of(eager));
    const auto constant = [](const candidate&) { return 1.0; };
    CHECK(prepared<decltype(tiers{eager, constant})>::part_values{}.size() == 5);
    static_assert(std::is_same_v<prepared<decltype(tiers{scarcity{}})>::part_values, std::array<float, 4>>);
    static_assert(std::is_same_v<default_gpu_selection_of<decltype(tiers{best_fit{}, scarcity{}})>, best_scored_gpu>);
    static_assert(std::is_same_v<default_gpu_selection_of<decltype(tiers{best_fit{}, fgd{}})>, tightest_gpu>);
}

TEST_CASE("what a combination is made of") {
    using plain = prepared<decltype(tiers{best_fit{}, tiers{worst_fit{}, fgd{}}})>;
    static_assert(!parted_score<plain> && plain::all_values == 3);
    static_assert(!parted_score<prepared<decltype(weighted_sum{weighted{1.0, best_fit{}}})>>);
    using ranged = prepared<decltype(tiers{best_fit{}, weighted_sum{weighted{1.0, rescaled{best_fit{}}}}})>;
    static_assert(parted_score<ranged> && ranged::compares_nodes);
    using priced = prepared<decltype(weighted_sum{weighted{1.0, scarcity{}}, weighted{1.0, best_fit{}}})>;
    static_assert(!berth::detail::follows_prices<ranged> && berth::detail::follows_prices<priced>);
    static_assert(parted_score<priced> && !priced::compares_nodes);
    // Tiers in tiers are as if they were listed.
    const table_score a{{1, 2, 2, 1}};
    const table_score b{{9, 3, 4, 9}};
    CHECK(value(tiers{a, tiers{b, a}}, 2) == tier_values<3>{{2.0, 4.0, 2.0}});
    CHECK(chosen(tiers{tiers{a, b}}).node == node_index{2});
}

TEST_CASE("scarcity in tiers and sums agrees with a look at every node") {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
        CAPTURE(seed);
        const auto [f, w] = random_problem(seed, {.gangs = false});
        const problem p{f, w};
        const scarcity how{.reprice_after = 0.004};
        const auto coarse = [](const candidate& c) { return static_cast<double>(c.node.gpu_count() / 2); };
        auto in_tiers = greedy{tiers{coarse, how}, tightest_gpu{}}.start(p);
        auto in_sum =
            greedy{weighted_sum{weighted{2.0, rescaled{coarse}}, weighted{0.5, how}}, tightest_gpu{}}.start(p);
        std::array<scarcity_state, 2> known{how.prepare(p), how.prepare(p)};
        for (std::size_t t = 0; t < w.task_count(); ++t) {
            for (const bool sum : {false, true}) {
                auto& placer_ledger = sum ? in_sum.ledger() : in_tiers.ledger();
                std::vector<candidate> open;
                double least = 1e9;
                double greatest = -1e9;
                for (std::size_t n = 0; n < f.node_count(); ++n) {
                    auto c = candidate_for(placer_ledger, w, t, n, 0);
                    if (!placer_ledger.fits(c.demand, node_index{n})) continue;
                    if (c.demand.gpus > 0) {
                        c.gpus = tightest_gpu{}(c.node, c.demand, placer_ledger.fitting_gpus(c.demand, node_index{n}));
                    }
                    least = std::min(least, coarse(c));
                    greatest = std::max(greatest, coarse(c));
                    open.push_back(c);
                }
                slot expected = unplaced;
                std::array<double, 2> best{not_admitted, not_admitted};
                for (const candidate& c : open) {
                    const double second = known[sum].combine(known[sum].parts(c), c.node.index, {});
                    const double width = greatest - least;
                    const double stretched = width > 0.0 ? 100.0 * (coarse(c) - least) / width : 0.0;
                    const std::array<double, 2> now{sum ? 0.0 + 2.0 * stretched + 0.5 * second : coarse(c),
                                                    sum ? 0.0 : second};
                    if (now > best) {
                        best = now;
                        expected = {c.node.index, c.gpus};
                    }
                }
                const slot where = sum ? in_sum.place(task_index{t}) : in_tiers.place(task_index{t});
                REQUIRE(where == expected);
                if (!where.placed()) continue;
                known[sum].on_node(placer_ledger.node(where.node));
                known[sum].on_settled();
            }
        }
    }
}
