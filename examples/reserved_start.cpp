// SPDX-License-Identifier: Apache-2.0
// A wide job between small ones that keep coming: without backfilling it waits for ever, with it the scheduler says when and
// where it is to start, and who may go before it.
#include "berth/scheduler/decision_text.hpp"
#include "berth/scheduler/scheduler.hpp"

#include <cstdio>
#include <iterator>
#include <map>
#include <string>
#include <vector>

namespace {

template <class Policies>
void run(const char* title, Policies policies) {
    std::printf("%s\n", title);
    berth::scheduler engine{policies};
    const std::vector<berth::gpu_description> gpus(4);
    for (const char* node : {"n0", "n1"}) (void)engine.node(0.0, berth::node_description{.name = node, .gpus = gpus});
    std::map<std::string, double> ends;
    const auto duration = [](int k) { return k % 3 == 0 ? 25.0 : 55.0; };  // minutes
    for (int k = 0; k < 12; ++k) {
        const double now = 10.0 * k;
        for (auto at = ends.begin(); at != ends.end();) {
            const bool over = at->second <= now;
            if (over) (void)engine.finish(now, at->first.c_str());
            at = over ? ends.erase(at) : std::next(at);
        }
        const std::string name = "small-" + std::to_string(k);
        (void)engine.job(now, {.name = name, .gpus = 2, .terms = {.duration = duration(k)}});
        if (k == 3) (void)engine.job(now, {.name = "wide", .task_count = 2, .gpus = 4, .terms = {.duration = 60.0}});
        const auto decided = engine.decide(now);
        if (!decided) return;
        for (const berth::decision& d : *decided) {
            std::printf("  minute %3.0f: %s\n", now, describe(d, engine).c_str());
            if (d.kind != berth::decision_kind::start) continue;
            const std::string job{engine.name(d.job)};
            ends[job] = now + (job == "wide" ? 60.0 : duration(std::stoi(job.substr(6))));
        }
    }
    for (const berth::job_reservation& r : engine.reservations())
        std::printf("  %s is to start at minute %.0f\n", std::string{engine.name(r.job)}.c_str(), r.from);
}

}  // namespace

int main() {
    run("whoever fits starts", berth::scheduler_policies<>{});
    run("the first that does not fit is not delayed",
        berth::scheduler_policies<>{}.with_backfill(berth::easy_backfill{}));
    return 0;
}
