// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/feature/concepts.hpp"
#include "berth/feature/feature_matrix.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace berth::inline v0 {

// When to use which:
//
//   min_max       bounded quantities with meaningful ends (percentages, temperatures); one outlier compresses the rest
//   standardise   quantities of different spread for a linear model; values around 0 with standard deviation 1
//   max_abs       quantities whose zero has a meaning and must stay zero (backlogs, one-hot columns)
//
// There is no scaling by quantiles, because it needs the sorted column; a `scaling` sees only column_summary.

/// The smallest value becomes `low`, the largest `high`. A constant column becomes `low`.
struct min_max {
    double low = 0.0;   ///< image of the smallest value
    double high = 1.0;  ///< image of the largest value

    /// The map of a column.
    [[nodiscard]] affine_map fit(const column_summary& s) const noexcept {
        return {s.min, s.max > s.min ? (high - low) / (s.max - s.min) : 1.0, low};
    }
};

/// The mean becomes 0 and the (population) standard deviation 1. A constant column becomes 0.
struct standardise {
    /// The map of a column.
    [[nodiscard]] affine_map fit(const column_summary& s) const noexcept {
        return {s.mean, s.deviation > 0.0 ? 1.0 / s.deviation : 1.0, 0.0};
    }
};

/// The largest magnitude becomes 1; zero stays zero and signs stay. A column of zeros stays as it is.
struct max_abs {
    /// The map of a column.
    [[nodiscard]] affine_map fit(const column_summary& s) const noexcept {
        const double largest = std::max(std::abs(s.min), std::abs(s.max));
        return {0.0, largest > 0.0 ? 1.0 / largest : 1.0, 0.0};
    }
};

static_assert(scaling<min_max>);
static_assert(scaling<standardise>);
static_assert(scaling<max_abs>);

/// A scaling fitted to one matrix, for further rows with the same columns: one map per column. Values outside the range
/// of the fitted matrix are mapped by the same line, not clipped.
class fitted_scaling {
public:
    /// @param maps  one for each column
    explicit fitted_scaling(std::vector<affine_map> maps = {}) noexcept : maps_{std::move(maps)} {}

    /// One map for each column.
    [[nodiscard]] std::span<const affine_map> maps() const noexcept { return maps_; }

    /// Scales a row in place. Does not allocate.
    void apply(std::span<double> row) const noexcept {
        BERTH_ASSERT(row.size() == maps_.size(), "berth: fitted_scaling::apply to rows of another width");
        for (std::size_t j = 0; j < row.size(); ++j) row[j] = maps_[j](row[j]);
    }
    /// Scales every row in place. Does not allocate.
    void apply(matrix_view<double> rows) const noexcept {
        for (std::size_t i = 0; i < rows.rows(); ++i) apply(rows.row(i));
    }
    /// Maps a row back to the original units in place, up to rounding.
    void invert(std::span<double> row) const noexcept {
        BERTH_ASSERT(row.size() == maps_.size(), "berth: fitted_scaling::invert of rows of another width");
        for (std::size_t j = 0; j < row.size(); ++j) row[j] = maps_[j].inverse(row[j]);
    }
    /// Maps every row back to the original units in place, up to rounding.
    void invert(matrix_view<double> rows) const noexcept {
        for (std::size_t i = 0; i < rows.rows(); ++i) invert(rows.row(i));
    }

private:
    std::vector<affine_map> maps_;
};

namespace detail {

[[nodiscard]] inline column_summary summarise(matrix_view<const double> rows, std::size_t j) noexcept {
    column_summary s{.min = rows(0, j), .max = rows(0, j)};
    double sum = 0.0;
    for (std::size_t i = 0; i < rows.rows(); ++i) {
        s.min = std::min(s.min, rows(i, j));
        s.max = std::max(s.max, rows(i, j));
        sum += rows(i, j);
    }
    const double n = static_cast<double>(rows.rows());
    s.mean = sum / n;
    if (s.min == s.max) {
        s.mean = s.min;
        return s;
    }
    double squares = 0.0;
    for (std::size_t i = 0; i < rows.rows(); ++i) squares += (rows(i, j) - s.mean) * (rows(i, j) - s.mean);
    s.deviation = std::sqrt(squares / n);
    return s;
}

[[nodiscard]] inline std::string column_item(std::size_t j, std::span<const std::string> names) {
    if (j >= names.size()) return sentence({"column ", j});
    return sentence({"column ", j, " (", phrase::quoted(names[j]), ")"});
}

}  // namespace detail

/// Fits a scaling to the columns of a matrix. Sums run in the order of rows, so that equal input gives equal maps.
/// O(rows × columns).
///
/// @param how    the rule: `min_max`, `standardise`, `max_abs` or your own
/// @param rows   at least one
/// @param names  of the columns, for messages; may be empty
/// @return the fitted scaling, or an error: no row, a value that is not finite, a column whose range overflows
template <scaling S>
[[nodiscard]] result<fitted_scaling> fit(const S& how, matrix_view<const double> rows,
                                         std::span<const std::string> names = {}) {
    if (rows.rows() == 0) return error{error_code::invalid_value, "scaling: there is no row to fit to"};
    std::vector<affine_map> maps;
    maps.reserve(rows.cols());
    for (std::size_t j = 0; j < rows.cols(); ++j) {
        for (std::size_t i = 0; i < rows.rows(); ++i) {
            if (std::isfinite(rows(i, j))) continue;
            return detail::refuse(error_code::invalid_value,
                                  {"scaling: row ", i, ", ", detail::column_item(j, names), " is not a finite number"});
        }
        const affine_map map = how.fit(detail::summarise(rows, j));
        if (!std::isfinite(map.factor) || map.factor == 0.0 || !std::isfinite(map.centre) || !std::isfinite(map.base)) {
            return detail::refuse(error_code::overflow, {"scaling: ", detail::column_item(j, names),
                                                         " cannot be scaled: its factor would be 0 or infinite"});
        }
        maps.push_back(map);
    }
    return fitted_scaling{std::move(maps)};
}

/// The same for a feature matrix, with its column names in the messages.
template <scaling S>
[[nodiscard]] result<fitted_scaling> fit(const S& how, const feature_matrix& features) {
    return fit(how, features.view(), features.names());
}

}  // namespace berth::inline v0
