// SPDX-License-Identifier: Apache-2.0
// From readings to the state of each GPU: what a monitor reads goes into a watch, sick GPUs are drained and come back
// by themselves, and a rack that falls silent is a fault of telemetry.
#include "berth/operate.hpp"
#include "berth/watch/fleet_watch.hpp"

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

int main() {
    berth::cluster cluster{{.gpu = {"share"}, .node = {}}};
    std::vector<berth::gpu_handle> gpus;
    for (int n = 0; n < 4; ++n) {  // two racks of two nodes with four GPUs
        const std::string rack = n < 2 ? "rack-a" : "rack-b";
        if (n % 2 == 0 && !cluster.add_domain(rack, 0)) return 1;
        const std::string name = "node-" + std::to_string(n);
        std::vector<std::string> uuids;
        std::vector<berth::gpu_description> cards(4);
        for (int g = 0; g < 4; ++g) uuids.push_back(name + "/" + std::to_string(g));
        for (std::size_t g = 0; g < 4; ++g) cards[g].uuid = uuids[g];
        const std::string_view domains[] = {rack};
        if (!cluster.join(berth::node_description{.name = name, .gpus = cards, .domains = domains})) return 1;
        for (const std::string& uuid : uuids) gpus.push_back(*cluster.find_gpu(uuid));
    }

    berth::fleet_watch<> policy;
    policy.contact.interval = 15.0;  // seconds between two samples of a GPU
    auto watch = policy.start(cluster);
    berth::cluster_readings readings{cluster};
    std::size_t told = 0, telemetry_faults = 0;
    for (int i = 0; i < 240; ++i) {  // an hour
        const double now = 15.0 * i;
        for (std::size_t g = 0; g < gpus.size(); ++g) {
            if (g >= 8 && i >= 150 && i < 200) continue;  // the exporters of rack-b are down
            berth::gpu_sample sample{.time = now, .gpu = gpus[g], .load = 0.8, .temperature = 65.0, .xid = 0U};
            if (g == 2 && i >= 20 && i < 40) sample.xid = 79U;                      // fallen off the bus, until a reset
            if (g == 5 && i >= 60 && i < 140) sample.temperature = 25.0 + 0.9 * i;  // its fan fails
            if (g == 5 && sample.temperature > 92.0) sample.temperature = 92.0;
            if (g == 7 && i % 4 == 0) sample.temperature = 120.0;  // its sensor lies
            if (const auto read = watch.observe(sample); !read) {
                return std::printf("%s\n", read.error().message.c_str()), 1;
            }
        }
        const auto report = watch.update(now);
        if (!report) return std::printf("%s\n", report.error().message.c_str()), 1;
        for (const berth::contact_change& c : report->contact) {
            std::printf("%5.0f s  %s\n", now, berth::describe(c, cluster).c_str());
            telemetry_faults += c.lost && c.domain.valid() ? 1 : 0;
        }
        for (const berth::health_change& c : report->health) {
            if (c.matters()) std::printf("%5.0f s  %s\n", now, berth::describe(c, cluster).c_str());
        }
        told += berth::apply_health(cluster, report->health);  // `unhealthy` drains what is sick

        if (i == 180) {  // what the balancer gets: loads that are known, and nothing for those that are not
            watch.report_to(readings);
            const berth::fleet_readings known = readings.at(now);
            std::size_t count = 0;
            for (const double load : known.gpu_load) count += load == load ? 1 : 0;
            std::printf("%5.0f s  loads of %zu of %zu GPUs are known\n", now, count, gpus.size());
            if (count != 8) return 1;
        }
    }
    // Two GPUs were drained and came back; the lying sensor and the silent rack drained nothing.
    return told == 4 && telemetry_faults == 1 ? 0 : 1;
}
