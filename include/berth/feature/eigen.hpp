// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/matrix_view.hpp"

#include <Eigen/Core>

#include <span>

// Not included by berth.hpp, and by no other header: <Eigen/Core> costs as much compile time as all of berth.

namespace berth::inline v0 {

/// Doubles, row-major, owning: the one Eigen matrix type of the library.
using row_major_matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The view as an Eigen expression, without a copy: for computing inside a function, never for a signature.
[[nodiscard]] inline Eigen::Map<const row_major_matrix> as_eigen(matrix_view<const double> view) noexcept {
    return {view.data(), static_cast<Eigen::Index>(view.rows()), static_cast<Eigen::Index>(view.cols())};
}
/// The same, for writing.
[[nodiscard]] inline Eigen::Map<row_major_matrix> as_eigen(matrix_view<double> view) noexcept {
    return {view.data(), static_cast<Eigen::Index>(view.rows()), static_cast<Eigen::Index>(view.cols())};
}
/// A row as an Eigen array.
[[nodiscard]] inline Eigen::Map<const Eigen::ArrayXd> as_eigen(std::span<const double> row) noexcept {
    return {row.data(), static_cast<Eigen::Index>(row.size())};
}
/// The same, for writing.
[[nodiscard]] inline Eigen::Map<Eigen::ArrayXd> as_eigen(std::span<double> row) noexcept {
    return {row.data(), static_cast<Eigen::Index>(row.size())};
}

}  // namespace berth::inline v0
