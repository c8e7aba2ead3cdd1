// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/recorder.hpp"

#include "berth_bench/policies.hpp"
#include "berth_bench/trace.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

using bench::arrival_curve;

TEST_CASE("a run of four arrivals, by hand") {
    // One node with two GPUs. 500 (placed), two GPUs (turned away), 1000 (placed), no GPU (placed).
    const auto input = bench_test::small_trace(
        "n0,8000,1000,2,T4\n", "a,1000,10,1,500,\nb,1000,10,2,1000,\nc,1000,10,1,1000,\nd,1000,10,0,0,\n");
    const berth::node_index n0{0};
    const std::vector<berth::slot> placements{{n0, 1}, berth::unplaced, {n0, 2}, {n0, 0}};
    const auto record = bench::record_run(input, placements, true);

    CHECK(record.arrivals == 4);
    CHECK(record.rejected == 1);
    CHECK(record.arrived_milli == 3500);
    CHECK(record.allocated_milli == 1500);
    CHECK(record.arrived_by_class == std::array<std::size_t, bench::task_class_count>{1, 1, 1, 1, 0, 0, 0});
    CHECK(record.accepted_by_class == std::array<std::size_t, bench::task_class_count>{1, 1, 1, 0, 0, 0, 0});
    CHECK(record.gpus_in_use == 2);
    CHECK(record.cpu_percent == doctest::Approx(100.0 * 3000 / 8000));
    CHECK(record.memory_percent == doctest::Approx(3.0));

    // Arrived: 25 % after a, 125 % after b, 175 % after c and d.
    const auto& left = record.curve.unallocated_percent;
    CHECK(arrival_curve::at(left, 25) == 75.0);
    CHECK(arrival_curve::at(left, 24) == 75.0);  // empty bins next to a full one take its mean
    CHECK(arrival_curve::at(left, 26) == 75.0);
    CHECK(std::isnan(arrival_curve::at(left, 27)));
    CHECK(arrival_curve::at(left, 125) == 75.0);
    CHECK(arrival_curve::at(left, 175) == 25.0);
    CHECK(std::isnan(arrival_curve::at(left, 500)));

    // At the end 500 are idle; a can use them, b, c and d cannot: 3/4 of them are a fragment.
    CHECK(arrival_curve::at(record.curve.fragmentation_ratio_percent, 175) == 75.0);
    CHECK(arrival_curve::at(record.curve.fragmentation_percent, 175) == 18.75);

    REQUIRE(record.rejections.size() == 1);
    CHECK(record.rejections[0].arrival == 1);
    const auto& why = record.rejections[0].why;
    CHECK(why[berth::refusal::whole_gpus] == 1);
    CHECK(why.nearest.node == n0);
    CHECK(why.nearest.wanted == 2);
    CHECK(why.nearest.available == 1);

    CHECK(bench::record_run(input, placements).rejections.empty());
}

TEST_CASE("a run without arrivals") {
    const auto input = bench_test::small_trace("n0,8000,1000,2,T4\n", "a,1000,10,1,500,\n");
    const auto record = bench::record_run(input, {});
    CHECK(record.arrivals == 0);
    CHECK(record.curve.unallocated_percent.empty());
    CHECK(record.gpus_in_use == 0);
    CHECK(record.power_watts > 0.0);  // idle machines draw power
}

TEST_CASE("FGD on the default trace: the final totals and the table of the simulator") {
    const auto input = bench_test::default_trace();
    const auto record = bench::record_run(input, bench::find_policy("fgd")->run(input, bench_test::go_on).placements);
    CHECK(record.allocated_milli == 5'919'410);
    CHECK(record.gpus_in_use == 6'189);
    CHECK(record.rejected == 2'532);
    CHECK(record.cpu_percent == doctest::Approx(100.0 * 89'928'302 / 107'018'000).epsilon(1e-9));
    CHECK(record.memory_percent ==
          doctest::Approx(100.0 * (328'998'433'325'056.0 / 1'048'576) / 503'828'480).epsilon(1e-9));
    CHECK(arrival_curve::at(record.curve.unallocated_percent, 100) == doctest::Approx(100 - 95.14).epsilon(1e-9));
    CHECK(arrival_curve::at(record.curve.unallocated_percent, 130) == doctest::Approx(100 - 95.29).epsilon(1e-9));
}
