// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/gap_instance.hpp"
#include "support/named_allocator.hpp"
#include "support/progress.hpp"
#include "support/search_run.hpp"
#include "support/svg_chart.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

struct comparison_options {
    std::vector<double> seconds{1.0, 10.0};  ///< budgets of CPU time, ascending
    std::size_t seeds = 5;                   ///< runs of each allocator on each instance
    std::uint64_t first_seed = 1;
    std::size_t threads = 1;  ///< of each run
};

/// One allocator, one instance, one seed. One run at the largest budget gives all budgets: its best cost at each time.
struct comparison_run {
    std::string instance;
    char type = 0;
    std::size_t agents = 0;
    std::size_t tasks = 0;
    std::string allocator;
    std::uint64_t seed = 0;
    double reference = 0.0;               ///< base of the gaps: the best bound known, else the bound computed here
    bool reference_known = true;          ///< false: computed here
    double bound = 0.0;                   ///< of the priced problem
    std::vector<double> costs;            ///< at each budget; infinite: nothing feasible yet
    std::vector<double> gaps;             ///< in per cent of the reference
    double seconds = 0.0;                 ///< CPU time to the end of the run, bound included
    double evaluations_per_second = 0.0;  ///< without the time of the bound
    std::uint64_t evaluations = 0;
    berth::stop_reason stopped{};
    std::vector<trajectory_point> trajectory;
    bool taken = false;  ///< by `take_runs`: no trajectory, the best cost is known at each budget only
};

/// One allocator on one instance: medians over its seeds.
struct comparison_row {
    std::string instance;
    char type = 0;
    std::string allocator;
    bool reference_known = true;
    std::vector<double>
        gaps;  ///< at each budget, in per cent; infinite if half of the runs or more have no feasible plan
    double evaluations_per_second = 0.0;
    std::size_t feasible = 0;  ///< runs with a feasible plan at the largest budget
    std::size_t runs = 0;
};

/// One allocator on all instances of one type (`*`: of all types).
struct comparison_summary {
    char type = '*';
    std::string allocator;
    std::size_t instances = 0;
    std::vector<double> median_gaps;  ///< of the rows, at each budget
    std::vector<double> worst_gaps;
    double evaluations_per_second = 0.0;  ///< median of the rows
};

/// Compares allocators on instances of the generalised assignment problem, by gap and time:
///
/// ```
/// bench::comparison table{{bench::name_allocator("mine", "...", [](const bench::search_setup& s) { return
/// mine{s.seed}; })}, {.seconds = {0.1}}}; table.add(instance, reference, progress);
/// std::fputs(table.text().c_str(), stdout);
/// ```
class comparison {
public:
    comparison(std::vector<named_allocator> allocators, comparison_options options);

    /// Callbacks for results as they arrive. Any may be empty.
    struct listener {
        std::function<void(const comparison_run&)> on_run;
        std::function<void(const comparison_row&)> on_row;
    };

    /// Runs all allocators with all seeds on an instance. Ctrl-C ends it; interrupted runs are left out.
    /// @param reference  published bounds of the instance, if there are any
    void add(const gap_instance& instance, const std::optional<gap_reference>& reference, progress_line& progress,
             const listener& tell = {});
    /// Reads runs of an earlier comparison from its CSV file; `add` does not repeat them. A run counts if it had the same
    /// threads and the same largest budget, and has a row for each budget of this comparison.
    [[nodiscard]] berth::result<void> take_runs(const std::string& csv_file);
    /// The total number of runs, for the line of progress.
    void expect_runs(std::size_t runs) noexcept { expected_ = runs; }

    [[nodiscard]] const comparison_options& options() const noexcept { return options_; }
    [[nodiscard]] const std::vector<named_allocator>& allocators() const noexcept { return allocators_; }
    [[nodiscard]] const std::vector<comparison_run>& runs() const noexcept { return runs_; }
    [[nodiscard]] const std::vector<comparison_row>& rows() const noexcept { return rows_; }
    /// Answers that the checker did not confirm, a sentence each. They are in no run and no row.
    [[nodiscard]] const std::vector<std::string>& faults() const noexcept { return faults_; }
    /// The reasons why allocators were left out on some instances, a sentence each.
    [[nodiscard]] const std::vector<std::string>& refusals() const noexcept { return refusals_; }
    /// By type, then allocator; over all types at the end if there are several.
    [[nodiscard]] std::vector<comparison_summary> summaries() const;

    [[nodiscard]] std::string header_text() const;
    [[nodiscard]] std::string row_text(const comparison_row& row) const;
    [[nodiscard]] std::string summary_text() const;
    /// Header, rows and summary.
    [[nodiscard]] std::string text() const;

    [[nodiscard]] static std::string csv_header();
    /// A line for each budget of a run.
    [[nodiscard]] std::string csv_lines(const comparison_run& run) const;

    /// The median gap of all runs over time, a curve for each allocator, both axes logarithmic.
    /// @param emphasised  the allocator whose curve is drawn thick
    [[nodiscard]] line_chart chart(std::string_view emphasised) const;

private:
    [[nodiscard]] const comparison_run* taken(const gap_instance& instance, const std::string& allocator,
                                              std::uint64_t seed) const;

    std::vector<named_allocator> allocators_;
    comparison_options options_;
    std::vector<comparison_run> taken_;
    std::vector<comparison_run> runs_;
    std::vector<comparison_row> rows_;
    std::vector<std::string> faults_;
    std::vector<std::string> refusals_;
    std::size_t started_ = 0;
    std::size_t expected_ = 0;
};

/// The middle one; of an even number the mean of the two in the middle, infinite if either is. NaN of none.
[[nodiscard]] double median(std::vector<double> values);

}  // namespace bench
