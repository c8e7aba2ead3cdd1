// SPDX-License-Identifier: Apache-2.0
// My queue is too long and I have some money: which nodes should I add? The scheduler that runs my fleet is simulated
// with candidates of a price list, and the plan is compared with every combination that the budget allows.
#include "berth/berth.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

namespace {

struct kind_of_node {
    const char* name;
    std::size_t gpus;
    double price;
    std::uint32_t most;
};

// A week of jobs: many small ones, and gangs that need whole nodes of eight.
std::vector<berth::simulated_job> week() {
    berth::xoshiro256 draw{3};
    std::vector<berth::simulated_job> jobs;
    for (int j = 0; j < 160; ++j) {
        berth::simulated_job job;
        job.arrival_s = 3600.0 * j;
        job.steps = std::round(600.0 * std::pow(150.0, berth::uniform01(draw)));  // ten minutes to a day
        job.gpus = berth::bounded(draw, 3) == 0 ? 8 : 1 + berth::bounded(draw, 2);
        jobs.push_back(job);
    }
    return jobs;
}

bool add_nodes(auto& scheduler, const std::string& name, std::size_t gpus, std::uint32_t count) {
    const std::vector<berth::gpu_description> devices(gpus);
    for (std::uint32_t n = 0; n < count; ++n) {
        if (!scheduler.node(0.0, {.name = name + std::to_string(n), .gpus = devices})) return false;
    }
    return true;
}

}  // namespace

int main() {
    const std::vector<kind_of_node> list{
        {"one GPU", 1, 11.0, 9}, {"two GPUs", 2, 21.0, 5}, {"four GPUs", 4, 40.0, 4}, {"eight GPUs", 8, 85.0, 3}};
    const std::vector<berth::simulated_job> jobs = week();

    // Hours that jobs wait in the mean, on my two nodes and so many more.
    const auto waiting = [&](std::span<const std::uint32_t> more) -> berth::result<double> {
        berth::scheduler scheduler{berth::scheduler_policies<>{}.with_order(berth::shortest_service{}),
                                   {},
                                   {.waits = berth::wait_reports::none}};
        if (!add_nodes(scheduler, "mine-", 8, 1) || !add_nodes(scheduler, "small-", 4, 1)) {
            return berth::error{berth::error_code::inconsistent, "no fleet"};
        }
        for (std::size_t k = 0; k < list.size(); ++k) {
            if (!add_nodes(scheduler, list[k].name, list[k].gpus, more[k])) {
                return berth::error{berth::error_code::inconsistent, "a node was refused"};
            }
        }
        berth::scheduler_engine engine{scheduler, std::span<const berth::simulated_job>{jobs}};
        const auto run = berth::virtual_time{jobs}.run(engine);
        if (!run) return run.error();
        return berth::mean_waiting(jobs, run->jobs) / 3600.0;
    };

    std::vector<berth::node_offer> offers;
    for (const kind_of_node& kind : list) offers.push_back({.price = kind.price, .most = kind.most});
    std::printf("%8s  %-38s %6s %22s %12s\n", "budget", "add", "price", "hours of waiting", "simulations");
    for (const double budget : {25.0, 50.0, 100.0, 200.0}) {
        const auto plan = berth::what_to_add(offers, budget, waiting);
        const auto exact = berth::what_to_add_exact(offers, budget, waiting);
        if (!plan || !exact) {
            std::printf("%s\n", plan ? exact.error().message.c_str() : plan.error().message.c_str());
            return 1;
        }
        std::string what;
        for (std::size_t k = 0; k < list.size(); ++k) {
            if (plan->counts[k] == 0) continue;
            what += (what.empty() ? "" : ", ") + std::to_string(plan->counts[k]) + " x " + list[k].name;
        }
        std::printf("%8.0f  %-38s %6.0f %6.2f instead of %5.2f %5llu of %llu\n", budget, what.c_str(), plan->price,
                    plan->value, plan->value_before, static_cast<unsigned long long>(plan->evaluations),
                    static_cast<unsigned long long>(exact->evaluations));
        if (exact->value < plan->value) std::printf("%8s  the best combination: %.2f hours\n", "", exact->value);
    }
    return 0;
}
