// SPDX-License-Identifier: Apache-2.0
#include "figures.hpp"

#include "berth/metrics/report.hpp"
#include "berth/metrics/utilisation.hpp"
#include "berth/model/task_mix.hpp"
#include "berth/objective/measures/fragmentation.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace berth_watch {

namespace {

prometheus::Histogram::BucketBoundaries seconds_buckets() {
    return {1e-5, 1e-4, 3.3e-4, 1e-3, 3.3e-3, 1e-2, 3.3e-2, 0.1, 0.33, 1.0, 3.3, 10.0};
}

template <class Builder>
auto& family(prometheus::Registry& in, Builder (*build)(), const char* name, const char* help) {
    return build().Name(name).Help(help).Register(in);
}

/// A counter of the library's can only grow; these are set to what somebody else counted.
void set(prometheus::Counter& counter, double to) {
    if (to > counter.Value()) counter.Increment(to - counter.Value());
}

}  // namespace

figures::figures(const std::string& address)
    : registry_{std::make_shared<prometheus::Registry>()},
      events_{
          family(*registry_, prometheus::BuildCounter, "berth_events_total", "Events that the scheduler was told.")},
      decisions_{family(*registry_, prometheus::BuildCounter, "berth_decisions_total", "Decisions of the scheduler.")},
      migrations_{family(*registry_, prometheus::BuildCounter, "berth_migrations_total",
                         "Moves reported as done, and steps reported as failed.")},
      samples_{family(*registry_, prometheus::BuildCounter, "berth_samples_total",
                      "Samples of GPUs that were news, and values that could not be read.")},
      jobs_{
          family(*registry_, prometheus::BuildGauge, "berth_jobs", "Jobs that run, and that wait for a task or more.")},
      gpus_{family(
          *registry_, prometheus::BuildGauge, "berth_gpus",
          "GPUs by what they are for a job that wants a whole one: in_use in part or whole, free, out of service.")},
      share_{family(*registry_, prometheus::BuildGauge, "berth_gpu_share_in_use_ratio",
                    "Compute of all GPUs that tasks hold, 0 to 1; more if over-committed.")
                 .Add({})},
      fragmented_{
          family(*registry_, prometheus::BuildGauge, "berth_fragmented_gpus",
                 "Free compute, in GPUs, that a task drawn from those that are there could not use where it lies.")
              .Add({})},
      under_way_{
          family(*registry_, prometheus::BuildGauge, "berth_moves_under_way", "Tasks that are being moved.").Add({})},
      up_{family(*registry_, prometheus::BuildGauge, "berth_prometheus_up",
                 "1 if Prometheus answered the last question.")
              .Add({})},
      decide_seconds_{
          family(*registry_, prometheus::BuildHistogram, "berth_decide_seconds", "Time that a decision takes.")
              .Add({}, seconds_buckets())},
      query_seconds_{family(*registry_, prometheus::BuildHistogram, "berth_prometheus_query_seconds",
                            "Time that Prometheus takes to answer.")
                         .Add({}, seconds_buckets())},
      known_{family(*registry_, prometheus::BuildGauge, "berth_gpu_known",
                    "1 if the GPU is heard of, 0 if it is silent.")},
      usable_{family(*registry_, prometheus::BuildGauge, "berth_gpu_usable",
                     "1 if the GPU takes tasks, 0 if it is sick, hot, closed or drained.")},
      energy_{family(*registry_, prometheus::BuildCounter, "berth_gpu_energy_joules_total",
                     "Energy of the GPU since it is watched, without gaps and resets.")},
      exposer_{address, 1} {
    exposer_.RegisterCollectable(registry_);
}

int figures::port() const {
    const std::vector<int> ports = exposer_.GetListeningPorts();
    return ports.empty() ? 0 : ports.front();
}

