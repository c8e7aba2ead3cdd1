// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/result.hpp"
#include "berth/core/run_control.hpp"
#include "berth/simulate/simulated_job.hpp"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace berth::inline v0 {

/// What happens to a job by decision of an engine in virtual time.
enum class simulated_act : std::uint8_t {
    start,  ///< it gets all its GPUs; its restart is charged
    stop,   ///< it loses them, and waits
    move,   ///< it goes on elsewhere; its restart is charged
};

/// A decision about a whole job.
struct simulated_decision {
    simulated_act act = simulated_act::start;  ///< what happens
    std::uint32_t job = 0;                     ///< to which job, by number
    double speed = 1.0;                        ///< how many times as fast as `simulated_job::step_s` says, above 0
};

/// A customisation point: whatever decides in virtual time. `scheduler_engine` (`simulate/scheduler_engine.hpp`) makes
/// one of a `scheduler`, so that what is simulated is what runs.
///
/// 1. `arrive(time, job)` and `finish(time, job)`: the events, jobs by number, in the order of time; at one time first
///    completions, then arrivals. They answer a `result<void>`; an error ends the simulation.
/// 2. `decide(time)` after the events of each time, and at `wake_at()`: a `result` of a span of decisions, valid until
///    the next call. A job that it starts neither runs nor is done; one that it stops or moves runs.
/// 3. `wake_at()`: when it wants to decide although nothing happens; infinity: never. Not before the time it was asked.
template <class E>
concept simulated_engine = requires(E& engine, double time, std::uint32_t job) {
    { engine.arrive(time, job) } -> std::same_as<result<void>>;
    { engine.finish(time, job) } -> std::same_as<result<void>>;
    { engine.decide(time) } -> std::same_as<result<std::span<const simulated_decision>>>;
    { engine.wake_at() } -> std::convertible_to<double>;
};

/// Runs an engine in virtual time: jobs arrive, what the engine starts ends when its work is done, and the engine hears
/// of it. Events of one time: completions in order of their numbers, arrivals, then one decision. O(log running) an
/// event beside the engine; about 120 bytes a job.
///
/// ```
/// berth::scheduler_engine engine{scheduler, jobs};
/// const auto run = berth::virtual_time{jobs}.run(engine);
/// ```
struct virtual_time {
    std::span<const simulated_job> jobs;  ///< in order of arrival

