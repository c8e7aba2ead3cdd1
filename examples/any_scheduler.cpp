// SPDX-License-Identifier: Apache-2.0
// Policies by name: a table of schedulers of one type, all driven by the same loop with the same jobs.
#include "berth/scheduler/any_scheduler.hpp"

#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/core/random.hpp"
#include "berth/queue/least_attained.hpp"
#include "berth/queue/orders.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <queue>
#include <string_view>
#include <utility>
#include <vector>

namespace {

struct arrival {
    double time = 0.0, duration = 0.0;
    std::size_t gpus = 1;
};
struct ending {
    double time = 0.0;
    std::size_t job = 0;
    std::uint32_t run = 0;  // which of the job's runs
    bool operator>(const ending& other) const { return time > other.time || (time == other.time && job > other.job); }
};

/// The mean completion time of the jobs under a scheduler, whichever it is.
double mean_completion(berth::any_scheduler& engine, const std::vector<arrival>& jobs) {
    for (const char* name : {"n0", "n1", "n2", "n3"}) {
        const std::vector<berth::gpu_description> gpus(8);
        (void)engine.node(0.0, berth::node_description{.name = name, .gpus = gpus});
    }
    std::vector<berth::job_handle> handles;
    std::vector<std::size_t> job_at;  // by position of a handle
    std::vector<double> left, since(jobs.size());
    std::vector<std::uint32_t> runs(jobs.size());
    for (const arrival& a : jobs) left.push_back(a.duration);
    std::priority_queue<ending, std::vector<ending>, std::greater<>> endings;
    double sum = 0.0;
    for (std::size_t next = 0; next < jobs.size() || !endings.empty();) {
        const bool ends = !endings.empty() && (next == jobs.size() || endings.top().time <= jobs[next].time);
        const double now = ends ? endings.top().time : jobs[next].time;
        if (ends) {
            const ending e = endings.top();
            endings.pop();
            if (runs[e.job] != e.run) continue;  // it was evicted meanwhile
            (void)engine.finish(now, handles[e.job]);
            sum += now - jobs[e.job].time;
        } else {
            handles.push_back(*engine.job(now, {.gpus = jobs[next].gpus, .terms = {.duration = jobs[next].duration}}));
            if (job_at.size() <= handles.back().position()) job_at.resize(handles.back().position() + 1U);
            job_at[handles.back().position()] = next++;
        }
        const auto decisions = engine.decide(now);
        for (const berth::decision& d : *decisions) {
            const std::size_t j = job_at[d.job.position()];
            if (d.kind == berth::decision_kind::start) {
                since[j] = now;
                endings.push({now + left[j], j, ++runs[j]});
            } else if (d.kind == berth::decision_kind::evict) {
                left[j] -= now - since[j];
                ++runs[j];
            }
        }
    }
    return sum / static_cast<double>(jobs.size());
}

}  // namespace

int main(int argc, char** argv) {
    const auto base = [] { return berth::scheduler_policies<>{}.with_placement(berth::greedy{berth::best_fit{}}); };
    std::vector<std::pair<std::string_view, berth::any_scheduler>> all;
    all.emplace_back("fifo", berth::any_scheduler{base().with_order(berth::fifo{})});
    all.emplace_back("srsf", berth::any_scheduler{base().with_order(berth::shortest_service{})});
    all.emplace_back(
        "srsf, evicting",
        berth::any_scheduler{base().with_order(berth::shortest_service{}).with_preemption(berth::replan{})});
    all.emplace_back("tiresias",
                     berth::any_scheduler{base().with_order(berth::least_attained{}).with_preemption(berth::replan{})});

    std::vector<arrival> jobs;
    berth::xoshiro256 random{1};
    for (double time = 0.0; jobs.size() < 400; time += 60.0 * berth::uniform01(random)) {
        const double u = berth::uniform01(random);
        jobs.push_back({time, 30.0 / (0.01 + u * u), std::size_t{1} << (random() % 4)});
    }
    const std::string_view wanted = argc > 1 ? argv[1] : "";
    double first = 0.0, best = 0.0;
    for (auto& [name, engine] : all) {
        if (!wanted.empty() && wanted != name) continue;
        const double mean = mean_completion(engine, jobs);
        std::printf("%-16.*s mean completion %7.1f s, %llu evictions\n", static_cast<int>(name.size()), name.data(),
                    mean, static_cast<unsigned long long>(engine.counts().decisions[1]));
        if (first <= 0.0) first = best = mean;
        best = mean < best ? mean : best;
    }
    return !wanted.empty() || best < first ? 0 : 1;
}
