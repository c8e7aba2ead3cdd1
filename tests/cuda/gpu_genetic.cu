// SPDX-License-Identifier: Apache-2.0
// The generations of a device equal those of the host, bit for bit. Exit code 77: there is no device.
#include "berth/allocate/genetic/philox_genetic.hpp"
#include "berth/core/random.hpp"
#include "berth/cost/pair_costs.hpp"
#include "berth/cuda/device.cuh"
#include "berth/cuda/genetic.cuh"
#include "berth/objective/terms/gpu_loads.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <vector>

namespace {

int faults = 0;

void expect(bool ok, const char* what) {
    if (ok) return;
    std::printf("FAILED: %s\n", what);
    ++faults;
}

struct instance {
    std::size_t tasks;
    std::size_t gpus;
    std::vector<double> costs;
    std::vector<berth::amount> loads;
    std::vector<berth::amount> capacities;

    instance(std::size_t tasks_wanted, std::size_t gpus_wanted) : tasks{tasks_wanted}, gpus{gpus_wanted} {
        berth::xoshiro256 random{tasks * 1000 + gpus};
        capacities.assign(gpus, 0);
        for (std::size_t i = 0; i < tasks * gpus; ++i) {
            loads.push_back(1 + static_cast<berth::amount>(bounded(random, 100)));
            costs.push_back(static_cast<double>(121 - loads.back() + static_cast<berth::amount>(bounded(random, 21))));
            capacities[i % gpus] += loads.back();
        }
        for (berth::amount& capacity : capacities) {
            capacity = capacity * 8 / 10 / static_cast<berth::amount>(gpus) + 1;
        }
    }
    [[nodiscard]] auto problem() const {
        return berth::assignment_problem{tasks, berth::matrix_cost{{costs.data(), tasks, gpus}},
                                         berth::matrix_load{{loads.data(), tasks, gpus}},
                                         std::span<const berth::amount>{capacities}};
    }
};

/// Lists of the first GPUs by position: the contents do not matter here, and a bound of 65,535 GPUs takes long.
berth::candidate_lists some_lists(const instance& it, std::size_t width) {
    berth::lagrangian_bound none;
    none.prices.assign(it.gpus, 0.0);
    return {it.problem(), none, width};
}

void compare(std::size_t tasks, std::size_t gpus, std::size_t width, berth::philox_genetic description, bool narrow) {
    const instance made{tasks, gpus};
    const auto packed = pack_assignments(made.problem(), {.narrow_words = narrow});
    const auto lists = some_lists(made, width);
    const std::vector<berth::gpu_index> start(tasks, berth::gpu_index{gpus - 1});
    auto run = berth::cuda::genetic{description}.prepare(*packed, lists, start, nullptr);
    if (!run) {
        std::printf("FAILED: %zu tasks, %zu GPUs: %s\n", tasks, gpus, run.error().message.c_str());
        ++faults;
        return;
    }
    auto host = description.start(*packed, lists, start);
    for (int round = 0; round < 4; ++round) {
        const auto report = run->report(nullptr);
        const auto wanted = host.report();
        const auto best = run->best(nullptr);
        expect(report && report->best == wanted.best && report->mean_cost == wanted.mean_cost &&
                   report->feasible == wanted.feasible && report->generation == wanted.generation,
               "a report equals that of the host");
        expect(best && best->gpu_of == host.best().gpu_of && best->cost == host.best().cost &&
                   best->excess == host.best().excess,
               "the best member is that of the host");
        expect(run->advance(3, nullptr).has_value(), "generations are queued");
        host.advance(3);
    }
    std::printf("%zu tasks, %zu GPUs, %zu members, %s words: %u members a block, loads in %s memory\n", tasks, gpus,
                description.population, narrow ? "32-bit" : "64-bit", run->shape().lanes,
                run->shape().loads_shared ? "shared" : "device");
}

}  // namespace

int main() {
    if (!berth::cuda::device_available()) {
        std::printf("SKIPPED: no device\n");
        return 77;
    }
    compare(1000, 100, 8, {.seed = 1, .population = 256}, true);
    compare(1000, 100, 8, {.seed = 1, .population = 256}, false);
    compare(1, 1, 1, {.seed = 2, .population = 2}, true);
    compare(7, 3, 0, {.seed = 3, .population = 100, .mutations = 4.0, .elite_group = 9}, true);
    compare(33, 1000, 8, {.seed = 4, .population = 333, .tournament = 5}, true);
    compare(129, 37, 5, {.seed = 5, .population = 1000, .crossover_rate = 1.0, .steps = 0}, true);
    compare(65, 5000, 3, {.seed = 6, .population = 50, .elite_group = 1}, false);
    compare(9, 65535, 2, {.seed = 7, .population = 40}, true);
    compare(4001, 17, 8, {.seed = 8, .population = 129, .steps = 30}, true);
    compare(250, 100, 8, {.seed = 9, .population = 9000, .elite_group = 64}, true);

    const instance made{60, 6};
    const berth::priced_problem priced{made.problem()};
    const berth::philox_genetic description{.seed = 11, .population = 128, .max_generations = 40};
    const auto host = description.run(priced);
    const auto device = berth::cuda::genetic{description}.run(priced, {}, nullptr);
    expect(device && device->gpu_of == host.gpu_of && device->evaluations == host.evaluations, "a whole run");
    const berth::run_control<> control{.max_evaluations = 1000};
    const auto brief = berth::cuda::genetic{description}.run(priced, {}, nullptr, control);
    const auto brief_host = description.run(priced, {}, control);
    expect(brief && brief->gpu_of == brief_host.gpu_of && brief->stopped == brief_host.stopped &&
               brief->evaluations == brief_host.evaluations,
           "a run within a budget");
    const auto refused = berth::cuda::genetic{{.population = 1}}.run(priced, {}, nullptr);
    expect(!refused && refused.error().code == berth::error_code::invalid_value, "options are checked");
    std::printf(faults == 0 ? "all generations are those of the host\n" : "%d faults\n", faults);
    return faults == 0 ? 0 : 1;
}
