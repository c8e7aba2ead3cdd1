// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/core/run_control.hpp"
#include "berth/queue/round_policy.hpp"
#include "berth/simulate/detail/round_check.hpp"
#include "berth/simulate/round_rules.hpp"
#include "berth/simulate/simulated_job.hpp"
#include "berth/simulate/speeds.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

namespace berth::inline v0 {

/// Simulates jobs on GPUs of several models in rounds: a job gets the GPUs of one model for a round, or waits. Nodes
/// play no part. Deterministic: the same arguments give the same run, on every compiler that does not fuse
/// multiplication and addition (`fuses_multiply_add`).
///
/// ```
/// berth::round_simulation simulation{.jobs = jobs, .gpus = gpus, .order = {models}};
/// const auto run = simulation.run(berth::priority_rounds{berth::fifo_shares{}}, truth, beliefs);
/// ```
///
/// @tparam Order  `order(round)` yields all models in the order in which they are filled; nothing: there is no such
///                round
/// @tparam Watch  `watch(round, view, chosen)` hears of each decision
template <class Order = fixed_order, class Watch = no_round_watch>
struct round_simulation {
    std::span<const simulated_job> jobs;  ///< in order of arrival
    std::span<const std::uint32_t> gpus;  ///< how many of each model
    Order order{};                        ///< of models
    round_rules rules{};                  ///< see there
    Watch watch{};                        ///< hears of decisions

    /// Runs until all jobs are done or dropped. Stops early, between two rounds, as the control says; the unit of its
    /// budget is a round. O(jobs) a round, beside the policy.
    ///
    /// Refused: jobs out of order or with values out of range, an order that has not all models, choices that do not
    /// fit, jobs that are left and that the policy never lets run.
    ///
    /// @param policy   decides
    /// @param truth    how fast jobs are
    /// @param beliefs  what the policy knows of it; learns from each round
    template <round_policy Policy, speed_truth Truth, speed_beliefs Beliefs, stoppable Stop = never_stop,
              observer Observer = no_observer>
    [[nodiscard]] result<simulation_run> run(const Policy& policy, const Truth& truth, Beliefs& beliefs,
                                             run_control<Stop, Observer> control = {}) const {
        if (auto ok = check_jobs(jobs); !ok) return ok.error();
        simulation_run report;
        report.jobs.resize(jobs.size());
        report.model_busy_gpu_s.assign(gpus.size(), 0.0);
        if (jobs.empty()) return report;
        scratch work;
        work.state.resize(jobs.size());
        auto state = policy.start(gpus.size());
        double now = jobs[0].arrival_s;
        double charged_from = 0.0;
        double last_end = 0.0;
        bool ended_before = false;
        std::size_t arrived = 0;
        std::size_t left = jobs.size();
        std::size_t idle = 0;
        std::uint64_t round = 0;
        notify::begin(control.observer, {0, jobs.size(), 0, 0.0});
        for (;;) {
            double next = now;
            if (!work.running.empty()) {
                for (const member& r : work.running) next = std::max(next, r.finish_s);
                charged_from = rules.charge_gaps ? (ended_before ? last_end : 0.0) : now;
                last_end = next;
                ended_before = true;
            } else if (round > 0 && arrived < jobs.size()) {
                next = std::max(now, jobs[arrived].arrival_s);
            }
            now = next;
            left -= finish(work, report, charged_from);
            report.end_s = now;
            notify::step(control.observer, {jobs.size() - left, jobs.size(), round, now});
            if (left == 0) break;
            report.stop = control.check(round);
            if (report.stop != stop_reason::completed) break;
            for (; arrived < jobs.size() && jobs[arrived].arrival_s <= now; ++arrived) {
                work.active.push_back(static_cast<std::uint32_t>(arrived));
                ++report.events;
            }

            const std::span<const model_index> models = order(round);
            if (auto ok = detail::check_order(models, gpus.size(), round); !ok) return ok.error();
            round_view view = look(work, now, models);
            view.all_arrived = arrived == jobs.size();
            const matrix_view<double> speeds = work.speeds_of(view.jobs.size(), gpus.size());
            const matrix_view<double> doubts{work.doubts.data(), speeds.rows(), speeds.cols()};
            beliefs.estimate(std::as_const(view), speeds, doubts);
            view.speeds = speeds;
            view.doubts = doubts;
            work.chosen.assign(view.jobs.size(), model_index{});
            const std::span<model_index> chosen{work.chosen.data(), work.chosen.size()};
            state.choose(std::as_const(view), chosen);
            if (auto ok = detail::check_choice(view, chosen, round); !ok) return ok.error();
            watch(round, std::as_const(view), std::span<const model_index>{chosen});
            begin(work, report, truth, {round, now}, chosen);
            ++round;
            report.events += 1;
            report.rounds += work.running.empty() ? 0U : 1U;
            idle = work.running.empty() && arrived == jobs.size() ? idle + 1 : 0;
            if (idle > 2) {
                return detail::refuse(error_code::inconsistent,
                                      {"no round: job ", work.active[0], " and ", work.active.size() - 1,
                                       " others wait, nothing runs, and the policy chooses none of them"});
            }
        }
        notify::end(control.observer, {jobs.size() - left, jobs.size(), round, now});
        return report;
    }

private:
    struct member {
        double finish_s;
        std::uint32_t id;
        model_index model;
        double steps;
        double held_s;
        double computed_s;
    };
    struct advance {
        double steps = 0.0;
        model_index last;  ///< where it ran in the last round; not valid if it did not
        model_index home;  ///< where it ran when it last did
        std::uint32_t fails = 0;
    };
    struct scratch {
        detail::flat<advance> state;         // of each job
        detail::flat<std::uint32_t> active;  // by number
        detail::flat<member> running;
        detail::flat<round_job> seen;
        detail::flat<round_outcome> ended;
        detail::flat<double> speeds;
        detail::flat<double> doubts;
        detail::flat<model_index> chosen;

