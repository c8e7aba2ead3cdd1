// SPDX-License-Identifier: Apache-2.0
// berth-bench evaluate: speed of every evaluator of populations, beside the plain scalar loop.
#include "berth/allocate/assignment/batch/population_evaluator.hpp"
#include "berth/core/random.hpp"
#include "berth/core/thread_pool.hpp"

#include "berth_bench/arguments.hpp"
#include "berth_bench/commands.hpp"
#include "berth_bench/device_evaluation.hpp"
#include "support/cpu_deadline.hpp"
#include "support/output_file.hpp"
#include "support/progress.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace bench {

namespace {

struct evaluate_options {
    std::size_t tasks = 1000;
    std::size_t gpus = 100;
    std::size_t population = 1024;
    std::size_t threads = 1;
    std::uint64_t seed = 1;
    std::size_t rounds = 9;
    std::string json;
    std::string device = "cpu";
};

/// Costs and loads from 1 to 100, a hash of the pair, so that an instance is not stored twice.
struct hashed {
    std::uint64_t seed;
    std::size_t gpus;

    [[nodiscard]] std::uint64_t operator()(berth::task_index t, berth::gpu_index g) const noexcept {
        return 1 + (((berth::splitmix64(seed + t.value() * gpus + g.value()) >> 32U) * 100) >> 32U);
    }
};
struct hashed_cost {
    hashed of;
    double operator()(berth::task_index t, berth::gpu_index g) const { return static_cast<double>(of(t, g)); }
};
struct hashed_load {
    hashed of;
    berth::amount operator()(berth::task_index t, berth::gpu_index g) const {
        return static_cast<berth::amount>(of(t, g));
    }
};

// ---- the baseline ---------------------------------------------------------------------------------------------------

/// The loop that most programs have: one individual after the other, tables and loads of floats.
template <class Gene>
class float_loop {
public:
    float_loop(const evaluate_options& options, const hashed_cost& cost, const hashed_load& load,
               const std::vector<berth::amount>& capacities)
        : tasks_{options.tasks},
          gpus_{options.gpus},
          capacities_(capacities.begin(), capacities.end()),
          loads_of_gpus_(options.gpus) {
        costs_.reserve(tasks_ * gpus_);
        loads_.reserve(tasks_ * gpus_);
        for (std::size_t t = 0; t < tasks_; ++t) {
            for (std::size_t g = 0; g < gpus_; ++g) {
                costs_.push_back(static_cast<float>(cost(berth::task_index{t}, berth::gpu_index{g})));
                loads_.push_back(static_cast<float>(load(berth::task_index{t}, berth::gpu_index{g})));
            }
        }
    }
    void evaluate(berth::population_view<Gene> population, std::vector<berth::assignment_value>& values) {
        const std::size_t tasks = tasks_;
        const std::size_t gpus = gpus_;
        const float* costs = costs_.data();
        const float* loads = loads_.data();
        float* carried = loads_of_gpus_.data();
        for (std::size_t i = 0; i < population.rows(); ++i) {
            for (std::size_t g = 0; g < gpus; ++g) carried[g] = 0.0F;
            const Gene* genes = population.data() + i * tasks;
            float cost = 0.0F;
            std::size_t row = 0;
            for (std::size_t t = 0; t < tasks; ++t, row += gpus) {
                const std::size_t g = genes[t];
                cost += costs[row + g];
                carried[g] += loads[row + g];
            }
            float excess = 0.0F;
            for (std::size_t g = 0; g < gpus; ++g) {
                const float over = carried[g] - capacities_[g];
                excess += over > 0.0F ? over : 0.0F;
            }
            values[i] = {static_cast<double>(cost), static_cast<berth::amount>(excess)};
        }
    }

private:
    std::size_t tasks_;
    std::size_t gpus_;
    std::vector<float> costs_;
    std::vector<float> loads_;
    std::vector<float> capacities_;
    std::vector<float> loads_of_gpus_;
};

// ---- timing ---------------------------------------------------------------------------------------------------------

/// One evaluator, and the time of each round.
struct path {
    std::string name;
    std::function<void(std::vector<berth::assignment_value>&)> run;
    bool parallel = false;
    std::vector<double> seconds;
    std::string layout = {};  // of a device
    double roofline = 0.0;    // genes per second; 0: not known

