// SPDX-License-Identifier: Apache-2.0
// berth-bench replay: an event log through the scheduler: what it decides, who runs where at the end, and whether that is what
// the log expects.
#include "berth/io/event_log.hpp"
#include "berth/io/event_log_policies.hpp"

#include "berth_bench/commands.hpp"
#include "berth_bench/log_check.hpp"
#include "berth_bench/log_engine.hpp"
#include "berth_bench/log_replay.hpp"
#include "support/output_file.hpp"
#include "support/progress.hpp"
#include "support/text_blocks.hpp"

#include <fmt/core.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace bench {

namespace {

namespace io = berth::io;
using state = logged_task::state;

struct replay_options {
    std::string log;
    std::string policy;
    std::string acknowledge;
    std::string out;
    std::string json;
    std::string mig_profiles;
    bool check = false;
    double until = -1.0;
};

berth::result<std::vector<io::numbered_event>> read_log(const std::string& path) {
    auto blocks = file_blocks(path);
    if (!blocks) return blocks.error();
    std::vector<io::numbered_event> log;
    io::event_reader reader{path};
    const auto take = [&](io::event&& one) -> berth::result<void> {
        log.push_back({reader.line(), std::move(one)});
        return {};
    };
    while (true) {
        const auto block = (*blocks)();
        if (!block) return block.error();
        if (block->empty()) break;
        if (const auto ok = reader.read_block(*block, take); !ok) return ok.error();
    }
    if (const auto ok = reader.finish(take); !ok) return ok.error();
    return log;
}

std::string place_text(const io::log_place& place) {
    return place.gpus.empty() ? place.node : fmt::format("{} ({})", place.node, fmt::join(place.gpus, ", "));
}

std::string slice_text(const std::optional<io::mig_slice>& slice) {
    return slice ? fmt::format(", {} at {}", slice->profile, slice->offset) : std::string{};
}

/// A decision as a line for people.
std::string decision_text(const io::decision& d) {
    const auto head = [](double time, const char* word, const std::string& job) {
        return fmt::format("{:>10}  {:<6}{}", time, word, job);
    };
    if (const auto* one = std::get_if<io::start_decision>(&d)) {
        return fmt::format("{} {} on {}{}", head(one->time, "start", one->job), one->task, place_text(one->place),
                           slice_text(one->mig));
    }
    if (const auto* one = std::get_if<io::evict_decision>(&d)) {
        return fmt::format("{} {} from {}{}, {}", head(one->time, "evict", one->job), one->task, place_text(one->place),
                           one->for_job ? " for " + *one->for_job : "", one->reason);
    }
    if (const auto* one = std::get_if<io::move_decision>(&d)) {
        return fmt::format("{} {} from {}{} to {}{}, {}", head(one->time, "move", one->job), one->task,
                           place_text(one->from), slice_text(one->from_mig), place_text(one->to),
                           slice_text(one->to_mig), one->reason);
    }
    if (const auto* one = std::get_if<io::lost_decision>(&d))
        return fmt::format("{} {}, {}", head(one->time, "lost", one->job), one->task, one->reason);
    const auto& wait = std::get<io::wait_decision>(d);
    std::vector<std::string> reasons;
    for (const auto& [reason, places] : wait.reasons) reasons.push_back(fmt::format("{} on {}", reason, places));
    return fmt::format("{}: {}", head(wait.time, "wait", wait.job), fmt::join(reasons, ", "));
}

nlohmann::ordered_json summary(const replay_options& options, const replayed_log& run,
                               const std::vector<std::string>& differs) {
    nlohmann::ordered_json json;
    json["log"] = options.log;
    json["policy"] = run.policy;
    json["acknowledge"] = run.acknowledged ? "log" : "auto";
    json["events"] = run.events;
    json["decisions"] = run.decisions;
    json["duplicates"] = run.duplicates;
    json["running"] = nlohmann::ordered_json::array();
    json["waiting"] = nlohmann::ordered_json::array();
    for (const auto& [name, job] : run.end.jobs()) {
        for (std::size_t t = 0; t < job.tasks.size(); ++t) {
            const logged_task& task = job.tasks[t];
            if (task.is != state::running) continue;
            json["running"].push_back(
                {{"job", name}, {"task", t}, {"node", task.place.node}, {"gpus", task.place.gpus}});
            if (task.slice)
                json["running"].back()["mig"] = {{"profile", task.slice->profile}, {"offset", task.slice->offset}};
        }
        if (const std::size_t waiting = job.count(state::waiting); waiting > 0)
            json["waiting"].push_back({{"job", name}, {"tasks", waiting}, {"reasons", job.reasons}});
    }
    json["free"] = run.end.free();
    json["overcommitted"] = nlohmann::ordered_json::array();
    for (const auto& [place, free] : run.end.overcommitted())
        json["overcommitted"].push_back({{"place", place}, {"free", free}});
    json["undeclared"] = run.end.undeclared();
    json["times_decided"] = run.times_decided;
    json["seconds_per_decision"] =
        run.times_decided == 0 ? 0.0 : run.decide_seconds / static_cast<double>(run.times_decided);
    if (run.expected) json["differences"] = differs;
    return json;
}

void print_summary(const replayed_log& run) {
    const auto counts = [](const std::map<std::string, std::uint64_t>& of) {
        std::vector<std::string> all;
        for (const auto& [name, count] : of) all.push_back(fmt::format("{} {}", count, name));
        return all.empty() ? std::string{"none"} : fmt::format("{}", fmt::join(all, ", "));
    };
    std::size_t running = 0;
    std::size_t waiting = 0;
    for (const auto& [name, job] : run.end.jobs()) {
        running += job.count(state::running);
        waiting += job.count(state::waiting);
    }
    fmt::print("policy         {}, evictions and moves are done {}\n", run.policy,
               run.acknowledged ? "when the log says so" : "at once");
    fmt::print("events         {}\n", counts(run.events));
    fmt::print("decisions      {}\n", counts(run.decisions));
    if (run.duplicates > 0) fmt::print("duplicates     {}\n", run.duplicates);
    fmt::print("tasks          {} run, {} wait\n", running, waiting);
    std::vector<std::string> free;
    for (const auto& [counter, value] : run.end.free()) free.push_back(fmt::format("{} {}", counter, value));
    fmt::print("free           {}\n", free.empty() ? "nothing" : fmt::format("{}", fmt::join(free, ", ")));
    for (const auto& [place, value] : run.end.overcommitted()) fmt::print("overcommitted  {}: {}\n", place, value);
    for (const std::string& counter : run.end.undeclared())
        fmt::print("never          no place has the counter {}\n", counter);
    if (run.times_decided > 0)
        fmt::print("a decision     {:.1f} µs\n", 1e6 * run.decide_seconds / static_cast<double>(run.times_decided));
}

int replay(const replay_options& options) {
    for (const std::string& path : {options.out, options.json}) {
        if (const auto ok = check_output(path); !ok) return fail(ok.error().message);
    }
    const auto log = read_log(options.log);
    if (!log) return fail(log.error().message);
    const bool is_test = !log->empty() && std::holds_alternative<io::expectation>(log->back().what);
    if (options.check && !is_test)
        return fail(options.log + ": has no line with \"expect\", so there is nothing to check");
    replay_settings settings{.policy = options.policy, .mig_profiles = options.mig_profiles};
    if (!options.acknowledge.empty()) settings.acknowledged = options.acknowledge == "log";
    if (options.until >= 0.0) settings.until = options.until;
    const auto run = replay_log(*log, options.log, settings);
    if (!run) return interrupted() ? exit_interrupted : fail(run.error().message);

    constexpr std::size_t most_lines = 40;
    if (run->decided.size() <= most_lines) {
        for (const io::decision& one : run->decided) fmt::print("{}\n", decision_text(one));
        if (!run->decided.empty()) fmt::print("\n");
    }
    print_summary(*run);
    std::vector<std::string> differs;
    if (run->expected) differs = differences(*run->expected, run->end);
    if (options.check) {
        for (const std::string& one : differs) fmt::print("differs        {}\n", one);
        if (differs.empty()) fmt::print("expected       all of it holds\n");
    }
    if (!options.out.empty()) {
        std::string lines;
        for (const io::decision& one : run->decided) io::append_decision(lines, one);
        if (const auto ok = write_file(options.out, lines); !ok) return fail(ok.error().message);
    }
    if (!options.json.empty()) {
        const std::string text =
            summary(options, *run, differs).dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
        if (const auto ok = write_file(options.json, text + '\n'); !ok) return fail(ok.error().message);
    }
    if (run->broken) {
        fmt::print(stderr, "berth-bench: {}: a decision that breaks the rules of the log, {}\n", options.log,
                   *run->broken);
        return exit_wrong_answer;
    }
    return options.check && !differs.empty() ? exit_wrong_answer : exit_ok;
}

}  // namespace

