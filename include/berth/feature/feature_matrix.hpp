// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/matrix_view.hpp"
#include "berth/core/result.hpp"
#include "berth/feature/eigen.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth {

/// What a model looks at: one row per task or GPU, one named column per feature. Owns its numbers, row-major, so that a row
/// is a contiguous span. Other floors take `view()`; whoever wants to compute with it takes `eigen()`.
class feature_matrix {
public:
    feature_matrix() = default;
    /// All zero. Names are not checked here: `extract` and `concat` refuse duplicates.
    feature_matrix(std::vector<std::string> names, std::size_t rows)
        : names_{std::move(names)},
          values_{row_major_matrix::Zero(static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(names_.size()))} {}

    [[nodiscard]] std::size_t rows() const noexcept { return static_cast<std::size_t>(values_.rows()); }
    [[nodiscard]] std::size_t cols() const noexcept { return static_cast<std::size_t>(values_.cols()); }
    [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }
    /// The column of this name. O(columns).
    [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const noexcept {
        for (std::size_t j = 0; j < names_.size(); ++j) {
            if (names_[j] == name) return j;
        }
        return std::nullopt;
    }

    [[nodiscard]] matrix_view<const double> view() const noexcept { return {values_.data(), rows(), cols()}; }
    [[nodiscard]] matrix_view<double> view() noexcept { return {values_.data(), rows(), cols()}; }
    [[nodiscard]] std::span<const double> row(std::size_t i) const noexcept { return view().row(i); }
    [[nodiscard]] std::span<double> row(std::size_t i) noexcept { return view().row(i); }
    [[nodiscard]] double operator()(std::size_t i, std::size_t j) const noexcept { return view()(i, j); }
    [[nodiscard]] double& operator()(std::size_t i, std::size_t j) noexcept { return view()(i, j); }

    [[nodiscard]] const row_major_matrix& eigen() const noexcept { return values_; }

private:
    std::vector<std::string> names_;
    row_major_matrix values_;
};

namespace detail {

/// The first name that occurs twice.
[[nodiscard]] inline result<void> check_unique(const std::vector<std::string>& names) {
    for (std::size_t j = 0; j < names.size(); ++j) {
        for (std::size_t k = 0; k < j; ++k) {
            if (names[j] == names[k]) {
                return error{error_code::duplicate, "columns " + std::to_string(k) + " and " + std::to_string(j) +
                                                        " are both named \"" + names[j] + '"'};
            }
        }
    }
    return {};
}

}  // namespace detail

/// The columns of `left`, then those of `right`, row by row: features of the same items from two sources. Fails if the row
/// counts differ or a name occurs twice.
[[nodiscard]] inline result<feature_matrix> concat(const feature_matrix& left, const feature_matrix& right) {
    if (left.rows() != right.rows()) {
        return error{error_code::inconsistent, "concat: the left features have " + std::to_string(left.rows()) +
                                                   " rows, the right ones " + std::to_string(right.rows())};
    }
    std::vector<std::string> names = left.names();
    names.insert(names.end(), right.names().begin(), right.names().end());
    if (auto ok = detail::check_unique(names); !ok) return error{ok.error().code, "concat: " + ok.error().message};
    feature_matrix both{std::move(names), left.rows()};
    auto out = as_eigen(both.view());
    out.leftCols(left.eigen().cols()) = left.eigen();
    out.rightCols(right.eigen().cols()) = right.eigen();
    return both;
}

}  // namespace berth
