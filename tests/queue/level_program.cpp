// SPDX-License-Identifier: Apache-2.0
#include "berth/queue/level_program.hpp"

#include "berth/core/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace {

struct instance {
    std::size_t jobs = 0;
    std::size_t models = 0;
    std::vector<double> rates;
    std::vector<std::uint32_t> gpus;
    std::vector<std::uint32_t> capacity;

    [[nodiscard]] berth::level_program program() const { return {{rates.data(), jobs, models}, gpus, capacity}; }
};

instance draw(berth::xoshiro256& source, std::size_t jobs, std::size_t models, double spread) {
    instance made{.jobs = jobs, .models = models, .rates = {}, .gpus = {}, .capacity = {}};
    for (std::size_t k = 0; k < jobs * models; ++k) {
        const double rate = std::pow(10.0, spread * berth::uniform01(source) - 1.0);
        made.rates.push_back(berth::uniform01(source) < 0.15 ? 0.0 : rate);
    }
    for (std::size_t j = 0; j < jobs; ++j) made.gpus.push_back(1U << berth::bounded(source, 3));
    for (std::size_t m = 0; m < models; ++m) { made.capacity.push_back(berth::bounded(source, 12)); }
    return made;
}

void check_answer(const instance& given, const berth::level_solution& found) {
    std::vector<double> used(given.models, 0.0);
    double lowest = INFINITY;
    for (std::size_t j = 0; j < given.jobs; ++j) {
        double time = 0.0;
        double rate = 0.0;
        bool can_run = false;
        for (std::size_t m = 0; m < given.models; ++m) {
            const double share = found.shares[j * given.models + m];
            CHECK(share >= 0.0);
            const bool fits = given.gpus[j] <= given.capacity[m] && given.rates[j * given.models + m] > 0.0;
            if (!fits) CHECK(share == 0.0);
            can_run = can_run || fits;
            time += share;
            rate += given.rates[j * given.models + m] * share;
            used[m] += given.gpus[j] * share;
        }
        CHECK(time <= 1.0 + 1e-12);
        if (can_run) lowest = std::min(lowest, rate);
    }
    for (std::size_t m = 0; m < given.models; ++m) CHECK(used[m] <= given.capacity[m] + 1e-9);
    if (found.jobs == 0) return;
    CHECK(found.level == doctest::Approx(lowest).epsilon(1e-9));
    CHECK(found.bound >= found.level * (1.0 - 1e-12));
    CHECK(found.bound <= found.level * (1.0 + 1e-6));
}

/// Solves a square system by Gauss; false if it is singular.
bool solve(std::vector<double>& a, std::vector<double>& b) {
    const std::size_t n = b.size();
    for (std::size_t k = 0; k < n; ++k) {
        std::size_t pivot = k;
        for (std::size_t i = k + 1; i < n; ++i) {
            if (std::fabs(a[i * n + k]) > std::fabs(a[pivot * n + k])) pivot = i;
        }
        if (std::fabs(a[pivot * n + k]) < 1e-12) return false;
        for (std::size_t c = 0; c < n; ++c) std::swap(a[k * n + c], a[pivot * n + c]);
        std::swap(b[k], b[pivot]);
        for (std::size_t i = 0; i < n; ++i) {
            const double part = i == k ? 0.0 : a[i * n + k] / a[k * n + k];
            for (std::size_t c = k; c < n && part != 0.0; ++c) a[i * n + c] -= part * a[k * n + c];
            b[i] -= part * b[k];
        }
    }
    for (std::size_t k = 0; k < n; ++k) b[k] /= a[k * n + k];
    return true;
}

