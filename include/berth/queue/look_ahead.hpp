// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/random.hpp"
#include "berth/queue/concepts.hpp"
#include "berth/queue/detail/projected_ends.hpp"
#include "berth/queue/queue_key.hpp"
#include "berth/queue/queued_job.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

// Length: the policy and its memory; its search shares the arrays.

namespace berth::inline v0 {

class look_ahead_planner;

/// The order of `shortest_service`, improved by looking ahead: berth's own policy for jobs of known duration on equal
/// GPUs. At each decision it runs the jobs that are there to their end in thought, in the order that it has and in
/// orders that differ a little, and keeps what lowers the mean completion time, or the longest ones without much harm
/// to the mean. Far completions count less while jobs keep arriving, because those will change what comes then.
///
/// Where all jobs fit, and where it knows the duration of not all jobs, it is `shortest_service`.
///
/// Deterministic: the same jobs at the same times give the same order.
struct look_ahead {
    /// What a second of the tail weighs against a second of the mean, 0 or more, where all jobs came at once.
    double tail_weight = 0.005;
    /// The same while jobs keep arriving: less, because the tail lies behind jobs that are not known yet.
    double tail_weight_arriving = 0.0007;
    /// The part of the jobs that take longest, in (0, 1]; the shortest of their completion times is the tail: 0.01 is
    /// the 99th percentile.
    double tail_part = 0.01;
    /// How many job runs it looks at in a decision; the time that it takes grows with it.
    std::uint32_t effort = 100'000;
    /// How many more for each job that is new, if several are.
    std::uint32_t effort_a_newcomer = 30'000;
    /// With more jobs than this it does not look ahead.
    std::size_t most_jobs = 20'000;
    /// Of what it tries.
    std::uint64_t seed = 0;

    /// GPU seconds, as `shortest_service`.
    [[nodiscard]] constexpr queue_key operator()(const queued_job& job) const noexcept {
        return job.remaining_seconds * job.gpus;
    }
    /// What looks ahead in one run of a queue.
    ///
    /// @param capacity  GPUs of all nodes
    [[nodiscard]] inline look_ahead_planner start(double capacity) const;
};

/// What `look_ahead` knows in one run of a queue: the order of the last decision, and how long who is done took.
class look_ahead_planner {
public:
    /// @param capacity  GPUs of all nodes
    look_ahead_planner(const look_ahead& settings, double capacity)
        : settings_{settings}, capacity_{capacity}, draw_{settings.seed} {}

    /// Rearranges the queue. A job of the last call that is missing counts as done now.
    /// O(jobs · log jobs + effort), and the length of the queue for each newcomer.
    ///
    /// @param now   seconds, not before that of the last call
    /// @param jobs  by number; a number stands for the same job in all calls
    /// @param line  numbers of the jobs that wait or run, by key
    void operator()(double now, std::span<const queued_job> jobs, std::span<std::uint32_t> line) {
        const std::size_t fresh = follow(now, jobs, line);
        if (line.size() > 1 && has_choice(jobs, line)) {
            insert(jobs, line, fresh);
            improve(now, jobs, line, fresh);
            for (std::size_t p = 0; p < line.size(); ++p) line[p] = order_[p];
        } else {
            order_.clear();
            for (const std::uint32_t id : line) order_.push_back(id);
        }
    }

private:
    enum : char { unknown, there, missing };

