// SPDX-License-Identifier: Apache-2.0
#include "berth/queue/round_assignment.hpp"

#include "berth/core/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

struct instance {
    std::size_t jobs = 0;
    std::size_t models = 0;
    std::vector<double> values;
    std::vector<std::uint32_t> gpus;
    std::vector<std::uint32_t> capacity;

    [[nodiscard]] berth::matrix_view<const double> matrix() const { return {values.data(), jobs, models}; }
};

instance draw(berth::xoshiro256& source, std::size_t jobs, std::size_t models, bool round_values) {
    instance made{.jobs = jobs, .models = models, .values = {}, .gpus = {}, .capacity = {}};
    for (std::size_t k = 0; k < jobs * models; ++k) {
        double value = 4.0 * berth::uniform01(source) - 0.5;
        if (round_values) value = std::floor(value);  // many ties
        made.values.push_back(value);
    }
    for (std::size_t j = 0; j < jobs; ++j) made.gpus.push_back(1U << berth::bounded(source, 3));
    for (std::size_t m = 0; m < models; ++m) { made.capacity.push_back(berth::bounded(source, 7)); }
    return made;
}

/// All ways to choose, one after the other.
double best_of_all(const instance& given, std::size_t job, std::vector<std::uint32_t>& left) {
    if (job == given.jobs) return 0.0;
    double best = best_of_all(given, job + 1, left);
    for (std::size_t m = 0; m < given.models; ++m) {
        const double value = given.values[job * given.models + m];
        if (!(value > 0.0) || left[m] < given.gpus[job]) continue;
        left[m] -= given.gpus[job];
        best = std::max(best, value + best_of_all(given, job + 1, left));
        left[m] += given.gpus[job];
    }
    return best;
}

double check_choice(const instance& given, const std::vector<berth::model_index>& chosen) {
    std::vector<std::uint64_t> used(given.models, 0);
    double value = 0.0;
    for (std::size_t j = 0; j < given.jobs; ++j) {
        if (!chosen[j].valid()) continue;
        const std::size_t m = chosen[j].value();
        used[m] += given.gpus[j];
        CHECK(given.values[j * given.models + m] > 0.0);
        value += given.values[j * given.models + m];
    }
    for (std::size_t m = 0; m < given.models; ++m) CHECK(used[m] <= given.capacity[m]);
    return value;
}

}  // namespace

TEST_CASE("the choice is the best of all") {
    berth::xoshiro256 source{3};
    berth::round_assignment assignment;
    for (int round = 0; round < 150; ++round) {
        const instance given = draw(source, berth::bounded(source, 7), 1 + berth::bounded(source, 3), round % 3 == 0);
        std::vector<berth::model_index> chosen(given.jobs);
        const auto found = assignment.choose(given.matrix(), given.gpus, given.capacity, chosen);
        std::vector<std::uint32_t> left = given.capacity;
        const double best = best_of_all(given, 0, left);
        CHECK(found.best);
        CHECK(found.value == doctest::Approx(best).epsilon(1e-12));
        CHECK(found.bound >= best * (1.0 - 1e-12));
        CHECK(check_choice(given, chosen) == doctest::Approx(best).epsilon(1e-12));
    }
}

TEST_CASE("without room for states the choice is feasible and the bound holds") {
    berth::xoshiro256 source{5};
    berth::round_assignment assignment;
    assignment.states = 1;
    for (int round = 0; round < 40; ++round) {
        const instance given = draw(source, 6, 3, round % 2 == 0);
        std::vector<berth::model_index> chosen(given.jobs);
        const auto found = assignment.choose(given.matrix(), given.gpus, given.capacity, chosen);
        std::vector<std::uint32_t> left = given.capacity;
        const double best = best_of_all(given, 0, left);
        CHECK(check_choice(given, chosen) == doctest::Approx(found.value).epsilon(1e-12));
        CHECK(found.bound >= best * (1.0 - 1e-12));
        CHECK(found.value <= best * (1.0 + 1e-12));
        if (found.best) CHECK(found.value == doctest::Approx(best).epsilon(1e-12));
    }
}

TEST_CASE("values that are not above 0, and NaN, are no options") {
    berth::round_assignment assignment;
    const instance given{.jobs = 3, .models = 1, .values = {0.0, -1.0, NAN}, .gpus = {1, 1, 1}, .capacity = {8}};
    std::vector<berth::model_index> chosen(3, berth::model_index{0});
    const auto found = assignment.choose(given.matrix(), given.gpus, given.capacity, chosen);
    CHECK(found.value == 0.0);
    CHECK(found.best);
    for (const auto m : chosen) CHECK_FALSE(m.valid());
}

TEST_CASE("an assignment remembers nothing") {
    berth::xoshiro256 source{9};
    berth::round_assignment used;
    for (int round = 0; round < 20; ++round) {
        const instance given = draw(source, 8, 2, false);
        std::vector<berth::model_index> again(given.jobs);
        std::vector<berth::model_index> first(given.jobs);
        used.choose(given.matrix(), given.gpus, given.capacity, again);
        berth::round_assignment{}.choose(given.matrix(), given.gpus, given.capacity, first);
        CHECK(again == first);
    }
}
