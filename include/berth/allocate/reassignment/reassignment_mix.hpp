// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace berth::inline v0 {

/// Frequencies of the kinds of steps of `reassignment_search`, relative to each other: each 0 or more, not all 0. A
/// task is moved if it is not on its initial node.
struct reassignment_mix {
    double shift = 0.15;          ///< a task goes to any node
    double shift_back = 0.1;      ///< a moved task goes back to its initial node
    double swap = 0.3;            ///< two tasks change places
    double swap_back = 0.35;      ///< a moved task goes back, and a task there takes its place
    double swap_alike = 0.3;      ///< two tasks of nearly equal size change places
    double chain = 0.004;         ///< a task moves, one of similar size takes its place, and so on
    double make_room = 0.005;     ///< a task moves, and tasks of its new node go back or take its place until it fits
    double whole_group = 0.0003;  ///< all moved tasks of a group go back
    double node_pair = 2e-6;      ///< every shift and swap between two nodes, until none improves

    friend constexpr bool operator==(const reassignment_mix&, const reassignment_mix&) noexcept = default;
};

}  // namespace berth::inline v0
