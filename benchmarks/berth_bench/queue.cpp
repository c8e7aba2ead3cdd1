// SPDX-License-Identifier: Apache-2.0
// berth-bench queue: the jobs of a batch system's log under queues with and without backfilling.
#include "berth/core/run_control.hpp"
#include "berth/simulate/queue_simulation.hpp"

#include "berth_bench/commands.hpp"
#include "support/batch_log.hpp"
#include "support/csv_table.hpp"
#include "support/output_file.hpp"
#include "support/progress.hpp"
#include "support/svg_chart.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bench {

namespace {

struct queue_options {
    std::string jobs;
    std::int64_t procs = 0;
    std::vector<std::string> counters;
    std::vector<std::string> policies;
    std::string passes = "event";
    std::string starts;
    std::string json;
    std::string svg;
};

struct queue_policy {
    const char* name;
    bool conservative;
    berth::backfill_mode mode;
    berth::duration_source source;
};
using berth::backfill_mode;
using berth::duration_source;
constexpr queue_policy policies[] = {
    {"fcfs", false, backfill_mode::none, duration_source::request},
    {"easy", false, backfill_mode::queue, duration_source::request},
    {"easy_sjbf", false, backfill_mode::shortest_first, duration_source::request},
    {"conservative", true, backfill_mode::none, duration_source::request},
    {"easy_actual", false, backfill_mode::queue, duration_source::actual},
    {"easy_sjbf_actual", false, backfill_mode::shortest_first, duration_source::actual},
    {"conservative_actual", true, backfill_mode::none, duration_source::actual},
    {"easy_learned", false, backfill_mode::queue, duration_source::learned},
    {"easy_sjbf_learned", false, backfill_mode::shortest_first, duration_source::learned},
};

const queue_policy* find_policy(const std::string& name) {
    for (const queue_policy& policy : policies) {
        if (name == policy.name) return &policy;
    }
    return nullptr;
}

struct on_interrupt {
    [[nodiscard]] bool stop_requested() const noexcept { return interrupted(); }
};

/// The figures of one policy; seconds of the log but for `seconds`, which is CPU time.
struct queue_figures {
    std::string name;
    std::vector<std::int64_t> starts;
    std::size_t started = 0;
    double mean_wait = 0.0;
    double p99_wait = 0.0;
    double mean_flow = 0.0;
    double mean_slowdown = 0.0;
    double max_slowdown = 0.0;
    std::int64_t makespan = 0;
    double seconds = 0.0;
};

queue_figures figures_of(const std::string& name, const batch_log& log, std::vector<std::int64_t> starts,
                         double seconds) {
    queue_figures f{.name = name, .starts = std::move(starts), .seconds = seconds};
    std::vector<std::int64_t> waits;
    for (std::size_t j = 0; j < log.jobs.size(); ++j) {
        if (f.starts[j] < 0) continue;
        const std::int64_t wait = f.starts[j] - log.jobs[j].submit;
        const auto flow = static_cast<double>(wait + log.jobs[j].run);
        const double slowdown = std::max(1.0, flow / static_cast<double>(std::max<std::int64_t>(log.jobs[j].run, 10)));
        waits.push_back(wait);
        f.mean_wait += static_cast<double>(wait);
        f.mean_flow += flow;
        f.mean_slowdown += slowdown;
        f.max_slowdown = std::max(f.max_slowdown, slowdown);
        f.makespan = std::max(f.makespan, f.starts[j] + log.jobs[j].run - log.jobs.front().submit);
    }
    f.started = waits.size();
    if (waits.empty()) return f;
    const auto n = static_cast<double>(waits.size());
    f.mean_wait /= n;
    f.mean_flow /= n;
    f.mean_slowdown /= n;
    std::ranges::sort(waits);
    f.p99_wait = static_cast<double>(waits[static_cast<std::size_t>(0.99 * n)]);
    return f;
}

berth::result<batch_log_options> read_counters(const queue_options& options) {
    batch_log_options read{.procs = options.procs};
    for (const std::string& text : options.counters) {
        const std::size_t equals = text.find('=');
        berth::amount capacity = 0;
        const char* last = text.data() + text.size();
        if (equals != std::string::npos && equals > 0) {
            const auto number = std::from_chars(text.data() + equals + 1, last, capacity);
            if (number.ptr != last) capacity = 0;
        }
        if (capacity <= 0) {
            return berth::error{
                berth::error_code::invalid_value,
                fmt::format("--capacity {}: expected COLUMN=AMOUNT, a whole number above 0", shown(text))};
        }
        read.counters.emplace_back(text.substr(0, equals), capacity);
    }
    return read;
}

std::string picture(const batch_log& log, const std::vector<queue_figures>& all) {
    line_chart chart{.title = "Jobs that wait",
                     .subtitle = fmt::format("{} jobs", log.jobs.size()),
                     .x = {.label = "days"},
                     .y = {.label = "jobs in the queue"},
                     .series = {}};
    for (const queue_figures& f : all) {
        std::vector<std::pair<std::int64_t, int>> changes;
        for (std::size_t j = 0; j < log.jobs.size(); ++j) {
            changes.emplace_back(log.jobs[j].submit, 1);
            if (f.starts[j] >= 0) changes.emplace_back(f.starts[j], -1);
        }
        std::ranges::sort(changes);
        // As many points as a picture can show, each the longest queue of its stretch of time.
        constexpr std::int64_t points = 600;
        const std::int64_t begin = changes.front().first;
        const std::int64_t span = std::max<std::int64_t>(changes.back().first - begin, 1);
        chart_series series{.name = f.name, .points = {}};
        std::int64_t queue = 0;
        std::size_t next = 0;
        for (std::int64_t p = 0; p <= points; ++p) {
            const std::int64_t until = begin + span * p / points;
            std::int64_t longest = queue;
            for (; next < changes.size() && changes[next].first <= until; ++next) {
                queue += changes[next].second;
                longest = std::max(longest, queue);
            }
            series.points.emplace_back(static_cast<double>(until - begin) / 86400.0, static_cast<double>(longest));
        }
        chart.series.push_back(std::move(series));
    }
    return to_svg(chart);
}

std::string starts_csv(const batch_log& log, const queue_figures& f) {
    std::string text = "id,start\n";
    for (std::size_t j = 0; j < log.jobs.size(); ++j) {
        if (f.starts[j] >= 0) text += fmt::format("{},{}\n", csv_field(log.ids[j]), f.starts[j]);
    }
    return text;
}

nlohmann::ordered_json to_json(const batch_log& log, const std::vector<queue_figures>& all, const std::string& passes) {
    nlohmann::ordered_json json;
    json["jobs"] = log.jobs.size();
    json["dropped"] = log.dropped;
    json["passes"] = passes;
    for (const queue_figures& f : all) {
        auto& one = json["policies"][f.name];
        one["started"] = f.started;
        one["mean_wait_s"] = f.mean_wait;
        one["p99_wait_s"] = f.p99_wait;
        one["mean_flow_s"] = f.mean_flow;
        one["mean_bounded_slowdown"] = f.mean_slowdown;
        one["max_bounded_slowdown"] = f.max_slowdown;
        one["makespan_s"] = f.makespan;
        one["seconds"] = f.seconds;
        if (f.seconds > 0.0) one["jobs_per_second"] = static_cast<double>(f.started) / f.seconds;
    }
    return json;
}

int run_queue(const queue_options& options) {
    for (const std::string& path : {options.starts, options.json, options.svg}) {
        if (auto ok = check_output(path); !ok) return fail(ok.error().message);
    }
    if (!options.starts.empty() && options.policies.size() != 1) return fail("--starts takes one --policy");
    const auto read = read_counters(options);
    if (!read) return fail(read.error().message);
    const auto log = read_batch_log(options.jobs, *read);
    if (!log) return fail(log.error().message);
    if (log->jobs.empty()) return fail(fmt::format("{}: no job that can run", options.jobs));
    const auto when = options.passes == "event" ? berth::pass_time::event : berth::pass_time::instant;
    const berth::run_control<on_interrupt> control{};

    std::vector<queue_figures> all;
    for (const std::string& name : options.policies) {
        const queue_policy& policy = *find_policy(name);
        const std::clock_t begin = std::clock();
        auto starts = policy.conservative ? berth::simulate_conservative(log->jobs, log->capacity, log->demands,
                                                                         policy.source, when, control)
                                          : berth::simulate_easy(log->jobs, log->capacity, log->demands, policy.mode,
                                                                 policy.source, when, control);
        const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
        if (!starts) return fail(starts.error().message);
        all.push_back(figures_of(name, *log, std::move(*starts), seconds));
        if (interrupted()) break;
    }

    fmt::print("{} jobs, {} dropped; bounded slowdown: at least 1, runs of at least 10 s\n\n", log->jobs.size(),
               log->dropped);
    fmt::print("{:20} {:>12} {:>12} {:>12} {:>12} {:>12} {:>10} {:>12}\n", "policy", "mean wait s", "p99 wait s",
               "mean flow s", "mean bsld", "max bsld", "CPU s", "jobs/s");
    for (const queue_figures& f : all) {
        fmt::print("{:20} {:12.1f} {:12.0f} {:12.1f} {:12.4f} {:12.1f} {:10.3f} {:12.0f}\n", f.name, f.mean_wait,
                   f.p99_wait, f.mean_flow, f.mean_slowdown, f.max_slowdown, f.seconds,
                   f.seconds > 0.0 ? static_cast<double>(f.started) / f.seconds : 0.0);
    }
    const auto write = [&](const std::string& path, const auto& text) -> berth::result<void> {
        if (path.empty()) return {};
        return write_file(path, text());
    };
    for (const auto& ok : {write(options.starts, [&] { return starts_csv(*log, all.front()); }),
                           write(options.json, [&] { return to_json(*log, all, options.passes).dump(2) + "\n"; }),
                           write(options.svg, [&] { return picture(*log, all); })}) {
        if (!ok) return fail(ok.error().message);
    }
    return interrupted() ? exit_interrupted : exit_ok;
}

}  // namespace

