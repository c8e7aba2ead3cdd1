// SPDX-License-Identifier: Apache-2.0
// berth-bench power: power limits on the table of Zeus: savings of single jobs, limits within a budget, energy against time.
#include "berth/cost/energy/energy_curve.hpp"
#include "berth/cost/energy/limit_sharing.hpp"

#include "berth_bench/commands.hpp"
#include "berth_bench/power_simulation.hpp"
#include "support/data_folders.hpp"
#include "support/output_file.hpp"
#include "support/zeus_power.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bench {

namespace {

struct power_options {
    std::string table;
    std::vector<double> budgets{60, 70, 80, 90};
    std::string json;
};

/// Means and maxima in per cent, as Zeus's table in loop.md has them.
struct published_saving {
    const char* gpu;
    double eta, saved, most_saved, slower, most_slower;
};
constexpr published_saving published[] = {
    {"v100", 0.5, 16.0, 35.0, 4.3, 15.5},    {"v100", 1.0, 21.4, 39.9, 16.5, 51.4},
    {"a40", 0.5, 13.3, 27.6, 0.5, 11.2},     {"a40", 1.0, 16.2, 29.1, 6.1, 39.5},
    {"rtx6000", 0.5, 15.3, 46.7, 3.0, 18.6}, {"rtx6000", 1.0, 20.1, 48.7, 16.2, 60.6},
    {"p100", 0.5, 7.7, 24.1, 0.4, 6.4},      {"p100", 1.0, 11.8, 24.9, 4.7, 17.6},
};

/// Savings of single jobs. Returns false if `choose_limit` is not the best of all points.
bool print_savings(const zeus_table& table, nlohmann::ordered_json& json) {
    fmt::print("\nOne job, one limit: least eta * energy + (1 - eta) * largest limit * time, against the largest "
               "limit; mean (most), %\n"
               "{:<8} {:>4} {:>4}  {:>14} {:>14}  {:>14} {:>14}\n",
               "GPU", "jobs", "eta", "energy saved", "expected", "slower", "expected");
    bool exact = true;
    std::vector<std::string> gpus;
    for (const auto& p : table.profiles) {
        if (std::find(gpus.begin(), gpus.end(), p.gpu) == gpus.end()) gpus.push_back(p.gpu);
    }
    for (const std::string& gpu : gpus) {
        for (const double eta : {0.5, 1.0}) {
            const berth::energy_time_cost cost{eta, static_cast<double>(table.most_watts(gpu))};
            std::size_t jobs = 0;
            double saved = 0.0;
            double slower = 0.0;
            double most_saved = -1e300;
            double most_slower = -1e300;
            for (const auto& [name, profile] : table.profiles) {
                if (name != gpu) continue;
                const std::size_t chosen = choose_limit(profile, cost);
                const auto& at = profile.points[chosen];
                for (std::size_t i = 0; i < profile.points.size(); ++i) {
                    const double other = cost(profile.points[i]);
                    if (other < cost(at) || (other == cost(at) && i < chosen)) exact = false;
                }
                const double s = 100.0 * (1.0 - at.joules() / profile.points.back().joules());
                const double t = 100.0 * (at.seconds / profile.points.back().seconds - 1.0);
                ++jobs;
                saved += s;
                slower += t;
                most_saved = std::max(most_saved, s);
                most_slower = std::max(most_slower, t);
            }
            saved /= static_cast<double>(jobs);
            slower /= static_cast<double>(jobs);
            const auto* ref = std::find_if(std::begin(published), std::end(published),
                                           [&](const published_saving& p) { return p.gpu == gpu && p.eta == eta; });
            const auto pair = [](double mean, double most) { return fmt::format("{:.1f} ({:.1f})", mean, most); };
            const bool has = ref != std::end(published);
            fmt::print("{:<8} {:>4} {:>4}  {:>14} {:>14}  {:>14} {:>14}\n", gpu, jobs, eta, pair(saved, most_saved),
                       has ? pair(ref->saved, ref->most_saved) : "-", pair(slower, most_slower),
                       has ? pair(ref->slower, ref->most_slower) : "-");
            json["savings"].push_back({{"gpu", gpu},
                                       {"eta", eta},
                                       {"jobs", jobs},
                                       {"saved_pct", saved},
                                       {"most_saved_pct", most_saved},
                                       {"slower_pct", slower},
                                       {"most_slower_pct", most_slower}});
        }
    }
    return exact;
}

/// The sum of losses if every GPU gets its largest limit of at most that share of the largest; where it has none, its
/// smallest.
double uniform_loss(const std::vector<berth::gpu_limits>& gpus, double share) {
    double loss = 0.0;
    for (const auto& gpu : gpus) {
        const double most = share * static_cast<double>(gpu.options.back().watts);
        double chosen = gpu.options[0].loss;
        for (const auto& o : gpu.options) {
            if (static_cast<double>(o.watts) <= most) chosen = o.loss;
        }
        loss += chosen;
    }
    return loss;
}

int print_budgets(const zeus_table& table, const std::vector<double>& budgets, nlohmann::ordered_json& json) {
    berth::amount all = 0;
    std::vector<berth::gpu_limits> by_largest;
    std::vector<berth::gpu_limits> by_fastest;
    for (const auto& p : table.profiles) {
        by_largest.push_back(limits_of(p.profile));
        by_fastest.push_back(by_largest.back());
        double least = 0.0;  // the fastest point's loss, below 0 if a smaller limit is faster than the largest
        for (const auto& o : by_largest.back().options) least = std::min(least, o.loss);
        for (auto& o : by_fastest.back().options) o.loss = 1.0 - (1.0 - o.loss) / (1.0 - least);
        all += p.profile.points.back().limit;
    }
    fmt::print("\nOne GPU for each of {} jobs, a budget for all: sum of (1 - speed / full speed)\n"
               "{:<22} {:>8} {:>9} {:>9} {:>9} {:>9}  {}\n",
               by_largest.size(), "full speed", "budget", "uniform", "by rate", "bound", "exact", "exact / uniform");
    for (const auto& [name, gpus] :
         {std::pair{"at the largest limit", &by_largest}, std::pair{"at the fastest limit", &by_fastest}}) {
        for (const double share : budgets) {
            const auto budget = static_cast<berth::amount>(std::floor(static_cast<double>(all) * share / 100.0));
            const auto exact = berth::limit_sharing{}.run(*gpus, budget);
            const auto quick = berth::limit_sharing{.max_cells = 0}.run(*gpus, budget);
            if (!exact || !quick) {
                fmt::print("{:<22} {:>6} % {}\n", name, share, exact ? quick.error().message : exact.error().message);
                continue;
            }
            const double uniform = uniform_loss(*gpus, share / 100.0);
            fmt::print("{:<22} {:>6} % {:>9.4f} {:>9.4f} {:>9.4f} {:>9.4f}  {}\n", name, share, uniform, quick->loss,
                       quick->lower_bound, exact->loss,
                       exact->loss <= 0.0 ? std::string{"nothing is lost"}
                                          : fmt::format("{:.1f} %", 100.0 * exact->loss / uniform));
            json["budgets"].push_back({{"full_speed", name},
                                       {"share_pct", share},
                                       {"watts", budget},
                                       {"uniform", uniform},
                                       {"by_rate", quick->loss},
                                       {"bound", quick->lower_bound},
                                       {"exact", exact->loss},
                                       {"optimal", exact->optimal}});
            if (!exact->optimal || quick->loss < exact->loss || quick->lower_bound > exact->loss)
                return exit_wrong_answer;
        }
    }
    return exit_ok;
}

int print_curve(const zeus_table& table, nlohmann::ordered_json& json) {
    // Jobs of equal time at the largest limit, so that none outweighs the others.
    std::vector<berth::profiled_task> tasks;
    double seconds = 0.0;
    double joules = 0.0;
    for (const auto& p : table.profiles) {
        tasks.push_back({&p.profile, 1000.0 / p.profile.points.back().seconds});
        seconds += 1000.0;
        joules += p.profile.points.back().joules() * tasks.back().units;
    }
    const auto curve = berth::make_energy_curve(tasks);
    if (!curve) return fail(curve.error().message);
    fmt::print("\nEnergy against completion time: all jobs, 1000 s each at the largest limit; {} points\n"
               "{:>12} {:>10} {:>14}\n",
               curve->points().size(), "longer by", "energy", "proven least");
    const double fastest = 100.0 * (curve->points().front().seconds / seconds - 1.0);
    const double slowest = 100.0 * (curve->points().back().seconds / seconds - 1.0);
    std::vector<double> marks{fastest, 0.0, 1.0, 2.0, 5.0, 10.0, slowest};
    std::sort(marks.begin(), marks.end());
    for (const double longer : marks) {
        // Up to rounding: the ends of the curve are marks, too.
        const double within = seconds * (1.0 + longer / 100.0) * (1.0 + 1e-12);
        const double energy = 100.0 * curve->points()[curve->within(within)].joules / joules;
        const double least = 100.0 * curve->least_joules(within) / joules;
        fmt::print("{:>10.2f} % {:>8.2f} % {:>12.2f} %\n", longer, energy, least);
        json["curve"].push_back({{"longer_pct", longer}, {"energy_pct", energy}, {"least_pct", least}});
    }
    return exit_ok;
}

int power(const power_options& options) {
    if (const auto ok = check_output(options.json); !ok) return fail(ok.error().message);
    const std::string file = options.table.empty() ? own_data_folder("energy") + "/zeus_power.csv.xz" : options.table;
    const auto table = read_zeus_power(file);
    if (!table) return fail(table.error().message);
    if (table->profiles.empty()) return fail(file + ": no job has a row at the largest limit of its GPU model");
    fmt::print("{} jobs on GPU models at all limits measured ({} without a row at the largest limit are left out)\n",
               table->profiles.size(), table->left_out);
    nlohmann::ordered_json json;
    if (!print_savings(*table, json)) {
        fmt::print(stderr, "berth-bench: a chosen limit is not the best\n");
        return exit_wrong_answer;
    }
    if (const int code = print_budgets(*table, options.budgets, json); code != exit_ok) return code;
    if (const int code = print_curve(*table, json); code != exit_ok) return code;
    if (const int code = print_power_simulation(*table, json); code != exit_ok) return code;
    if (!options.json.empty()) {
        if (const auto ok = write_file(options.json, json.dump(2) + '\n'); !ok) return fail(ok.error().message);
    }
    return exit_ok;
}

}  // namespace

command add_power(CLI::App& program, CLI::App*& subcommand) {
    auto options = std::make_shared<power_options>();
    subcommand =
        program.add_subcommand("power", "Power limits: savings of jobs, limits within a budget, energy against time");
    subcommand->add_option("--table", options->table,
                           "Seconds and watts at each limit, CSV (may be .xz); default: Zeus's table");
    subcommand->add_option("--budgets", options->budgets, "Budgets in per cent of the sum of the largest limits")
        ->delimiter(',')
        ->check(CLI::Range(0.0, 100.0))
        ->capture_default_str();
    subcommand->add_option("--json", options->json, "Write all figures as JSON");
    return [options] { return power(*options); };
}

}  // namespace bench
