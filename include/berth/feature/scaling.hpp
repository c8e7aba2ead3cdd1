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
//   min_max       bounded quantities with meaningful ends (percentages, temperatures); one outlier squeezes the rest
//   standardise   quantities of unlike spread that a linear model adds up; values around 0, about 1 apart
//   max_abs       quantities whose zero means something and must stay zero (backlogs, one-hot columns)
//
// Left out on purpose: scalings by quantiles, which need the sorted column. Write a `scaling` of your own only if
// column_summary has what it needs.

/// The smallest value becomes `low`, the largest `high`. A constant column becomes `low`.
struct min_max {
    double low = 0.0;
    double high = 1.0;

    [[nodiscard]] affine_map fit(const column_summary& s) const noexcept {
        return {s.min, s.max > s.min ? (high - low) / (s.max - s.min) : 1.0, low};
    }
};

/// The mean becomes 0 and the (population) standard deviation 1. A constant column becomes 0.
struct standardise {
    [[nodiscard]] affine_map fit(const column_summary& s) const noexcept {
        return {s.mean, s.deviation > 0.0 ? 1.0 / s.deviation : 1.0, 0.0};
    }
};

/// The largest magnitude becomes 1; zero stays zero and signs stay. A column of zeros stays as it is.
struct max_abs {
    [[nodiscard]] affine_map fit(const column_summary& s) const noexcept {
        const double largest = std::max(std::abs(s.min), std::abs(s.max));
        return {0.0, largest > 0.0 ? 1.0 / largest : 1.0, 0.0};
    }
};

static_assert(scaling<min_max>);
static_assert(scaling<standardise>);
static_assert(scaling<max_abs>);

/// What a scaling learnt from one matrix, ready for rows that did not exist then: one map per column, whatever policy it
/// came from. New values outside the range seen while fitting are mapped by the same line, not clipped.
class fitted_scaling {
public:
    explicit fitted_scaling(std::vector<affine_map> maps = {}) noexcept : maps_{std::move(maps)} {}

    [[nodiscard]] std::span<const affine_map> maps() const noexcept { return maps_; }

    /// Scales a row, or every row, in place. Does not allocate.
    void apply(std::span<double> row) const noexcept {
        BERTH_ASSERT(row.size() == maps_.size(), "berth: fitted_scaling::apply to rows of another width");
        for (std::size_t j = 0; j < row.size(); ++j) row[j] = maps_[j](row[j]);
    }
    void apply(matrix_view<double> rows) const noexcept {
        for (std::size_t i = 0; i < rows.rows(); ++i) apply(rows.row(i));
    }
    /// Back to the original units, up to rounding.
    void invert(std::span<double> row) const noexcept {
        BERTH_ASSERT(row.size() == maps_.size(), "berth: fitted_scaling::invert of rows of another width");
        for (std::size_t j = 0; j < row.size(); ++j) row[j] = maps_[j].inverse(row[j]);
    }
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

/// Learns the map of every column. Sums run in the order of rows, so equal input gives equal maps everywhere.
///
/// Fails, naming the column, on an empty matrix, a value that is not finite, and a column whose range overflows.
/// O(rows * columns).
///
/// @param names  of the columns, for messages; may be empty.
template <scaling S>
[[nodiscard]] result<fitted_scaling> fit(const S& how, matrix_view<const double> rows,
                                         std::span<const std::string> names = {}) {
    if (rows.rows() == 0) return error{error_code::invalid_value, "scaling: there is no row to learn from"};
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

/// The same, with the names of the matrix in the messages.
template <scaling S>
[[nodiscard]] result<fitted_scaling> fit(const S& how, const feature_matrix& features) {
    return fit(how, features.view(), features.names());
}

}  // namespace berth::inline v0
