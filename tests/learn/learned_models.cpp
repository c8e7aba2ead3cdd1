// SPDX-License-Identifier: Apache-2.0
// Models that learn: speeds of classes on GPU models, costs from features, migrations, exploration.
#include "berth/core/random.hpp"
#include "berth/cost/evaluate.hpp"
#include "berth/learn/class_speed.hpp"
#include "berth/learn/exploration.hpp"
#include "berth/learn/learned_cost.hpp"
#include "berth/learn/learned_duration.hpp"
#include "berth/learn/learned_migration.hpp"
#include "berth/model/lower.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

using berth::class_speed;
using berth::learned_cost;

double normal(berth::xoshiro256& random) {
    return berth::normal_quantile((static_cast<double>(random() >> 12U) + 0.5) * 0x1.0p-52);
}

const double nan_value = std::numeric_limits<double>::quiet_NaN();

// Two GPU features, one class feature; families whose members share how they respond to a GPU model.
struct synthetic_world {
    std::vector<std::vector<double>> speed;  // class × GPU model
    class_speed model;

    explicit synthetic_world(std::uint64_t seed, std::size_t families = 5, std::size_t members = 4) {
        berth::xoshiro256 random{seed};
        const double gpus[3][2] = {{-0.6, -0.7}, {0.1, 0.3}, {0.5, 0.4}};
        for (std::size_t g = 0; g < 3; ++g) REQUIRE(model.add_gpu_model("gpu-" + std::to_string(g), gpus[g]));
        const auto& e = model.options().effects;
        for (std::size_t f = 0; f < families; ++f) {
            const double level = e.family * normal(random);
            const double slope[2] = {1.0 + 0.5 * e.family_by_gpu_feature * normal(random),
                                     0.5 * e.family_by_gpu_feature * normal(random)};
            double own[3];
            for (double& x : own) x = e.family_by_gpu * normal(random);
            for (std::size_t m = 0; m < members; ++m) {
                const double feature = static_cast<double>(m) - 1.5;
                REQUIRE(model.add_class("c" + std::to_string(f * members + m), "f" + std::to_string(f), {&feature, 1}));
                const double of_class = e.task_class * normal(random) - 0.2 * feature;
                speed.emplace_back();
                for (std::size_t g = 0; g < 3; ++g) {
                    speed.back().push_back(std::exp(level + slope[0] * gpus[g][0] + slope[1] * gpus[g][1] + own[g] +
                                                    of_class + e.class_by_gpu * normal(random)));
                }
            }
        }
    }
};

TEST_CASE("class_speed: what was measured is known, what was not is less sure, what is new is a guess") {
    synthetic_world world{1};
    for (int repeat = 0; repeat < 3; ++repeat) {
        for (std::size_t c = 0; c < world.speed.size(); ++c) {
            for (std::size_t g = 0; g < 3; ++g) {
                if (c == 7 && g == 2) continue;
                REQUIRE(world.model.observe(c, g, world.speed[c][g]));
            }
        }
    }
    const auto known = world.model.predict(3, 1);
    CHECK(known.median() == doctest::Approx(world.speed[3][1]).epsilon(0.02));
    const auto hidden = world.model.predict(7, 2);
    CHECK(std::abs(hidden.mean - std::log(world.speed[7][2])) < 0.7);
    CHECK(hidden.deviation > 2.0 * known.deviation);
    const double feature = 0.5;
    const auto unseen = world.model.predict("f1", {&feature, 1}, 2);
    CHECK(unseen.deviation > hidden.deviation);
    const auto stranger = world.model.predict("nobody", {&feature, 1}, 2);
    CHECK(stranger.deviation > 1.0);
    CHECK(stranger.deviation > unseen.deviation);
    CHECK(world.model.predict("", {&feature, 1}, 2).deviation > unseen.deviation);
}