    [[nodiscard]] double best() const { return *std::min_element(seconds.begin(), seconds.end()); }
};

double median(std::vector<double> all) {
    const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
    std::nth_element(all.begin(), middle, all.end());
    return *middle;
}

/// The speed relative to the baseline: median over the rounds.
double median_ratio(const path& one, const path& baseline) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < one.seconds.size(); ++i) ratios.push_back(baseline.seconds[i] / one.seconds[i]);
    return median(std::move(ratios));
}

double wall_seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Runs all evaluators in every round, so that other load on the machine affects all of them. The first round warms up.
/// False if two evaluators disagree.
bool time_paths(std::vector<path>& paths, const evaluate_options& options) {
    std::vector<berth::assignment_value> expected(options.population);
    std::vector<berth::assignment_value> values(options.population);
    for (std::size_t round = 0; round <= options.rounds && !interrupted(); ++round) {
        for (path& one : paths) {
            const double started = one.parallel ? wall_seconds() : cpu_seconds();
            one.run(values);
            const double seconds = (one.parallel ? wall_seconds() : cpu_seconds()) - started;
            if (round > 0) one.seconds.push_back(std::max(seconds, 1e-9));
            if (round > 0) continue;
            if (&one == paths.data()) {
                expected = values;
            } else if (values != expected) {
                fmt::print(stderr, "berth-bench: evaluate: {} disagrees with {}\n", one.name, paths[0].name);
                return false;
            }
        }
    }
    const std::size_t finished = paths.back().seconds.size();
    for (path& one : paths) one.seconds.resize(finished);
    return true;
}

// ---- a device -------------------------------------------------------------------------------------------------------

/// The reason why there is no device; empty if there is one.
std::string no_device() {
#ifdef BERTH_BENCH_CUDA
    const auto device = device_name();
    return device ? std::string{} : "--device cuda: " + device.error().message;
#else
    return "--device cuda: this berth-bench was built without CUDA; configure with -D BERTH_WITH_CUDA=ON";
#endif
}

/// Adds the evaluators of the device, in rounds of their own. The values of the table are compared with those of the
/// first evaluator.
template <class Gene>
int add_device(std::vector<path>& paths, const berth::packed_problem& packed, berth::population_view<Gene> population) {
#ifdef BERTH_BENCH_CUDA
    const auto report = evaluate_on_device(packed, population, paths[0].seconds.size(), true);
    if (!report) return fail(report.error().message);
    std::vector<berth::assignment_value> expected(population.rows());
    paths[0].run(expected);
    for (const device_path& one : report->paths) {
        if (!one.values.empty() && one.values != expected) {
            fmt::print(stderr, "berth-bench: evaluate: {} disagrees with {}\n", one.name, paths[0].name);
            return exit_wrong_answer;
        }
        paths.push_back({one.name, {}, true, one.seconds, one.layout, one.roofline});
    }
    fmt::print("cuda is {}; cuda features computes other costs from eight features a side, without a table\n",
               report->device);
#else
    (void)paths, (void)packed, (void)population;
#endif
    return exit_ok;
}

// ---- results --------------------------------------------------------------------------------------------------------

