// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/mig/mig_board.hpp"

#include <cstddef>

// Boards after NVIDIA's MIG guide.
namespace testing_boards {

/// 40 GB, with the five usual profiles and one with double memory.
[[nodiscard]] inline berth::mig_board a100() {
    return berth::mig_board::make("A100", 7, 8,
                                  {{"1g", 1, 1, {0, 1, 2, 3, 4, 5, 6}, 7},
                                   {"2g", 2, 2, {0, 2, 4}, 3},
                                   {"3g", 3, 4, {0, 4}, 2},
                                   {"4g", 4, 4, {0}, 1},
                                   {"7g", 7, 8, {0}, 1},
                                   {"1g-double", 1, 2, {0, 2, 4, 6}, 4}})
        .value();
}
[[nodiscard]] inline berth::mig_board a30() {
    return berth::mig_board::make("A30", 4, 4,
                                  {{"1g", 1, 1, {0, 1, 2, 3}, 4}, {"2g", 2, 2, {0, 2}, 2}, {"4g", 4, 4, {0}, 1}})
        .value();
}

}  // namespace testing_boards