TEST_CASE("class_speed: a GPU model never seen is predicted from its features") {
    class_speed model;
    const auto gpu = [](double x) { return std::vector<double>{x}; };
    REQUIRE(model.add_gpu_model("slow", gpu(-1.0)));
    REQUIRE(model.add_gpu_model("middle", gpu(0.0)));
    REQUIRE(model.add_gpu_model("fast", gpu(1.0)));
    for (std::size_t c = 0; c < 12; ++c) {
        REQUIRE(model.add_class("c" + std::to_string(c), c % 2 == 0 ? "even" : "odd"));
        for (std::size_t g = 0; g < 2; ++g) {
            const double level = 1.0 + static_cast<double>(c % 5);
            REQUIRE(model.observe(c, g, std::exp(level + (static_cast<double>(g) - 1.0) * 0.8)));
        }
    }
    const auto fast = model.predict(4, 2);
    CHECK(fast.mean - 5.0 == doctest::Approx(0.8).epsilon(0.25));
    CHECK(fast.deviation > model.predict(4, 1).deviation);
}

TEST_CASE("class_speed: intervals of 80 % hold about 80 % on data of the model's own kind") {
    std::size_t held = 0;
    std::size_t all = 0;
    for (std::uint64_t seed = 10; seed < 14; ++seed) {
        for (std::size_t hidden = 0; hidden < 20; ++hidden) {
            synthetic_world world{seed};
            const std::size_t target = hidden % 3;
            for (std::size_t c = 0; c < 20; ++c) {
                for (std::size_t g = 0; g < 3; ++g) {
                    if (c != hidden || g != target) REQUIRE(world.model.observe(c, g, world.speed[c][g]));
                }
            }
            held += world.model.predict(hidden, target).interval(0.8).holds(world.speed[hidden][target]) ? 1U : 0U;
            ++all;
        }
    }
    const double share = static_cast<double>(held) / static_cast<double>(all);
    CHECK(share >= 0.68);
    CHECK(share <= 0.92);
}

TEST_CASE("class_speed: one wild value moves little, a GPU model that slowed down is found and learned anew") {
    synthetic_world world{3};
    berth::xoshiro256 random{5};
    const auto round = [&](double factor_of_2) {
        std::size_t alarms = 0;
        for (std::size_t c = 0; c < world.speed.size(); ++c) {
            for (std::size_t g = 0; g < 3; ++g) {
                const double noise = std::exp(0.02 * normal(random));
                const auto lesson = world.model.observe(c, g, world.speed[c][g] * noise * (g == 2 ? factor_of_2 : 1.0));
                REQUIRE(lesson);
                alarms += lesson->drift ? 1U : 0U;
            }
        }
        return alarms;
    };
    for (int i = 0; i < 4; ++i) round(1.0);
    CHECK(round(1.0) == 0);
    const double before = world.model.predict(5, 1).median();
    REQUIRE(world.model.observe(5, 1, 100.0 * before));
    CHECK(world.model.predict(5, 1).median() < 1.3 * before);
    for (int i = 0; i < 3; ++i) REQUIRE(world.model.observe(5, 1, world.speed[5][1]));

    CHECK(round(0.5) >= 1);
    CHECK(round(0.5) <= 1);
    for (std::size_t c = 0; c < world.speed.size(); ++c) {
        CHECK(world.model.predict(c, 2).median() == doctest::Approx(0.5 * world.speed[c][2]).epsilon(0.1));
        CHECK(world.model.predict(c, 0).median() == doctest::Approx(world.speed[c][0]).epsilon(0.12));
    }
}

TEST_CASE("class_speed: a saved model learns on as the original does, bit for bit") {
    synthetic_world world{8, 3, 3};
    for (std::size_t c = 0; c < 9; ++c) REQUIRE(world.model.observe(c, c % 3, world.speed[c][c % 3]));
    const std::string text = world.model.save();
    auto copy = class_speed::load(text);
    REQUIRE_MESSAGE(copy, (copy ? std::string{} : copy.error().message));
    CHECK(copy->save() == text);
    for (std::size_t c = 0; c < 9; ++c) {
        REQUIRE(world.model.observe(c, (c + 1) % 3, world.speed[c][(c + 1) % 3]));
        REQUIRE(copy->observe(c, (c + 1) % 3, world.speed[c][(c + 1) % 3]));
    }
    CHECK(copy->save() == world.model.save());
    CHECK(copy->predict(2, 1) == world.model.predict(2, 1));

    // Every cut and every word that is spoiled is refused with a sentence, and nothing crashes.
    for (std::size_t cut = 0; cut < text.size(); cut += 1 + text.size() / 60) {
        const auto broken = class_speed::load(text.substr(0, cut));
        REQUIRE_FALSE(broken);
        CHECK(broken.error().message.find("learned model, line ") == 0);
    }
    for (std::size_t at = 0; at < text.size(); at += 1 + text.size() / 60) {
        std::string spoiled = text;
        spoiled[at] = '#';
        const auto loaded = class_speed::load(spoiled);
        if (!loaded) CHECK(loaded.error().code == berth::error_code::malformed);
    }
}

