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

/// What a model looks at: one row per task or GPU, one named column per feature. Owns its numbers, row-major, so that a row
/// is a contiguous span. Other floors take `view()`; `as_eigen(m.view())` computes with it (`feature/eigen.hpp`).
class feature_matrix {
public:
    feature_matrix() = default;
    /// All zero. Names are not checked here: `extract` and `concat` refuse duplicates.
    feature_matrix(std::vector<std::string> names, std::size_t rows)
        : names_{std::move(names)}, rows_{rows}, values_(rows * names_.size()) {}

    [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
    [[nodiscard]] std::size_t cols() const noexcept { return names_.size(); }
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

private:
    std::vector<std::string> names_;
    std::size_t rows_ = 0;
    std::vector<double> values_;
};

namespace detail {

/// The first name that occurs twice.
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

/// The columns of `left`, then those of `right`, row by row: features of the same items from two sources. Fails if the row
/// counts differ or a name occurs twice.
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