/// The highest level among all vertices of the polytope: every choice of as many tight constraints as variables.
double best_vertex(const instance& given) {
    const std::size_t shares = given.jobs * given.models;
    const std::size_t n = shares + 1;
    std::vector<std::vector<double>> rows;  // coefficients, then the right side of <=
    for (std::size_t j = 0; j < given.jobs; ++j) {
        std::vector<double> rate(n + 1, 0.0);
        std::vector<double> time(n + 1, 0.0);
        for (std::size_t m = 0; m < given.models; ++m) {
            rate[j * given.models + m] = -given.rates[j * given.models + m];
            time[j * given.models + m] = 1.0;
        }
        rate[shares] = 1.0;
        time[n] = 1.0;
        rows.push_back(rate);
        rows.push_back(time);
    }
    for (std::size_t m = 0; m < given.models; ++m) {
        std::vector<double> room(n + 1, 0.0);
        for (std::size_t j = 0; j < given.jobs; ++j) room[j * given.models + m] = given.gpus[j];
        room[n] = given.capacity[m];
        rows.push_back(room);
    }
    for (std::size_t k = 0; k < n; ++k) {
        std::vector<double> sign(n + 1, 0.0);
        sign[k] = -1.0;
        rows.push_back(sign);
    }
    double best = 0.0;
    std::vector<bool> tight(rows.size(), false);
    std::fill(tight.begin(), tight.begin() + static_cast<std::ptrdiff_t>(n), true);
    do {
        std::vector<double> a;
        std::vector<double> b;
        for (std::size_t r = 0; r < rows.size(); ++r) {
            if (!tight[r]) continue;
            a.insert(a.end(), rows[r].begin(), rows[r].end() - 1);
            b.push_back(rows[r][n]);
        }
        if (!solve(a, b)) continue;
        bool feasible = true;
        for (const auto& row : rows) {
            double left = -row[n];
            for (std::size_t k = 0; k < n; ++k) left += row[k] * b[k];
            feasible = feasible && left <= 1e-9;
        }
        if (feasible) best = std::max(best, b[shares]);
    } while (std::prev_permutation(tight.begin(), tight.end()));
    return best;
}

}  // namespace

TEST_CASE("the level is that of the best vertex") {
    berth::xoshiro256 source{7};
    for (int round = 0; round < 12; ++round) {
        instance given = draw(source, 2, 2, 2.0);
        for (double& rate : given.rates) rate = rate > 0.0 ? rate : 0.3;
        for (std::uint32_t& c : given.capacity) c += 4;
        if (round == 0) given.capacity = {4, 4};
        const auto found = berth::highest_level(given.program());
        check_answer(given, found);
        CHECK(found.level == doctest::Approx(best_vertex(given)).epsilon(1e-6));
    }
}

TEST_CASE("shares are feasible and as good as the bound, whatever the spread of rates") {
    berth::xoshiro256 source{11};
    for (int round = 0; round < 120; ++round) {
        const instance given =
            draw(source, 1 + berth::bounded(source, 9), 1 + berth::bounded(source, 4), round % 2 == 0 ? 2.0 : 7.0);
        check_answer(given, berth::highest_level(given.program()));
    }
}

TEST_CASE("scale of rates does not matter") {
    berth::xoshiro256 source{13};
    instance given = draw(source, 6, 3, 1.5);
    given.capacity = {4, 8, 4};
    const auto plain = berth::highest_level(given.program());
    for (double& rate : given.rates) rate *= 1e-9;
    const auto tiny = berth::highest_level(given.program());
    CHECK(tiny.level == doctest::Approx(plain.level * 1e-9).epsilon(1e-6));
}

TEST_CASE("nobody, nowhere to run, and one alone") {
    CHECK(berth::highest_level({}).jobs == 0);
    instance given{.jobs = 2, .models = 1, .rates = {3.0, 5.0}, .gpus = {2, 8}, .capacity = {4}};
    const auto found = berth::highest_level(given.program());
    CHECK(found.jobs == 1);  // the second takes more GPUs than there are
    CHECK(found.level == doctest::Approx(3.0));
    CHECK(found.shares[0] == doctest::Approx(1.0));
    CHECK(found.shares[1] == 0.0);
}

TEST_CASE("prices say what a GPU and a job's rate are worth") {
    // Two equal jobs on one GPU: half of it each; a second GPU would double the level.
    const instance given{.jobs = 2, .models = 1, .rates = {1.0, 1.0}, .gpus = {1, 1}, .capacity = {1}};
    const auto found = berth::highest_level(given.program());
    CHECK(found.level == doctest::Approx(0.5));
    CHECK(found.job_prices[0] == doctest::Approx(0.5));
    CHECK(found.model_prices[0] == doctest::Approx(0.5));
}
