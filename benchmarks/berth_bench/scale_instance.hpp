// SPDX-License-Identifier: Apache-2.0
// The random instance of berth-bench scale, and how it is run. A few bytes for each task and GPU.
#pragma once

#include "berth/core/index.hpp"
#include "berth/core/random.hpp"
#include "berth/model/resources.hpp"

#include "support/progress.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

namespace bench {

struct scale_options {
    std::size_t tasks = 1'000'000;
    std::size_t gpus = 10'000;
    std::uint64_t seed = 1;
    double seconds = 60.0;
    std::size_t threads = 2;
    std::uint64_t evaluations = std::numeric_limits<std::uint64_t>::max();
    std::size_t parts = 0;                      // 0: one problem, held as a whole; under mpirun `usual_parts`
    std::uint64_t region_evaluations = 50'000;  // of a part's region
    std::string checkpoint;
    std::uint64_t checkpoint_rounds = 1;
    std::string json;
    progress_line::mode progress = progress_line::mode::terminal;

    static constexpr std::size_t usual_parts = 16;
};

constexpr std::size_t scale_kinds = 8;     // of GPUs
constexpr std::size_t scale_classes = 32;  // of tasks
constexpr std::size_t scale_zones = 64;

struct scale_task {
    std::uint8_t task_class = 0;
    std::uint8_t zone = 0;
    std::uint8_t data = 0;
    std::uint8_t work = 0;
    std::uint16_t share = 0;  // thousandths of a GPU

    [[nodiscard]] std::array<berth::amount, 1> gpu_demand() const noexcept { return {share}; }
};

/// A GPU, which is a node of its own.
struct scale_gpu {
    std::uint8_t kind = 0;
    std::uint8_t zone = 0;

    [[nodiscard]] std::array<berth::amount, 1> capacity() const noexcept { return {1000}; }
};

/// The cost of a task on a GPU: its work times the cost of its class on the kind of GPU, plus moving its data to the
/// GPU's zone.
struct scale_prices {
    std::array<std::array<float, scale_kinds>, scale_classes> price{};

    [[nodiscard]] double operator()(const scale_task& task, const scale_gpu& gpu) const noexcept {
        const int apart = (task.zone ^ gpu.zone) & static_cast<int>(scale_zones - 1);
        const double distance = apart == 0 ? 0.0 : apart < 8 ? 1.0 : 3.0;
        return static_cast<double>(static_cast<float>(task.work) * price[task.task_class][gpu.kind]) +
               distance * task.data;
    }
};

/// Draws the instance: `each_gpu(number, gpu)`, then `each_task(number, task)`, in order. Keeps nothing itself.
template <class EachGpu, class EachTask>
scale_prices draw_scale_instance(const scale_options& options, EachGpu&& each_gpu, EachTask&& each_task) {
    scale_prices prices;
    berth::xoshiro256 random{options.seed};
    const auto below = [&random](std::uint32_t n) { return static_cast<std::uint8_t>(berth::bounded(random, n)); };
    for (auto& row : prices.price) {
        for (float& one : row) one = 1.0F + static_cast<float>(below(250)) / 50.0F;
    }
    for (std::size_t g = 0; g < options.gpus; ++g) {
        scale_gpu gpu;
        gpu.kind = below(scale_kinds);
        gpu.zone = below(scale_zones);
        each_gpu(g, gpu);
    }
    // The demand is 90 % of the capacity, in shares of nearly equal size.
    const double mean = 900.0 * static_cast<double>(options.gpus) / static_cast<double>(options.tasks);
    for (std::size_t t = 0; t < options.tasks; ++t) {
        scale_task task;
        task.task_class = below(scale_classes);
        task.zone = below(scale_zones);
        task.data = below(40);
        task.work = static_cast<std::uint8_t>(1 + below(16));
        const double share = mean * (0.25 + 0.1 * static_cast<double>(task.work));
        task.share = static_cast<std::uint16_t>(share < 1.0 ? 1.0 : share > 1000.0 ? 1000.0 : share);
        each_task(t, task);
    }
    return prices;
}

class wall_clock {
public:
    [[nodiscard]] double seconds() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
    }

private:
    std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

/// Stops on Ctrl-C or after a time.
struct wall_stop {
    const wall_clock* clock;
    double until;

    [[nodiscard]] bool stop_requested() const { return interrupted(); }
    [[nodiscard]] bool deadline_reached() const { return clock->seconds() >= until; }
};

/// Peak memory of this process.
[[nodiscard]] double peak_megabytes();

/// True if this process is one of several that an MPI launcher started.
[[nodiscard]] bool among_ranks();

/// `berth-bench scale` in parts that hold their own records: in this process, or over the ranks that a launcher
/// started. An exit code.
int scale_in_parts(const scale_options& options);

}  // namespace bench