TEST_CASE("class_speed: bad input is refused and changes nothing") {
    class_speed model;
    const double feature = nan_value;
    CHECK_FALSE(model.add_gpu_model(""));
    CHECK_FALSE(model.add_gpu_model("A", {&feature, 1}));
    REQUIRE(model.add_gpu_model("A"));
    CHECK(model.add_gpu_model("A").error().code == berth::error_code::duplicate);
    const std::vector<double> many(class_speed::max_features + 1, 0.0);
    CHECK_FALSE(model.add_class("x", "f", many));
    REQUIRE(model.add_class("x"));
    CHECK(model.add_class("y", "f", {many.data(), 2}).error().message == "class 1 (\"y\"): has 2 features, expected 0");
    const std::string before = model.save();
    for (const double bad : {0.0, -1.0, nan_value, std::numeric_limits<double>::infinity()}) {
        CHECK(model.observe(0, 0, bad).error().code == berth::error_code::invalid_value);
    }
    CHECK(model.observe(1, 0, 1.0).error().code == berth::error_code::unknown_name);
    CHECK(model.observe(0, 7, 1.0).error().code == berth::error_code::unknown_name);
    CHECK(model.save() == before);
}

TEST_CASE("class_speed: memory is bounded, later classes are predicted from what they share") {
    berth::class_speed_options options;
    options.max_coefficients = 6;
    class_speed model{options};
    REQUIRE(model.add_gpu_model("A"));
    for (int c = 0; c < 20; ++c) {
        REQUIRE(model.add_class("c" + std::to_string(c)));
        REQUIRE(model.observe(static_cast<std::size_t>(c), 0, 100.0));
    }
    CHECK(model.regression().coefficients().size() == 6);
    CHECK(std::isfinite(model.predict(19, 0).median()));
}

TEST_CASE("learned_cost: a power law is found, through the concept of costs") {
    auto cost = learned_cost::make(2, 1, {.product = 0.3});
    REQUIRE(cost);
    berth::xoshiro256 random{2};
    const auto truth = [](const double* t, const double* g) {
        return std::exp(1.0 + 0.9 * t[0] - 0.3 * t[1] - 0.8 * g[0]);
    };
    for (int i = 0; i < 300; ++i) {
        const double t[2] = {2.0 * berth::uniform01(random) - 1.0, 2.0 * berth::uniform01(random) - 1.0};
        const double g[1] = {2.0 * berth::uniform01(random) - 1.0};
        REQUIRE(cost->observe(t, g, truth(t, g) * std::exp(0.05 * normal(random))));
    }
    const double t[2] = {0.4, -0.9};
    const double g[3] = {-0.5, 0.0, 0.8};
    double out[3];
    berth::cost_row(*cost, t, {g, 3, 1}, out);
    for (int i = 0; i < 3; ++i) CHECK(out[i] == doctest::Approx(truth(t, g + i)).epsilon(0.03));
    CHECK(cost->predict(t, {g, 1}).median() == out[0]);
    CHECK(cost->predict(t, {g, 1}).deviation < 0.15);

    const auto copy = learned_cost::load(cost->save());
    REQUIRE(copy);
    CHECK(copy->save() == cost->save());
    CHECK((*copy)(t, {g, 1}) == out[0]);
    CHECK_FALSE(learned_cost::load("nonsense"));
}

TEST_CASE("learned_cost: bad input") {
    CHECK(learned_cost::make(17, 0).error().code == berth::error_code::limit_exceeded);
    CHECK_FALSE(learned_cost::make(1, 1, {.start = -5.0}));
    auto cost = learned_cost::make(1, 1, {.start = 20.0});
    REQUIRE(cost);
    const double row[2] = {0.0, nan_value};
    CHECK((*cost)({row, 1}, {row, 1}) == doctest::Approx(20.0));
    CHECK(cost->predict({row, 1}, {row, 1}).deviation > 2.5);
    CHECK(cost->observe({row, 2}, {row, 1}, 1.0).error().code == berth::error_code::inconsistent);
    CHECK(cost->observe({row, 1}, {row + 1, 1}, 1.0).error().message ==
          "learned cost: GPU feature 0 is not a finite number");
    CHECK_FALSE(cost->observe({row, 1}, {row, 1}, 0.0));
}

