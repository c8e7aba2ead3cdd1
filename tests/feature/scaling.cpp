// SPDX-License-Identifier: Apache-2.0
#include "berth/feature/scaling.hpp"

#include "berth/core/random.hpp"
#include "berth/feature/eigen.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace {

// columns: spread 2..8, constant 0.1, signs, all zero
berth::feature_matrix sample() {
    berth::feature_matrix m{{"spread", "constant", "signed", "zero"}, 4};
    const double spread[] = {2, 4, 4, 8};
    const double with_sign[] = {-4, 0, 1, 2};
    for (std::size_t i = 0; i < 4; ++i) {
        m(i, 0) = spread[i];
        m(i, 1) = 0.1;
        m(i, 2) = with_sign[i];
    }
    return m;
}

std::vector<double> column(const berth::feature_matrix& m, std::size_t j) {
    std::vector<double> out;
    for (std::size_t i = 0; i < m.rows(); ++i) out.push_back(m(i, j));
    return out;
}

struct half {
    berth::affine_map fit(const berth::column_summary&) const { return {0.0, 0.5, 0.0}; }
};
struct flattens {
    berth::affine_map fit(const berth::column_summary&) const { return {0.0, 0.0, 0.0}; }
};
struct wrong_result {
    double fit(const berth::column_summary&) const { return 1.0; }
};
static_assert(berth::scaling<half>);
static_assert(!berth::scaling<wrong_result>);
static_assert(!berth::scaling<int>);

template <class S>
berth::feature_matrix scaled(const S& how, berth::feature_matrix m) {
    const auto fitted = berth::fit(how, m);
    REQUIRE(fitted);
    fitted->apply(m.view());
    return m;
}

}  // namespace

TEST_CASE("min_max: maps columns to low..high, a constant column to low") {
    const auto unit = scaled(berth::min_max{}, sample());
    CHECK(column(unit, 0) == std::vector<double>{0.0, 2.0 * (1.0 / 6.0), 2.0 * (1.0 / 6.0), 1.0});
    CHECK(column(unit, 1) == std::vector<double>{0, 0, 0, 0});
    const auto wide = scaled(berth::min_max{.low = -1.0, .high = 2.0}, sample());
    CHECK(column(wide, 0) == std::vector<double>{-1, 0, 0, 2});
    CHECK(column(wide, 3) == std::vector<double>{-1, -1, -1, -1});
}

TEST_CASE("standardise: mean 0, standard deviation 1, by hand") {
    // mean 4.5, deviation sqrt((6.25 + 0.25 + 0.25 + 12.25) / 4) = sqrt(4.75)
    const auto m = scaled(berth::standardise{}, sample());
    CHECK(m(0, 0) == doctest::Approx(-2.5 / std::sqrt(4.75)));
    CHECK(m(3, 0) == doctest::Approx(3.5 / std::sqrt(4.75)));
    CHECK(column(m, 1) == std::vector<double>{0, 0, 0, 0});
}

TEST_CASE("max_abs: keeps zero and sign") {
    const auto m = scaled(berth::max_abs{}, sample());
    CHECK(column(m, 2) == std::vector<double>{-1, 0, 0.25, 0.5});
    CHECK(column(m, 3) == std::vector<double>{0, 0, 0, 0});
}

TEST_CASE("fitted_scaling: maps further rows by the same line, and back") {
    const auto fitted = berth::fit(berth::min_max{}, sample());
    REQUIRE(fitted);
    double row[] = {14.0, 0.6, 2.0, 1.0};
    fitted->apply(row);
    CHECK(row[0] == doctest::Approx(2.0));
    CHECK(row[1] == doctest::Approx(0.5));
    fitted->invert(row);
    CHECK(row[0] == doctest::Approx(14.0));
    CHECK(row[1] == doctest::Approx(0.6));
}

TEST_CASE("fitted_scaling: invert restores random matrices for every scaling") {
    berth::xoshiro256 random{7};
    for (int round = 0; round < 50; ++round) {
        berth::feature_matrix m{{"a", "b", "c"}, 1 + berth::bounded(random, 20)};
        for (std::size_t i = 0; i < m.rows(); ++i) {
            for (std::size_t j = 0; j < 3; ++j)
                m(i, j) = (berth::uniform01(random) - 0.5) * std::pow(10.0, double(j) * 4);
        }
        const auto check = [&](const auto& how) {
            const auto fitted = berth::fit(how, m);
            REQUIRE(fitted);
            auto copy = m;
            const berth::matrix_view<const double> scaled = copy.view();
            const berth::matrix_view<const double> original = m.view();
            fitted->apply(copy.view());
            CHECK(berth::as_eigen(scaled).allFinite());
            fitted->invert(copy.view());
            CHECK((berth::as_eigen(scaled) - berth::as_eigen(original)).cwiseAbs().maxCoeff() < 1e-6);
        };
        check(berth::min_max{.low = -3.0, .high = 9.0});
        check(berth::standardise{});
        check(berth::max_abs{});
        check(half{});
    }
}

TEST_CASE("fit: a constant column whose sum rounds stays constant") {
    berth::feature_matrix m{{"c"}, 7};
    for (std::size_t i = 0; i < 7; ++i) m(i, 0) = 0.1;
    CHECK(column(scaled(berth::standardise{}, m), 0) == std::vector<double>(7, 0.0));
}

TEST_CASE("fit: refuses columns that cannot be scaled, by name") {
    auto m = sample();
    CHECK(berth::fit(berth::min_max{}, berth::feature_matrix{{"a"}, 0}).error().message ==
          "scaling: there is no row to fit to");
    m(2, 1) = std::numeric_limits<double>::quiet_NaN();
    CHECK(berth::fit(berth::max_abs{}, m).error() ==
          berth::error{berth::error_code::invalid_value,
                       "scaling: row 2, column 1 (\"constant\") is not a finite number"});
    CHECK(berth::fit(berth::max_abs{}, m.view()).error().message == "scaling: row 2, column 1 is not a finite number");
    m = sample();
    m(0, 3) = -1.5e308;
    m(1, 3) = 1.5e308;
    CHECK(berth::fit(berth::min_max{}, m).error() ==
          berth::error{berth::error_code::overflow,
                       "scaling: column 3 (\"zero\") cannot be scaled: its factor would be 0 or infinite"});
    CHECK(berth::fit(flattens{}, sample()).error().code == berth::error_code::overflow);
    CHECK_FALSE(berth::fit(berth::min_max{.low = 1.0, .high = 1.0}, sample()));
}
