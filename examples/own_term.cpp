// SPDX-License-Identifier: Apache-2.0
// A term of your own in an objective: nodes that may be reclaimed at any time should run tasks whose loss costs little.
#include "berth/search.hpp"

#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

/// Every task on a node that may be reclaimed adds the cost of its loss.
struct reclaim_risk {
    std::span<const char> reclaimable;  // per node
    std::span<const double> loss_cost;  // per task

    static constexpr const char* name() { return "reclaim risk"; }

    struct state {
        std::span<const char> reclaimable;
        std::span<const double> loss_cost;
        double sum = 0.0;

        double of(berth::task_index t, const berth::slot& where) const {
            return where.placed() && reclaimable[where.node.value()] ? loss_cost[t.value()] : 0.0;
        }
        double value() const { return sum; }
        double delta(berth::task_moves all) const {
            double change = 0.0;
            for (const auto& r : all) change += of(r.task, r.to) - of(r.task, r.from);
            return change;
        }
        void apply(berth::task_moves all) { sum += delta(all); }
    };
    state prepare(const berth::problem&, std::span<const berth::slot> start) const {
        state s{reclaimable, loss_cost};
        for (std::size_t t = 0; t < start.size(); ++t) s.sum += s.of(berth::task_index{t}, start[t]);
        return s;
    }
};
static_assert(berth::term<reclaim_risk>);

struct gpu {
    std::string model = "H100";
};
struct host {
    std::vector<gpu> gpus;
};
struct job {
    std::size_t gpus;
    int gpu_demand;
};

int main() {
    const std::vector<host> hosts{{std::vector<gpu>(2)}, {std::vector<gpu>(2)}};
    const std::vector<job> jobs{{1, 600}, {1, 600}, {1, 300}};
    const auto fleet = berth::make_fleet(hosts);
    const auto work = berth::make_workload(jobs, *fleet);
    const berth::problem problem{*fleet, *work};
    const std::vector<char> spot{1, 0};  // the first node is a spot instance
    const std::vector<double> loss{5.0, 1.0, 3.0};

    const berth::assignment initial = berth::greedy{berth::best_fit{}}.run(problem).assignment;
    const berth::objective wish{berth::tier(berth::capacity_excess{}),
                                berth::tier(reclaim_risk{spot, loss}, 2.0 * berth::move_cost<>{initial})};
    const berth::plan plan =
        berth::local_search{}.run(problem, wish, initial, berth::run_control<>{.max_evaluations = 20'000});
    for (const auto& part : plan.by_term)
        std::printf("tier %zu  %-16s %g x %g\n", part.tier, part.name, part.weight, part.value);
    const auto state = wish.prepare(problem, plan.assignment);
    return state.self_check() && state.value() < wish.prepare(problem, initial).value() ? 0 : 1;
}
