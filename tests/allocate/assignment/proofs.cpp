// SPDX-License-Identifier: Apache-2.0
// Bounds and proofs over whole costs of every size, with forbidden pairs, against an enumeration in integers of 128 bits. The
// enumeration shares nothing with the library. BERTH_PROOFS=1000000 makes as many problems.
#include "berth/allocate/assignment/block_search.hpp"
#include "berth/allocate/assignment/compositions.hpp"
#include "berth/allocate/assignment/dive.hpp"
#include "berth/allocate/assignment/exact.hpp"
#include "berth/allocate/assignment/portfolio.hpp"
#include "berth/allocate/assignment/priced_greedy.hpp"
#include "berth/allocate/genetic/genetic.hpp"

#include "allocate/assignment/gap_instances.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

__extension__ typedef __int128 exact_sum;
constexpr double infinity = std::numeric_limits<double>::infinity();

exact_sum least(const gap_instance& d, std::vector<amount>& room, std::size_t t, bool& any) {
    if (t == d.tasks) {
        any = true;
        return 0;
    }
    exact_sum best = 0;
    bool found = false;
    for (std::size_t g = 0; g < room.size(); ++g) {
        const std::size_t at = t * room.size() + g;
        if (room[g] < d.loads[at] || d.costs[at] == infinity) continue;
        room[g] -= d.loads[at];
        bool below = false;
        const exact_sum cost = static_cast<exact_sum>(d.costs[at]) + least(d, room, t + 1, below);
        room[g] += d.loads[at];
        if (!below || (found && cost >= best)) continue;
        best = cost;
        found = true;
    }
    any = found;
    return best;
}
std::optional<exact_sum> least(const gap_instance& d) {
    auto room = d.capacities;
    bool any = false;
    const exact_sum best = least(d, room, 0, any);
    return any ? std::optional{best} : std::nullopt;
}

std::optional<exact_sum> cost_of(const gap_instance& d, const gpu_assignment& gpu_of) {
    auto room = d.capacities;
    exact_sum sum = 0;
    for (std::size_t t = 0; t < d.tasks; ++t) {
        const std::size_t at = t * d.gpus() + gpu_of[t].value();
        room[gpu_of[t].value()] -= d.loads[at];
        if (d.costs[at] == infinity || room[gpu_of[t].value()] < 0) return std::nullopt;
        sum += static_cast<exact_sum>(d.costs[at]);
    }
    return sum;
}

/// Costs of up to 10^3 ... 10^17, spread evenly, close to each other, in clusters, negative, or falling with the load; some pairs forbidden.
gap_instance whole_instance(std::uint64_t seed) {
    gap_instance made;
    xoshiro256 g{seed};
    const std::size_t gpus = 1 + below(g, 4);
    made.tasks = 1 + below(g, 7);
    std::uint64_t size = 1000;
    for (std::size_t zeros = below(g, 15); zeros > 0; --zeros) size *= 10;
    const std::size_t kind = below(g, 6);
    const bool forbids = below(g, 2) == 0;
    const std::size_t largest = 1 + below(g, 20);
    amount sum = 0;
    for (std::size_t i = 0; i < made.tasks * gpus; ++i) {
        const std::uint64_t load = below(g, largest + 1);
        made.loads.push_back(static_cast<amount>(load));
        sum += made.loads.back();
        std::uint64_t cost = g() % (size + 1);
        if (kind == 1) cost = size + g() % 4;
        if (kind == 2) cost = g() % 3 * (size / 3) + g() % 3;
        if (kind == 5) cost = (largest + 1 - load) * (size / 20) + g() % 3;
        double signed_cost = static_cast<double>(cost);
        if (kind == 3)
            signed_cost = static_cast<double>(static_cast<std::int64_t>(cost) - static_cast<std::int64_t>(size / 2));
        if (kind == 4 && g() % 2 == 0) signed_cost = -static_cast<double>(size + cost % 5);
        made.costs.push_back(forbids && g() % 5 == 0 ? infinity : signed_cost);
    }
    const auto m = static_cast<amount>(gpus);
    for (std::size_t i = 0; i < gpus; ++i) {
        made.capacities.push_back(below(g, 12) == 0 ? 0
                                                    : sum * static_cast<amount>(80 + below(g, 120)) / (100 * m * m));
    }
    return made;
}

