// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/combine.hpp"
#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fgd.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/allocate/greedy/scores/gpu_packing.hpp"
#include "berth/allocate/greedy/scores/power_score.hpp"
#include "berth/allocate/greedy/scores/scarcity.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace berth_test {

/// A user's score without properties: it reads the task and the node's position.
inline const auto quiet_score = [](const berth::candidate& c) {
    return static_cast<double>((c.node.index.value() * 7 + c.task.value() * 3) % 11);
};
/// A user's score that refuses: no node with an odd number of GPUs, and no GPU with too little left afterwards.
struct choosy_score {
    static constexpr auto scope = berth::score_scope::shape;
    double operator()(const berth::candidate& c) const {
        if (c.node.gpu_count() % 2 == 1) return berth::not_admitted;
        if (c.demand.gpus == 1 && c.node.free_share(berth::lowest_gpu(c.gpus)) - c.demand.gpu[0] < 100) {
            return berth::not_admitted;
        }
        return static_cast<double>(c.node.index.value() % 4);
    }
};
/// A user's score that counts in unsigned numbers: 0 is a value like any other.
struct unsigned_score {
    static constexpr auto scope = berth::score_scope::shape;
    static constexpr bool anonymous = true;
    std::size_t operator()(const berth::candidate& c) const { return berth::gpu_count(c.gpus) % 2; }
};
/// A user's GPU rule: GPUs from the top on even nodes, from the bottom on odd ones.
inline const auto alternating = [](const berth::node_view& node, const berth::demand_view& demand,
                                   berth::gpu_mask fitting) {
    if (node.index.value() % 2 == 1) return berth::first_gpu{}(node, demand, fitting);
    while (berth::gpu_count(fitting) > demand.gpus) fitting &= fitting - 1;
    return fitting;
};

/// Two placers, one with an index and one that evaluates every node, get the same placements, removals, gangs and
/// running tasks and must agree at every step.
template <class Score, class GpuSelection>
void agrees(const Score& score, const GpuSelection& selection) {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
        CAPTURE(seed);
        const auto [machines, work] =
            random_problem(100 + seed, {.nodes = seed % 3 == 2 ? std::size_t{6} : std::size_t{25},
                                        .tasks = 70,
                                        .shapes = 10 + 8 * (seed % 2),
                                        .gpu_counters = 1 + seed % 2,
                                        .sees_memory = seed % 4 == 1,
                                        .domains = seed % 3 == 1});
        const berth::problem p{machines, work};
        const berth::greedy policy{score, selection, berth::random_order{seed / 2}};
        auto indexed = policy.start(p);
        auto exhaustive = policy.exhaustive().start(p);
        berth::xoshiro256 g{seed};
        std::vector<std::pair<berth::task_index, berth::slot>> live;
        const auto keep = [&](berth::task_index t, const berth::slot& where) {
            if (where.placed()) live.emplace_back(t, where);
        };
        for (std::size_t step = 0; step < 160; ++step) {
            const berth::task_index t{below(g, work.task_count())};
            const std::size_t action = below(g, 20);
            if (action < 11 || live.empty()) {
                const auto where = indexed.place(t);
                REQUIRE(where == exhaustive.place(t));
                keep(t, where);
            } else if (action < 17) {
                const std::size_t at = below(g, live.size());
                indexed.remove(live[at].first, live[at].second);
                exhaustive.remove(live[at].first, live[at].second);
                live.erase(live.begin() + static_cast<std::ptrdiff_t>(at));
            } else if (action < 18) {
                const berth::node_index n{below(g, machines.node_count())};
                const berth::slot where{n, berth::first_gpus(work.demand(t).gpus)};
                const bool taken = indexed.occupy(t, where);
                REQUIRE(taken == exhaustive.occupy(t, where));
                if (taken) keep(t, where);
            } else {
                std::vector<berth::task_index> tasks;
                for (std::size_t i = 0; i <= below(g, 12); ++i) tasks.emplace_back(below(g, work.task_count()));
                const berth::ledger before = indexed.ledger();
                const auto slots = indexed.place_all(tasks);
                REQUIRE(slots == exhaustive.place_all(tasks));
                if (!slots) REQUIRE(before == indexed.ledger());
                for (std::size_t i = 0; slots && i < tasks.size(); ++i) keep(tasks[i], (*slots)[i]);
            }
            REQUIRE(indexed.ledger() == exhaustive.ledger());
        }
    }
}

/// A score with the usual GPU selections.
template <class Score>
void agrees_with_usual_selections(const Score& score) {
    agrees(score, berth::tightest_gpu{});
    agrees(score, berth::random_gpu{9});
    agrees(score, berth::best_scored_gpu{});
}
/// A GPU selection with scores that read the GPUs.
template <class GpuSelection>
void agrees_with_all_usual_scores(const GpuSelection& selection) {
    agrees(berth::fgd{}, selection);
    agrees(berth::power_score{}, selection);
    agrees(berth::tiers{berth::gpu_packing{}, berth::best_fit{}}, selection);
}

}  // namespace berth_test
