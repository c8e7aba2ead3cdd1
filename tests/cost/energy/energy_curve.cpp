// SPDX-License-Identifier: Apache-2.0
#include "berth/cost/energy/energy_curve.hpp"

#include "berth/core/random.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

TEST_CASE("energy_curve: no choice of limits is below it") {
    berth::xoshiro256 random{11};
    for (int round = 0; round < 100; ++round) {
        std::vector<berth::power_profile> profiles(1 + random() % 4);
        std::vector<berth::profiled_task> tasks;
        for (auto& profile : profiles) {
            const std::size_t points = 1 + random() % 4;
            for (std::size_t p = 0; p < points; ++p) {
                profile.points.push_back({static_cast<berth::amount>(100 + 25 * p),
                                          1.0 + static_cast<double>(random() % 100),
                                          1.0 + static_cast<double>(random() % 100)});
            }
            tasks.push_back({&profile, 1.0 + static_cast<double>(random() % 3)});
        }
        const auto curve = berth::make_energy_curve(tasks);
        REQUIRE(curve.has_value());
        std::size_t choices = 1;
        for (const auto& p : profiles) choices *= p.points.size();
        const std::size_t points = curve->points().size();
        for (std::size_t choice = 0; choice < choices; ++choice) {
            double seconds = 0.0, joules = 0.0;
            std::size_t rest = choice;
            for (const auto& task : tasks) {
                const auto& point = task.profile->points[rest % task.profile->points.size()];
                rest /= task.profile->points.size();
                seconds += point.seconds * task.units;
                joules += point.joules() * task.units;
            }
            CHECK(joules >= curve->least_joules(seconds) * (1.0 - 1e-12));
        }
        for (std::size_t p = 0; p < points; ++p) {
            const auto options = curve->options(p);
            double seconds = 0.0, joules = 0.0;
            for (std::size_t t = 0; t < tasks.size(); ++t) {
                const auto& point = tasks[t].profile->points[options[t]];
                seconds += point.seconds * tasks[t].units;
                joules += point.joules() * tasks[t].units;
            }
            CHECK(seconds == doctest::Approx(curve->points()[p].seconds));
            CHECK(joules == doctest::Approx(curve->points()[p].joules));
            if (p > 0) CHECK(curve->points()[p].joules < curve->points()[p - 1].joules);
        }
    }
}

TEST_CASE("energy_curve: bad input names the task") {
    const berth::power_profile job{"job", {{100, 1.0, 1.0}}};
    const berth::power_profile none{"none", {}};
    const auto said = [](std::vector<berth::profiled_task> tasks) {
        const auto curve = berth::make_energy_curve(tasks);
        return curve ? std::string{} : curve.error().message;
    };
    CHECK(said({{&job, 1.0}}).empty());
    CHECK(said({}).find("no tasks") != std::string::npos);
    CHECK(said({{&job, 1.0}, {nullptr, 1.0}}).find("task 1 has no profile") != std::string::npos);
    CHECK(said({{&job, 0.0}}).find("task 0: units") != std::string::npos);
    CHECK(said({{&none, 1.0}}).find("\"none\"") != std::string::npos);
}
