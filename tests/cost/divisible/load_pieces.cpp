// SPDX-License-Identifier: Apache-2.0
#include "berth/cost/divisible/load_pieces.hpp"

#include "berth/core/random.hpp"

#include "common/instances.hpp"
#include "cost/divisible/naive_load_pieces.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

using berth::amount;
using berth::gpu_index;
using berth::load_shift;
using berth::task_index;

namespace {

constexpr amount milli(double x) { return static_cast<amount>(x * 1000.0); }
constexpr double gflops[] = {20.0};
constexpr double watts = 300.0;

/// The worked case: 5000 GFLOP, four GPUs of 20 GFLOPS, at most 2000 GFLOP on each.
berth::load_cost worked_case(std::vector<berth::load_task> tasks = {{.execution_cost = 250.0, .load = milli(5000)}},
                             double limit = 2000.0) {
    return berth::make_load_cost(std::move(tasks), std::vector<berth::load_gpu>(4, {.max_load = milli(limit)})).value();
}

}  // namespace

TEST_CASE("worked case: balance spreads one GPU's load over four, migrate_from over three") {
    const auto model = worked_case();
    berth::load_pieces work{model, gflops, {.divisible = {}, .min_piece = milli(100)}};
    const task_index task{0};
    work.place(task, gpu_index{2}, milli(5000));
    CHECK(work.finish(task) == 250'000.0);

    // 5000 / 4 = 1250 each, done after 62.5 s
    const auto balanced = work.balance();
    CHECK(balanced.stranded.empty());
    CHECK(balanced.shifts == std::vector<load_shift>{{task, gpu_index{2}, gpu_index{0}, milli(1250)},
                                                     {task, gpu_index{2}, gpu_index{1}, milli(1250)},
                                                     {task, gpu_index{2}, gpu_index{3}, milli(1250)}});
    for (std::size_t g = 0; g < 4; ++g) {
        CHECK(work.load_on(task, gpu_index{g}) == milli(1250));
        CHECK(work.finish(gpu_index{g}) == 62'500.0);
    }
    CHECK(work.balance().shifts.empty());

    // After 25 s each has done 500, and GPU 2 fails: its 750 go to the others, 250 each, 1000 in all: 50 s more.
    double joules = 4 * 25.0 * watts;
    for (std::size_t g = 0; g < 4; ++g) work.done(task, gpu_index{g}, milli(500));
    const auto moved = work.migrate_from(gpu_index{2});
    CHECK(moved.stranded.empty());
    CHECK(moved.shifts == std::vector<load_shift>{{task, gpu_index{2}, gpu_index{0}, milli(250)},
                                                  {task, gpu_index{2}, gpu_index{1}, milli(250)},
                                                  {task, gpu_index{2}, gpu_index{3}, milli(250)}});
    CHECK(work.load_on(task, gpu_index{2}) == 0);
    CHECK(work.pieces().size() == 3);
    CHECK(work.finish(task) == 50'000.0);
    joules += 3 * 50.0 * watts;
    CHECK(joules == 75'000.0);  // 75 s instead of 62.5 s, the same energy

    // After 25 s more GPU 0 is too hot: 500 left on each, 250 more for each of the last two: 37.5 s.
    for (const std::size_t g : {0U, 1U, 3U}) work.done(task, gpu_index{g}, milli(500));
    CHECK(work.migrate_from(gpu_index{0}).shifts.size() == 2);
    CHECK(work.load_on(task, gpu_index{1}) == milli(750));
    CHECK(work.load_on(task, gpu_index{3}) == milli(750));
    CHECK(work.finish(task) == 37'500.0);
}

TEST_CASE("worked case: GPUs with earlier load get smaller pieces") {
    // 60, 40, 0 and 20 GFLOP before; the task is task 0.
    const auto model =
        worked_case({{.load = milli(5000)}, {.load = milli(60)}, {.load = milli(40)}, {}, {.load = milli(20)}});
    berth::load_pieces work{model, gflops};
    const double before[] = {60, 40, 0, 20};
    for (std::size_t g = 0; g < 4; ++g) work.place(task_index{g + 1}, gpu_index{g}, milli(before[g]));
    const task_index task{0};
    CHECK(work.spread(task, milli(5000)).stranded.empty());
    for (std::size_t g = 0; g < 4; ++g) {
        CHECK(work.load_on(task, gpu_index{g}) == milli(1280 - before[g]));
        CHECK(work.finish(gpu_index{g}) == 64'000.0);
        // 24 s of work: 480 GFLOP, what was there before first.
        work.done(task_index{g + 1}, gpu_index{g}, milli(before[g]));
        work.done(task, gpu_index{g}, milli(480 - before[g]));
    }
    const auto moved = work.migrate_from(gpu_index{2});
    REQUIRE(moved.shifts.size() == 3);  // 800 in three
    CHECK(moved.shifts[0].load + moved.shifts[1].load + moved.shifts[2].load == milli(800));
    for (const auto& s : moved.shifts) CHECK((s.load == 266'666 || s.load == 266'667));
    CHECK(work.finish(task) == doctest::Approx(53'333.33));
}

TEST_CASE("a task that may not be cut moves as a whole, or stays and is reported") {
    const std::vector<std::uint8_t> divisible{0, 0, 0};
    const auto model = worked_case({{.load = milli(900)}, {.load = milli(700)}, {.load = milli(600)}});
    berth::load_pieces work{model, gflops, {.divisible = divisible}};
    for (std::size_t t = 0; t < 3; ++t) work.place(task_index{t}, gpu_index{0}, model.task(task_index{t}).load);
    // 2200 of 2000: the smallest that suffices is that of 600.
    CHECK(work.balance().shifts == std::vector<load_shift>{{task_index{2}, gpu_index{0}, gpu_index{1}, milli(600)}});
    work.set_usable(gpu_index{3}, false);
    CHECK(work.migrate_from(gpu_index{0}).shifts ==
          std::vector<load_shift>{{task_index{0}, gpu_index{0}, gpu_index{2}, milli(900)},
                                  {task_index{1}, gpu_index{0}, gpu_index{1}, milli(700)}});

    const auto large = worked_case({{.load = milli(5000)}});
    berth::load_pieces stuck{large, gflops, {.divisible = std::span{divisible}.first(1)}};
    stuck.place(task_index{0}, gpu_index{1}, milli(5000));
    const auto step = stuck.balance();
    CHECK(step.shifts.empty());
    REQUIRE(step.stranded.size() == 1);
    CHECK(step.stranded[0] == berth::stranded_load{task_index{0}, gpu_index{1}, milli(5000)});
    CHECK(stuck.load_on(task_index{0}, gpu_index{1}) == milli(5000));
    CHECK(stuck.spread(task_index{0}, milli(2500)).stranded.at(0) ==
          berth::stranded_load{task_index{0}, gpu_index{}, milli(2500)});
}

TEST_CASE("divisible load that fits nowhere stays and is reported") {
    const auto model = worked_case({{.load = milli(9000)}});
    berth::load_pieces work{model, gflops};
    work.place(task_index{0}, gpu_index{0}, milli(9000));
    const auto step = work.balance();
    CHECK(step.stranded.at(0).load == milli(1000));
    CHECK(work.load_on(task_index{0}, gpu_index{0}) == milli(3000));
    CHECK(work.load_on(task_index{0}, gpu_index{3}) == milli(2000));
}

TEST_CASE("random cases: load is conserved, no GPU is brought above its limit, balance ends") {
    berth::xoshiro256 g{11};
    for (int round = 0; round < 400; ++round) {
        const std::size_t gpus = 1 + berth_test::below(g, 6);
        const std::size_t tasks = 1 + berth_test::below(g, 10);
        std::vector<berth::load_task> all(tasks);
        std::vector<std::uint8_t> divisible;
        for (auto& task : all) {
            task.load = static_cast<amount>(1 + berth_test::below(g, 900));
            divisible.push_back(berth_test::chance(g, 60) ? 1 : 0);
        }
        std::vector<berth::load_gpu> limits(gpus);
        for (auto& limit : limits) {
            limit.max_load = static_cast<amount>(200 + berth_test::below(g, 1500));
            limit.available_time = berth_test::chance(g, 70) ? 1000 : 500;
        }
        const auto model = berth::make_load_cost(all, limits).value();
        const std::vector<double> speeds(gpus, 2.5);
        berth::load_pieces work{
            model, speeds, {.divisible = divisible, .min_piece = static_cast<amount>(1 + berth_test::below(g, 40))}};
        for (std::size_t t = 0; t < tasks; ++t)
            work.place(task_index{t}, gpu_index{berth_test::below(g, gpus)}, all[t].load);
        const auto conserved = [&] {
            std::vector<amount> sum(tasks, 0);
            std::vector<amount> micro(gpus, 0);
            for (const auto& piece : work.pieces()) {
                REQUIRE(piece.load > 0);
                sum[piece.task.value()] += piece.load;
                micro[piece.gpu.value()] += piece.load * limits[piece.gpu.value()].available_time;
            }
            for (std::size_t t = 0; t < tasks; ++t) REQUIRE(sum[t] == all[t].load);
            for (std::size_t i = 0; i < gpus; ++i) REQUIRE(micro[i] == work.loads().load_micro(gpu_index{i}));
        };
        const auto over = [&](std::size_t i) {
            return std::max<amount>(0, work.loads().load_micro(gpu_index{i}) - limits[i].max_load * 1000);
        };
        std::vector<amount> before;
        for (std::size_t i = 0; i < gpus; ++i) before.push_back(over(i));
        const auto step = work.balance();
        conserved();
        for (std::size_t i = 0; i < gpus; ++i) REQUIRE(over(i) <= before[i]);
        for (std::size_t t = 0; t < tasks; ++t) {
            if (divisible[t] != 0) continue;
            std::size_t places = 0;
            for (std::size_t i = 0; i < gpus; ++i) places += work.load_on(task_index{t}, gpu_index{i}) > 0 ? 1 : 0;
            REQUIRE(places == 1);
        }
        const std::size_t sick = berth_test::below(g, gpus);
        before.clear();
        for (std::size_t i = 0; i < gpus; ++i) before.push_back(over(i));
        const auto moved = work.migrate_from(gpu_index{sick});
        conserved();
        for (std::size_t i = 0; i < gpus; ++i) REQUIRE(over(i) <= before[i]);
        amount left = 0;
        for (const auto& s : moved.stranded) left += s.load * limits[sick].available_time;
        REQUIRE(left == work.loads().load_micro(gpu_index{sick}));
    }
}

TEST_CASE("load_pieces: equals the naive list after any sequence of calls") {
    std::size_t shifts = 0;
    std::size_t stranded = 0;
    for (std::uint64_t seed = 0; seed < 150; ++seed) {
        CAPTURE(seed);
        berth::xoshiro256 g{seed};
        const std::size_t gpus = 1 + berth_test::below(g, 6);
        const std::size_t tasks = 1 + berth_test::below(g, 12);
        std::vector<std::uint8_t> divisible;
        for (std::size_t t = 0; t < tasks; ++t) divisible.push_back(berth_test::chance(g, 50) ? 1 : 0);
        std::vector<berth::load_gpu> limits(gpus);
        for (auto& limit : limits) {
            limit.max_load = static_cast<amount>(berth_test::below(g, 1500));
            limit.available_time = static_cast<amount>(500 * berth_test::below(g, 3));
            limit.load = berth_test::chance(g, 30) ? static_cast<amount>(berth_test::below(g, 400)) : 0;
        }
        const auto model = berth::make_load_cost(std::vector<berth::load_task>(tasks), limits).value();
        std::vector<double> speeds;
        for (std::size_t i = 0; i < gpus; ++i) speeds.push_back(1.0 + static_cast<double>(berth_test::below(g, 3)));
        const berth::piece_options options{.divisible = divisible,
                                           .min_piece = static_cast<amount>(1 + berth_test::below(g, 40))};
        berth::load_pieces work{model, speeds, options};
        berth_test::naive_load_pieces naive{model, speeds, options};
        const auto same_step = [&](const berth::load_step& a, const berth::load_step& b) {
            REQUIRE(a.shifts == b.shifts);
            REQUIRE(a.stranded == b.stranded);
            shifts += a.shifts.size();
            stranded += a.stranded.size();
        };
        for (int step = 0; step < 40; ++step) {
            const task_index t{berth_test::below(g, tasks)};
            const gpu_index gpu{berth_test::below(g, gpus)};
            const auto load = static_cast<amount>(berth_test::below(g, 300));
            switch (berth_test::below(g, 8)) {
                case 0: same_step(work.balance(), naive.balance()); break;
                case 1: same_step(work.migrate_from(gpu), naive.migrate_from(gpu)); break;
                case 2: same_step(work.spread(t, load), naive.spread(t, load)); break;
                case 3: {
                    const bool usable = berth_test::chance(g, 80);
                    work.set_usable(gpu, usable);
                    naive.set_usable(gpu, usable);
                    break;
                }
                case 4: {
                    const amount there = naive.load_on(t, gpu);
                    const amount some = berth_test::chance(g, 50) ? there : there / 2;
                    CHECK(work.done(t, gpu, some));
                    naive.done(t, gpu, some);
                    break;
                }
                default:
                    work.place(t, gpu, load);
                    naive.place(t, gpu, load);
                    break;
            }
            REQUIRE(
                std::equal(work.pieces().begin(), work.pieces().end(), naive.pieces().begin(), naive.pieces().end()));
            for (std::size_t i = 0; i < gpus; ++i)
                REQUIRE(work.loads().load_micro(gpu_index{i}) == naive.loads().load_micro(gpu_index{i}));
            REQUIRE(work.finish(t) == naive.finish(t));
            REQUIRE(work.load_on(t, gpu) == naive.load_on(t, gpu));
        }
    }
    CHECK(shifts > 1000);
    CHECK(stranded > 1000);
}

TEST_CASE("load_pieces: done() refuses load that is not there, in every build") {
    const auto model = worked_case();
    berth::load_pieces work{model, gflops};
    work.place(task_index{0}, gpu_index{1}, 500);
    CHECK_FALSE(work.done(task_index{0}, gpu_index{1}, 501));
    CHECK_FALSE(work.done(task_index{0}, gpu_index{0}, 1));
    CHECK_FALSE(work.done(task_index{0}, gpu_index{9}, 1));
    CHECK_FALSE(work.done(task_index{1}, gpu_index{1}, 1));
    CHECK_FALSE(work.done(task_index{}, gpu_index{}, 1));
    CHECK_FALSE(work.done(task_index{0}, gpu_index{1}, -1));
    CHECK(work.load_on(task_index{0}, gpu_index{1}) == 500);
    CHECK(work.done(task_index{0}, gpu_index{1}, 500));
    CHECK(work.pieces().empty());
}

TEST_CASE("load_pieces: placing and finding do not search the pieces of other tasks") {
    const std::size_t tasks = 40'000;
    const auto model = berth::make_load_cost(std::vector<berth::load_task>(tasks),
                                             std::vector<berth::load_gpu>(400, {.max_load = 200'000}))
                           .value();
    const std::vector<std::uint8_t> whole(tasks, 0);
    berth::load_pieces work{model, gflops, {.divisible = whole}};
    for (std::size_t t = 0; t < tasks; ++t) work.place(task_index{t}, gpu_index{t % 400}, 1000);
    CHECK(work.pieces().size() == tasks);
    for (std::size_t t = 0; t < tasks; ++t) CHECK(work.finish(task_index{t}) == 5'000.0);
    CHECK(work.migrate_from(gpu_index{7}).shifts.size() == 100);
    CHECK(work.balance().shifts.empty());
    CHECK(work.pieces().size() == tasks);
}
