// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace berth::inline v0 {

/// One term's part of an objective.
struct term_value {
    const char* name = "";  ///< `term::name`
    std::size_t tier = 0;   ///< position of its tier, the most important is 0
    double weight = 1.0;    ///< in the sum of its tier
    double value = 0.0;     ///< without the weight
};

}  // namespace berth::inline v0
