// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth_bench/simulations.hpp"
#include "support/svg_chart.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace bench {

/// What jobs stay on: a node, or in rounds all GPUs of a model.
struct gantt_place {
    std::string name;
    std::uint32_t gpus = 0;
};

struct gantt_options {
    std::string title;
    const char* place_word = "node";  ///< what the places are
    double begin_s = 0.0;             ///< where the axis of time begins
    double end_s = 0.0;               ///< where it ends
    std::size_t most_rows = 128;      ///< as many GPUs have a row each, more are grouped
};

/// Who is where over time.
///
/// Up to `most_rows` GPUs have a row each, and each stay of a job a bar, by the number of the job's GPUs; which GPUs of
/// its place a job gets is drawn, not decided. A larger fleet has a row for each place, or for each so many places that
/// come one after the other; its bars say how many of their GPUs are in use, averaged over slices of time. The subtitle
/// says which it is. Every stay counts, none is left out.
///
/// @param stays  of one policy
[[nodiscard]] timeline_chart gantt_chart(std::span<const stay> stays, std::span<const berth::simulated_job> jobs,
                                         std::span<const gantt_place> places, const gantt_options& options);

}  // namespace bench