command add_replay(CLI::App& program, CLI::App*& subcommand) {
    auto options = std::make_shared<replay_options>();
    subcommand =
        program.add_subcommand("replay", "An event log through the scheduler: decisions, who runs where at the end, "
                                         "and whether that is what the log expects");
    CLI::App& app = *subcommand;
    app.add_option("log", options->log, "Event log, JSON lines; may be compressed with xz")->required();
    std::string names;
    for (const berth::io::log_policy& one : berth::io::log_policies())
        names += fmt::format("\n{} {}: {}", std::string(30, ' '), one.name, one.summary);
    app.add_option("--policy", options->policy, "Policy, over what the log says:" + names);
    app.add_option("--acknowledge", options->acknowledge,
                   "When an eviction or a move is done: `auto` at once, `log` when the log reports it")
        ->check(CLI::IsMember({"auto", "log"}));
    app.add_option("--out", options->out, "Write the decisions, as JSON lines");
    app.add_option("--json", options->json, "Write the summary, as JSON");
    app.add_option("--mig-profiles", options->mig_profiles,
                   "Profile table (CSV) of the boards of GPUs in MIG mode; default: the project's own");
    app.add_flag("--check", options->check, "Compare the end with the log's `expect`; exit code 1 if it differs");
    app.add_option("--until", options->until, "Seconds up to which the scheduler is woken after the last line")
        ->check(CLI::Range(0.0, 1e15));
    return [options] { return replay(*options); };
}

}  // namespace bench
