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

/// The time at which a search first had a feasible plan of this cost.
struct trajectory_point {
    double seconds = 0.0;  ///< since the origin: CPU time, or the clock of the trajectory
    double cost = 0.0;
};

/// The reported improvements of a search: costs strictly decrease, seconds do not. Several threads may report.
class trajectory {
public:
    /// @param origin  the zero point on the clock of `cpu_seconds`
    explicit trajectory(double origin = 0.0) noexcept : origin_{origin} {}
    /// With another clock, which must outlive it.
    explicit trajectory(const run_clock& clock) noexcept : clock_{&clock} {}

    /// Shows the state of the search on a line of progress, which must outlive it.
    /// @param label  allocator and instance
    /// @param seconds  the budget, infinite if there is none
    /// @param bound  the base of gaps
    void show_on(progress_line& line, std::string label, double seconds, double bound);

    /// A report of a run: `objective` is the cost of the best feasible assignment so far, infinite while there is none.
    void see(const berth::progress& p);
    /// The end of a run that may not have reported everything.
    void see(double cost);

    [[nodiscard]] const std::vector<trajectory_point>& points() const noexcept { return points_; }
    /// Infinite while there is no report.
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

/// Reports to a trajectory, which must outlive it. Null: reports nothing.
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
