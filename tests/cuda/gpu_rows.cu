// SPDX-License-Identifier: Apache-2.0
// Cost matrices, candidate lists and bounds of a device equal those of the host, bit for bit. Exit code 77: there is no
// device.
#include "berth/allocate/assignment/batch/packed_problem.hpp"
#include "berth/allocate/assignment/candidate_lists.hpp"
#include "berth/allocate/assignment/lagrangian_bound.hpp"
#include "berth/core/random.hpp"
#include "berth/cost/evaluate.hpp"
#include "berth/cost/pair_costs.hpp"
#include "berth/cuda/candidate_lists.cuh"
#include "berth/cuda/cost_matrix.cuh"
#include "berth/cuda/device.cuh"
#include "berth/cuda/device_buffer.cuh"
#include "berth/cuda/lagrangian_bound.cuh"
#include "berth/cuda/packed_bound.hpp"
#include "berth/objective/terms/gpu_loads.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <vector>

namespace {

using berth::amount;
using berth::matrix_view;

int faults = 0;

void expect(bool ok, const char* what) {
    if (ok) return;
    std::printf("FAILED: %s\n", what);
    ++faults;
}
template <class T>
void expect(const berth::result<T>& r, const char* what) {
    if (r) return;
    std::printf("FAILED: %s: %s\n", what, r.error().message.c_str());
    ++faults;
}

template <class T>
std::span<const T> view(const std::vector<T>& all) {
    return {all.data(), all.size()};
}

/// Products only, so that nothing can be fused.
struct distance {
    double scale;
    BERTH_HD double operator()(berth::device_row task, berth::device_row gpu) const { return scale * task[0] / gpu[0]; }
};

struct features {
    std::vector<double> tasks;
    std::vector<double> gpus;

    features(std::size_t task_count, std::size_t gpu_count) {
        berth::xoshiro256 random{task_count + gpu_count};
        for (std::size_t i = 0; i < 3 * task_count; ++i) tasks.push_back(1.0 + uniform01(random));
        for (std::size_t i = 0; i < 3 * gpu_count; ++i) gpus.push_back(1.0 + uniform01(random));
    }
};

template <class Model>
void compare_costs(const Model& model, std::size_t tasks, std::size_t gpus) {
    const features f{tasks, gpus};
    std::vector<double> wanted(tasks * gpus);
    berth::fill_costs(model, matrix_view<const double>{f.tasks.data(), tasks, 3},
                      matrix_view<const double>{f.gpus.data(), gpus, 3},
                      matrix_view<double>{wanted.data(), tasks, gpus});
    const auto form = berth::device_form(model);
    const auto task_rows = berth::cuda::to_device(view(f.tasks), nullptr);
    const auto gpu_rows = berth::cuda::to_device(view(f.gpus), nullptr);
    auto out = berth::cuda::device_buffer<double>::allocate(tasks * gpus);
    expect(form, "a form of the model");
    expect(out, "memory for costs");
    if (!form || !task_rows || !gpu_rows || !out) return;
    expect(berth::cuda::fill_costs(*form, matrix_view<const double>{task_rows->data(), tasks, 3},
                                   matrix_view<const double>{gpu_rows->data(), gpus, 3},
                                   matrix_view<double>{out->data(), tasks, gpus}, nullptr),
           "fill_costs");
    std::vector<double> found(tasks * gpus);
    expect(out->download({found.data(), found.size()}, nullptr), "costs come back");
    expect(berth::cuda::wait_for(nullptr), "fill_costs ends");
    expect(found == wanted, "costs of the device are those of the host");
}

struct instance {
    std::size_t tasks;
    std::size_t gpus;
    std::vector<double> costs;
    std::vector<amount> loads;
    std::vector<amount> capacities;

