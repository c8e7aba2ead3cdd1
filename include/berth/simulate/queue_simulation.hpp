// SPDX-License-Identifier: Apache-2.0
// Length: the check of a log and the run over it share the bounds of its numbers.
#pragma once

#include "berth/core/result.hpp"
#include "berth/core/run_control.hpp"
#include "berth/learn/user_durations.hpp"
#include "berth/model/resources.hpp"
#include "berth/queue/backfill/conservative_queue.hpp"
#include "berth/queue/backfill/easy_queue.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// A job of a log of a batch system. Whole numbers, none above 2^61; instants and durations in one unit. Nor may all
/// requests of a log add to more.
struct logged_job {
    std::int64_t submit = 0;   ///< when it arrived, at least 0
    std::int64_t run = 0;      ///< how long it ran, at least 0
    std::int64_t request = 0;  ///< how long its user asked for, above 0; a job that runs longer is ended then
    std::uint64_t user = 0;    ///< any number that stands for the user
};

/// What a queue goes by as the duration of a job.
enum class duration_source : std::uint8_t {
    request,  ///< what the user asked for
    actual,   ///< what it really ran for: the best that any estimate could do
    learned,  ///< what `user_durations` has learned from the jobs that have ended; never a limit
};

/// When a queue decides.
enum class pass_time : std::uint8_t {
    event,    ///< after every single event, as the simulators of the field do
    instant,  ///< once, after all events of an instant
};

namespace detail {

// A queue over logged jobs. Events are ordered by time, then kind, then the number of their creation: exactly the rules
// of pyss, whose results are published.
template <class Queue>
class queue_run {
public:
    queue_run(Queue queue, std::span<const logged_job> jobs, std::span<const amount> demands, duration_source source,
              pass_time when)
        : queue_{std::move(queue)},
          jobs_{jobs},
          demands_{demands},
          counters_{jobs.empty() ? 0 : demands.size() / jobs.size()},
          source_{source},
          when_{when},
          starts_(jobs.size(), -1),
          estimates_(jobs.size()),
          ended_(jobs.size(), 0) {}

    template <stoppable Stop>
    [[nodiscard]] result<std::vector<std::int64_t>> run(const run_control<Stop>& control) {
        for (std::size_t j = 0; j < jobs_.size(); ++j) push(jobs_[j].submit, kind::submission, j);
        for (std::uint64_t used = 0; !events_.empty() && control.check(used) == stop_reason::completed; ++used) {
            const event now = pop();
            if (auto ok = handle(now); !ok) return ok.error();
            const bool more =
                !events_.empty() && events_.front().time == now.time && events_.front().what < kind::start;
            if (when_ == pass_time::instant && more) continue;
            if (now.what == kind::outlived && when_ == pass_time::event) continue;
            pass(now.time);
        }
        return std::move(starts_);
    }

private:
    static constexpr bool reserves = std::is_same_v<Queue, conservative_queue>;
    enum class kind : std::uint8_t { outlived, submission, completion, start };
    struct event {
        std::int64_t time;
        kind what;
        std::uint64_t number;
        std::size_t job;

        friend bool operator>(const event& a, const event& b) noexcept {
            return std::tie(a.time, a.what, a.number) > std::tie(b.time, b.what, b.number);
        }
    };

    void push(std::int64_t time, kind what, std::size_t job) {
        events_.push_back({time, what, created_++, job});
        std::ranges::push_heap(events_, std::greater<>{});
    }
    [[nodiscard]] event pop() {
        std::ranges::pop_heap(events_, std::greater<>{});
        const event first = events_.back();
        events_.pop_back();
        return first;
    }
    [[nodiscard]] std::int64_t run_time(std::size_t job) const noexcept {
        return std::min(jobs_[job].run, jobs_[job].request);
    }
    [[nodiscard]] std::int64_t first_estimate(std::size_t job) const {
        switch (source_) {
            case duration_source::request: break;
            case duration_source::actual: return std::max<std::int64_t>(run_time(job), 1);
            case duration_source::learned: return history_.estimate(jobs_[job].user, jobs_[job].request);
        }
        return jobs_[job].request;
    }
    [[nodiscard]] result<void> handle(const event& now) {
        const std::size_t job = now.job;
        switch (now.what) {
            case kind::submission: return submit(now);
            case kind::completion:
                (void)queue_.finish(job, now.time);
                ended_[job] = 1;
                ended_since_pass_ = true;
                if (source_ == duration_source::learned) {
                    history_.observe(jobs_[job].user, jobs_[job].request, run_time(job));
                }
                break;
            case kind::start: start(job, now.time); break;
            case kind::outlived: outlive(job, now.time); break;
        }
        return {};
    }
    [[nodiscard]] result<void> submit(const event& now) {
        estimates_[now.job] = first_estimate(now.job);
        const auto demand = demands_.subspan(now.job * counters_, counters_);
        if constexpr (reserves) {
            const auto job = queue_.submit(now.time, estimates_[now.job], demand, reserved());
            if (!job) return job.error();
        } else {
            const auto job = queue_.submit(now.time, estimates_[now.job], demand);
            if (!job) return job.error();
        }
        return {};
    }
    [[nodiscard]] auto reserved() {
        return [this](backfill_job job, std::int64_t start) { push(start, kind::start, job); };
    }
    void start(std::size_t job, std::int64_t now) {
        if constexpr (reserves) {
            if (!queue_.start(job, now)) return;  // an instant that has become another one
        }
        starts_[job] = now;
        push(now + run_time(job), kind::completion, job);
        watch_estimate(job);
    }
    void watch_estimate(std::size_t job) {
        if (source_ == duration_source::learned && estimates_[job] < jobs_[job].request) {
            push(starts_[job] + estimates_[job], kind::outlived, job);
        }
    }
    void outlive(std::size_t job, std::int64_t now) {
        if constexpr (!reserves) {
            if (ended_[job] != 0) return;
            estimates_[job] = user_durations::longer(estimates_[job], jobs_[job].request);
            (void)queue_.prolong(job, now, estimates_[job]);
            watch_estimate(job);
        }
    }
    void pass(std::int64_t now) {
        if constexpr (reserves) {
            // Reservations are tried again when jobs have ended, not when others arrive.
            if (ended_since_pass_) queue_.pass(now, reserved());
            ended_since_pass_ = false;
        } else {
            queue_.pass(now, [&](backfill_job job) { push(now, kind::start, job); });
        }
    }

