// SPDX-License-Identifier: Apache-2.0
// A crossover of your own in genetic allocation: tasks of one job belong together, so a child inherits whole jobs.
#include "berth/search.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <vector>

/// Every job, with all its tasks, from one parent or the other.
struct whole_jobs {
    std::span<const std::size_t> job_of;  // per task

    void operator()(const berth::parents& two, std::span<berth::gpu_gene> child, berth::xoshiro256& random) const {
        const std::uint64_t salt = random();
        for (std::size_t t = 0; t < child.size(); ++t) {
            const bool from_other = (berth::splitmix64(salt ^ job_of[t]) & 1U) != 0;
            child[t] = from_other ? two.other[t] : two.better[t];
        }
    }
};
static_assert(berth::crossover<whole_jobs>);

int main() {
    constexpr std::size_t tasks = 120;
    constexpr std::size_t gpus = 8;
    berth::xoshiro256 random{2024};
    std::vector<double> seconds;        // cost of a task on a GPU
    std::vector<berth::amount> memory;  // load of a task on a GPU
    std::vector<std::size_t> job_of;
    for (std::size_t t = 0; t < tasks; ++t) {
        job_of.push_back(t / 6);
        for (std::size_t g = 0; g < gpus; ++g) {
            const std::uint32_t size = 1 + berth::bounded(random, 100);
            memory.push_back(size);
            seconds.push_back(120.0 - size + berth::bounded(random, 20));
        }
    }
    const std::vector<berth::amount> capacities(gpus, 620);
    const berth::priced_problem problem{
        berth::assignment_problem{tasks, berth::matrix_cost{{seconds.data(), tasks, gpus}},
                                  berth::matrix_load{{memory.data(), tasks, gpus}}, std::span{capacities}}};

    const berth::run_control<> budget{.max_evaluations = 2'000'000};
    // Without the opening, so that evolution has room to improve.
    const auto usual = berth::genetic<>{.seed = 1}.with_opening(berth::no_opening{});
    const auto mine = usual.with_crossover(whole_jobs{job_of});
    const auto report = [](const char* name, const berth::assignment_plan& plan) {
        std::printf("%-12s cost %.0f, %.2f %% above the bound, %s, %llu evaluations\n", name, plan.cost, plan.gap(),
                    plan.feasible() ? "feasible" : "infeasible", static_cast<unsigned long long>(plan.evaluations));
        return plan.feasible();
    };
    // For comparison the crossover of textbooks, which ignores prices; its plan may be infeasible.
    report("textbook", berth::textbook_genetic{.seed = 1}.run(problem, {}, {.max_evaluations = 50'000}));
    const bool usual_fits = report("the default", usual.run(problem, {}, budget));
    const bool mine_fits = report("whole jobs", mine.run(problem, {}, budget));
    return usual_fits && mine_fits ? 0 : 1;
}
