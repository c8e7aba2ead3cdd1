// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/core/run_control.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/queue/concepts.hpp"
#include "berth/simulate/detail/seats.hpp"
#include "berth/simulate/event_rules.hpp"
#include "berth/simulate/simulated_job.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace berth::inline v0 {

/// Watches nothing.
struct no_event_watch {
    /// Does nothing.
    void operator()(double, std::uint64_t, std::size_t) const noexcept {}
};

/// Simulates jobs on nodes of equal GPUs, from event to event: at each arrival and completion the order decides anew who
/// runs; who goes before takes the GPUs of who goes after. Events at the same time: completions, then arrivals, then the
/// decision, so that intervals are half-open. Deterministic: the same arguments give the same run, on every compiler
/// that does not fuse multiplication and addition (`fuses_multiply_add`).
///
/// ```
/// const berth::event_simulation simulation{.jobs = jobs, .nodes = 8, .gpus_per_node = 8};
/// const auto run = simulation.run(berth::shortest_service{});
/// ```
///
/// @tparam Watch  `watch(now_s, gpus, waiting)` hears after each decision how many GPUs are in use and how many jobs wait
template <class Watch = no_event_watch>
struct event_simulation {
    std::span<const simulated_job> jobs;  ///< in order of arrival
    std::uint32_t nodes = 1;              ///< how many
    std::uint32_t gpus_per_node = 8;      ///< of each node
    event_rules rules{};                  ///< see there
    Watch watch{};                        ///< hears of decisions

    /// Runs until all jobs are done. Stops early, between two events, as the control says; the unit of its budget is an
    /// event. O(jobs that are there) an event.
    ///
    /// Refused: jobs out of order or with values out of range, and jobs that the nodes could not hold.
    ///
    /// @param order  who goes first
    template <queue_order Order, stoppable Stop = never_stop, observer Observer = no_observer>
    [[nodiscard]] result<simulation_run> run(const Order& order, run_control<Stop, Observer> control = {}) const {
        if (auto ok = check(); !ok) return ok.error();
        loop<Order> work{*this, order};
        notify::begin(control.observer, {0, jobs.size(), 0, 0.0});
        while (work.more()) {
            work.report.stop = control.check(work.report.events);
            if (work.report.stop != stop_reason::completed) break;
            work.step();
            notify::step(control.observer, {work.done, jobs.size(), work.report.events, work.now});
        }
        work.report.end_s = work.now;
        notify::end(control.observer, {work.done, jobs.size(), work.report.events, work.now});
        return work.report;
    }

private:
    static constexpr double never = std::numeric_limits<double>::infinity();

    [[nodiscard]] static bool close(double a, double b) noexcept {
        return std::fabs(a - b) <= 1e-9 * std::max(std::fabs(a), std::fabs(b));
    }
    [[nodiscard]] result<void> check() const {
        if (auto ok = check_jobs(jobs); !ok) return ok;
        if (nodes == 0 || gpus_per_node == 0) {
            return detail::refuse(error_code::invalid_value, {"the simulated nodes have no GPUs"});
        }
        for (std::size_t j = 0; j < jobs.size(); ++j) {
            const std::uint64_t g = jobs[j].gpus;
            if (g > std::uint64_t{nodes} * gpus_per_node) {
                return detail::refuse(error_code::invalid_value, {"job ", j, ": gpus is ", g, ", but all nodes have ",
                                                                  std::uint64_t{nodes} * gpus_per_node});
            }
            if (rules.seats != seating::pooled && g > gpus_per_node && g % gpus_per_node != 0) {
                return detail::refuse(
                    error_code::invalid_value,
                    {"job ", j, ": gpus is ", g, ", more than a node has and not whole nodes of ", gpus_per_node});
            }
        }
        return {};
    }

    struct place_in_line {
        queue_key key;
        std::uint32_t id;
    };

    template <class Order>
    struct loop {
        const event_simulation& simulation;
        const Order& order;
        std::span<const simulated_job> jobs = simulation.jobs;
        const event_rules& rules = simulation.rules;
        simulation_run report{};
        double now = 0.0;
        std::size_t done = 0;

