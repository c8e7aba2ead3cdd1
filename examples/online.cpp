// SPDX-License-Identifier: Apache-2.0
// One task at a time: services start and stop, and each start scores only the nodes that have changed.
#include "berth/place.hpp"

#include <array>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

struct gpu {
    std::string model = "A10";
};
struct host {
    std::vector<gpu> gpus;
    std::array<int, 2> capacity;
};
/// The catalogue of demands. A placer places each any number of times.
struct flavour {
    std::string name;
    int gpus;
    int gpu_demand;
    std::array<int, 2> node_demand;
};

int main() {
    const std::vector<host> hosts(500, host{std::vector<gpu>(4), {64, 256}});
    const std::vector<flavour> flavours{
        {"chat", 1, 300, {4, 16}}, {"embed", 1, 150, {2, 8}}, {"train", 2, 1000, {16, 64}}};
    const auto fleet = berth::make_fleet(hosts);
    const auto work = berth::make_workload(flavours, *fleet);
    const berth::problem problem{*fleet, *work};
    auto placer = berth::greedy{berth::fgd{}, berth::best_scored_gpu{}}.start(problem);

    std::vector<std::pair<berth::task_index, berth::slot>> running;
    berth::xoshiro256 random{7};
    for (int event = 1; event <= 12'000; ++event) {
        if (!running.empty() && berth::uniform01(random) < 0.4) {  // a departure
            const std::size_t i = berth::bounded(random, static_cast<std::uint32_t>(running.size()));
            placer.remove(running[i].first, running[i].second);
            running[i] = running.back();
            running.pop_back();
        } else {  // an arrival
            const berth::task_index flavour{berth::bounded(random, 3)};
            const berth::slot place = placer.place(flavour);
            if (place.placed()) running.emplace_back(flavour, place);
        }
        if (event % 3'000 == 0)
            std::printf("after %5d events: %4zu run, %.1f nodes scored per event\n", event, running.size(),
                        static_cast<double>(placer.evaluations()) / event);
    }
    const berth::amount share[] = {500}, rest[] = {8, 32};  // a demand added later: half a GPU, 8 cores, 32 GiB
    const auto later = placer.add_shape({.gpu = share, .node = rest, .gpus = 1});
    const berth::slot extra = placer.place(*later);
    placer.remove(*later, extra);
    for (const auto& [task, place] : running) placer.remove(task, place);
    const bool empty = placer.ledger() == berth::ledger{*fleet};
    std::printf("all removed: the ledger is %s\n", empty ? "as at the start" : "WRONG");
    return empty && extra.placed() && placer.evaluations() < 5 * 12'000 ? 0 : 1;  // there are 500 nodes
}
