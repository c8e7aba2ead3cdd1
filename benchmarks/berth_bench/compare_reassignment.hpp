// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/progress.hpp"
#include "support/reassignment_comparison.hpp"

#include <string>
#include <vector>

namespace bench {

struct compare_reassignment_options {
    reassignment_comparison_options comparison;
    std::vector<std::string> instances;  ///< names and patterns; empty: all that exist
    std::string csv;
    std::string svg;
    std::string json;
    bool resume = false;  ///< do not repeat the runs in `csv`
    progress_line::mode progress = progress_line::mode::terminal;
};

/// The suite `mrp` of `berth-bench compare`. Returns the exit code.
[[nodiscard]] int compare_reassignment(const compare_reassignment_options& options);

}  // namespace bench
