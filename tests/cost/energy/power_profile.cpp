// SPDX-License-Identifier: Apache-2.0
#include "berth/cost/energy/power_profile.hpp"

#include "support/data_folders.hpp"
#include "support/zeus_power.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

TEST_CASE("power_profile: bad points are refused by name") {
    const auto said = [](std::vector<berth::limit_point> points) {
        const auto checked = validate(berth::power_profile{"job", std::move(points)});
        return checked ? std::string{} : checked.error().message;
    };
    CHECK(said({{100, 2.0, 90.0}, {125, 1.0, 110.0}}).empty());
    CHECK(said({}) == "power profile \"job\": points is empty");
    CHECK(said({{0, 1.0, 1.0}}).find("points[0].limit") != std::string::npos);
    CHECK(said({{1, 1.0, 1.0}, {1, 1.0, 1.0}}).find("points[1].limit is not above") != std::string::npos);
    CHECK(said({{1, 0.0, 1.0}}).find("points[0].seconds") != std::string::npos);
    CHECK(said({{1, 1.0, std::numeric_limits<double>::infinity()}}).find("points[0].watts") != std::string::npos);
    CHECK(said({{1, 1e300, 1e300}}).find("points[0]: seconds times watts") != std::string::npos);
}

TEST_CASE("choose_limit, least_energy_within, pareto_points") {
    // A higher limit may be slower, and a lower one may take more energy.
    const berth::power_profile job{"job", {{100, 5.0, 90.0}, {150, 2.0, 140.0}, {200, 2.0, 140.0}, {250, 3.0, 150.0}}};
    CHECK(choose_limit(job, berth::energy_time_cost{.eta = 1.0}) == 1);
    CHECK(choose_limit(job, [](const berth::limit_point& p) { return -p.seconds; }) == 0);
    CHECK(least_energy_within(job, 10.0) == 1);
    CHECK(least_energy_within(job, 1.0) == 1);  // none is as fast: the fastest
    CHECK(pareto_points(job) == std::vector<std::size_t>{1});
    const berth::power_profile slow{"slow", {{100, 5.0, 50.0}, {150, 2.0, 140.0}}};
    CHECK(least_energy_within(slow, 4.0) == 1);
    CHECK(least_energy_within(slow, 5.0) == 0);
    CHECK(pareto_points(slow) == std::vector<std::size_t>{1, 0});
}

TEST_CASE("the Zeus table: the published savings") {
    const auto table = bench::read_zeus_power(bench::own_data_folder("energy") + "/zeus_power.csv.xz");
    REQUIRE_MESSAGE(table.has_value(), table.error().message);
    CHECK(table->profiles.size() == 218);
    CHECK(table->most_watts("rtx6000") == 260);
    CHECK(table->most_watts("b200") == 0);
    struct expected {
        const char* gpu;
        std::size_t jobs;
        double eta, saved, most_saved, slower, most_slower;  // per cent
    };
    for (const expected& e :
         {expected{"v100", 68, 0.5, 16.0, 35.0, 4.3, 15.5}, expected{"v100", 68, 1.0, 21.4, 39.9, 16.5, 51.4},
          expected{"a40", 53, 0.5, 13.3, 27.6, 0.5, 11.2}, expected{"a40", 53, 1.0, 16.2, 29.1, 6.1, 39.5},
          expected{"rtx6000", 52, 0.5, 15.3, 46.7, 3.0, 18.6}, expected{"rtx6000", 52, 1.0, 20.1, 48.7, 16.2, 60.6},
          expected{"p100", 45, 0.5, 7.7, 24.1, 0.4, 6.4}, expected{"p100", 45, 1.0, 11.8, 24.9, 4.7, 17.6}}) {
        CAPTURE(e.gpu);
        CAPTURE(e.eta);
        std::size_t jobs = 0;
        double saved = 0.0, most_saved = -1e9, slower = 0.0, most_slower = -1e9;
        for (const auto& [gpu, profile] : table->profiles) {
            if (gpu != e.gpu) continue;
            const auto& full = profile.points.back();
            const auto& p = profile.points[choose_limit(
                profile, berth::energy_time_cost{e.eta, static_cast<double>(table->most_watts(gpu))})];
            const double s = 100.0 * (1.0 - p.joules() / full.joules());
            const double t = 100.0 * (p.seconds / full.seconds - 1.0);
            ++jobs;
            saved += s;
            slower += t;
            most_saved = std::max(most_saved, s);
            most_slower = std::max(most_slower, t);
        }
        const auto n = static_cast<double>(jobs);
        CHECK(jobs == e.jobs);
        CHECK(std::abs(saved / n - e.saved) <= 0.051);
        CHECK(std::abs(most_saved - e.most_saved) <= 0.051);
        CHECK(std::abs(slower / n - e.slower) <= 0.051);
        CHECK(std::abs(most_slower - e.most_slower) <= 0.051);
    }
}
