// SPDX-License-Identifier: Apache-2.0
// Links between the GPUs of a node, read from own types: tasks get GPUs that are connected well, and leave such to others.
#include "berth/allocate/greedy/linked_gpus.hpp"

#include "berth/allocate/topology/link_matrix.hpp"
#include "berth/place.hpp"

#include <cstdio>
#include <string>
#include <vector>

namespace {

struct device {
    std::string model;
};
struct machine {
    std::string name;
    std::vector<device> gpus;
    std::vector<int> gpu_links;  // of each two GPUs, row by row: any numbers, larger is better
};
struct job {
    std::string name;
    int gpus;
};

/// As `nvidia-smi topo -m` may print it: two pairs with four NVLinks each on one switch, the rest over the sockets.
machine four_gpus(const std::string& name) {
    machine m{name, std::vector<device>(4, {"A40"}), std::vector<int>(16, 0)};
    for (std::size_t a = 0; a < 4; ++a) {
        for (std::size_t b = 0; b < 4; ++b) {
            const bool pair = a % 2 == b % 2;
            if (a != b)
                m.gpu_links[4 * a + b] =
                    pair ? berth::link_score(berth::pcie_path::pix, 4) : berth::link_score(berth::pcie_path::sys, 0);
        }
    }
    return m;
}

void place(const char* title, const auto& policy, const berth::fleet& fleet, const std::vector<job>& jobs) {
    const auto work = berth::make_workload(jobs, fleet);
    if (!work) return;
    const berth::plan plan = policy.run({fleet, *work}, berth::arrival_order{});
    std::printf("%s\n", title);
    for (std::size_t j = 0; j < jobs.size(); ++j) {
        const berth::slot at = plan.assignment[j];
        std::printf("  %-8s", jobs[j].name.c_str());
        for (berth::gpu_mask rest = at.gpus; rest != 0; rest &= rest - 1)
            std::printf(" GPU %zu", berth::lowest_gpu(rest));
        if (at.placed() && jobs[j].gpus > 1) {
            std::printf(", score %lld", static_cast<long long>(fleet.links(at.node).score(at.gpus)));
        }
        std::printf("\n");
    }
}

}  // namespace

int main() {
    const std::vector<machine> machines{four_gpus("rhea")};
    const auto fleet = berth::make_fleet(machines);
    if (!fleet) return std::puts(fleet.error().message.c_str()), 1;
    const std::vector<job> jobs{{"train", 2}, {"serve", 1}, {"tune", 1}};
    place("by position", berth::greedy{berth::best_fit{}}, *fleet, jobs);
    place("by links", berth::greedy{berth::best_fit{}, berth::linked_gpus{}}, *fleet, jobs);
    return 0;
}
