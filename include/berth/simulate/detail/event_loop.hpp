// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
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
#include <utility>

// Length: the steps between two events share their arrays.

namespace berth::inline v0::detail {

inline constexpr double no_event = std::numeric_limits<double>::infinity();

/// Within 1e-9 of the larger.
[[nodiscard]] inline bool close(double a, double b) noexcept {
    return std::fabs(a - b) <= 1e-9 * std::max(std::fabs(a), std::fabs(b));
}

struct no_planner {};

/// The planner of an order that has one.
template <class Order>
[[nodiscard]] auto planner_of(const Order& order, double capacity) {
    if constexpr (planning_order<Order>) {
        return order.start(capacity);
    } else {
        return no_planner{};
    }
}

struct place_in_line {
    queue_key key;
    std::uint32_t id;
};

/// The state of a simulation of events. All public: it is used by `event_simulation` alone.
template <class Order, class Watch>
struct event_loop {
    std::span<const simulated_job> jobs;
    const event_rules& rules;
    const Order& order;
    const Watch& watch;
    simulation_run report{};
    double now = 0.0;
    std::size_t done = 0;

    flat<queued_job> seen{};         // of each job
    flat<double> left{};             // steps of each job
    flat<double> since{};            // of each running job: when `left` was true
    flat<double> end{};              // of each running job, where restarts are charged at starts
    flat<double> owed{};             // of each running job: seconds of restart not yet lost
    flat<char> stale{};              // whether the key of a job that waits is to be computed anew
    flat<place_in_line> line{};      // active jobs, who goes first first
    flat<place_in_line> permuted{};  // scratch
    flat<std::uint32_t> planned{};   // the line as a planner has it
    flat<std::uint32_t> active{};    // by number; only for orders with levels
    flat<std::uint32_t> running{};   // in the order of the line
    flat<std::uint32_t> before{};    // who ran before the decision
    flat<std::uint32_t> ending{};    // who ends next
    flat<std::uint32_t> moved{};     // who got other GPUs
    flat<double> ends{};             // times at which jobs are expected to end
    flat<std::uint32_t> end_of{};    // which of them each running job joined
    seats seating_plan{};
    decltype(planner_of(std::declval<const Order&>(), 0.0)) planner;
    std::size_t arrived = 0;
    double next_end = no_event;
    double next_level = no_event;
    std::uint64_t entries = 0;

    event_loop(std::span<const simulated_job> all, std::uint32_t nodes, std::uint32_t gpus, const event_rules& r,
               const Order& o, const Watch& w)
        : jobs{all},
          rules{r},
          order{o},
          watch{w},
          planner{planner_of(o, static_cast<double>(nodes) * static_cast<double>(gpus))} {
        report.jobs.resize(jobs.size());
        seen.resize(jobs.size());
        left.resize(jobs.size());
        since.resize(jobs.size(), 0.0);
        end.resize(jobs.size(), 0.0);
        owed.resize(jobs.size(), 0.0);
        stale.resize(jobs.size(), 1);
        seating_plan.start(nodes, gpus, jobs, rules.seats);
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
        const double arrival = arrived < jobs.size() ? jobs[arrived].arrival_s : no_event;
        now = std::min(arrival, next_end);
        const bool sinks = now > next_level;
        if (sinks) now = next_level;
        if (!sinks && next_end <= now) finish();
        const std::size_t first_new = line.size();
        if (!sinks && arrival <= now) arrive();
        update();
        sort(first_new);
        plan();
        seat();
        expect();
        if (rules.running_first) partition();
        if (sinks) ++report.events;
        watch(now, seating_plan.used(), line.size() - running.size());
    }

    void finish() {
        for (const std::uint32_t id : ending) {
            report.jobs[id].end_s = now;
            account(id);
            tell(id, {});
            seating_plan.leave(id);
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
        while (arrived < jobs.size() &&
               (jobs[arrived].arrival_s <= first || (rules.merge_arrivals && close(first, jobs[arrived].arrival_s)))) {
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
            const auto sorted = sorted_positions(
                line.size(), [this](std::size_t a, std::size_t b) { return compare(line[a].key, line[b].key) < 0; });
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
    void plan() {
        if constexpr (planning_order<Order>) {
            planned.clear();
            for (const place_in_line& place : line) planned.push_back(place.id);
            planner(now, seen.view(), {planned.data(), planned.size()});
        }
    }
    /// Who is at a place of the line.
    [[nodiscard]] std::uint32_t at(std::size_t place) const noexcept {
        if constexpr (planning_order<Order>) return planned[place];
        return line[place].id;
    }
    void seat() {
        before.clear();
        for (std::size_t k = 0; k < line.size() && before.size() < running.size(); ++k) {
            if (seen[at(k)].running) before.push_back(at(k));
        }
        running.clear();
        moved.clear();
        seating_plan.begin(before.view());
        const bool packed = rules.seats == seating::packed && pack();
        for (std::size_t k = 0; !packed && k < line.size() && seating_plan.room(); ++k) {
            const std::uint32_t id = at(k);
            const seated answer = seating_plan.seat(id);
            if (answer == seated::not_at_all) continue;
            running.push_back(id);
            if (answer == seated::elsewhere) moved.push_back(id);
        }
        for (const std::uint32_t id : before) {
            if (seating_plan.has(id)) continue;
            tell(id, {});
            seating_plan.leave(id);
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
            tell(id, seating_plan.nodes_of(id));
        }
    }
    void tell(std::uint32_t id, std::span<const std::uint32_t> nodes) const {
        if constexpr (requires { watch.change(now, id, nodes); }) watch.change(now, id, nodes);
    }
    /// Who fits by number of GPUs runs, if the nodes can be packed so.
    [[nodiscard]] bool pack() {
        std::uint64_t room = seating_plan.total();
        for (std::size_t k = 0; k < line.size() && room > 0; ++k) {
            const std::uint32_t id = at(k);
            if (jobs[id].gpus > room) continue;
            room -= jobs[id].gpus;
            running.push_back(id);
        }
        if (seating_plan.pack(running.view(), moved)) return true;
        running.clear();
        return false;
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
        next_end = no_event;
        next_level = no_event;
        ends.clear();
        end_of.clear();
        for (const std::uint32_t id : running) {
            const double at = rules.restarts == restart_charge::each_start ? end[id] : now + left[id] * jobs[id].step_s;
            std::size_t e = 0;
            while (e < ends.size() && !(rules.merge_ends ? close(ends[e], at) : ends[e] <= at && at <= ends[e])) ++e;
            if (e == ends.size()) ends.push_back(at);
            end_of.push_back(static_cast<std::uint32_t>(e));
            next_end = std::min(next_end, ends[e]);
            if constexpr (levelled_order<Order>) {
                const double sinks_at = order.next_level_in(seen[id]) + now;
                next_level = std::min(next_level, std::max(sinks_at, std::nextafter(now, no_event)));
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

    static void remove(flat<std::uint32_t>& list, std::uint32_t id) noexcept {
        list.resize(static_cast<std::size_t>(std::remove(list.begin(), list.end(), id) - list.begin()));
    }
};

}  // namespace berth::inline v0::detail
