// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/log_simulation.hpp"

#include "berth/io/event_log_policies.hpp"

#include "berth_bench/log_engine.hpp"
#include "support/csv_table.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <variant>

namespace bench {

namespace {

using berth::error_code;
using berth::result;
namespace io = berth::io;

constexpr double no_time = std::numeric_limits<double>::infinity();

/// The jobs of a log over time, told of what happened to them by name.
class log_clock {
public:
    /// The first job that ends, and when.
    [[nodiscard]] std::pair<double, std::string> next() const {
        if (ends_.empty()) return {no_time, {}};
        return *ends_.begin();
    }
    void arrive(const io::job_event& e, std::size_t line) {
        entry made;
        made.position = trace.jobs.size();
        made.left = e.work ? *e.work : e.duration.value_or(no_time);
        made.by_work = e.work.has_value();
        std::uint32_t gpus = 0;
        for (std::uint32_t t = 0; t < e.tasks; ++t) {
            gpus += static_cast<std::uint32_t>(e.task_list.empty() ? e.demand.gpus : e.task_list[t].gpus);
        }
        trace.jobs.push_back({.arrival_s = e.time, .steps = std::max(made.left, 1e-9), .gpus = gpus});
        trace.names.push_back(e.job);
        trace.classes.push_back(e.job_class.value_or(""));
        trace.lines.push_back(line);
        run.jobs.emplace_back();
        jobs_[e.job] = made;
    }
    /// Looks again at a job of which something was decided or observed.
    void look(const std::string& name, const log_fleet& fleet, double now) {
        const auto found = jobs_.find(name);
        const logged_job* job = fleet.job(name);
        if (found == jobs_.end() || job == nullptr) return;
        entry& e = found->second;
        const std::size_t done = job->count(logged_task::state::done);
        const bool runs =
            done < job->tasks.size() && job->count(logged_task::state::running) + done == job->tasks.size();
        if (e.runs) settle(name, e, now);
        if (e.runs && !runs) {
            ++run.jobs[e.position].preemptions;
            ++run.preemptions;
        }
        e.runs = runs;
        if (!runs) return;
        if (std::isnan(run.jobs[e.position].start_s)) run.jobs[e.position].start_s = now;
        e.since = now;
        e.speed = 1.0;
        if (e.by_work) {
            e.speed = no_time;
            for (const logged_task& t : job->tasks) {
                if (t.is != logged_task::state::running) continue;
                e.speed = std::min(e.speed, t.form == 0 ? job->what.speed : job->what.alternatives[t.form - 1].speed);
            }
        }
        e.ends = now + std::max(e.left, 0.0) / e.speed;
        if (e.ends < no_time) ends_.emplace(e.ends, name);
    }
    void moved(const std::string& name) {
        if (const auto found = jobs_.find(name); found != jobs_.end()) {
            ++run.jobs[found->second.position].migrations;
            ++run.migrations;
        }
    }
    void end(const std::string& name, double now) {
        const auto found = jobs_.find(name);
        if (found == jobs_.end()) return;
        if (found->second.runs) settle(name, found->second, now);
        run.jobs[found->second.position].end_s = now;
        jobs_.erase(found);
    }
    /// Withdrawn: it never ends.
    void withdraw(const std::string& name, double now) {
        const auto found = jobs_.find(name);
        if (found == jobs_.end()) return;
        if (found->second.runs) settle(name, found->second, now);
        jobs_.erase(found);
    }

    simulation_trace trace;
    berth::simulation_run run;

private:
    struct entry {
        std::size_t position = 0;
        double left = no_time;  ///< seconds at speed 1
        double since = 0.0;
        double speed = 1.0;
        double ends = no_time;
        bool by_work = false;
        bool runs = false;
    };
    void settle(const std::string& name, entry& e, double now) {
        ends_.erase({e.ends, name});
        const double span = now - e.since;
        e.left -= span * e.speed;
        e.since = now;
        run.jobs[e.position].ran_s += span;
        run.busy_gpu_s += span * static_cast<double>(trace.jobs[e.position].gpus);
    }

    std::map<std::string, entry, std::less<>> jobs_;
    std::set<std::pair<double, std::string>> ends_;
};

class log_run {
public:
    log_run(std::string file, log_engine& engine, std::vector<berth::mig_board> boards, const power_csv* power)
        : file_{std::move(file)}, engine_{engine}, fleet_{file_, false, std::move(boards)}, power_{power} {}

    [[nodiscard]] result<void> take(const io::numbered_event& e) {
        if (std::holds_alternative<io::expectation>(e.what)) return {};
        const auto time = io::event_time(e.what);
        if (time) {
            if (now_ && *time > *now_) {
                if (auto ok = run_until(*time); !ok) return ok;
            }
            pass_to(*time);
        }
        if (const auto* report = std::get_if<io::task_event>(&e.what)) {
            if (report->report == io::task_report::finish) return {};
            // Work may have ended it before the log withdraws it.
            if (const logged_job* job = fleet_.job(report->job); job != nullptr && job->ended()) return {};
        }
        return tell(e.what, e.line);
    }
    /// Runs on until nothing ends any more.
    [[nodiscard]] result<void> finish() { return now_ ? run_until(no_time) : result<void>{}; }