void figures::update(const watcher& from, bool answered, double seconds) {
    const berth::scheduler_counts& counts = from.engine().counts();
    for (std::size_t i = 0; i < berth::event_kind_count; ++i) {
        set(events_.Add({{"event", to_string(static_cast<berth::event_kind>(i))}}),
            static_cast<double>(counts.events[i]));
    }
    for (std::size_t i = 0; i < berth::decision_kind_count; ++i) {
        set(decisions_.Add({{"decision", to_string(static_cast<berth::decision_kind>(i))}}),
            static_cast<double>(counts.decisions[i]));
    }
    set(migrations_.Add({{"outcome", "moved"}}), static_cast<double>(from.counts().migrations));
    set(migrations_.Add({{"outcome", "failed"}}), static_cast<double>(from.counts().failures));
    set(samples_.Add({{"outcome", "news"}}), static_cast<double>(from.counts().samples));
    set(samples_.Add({{"outcome", "refused"}}), static_cast<double>(from.counts().refused));
    up_.Set(answered ? 1.0 : 0.0);
    decide_seconds_.Observe(from.counts().decide_seconds);
    query_seconds_.Observe(seconds);
    update_fleet(from);
    update_gpus(from);
}

void figures::update_fleet(const watcher& from) {
    const berth::scheduler<>& engine = from.engine();
    const berth::cluster& cluster = engine.cluster();
    double running = 0.0;
    double waiting = 0.0;
    for (const berth::job_handle job : engine.jobs()) {
        if (engine.running(job) > 0) running += 1.0;
        if (engine.waiting(job) > 0) waiting += 1.0;
    }
    jobs_.Add({{"state", "running"}}).Set(running);
    jobs_.Add({{"state", "waiting"}}).Set(waiting);
    under_way_.Set(static_cast<double>(cluster.moving().size()));
    const berth::gpu_share_use use = berth::gpu_share(cluster.ledger());
    share_.Set(use.allocation_percent() / 100.0);
    const berth::fragmentation measure{cluster.problem(), berth::typical_mix(cluster.workload())};
    fragmented_.Set(berth::total_over_nodes(cluster.ledger(), measure) / static_cast<double>(berth::whole_gpu));
}

void figures::update_gpus(const watcher& from) {
    const berth::scheduler<>& engine = from.engine();
    const berth::cluster& cluster = engine.cluster();
    double in_use = 0.0;
    double free = 0.0;
    double out = 0.0;
    for (auto& [name, of] : of_gpus_) of.there = false;
    for (std::size_t i = 0; i < cluster.fleet().node_count(); ++i) {
        const berth::node_index n{i};
        if (!cluster.fleet().present(n)) continue;
        const bool node_usable = engine.status(cluster.handle(n)).usable();
        for (berth::gpu_mask rest = cluster.gpus_there(n); rest != 0; rest &= rest - 1) {
            const std::size_t position = berth::lowest_gpu(rest);
            const berth::gpu_handle gpu = cluster.handle(n, position);
            const berth::gpu_index g = cluster.fleet().gpu(n, position);
            const bool usable = node_usable && engine.status(gpu).usable();
            const bool used = cluster.ledger().free(g)[0] < cluster.fleet().capacity(g)[0];
            (!usable ? out : used ? in_use : free) += 1.0;
            const std::string& uuid = cluster.uuid(n, position);
            gpu_gauges& of = of_gpus_[uuid];
            const std::string& node = cluster.fleet().name(n);
            if (of.known == nullptr || of.node != node) {
                if (of.known != nullptr) {
                    known_.Remove(of.known);
                    usable_.Remove(of.usable);
                    energy_.Remove(of.energy);
                }
                const prometheus::Labels labels{{"gpu", uuid}, {"node", node}};
                of = {node, &known_.Add(labels), &usable_.Add(labels), &energy_.Add(labels)};
            }
            of.there = true;
            const berth::gpu_watched state = from.state(gpu);
            of.known->Set(state.heard ? 1.0 : 0.0);
            of.usable->Set(usable ? 1.0 : 0.0);
            set(*of.energy, state.energy.joules);
        }
    }
    for (auto at = of_gpus_.begin(); at != of_gpus_.end();) {
        if (at->second.there) {
            ++at;
            continue;
        }
        known_.Remove(at->second.known);
        usable_.Remove(at->second.usable);
        energy_.Remove(at->second.energy);
        at = of_gpus_.erase(at);
    }
    gpus_.Add({{"state", "in_use"}}).Set(in_use);
    gpus_.Add({{"state", "free"}}).Set(free);
    gpus_.Add({{"state", "out"}}).Set(out);
}

}  // namespace berth_watch
