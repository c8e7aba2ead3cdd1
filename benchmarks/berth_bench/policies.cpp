// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/policies.hpp"

#include "berth/allocate/combine.hpp"
#include "berth/allocate/device_choice.hpp"
#include "berth/allocate/greedy.hpp"
#include "berth/allocate/scores/fgd.hpp"
#include "berth/allocate/scores/fit.hpp"
#include "berth/allocate/scores/gpu_packing.hpp"
#include "berth/allocate/scores/power_score.hpp"
#include "berth/allocate/scores/scarcity.hpp"
#include "berth/allocate/tie_break.hpp"

#include "berth_bench/naive_fgd.hpp"

namespace bench {

namespace {

using input = const experiment&;
using watcher = const run_watch&;

// The weight of power in PWR+FGD: in the middle of what its authors recommend.
constexpr double power_weight = 0.1;
constexpr std::uint64_t random_seed = 42;

/// Runs a greedy policy over all arrivals; ties go to the experiment's order of nodes.
template <class Score, class Devices>
placement_run run_greedy(input experiment, watcher watch, Score score, Devices devices) {
    const berth::greedy policy{score, devices, berth::priority_order{experiment.priorities}};
    auto placer = policy.start(experiment.problem());
    return place_all(experiment, placer, watch);
}

// To add a policy: one row, in the order in which it should be shown.
constexpr named_policy table[] = {
    {"random", "any node that fits",
     [](input e, watcher w) {
         return run_greedy(e, w, berth::random_score{random_seed}, berth::random_gpu{random_seed});
     }},
    {"dot_product", "least alignment of demand and left-overs",
     [](input e, watcher w) { return run_greedy(e, w, berth::dot_product{}, berth::tightest_gpu{}); }},
    {"gpu_clustering", "tasks of one class together",
     [](input e, watcher w) { return run_greedy(e, w, berth::gpu_clustering{}, berth::tightest_gpu{}); }},
    {"gpu_packing", "GPUs in use before free ones, nodes in use before free ones",
     [](input e, watcher w) { return run_greedy(e, w, berth::gpu_packing{}, berth::tightest_gpu{}); }},
    {"best_fit", "least left over",
     [](input e, watcher w) { return run_greedy(e, w, berth::best_fit{}, berth::tightest_gpu{}); }},
    {"pwr", "fewest watts added",
     [](input e, watcher w) { return run_greedy(e, w, berth::power_score{e.power}, berth::tightest_gpu{}); }},
    {"pwr_fgd", "watts and fragmentation, weighted",
     [](input e, watcher w) {
         return run_greedy(
             e, w,
             berth::weighted_sum{berth::weighted{power_weight, berth::rescaled{berth::power_score{e.power}}},
                                 berth::weighted{1.0 - power_weight, berth::fgd{}}},
             berth::gpu_scored_by{berth::fgd{}});
     }},
    {"fgd_naive", "fragmentation gradient descent, everything rescored for every arrival",
     [](input e, watcher w) {
         naive_fgd placer{e};
         return place_all(e, placer, w);
     }},
    {"fgd", "fragmentation gradient descent",
     [](input e, watcher w) { return run_greedy(e, w, berth::fgd{}, berth::best_scored_gpu{}); }},
    {"scarcity", "least expected waste, scarce nodes at a price",
     [](input e, watcher w) { return run_greedy(e, w, berth::scarcity{}, berth::best_scored_gpu{}); }},
};

}  // namespace

std::span<const named_policy> policies() noexcept { return table; }

std::string_view default_policy() noexcept { return "scarcity"; }

const named_policy* find_policy(std::string_view name) noexcept {
    for (const auto& policy : table) {
        if (policy.name == name) return &policy;
    }
    return nullptr;
}

}  // namespace bench
