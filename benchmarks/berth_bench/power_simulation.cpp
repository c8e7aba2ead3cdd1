// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/power_simulation.hpp"

#include "berth/cost/energy/energy_curve.hpp"
#include "berth/queue/berth_rounds.hpp"
#include "berth/simulate/metrics.hpp"
#include "berth/simulate/rounds.hpp"
#include "berth/simulate/speeds.hpp"

#include "berth_bench/commands.hpp"
#include "support/data_folders.hpp"
#include "support/simulation_traces.hpp"
#include "support/text_blocks.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

namespace {

/// The mapping of Gavel's job types to jobs of Zeus's table: the same network where it is there, else a network of the
/// same kind. Of its rows those of the nearest batch size, the first of them in the file.
struct mapped_type {
    std::string_view gavel;
    std::string_view zeus;
};
constexpr mapped_type mapping[] = {{"ResNet-18", "cifar100 shufflenetv2"},
                                   {"ResNet-50", "imagenet resnet50"},
                                   {"LM", "sentiment140 bert_base_uncased"},
                                   {"Transformer", "squad bert_base_uncased"}};

/// The number after a word, 0 without one.
double number_after(std::string_view text, std::string_view word) {
    const std::size_t at = text.find(word);
    return at == std::string_view::npos ? 0.0
                                        : std::strtod(std::string{text.substr(at + word.size())}.c_str(), nullptr);
}

/// The profile of a job type on a GPU model; the K80, which Zeus did not measure, is like the P100. Null without one.
const berth::power_profile* profile_of(const zeus_table& table, std::string_view type, std::string_view gpu) {
    const auto* mapped = std::find_if(std::begin(mapping), std::end(mapping), [&](const mapped_type& m) {
        return type.starts_with(m.gavel) && type.substr(m.gavel.size(), 2) == " (";
    });
    if (mapped == std::end(mapping)) return nullptr;
    const double batch = number_after(type, "batch size ");
    const berth::power_profile* best = nullptr;
    double least = std::numeric_limits<double>::infinity();
    for (const zeus_profile& row : table.profiles) {
        const std::size_t at = row.profile.name.find(mapped->zeus);
        if (row.gpu != (gpu == "k80" ? "p100" : gpu) || at == std::string::npos) continue;
        const double other = number_after(std::string_view{row.profile.name}.substr(at), mapped->zeus);
        const double distance = std::fabs(std::log(std::max(other, 1.0) / std::max(batch, 1.0)));
        if (distance >= least) continue;
        least = distance;
        best = &row.profile;
    }
    return best;
}

struct all_models {
    std::span<const berth::model_index> order;
    std::span<const berth::model_index> operator()(std::uint64_t) const { return order; }
};

/// What a simulation did.
struct account {
    std::vector<double> steps;             // of each job (row) on each model (column)
    std::vector<double> pressure;          // the same, each step times the jobs that waited meanwhile
    std::vector<berth::model_index> last;  // of each job
    double waiting = 0.0;                  // jobs, in the last round
};
struct steps_watch {
    account* to;
    std::size_t models;

    void operator()(std::uint64_t, const berth::round_view& view, std::span<const berth::model_index> chosen) const {
        for (const berth::round_outcome& o : view.ended) {
            to->steps[o.id * models + o.model.value()] += o.steps;
            to->pressure[o.id * models + o.model.value()] += o.steps * to->waiting;
        }
        to->waiting = 0.0;
        for (std::size_t j = 0; j < chosen.size(); ++j) {
            if (chosen[j].valid())
                to->last[view.jobs[j].id] = chosen[j];
            else
                to->waiting += 1.0;
        }
    }
};

struct powered_trace {
    simulation_trace trace;
    model_counts models;
    std::vector<double> speeds;                         // at the largest limits
    std::vector<const berth::power_profile*> profiles;  // of each job (row) on each model (column)

