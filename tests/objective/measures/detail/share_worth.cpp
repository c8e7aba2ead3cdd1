// SPDX-License-Identifier: Apache-2.0
#include "berth/objective/measures/detail/share_worth.hpp"

#include "berth/core/random.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

using berth::amount;
using berth::detail::share_worth;

namespace {

using counted = std::vector<std::pair<amount, double>>;

share_worth worth_of(const counted& tasks) {
    share_worth::task_counts counts;
    for (const auto& [share, count] : tasks) counts.add(share, count);
    return share_worth{counts};
}
/// GPUs that the mix takes up at these prices.
double gpus_at_prices(const counted& tasks, const share_worth& worth) {
    double sum = 0.0;
    for (const auto& [share, count] : tasks) sum += count * worth(share);
    return sum;
}

/// The dual of the packing of three sizes, solved by looking at every corner of the feasible prices.
double most_at_feasible_prices(const counted& tasks) {
    std::vector<std::array<double, 3>> limits;  // a · y <= 1
    const auto fit = [&](std::size_t i, amount left) { return left / tasks[i].first; };
    for (amount a = 0; a <= fit(0, 1000); ++a) {
        for (amount b = 0; b <= fit(1, 1000 - a * tasks[0].first); ++b) {
            const amount c = fit(2, 1000 - a * tasks[0].first - b * tasks[1].first);
            limits.push_back({static_cast<double>(a), static_cast<double>(b), static_cast<double>(c)});
        }
    }
    const std::size_t patterns = limits.size();
    for (const auto& axis : {std::array{1.0, 0.0, 0.0}, {0.0, 1.0, 0.0}, {0.0, 0.0, 1.0}}) limits.push_back(axis);
    const auto determinant = [](const std::array<double, 3>& a, const std::array<double, 3>& b,
                                const std::array<double, 3>& c) {
        return a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) +
               a[2] * (b[0] * c[1] - b[1] * c[0]);
    };
    double most = 0.0;
    for (std::size_t i = 0; i < limits.size(); ++i) {
        for (std::size_t j = i + 1; j < limits.size(); ++j) {
            for (std::size_t k = j + 1; k < limits.size(); ++k) {
                const double d = determinant(limits[i], limits[j], limits[k]);
                if (std::abs(d) < 1e-9) continue;
                const std::array<std::size_t, 3> rows{i, j, k};
                std::array<double, 3> y{};
                for (std::size_t column = 0; column < 3; ++column) {
                    std::array<std::array<double, 3>, 3> m{limits[i], limits[j], limits[k]};
                    for (std::size_t row = 0; row < 3; ++row) m[row][column] = rows[row] < patterns ? 1.0 : 0.0;
                    y[column] = determinant(m[0], m[1], m[2]) / d;
                }
                bool feasible = true;
                for (std::size_t l = 0; l < limits.size(); ++l) {
                    const double at = limits[l][0] * y[0] + limits[l][1] * y[1] + limits[l][2] * y[2];
                    feasible = feasible && (l < patterns ? at <= 1.0 + 1e-9 : at >= -1e-9);
                }
                if (!feasible) continue;
                most = std::max(most, tasks[0].second * y[0] + tasks[1].second * y[1] + tasks[2].second * y[2]);
            }
        }
    }
    return most;
}

/// GPUs that first fit takes, largest tasks first.
double first_fit(counted tasks) {
    std::sort(tasks.begin(), tasks.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<amount> left;
    for (const auto& [share, count] : tasks) {
        for (double k = 0.0; k < count; k += 1.0) {
            auto at = std::find_if(left.begin(), left.end(), [s = share](amount free) { return free >= s; });
            if (at == left.end()) at = left.insert(left.end(), 1000);
            *at -= share;
        }
    }
    return static_cast<double>(left.size());
}

counted random_mix(std::uint64_t seed, std::size_t sizes, std::size_t least, std::size_t range) {
    berth::xoshiro256 g{seed};
    counted mix;
    while (mix.size() < sizes) {
        const auto share = static_cast<amount>(least + berth_test::below(g, range));
        if (std::any_of(mix.begin(), mix.end(), [&](const auto& m) { return m.first == share; })) continue;
        mix.emplace_back(share, static_cast<double>(1 + berth_test::below(g, 40)));
    }
    return mix;
}

}  // namespace

TEST_CASE("worth of shares by hand") {
    const auto pair = worth_of({{600, 1.0}, {400, 1.0}});  // one GPU for both
    CHECK(pair(600) + pair(400) == doctest::Approx(1.0));
    const auto rare = worth_of({{810, 10.0}, {160, 2.0}});
    CHECK(rare(810) == doctest::Approx(1.0));
    CHECK(rare(190) == doctest::Approx(0.0));
    const auto more_of_400 = worth_of({{600, 1.0}, {400, 2.0}});  // 1.5 GPUs
    CHECK(more_of_400(400) == doctest::Approx(0.5));
    CHECK(more_of_400(600) == doctest::Approx(0.5));
    const auto more_of_600 = worth_of({{600, 2.0}, {400, 1.0}});
    CHECK(more_of_600(600) == doctest::Approx(1.0));
    CHECK(more_of_600(599) == doctest::Approx(0.0));
    const auto whole = worth_of({{1000, 3.0}});
    CHECK(whole(1000) == 1.0);
    CHECK(whole(999) == 0.0);
    const auto thirds = worth_of({{300, 1.0}});
    CHECK(thirds(299) == 0.0);
    CHECK(thirds(300) == doctest::Approx(1.0 / 3));
    CHECK(thirds(899) == doctest::Approx(2.0 / 3));
    const auto nothing = worth_of({{0, 1.0}, {1001, 1.0}, {-5, 1.0}});
    CHECK(nothing(1000) == 0.0);
}

TEST_CASE("worth of shares: the prices of three sizes are the best feasible ones") {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        CAPTURE(seed);
        const auto mix = random_mix(seed, 3, 120, 700);
        CHECK(gpus_at_prices(mix, worth_of(mix)) == doctest::Approx(most_at_feasible_prices(mix)).epsilon(1e-6));
    }
}

TEST_CASE("worth of shares: no pattern is worth more than a GPU, and prices bound every packing") {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        CAPTURE(seed);
        // Up to 120 sizes: more than are told apart.
        const auto mix = random_mix(seed, seed % 2 == 0 ? 20 : 120, 20, 980);
        const auto worth = worth_of(mix);
        CHECK(worth(0) == 0.0);
        CHECK(worth(1000) == doctest::Approx(1.0));
        for (amount a = 0; a <= 1000; ++a) {
            if (a > 0) REQUIRE(worth(a) >= worth(a - 1));
            for (amount b = 7; a + b <= 1000; b += 31) REQUIRE(worth(a) + worth(b) <= worth(a + b) + 1e-9);
        }
        const double at_prices = gpus_at_prices(mix, worth);
        CHECK(at_prices <= first_fit(mix) + 1e-6);
        double volume = 0.0;
        for (const auto& [share, count] : mix) volume += static_cast<double>(share) / 1000.0 * count;
        CHECK(at_prices >= (mix.size() <= share_worth::most_sizes ? volume - 1e-6 : 0.9 * volume));
    }
}