    instance(std::size_t tasks_wanted, std::size_t gpus_wanted) : tasks{tasks_wanted}, gpus{gpus_wanted} {
        berth::xoshiro256 random{tasks * 1000 + gpus};
        capacities.assign(gpus, 0);
        for (std::size_t i = 0; i < tasks * gpus; ++i) {
            loads.push_back(1 + static_cast<amount>(bounded(random, 100)));
            costs.push_back(static_cast<double>(121 - loads.back() + static_cast<amount>(bounded(random, 21))));
            capacities[i % gpus] += loads.back();
        }
        for (amount& capacity : capacities) capacity = capacity * 8 / 10 / static_cast<amount>(gpus) + 20;
    }
    [[nodiscard]] auto problem() const {
        return berth::assignment_problem{tasks, berth::matrix_cost{{costs.data(), tasks, gpus}},
                                         berth::matrix_load{{loads.data(), tasks, gpus}},
                                         std::span<const amount>{capacities}};
    }
};

void compare_bound_and_lists(std::size_t tasks, std::size_t gpus, std::size_t width, bool narrow) {
    const instance made{tasks, gpus};
    const auto packed = pack_assignments(made.problem(), {.narrow_words = narrow});
    const berth::bound_options options{.max_iterations = 60};
    const auto wanted = bound_packed(*packed, options);
    const auto found = berth::cuda::bound_assignments(*packed, options, nullptr);
    expect(found, "a bound");
    if (!found) return;
    expect(found->value == wanted.value && found->rounded == wanted.rounded && found->prices == wanted.prices &&
               found->iterations == wanted.iterations,
           "the bound of the device is that of the host");

    const berth::candidate_lists lists{made.problem(), wanted, width};
    const auto costs = berth::cuda::to_device(view(made.costs), nullptr);
    const auto loads = berth::cuda::to_device(view(made.loads), nullptr);
    const auto capacities = berth::cuda::to_device(view(made.capacities), nullptr);
    const auto prices = berth::cuda::to_device(view(wanted.prices), nullptr);
    auto out = berth::cuda::device_buffer<std::uint32_t>::allocate(tasks * width);
    expect(out, "memory for lists");
    if (!costs || !loads || !capacities || !prices || !out) return;
    const berth::cuda::device_tables tables{
        {costs->data(), tasks, gpus}, {loads->data(), tasks, gpus}, capacities->span()};
    expect(berth::cuda::list_candidates(tables, prices->span(), width, out->span(), nullptr), "list_candidates");
    std::vector<std::uint32_t> back(tasks * width);
    expect(out->download({back.data(), back.size()}, nullptr), "lists come back");
    expect(berth::cuda::wait_for(nullptr), "list_candidates ends");
    bool same = true;
    for (std::size_t t = 0; t < tasks; ++t) {
        for (std::size_t i = 0; i < width; ++i) {
            same = same && back[t * width + i] == lists.of(berth::task_index{t})[i].value();
        }
    }
    expect(same, "lists of the device are those of the host");
    std::printf("%zu tasks, %zu GPUs, %s words: bound %.3f after %zu iterations\n", tasks, gpus,
                narrow ? "32-bit" : "64-bit", found->value, found->iterations);
}

}  // namespace

int main() {
    if (!berth::cuda::device_available()) {
        std::printf("SKIPPED: no device\n");
        return 77;
    }
    const auto linear = berth::make_linear_cost({0.3, -1.7, 0.1}, {2.0, 0.7, 1e-3}, 0.2);
    const berth::execution_time time{.seconds_per_input_gb = 1.0 / 12.0, .seconds_per_output_gb = 0.3};
    for (const std::size_t tasks : {1U, 31U, 500U}) {
        for (const std::size_t gpus : {1U, 65U, 200U}) {
            compare_costs(*linear, tasks, gpus);
            compare_costs(time, tasks, gpus);
            compare_costs(distance{0.3}, tasks, gpus);
            compare_costs(
                berth::weighted_terms{berth::cost_term{"time", 0.7, time}, berth::cost_term{"line", 1.3, *linear}},
                tasks, gpus);
        }
    }
    for (const bool narrow : {true, false}) {
        compare_bound_and_lists(1, 1, 1, narrow);
        compare_bound_and_lists(50, 7, 7, narrow);
        compare_bound_and_lists(333, 33, 5, narrow);
        compare_bound_and_lists(1000, 100, 8, narrow);
        compare_bound_and_lists(40, 3000, 8, narrow);
    }
    std::printf(faults == 0 ? "all rows are those of the host\n" : "%d faults\n", faults);
    return faults == 0 ? 0 : 1;
}