    /// A simulation at these limits.
    struct outcome {
        double mean_s = 0.0;
        double joules_a_job = 0.0;
        std::vector<double> gpu_seconds;  // of each job on each model, at the largest limit
        /// Of the same: seconds by which all completions together come later if that time doubles. Its own, and that of
        /// those who wait meanwhile, for the part of all GPUs that it holds.
        std::vector<double> delay;
    };
    [[nodiscard]] berth::result<outcome> simulate(const std::vector<std::size_t>& limits) const {
        const std::size_t m = models.gpus.size();
        std::vector<double> slowed(speeds.size());
        for (std::size_t k = 0; k < speeds.size(); ++k) {
            const auto& points = profiles[k]->points;
            slowed[k] = speeds[k] * points.back().seconds / points[limits[k]].seconds;
        }
        account did;
        did.steps.resize(speeds.size(), 0.0);
        did.pressure.resize(speeds.size(), 0.0);
        did.last.resize(trace.jobs.size());
        const berth::round_simulation<all_models, steps_watch> simulation{
            trace.jobs, models.gpus, {models.order}, berth::gavel_rounds(), {&did, m}};
        const berth::table_speeds truth{{slowed.data(), trace.jobs.size(), m}};
        berth::table_speeds beliefs = truth;
        const auto run = simulation.run(berth::berth_rounds{}, truth, beliefs);
        if (!run) return run.error();
        outcome out;
        out.mean_s = berth::completion(trace.jobs, run->jobs).mean_s;
        for (std::size_t j = 0; j < trace.jobs.size(); ++j) {
            double left = trace.jobs[j].steps;  // of the round that no other round reports
            for (std::size_t c = 0; c < m; ++c) left -= did.steps[j * m + c];
            did.steps[j * m + did.last[j].value()] += std::max(left, 0.0);
        }
        out.gpu_seconds.resize(speeds.size(), 0.0);
        out.delay.resize(speeds.size(), 0.0);
        double all_gpus = 0.0;
        for (const std::uint32_t gpus : models.gpus) all_gpus += gpus;
        for (std::size_t k = 0; k < speeds.size(); ++k) {
            if (!(did.steps[k] > 0.0)) continue;
            const auto& point = profiles[k]->points[limits[k]];
            const double gpus = trace.jobs[k / m].gpus;
            out.joules_a_job += did.steps[k] / slowed[k] * gpus * point.watts / static_cast<double>(trace.jobs.size());
            out.gpu_seconds[k] = did.steps[k] / speeds[k] * gpus;
            out.delay[k] = (did.steps[k] + did.pressure[k] * gpus / all_gpus) / speeds[k];
        }
        return out;
    }
};

berth::result<powered_trace> read_powered(const zeus_table& table) {
    const std::string folder = own_data_folder("loop");
    const std::string trace_file = folder + "/gavel_trace.csv.xz";
    const std::string speed_file = folder + "/gavel_speeds.csv.xz";
    const auto trace_text = read_text(trace_file);
    if (!trace_text) return trace_text.error();
    const auto speed_text = read_text(speed_file);
    if (!speed_text) return speed_text.error();
    auto trace = parse_gavel_trace(trace_file, *trace_text, "continuous");
    if (!trace) return trace.error();
    auto models = parse_model_counts("v100:8,p100:16,k80:24");
    if (!models) return models.error();
    auto speeds = parse_job_speeds(speed_file, *speed_text, "physical", *trace, *models);
    if (!speeds) return speeds.error();
    powered_trace out{std::move(*trace), std::move(*models), std::move(*speeds), {}};
    for (const std::string& type : out.trace.classes) {
        for (const std::string& gpu : out.models.names) {
            out.profiles.push_back(profile_of(table, type, gpu));
            if (out.profiles.back() == nullptr) {
                return berth::error{berth::error_code::unknown_name,
                                    "the table has no job like \"" + type + "\" on a " + gpu};
            }
        }
    }
    return out;
}

}  // namespace

int print_power_simulation(const zeus_table& table, nlohmann::ordered_json& json) {
    const auto powered = read_powered(table);
    if (!powered) {
        fmt::print("\nNo simulation: {}\n", powered.error().message);
        return exit_ok;
    }
    std::vector<std::size_t> limits;
    for (const auto* profile : powered->profiles) limits.push_back(profile->points.size() - 1);
    const auto base = powered->simulate(limits);
    if (!base) return fail(base.error().message);
    // Of each job on each model: energy, and how much later all jobs are done; where it did not run, hardly anything.
    std::vector<berth::power_profile> effects;
    double delay = 0.0;
    double joules = 0.0;
    for (std::size_t k = 0; k < powered->profiles.size(); ++k) {
        effects.push_back(*powered->profiles[k]);
        const berth::limit_point full = effects.back().points.back();
        for (berth::limit_point& point : effects.back().points) {
            const double factor = point.seconds / full.seconds;
            const double energy = std::max(base->gpu_seconds[k], 1.0) * factor * point.watts;
            point.seconds = std::max(base->delay[k], 1.0) * factor;
            point.watts = energy / point.seconds;
        }
        delay += effects.back().points.back().seconds;
        joules += effects.back().points.back().joules();
    }
    std::vector<berth::profiled_task> tasks;
    for (const berth::power_profile& effect : effects) tasks.push_back({&effect, 1.0});
    const auto curve = berth::make_energy_curve(tasks);
    if (!curve) return fail(curve.error().message);
    fmt::print("\nGavel's continuous trace under berth's rounds, {} jobs: a limit for each job on each GPU model\n"
               "{:>16} {:>12} {:>12} {:>14} {:>12} {:>14}\n"
               "{:>16} {:>12.0f} {:>12} {:>14.1f} {:>12} {:>14}\n",
               powered->trace.jobs.size(), "expected longer", "mean, s", "longer by", "MJ a job", "energy",
               "least (bound)", "largest limit", base->mean_s, "-", base->joules_a_job / 1e6, "100 %", "-");
    json["simulated"].push_back({{"mean_s", base->mean_s}, {"joules_a_job", base->joules_a_job}});
    const double all_seconds = base->mean_s * static_cast<double>(powered->trace.jobs.size());
    for (int step = -4; step <= 12; ++step) {
        const double within = delay + all_seconds * 0.0025 * step;
        const auto run = powered->simulate(curve->options(curve->within(within)));
        if (!run) return fail(run.error().message);
        const double longer = 100.0 * (run->mean_s / base->mean_s - 1.0);
        const double energy = 100.0 * run->joules_a_job / base->joules_a_job;
        const double least = 100.0 * curve->least_joules(within) / joules;
        fmt::print("{:>14.2f} % {:>12.0f} {:>10.2f} % {:>14.1f} {:>10.2f} % {:>12.2f} %\n", 0.25 * step, run->mean_s,
                   longer, run->joules_a_job / 1e6, energy, least);
        json["simulated"].push_back({{"within_pct", 0.25 * step},
                                     {"mean_s", run->mean_s},
                                     {"longer_pct", longer},
                                     {"joules_a_job", run->joules_a_job},
                                     {"energy_pct", energy},
                                     {"least_pct", least}});
    }
    return exit_ok;
}

}  // namespace bench
