// SPDX-License-Identifier: Apache-2.0
#include "berth/feature/feature_matrix.hpp"

#include "berth/feature/eigen.hpp"

#include <doctest/doctest.h>

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

static_assert(
    std::is_same_v<decltype(std::declval<const berth::feature_matrix&>().view()), berth::matrix_view<const double>>);

TEST_CASE("feature_matrix: rows are contiguous, columns have names") {
    berth::feature_matrix m{{"a", "b"}, 3};
    m(1, 0) = 5.0;
    m.row(2)[1] = 7.0;
    CHECK(m.rows() == 3);
    CHECK(m.cols() == 2);
    CHECK(m.find("b") == 1U);
    CHECK_FALSE(m.find("c"));
    const berth::feature_matrix& read = m;
    CHECK(read(1, 0) == 5.0);
    CHECK(read.view()(2, 1) == 7.0);
    CHECK(read.view().data() + 2 == read.row(1).data());
    CHECK(berth::as_eigen(read.view()).sum() == 12.0);
    CHECK(berth::feature_matrix{}.rows() == 0);
}

TEST_CASE("feature_matrix: concat joins row by row") {
    berth::feature_matrix left{{"a"}, 2};
    berth::feature_matrix right{{"b", "c"}, 2};
    left(0, 0) = 1;
    left(1, 0) = 2;
    right(0, 0) = 3;
    right(1, 1) = 4;
    const auto both = concat(left, right);
    REQUIRE(both);
    CHECK(both->names() == std::vector<std::string>{"a", "b", "c"});
    const std::vector<double> second(both->row(1).begin(), both->row(1).end());
    CHECK(second == std::vector<double>{2, 0, 4});
}

TEST_CASE("feature_matrix: concat refuses different numbers of rows and equal names") {
    const berth::feature_matrix two{{"a"}, 2};
    CHECK(concat(two, berth::feature_matrix{{"b"}, 3}).error() ==
          berth::error{berth::error_code::inconsistent, "concat: the left features have 2 rows, the right ones 3"});
    CHECK(concat(two, berth::feature_matrix{{"a"}, 2}).error() ==
          berth::error{berth::error_code::duplicate, "concat: columns 0 and 1 are both named \"a\""});
}