        detail::flat<queued_job> seen{};         // of each job
        detail::flat<double> left{};             // steps of each job
        detail::flat<double> since{};            // of each running job: when `left` was true
        detail::flat<double> end{};              // of each running job, where restarts are charged at starts
        detail::flat<double> owed{};             // of each running job: seconds of restart not yet lost
        detail::flat<char> stale{};              // whether the key of a job that waits is to be computed anew
        detail::flat<place_in_line> line{};      // active jobs, who goes first first
        detail::flat<place_in_line> permuted{};  // scratch
        detail::flat<std::uint32_t> active{};    // by number; only for orders with levels
        detail::flat<std::uint32_t> running{};   // in the order of the line
        detail::flat<std::uint32_t> before{};    // who ran before the decision
        detail::flat<std::uint32_t> ending{};    // who ends next
        detail::flat<std::uint32_t> moved{};     // who got other GPUs
        detail::flat<double> ends{};             // times at which jobs are expected to end
        detail::flat<std::uint32_t> end_of{};    // which of them each running job joined
        detail::seats seats{};
        std::size_t arrived = 0;
        double next_end = never;
        double next_level = never;
        std::uint64_t entries = 0;

        loop(const event_simulation& s, const Order& o) : simulation{s}, order{o} {
            report.jobs.resize(jobs.size());
            seen.resize(jobs.size());
            left.resize(jobs.size());
            since.resize(jobs.size(), 0.0);
            end.resize(jobs.size(), 0.0);
            owed.resize(jobs.size(), 0.0);
            stale.resize(jobs.size(), 1);
            seats.start(s.nodes, s.gpus_per_node, jobs, rules.seats);
            for (std::size_t j = 0; j < jobs.size(); ++j) {
                left[j] = jobs[j].steps;
                seen[j].sequence = j;
                seen[j].arrival = jobs[j].arrival_s;
                seen[j].gpus = static_cast<double>(jobs[j].gpus);
            }
            now = jobs.empty() ? 0.0 : jobs[0].arrival_s;
        }

        [[nodiscard]] bool more() const noexcept { return arrived < jobs.size() || !line.empty(); }

        void step() {
            const double arrival = arrived < jobs.size() ? jobs[arrived].arrival_s : never;
            now = std::min(arrival, next_end);
            const bool sinks = now > next_level;
            if (sinks) now = next_level;
            if (!sinks && next_end <= now) finish();
            const std::size_t first_new = line.size();
            if (!sinks && arrival <= now) arrive();
            update();
            sort(first_new);
            seat();
            expect();
            if (rules.running_first) partition();
            if (sinks) ++report.events;
            simulation.watch(now, seats.used(), line.size() - running.size());
        }

