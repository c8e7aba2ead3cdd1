// SPDX-License-Identifier: Apache-2.0
#include "berth/core/matrix_view.hpp"

#include <doctest/doctest.h>

#include <array>
#include <type_traits>

using berth::matrix_view;

namespace {
constexpr std::array<int, 6> cells{1, 2, 3, 4, 5, 6};
constexpr matrix_view<const int> constant{cells.data(), 2, 3};
}  // namespace

static_assert(constant.rows() == 2 && constant.cols() == 3);
static_assert(constant(0, 0) == 1 && constant(0, 2) == 3 && constant(1, 0) == 4 && constant(1, 2) == 6);
static_assert(constant.row(1).size() == 3 && constant.row(1)[1] == 5);
static_assert(matrix_view<int>{}.rows() == 0 && matrix_view<int>{}.data() == nullptr);
static_assert(std::is_convertible_v<matrix_view<int>, matrix_view<const int>>);
static_assert(!std::is_convertible_v<matrix_view<const int>, matrix_view<int>>);
static_assert(!std::is_convertible_v<matrix_view<int>, matrix_view<const double>>);
static_assert(std::is_trivially_copyable_v<matrix_view<float>>);

TEST_CASE("matrix_view: writes go to the viewed matrix, rows are contiguous") {
    std::array<double, 4> storage{};
    const matrix_view<double> view{storage.data(), 2, 2};
    view(1, 0) = 7.0;
    view.row(0)[1] = 3.0;
    CHECK(storage == std::array{0.0, 3.0, 7.0, 0.0});
    const matrix_view<const double> read = view;
    CHECK(read(1, 0) == 7.0);
    CHECK(read.row(1).data() == storage.data() + 2);
}

TEST_CASE("matrix_view: matrices without rows or columns") {
    const matrix_view<double> no_columns{nullptr, 3, 0};
    CHECK(no_columns.row(2).empty());
    const matrix_view<double> no_rows{nullptr, 0, 5};
    CHECK(no_rows.cols() == 5);
}
