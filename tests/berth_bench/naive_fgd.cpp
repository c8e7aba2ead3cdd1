// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/naive_fgd.hpp"

#include "berth/model/ledger.hpp"
#include "berth/model/task_mix.hpp"
#include "berth/objective/measures/fragmentation.hpp"

#include "berth_bench/trace.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <tuple>

using bench_test::default_trace;

TEST_CASE("typical tasks of the default trace are the published ones") {
    const auto input = default_trace();
    const bench::naive_fgd placer{input};
    const auto& typical = placer.typical();
    REQUIRE(typical.size() == 35);
    const std::tuple<int, std::size_t, int, std::size_t> published[] = {
        // cpu, GPUs, milli, count
        {3152, 1, 810, 1047},  {11300, 1, 1000, 874}, {11400, 1, 1000, 599}, {3152, 1, 1000, 470},
        {11908, 1, 470, 388},  {12500, 0, 0, 366},    {8000, 1, 470, 360},   {12000, 1, 1000, 326},
        {32000, 0, 0, 290},    {18708, 1, 1000, 255}, {11908, 1, 650, 237},  {4000, 1, 320, 232},
        {9810, 1, 1000, 195},  {8000, 0, 0, 185},     {8000, 1, 1000, 164},  {4000, 1, 1000, 159},
        {15700, 1, 1000, 158}, {11908, 1, 1000, 153}, {16000, 1, 1000, 150}, {4000, 1, 230, 122},
        {15400, 0, 0, 120},    {6000, 1, 460, 120},   {16500, 0, 0, 95},     {14200, 1, 1000, 93},
        {24200, 1, 1000, 84},  {3152, 1, 590, 75},    {8000, 1, 320, 72},    {4152, 1, 550, 72},
        {11900, 1, 1000, 55},  {4000, 1, 160, 54},    {4152, 1, 370, 45},    {4000, 1, 220, 43},
        {8200, 1, 1000, 41},   {15200, 1, 1000, 36},  {4152, 1, 810, 31},
    };
    std::size_t covered = 0;
    double popularity = 0.0;
    for (std::size_t i = 0; i < typical.size(); ++i) {
        INFO(i);
        const auto& [cpu, gpus, milli, count] = published[i];
        CHECK(typical[i].cpu == cpu);
        CHECK(typical[i].gpus == gpus);
        CHECK(typical[i].milli == milli);
        CHECK(typical[i].count == count);
        covered += typical[i].count;
        popularity += typical[i].popularity;
    }
    CHECK(covered == 7766);
    CHECK(popularity == doctest::Approx(1.0).epsilon(1e-12));
    CHECK(typical[0].popularity == doctest::Approx(1047.0 / 7766.0).epsilon(1e-12));

    SUBCASE("and the library's task mix is the same, bit for bit") {
        const auto mix = berth::typical_mix(*input.workload);
        REQUIRE(mix.entries.size() == typical.size());
        for (std::size_t i = 0; i < typical.size(); ++i) {
            const auto demand = input.workload->demand(mix.entries[i].example);
            CHECK(demand.node[0] == typical[i].cpu);
            CHECK(demand.gpu[0] == typical[i].milli);
            CHECK(mix.entries[i].count == typical[i].count);
            CHECK(mix.entries[i].popularity == typical[i].popularity);
        }
    }
}

TEST_CASE("fragmentation after the first arrivals is the published test vector") {
    const auto input = default_trace();
    bench::naive_fgd placer{input};
    berth::ledger ledger{*input.fleet};
    const berth::fragmentation library{input.problem(), berth::typical_mix(*input.workload)};
    const double published[] = {866232.55, 865816.03, 865680.05, 865544.07, 865408.10, 864991.57, 864916.37};
    for (std::size_t event = 0; event < std::size(published); ++event) {
        INFO("event " << event + 1);
        const auto task = input.arrivals[event];
        const auto where = placer.place(task);
        REQUIRE(where.placed());
        ledger.place(input.workload->demand(task), where);
        double fragment = 0.0;
        for (std::size_t n = 0; n < input.fleet->node_count(); ++n) {
            const double here = placer.fragmentation(n);
            CHECK(here == library(ledger.node(berth::node_index{n})));  // bit for bit
            fragment += here;
        }
        CHECK(fragment == doctest::Approx(published[event]).epsilon(0.005 / published[event]));
    }
}

TEST_CASE("fragmentation of a node, by hand") {
    // One node with two GPUs; three tasks, all typical: 500 of a GPU, two GPUs, no GPU.
    const auto input =
        bench_test::small_trace("n0,4000,1000,2,T4\n", "a,1000,1,1,500,\nb,1000,1,2,1000,\nc,8000,1,0,0,\n");
    bench::naive_fgd placer{input};
    REQUIRE(placer.typical().size() == 3);
    // Empty: a and b could use everything, c nothing of the 2000 idle: 2000 / 3.
    CHECK(placer.fragmentation(0) == doctest::Approx(2000.0 / 3));
    REQUIRE(placer.place(berth::task_index{0}).placed());
    // 500 + 1000 idle: a can use all, b needs two whole GPUs (all 1500 wasted), c all 1500.
    CHECK(placer.fragmentation(0) == doctest::Approx(3000.0 / 3));
    for (int i = 0; i < 3; ++i) REQUIRE(placer.place(berth::task_index{0}).placed());
    CHECK(placer.fragmentation(0) == 0.0);  // nothing idle, nothing wasted
    CHECK_FALSE(placer.place(berth::task_index{0}).placed());
}

TEST_CASE("the naive loop reproduces the published placements") {
    const auto input = default_trace();
    bench::naive_fgd placer{input};
    std::ifstream golden(std::string{BERTH_OPENB_DIR} + "/golden_fgd_default_42.csv");
    REQUIRE(golden.is_open());
    std::string line;
    for (std::size_t i = 0; i < input.arrivals.size(); ++i) {
        const auto where = placer.place(input.arrivals[i]);
        std::string said = input.workload->name(input.arrivals[i]) + ',';
        said += where.placed() ? input.fleet->name(where.node) : "-";
        said += ',';
        for (berth::gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
            if (rest != where.gpus) said += '-';
            said += std::to_string(berth::lowest_gpu(rest));
        }
        REQUIRE(std::getline(golden, line));
        REQUIRE_MESSAGE(said == line, "arrival " << i);
    }
    CHECK_FALSE(std::getline(golden, line));
}
