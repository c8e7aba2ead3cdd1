// SPDX-License-Identifier: Apache-2.0
// What a user's first translation unit costs to compile: the entry for placing, types of one's own, one greedy run.
#include "berth/place.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace {

struct card {
    std::string model;
    bool healthy = true;
};

struct host {
    std::string name;
    std::vector<long> capacity;
    std::vector<card> gpus;
};

struct job {
    std::string name;
    std::size_t gpus = 1;
    std::vector<long> node_demand;
    std::string accepted_models;
};

}  // namespace

std::size_t place_everything() {
    const std::vector<host> hosts{{"n0", {32'000, 65'536}, {{"A100"}, {"A100"}}}, {"n1", {16'000, 32'768}, {{"T4"}}}};
    const std::vector<job> jobs{{"train", 2, {8'000, 16'384}, "A100"}, {"serve", 1, {4'000, 8'192}, "A100|T4"}};
    const auto machines = berth::make_fleet(hosts);
    if (!machines) return 0;
    const auto work = berth::make_workload(jobs, *machines);
    if (!work) return 0;
    return berth::greedy{berth::best_fit{}}.run(berth::problem{*machines, *work}).counters.placed;
}
