// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/matrix_view.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// A matrix of features: one row per task or GPU, one named column per feature. It owns its elements, row-major. Cost
/// models take `view()`; `as_eigen(m.view())` is for linear algebra (`feature/eigen.hpp`).
class feature_matrix {
public:
    /// Without rows and columns.
    feature_matrix() = default;
    /// All zero.
    ///
    /// @param names  one for each column; unique, which `extract` and `concat` check
    /// @param rows   number of rows
    feature_matrix(std::vector<std::string> names, std::size_t rows)
        : names_{std::move(names)}, rows_{rows}, values_(rows * names_.size()) {}

    /// Number of rows.
    [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
    /// Number of columns.
    [[nodiscard]] std::size_t cols() const noexcept { return names_.size(); }
    /// Names of the columns.
    [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }
    /// The column of this name, if there is one. O(columns).
    [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const noexcept {
        for (std::size_t j = 0; j < names_.size(); ++j) {
            if (names_[j] == name) return j;
        }
        return std::nullopt;
    }

    /// A read-only view.
    [[nodiscard]] matrix_view<const double> view() const noexcept { return {values_.data(), rows(), cols()}; }
    /// A view for writing.
    [[nodiscard]] matrix_view<double> view() noexcept { return {values_.data(), rows(), cols()}; }
    /// A row, read-only.
    [[nodiscard]] std::span<const double> row(std::size_t i) const noexcept { return view().row(i); }
    /// A row, for writing.
    [[nodiscard]] std::span<double> row(std::size_t i) noexcept { return view().row(i); }
    /// An element.
    [[nodiscard]] double operator()(std::size_t i, std::size_t j) const noexcept { return view()(i, j); }
    /// An element, for writing.
    [[nodiscard]] double& operator()(std::size_t i, std::size_t j) noexcept { return view()(i, j); }

private:
    std::vector<std::string> names_;
    std::size_t rows_ = 0;
    std::vector<double> values_;
};

namespace detail {

/// Fails at the first name that occurs twice.
[[nodiscard]] inline result<void> check_unique(const std::vector<std::string>& names) {
    for (std::size_t j = 0; j < names.size(); ++j) {
        for (std::size_t k = 0; k < j; ++k) {
            if (names[j] == names[k]) {
                return refuse(error_code::duplicate,
                              {"columns ", k, " and ", j, " are both named ", phrase::quoted(names[j])});
            }
        }
    }
    return {};
}

}  // namespace detail

/// The columns of `left`, then those of `right`: features of the same items from two sources. Fails if the numbers of
/// rows differ or a column name occurs twice. O(elements).
[[nodiscard]] inline result<feature_matrix> concat(const feature_matrix& left, const feature_matrix& right) {
    if (left.rows() != right.rows()) {
        return detail::refuse(error_code::inconsistent,
                              {"concat: the left features have ", left.rows(), " rows, the right ones ", right.rows()});
    }
    std::vector<std::string> names = left.names();
    for (const std::string& name : right.names()) names.push_back(name);
    if (auto ok = detail::check_unique(names); !ok) {
        return detail::refuse(ok.error().code, {"concat: ", ok.error().message});
    }
    feature_matrix both{std::move(names), left.rows()};
    for (std::size_t i = 0; i < both.rows(); ++i) {
        for (std::size_t j = 0; j < left.cols(); ++j) both(i, j) = left(i, j);
        for (std::size_t j = 0; j < right.cols(); ++j) both(i, left.cols() + j) = right(i, j);
    }
    return both;
}

}  // namespace berth::inline v0
