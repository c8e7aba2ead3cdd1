// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/core/run_control.hpp"
#include "berth/queue/concepts.hpp"
#include "berth/simulate/detail/event_loop.hpp"
#include "berth/simulate/event_rules.hpp"
#include "berth/simulate/simulated_job.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0 {

/// Watches nothing.
struct no_event_watch {
    /// Does nothing.
    void operator()(double, std::uint64_t, std::size_t) const noexcept {}
};

/// Simulates jobs on nodes of equal GPUs, from event to event: at each arrival and completion the order decides anew
/// who runs; who goes before takes the GPUs of who goes after. Events at the same time: completions, then arrivals,
/// then the decision, so that intervals are half-open. Deterministic: the same arguments give the same run, on every
/// compiler that does not fuse multiplication and addition (`fuses_multiply_add`).
///
/// ```
/// const berth::event_simulation simulation{.jobs = jobs, .nodes = 8, .gpus_per_node = 8};
/// const auto run = simulation.run(berth::shortest_service{});
/// ```
///
/// @tparam Watch  `watch(now_s, gpus, waiting)` hears after each decision how many GPUs are in use and how many jobs
///                wait; `watch.change(now_s, job, nodes)`, if it has that, of each job that got these nodes, or none:
///                it ended, or waits
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
        detail::event_loop<Order, Watch> work{jobs, nodes, gpus_per_node, rules, order, watch};
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
};

}  // namespace berth::inline v0
