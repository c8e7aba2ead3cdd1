// SPDX-License-Identifier: Apache-2.0
#include "berth/learn/recursive_ridge.hpp"

#include "berth/core/random.hpp"
#include "berth/learn/drift_detector.hpp"
#include "berth/learn/interval_scale.hpp"
#include "berth/learn/log_regression.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

using berth::recursive_ridge;
using berth::regressor;

double draw(berth::xoshiro256& random) {
    return berth::normal_quantile((static_cast<double>(random() >> 12U) + 0.5) * 0x1.0p-52);
}

struct sample {
    std::vector<double> x;
    double y;
};

std::vector<sample> random_samples(std::size_t count, std::size_t width, std::uint64_t seed) {
    berth::xoshiro256 random{seed};
    std::vector<sample> samples;
    for (std::size_t i = 0; i < count; ++i) {
        sample s;
        s.y = 0.1 * draw(random) + 2.0;
        for (std::size_t j = 0; j < width; ++j) {
            s.x.push_back(draw(random));
            s.y += s.x.back() * (static_cast<double>(j) - 1.5);
        }
        samples.push_back(s);
    }
    return samples;
}

std::vector<regressor> row_of(const sample& s) {
    std::vector<regressor> row;
    for (std::size_t j = 0; j < s.x.size(); ++j) row.push_back({j, s.x[j]});
    return row;
}

// Weighted ridge by Gaussian elimination: coefficients, and the variance of their sum along `at`.
struct batch_answer {
    std::vector<double> coefficients;
    double variance;
};
batch_answer batch_ridge(const std::vector<sample>& samples, const std::vector<double>& weights, double noise,
                         double deviation, const std::vector<double>& at) {
    const std::size_t d = at.size();
    std::vector<std::vector<double>> a(d, std::vector<double>(d + 2, 0.0));
    for (std::size_t i = 0; i < samples.size(); ++i) {
        for (std::size_t j = 0; j < d; ++j) {
            const double w = weights[i] / (noise * noise) * samples[i].x[j];
            for (std::size_t k = 0; k < d; ++k) a[j][k] += w * samples[i].x[k];
            a[j][d] += w * samples[i].y;
        }
    }
    for (std::size_t j = 0; j < d; ++j) {
        a[j][j] += 1.0 / (deviation * deviation);
        a[j][d + 1] = at[j];
    }
    for (std::size_t k = 0; k < d; ++k) {
        for (std::size_t i = 0; i < d; ++i) {
            if (i == k) continue;
            const double factor = a[i][k] / a[k][k];
            for (std::size_t j = 0; j < d + 2; ++j) a[i][j] -= factor * a[k][j];
        }
    }
    batch_answer answer{{}, 0.0};
    for (std::size_t j = 0; j < d; ++j) {
        answer.coefficients.push_back(a[j][d] / a[j][j]);
        answer.variance += at[j] * a[j][d + 1] / a[j][j];
    }
    return answer;
}

TEST_CASE("recursive_ridge equals batch ridge, with and without forgetting") {
    for (const double half_life : {1e300, 40.0, 100.0}) {
        for (std::uint64_t seed = 1; seed <= 4; ++seed) {
            const std::size_t width = 3 + seed;
            const auto samples = random_samples(90, width, seed);
            recursive_ridge ridge{
                {.noise = 0.2, .half_life = half_life > 1e200 ? recursive_ridge{}.options().half_life : half_life}};
            for (std::size_t j = 0; j < width; ++j) CHECK(ridge.append(0.7) == j);
            const std::size_t step = half_life > 1e200 ? 1000 : static_cast<std::size_t>(half_life / 32.0);
            std::vector<double> weights;
            for (std::size_t i = 0; i < samples.size(); ++i) {
                weights.push_back(i % 3 == 0 ? 0.5 : 1.0);
                ridge.observe(row_of(samples[i]), samples[i].y, weights.back());
                if ((i + 1) % step == 0) {
                    for (double& w : weights) w *= std::exp2(-static_cast<double>(step) / half_life);
                }
            }
            const auto batch = batch_ridge(samples, weights, 0.2, 0.7, samples[5].x);
            for (std::size_t j = 0; j < width; ++j) {
                CHECK(ridge.coefficient(j) == doctest::Approx(batch.coefficients[j]).epsilon(1e-9));
            }
            CHECK(ridge.predict(row_of(samples[5])).variance == doctest::Approx(batch.variance).epsilon(1e-8));
        }
    }
}