        void finish() {
            for (const std::uint32_t id : ending) {
                report.jobs[id].end_s = now;
                account(id);
                seats.leave(id);
                remove(running, id);
                ++done;
                ++report.events;
                seen[id].running = false;
                if constexpr (levelled_order<Order>) remove(active, id);
                std::size_t kept = 0;
                for (std::size_t k = 0; k < line.size(); ++k) {
                    if (line[k].id != id) line[kept++] = line[k];
                }
                line.resize(kept);
            }
        }
        void arrive() {
            const double first = jobs[arrived].arrival_s;
            while (arrived < jobs.size() && (jobs[arrived].arrival_s <= first ||
                                             (rules.merge_arrivals && close(first, jobs[arrived].arrival_s)))) {
                const auto id = static_cast<std::uint32_t>(arrived++);
                seen[id].level_entry = entries++;
                since[id] = jobs[id].arrival_s;
                line.push_back({{}, id});
                if constexpr (levelled_order<Order>) active.push_back(id);
                ++report.events;
            }
        }
        /// Brings a running job up to now.
        void account(std::uint32_t id) {
            const double span = now - since[id];
            report.jobs[id].ran_s += span;
            report.busy_gpu_s += span * seen[id].gpus;
            seen[id].attained_seconds = seen[id].attained_seconds + now - since[id];  // rounds as Tiresias does
            double worked = span - jobs[id].restart_s;
            if (rules.restarts == restart_charge::each_start) {
                const double lost = std::min(owed[id], span);
                owed[id] -= lost;
                worked = span - lost;
            }
            left[id] -= std::max(worked, 0.0) / jobs[id].step_s;
            since[id] = now;
        }
        void update() {
            for (const std::uint32_t id : running) account(id);
            if constexpr (levelled_order<Order>) {
                for (const std::uint32_t id : active) {
                    if (!seen[id].running) continue;
                    const std::uint32_t level = order.level(seen[id]);
                    if (level == seen[id].level) continue;
                    seen[id].level = level;
                    seen[id].level_entry = entries++;
                }
            }
        }
        void sort(std::size_t first_new) {
            for (std::size_t k = 0; k < line.size(); ++k) {
                const std::uint32_t id = line[k].id;
                queued_job& job = seen[id];
                if (!job.running && stale[id] == 0 && !ages<Order> && k < first_new) continue;
                stale[id] = 0;
                job.remaining_seconds =
                    rules.steps_known ? left[id] * jobs[id].step_s : std::numeric_limits<double>::quiet_NaN();
                job.waited_seconds = job.running ? 0.0 : now - since[id];
                line[k].key = order(job);
            }
            if (line.size() - first_new > 64) {
                const auto sorted = detail::sorted_positions(line.size(), [this](std::size_t a, std::size_t b) {
                    return compare(line[a].key, line[b].key) < 0;
                });
                permuted.clear();
                for (const std::size_t k : sorted) permuted.push_back(line[k]);
                line.swap(permuted);
            }
            for (std::size_t k = 1; k < line.size(); ++k) {  // nearly sorted: who runs moves forward a little
                const place_in_line moving = line[k];
                std::size_t at = k;
                for (; at > 0 && compare(moving.key, line[at - 1].key) < 0; --at) line[at] = line[at - 1];
                line[at] = moving;
            }
        }
        void seat() {
            before.clear();
            for (std::size_t k = 0; k < line.size() && before.size() < running.size(); ++k) {
                if (seen[line[k].id].running) before.push_back(line[k].id);
            }
            running.clear();
            moved.clear();
            seats.begin(before.view());
            for (std::size_t k = 0; k < line.size() && seats.room(); ++k) {
                const std::uint32_t id = line[k].id;
                const detail::seated answer = seats.seat(id);
                if (answer == detail::seated::not_at_all) continue;
                running.push_back(id);
                if (answer == detail::seated::elsewhere) moved.push_back(id);
            }
            for (const std::uint32_t id : before) {
                if (seats.has(id)) continue;
                seats.leave(id);
                seen[id].running = false;
                stale[id] = 1;
                ++report.jobs[id].preemptions;
                ++report.preemptions;
            }
            for (const std::uint32_t id : moved) {
                if (seen[id].running) {
                    ++report.jobs[id].migrations;
                    ++report.migrations;
                }
                settle(id);
            }
        }
        /// A job starts, resumes or goes on elsewhere.
        void settle(std::uint32_t id) {
            if (std::isnan(report.jobs[id].start_s)) report.jobs[id].start_s = now;
            seen[id].running = true;
            since[id] = now;
            owed[id] = jobs[id].restart_s;
            end[id] = now + jobs[id].restart_s + left[id] * jobs[id].step_s;
        }
        void expect() {
            next_end = never;
            next_level = never;
            ends.clear();
            end_of.clear();
            for (const std::uint32_t id : running) {
                const double at =
                    rules.restarts == restart_charge::each_start ? end[id] : now + left[id] * jobs[id].step_s;
                std::size_t e = 0;
                while (e < ends.size() && !(rules.merge_ends ? close(ends[e], at) : ends[e] <= at && at <= ends[e]))
                    ++e;
                if (e == ends.size()) ends.push_back(at);
                end_of.push_back(static_cast<std::uint32_t>(e));
                next_end = std::min(next_end, ends[e]);
                if constexpr (levelled_order<Order>) {
                    const double sinks_at = order.next_level_in(seen[id]) + now;
                    next_level = std::min(next_level, std::max(sinks_at, std::nextafter(now, never)));
                }
            }
            ending.clear();
            for (std::size_t r = 0; r < running.size(); ++r) {
                if (ends[end_of[r]] <= next_end) ending.push_back(running[r]);
            }
        }
        /// Within each level, moves those who wait behind those who run; both keep their order.
        void partition() {
            permuted.clear();
            for (std::size_t from = 0; from < line.size();) {
                std::size_t to = from;
                while (to < line.size() && line[to].key.first <= line[from].key.first) ++to;
                for (const bool runs : {true, false}) {
                    for (std::size_t k = from; k < to; ++k) {
                        if (seen[line[k].id].running == runs) permuted.push_back(line[k]);
                    }
                }
                from = to;
            }
            line.swap(permuted);
            for (std::size_t k = 0; k < line.size(); ++k) {
                seen[line[k].id].level_entry = k;
                stale[line[k].id] = 1;
            }
            entries = line.size();
        }

        static void remove(detail::flat<std::uint32_t>& list, std::uint32_t id) noexcept {
            list.resize(static_cast<std::size_t>(std::remove(list.begin(), list.end(), id) - list.begin()));
        }
    };
};

}  // namespace berth::inline v0