void print_table(const std::vector<path>& paths, const evaluate_options& options) {
    const auto genes = static_cast<double>(options.tasks) * static_cast<double>(options.population);
    fmt::print("{:<16}{:>14}{:>14}{:>16}{:>12}{:>12}\n", "", "Mgenes/s", "median", "individuals/s", "vs loop",
               "median");
    for (const path& one : paths) {
        fmt::print("{:<16}{:>14.1f}{:>14.1f}{:>16.0f}{:>11.2f}x{:>11.2f}x\n", one.name, genes / one.best() / 1e6,
                   genes / median(one.seconds) / 1e6, static_cast<double>(options.population) / one.best(),
                   paths[0].best() / one.best(), median_ratio(one, paths[0]));
    }
    for (const path& one : paths) {
        if (one.layout.empty()) continue;
        fmt::print("{}: {}; {:.0f} % of a roofline of {:.3g} genes/s\n", one.name, one.layout,
                   one.roofline > 0.0 ? 100.0 * genes / one.best() / one.roofline : 0.0, one.roofline);
    }
}

std::string result_json(const std::vector<path>& paths, const evaluate_options& options, std::size_t gene_bits,
                        std::size_t word_bits) {
    const auto genes = static_cast<double>(options.tasks) * static_cast<double>(options.population);
    nlohmann::ordered_json json;
    json["tasks"] = options.tasks;
    json["gpus"] = options.gpus;
    json["population"] = options.population;
    json["threads"] = options.threads;
    json["seed"] = options.seed;
    json["rounds"] = paths[0].seconds.size();
    json["gene_bits"] = gene_bits;
    json["word_bits"] = word_bits;
    json["baseline"] = paths[0].name;
    json["paths"] = nlohmann::ordered_json::object();
    for (const path& one : paths) {
        auto& entry = json["paths"][one.name];
        entry["clock"] = !one.layout.empty() ? "device" : (one.parallel ? "wall" : "cpu");
        entry["genes_per_second"] = genes / one.best();
        entry["genes_per_second_median"] = genes / median(one.seconds);
        entry["individuals_per_second"] = static_cast<double>(options.population) / one.best();
        entry["individuals_per_second_median"] = static_cast<double>(options.population) / median(one.seconds);
        entry["ratio"] = paths[0].best() / one.best();
        entry["ratio_median"] = median_ratio(one, paths[0]);
        if (one.layout.empty()) continue;
        entry["layout"] = one.layout;
        entry["roofline_genes_per_second"] = one.roofline;
    }
    return json.dump(2) + '\n';
}

template <class Gene>
int evaluate(const evaluate_options& options) {
    const hashed_cost cost{{berth::stream_seed(options.seed, 1), options.gpus}};
    const hashed_load load{{berth::stream_seed(options.seed, 2), options.gpus}};
    const std::vector<berth::amount> capacities(
        options.gpus, static_cast<berth::amount>(101 * options.tasks / (2 * options.gpus)) + 1);
    const berth::assignment_problem problem{options.tasks, cost, load, capacities};
    const auto packed = berth::pack_assignments(problem);
    if (!packed) return fail(packed.error().message);
    const auto wide = berth::pack_assignments(problem, {.narrow_words = false});
    if (!wide) return fail(wide.error().message);

    std::vector<Gene> genes(options.tasks * options.population);
    berth::xoshiro256 random{berth::stream_seed(options.seed, 3)};
    for (Gene& g : genes) g = static_cast<Gene>(berth::bounded(random, static_cast<std::uint32_t>(options.gpus)));
    const berth::population_view<Gene> population{genes.data(), options.population, options.tasks};

    float_loop<Gene> loop{options, cost, load, capacities};
    berth::thread_pool pool{options.threads};
    auto scalar = berth::scalar_evaluator{}.prepare(*packed);
    auto tiled = berth::tiled_evaluator{}.prepare(*packed);
    auto tiled_wide = berth::tiled_evaluator{}.prepare(*wide);
    auto threaded = berth::threaded_evaluator<berth::thread_pool>{&pool}.prepare(*packed);
    using all_values = std::vector<berth::assignment_value>;
    std::vector<path> paths;
    paths.push_back({"float loop", [&](all_values& v) { loop.evaluate(population, v); }, false, {}});
    paths.push_back({"scalar", [&](all_values& v) { scalar.evaluate(population, v); }, false, {}});
    paths.push_back({"tiled", [&](all_values& v) { tiled.evaluate(population, v); }, false, {}});
    paths.push_back({"tiled 64-bit", [&](all_values& v) { tiled_wide.evaluate(population, v); }, false, {}});
    paths.push_back({"threaded", [&](all_values& v) { threaded.evaluate(population, v); }, true, {}});

    fmt::print("{} individuals of {} tasks on {} GPUs, costs and loads 1 to 100, seed {}; {}-bit genes, {}-bit words\n",
               options.population, options.tasks, options.gpus, options.seed, packed->gene_bits(), packed->word_bits());
    std::fflush(stdout);
    if (!time_paths(paths, options)) return exit_wrong_answer;
    if (paths[0].seconds.empty()) return exit_interrupted;
    if (interrupted()) fmt::print("Interrupted: {} of {} rounds.\n", paths[0].seconds.size(), options.rounds);
    if (options.device == "cuda" && !interrupted()) {
        if (const int code = add_device(paths, *packed, population); code != exit_ok) return code;
    }
    print_table(paths, options);
    fmt::print("All paths gave the same values. Best and median of {} interleaved rounds; CPU time, wall time for the\n"
               "{} thread{} of the last row.\n",
               paths[0].seconds.size(), options.threads, options.threads == 1 ? "" : "s");
    if (!options.json.empty()) {
        const auto ok = write_file(options.json, result_json(paths, options, packed->gene_bits(), packed->word_bits()));
        if (!ok) return fail(ok.error().message);
    }
    return interrupted() ? exit_interrupted : exit_ok;
}

}  // namespace