TEST_CASE("recursive_ridge: coefficients that come later, sparse rows, long runs") {
    recursive_ridge early{{.noise = 0.1}};
    recursive_ridge late{{.noise = 0.1}};
    for (int j = 0; j < 40; ++j) early.append(1.0, 0.25);
    berth::xoshiro256 random{4};
    for (std::size_t i = 0; i < 9000; ++i) {
        const std::size_t a = i < 400 ? i / 10 : berth::bounded(random, 40);
        while (late.size() <= a) late.append(1.0, 0.25);
        const regressor row[2] = {{a, 1.0}, {0, 0.5}};
        const double y = static_cast<double>(a % 7) + 0.1 * draw(random);
        early.observe(row, y);
        late.observe(row, y);
    }
    for (std::size_t j = 0; j < 40; ++j) {
        CHECK(early.coefficient(j) == doctest::Approx(late.coefficient(j)).epsilon(1e-9));
        CHECK(early.deviation(j) == doctest::Approx(late.deviation(j)).epsilon(1e-6));
        CHECK(early.deviation(j) > 0.0);
    }
    const auto copy = recursive_ridge::load(late.save());
    REQUIRE(copy);
    CHECK(copy->save() == late.save());
}

TEST_CASE("recursive_ridge: what is forgotten falls back to the prior, and no further") {
    recursive_ridge ridge{{.noise = 0.1, .half_life = 32.0}};
    ridge.append(1.0);
    ridge.append(1.0);
    const regressor first[1] = {{0, 1.0}};
    const regressor second[1] = {{1, 1.0}};
    for (int i = 0; i < 20; ++i) ridge.observe(first, 3.0);
    CHECK(ridge.coefficient(0) == doctest::Approx(3.0).epsilon(0.01));
    for (int i = 0; i < 2000; ++i) ridge.observe(second, -1.0);
    CHECK(ridge.coefficient(0) == doctest::Approx(0.0));
    CHECK(ridge.deviation(0) == doctest::Approx(1.0));
    CHECK(ridge.coefficient(1) == doctest::Approx(-1.0).epsilon(0.01));
    CHECK(ridge.deviation(1) < 0.05);
}

TEST_CASE("recursive_ridge: a released coefficient keeps its value, and learns anew") {
    const auto samples = random_samples(60, 4, 9);
    recursive_ridge ridge{{.noise = 0.1}};
    for (int j = 0; j < 4; ++j) ridge.append(2.0);
    for (const auto& s : samples) ridge.observe(row_of(s), s.y);
    std::vector<double> before;
    for (std::size_t j = 0; j < 4; ++j) before.push_back(ridge.coefficient(j));
    const double sure = ridge.deviation(1);
    ridge.release(2, 0.9);
    for (std::size_t j = 0; j < 4; ++j) CHECK(ridge.coefficient(j) == doctest::Approx(before[j]).epsilon(1e-9));
    CHECK(ridge.deviation(2) == doctest::Approx(0.9).epsilon(0.01));
    CHECK(ridge.deviation(1) == doctest::Approx(sure));
    const regressor only[1] = {{2, 1.0}};
    for (int i = 0; i < 5; ++i) ridge.observe(only, -4.0);
    CHECK(ridge.coefficient(2) == doctest::Approx(-4.0).epsilon(0.02));
    CHECK(ridge.coefficient(1) == doctest::Approx(before[1]).epsilon(0.02));
}

TEST_CASE("recursive_ridge: a release leaves information and covariance the inverse of each other") {
    const auto samples = random_samples(63, 4, 11);
    // One of them computes its covariance afresh with the next observation, the other keeps what the recursion made.
    recursive_ridge afresh{{.noise = 0.1, .half_life = 64.0 * 32.0}};
    recursive_ridge kept{{.noise = 0.1}};
    for (recursive_ridge* ridge : {&afresh, &kept}) {
        for (int j = 0; j < 4; ++j) ridge->append(2.0);
        for (const auto& s : samples) ridge->observe(row_of(s), s.y);
        ridge->release(2, 0.9);
        ridge->observe(row_of(samples[0]), samples[0].y + 1.0);
    }
    for (std::size_t j = 0; j < 4; ++j) {
        CHECK(afresh.coefficient(j) == doctest::Approx(kept.coefficient(j)).epsilon(0.01));
        CHECK(afresh.deviation(j) == doctest::Approx(kept.deviation(j)).epsilon(0.03));
    }
}

