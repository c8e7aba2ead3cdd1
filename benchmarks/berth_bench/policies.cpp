// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/policies.hpp"

#include "berth/allocate/greedy/cluster_placer.hpp"
#include "berth/allocate/greedy/combine.hpp"
#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fgd.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/allocate/greedy/scores/gpu_packing.hpp"
#include "berth/allocate/greedy/scores/power_score.hpp"
#include "berth/allocate/greedy/scores/scarcity.hpp"
#include "berth/allocate/greedy/tie_break.hpp"
#include "berth/model/cluster.hpp"

#include "berth_bench/living.hpp"
#include "berth_bench/naive_fgd.hpp"

namespace bench {

namespace {

using input = const experiment&;
using watcher = const run_watch&;

// The weight of power in PWR+FGD: in the middle of the range that its authors recommend.
constexpr double power_weight = 0.1;
constexpr std::uint64_t random_seed = 42;

/// Ties go to the experiment's order of nodes.
template <class Score, class GpuSelection>
auto policy(input experiment, Score score, GpuSelection devices) {
    return berth::greedy{score, devices, berth::priority_order{experiment.priorities}};
}

/// A row of the table from a function of the experiment that yields a greedy policy.
template <class Make>
constexpr named_policy composed(std::string_view name, std::string_view summary, Make) {
    return {name, summary,
            [](input e, watcher w) {
                auto placer = Make{}(e).start(e.problem());
                return place_all(e, placer, w);
            },
            [](input e, watcher w, const relocation_rules& rules) {
                auto placer = Make{}(e).start(e.problem());
                return place_relocating(e, placer, w, rules);
            },
            nullptr};
}

/// On a cluster, each arrival a task of its own; one that is rejected leaves again.
template <class Policy>
placement_run place_learning(input experiment, const Policy& policy, watcher watch) {
    const auto nodes = node_reports(experiment);
    const auto tasks = task_reports(experiment);
    berth::cluster living{experiment.fleet->schema()};
    placement_run run;
    if (!join_all(living, nodes)) return run;
    auto placer = policy.start(living);
    const auto arrive = [&](berth::task_index arrival) {
        const auto task = living.admit(tasks[arrival.value()].description());
        const berth::slot where = task ? placer.place(*task) : berth::unplaced;
        if (task && !where.placed()) living.retire(*task);
        return where;
    };
    struct {
        decltype(arrive)& place;
    } arrivals{arrive};
    return place_all(experiment, arrivals, watch);
}

/// The same for a policy that expects a mix of tasks.
template <class Make>
constexpr named_policy expecting(std::string_view name, std::string_view summary, Make make) {
    named_policy row = composed(name, summary, make);
    row.run_learning = [](input e, watcher w) { return place_learning(e, Make{}(e), w); };
    return row;
}

// To add a policy: one row, in the order in which it should be shown.
constexpr named_policy table[] = {
    composed("random", "any node that fits",
             [](input e) { return policy(e, berth::random_score{random_seed}, berth::random_gpu{random_seed}); }),
    composed("dot_product", "least alignment of demand and free counters",
             [](input e) { return policy(e, berth::dot_product{}, berth::tightest_gpu{}); }),
    composed("gpu_clustering", "tasks of one class together",
             [](input e) { return policy(e, berth::gpu_clustering{}, berth::tightest_gpu{}); }),
    composed("gpu_packing", "GPUs in use before free ones, nodes in use before free ones",
             [](input e) { return policy(e, berth::gpu_packing{}, berth::tightest_gpu{}); }),
    composed("best_fit", "least left over",
             [](input e) { return policy(e, berth::best_fit{}, berth::tightest_gpu{}); }),
    composed("pwr", "fewest watts added",
             [](input e) { return policy(e, berth::power_score{e.power}, berth::tightest_gpu{}); }),
    composed("pwr_fgd", "watts and fragmentation, weighted",
             [](input e) {
                 return policy(
                     e,
                     berth::weighted_sum{berth::weighted{power_weight, berth::rescaled{berth::power_score{e.power}}},
                                         berth::weighted{1.0 - power_weight, berth::fgd{}}},
                     berth::gpu_scored_by{berth::fgd{}});
             }),
    {"fgd_naive", "fragmentation gradient descent, every node scored for every arrival",
     [](input e, watcher w) {
         naive_fgd placer{e};
         return place_all(e, placer, w);
     },
     nullptr, nullptr},
    expecting("fgd", "fragmentation gradient descent",
              [](input e) { return policy(e, berth::fgd{}, berth::best_scored_gpu{}); }),
    expecting("scarcity", "least expected fragmentation, with prices for scarce nodes",
              [](input e) { return policy(e, berth::scarcity{}, berth::best_scored_gpu{}); }),
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
