// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/observer.hpp"

#include "support/progress.hpp"
#include "support/run_clock.hpp"

#include <cstdint>
#include <limits>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace bench {

/// When a search first had a feasible answer of this cost.
struct trajectory_point {
    double seconds = 0.0;  ///< from the origin on: of CPU time, or of the clock that the trajectory was given
    double cost = 0.0;
};

/// The improvements of a search as it reports them: costs strictly falling, seconds not. May be fed from several threads.
class trajectory {
public:
    /// @param origin  what counts as 0 on the clock of `cpu_seconds`
    explicit trajectory(double origin = 0.0) noexcept : origin_{origin} {}
    /// By another clock, which outlives it.
    explicit trajectory(const run_clock& clock) noexcept : clock_{&clock} {}

    /// Shows how the search stands on a line of progress, which outlives it.
    /// @param label  what runs on what
    /// @param seconds  the budget, infinite if there is none
    /// @param bound  what gaps are taken to
    void show_on(progress_line& line, std::string label, double seconds, double bound);

    /// A report of a run: `objective` is the cost of the best feasible assignment so far, infinite while there is none.
    void see(const berth::progress& p);
    /// The end of a run that may not have reported everything.
    void see(double cost);

    [[nodiscard]] const std::vector<trajectory_point>& points() const noexcept { return points_; }
    /// Infinite while nothing was seen.
    [[nodiscard]] double best() const noexcept { return best_; }

private:
    void add(double cost);
    void show(std::uint64_t evaluations);
    [[nodiscard]] double now() const noexcept;

    double origin_ = 0.0;
    const run_clock* clock_ = nullptr;
    double best_ = std::numeric_limits<double>::infinity();
    std::vector<trajectory_point> points_;
    std::mutex mutex_;
    progress_line* line_ = nullptr;
    std::string label_;
    double budget_ = std::numeric_limits<double>::infinity();
    double bound_ = -std::numeric_limits<double>::infinity();
};

/// Feeds a trajectory, which outlives it. Without one it sees nothing.
struct search_observer {
    trajectory* into = nullptr;

    void on_begin(const berth::progress& p) const { see(p); }
    void on_progress(const berth::progress& p) const { see(p); }
    void on_end(const berth::progress& p) const { see(p); }

private:
    void see(const berth::progress& p) const {
        if (into != nullptr) into->see(p);
    }
};

/// The cost at a point in time: of the last improvement not after `seconds`; infinite if there is none.
[[nodiscard]] double cost_at(const std::vector<trajectory_point>& points, double seconds) noexcept;

}  // namespace bench
