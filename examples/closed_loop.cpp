// SPDX-License-Identifier: Apache-2.0
// A day of a small fleet: jobs arrive and end, a GPU runs hot, another one fails and comes back, a job runs slower than
// promised, a node leaves for maintenance. What the scheduler did, and why.
#include "berth/core/random.hpp"
#include "berth/queue/orders.hpp"
#include "berth/scheduler/decision_text.hpp"
#include "berth/scheduler/scheduler.hpp"
#include "berth/watch/fleet_watch.hpp"

#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

namespace {

/// What really happens, as opposed to what the scheduler knows: how much work each job still has.
struct real_job {
    std::string name;
    double left = 0.0;   // seconds at full speed
    double speed = 1.0;  // of full speed
};

}  // namespace

int main() {
    berth::fleet_watch<> watch;
    watch.contact.interval = 60.0;
    berth::scheduler engine{berth::scheduler_policies{}.with_order(berth::shortest_service{}).with_watch(watch)};
    for (int n = 0; n < 4; ++n) {
        const std::string node = "node-" + std::to_string(n);
        std::vector<std::string> uuids;
        for (int g = 0; g < 4; ++g) uuids.push_back(node + "/" + std::to_string(g));
        std::vector<berth::gpu_description> gpus;
        for (const std::string& uuid : uuids) gpus.push_back({.model = "A100", .uuid = uuid});
        const berth::amount capacity[] = {64'000, 512'000};
        if (!engine.node(0.0, berth::node_description{.name = node, .capacity = capacity, .gpus = gpus})) return 1;
    }

    berth::xoshiro256 random{7};
    std::vector<real_job> jobs;
    std::size_t arrived = 0, ended = 0, moves = 0, told = 0;
    for (int minute = 0; minute < 24 * 60; ++minute) {
        const double now = 60.0 * minute;
        // Jobs arrive, more of them by day.
        const bool day = minute > 8 * 60 && minute < 20 * 60;
        if (berth::uniform01(random) < (day ? 0.06 : 0.02)) {
            const double work = 600.0 + 12'000.0 * berth::uniform01(random);
            const std::string name = "job-" + std::to_string(arrived++);
            if (!engine.job(now, {.name = name, .gpus = std::size_t{1} << (random() % 3), .terms = {.work = work}}))
                return 1;
            jobs.push_back({name, work, berth::uniform01(random) < 0.1 ? 0.5 : 1.0});  // some are slower than they say
        }
        // Jobs progress and end.
        for (std::size_t i = 0; i < jobs.size();) {
            const auto job = engine.find_job(jobs[i].name);
            if (engine.running(*job) > 0) jobs[i].left -= 60.0 * jobs[i].speed;
            if (minute % 30 == 0) (void)engine.progress(now, jobs[i].name, jobs[i].speed);
            if (jobs[i].left > 0.0) {
                ++i;
                continue;
            }
            (void)engine.finish(now, jobs[i].name);
            ++ended;
            jobs.erase(jobs.begin() + static_cast<std::ptrdiff_t>(i));
        }
        // Monitors read every GPU once a minute.
        for (int n = 0; n < 4; ++n) {
            const std::string node = "node-" + std::to_string(n);
            for (int g = 0; g < 4; ++g) {
                const std::string uuid = node + "/" + std::to_string(g);
                const auto gpu = engine.cluster().find_gpu(uuid);
                if (!gpu) continue;
                double celsius = 62.0 + 3.0 * berth::uniform01(random);
                if (n == 1 && g == 2 && minute > 600 && minute < 720) celsius = 95.0;  // its fan stands still
                berth::gpu_sample sample{.time = now, .gpu = *gpu, .load = 0.8, .temperature = celsius, .xid = 0U};
                if (n == 2 && g == 0 && minute > 780 && minute < 840) sample.xid = 79U;  // fallen off the bus
                if (const auto read = engine.watch().observe(sample); !read) return 1;
            }
        }
        if (minute == 1000) (void)engine.drain(now, "node-3");  // maintenance
        if (minute == 1100) (void)engine.open(now, "node-3");
        const auto decisions = engine.decide(now);
        if (!decisions) return std::printf("%s\n", decisions.error().message.c_str()), 1;
        for (const berth::decision& d : *decisions) {
            moves += d.kind == berth::decision_kind::move ? 1 : 0;
            if (d.kind != berth::decision_kind::move && ++told % 10 != 0) continue;  // all moves, and some of the rest
            std::printf("%02d:%02d  %s\n", minute / 60, minute % 60, describe(d, engine).c_str());
        }
    }
    std::printf("%zu jobs arrived, %zu ended, %zu tasks moved, %zu jobs are there at the end of the day\n", arrived,
                ended, moves, engine.job_count());
    return engine.job_count() == arrived - ended && moves > 0 ? 0 : 1;
}
