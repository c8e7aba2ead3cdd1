// SPDX-License-Identifier: Apache-2.0
// Jobs on a fleet of nodes, decided by the scheduler that would run them.
#include "berth/model/descriptions.hpp"
#include "berth/queue/orders.hpp"
#include "berth/scheduler/backfill.hpp"
#include "berth/scheduler/scheduler.hpp"
#include "berth/simulate/scheduler_engine.hpp"
#include "berth/simulate/virtual_time.hpp"

#include "berth_bench/simulations.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <string>
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

/// Which jobs are where, and how long GPUs of each model are held: what an engine's slots tell.
class slot_log {
public:
    slot_log(const berth::cluster& of, const engine_setup& setup) : of_{of}, stays_{setup.stays} {
        if (stays_ != nullptr) open_.resize(setup.jobs.size());
        held_.resize(of.fleet().model_count());
        busy_gpu_s_.resize(held_.size());
    }
    void change(double time, std::uint32_t job, const berth::slot& where, bool taken) {
        for (std::size_t m = 0; m < held_.size(); ++m) busy_gpu_s_[m] += (time - before_) * held_[m];
        before_ = time;
        std::uint32_t gpus = 0;
        for (std::size_t g = 0; g < of_.fleet().gpu_count(where.node); ++g) {
            if ((where.gpus >> g & 1U) == 0) continue;
            ++gpus;
            held_[of_.fleet().model(of_.fleet().gpu(where.node, g)).value()] += taken ? 1.0 : -1.0;
        }
        if (stays_ != nullptr) note(time, job, where, gpus, taken);
    }
    [[nodiscard]] std::map<std::string, double> busy_gpu_s() const {
        std::map<std::string, double> out;
        for (std::size_t m = 0; m < held_.size(); ++m)
            out[std::string{of_.fleet().name(berth::model_index{m})}] = busy_gpu_s_[m];
        return out;
    }

private:
    void note(double time, std::uint32_t job, const berth::slot& where, std::uint32_t gpus, bool taken) {
        std::vector<std::size_t>& open = open_[job];
        const auto place = static_cast<std::uint32_t>(where.node.value());
        if (taken) {
            open.push_back(stays_->size());
            stays_->push_back({time, time, job, place, gpus});
            return;
        }
        const auto at = std::find_if(open.begin(), open.end(), [&](std::size_t s) {
            return (*stays_)[s].place == place && (*stays_)[s].gpus == gpus;
        });
        (*stays_)[*at].to_s = time;
        open.erase(at);
    }

    const berth::cluster& of_;
    std::vector<stay>* stays_;
    std::vector<std::vector<std::size_t>> open_;  // of each job
    std::vector<double> held_;                    // GPUs of each model
    std::vector<double> busy_gpu_s_;              // of each model
    double before_ = 0.0;
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
        const berth::scheduler_engine_options told{.gpus_per_task = most, .durations_known = setup.steps_known};
        if (setup.stays == nullptr && setup.busy_gpu_s == nullptr) {
            return run_engine(berth::scheduler_engine{driven, setup.jobs, told}, setup);
        }
        slot_log log{driven.cluster(), setup};
        const auto watch = [&log](double time, std::uint32_t job, const berth::slot& where, bool taken) {
            log.change(time, job, where, taken);
        };
        auto run = run_engine(berth::scheduler_engine{driven, setup.jobs, told, watch}, setup);
        if (setup.busy_gpu_s != nullptr) *setup.busy_gpu_s = log.busy_gpu_s();
        return run;
    };
}

}  // namespace

std::span<const engine_policy> engine_policies() {
    using namespace berth;
    static const std::array policies{
        engine_policy{"berth", "the scheduler as it is by default", scheduled(scheduler_policies<>{})},
        engine_policy{"easy", "as berth, with EASY backfilling: the first job that does not fit has a reservation",
                      scheduled(scheduler_policies<>{}.with_backfill(easy_backfill{}))},
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