TEST_CASE("recursive_ridge: text that is not whole is refused") {
    recursive_ridge ridge;
    ridge.append(1.0);
    const std::string text = ridge.save();
    CHECK_FALSE(recursive_ridge::load(""));
    CHECK_FALSE(recursive_ridge::load(text + "more\n"));
    CHECK_FALSE(recursive_ridge::load("ridge 0.1 inf 99999999999 0\n"));
    CHECK_FALSE(recursive_ridge::load("ridge -1 inf 0 0\n"));
    CHECK_FALSE(recursive_ridge::load("ridge nan inf 0 0\n"));
    for (std::size_t cut = 0; cut < text.size(); ++cut) CHECK_FALSE(recursive_ridge::load(text.substr(0, cut)));
}

TEST_CASE("log_regression: intervals become honest where the noise was misjudged, outliers count less") {
    berth::xoshiro256 random{6};
    berth::log_regression model{{.ridge = {.noise = 0.05}}};
    (void)model.coefficients().append(3.0);
    const regressor one[1] = {{0, 1.0}};
    std::size_t held = 0;
    for (int i = 0; i < 3000; ++i) {
        const double value = std::exp(2.0 + 0.2 * draw(random));  // four times the noise that was promised
        if (i >= 1000) held += model.predict(one).interval(0.8).holds(value) ? 1U : 0U;
        model.observe(one, value);
    }
    CHECK(static_cast<double>(held) / 2000.0 == doctest::Approx(0.8).epsilon(0.04));
    CHECK(model.noise_factor() > 2.5);
    CHECK(model.predict(one).mean == doctest::Approx(2.0).epsilon(0.02));

    berth::log_regression doubtful;
    (void)doubtful.coefficients().append(3.0);
    for (int i = 0; i < 30; ++i) doubtful.observe(one, i % 10 == 9 ? 1000.0 : 10.0);
    CHECK(doubtful.predict(one).median() < 13.0);  // the geometric mean is 16
    const auto copy = berth::log_regression::load(model.save());
    REQUIRE(copy);
    CHECK(copy->save() == model.save());
}

TEST_CASE("normal_quantile and estimates") {
    CHECK(berth::normal_quantile(0.5) == doctest::Approx(0.0));
    CHECK(berth::normal_quantile(0.9) == doctest::Approx(1.2815515655446004).epsilon(1e-8));
    CHECK(berth::normal_quantile(0.001) == doctest::Approx(-3.090232306167813).epsilon(1e-8));
    CHECK(berth::normal_quantile(0.999) == doctest::Approx(3.090232306167813).epsilon(1e-8));
    const berth::log_estimate speed{std::log(8.0), 0.5};
    CHECK(speed.median() == doctest::Approx(8.0));
    CHECK(speed.into(16.0).median() == doctest::Approx(2.0));
    CHECK(speed.average() > speed.median());
    CHECK(speed.interval(0.8).low == doctest::Approx(speed.quantile(0.1)));
    CHECK(speed.interval(0.8).high == doctest::Approx(speed.quantile(0.9)));
    CHECK_FALSE(berth::log_estimate{}.known());
}

TEST_CASE("drift_detector: noise and single outliers raise no alarm, a lasting change does") {
    berth::drift_detector detector;
    berth::xoshiro256 random{12};
    for (int i = 0; i < 5000; ++i) CHECK_FALSE(detector.observe(0.8 * draw(random)));
    CHECK_FALSE(detector.observe(50.0));
    for (int i = 0; i < 10; ++i) CHECK_FALSE(detector.observe(0.0));
    int needed = 1;
    while (!detector.observe(-2.0 + 0.5 * draw(random))) ++needed;
    CHECK(needed <= 10);
    CHECK(detector.up() == 0.0);
    CHECK(detector.down() == 0.0);
}
