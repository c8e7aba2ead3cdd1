// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/matrix_view.hpp"

#include <Eigen/Core>

#include <span>

// No other header but those of learn/ and berth.hpp includes this one: <Eigen/Core> costs about as much compile time as
// the rest of the library.

namespace berth::inline v0 {

/// A row-major matrix of doubles that owns its elements.
using row_major_matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// A view as an Eigen expression, without a copy.
[[nodiscard]] inline Eigen::Map<const row_major_matrix> as_eigen(matrix_view<const double> view) noexcept {
    return {view.data(), static_cast<Eigen::Index>(view.rows()), static_cast<Eigen::Index>(view.cols())};
}
/// The same, for writing.
[[nodiscard]] inline Eigen::Map<row_major_matrix> as_eigen(matrix_view<double> view) noexcept {
    return {view.data(), static_cast<Eigen::Index>(view.rows()), static_cast<Eigen::Index>(view.cols())};
}
/// A row as an Eigen array, without a copy.
[[nodiscard]] inline Eigen::Map<const Eigen::ArrayXd> as_eigen(std::span<const double> row) noexcept {
    return {row.data(), static_cast<Eigen::Index>(row.size())};
}
/// The same, for writing.
[[nodiscard]] inline Eigen::Map<Eigen::ArrayXd> as_eigen(std::span<double> row) noexcept {
    return {row.data(), static_cast<Eigen::Index>(row.size())};
}

}  // namespace berth::inline v0
