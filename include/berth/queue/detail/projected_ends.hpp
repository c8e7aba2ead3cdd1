// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace berth::inline v0::detail {

/// When each of the jobs that are there would be done if no other came: at each completion the jobs are asked in a
/// given order, and each that still fits runs. GPUs are counted; nodes play no part. Jobs of equal size form a class,
/// in which nobody overtakes, so a decision costs the jobs that run times the sizes that there are.
class projected_ends {
public:
    /// Starts anew with a capacity.
    void clear(double capacity) {
        capacity_ = capacity;
        seconds_.clear();
        class_of_.clear();
        sizes_.clear();
    }
    /// Jobs are added by size, the smallest first.
    void add_size(double gpus) { sizes_.push_back(gpus); }
    /// A job that would run so long, of a size by its number. One of no length never runs.
    void add_job(double seconds, std::size_t size) {
        seconds_.push_back(seconds);
        class_of_.push_back(static_cast<std::uint32_t>(size));
    }
    [[nodiscard]] std::size_t jobs() const noexcept { return seconds_.size(); }
    /// Seconds from now until each job is done, after `run`.
    [[nodiscard]] std::span<const double> ends() const noexcept { return ends_.view(); }
    /// Job runs decided since the construction.
    [[nodiscard]] std::uint64_t effort() const noexcept { return effort_; }

    /// @param order  each job once
    void run(std::span<const std::uint32_t> order) {
        line_up(order);
        double now = 0.0;
        for (std::size_t waiting = order.size(); waiting > 0;) {
            select();
            double span = std::numeric_limits<double>::infinity();
            for (const std::uint32_t job : chosen_) span = std::min(span, left_[job]);
            now += span;
            for (const std::uint32_t job : chosen_) left_[job] -= span;
            effort_ += chosen_.size() + 4;
            waiting -= retire(now);
        }
    }

private:
    /// Puts each class in the order.
    void line_up(std::span<const std::uint32_t> order) {
        left_.clear();
        left_.append(seconds_.view());
        ends_.resize(jobs());
        rank_.resize(jobs());
        begin_.assign(sizes_.size() + 1, 0);
        for (const std::uint32_t c : class_of_) ++begin_[c + 1];
        for (std::size_t c = 0; c < sizes_.size(); ++c) begin_[c + 1] += begin_[c];
        head_.clear();
        head_.append(begin_.view());
        next_.clear();
        next_.append(begin_.view());
        queue_.resize(jobs());
        for (std::size_t p = 0; p < order.size(); ++p) {
            const std::uint32_t job = order[p];
            rank_[job] = static_cast<std::uint32_t>(p);
            queue_[next_[class_of_[job]]++] = job;
        }
    }
    /// Who runs now: the classes merged, as long as something fits.
    void select() {
        chosen_.clear();
        for (std::size_t c = 0; c < sizes_.size(); ++c) next_[c] = head_[c];
        for (double room = capacity_;;) {
            std::size_t best = sizes_.size();
            std::uint32_t first = 0;
            for (std::size_t c = 0; c < sizes_.size() && sizes_[c] <= room; ++c) {
                if (next_[c] == begin_[c + 1]) continue;
                const std::uint32_t rank = rank_[queue_[next_[c]]];
                if (best != sizes_.size() && first < rank) continue;
                best = c;
                first = rank;
            }
            if (best == sizes_.size()) return;
            chosen_.push_back(queue_[next_[best]++]);
            room -= sizes_[best];
        }
    }
    /// Takes those who are done out of the front of their classes.
    std::size_t retire(double now) {
        std::size_t count = 0;
        for (std::size_t c = 0; c < sizes_.size(); ++c) {
            std::uint32_t to = next_[c];
            for (std::uint32_t from = next_[c]; from-- > head_[c];) {
                const std::uint32_t job = queue_[from];
                if (left_[job] > 1e-9 * now) {
                    queue_[--to] = job;
                } else {
                    ends_[job] = now;
                    ++count;
                }
            }
            head_[c] = to;
        }
        return count;
    }

    double capacity_ = 0.0;
    std::uint64_t effort_ = 0;
    flat<double> seconds_{};          // of each job
    flat<std::uint32_t> class_of_{};  // of each job
    flat<double> sizes_{};            // of each class
    flat<double> left_{};             // of each job, in a run
    flat<double> ends_{};             // of each job
    flat<std::uint32_t> rank_{};      // of each job: where it is in the order
    flat<std::uint32_t> queue_{};     // the jobs of the classes, one class after the other
    flat<std::uint32_t> begin_{};     // of each class in the queue, and the end
    flat<std::uint32_t> head_{};      // of each class: the first that is not done
    flat<std::uint32_t> next_{};      // of each class: the first that does not run
    flat<std::uint32_t> chosen_{};    // who runs
};

}  // namespace berth::inline v0::detail