        [[nodiscard]] matrix_view<double> speeds_of(std::size_t rows, std::size_t cols) {
            speeds.assign(rows * cols, 0.0);
            doubts.assign(rows * cols, 0.0);
            return {speeds.data(), rows, cols};
        }
    };

    /// Accounts the round that ended; how many jobs are done.
    [[nodiscard]] std::size_t finish(scratch& work, simulation_run& report, double charged_from) const {
        std::size_t done = 0;
        std::sort(work.running.begin(), work.running.end(), [](const member& a, const member& b) {
            return a.finish_s != b.finish_s ? a.finish_s > b.finish_s : a.id < b.id;
        });
        work.ended.clear();
        for (const member& r : work.running) {
            advance& a = work.state[r.id];
            job_record& record = report.jobs[r.id];
            const double charged = r.finish_s - charged_from;
            const bool last = a.steps + r.steps >= jobs[r.id].steps;  // fewer steps than GPUs may be all that was left
            const bool short_of = !last && r.steps < static_cast<double>(jobs[r.id].gpus);
            const bool failed = rules.whole_steps && (short_of || charged <= 0.0);
            a.fails = failed ? a.fails + 1 : 0;
            if (!failed) a.steps += r.steps;
            record.ran_s += r.held_s;
            const double held_gpu_s = r.held_s * static_cast<double>(jobs[r.id].gpus);
            report.busy_gpu_s += held_gpu_s;
            report.model_busy_gpu_s[r.model.value()] += held_gpu_s;
            const bool complete = !failed && a.steps >= jobs[r.id].steps;
            const bool dropped = failed && a.fails >= rules.most_fails;
            if (complete) record.end_s = r.finish_s;
            work.ended.push_back({r.id, r.model, failed ? 0.0 : r.steps, r.computed_s, charged, complete || dropped});
            if (!complete && !dropped) continue;
            a.fails = dropped ? rules.most_fails : 0;
            a.home = a.last = model_index{};
            ++done;
            ++report.events;
            work.active.resize(static_cast<std::size_t>(std::remove(work.active.begin(), work.active.end(), r.id) -
                                                        work.active.begin()));
        }
        work.running.clear();
        return done;
    }
    [[nodiscard]] round_view look(scratch& work, double now, std::span<const model_index> models) const {
        work.seen.clear();
        for (const std::uint32_t id : work.active) {
            const simulated_job& job = jobs[id];
            const double done = work.state[id].steps;
            work.seen.push_back({id, job.gpus, job.arrival_s, done,
                                 rules.steps_known ? job.steps - done : std::numeric_limits<double>::quiet_NaN(),
                                 job.weight});
        }
        round_view view;
        view.now_s = now;
        view.round_s = rules.round_s;
        view.jobs = work.seen.view();
        view.gpus = gpus;
        view.ended = work.ended.view();
        view.order = models;
        return view;
    }
    template <class Truth>
    void begin(scratch& work, simulation_run& report, const Truth& truth, const round_time& time,
               std::span<const model_index> chosen) const {
        for (std::size_t j = 0; j < chosen.size(); ++j) {
            const std::uint32_t id = work.active[j];
            advance& a = work.state[id];
            job_record& record = report.jobs[id];
            const model_index model = chosen[j];
            if (!model.valid()) {
                if (a.last.valid()) {
                    ++record.preemptions;
                    ++report.preemptions;
                }
                a.last = model;
                continue;
            }
            if (std::isnan(record.start_s)) record.start_s = time.now_s;
            if (a.home.valid() && a.home != model) {
                ++record.migrations;
                ++report.migrations;
            }
            const double speed = truth(id, model, time);
            const double lost =
                rules.charge_restarts && a.last != model ? std::min(jobs[id].restart_s, rules.round_s) : 0.0;
            double could = speed * (rules.round_s - lost);
            if (rules.whole_steps) could = std::trunc(could);
            const double steps = std::min(std::max(could, 0.0), jobs[id].steps - a.steps);
            const bool idles = !(speed > 0.0) || (steps <= 0.0 && !rules.whole_steps);
            const double computed = idles ? rules.round_s - lost : steps / speed;
            work.running.push_back({time.now_s + (lost + computed), id, model, steps, lost + computed, computed});
            a.last = a.home = model;
        }
    }
};

template <class Order>
round_simulation(std::span<const simulated_job>, std::span<const std::uint32_t>, Order) -> round_simulation<Order>;

}  // namespace berth::inline v0