TEST_CASE("learned_duration: work over speed, unknown work stays unknown") {
    class_speed speeds;
    REQUIRE(speeds.add_gpu_model("A"));
    REQUIRE(speeds.add_gpu_model("B"));
    REQUIRE(speeds.add_class("x"));
    for (int i = 0; i < 5; ++i) REQUIRE(speeds.observe(0, 0, 10.0));
    const std::vector<std::size_t> classes{0, 0};
    const std::vector<double> work{500.0, nan_value};
    const std::vector<std::size_t> models{0, 1};
    const berth::learned_duration durations{&speeds, classes, work, models, models};
    const auto known = durations(berth::task_index{0}, berth::model_index{0});
    CHECK(known.seconds == doctest::Approx(50.0).epsilon(0.02));
    CHECK(known.low < known.seconds);
    CHECK(known.high > known.seconds);
    CHECK(durations(berth::task_index{0}, berth::model_index{}).seconds == known.seconds);
    CHECK(durations(berth::task_index{0}, berth::model_index{1}).high > known.high);
    CHECK_FALSE(durations(berth::task_index{1}, berth::model_index{0}).known());
    CHECK_FALSE(durations(berth::task_index{9}, berth::model_index{0}).known());
    CHECK(durations(berth::task_index{0}, berth::gpu_index{0}) == doctest::Approx(known.seconds));
    CHECK_FALSE(berth::to_duration(berth::log_estimate{}).known());
}

TEST_CASE("learned_migration: seconds by bytes, from what was measured") {
    berth::learned_migration migrations;
    CHECK(migrations.predict_duration(1'000'000'000).median() == doctest::Approx(10.0));
    CHECK(migrations.predict_duration(1'000'000'000).deviation > 1.0);
    for (berth::amount gigabytes = 1; gigabytes <= 32; ++gigabytes) {
        const double seconds = 3.0 * static_cast<double>(gigabytes);
        REQUIRE(migrations.observe({seconds, 0.2 * seconds, gigabytes * 1'000'000'000}));
    }
    CHECK(migrations.predict_duration(16'000'000'000).median() == doctest::Approx(48.0).epsilon(0.1));
    CHECK(migrations.predict_downtime(16'000'000'000).median() == doctest::Approx(9.6).epsilon(0.1));
    CHECK_FALSE(migrations.observe({-1.0, 0.0, 5}));
    CHECK_FALSE(migrations.observe({1.0, nan_value, 5}));
    CHECK_FALSE(migrations.observe({1.0, 1.0, -5}));
    const auto copy = berth::learned_migration::load(migrations.save());
    REQUIRE(copy);
    CHECK(copy->save() == migrations.save());
    CHECK_FALSE(berth::learned_migration::load("berth-learned-migration 2\n"));
}

TEST_CASE("exploration: optimism tries what is little known, the median never does") {
    const std::vector<berth::log_estimate> costs{{1.0, 0.1}, {1.2, 0.8}, {}};
    CHECK(berth::choose(costs, berth::by_median{}) == 0);
    const std::vector<berth::log_estimate> two{costs[0], costs[1]};
    CHECK(berth::choose(two, berth::optimism{}) == 1);
    CHECK(berth::choose(two, berth::optimism{.deviations = 0.0}) == 0);
    CHECK(std::isfinite(berth::optimism{}(costs[2], 0)));
    std::size_t second = 0;
    for (std::uint64_t d = 0; d < 400; ++d) {
        const std::size_t chosen = berth::choose(two, berth::posterior_draw{}, d);
        CHECK(chosen == berth::choose(two, berth::posterior_draw{}, d));
        second += chosen;
    }
    CHECK(second > 100);  // P(N(0.2, 0.806) < 0) is 40 %
    CHECK(second < 220);
    const berth::trial_limit limit;
    CHECK(limit.admits(costs[0], 99));
    CHECK(limit.admits(costs[1], 1));
    CHECK_FALSE(limit.admits(costs[1], 2));
}
