// SPDX-License-Identifier: Apache-2.0
// The worked case of the load model: 100 GB of data, 5000 GFLOP, four GPUs of 20 GFLOPS at 300 W. The task goes to the least
// loaded GPU, then is split over the four.
#include "berth/cost/divisible/load_cost.hpp"
#include "berth/cost/divisible/split.hpp"
#include "berth/cost/execution_time.hpp"
#include "berth/feature/columns.hpp"
#include "berth/feature/extract.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace {

struct job {
    double data_size;    // GB
    double complexity;   // GFLOP
    double output_size;  // GB
};
struct card {
    double speed;  // GFLOPS
    double power;  // W
    double load;   // GFLOP it has to finish first
};

constexpr berth::amount milli(double x) { return static_cast<berth::amount>(x * 1000.0); }

std::size_t least_loaded(const berth::load_state& state, berth::task_index task) {
    std::size_t best = state.model().gpus().size();
    for (std::size_t g = 0; g < state.model().gpus().size(); ++g) {
        const berth::gpu_index gpu{g};
        if (!state.admits(task, gpu)) continue;
        if (best == state.model().gpus().size() || state.cost(task, gpu) < state.cost(task, berth::gpu_index{best}))
            best = g;
    }
    return best;
}

}  // namespace

TEST_CASE("worked case: features, execution cost, the least loaded GPU, then a split over four") {
    const std::vector<job> jobs{{100.0, 5000.0, 0.0}};
    const std::vector<card> cards{{20.0, 300.0, 60.0}, {20.0, 300.0, 40.0}, {20.0, 300.0, 0.0}, {20.0, 300.0, 20.0}};

    const auto tasks = berth::extract(jobs, berth::columns{berth::column{"data_size", &job::data_size},
                                                           berth::column{"complexity", &job::complexity},
                                                           berth::column{"output_size", &job::output_size}})
                           .value();
    const auto gpus = berth::extract(cards, berth::columns{berth::column{"speed", &card::speed},
                                                           berth::column{"power", &card::power}})
                          .value();
    std::vector<double> costs(1);
    berth::execution_costs(tasks.view(), gpus.row(0), costs);
    CHECK(costs[0] == 250.0);  // 5000 GFLOP / 20 GFLOPS

    // Load in GFLOP: L = 5000, G = 10000, T = 1.
    std::vector<berth::load_gpu> limits;
    for (const card& c : cards) limits.push_back({.max_load = milli(10'000.0), .load = milli(c.load)});
    const auto model =
        berth::make_load_cost({{.execution_cost = costs[0], .load = milli(jobs[0].complexity)}}, limits).value();
    const berth::task_index task{0};

    SUBCASE("whole: 250 s on the one GPU that has nothing to do") {
        berth::load_state state{model};
        CHECK(least_loaded(state, task) == 2);
        CHECK(state.cost(task, berth::gpu_index{3}) == doctest::Approx(250.0 * 20.0));
        state.place(task, berth::gpu_index{2});
        CHECK(state.load(berth::gpu_index{2}) == doctest::Approx(5000.0));
        CHECK(least_loaded(state, task) == 3);
        state.place(task, berth::gpu_index{2});
        CHECK_FALSE(state.admits(task, berth::gpu_index{2}));  // 10000 + 5000 > 10000
    }
    SUBCASE("split over four idle GPUs: 62.5 s instead of 250 s, at the same energy") {
        const std::vector<berth::split_target> idle(4, {.speed = cards[0].speed});
        const auto one = berth::split_load(milli(5000.0), std::span{idle}.first(1)).value();
        const auto four = berth::split_load(milli(5000.0), idle).value();
        CHECK(one.finish / 1000.0 == 250.0);
        CHECK(four.finish / 1000.0 == 62.5);
        double joules = 0.0;
        for (const auto& piece : four.pieces) {
            CHECK(piece.load == milli(1250.0));
            joules += cards[piece.target].power * piece.finish / 1000.0;
        }
        CHECK(joules == 300.0 * 250.0);
    }
    SUBCASE("split around the loads: all four are done at the same time") {
        berth::load_state state{model};
        const double speed[] = {cards[0].speed};
        const auto split = berth::split_load(milli(5000.0), berth::split_targets(state, speed)).value();
        REQUIRE(split.pieces.size() == 4);
        CHECK(split.finish / 1000.0 == 64.0);  // (5000 + 120) / 80
        for (const auto& piece : split.pieces) {
            CHECK(piece.finish / 1000.0 == 64.0);
            state.place(berth::load_task{.load = piece.load}, berth::gpu_index{piece.target});
        }
        for (std::size_t g = 0; g < 4; ++g) CHECK(state.load(berth::gpu_index{g}) == doctest::Approx(1280.0));
    }
}
