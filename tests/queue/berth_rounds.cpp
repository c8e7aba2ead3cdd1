// SPDX-License-Identifier: Apache-2.0
#include "berth/queue/berth_rounds.hpp"

#include "berth/core/random.hpp"
#include "berth/queue/priority_rounds.hpp"

#include "common/gavel_trace.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

struct fixture {
    std::vector<berth::round_job> jobs;
    std::vector<std::uint32_t> gpus;
    std::vector<double> speeds;
    double now_s = 0.0;

    [[nodiscard]] std::vector<berth::model_index> chosen(const berth::berth_rounds& policy = {}) const {
        berth::round_view view;
        view.now_s = now_s;
        view.jobs = jobs;
        view.gpus = gpus;
        view.speeds = {speeds.data(), jobs.size(), gpus.size()};
        std::vector<berth::model_index> out(jobs.size());
        auto state = policy.start(gpus.size());
        state.choose(view, out);
        return out;
    }
};

berth::round_job job(std::uint32_t id, std::uint32_t gpus, double left = NAN, double arrival_s = 0.0) {
    return {.id = id, .gpus = gpus, .arrival_s = arrival_s, .steps_left = left};
}

constexpr berth::berth_rounds for_makespan{.aim = berth::round_aim::makespan};
const berth::model_index fast{0};
const berth::model_index slow{1};

}  // namespace

TEST_CASE("a job goes where it loses least") {
    const fixture given{.jobs = {job(0, 1), job(1, 1)}, .gpus = {1, 1}, .speeds = {10.0, 9.0, 10.0, 1.0}};
    for (const auto& policy : {berth::berth_rounds{}, for_makespan}) {
        const auto on = given.chosen(policy);
        CHECK(on[0] == slow);
        CHECK(on[1] == fast);
    }
}

TEST_CASE("the shortest first where one has to wait, and a job that ends anyway leaves the fast GPU to another") {
    const fixture waiting{.jobs = {job(0, 1, 9000.0), job(1, 1, 900.0)}, .gpus = {1}, .speeds = {1.0, 1.0}};
    CHECK(waiting.chosen()[1] == fast);
    CHECK_FALSE(waiting.chosen()[0].valid());
    // The first is done within a round of 360 s on either.
    const fixture ending{.jobs = {job(0, 1, 100.0), job(1, 1, 9000.0)}, .gpus = {1, 1}, .speeds = {1.0, 0.5, 1.0, 0.7}};
    CHECK(ending.chosen()[0] == slow);
    CHECK(ending.chosen()[1] == fast);
}

TEST_CASE("a job far behind the others gains weight, with and without known steps") {
    for (const double steps : {double{NAN}, 4000.0}) {
        fixture given{.jobs = {job(0, 1, 1.2 * steps)}, .gpus = {1}, .speeds = {1.0}};
        for (std::uint32_t j = 1; j < 9; ++j) {
            given.jobs.push_back(job(j, 1, steps, 300'000.0));
            given.speeds.push_back(1.0);
        }
        CHECK_FALSE(fixture{{given.jobs[0], job(1, 1, 0.8 * 4000.0)}, {1}, {1.0, 1.0}}.chosen()[0].valid());
        given.now_s = 300'000.0;
        CHECK(given.chosen()[0] == fast);
    }
}

TEST_CASE("of a batch, the job that holds all up runs wherever it can") {
    // The first alone needs 1,000 s on the fast GPU, ten times as long on the slow one; the others fill the slow ones.
    const fixture given{.jobs = {job(0, 1, 1000.0), job(1, 1, 500.0), job(2, 1, 400.0)},
                        .gpus = {1, 2},
                        .speeds = {1.0, 0.1, 1.0, 0.5, 1.0, 0.5}};
    const auto on = given.chosen(for_makespan);
    CHECK(on[0] == fast);
    CHECK(on[1] == slow);
    CHECK(on[2] == slow);
}

TEST_CASE("what is chosen fits and can run there, whatever is known") {
    berth::xoshiro256 source{21};
    for (int round = 0; round < 60; ++round) {
        fixture given;
        const std::size_t models = 1 + berth::bounded(source, 3);
        const std::uint32_t jobs = berth::bounded(source, 12);
        for (std::size_t m = 0; m < models; ++m) given.gpus.push_back(berth::bounded(source, 9));
        given.now_s = 5000.0;
        for (std::uint32_t j = 0; j < jobs; ++j) {
            const bool known = berth::uniform01(source) < 0.6;
            given.jobs.push_back(job(j, 1U << berth::bounded(source, 3),
                                     known ? 1000.0 * berth::uniform01(source) : NAN,
                                     5000.0 * berth::uniform01(source)));
            for (std::size_t m = 0; m < models; ++m) {
                const double dice = berth::uniform01(source);
                given.speeds.push_back(dice < 0.2 ? 0.0 : dice < 0.4 ? NAN : dice);
            }
        }
        for (const auto& policy : {berth::berth_rounds{}, for_makespan}) {
            const auto on = given.chosen(policy);
            std::vector<std::uint64_t> used(models, 0);
            for (std::size_t j = 0; j < on.size(); ++j) {
                if (!on[j].valid()) continue;
                CHECK_FALSE(given.speeds[j * models + on[j].value()] <= 0.0);
                used[on[j].value()] += given.jobs[j].gpus;
            }
            for (std::size_t m = 0; m < models; ++m) CHECK(used[m] <= given.gpus[m]);
            // Nobody who could run waits beside idle GPUs.
            for (std::size_t j = 0; j < on.size(); ++j) {
                for (std::size_t m = 0; m < models && !on[j].valid(); ++m) {
                    if (given.speeds[j * models + m] <= 0.0) continue;
                    CHECK(used[m] + given.jobs[j].gpus > given.gpus[m]);
                }
            }
        }
    }
}

TEST_CASE("better than published on Gavel's trace") {
    const gavel_trace given;
    const auto known = given.times(berth::berth_rounds{}, true);
    CHECK(known.jobs == 96);
    CHECK(known.mean_s <= 11'500.0);
    CHECK(known.longest_s <= 48'000.0);
    const auto unknown = given.times(berth::berth_rounds{}, false);
    CHECK(unknown.mean_s <= 11'900.0);
    CHECK(unknown.longest_s <= 43'000.0);
}

TEST_CASE("max-min fairness is that of Gavel") {
    const auto times = gavel_trace{}.times(berth::priority_rounds{berth::max_min_shares{}}, true);
    CHECK(times.mean_s == doctest::Approx(13'766.0).epsilon(0.05));
    CHECK(times.makespan_s == doctest::Approx(61'591.0).epsilon(0.05));
}

TEST_CASE("a batch ends close to the bound of the program") {
    const gavel_trace batch{true};
    CHECK(batch.times(berth::priority_rounds{berth::makespan_shares{}}, true).makespan_s <= 1.018 * 48'963.0);
    CHECK(batch.times(for_makespan, true).makespan_s <= 49'550.0);
}
