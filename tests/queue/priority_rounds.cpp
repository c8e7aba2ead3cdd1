// SPDX-License-Identifier: Apache-2.0
#include "berth/queue/priority_rounds.hpp"

#include "berth/queue/time_shares.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

/// One model with one GPU, two jobs of equal share.
struct halves {
    void allocate(const berth::round_view& view, berth::matrix_view<double> shares) const {
        for (std::size_t j = 0; j < view.jobs.size(); ++j) shares(j, 0) = 0.5;
    }
};

}  // namespace

TEST_CASE("priority rounds: jobs of equal shares take turns, a newcomer waits for the next renewal") {
    const std::array<std::uint32_t, 1> gpus{1};
    const std::array<berth::model_index, 1> order{berth::model_index{0}};
    std::vector<berth::round_job> jobs{{.id = 0}, {.id = 1}};
    const std::vector<double> speeds(3, 1.0);
    auto state = berth::priority_rounds<halves>{}.start(1);
    berth::round_view view{.now_s = 1.0, .gpus = gpus, .order = order};
    std::vector<int> turns(3, 0);
    std::vector<berth::round_outcome> ended;
    for (int round = 0; round < 9; ++round) {
        if (round == 4) jobs.push_back({.id = 2});
        view.jobs = jobs;
        view.ended = ended;
        view.speeds = {speeds.data(), jobs.size(), 1};
        std::vector<berth::model_index> chosen(jobs.size());
        state.choose(view, chosen);
        ended.clear();
        for (std::size_t j = 0; j < chosen.size(); ++j) {
            if (!chosen[j].valid()) continue;
            ++turns[j];
            if (round < 6) CHECK(j != 2);  // 1,920 s are not over
            ended.push_back({static_cast<std::uint32_t>(j), chosen[j], 360.0, 360.0, 360.0, false});
        }
        CHECK(ended.size() == 1);
        view.now_s += 360.0;
        if (round == 3) {
            CHECK(turns[0] == 2);
            CHECK(turns[1] == 2);
        }
    }
    CHECK(turns[2] > 0);
}

TEST_CASE("time shares: first in first out stops at the first job without room and passes over one that cannot run") {
    const std::array<std::uint32_t, 2> gpus{2, 4};
    const std::vector<berth::round_job> jobs{
        {.id = 0, .gpus = 4}, {.id = 1, .gpus = 1}, {.id = 2, .gpus = 1}, {.id = 3, .gpus = 2}, {.id = 4, .gpus = 1}};
    const std::vector<double> speeds{1.0, 3.0, 0.0, 5.0, 2.0, 9.0, 1.0, 1.0, 1.0, 1.0};
    const berth::round_view view{.jobs = jobs, .gpus = gpus, .speeds = {speeds.data(), 5, 2}};
    std::vector<double> shares(10, 0.0);
    berth::fifo_shares{}.allocate(view, {shares.data(), 5, 2});
    CHECK(shares == std::vector<double>{0, 1, 0, 0, 1, 0, 0, 0, 0, 0});
}

TEST_CASE("time shares: isolated gives equal parts of every model, scaled to one") {
    const std::array<std::uint32_t, 2> gpus{2, 4};
    const std::vector<berth::round_job> jobs{{.id = 0, .gpus = 1}, {.id = 1, .gpus = 4}};
    const berth::round_view view{.jobs = jobs, .gpus = gpus};
    std::vector<double> shares(4, 0.0);
    berth::isolated_shares{}.allocate(view, {shares.data(), 2, 2});
    CHECK(shares[0] == 1.0 / 3.0);
    CHECK(shares[1] == 2.0 / 3.0);
    CHECK(shares[2] == 0.25);
    CHECK(shares[3] == 0.5);
}
