// SPDX-License-Identifier: Apache-2.0
// A trigger of your own: nodes must be empty at a known time (maintenance). Tasks that run longer leave; tasks that end
// before stay; no task that runs longer is moved there.
#include "berth/operate.hpp"

#include <cstddef>
#include <cstdio>
#include <span>
#include <utility>
#include <vector>

struct maintenance {
    std::span<const double> begins;  // per node, seconds on the clock of the observations; outlives the balancer

    static constexpr const char* name() { return "maintenance"; }

    struct state {
        std::span<const double> begins;

        void update(const berth::projected_state&) {}
        void alarms(const berth::projected_state& now, std::vector<berth::alarm>& out) const {
            for (std::size_t n = 0; n < begins.size(); ++n) {
                const berth::alarm why{.reason = name(), .node = berth::node_index{n}};
                if (begins[n] - now.time() < 3600.0 && wants(now, why)) out.push_back(why);
            }
        }
        bool wants(const berth::projected_state& now, const berth::alarm& why) const {
            bool some = false;
            now.each_task(why.node, [&](berth::task_index t) { some = some || outlasts(now, t, why.node); });
            return some;
        }
        double gain(const berth::projected_state& now, const berth::alarm& why, const berth::task_move& r) const {
            return r.to.node != why.node && outlasts(now, r.task, why.node) ? 10.0 : 0.0;
        }
        bool admits(const berth::projected_state& now, const berth::task_move& r) const {
            return !outlasts(now, r.task, r.to.node);
        }

        bool outlasts(const berth::projected_state& now, berth::task_index task, berth::node_index node) const {
            return now.time() + now.remaining(task) > begins[node.value()];
        }
    };
    state prepare(const berth::problem&) const { return {begins}; }
};

static_assert(berth::migration_trigger<maintenance>);

int main() {
    berth::fleet_builder machines;
    const std::vector<berth::gpu_description> one(1);
    for (int n = 0; n < 3; ++n) (void)machines.add_node({.gpus = one});
    const auto fleet = std::move(machines).build();
    berth::workload_builder jobs{*fleet};
    const berth::amount quarter[] = {250};
    for (const char* name : {"short", "long", "endless"}) (void)jobs.add_task({.name = name, .gpu_demand = quarter});
    const auto work = std::move(jobs).build();

    const double never = 1e12;
    const std::vector<double> begins{3000.0, 9000.0, never};
    const berth::slot first{berth::node_index{0}, 1};
    const berth::assignment placement{first, first, first};
    const std::vector<double> remaining{1000.0, 5000.0, never / 2};

    const berth::balancer policy{berth::triggers{maintenance{begins}}};
    auto state = policy.prepare({*fleet, *work});
    const auto round = state.round({.time = 0.0, .placement = placement, .remaining = remaining});
    if (!round) return std::puts(round.error().message.c_str()), 1;
    for (const auto& c : round->chosen) {
        std::printf("%s to node %zu: %s\n", work->name(c.move.task).c_str(), c.move.to.node.value(), round->reason(c));
    }
    return round->chosen.size() == 2 ? 0 : 1;  // "short" ends in time
}