    log_clock clock;
    [[nodiscard]] double now() const noexcept { return now_.value_or(0.0); }
    [[nodiscard]] const log_fleet& fleet() const noexcept { return fleet_; }
    /// Unknown without a table, or if it does not cover a GPU.
    [[nodiscard]] double joules() const noexcept { return power_ != nullptr ? joules_ : std::nan(""); }

private:
    void pass_to(double time) {
        if (power_ != nullptr && now_ && time > *now_) joules_ += (time - *now_) * watts();
        now_ = time;
    }
    [[nodiscard]] double watts() const {
        double sum = 0.0;
        for (const auto& [name, gpu] : fleet_.gpus()) {
            if (!gpu.there) continue;
            const auto [idle, busy] = power_->watts(gpu.what.model.value_or(""));
            const bool held =
                std::any_of(gpu.used.begin(), gpu.used.end(), [](const auto& counter) { return counter.second > 0; });
            sum += held ? busy : idle;
        }
        return sum;
    }
    [[nodiscard]] result<void> tell(const io::event& e, std::size_t line) {
        if (const auto missing = find_not_yet(e)) {
            return file_fault(error_code::invalid_value, file_, line, missing->field, missing->why);
        }
        const auto changed = fleet_.apply(e, line);
        if (!changed) return changed.error();
        if (!*changed) return {};
        ++clock.run.events;
        if (const auto ok = engine_.apply(e, fleet_); !ok) {
            return berth::error{ok.error().code, file_ + ':' + std::to_string(line) + ": " + ok.error().message};
        }
        if (const auto* job = std::get_if<io::job_event>(&e)) clock.arrive(*job, line);
        if (const auto* running = std::get_if<io::running_event>(&e)) clock.look(running->job, fleet_, *now_);
        if (const auto* report = std::get_if<io::task_event>(&e)) {
            const logged_job* job = fleet_.job(report->job);
            if (job != nullptr && job->ended() && report->report == io::task_report::cancel) {
                clock.withdraw(report->job, *now_);
            } else if (report->report != io::task_report::finish) {
                clock.look(report->job, fleet_, *now_);
            }
        }
        return {};
    }
    /// Decides at the present time, ends what ends, and wakes the engine, up to the time of the next line.
    [[nodiscard]] result<void> run_until(double next) {
        if (auto ok = decide(*now_); !ok) return ok;
        while (!interrupted()) {
            const auto [end, name] = clock.next();
            double wake = engine_.wake_at();
            if (!(wake > *now_)) wake = no_time;
            const double at = std::min(end, wake);
            // What ends at the time of a line ends before it; an engine that wakes then is asked with the line.
            if (at > next || !(at < no_time) || (at == next && end > next)) return {};
            idle_ = end <= at ? 0 : idle_ + 1;
            if (idle_ > 1000 && next >= no_time) return {};  // the engine alone wakes, again and again
            pass_to(at);
            while (clock.next().first <= at) {
                const std::string done = clock.next().second;
                clock.end(done, at);
                const io::task_event finish{.time = at, .report = io::task_report::finish, .job = done, .task = {}};
                if (auto ok = tell(finish, 0); !ok) return ok;
            }
            if (at < next) {
                if (auto ok = decide(at); !ok) return ok;
            }
        }
        return {};
    }
    [[nodiscard]] result<void> decide(double time) {
        made_.clear();
        if (const auto decided = engine_.decide(time, made_); !decided) return decided.error();
        for (const named_decision& one : made_) {
            if (const auto ok = fleet_.apply(one.what, one.form); !ok) return ok.error();
            if (const auto* d = std::get_if<io::move_decision>(&one.what)) clock.moved(d->job);
            if (std::holds_alternative<io::wait_decision>(one.what)) continue;
            const std::string& job = std::visit([](const auto& d) -> const std::string& { return d.job; }, one.what);
            clock.look(job, fleet_, time);
        }
        return fleet_.check_room();
    }

    std::string file_;
    log_engine& engine_;
    log_fleet fleet_;
    const power_csv* power_;
    double joules_ = 0.0;
    std::optional<double> now_;
    std::vector<named_decision> made_;
    std::size_t idle_ = 0;
};

}  // namespace

result<simulated_log> simulate_log(const std::vector<io::numbered_event>& log, const std::string& file,
                                   const std::string& policy, const power_csv* power, progress_line* line) {
    std::vector<io::event> events;
    for (const io::numbered_event& one : log) events.push_back(one.what);
    log_engine_options options{.policy = "berth"};
    if (!events.empty() && std::holds_alternative<io::format_event>(events.front())) {
        const auto& format = std::get<io::format_event>(events.front());
        if (format.spread) options.policy = *format.spread ? "spread" : "best_fit";
        if (format.policy) options.policy = *format.policy;
        options.grace = format.grace.value_or(options.grace);
    }
    if (!policy.empty()) options.policy = policy;
    auto boards = boards_for(events, "");
    if (!boards) return boards.error();
    options.boards = std::move(*boards);
    const std::unique_ptr<log_engine> engine = make_log_engine(counters_of(events), options);
    if (engine == nullptr) {
        std::string known;
        for (const io::log_policy& one : io::log_policies())
            known += (known.empty() ? "" : ", ") + std::string{one.name};
        return berth::error{error_code::unknown_name,
                            "--policy: " + shown(options.policy) + " is none of the policies of event logs: " + known};
    }
    log_run run{file, *engine, options.boards, power};
    std::size_t done = 0;
    for (const io::numbered_event& one : log) {
        if (interrupted()) break;
        if (auto ok = run.take(one); !ok) return ok.error();
        if (line != nullptr) line->update(++done);
    }
    if (auto ok = run.finish(); !ok) return ok.error();
    simulated_log out{.trace = std::move(run.clock.trace), .run = std::move(run.clock.run)};
    out.trace.file = file;
    out.run.end_s = run.now();
    out.joules = run.joules();
    if (interrupted()) out.run.stop = berth::stop_reason::cancelled;
    for (const auto& entry : run.fleet().gpus()) out.gpus += entry.second.there ? 1.0 : 0.0;
    return out;
}

}  // namespace bench
