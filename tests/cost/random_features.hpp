// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/matrix_view.hpp"
#include "berth/core/random.hpp"

#include <cstddef>
#include <vector>

/// Positive numbers of very different size, like real features.
struct random_features {
    std::vector<double> values;
    std::size_t rows;
    std::size_t cols;

    random_features(std::uint64_t seed, std::size_t row_count, std::size_t col_count)
        : values(row_count * col_count), rows{row_count}, cols{col_count} {
        berth::xoshiro256 random{seed};
        for (double& value : values) value = 0.01 + 1000.0 * berth::uniform01(random) * berth::uniform01(random);
    }
    [[nodiscard]] berth::matrix_view<const double> view() const { return {values.data(), rows, cols}; }
};
