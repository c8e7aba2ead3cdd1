// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"

#include <cstddef>
#include <span>
#include <type_traits>

namespace berth::inline v0 {

/// A view of a row-major matrix with contiguous rows: the parameter type of every function over matrices, for host and
/// device, whatever owns the elements. Trivially copyable.
///
/// @tparam T  the element type, const for a read-only view
template <class T>
class matrix_view {
public:
    /// A matrix without rows and columns.
    constexpr matrix_view() noexcept = default;
    /// @param data  the first of `rows * cols` elements, row by row
    /// @param rows  number of rows
    /// @param cols  number of columns
    BERTH_HD constexpr matrix_view(T* data, std::size_t rows, std::size_t cols) noexcept
        : data_{data}, rows_{rows}, cols_{cols} {}
    /// A view of mutable elements converts to a read-only one.
    template <class U>
        requires(std::is_const_v<T> && std::is_same_v<const U, T> && !std::is_same_v<U, T>)
    BERTH_HD constexpr matrix_view(matrix_view<U> mutable_view) noexcept
        : data_{mutable_view.data()}, rows_{mutable_view.rows()}, cols_{mutable_view.cols()} {}

    /// The first element.
    [[nodiscard]] BERTH_HD constexpr T* data() const noexcept { return data_; }
    /// Number of rows.
    [[nodiscard]] BERTH_HD constexpr std::size_t rows() const noexcept { return rows_; }
    /// Number of columns.
    [[nodiscard]] BERTH_HD constexpr std::size_t cols() const noexcept { return cols_; }
    /// One element; row and column must exist.
    [[nodiscard]] BERTH_HD constexpr T& operator()(std::size_t row, std::size_t col) const noexcept {
        BERTH_ASSERT(row < rows_ && col < cols_, "berth: matrix_view index out of range");
        return data_[row * cols_ + col];
    }
    /// One row, which must exist.
    [[nodiscard]] constexpr std::span<T> row(std::size_t r) const noexcept {
        BERTH_ASSERT(r < rows_, "berth: matrix_view row out of range");
        return {data_ + r * cols_, cols_};
    }

private:
    T* data_ = nullptr;
    std::size_t rows_ = 0;
    std::size_t cols_ = 0;
};

static_assert(std::is_trivially_copyable_v<matrix_view<double>>);

}  // namespace berth::inline v0
