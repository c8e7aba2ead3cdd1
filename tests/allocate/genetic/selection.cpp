// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/genetic/selection.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace berth;

namespace {

/// How often each member is chosen, as a multiple of the average.
template <class Selection>
std::vector<double> shares(const Selection& select, std::size_t members) {
    const population all{1, members, 1};
    std::vector<double> counted(members, 0.0);
    xoshiro256 random{5};
    constexpr int draws = 40'000;
    for (int i = 0; i < draws; ++i) {
        const std::size_t chosen = select(all, random);
        REQUIRE(chosen < members);
        counted[chosen] += static_cast<double>(members) / draws;
    }
    return counted;
}

}  // namespace

TEST_CASE("a tournament of two returns the better member at the expected frequency") {
    const auto share = shares(tournament{.size = 2}, 10);
    for (std::size_t i = 0; i < 10; ++i) {
        // P(best of two is i) = ((10 - i)^2 - (9 - i)^2) / 100
        CHECK(share[i] == doctest::Approx((19.0 - 2.0 * static_cast<double>(i)) / 10.0).epsilon(0.1));
    }
    CHECK(shares(tournament{.size = 1}, 4)[3] == doctest::Approx(1.0).epsilon(0.05));
    CHECK(shares(tournament{.size = 50}, 4)[0] > 3.9);
}

TEST_CASE("ranking selects the best member pressure times and the worst 2 - pressure times the average") {
    for (const double pressure : {1.0, 1.5, 2.0}) {
        const auto share = shares(rank_selection{.pressure = pressure}, 21);
        CHECK(share[0] == doctest::Approx(pressure).epsilon(0.1));
        CHECK(share[10] == doctest::Approx(1.0).epsilon(0.1));
        CHECK(share[20] == doctest::Approx(2.0 - pressure + 0.001).epsilon(pressure == 2.0 ? 100.0 : 0.1));
    }
}

TEST_CASE("uniform selection selects all members equally often") {
    for (const double share : shares(uniform_selection{}, 7)) CHECK(share == doctest::Approx(1.0).epsilon(0.05));
}

TEST_CASE("selections name the option that is out of range") {
    CHECK(tournament{}.validate());
    CHECK(tournament{.size = 0}.validate().error().message == "tournament.size is 0, expected 1 or more");
    CHECK(rank_selection{}.validate());
    CHECK(rank_selection{.pressure = 2.5}.validate().error().message == "rank_selection.pressure is not within 1..2");
}