command add_evaluate(CLI::App& program, CLI::App*& subcommand) {
    auto options = std::make_shared<evaluate_options>();
    options->threads = std::max(1U, std::min(256U, std::thread::hardware_concurrency()));
    subcommand = program.add_subcommand(
        "evaluate", "Speed of evaluating whole populations of assignments, beside the plain scalar loop");
    CLI::App& app = *subcommand;
    // Beyond 150,000 tasks the sums of the float loop would round.
    app.add_option("--tasks", options->tasks, "Tasks, the genes of an individual")
        ->check(CLI::Range(std::size_t{1}, std::size_t{150'000}))
        ->capture_default_str();
    app.add_option("--gpus", options->gpus, "GPUs")
        ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}))
        ->capture_default_str();
    app.add_option("--population", options->population, "Individuals")
        ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}))
        ->capture_default_str();
    app.add_option("--threads", options->threads, "Threads of the threaded path (default: those of the machine)")
        ->check(CLI::Range(std::size_t{1}, std::size_t{256}));
    app.add_option("--seed", options->seed, "Seed of instance and population")
        ->check(check_digits)
        ->capture_default_str();
    app.add_option("--rounds", options->rounds, "Repetitions of every path, interleaved")
        ->check(CLI::Range(std::size_t{1}, std::size_t{1000}))
        ->capture_default_str();
    app.add_option("--device", options->device, "cpu, or cuda: the device as well, in rounds of its own")
        ->check(CLI::IsMember({"cpu", "cuda"}))
        ->capture_default_str();
    app.add_option("--json", options->json, "Write the results as JSON");
    return [options] {
        if (const auto ok = check_output(options->json); !ok) return fail(ok.error().message);
        if (options->device == "cuda") {
            if (const std::string why = no_device(); !why.empty()) return fail(why);
        }
        if (options->tasks * options->gpus > 100'000'000) return fail("--tasks times --gpus is at most 100000000");
        if (options->tasks * options->population > 500'000'000) {
            return fail("--tasks times --population is at most 500000000");
        }
        return options->gpus <= berth::packed_problem::max_narrow_gpus ? evaluate<std::uint16_t>(*options)
                                                                       : evaluate<std::uint32_t>(*options);
    };
}

}  // namespace bench