    /// Takes who is done out of the order. How many jobs are new.
    std::size_t follow(double now, std::span<const queued_job> jobs, std::span<const std::uint32_t> line) {
        state_.resize(jobs.size(), unknown);
        for (const std::uint32_t id : order_) state_[id] = missing;
        std::size_t fresh = 0;
        for (const std::uint32_t id : line) {
            if (state_[id] == unknown) {
                ++fresh;
                if (std::isnan(first_)) first_ = jobs[id].arrival;
                if (jobs[id].arrival > first_) arrived_ += jobs[id].remaining_seconds * jobs[id].gpus;
            }
            state_[id] = there;
        }
        std::size_t kept = 0;
        for (const std::uint32_t id : order_) {
            if (state_[id] == there) {
                order_[kept++] = id;
                continue;
            }
            const double took = now - jobs[id].arrival;
            taken_.push_back(took);
            for (std::size_t k = taken_.size() - 1; k > 0 && taken_[k - 1] > took; --k) {
                taken_[k] = taken_[k - 1];
                taken_[k - 1] = took;
            }
        }
        order_.resize(kept);
        return fresh;
    }
    /// False if all jobs fit, or if it cannot look ahead.
    [[nodiscard]] bool has_choice(std::span<const queued_job> jobs, std::span<const std::uint32_t> line) const {
        if (line.size() > settings_.most_jobs) return false;
        double wanted = 0.0;
        for (const std::uint32_t id : line) {
            if (!std::isfinite(jobs[id].remaining_seconds) || jobs[id].gpus > capacity_) return false;
            wanted += jobs[id].gpus;
        }
        return wanted > capacity_;
    }
    /// Puts newcomers before the first that has a greater key.
    void insert(std::span<const queued_job> jobs, std::span<const std::uint32_t> line, std::size_t fresh) {
        if (fresh == line.size()) order_.clear();
        if (order_.size() == line.size()) return;
        listed_.assign(jobs.size(), 0);
        for (const std::uint32_t id : order_) listed_[id] = 1;
        const bool empty = order_.empty();
        for (const std::uint32_t id : line) {
            if (listed_[id] != 0) continue;
            std::size_t at = order_.size();
            if (!empty) {
                const double key = service(jobs[id]);
                at = 0;
                while (at < order_.size() && service(jobs[order_[at]]) <= key) ++at;
            }
            order_.push_back(id);
            for (std::size_t k = order_.size() - 1; k > at; --k) order_[k] = order_[k - 1];
            order_[at] = id;
        }
    }
    /// Fills the projected ends; jobs have their position in `order_` there.
    void describe(double now, std::span<const queued_job> jobs) {
        sizes_.clear();
        for (const std::uint32_t id : order_) sizes_.push_back(jobs[id].gpus);
        std::sort(sizes_.begin(), sizes_.end());
        std::size_t distinct = 0;
        for (const double gpus : sizes_) {
            if (distinct == 0 || sizes_[distinct - 1] < gpus) sizes_[distinct++] = gpus;
        }
        sizes_.resize(distinct);
        projected_.clear(capacity_);
        for (const double gpus : sizes_) projected_.add_size(gpus);
        waited_.clear();
        double backlog = 0.0;
        for (const std::uint32_t id : order_) {
            const double* size = std::lower_bound(sizes_.begin(), sizes_.end(), jobs[id].gpus);
            projected_.add_job(std::max(jobs[id].remaining_seconds, 0.0),
                               static_cast<std::size_t>(size - sizes_.begin()));
            waited_.push_back(now - jobs[id].arrival);
            backlog += service(jobs[id]);
        }
        // Within this time most of what is there now arrives anew.
        horizon_ = arrived_ > 0.0 && now > first_ ? 0.7 * backlog * (now - first_) / arrived_
                                                  : std::numeric_limits<double>::infinity();
    }
    void improve(double now, std::span<const queued_job> jobs, std::span<const std::uint32_t> line, std::size_t fresh) {
        describe(now, jobs);
        const auto n = static_cast<std::uint32_t>(order_.size());
        best_.clear();
        for (std::uint32_t p = 0; p < n; ++p) best_.push_back(p);
        double least = value(best_.view());
        trial_.clear();  // the order of the keys
        listed_at_.resize(jobs.size());
        for (std::uint32_t p = 0; p < n; ++p) listed_at_[order_[p]] = p;
        for (const std::uint32_t id : line) trial_.push_back(listed_at_[id]);
        if (const double v = value(trial_.view()); !(least < v)) {
            least = v;
            best_.swap(trial_);
        }
        const std::uint64_t more = fresh > 1 ? std::uint64_t{settings_.effort_a_newcomer} * fresh : 0;
        const std::uint64_t enough = projected_.effort() + settings_.effort + more;
        while (projected_.effort() < enough) {
            trial_.clear();
            trial_.append(best_.view());
            vary(n);
            const double v = value(trial_.view());
            if (!(v < least * (1.0 - 1e-6))) continue;
            least = v;
            best_.swap(trial_);
        }
        trial_.clear();
        for (const std::uint32_t p : best_) trial_.push_back(order_[p]);
        order_.swap(trial_);
    }
    /// Moves a job, or swaps two; near places are tried more often than far ones.
    void vary(std::uint32_t n) {
        std::uint32_t bits = 0;
        while ((n >> bits) > 1) ++bits;
        const std::uint32_t reach = std::uint32_t{1} << bounded(draw_, bits + 1);
        const std::uint32_t step = 1 + bounded(draw_, reach);
        const std::uint32_t from = bounded(draw_, n);
        const bool back = bounded(draw_, 2) == 0;
        const std::uint32_t to = back ? from - std::min(from, step) : std::min(n - 1, from + step);
        std::uint32_t* jobs = trial_.begin();
        if (bounded(draw_, 2) == 0) {
            std::swap(jobs[from], jobs[to]);
        } else if (from < to) {
            std::rotate(jobs + from, jobs + from + 1, jobs + to + 1);
        } else {
            std::rotate(jobs + to, jobs + from, jobs + from + 1);
        }
    }
    /// The mean and the weighted tail of completion times, those of done jobs included.
    [[nodiscard]] double value(std::span<const std::uint32_t> order) {
        projected_.run(order);
        const std::span<const double> ends = projected_.ends();
        const auto total = static_cast<double>(ends.size() + taken_.size());
        double sum = 0.0;
        longest_.clear();
        for (std::size_t j = 0; j < ends.size(); ++j) {
            sum += horizon_ < std::numeric_limits<double>::infinity() ? ends[j] * horizon_ / (ends[j] + horizon_)
                                                                      : ends[j];
            longest_.push_back(ends[j] + waited_[j]);
        }
        const double weight =
            horizon_ < std::numeric_limits<double>::infinity() ? settings_.tail_weight_arriving : settings_.tail_weight;
        if (!(weight > 0.0)) return sum / total;
        const double part = std::min(std::max(std::floor(total * settings_.tail_part), 0.0), total - 1.0);
        const auto rank = static_cast<std::size_t>(part);
        for (std::size_t k = 0; k <= rank && k < taken_.size(); ++k) longest_.push_back(taken_[taken_.size() - 1 - k]);
        std::nth_element(longest_.begin(), longest_.begin() + rank, longest_.end(),
                         [](double a, double b) { return a > b; });
        return sum / total + weight * longest_[rank];
    }
    [[nodiscard]] static double service(const queued_job& job) noexcept { return job.remaining_seconds * job.gpus; }

    look_ahead settings_;
    double capacity_;
    xoshiro256 draw_;
    double first_ = std::numeric_limits<double>::quiet_NaN();  // the first arrival
    double arrived_ = 0.0;                                     // GPU seconds that arrived after it
    double horizon_ = std::numeric_limits<double>::infinity();
    detail::projected_ends projected_{};
    detail::flat<std::uint32_t> order_{};      // numbers of jobs, as decided last
    detail::flat<double> taken_{};             // completion times of who is done, ascending
    detail::flat<char> state_{};               // of each job
    detail::flat<char> listed_{};              // of each job: whether it is in the order
    detail::flat<std::uint32_t> listed_at_{};  // of each job: where
    detail::flat<double> sizes_{};
    detail::flat<double> waited_{};  // of each job in the order, since it arrived
    detail::flat<double> longest_{};
    detail::flat<std::uint32_t> best_{};   // positions in the order
    detail::flat<std::uint32_t> trial_{};  // the same, to be judged
};

look_ahead_planner look_ahead::start(double capacity) const { return look_ahead_planner{*this, capacity}; }

static_assert(planning_order<look_ahead>);

}  // namespace berth::inline v0
