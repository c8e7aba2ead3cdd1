// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"

#include "support/mrp_instance.hpp"
#include "support/mrp_references.hpp"
#include "support/progress.hpp"
#include "support/run_clock.hpp"
#include "support/svg_chart.hpp"
#include "support/trajectory.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bench {

struct reassignment_comparison_options {
    std::vector<double> seconds{
        10.0, 60.0};  ///< budgets, ascending; each is a run of its own, because a search cools towards its end
    std::size_t seeds = 1;
    std::uint64_t first_seed = 1;
    std::size_t threads = 2;
    clock_kind clock = clock_kind::cpu;
};

/// One instance, one budget, one seed.
struct reassignment_comparison_run {
    std::string instance;
    std::size_t machines = 0;
    std::size_t processes = 0;
    double budget = 0.0;
    std::uint64_t seed = 0;
    bool feasible = false;
    double cost = 0.0;
    double initial = 0.0;
    double lower_bound = 0.0;
    std::optional<double> best;  ///< of the challenge
    std::size_t moved = 0;
    double seconds = 0.0;  ///< by the clock
    std::uint64_t evaluations = 0;
    double evaluations_per_core_second = 0.0;
    bool taken = false;                        ///< from a file
    std::vector<trajectory_point> trajectory;  ///< empty if it was taken

    /// 100 (cost − best) / initial; without an answer the original assignment counts.
    [[nodiscard]] std::optional<double> score() const;
};

/// One instance: medians over its seeds.
struct reassignment_comparison_row {
    std::string instance;
    double initial = 0.0;
    double lower_bound = 0.0;
    std::optional<double> best;
    std::vector<double> costs;                  ///< at each budget
    std::vector<std::optional<double>> scores;  ///< at each budget
    double evaluations_per_core_second = 0.0;
    std::size_t feasible = 0;
    std::size_t runs = 0;
};

/// All instances of a set (`A`, `B`) that were run.
struct reassignment_comparison_sum {
    std::string set;
    std::size_t instances = 0;
    std::vector<double> scores;                ///< at each budget: the sum of the medians
    std::vector<std::optional<double>> goals;  ///< at each budget; of all five instances of B outside the repository
    std::vector<std::pair<std::string, double>> teams;  ///< sums over the same instances, after 300 s in the final
};

/// Runs the search for better assignments on instances of the challenge and lists its costs beside published ones.
class reassignment_comparison {
public:
    reassignment_comparison(mrp_references references, reassignment_comparison_options options);

    /// Callbacks for results as they arrive. Any may be empty.
    struct listener {
        std::function<void(const reassignment_comparison_run&)> on_run;
        std::function<void(const reassignment_comparison_row&)> on_row;
    };

    /// Takes the runs of an earlier CSV file, which `add` does not repeat. They count only if instance, budget, clock,
    /// threads and seed are those of this comparison.
    [[nodiscard]] berth::result<void> take_runs(const std::string& csv_file);
    /// Runs all budgets and seeds on an instance. Ctrl-C ends it; an interrupted run is left out.
    void add(const mrp_instance& instance, progress_line& progress, const listener& tell = {});
    void expect_runs(std::size_t runs) noexcept { expected_ = runs; }

    [[nodiscard]] const reassignment_comparison_options& options() const noexcept { return options_; }
    [[nodiscard]] const std::vector<reassignment_comparison_run>& runs() const noexcept { return runs_; }
    [[nodiscard]] const std::vector<reassignment_comparison_row>& rows() const noexcept { return rows_; }
    /// Answers that the checker did not confirm, a sentence each. They are in no run and no row.
    [[nodiscard]] const std::vector<std::string>& faults() const noexcept { return faults_; }
    [[nodiscard]] std::vector<reassignment_comparison_sum> sums() const;

    /// The goal of this project for the cost of an instance after that many seconds, if there is one.
    [[nodiscard]] std::optional<double> goal(const std::string& instance, double seconds) const;

    [[nodiscard]] std::string header_text() const;
    [[nodiscard]] std::string row_text(const reassignment_comparison_row& row) const;
    /// Sums by set, and the goals that were reached.
    [[nodiscard]] std::string summary_text() const;

    [[nodiscard]] static std::string csv_header();
    [[nodiscard]] std::string csv_line(const reassignment_comparison_run& run) const;
    /// 100 (cost − lower bound) / initial over time, a curve for each instance, of the runs with the largest budget.
    [[nodiscard]] line_chart chart() const;

private:
    [[nodiscard]] const reassignment_comparison_run* taken(const std::string& instance, double budget,
                                                           std::uint64_t seed) const;

    mrp_references references_;
    reassignment_comparison_options options_;
    std::vector<reassignment_comparison_run> taken_;
    std::vector<reassignment_comparison_run> runs_;
    std::vector<reassignment_comparison_row> rows_;
    std::vector<std::string> faults_;
    std::size_t started_ = 0;
    std::size_t expected_ = 0;
};

}  // namespace bench
