// SPDX-License-Identifier: Apache-2.0
#include "support/trajectory.hpp"

#include "berth/allocate/assignment/assignment_problem.hpp"

#include "support/cpu_deadline.hpp"

#include <cmath>
#include <cstdio>

namespace bench {

void trajectory::show_on(progress_line& line, std::string label, double seconds, double bound) {
    line_ = &line;
    label_ = std::move(label);
    budget_ = seconds;
    bound_ = bound;
}

void trajectory::see(const berth::progress& p) {
    const std::lock_guard lock{mutex_};
    // A hook without objective reports 0; ignore it while nothing was decided.
    if (p.objective < best_ && (p.evaluations > 0 || p.done > 0 || p.objective != 0.0)) add(p.objective);
    if (line_ != nullptr && line_->due()) show(p.evaluations);
}

void trajectory::see(double cost) {
    const std::lock_guard lock{mutex_};
    if (cost < best_) add(cost);
}

void trajectory::add(double cost) {
    best_ = cost;
    points_.push_back({now(), cost});
}

double trajectory::now() const noexcept { return clock_ != nullptr ? clock_->used() : cpu_seconds() - origin_; }

void trajectory::show(std::uint64_t evaluations) {
    const double used = now();
    const char* unit = clock_ != nullptr && clock_->kind() == clock_kind::wall ? "s" : "CPU s";
    char text[160];
    if (std::isfinite(budget_)) {
        std::snprintf(text, sizeof text, ": %.1f of %g %s", used, budget_, unit);
    } else {
        std::snprintf(text, sizeof text, ": %.1f %s", used, unit);
    }
    std::string said = label_ + text;
    if (!std::isfinite(best_)) {
        said += ", nothing feasible yet";
    } else {
        std::snprintf(text, sizeof text, ", cost %.0f", best_);
        said += text;
        if (std::isfinite(bound_) && bound_ != 0.0) {
            std::snprintf(text, sizeof text, ", gap %.3f %%", berth::gap_percent(best_, bound_));
            said += text;
        }
    }
    std::snprintf(text, sizeof text, ", %.3g evaluations", static_cast<double>(evaluations));
    line_->say(said + text);
}

double cost_at(const std::vector<trajectory_point>& points, double seconds) noexcept {
    double cost = std::numeric_limits<double>::infinity();
    for (const auto& point : points) {
        if (point.seconds > seconds) break;
        cost = point.cost;
    }
    return cost;
}

}  // namespace bench