command add_queue(CLI::App& program, CLI::App*& subcommand) {
    auto options = std::make_shared<queue_options>();
    subcommand =
        program.add_subcommand("queue", "Runs the jobs of a batch system's log through queues with backfilling");
    subcommand
        ->add_option("--jobs", options->jobs,
                     "Log: SWF, or CSV with submit, run, procs, req and, if there are, id and user; may be .xz")
        ->required();
    subcommand->add_option("--procs", options->procs, "Processors; by default as the log says (MaxProcs of SWF)")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40));
    subcommand->add_option("--capacity", options->counters, "COLUMN=AMOUNT: a further counter, a column of a CSV log");
    std::vector<std::string> names;
    for (const queue_policy& policy : policies) names.emplace_back(policy.name);
    subcommand->add_option("--policy", options->policies, "One or several")
        ->check(CLI::IsMember(names))
        ->default_val(std::vector<std::string>{"fcfs", "easy", "easy_sjbf", "conservative"});
    subcommand->add_option("--passes", options->passes, "When a queue decides: after every event, or once an instant")
        ->check(CLI::IsMember({"event", "instant"}))
        ->capture_default_str();
    subcommand->add_option("--starts", options->starts, "Writes id,start of every job as CSV; for one policy");
    subcommand->add_option("--json", options->json, "Writes the figures as JSON");
    subcommand->add_option("--svg", options->svg, "Draws the length of the queue over time");
    return [options] { return run_queue(*options); };
}

}  // namespace bench
