// SPDX-License-Identifier: Apache-2.0
// A queue with backfilling over processors and GPUs: a wide job waits, and small ones go before it where they do not delay it. Then
// the same day under a queue that promises every job its start.
#include "berth/queue/backfill/conservative_queue.hpp"
#include "berth/queue/backfill/easy_queue.hpp"

#include <array>
#include <cstdint>
#include <cstdio>
#include <vector>

namespace {

struct job {
    const char* name;
    std::int64_t estimate;                // minutes
    std::array<berth::amount, 2> demand;  // processors, GPUs
};

constexpr std::array<berth::amount, 2> machine = {64, 8};
const std::vector<job> jobs = {
    {"train-a", 60, {32, 6}}, {"train-b", 120, {64, 8}}, {"notebook", 45, {4, 1}},
    {"tune", 90, {8, 1}},     {"report", 240, {4, 0}},   {"eval", 60, {8, 2}},
};

}  // namespace

int main() {
    std::printf("EASY: only the first of the queue has a reservation\n");
    berth::easy_queue easy{machine};
    for (const job& each : jobs) {
        if (const auto queued = easy.submit(0, each.estimate, each.demand); !queued) {
            std::printf("%s: %s\n", each.name, queued.error().message.c_str());
            return 1;
        }
    }
    const auto start_at = [&](std::int64_t now) {
        easy.pass(now, [&](berth::backfill_job j) {
            std::printf("  minute %3d: %s starts\n", static_cast<int>(now), jobs[j].name);
        });
    };
    start_at(0);         // train-a runs; train-b is to start at minute 60, and what ends by then goes before it
    easy.finish(0, 40);  // train-a ends early
    start_at(40);
    easy.finish(2, 45);
    start_at(45);

    std::printf("conservative: every job has one, and it never becomes later\n");
    berth::conservative_queue promised{machine};
    const auto tell = [](berth::backfill_job j, std::int64_t start) {
        std::printf("  %s is to start at minute %d\n", jobs[j].name, static_cast<int>(start));
    };
    for (const job& each : jobs) (void)promised.submit(0, each.estimate, each.demand, tell);
    promised.start(0, 0);
    std::printf("minute 40: train-a has ended early\n");
    promised.finish(0, 40);
    promised.pass(40, tell);
    return 0;
}
