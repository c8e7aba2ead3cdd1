// SPDX-License-Identifier: Apache-2.0
// Jobs on a fleet of nodes, decided by the scheduler that would run them.
#include "berth/model/descriptions.hpp"
#include "berth/queue/orders.hpp"
#include "berth/scheduler/scheduler.hpp"
#include "berth/simulate/scheduler_engine.hpp"
#include "berth/simulate/virtual_time.hpp"

#include "berth_bench/simulations.hpp"

#include <array>
#include <cstddef>
#include <vector>

namespace bench {

using berth::result;
using berth::simulation_run;

namespace {

/// Counts GPUs in use beside an engine; nothing if nobody asks.
template <class Engine>
struct counted_engine {
    Engine engine;
    std::span<const berth::simulated_job> jobs;
    std::vector<usage_sample>* usage = nullptr;
    usage_sample now{};

    result<void> arrive(double time, std::uint32_t job) {
        now.waiting += 1.0;
        return engine.arrive(time, job);
    }
    result<void> finish(double time, std::uint32_t job) {
        now.gpus -= jobs[job].gpus;
        return engine.finish(time, job);
    }
    result<std::span<const berth::simulated_decision>> decide(double time) {
        auto decided = engine.decide(time);
        if (!decided || usage == nullptr) return decided;
        for (const berth::simulated_decision& d : *decided) {
            const double gpus = jobs[d.job].gpus;
            const double sign = d.act == berth::simulated_act::start  ? 1.0
                                : d.act == berth::simulated_act::stop ? -1.0
                                                                      : 0.0;
            now.gpus += sign * gpus;
            now.waiting -= sign;
        }
        now.at_s = time;
        usage->push_back(now);
        return decided;
    }
    [[nodiscard]] double wake_at() const { return engine.wake_at(); }
};

template <class Engine>
result<simulation_run> run_engine(Engine engine, const simulation_setup& setup) {
    counted_engine<Engine> counted{std::move(engine), setup.jobs, setup.usage, {}};
    return berth::virtual_time{setup.jobs}.run(counted, control_of(setup));
}

/// A scheduler over the nodes of the set-up.
template <class Policies>
auto scheduled(Policies policies) {
    return [policies](const engine_setup& setup) -> result<simulation_run> {
        berth::scheduler<Policies> driven{policies, {}, {.waits = berth::wait_reports::none}};
        const double begin = setup.jobs.empty() ? 0.0 : setup.jobs[0].arrival_s;
        for (const openb_node& node : setup.nodes) {
            const std::vector<berth::gpu_description> gpus(node.gpus, {.model = node.model});
            if (auto ok = driven.node(begin, {.name = node.name, .gpus = gpus}); !ok) return ok.error();
        }
        std::uint32_t most = 1;
        for (const openb_node& node : setup.nodes) most = std::max(most, static_cast<std::uint32_t>(node.gpus));
        return run_engine(
            berth::scheduler_engine{driven, setup.jobs, {.gpus_per_task = most, .durations_known = setup.steps_known}},
            setup);
    };
}

}  // namespace

std::span<const engine_policy> engine_policies() {
    using namespace berth;
    static const std::array policies{
        engine_policy{"berth", "the scheduler as it is by default", scheduled(scheduler_policies<>{})},
        engine_policy{"srtf", "least time still to run first",
                      scheduled(scheduler_policies<>{}.with_order(shortest_remaining{}))},
        engine_policy{"srsf", "least time x GPUs first",
                      scheduled(scheduler_policies<>{}.with_order(shortest_service{}))},
        engine_policy{"count", "starts all, and counts: what the simulation itself costs",
                      [](const engine_setup& setup) { return run_engine(counting_engine{}, setup); }},
    };
    return policies;
}

}  // namespace bench
