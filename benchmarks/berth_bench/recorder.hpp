// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/migrate/order/migration_plan.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/why_not.hpp"

#include "support/openb.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace bench {

/// An arrival that was placed after others had been moved.
struct arrival_rescue {
    std::size_t arrival = 0;
    berth::migration_plan plan;  ///< its tasks are positions in the list of arrivals
};

/// The decisions of one run and the time they took.
struct placement_run {
    std::vector<berth::slot> placements;  ///< one per arrival, where it was put first; fewer if the run was stopped
    std::vector<arrival_rescue> rescues;  ///< in the order of arrivals
    double seconds = 0.0;                 ///< of the placement calls alone
    bool stopped = false;
};

/// Arrived GPU demand in percent of the fleet, at the points of the published tables.
inline constexpr std::array<int, 10> table_arrivals{80, 90, 95, 100, 105, 110, 115, 120, 125, 130};

/// The course of one run over the arrived workload: entry b describes the events at which b % had arrived (rounded), as
/// a mean over them; NaN where no event fell into b-1..b+1. Rounded to two decimals like the published tables.
struct arrival_curve {
    std::vector<double> unallocated_percent;
    std::vector<double> fragmentation_percent;        ///< of the capacity
    std::vector<double> fragmentation_ratio_percent;  ///< of the idle capacity

    /// The value at b %, NaN beyond the end.
    [[nodiscard]] static double at(const std::vector<double>& curve, int b) noexcept;
};

/// One rejected task, with the reasons at that moment.
struct turned_away {
    std::size_t arrival = 0;
    berth::why_not why;
};

/// The figures of one run.
struct placement_record {
    arrival_curve curve;
    std::size_t arrivals = 0;
    std::size_t rejected = 0;
    std::size_t rejected_at_100 = 0;  ///< of the first 100 % of the capacity
    berth::amount arrived_milli = 0;
    berth::amount allocated_milli = 0;
    std::array<std::size_t, task_class_count> arrived_by_class{};
    std::array<std::size_t, task_class_count> accepted_by_class{};
    std::size_t gpus_in_use = 0;
    double cpu_percent = 0.0;     ///< allocated, of the fleet
    double memory_percent = 0.0;  ///< allocated, of the fleet
    double power_watts = 0.0;     ///< of all nodes at the end, by the power model of the policies
    std::size_t evicted = 0;      ///< arrivals for which others were moved
    std::size_t moves = 0;        ///< steps of these: a parked task makes two
    std::size_t parked = 0;
    bool relocations_fit = true;         ///< false ends the record: a target had no room
    std::size_t relocations_at_100 = 0;  ///< those of the first 100 % of the capacity
    std::size_t arrivals_at_100 = 0;
    std::vector<turned_away> rejections;  ///< only on request
};

/// Replays the placements of a run and records it by the published protocol: after every arrival, placed or not, the
/// demand arrived so far, the allocated share, the fragmentation. Only the node that changed is measured again.
///
/// A second pass, so it does not add to the measured time of the policy.
/// @param placements  one slot per arrival; a run that was stopped has fewer than there are arrivals.
/// @param rescues  moves before some of the arrivals. Every step is checked: its target has room, both ends are held.
[[nodiscard]] placement_record record_run(const experiment& input, std::span<const berth::slot> placements,
                                          bool with_reasons = false, std::span<const arrival_rescue> rescues = {});

}  // namespace bench