    Queue queue_;
    std::span<const logged_job> jobs_;
    std::span<const amount> demands_;
    std::size_t counters_;
    duration_source source_;
    pass_time when_;
    std::vector<std::int64_t> starts_;
    std::vector<std::int64_t> estimates_;
    std::vector<char> ended_;
    user_durations history_;
    std::vector<event> events_;  // a heap, the next one first
    std::uint64_t created_ = 0;
    bool ended_since_pass_ = false;
};

[[nodiscard]] inline result<void> check_log(std::span<const logged_job> jobs, std::span<const amount> capacity,
                                            std::span<const amount> demands) {
    if (demands.size() != jobs.size() * capacity.size()) {
        return refuse(error_code::inconsistent, {"demands: ", demands.size(), " amounts for ", jobs.size(),
                                                 " jobs and ", capacity.size(), " counters"});
    }
    // No job starts later than the last one arrives and all requests take one after the other: no instant overflows.
    constexpr std::int64_t most = std::int64_t{1} << 61;
    std::int64_t requested = 0;
    for (std::size_t j = 0; j < jobs.size(); ++j) {
        const logged_job& job = jobs[j];
        const char* wrong = job.submit < 0                   ? "submit is negative"
                            : job.submit > most              ? "submit is above 2^61"
                            : job.run < 0                    ? "run is negative"
                            : job.run > most                 ? "run is above 2^61"
                            : job.request <= 0               ? "request is not above 0"
                            : job.request > most             ? "request is above 2^61"
                            : job.request > most - requested ? "request and those before add to more than 2^61"
                            : j > 0 && job.submit < jobs[j - 1].submit ? "submit is before that of the job before"
                                                                       : nullptr;
        if (wrong != nullptr) return refuse(error_code::invalid_value, {"job ", j, ": ", wrong});
        requested += job.request;
    }
    return {};
}

}  // namespace detail

/// The instants at which the jobs of a log start under first come, first served, with or without EASY backfilling.
///
/// @param jobs      in the order of their arrival
/// @param capacity  of each counter
/// @param demands   for each job one amount of each counter, at most its capacity
/// @param mode      which jobs may go before the first one
/// @param source    what is taken for the duration of a job
/// @param when      when the queue decides
/// @param control   stops the run between two events, of which there are three a job; what has not started then has the
///                  start -1
/// @return          the start of each job, or an error that names job and field
///
/// Exact by the rules of pyss for `pass_time::event`: submissions go before completions and these before starts of the
/// same instant. O(jobs × (log jobs + a pass)). Deterministic.
template <stoppable Stop = never_stop>
[[nodiscard]] result<std::vector<std::int64_t>>
simulate_easy(std::span<const logged_job> jobs, std::span<const amount> capacity, std::span<const amount> demands,
              backfill_mode mode = backfill_mode::queue, duration_source source = duration_source::request,
              pass_time when = pass_time::event, const run_control<Stop>& control = {}) {
    if (auto ok = detail::check_log(jobs, capacity, demands); !ok) return ok.error();
    return detail::queue_run<easy_queue>{easy_queue{capacity, mode}, jobs, demands, source, when}.run(control);
}

/// The same under conservative backfilling. Its reservations need estimates that hold: `duration_source::learned` is
/// refused.
template <stoppable Stop = never_stop>
[[nodiscard]] result<std::vector<std::int64_t>>
simulate_conservative(std::span<const logged_job> jobs, std::span<const amount> capacity,
                      std::span<const amount> demands, duration_source source = duration_source::request,
                      pass_time when = pass_time::event, const run_control<Stop>& control = {}) {
    if (auto ok = detail::check_log(jobs, capacity, demands); !ok) return ok.error();
    if (source == duration_source::learned) {
        return detail::refuse(error_code::invalid_value,
                              {"conservative: a reservation needs a duration that holds, a learned one may not"});
    }
    return detail::queue_run<conservative_queue>{conservative_queue{capacity}, jobs, demands, source, when}.run(
        control);
}

}  // namespace berth::inline v0