    /// Runs until all jobs are done. Stops early, between two times, as the control says, and counts what ran until the
    /// last of them; the unit of its budget is an event. Refused: jobs out of order or with values out of range,
    /// decisions that contradict what is so, and engines that leave jobs waiting for ever.
    template <simulated_engine Engine, stoppable Stop = never_stop, observer Observer = no_observer>
    [[nodiscard]] result<simulation_run> run(Engine& engine, run_control<Stop, Observer> control = {}) const {
        if (auto ok = check_jobs(jobs); !ok) return ok.error();
        constexpr double no_event = std::numeric_limits<double>::infinity();
        simulation_run report;
        report.jobs.resize(jobs.size());
        detail::flat<progress_of> state(jobs.size());
        detail::flat<ending> endings;
        std::size_t arrived = 0;
        std::size_t done = 0;
        double now = jobs.empty() ? 0.0 : jobs[0].arrival_s;
        notify::begin(control.observer, {0, jobs.size(), 0, 0.0});
        while (done < jobs.size()) {
            report.stop = control.check(report.events);
            if (report.stop != stop_reason::completed) break;
            while (!endings.empty() && state[endings[0].job].version != endings[0].version) drop(endings);
            const double arrival = arrived < jobs.size() ? jobs[arrived].arrival_s : no_event;
            const double end = endings.empty() ? no_event : endings[0].at;
            const double next = std::min({arrival, end, std::max(now, engine.wake_at())});
            if (!(next < no_event)) {
                return detail::refuse(error_code::inconsistent,
                                      {"of ", jobs.size(), " jobs, ", jobs.size() - done,
                                       " are left that the engine does not start, and nothing else happens"});
            }
            now = next;
            const std::uint64_t before = report.events;
            while (!endings.empty() && endings[0].at <= now) {
                const ending e = endings[0];
                drop(endings);
                if (state[e.job].version != e.version) continue;
                settle(report, state[e.job], e.job, now);
                state[e.job].phase = phase::done;
                report.jobs[e.job].end_s = now;
                ++done;
                ++report.events;
                if (auto ok = engine.finish(now, e.job); !ok) return ok.error();
            }
            for (; arrived < jobs.size() && jobs[arrived].arrival_s <= now; ++arrived) {
                state[arrived].phase = phase::waits;
                state[arrived].left = jobs[arrived].steps * jobs[arrived].step_s;
                ++report.events;
                if (auto ok = engine.arrive(now, static_cast<std::uint32_t>(arrived)); !ok) return ok.error();
            }
            const auto decided = engine.decide(now);
            if (!decided) return decided.error();
            for (const simulated_decision& d : *decided) {
                if (auto ok = carry_out(report, state, endings, d, now); !ok) return ok.error();
            }
            if (report.events == before) ++report.events;
            notify::step(control.observer, {done, jobs.size(), report.events, now});
        }
        // Stopped early: what still runs has run until now.
        for (std::size_t j = 0; done < jobs.size() && j < arrived; ++j) {
            if (state[j].phase == phase::runs) settle(report, state[j], static_cast<std::uint32_t>(j), now);
        }
        report.end_s = now;
        notify::end(control.observer, {done, jobs.size(), report.events, now});
        return report;
    }

private:
    enum class phase : std::uint8_t { to_come, waits, runs, done };
    struct progress_of {
        double left = 0.0;     ///< seconds of work at speed 1
        double since = 0.0;    ///< when it started last
        double restart = 0.0;  ///< seconds of restart not yet lost then
        double speed = 1.0;
        std::uint32_t version = 0;  ///< grows when its end changes
        virtual_time::phase phase = virtual_time::phase::to_come;
    };
    struct ending {
        double at;
        std::uint32_t job;
        std::uint32_t version;
    };
    [[nodiscard]] static bool later(const ending& a, const ending& b) noexcept {
        if (a.at < b.at || b.at < a.at) return a.at > b.at;
        return a.job > b.job;
    }
    static void drop(detail::flat<ending>& endings) {
        std::pop_heap(endings.begin(), endings.end(), later);
        endings.pop_back();
    }
    void settle(simulation_run& report, progress_of& p, std::uint32_t job, double now) const {
        const double span = now - p.since;
        report.jobs[job].ran_s += span;
        report.busy_gpu_s += span * static_cast<double>(jobs[job].gpus);
        p.left -= std::max(span - p.restart, 0.0) * p.speed;
        p.since = now;
        ++p.version;
    }
    [[nodiscard]] result<void> carry_out(simulation_run& report, detail::flat<progress_of>& state,
                                         detail::flat<ending>& endings, const simulated_decision& d, double now) const {
        const bool starts = d.act == simulated_act::start;
        if (d.job >= jobs.size() || state[d.job].phase != (starts ? phase::waits : phase::runs)) {
            return detail::refuse(error_code::inconsistent,
                                  {"a decision ", starts ? "starts" : "stops or moves", " job ", d.job,
                                   starts ? ", which does not wait" : ", which does not run"});
        }
        if (!(d.speed > 0.0)) {
            return detail::refuse(error_code::invalid_value,
                                  {"a decision about job ", d.job, ": speed is not above 0"});
        }
        progress_of& p = state[d.job];
        job_record& record = report.jobs[d.job];
        if (!starts) settle(report, p, d.job, now);
        if (d.act == simulated_act::stop) {
            p.phase = phase::waits;
            ++record.preemptions;
            ++report.preemptions;
            return {};
        }
        if (d.act == simulated_act::move) {
            ++record.migrations;
            ++report.migrations;
        }
        if (std::isnan(record.start_s)) record.start_s = now;
        p.phase = phase::runs;
        p.since = now;
        p.restart = jobs[d.job].restart_s;
        p.speed = d.speed;
        endings.push_back({now + p.restart + std::max(p.left, 0.0) / p.speed, d.job, ++p.version});
        std::push_heap(endings.begin(), endings.end(), later);
        return {};
    }
};

/// Starts every job when it arrives, and counts: what a simulation costs without a scheduler.
class counting_engine {
public:
    /// Starts the job with the next decision.
    result<void> arrive(double, std::uint32_t job) {
        started_.push_back({simulated_act::start, job, 1.0});
        return {};
    }
    /// Counts.
    result<void> finish(double, std::uint32_t) noexcept {
        ++finished_;
        return {};
    }
    /// What arrived since the last decision.
    result<std::span<const simulated_decision>> decide(double) {
        told_.swap(started_);
        started_.clear();
        return told_.view();
    }
    /// Never.
    [[nodiscard]] double wake_at() const noexcept { return std::numeric_limits<double>::infinity(); }
    /// Jobs that are done.
    [[nodiscard]] std::uint64_t finished() const noexcept { return finished_; }

private:
    detail::flat<simulated_decision> started_;
    detail::flat<simulated_decision> told_;
    std::uint64_t finished_ = 0;
};

static_assert(simulated_engine<counting_engine>);

}  // namespace berth::inline v0