/// What every plan promises.
void check(const gap_instance& d, const std::optional<exact_sum>& optimum, const assignment_plan& plan) {
    const auto cost = cost_of(d, plan.gpu_of);
    CHECK(plan.feasible() == cost.has_value());
    if (cost) {
        CHECK(optimum.has_value());
        CHECK((static_cast<exact_sum>(plan.cost) + static_cast<exact_sum>(plan.cost_rest) == *cost));
        CHECK(plan.lower_bound <= plan.cost);
        if (plan.lower_bound == plan.cost) CHECK((*cost == *optimum));
    }
    if (plan.lower_bound == infinity) CHECK_FALSE(optimum.has_value());
    if (optimum && plan.lower_bound > -infinity && !(cost && plan.lower_bound == plan.cost))
        CHECK((static_cast<exact_sum>(std::floor(plan.lower_bound)) <= *optimum));
}

struct tally {
    int infeasible = 0;
    int by_bound = 0;  ///< proven by the bound alone
};

void one(std::uint64_t seed, tally& of) {
    CAPTURE(seed);
    const gap_instance d = whole_instance(seed);
    const std::optional<exact_sum> optimum = least(d);
    const priced_problem p{d.problem()};
    CHECK(p.has_whole_costs());
    of.infeasible += optimum ? 0 : 1;
    const lagrangian_bound& bound = p.bound();
    if (optimum) {
        CHECK((static_cast<exact_sum>(bound.rounded) + static_cast<exact_sum>(bound.rounded_rest) <= *optimum));
        CHECK((static_cast<exact_sum>(std::floor(bound.value)) <= *optimum));
    }
    const assignment_plan proven = exact{.max_root_iterations = 40, .max_node_iterations = 5}.run(p);
    check(d, optimum, proven);
    CHECK(proven.stopped == stop_reason::completed);
    CHECK(proven.feasible() == optimum.has_value());
    CHECK(proven.lower_bound == (optimum ? proven.cost : infinity));

    const run_control<> control{.max_evaluations = 1500};
    const assignment_plan greedy = priced_greedy{.max_rebuild_evaluations = 200}.run(p, {}, control);
    check(d, optimum, greedy);
    of.by_bound += greedy.feasible() && greedy.lower_bound == greedy.cost ? 1 : 0;
    const assignment_plan blocks = block_search{.patience = 30}.run(p, greedy.gpu_of, control);
    check(d, optimum, blocks);
    CHECK_FALSE(better(greedy, blocks));
    // Parts that prove in turns with parts that do not; a proof counts for the plan that it is of.
    const slicing_options turns{.max_turn_evaluations = 300, .max_rounds = 3};
    check(d, optimum,
          time_sliced{turns, block_search{.patience = 10}, limited{200, exact{}}, dive{}}.run(p, {}, control));
    if (seed % 8 != 0) return;  // these take longer
    check(d, optimum, portfolio{}.run(p, {}, {.max_evaluations = 3000}));
    check(d, optimum, genetic<>{.population = 10, .max_generations = 3}.run(p, {}, control));
}

}  // namespace

TEST_CASE("bounds and proofs over whole costs of 10^3 to 10^17 hold to the last digit") {
    const char* more = std::getenv("BERTH_PROOFS");
    const std::uint64_t problems = more == nullptr ? 400 : std::strtoull(more, nullptr, 10);
    tally all;
    for (std::uint64_t seed = 1; seed <= problems; ++seed) one(seed, all);
    MESSAGE(problems, " problems, ", all.infeasible, " without an answer, ", all.by_bound, " proven by the bound");
    CHECK(static_cast<std::uint64_t>(all.infeasible) * 2 < problems);
    CHECK(all.by_bound > 0);
}
