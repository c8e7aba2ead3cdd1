// SPDX-License-Identifier: Apache-2.0
#include "berth/model/arrival_mix.hpp"

#include "berth/model/cluster.hpp"
#include "berth/model/workload_builder.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

using namespace berth;
using namespace berth_test;

namespace {

/// A cluster with 6 GPUs of one model and 2 of another, and 20 CPU for each.
cluster two_models() {
    cluster living{{.gpu = {"share"}, .node = {"cpu"}}};
    const gpu_description large[]{{.model = "A100"}, {.model = "A100"}, {.model = "A100"},
                                  {.model = "A100"}, {.model = "A100"}, {.model = "A100"}};
    const gpu_description small[]{{.model = "T4"}, {.model = "T4"}};
    const amount cpu[]{120};
    const amount less[]{40};
    (void)need(living.join({.name = "a", .capacity = cpu, .gpus = large}));
    (void)need(living.join({.name = "b", .capacity = less, .gpus = small}));
    return living;
}
shape_index shape_with(cluster& living, amount share, amount cpu) {
    const amount gpu[]{share};
    const amount node[]{cpu};
    return *living.find(need(living.shape_of(task_description{.gpus = 1, .gpu_demand = gpu, .node_demand = node})));
}
/// The share of the tasks that accept such models.
double share_of(const workload& mix, std::string_view models) {
    std::size_t tasks = 0;
    for (std::size_t s = 0; s < mix.shape_count(); ++s) {
        if (mix.accepted_text(shape_index{s}) == models) tasks += mix.frequency(shape_index{s});
    }
    return static_cast<double>(tasks) / static_cast<double>(mix.total_frequency());
}

/// The mix that is handed out, taken into use.
workload take(arrival_mix& mix, const fleet& machines) {
    workload expected = mix.expected(machines);
    mix.accept(machines);
    return expected;
}

}  // namespace

TEST_CASE("nothing is known before the first arrival") {
    const cluster living = two_models();
    arrival_mix mix;
    CHECK(mix.unknown());
    CHECK_FALSE(mix.changed());
    CHECK(take(mix, living.fleet()).total_frequency() == 0);
}

TEST_CASE("few arrivals are seen beside an assumption: each model may be asked for, by as many tasks") {
    cluster living = two_models();
    const shape_index half = shape_with(living, 500, 5);
    arrival_mix mix{{.assumed_arrivals = 16.0}};
    mix.observe(living.workload(), half);
    REQUIRE(mix.changed());
    const workload one = take(mix, living.fleet());
    CHECK_FALSE(mix.changed());
    REQUIRE(one.shape_count() == 3);
    CHECK(share_of(one, "") == doctest::Approx(1.0 / 17.0).epsilon(0.001));
    CHECK(share_of(one, "A100") == doctest::Approx(8.0 / 17.0).epsilon(0.001));
    CHECK(share_of(one, "T4") == doctest::Approx(8.0 / 17.0).epsilon(0.001));
    const demand_view assumed = one.demand(shape_index{2});
    CHECK(assumed.gpus == 1);
    CHECK(assumed.gpu[0] == whole_gpu);
    CHECK(assumed.node[0] == 10);  // half of 160 CPU for 8 GPUs
    CHECK(assumed.accepted_models == 0b10);

    // The same mix, as long as it is not replaced, whatever becomes of the fleet.
    const amount cpu[]{4000};
    (void)need(living.join({.name = "c", .capacity = cpu}));
    const workload again = take(mix, living.fleet());
    CHECK(again.demand(shape_index{2}).node[0] == 10);
    CHECK(again.total_frequency() == one.total_frequency());

    while (mix.arrivals() < 256) mix.observe(living.workload(), half);
    CHECK(share_of(take(mix, living.fleet()), "") == doctest::Approx(256.0 / 272.0).epsilon(0.01));
    while (mix.arrivals() < 4096) mix.observe(living.workload(), half);
    CHECK(take(mix, living.fleet()).shape_count() == 1);
}

TEST_CASE("an assumed demand that arrives as well is one demand") {
    cluster living = two_models();
    const amount gpu[]{whole_gpu};
    const amount node[]{10};
    const std::string_view models[]{"T4"};
    const auto same = need(living.shape_of(
        task_description{.gpus = 1, .gpu_demand = gpu, .node_demand = node, .accepted_models = models}));
    arrival_mix mix;
    mix.observe(living.workload(), *living.find(same));
    const workload expected = take(mix, living.fleet());
    REQUIRE(expected.shape_count() == 2);
    CHECK(share_of(expected, "T4") == doctest::Approx(17.0 / 33.0).epsilon(0.001));
}

TEST_CASE("nothing is assumed beside a prior, nor if it is not wanted") {
    cluster living = two_models();
    const shape_index half = shape_with(living, 500, 5);
    workload_builder known{living.fleet()};
    const amount gpu[]{250};
    (void)need(known.add_task({.gpus = 1, .gpu_demand = gpu}));
    arrival_mix with_prior;
    with_prior.add_prior(need(std::move(known).build()));
    CHECK(with_prior.changed());
    with_prior.observe(living.workload(), half);
    CHECK(take(with_prior, living.fleet()).shape_count() == 2);

    arrival_mix plain{{.assumed_arrivals = 0.0}};
    plain.observe(living.workload(), half);
    CHECK(take(plain, living.fleet()).shape_count() == 1);
}

TEST_CASE("the mix is replaced after 1, 2, 4, ... arrivals, then if it is another one") {
    cluster living = two_models();
    const shape_index half = shape_with(living, 500, 5);
    const shape_index whole = shape_with(living, 1000, 5);
    arrival_mix mix{{.half_life = 500.0}};
    std::size_t replaced = 0;
    const auto arrive = [&](shape_index s) {
        mix.observe(living.workload(), s);
        if (!mix.changed()) return;
        (void)take(mix, living.fleet());
        ++replaced;
    };
    for (std::size_t i = 0; i < 4096; ++i) arrive(half);
    CHECK(replaced == 13);
    for (std::size_t i = 0; i < 4'000; ++i) arrive(half);
    CHECK(replaced == 13);
    for (std::size_t i = 0; i < 6'000; ++i) arrive(whole);
    CHECK(replaced > 13);
    CHECK(replaced < 25);
    // What came long ago is forgotten.
    const workload now = take(mix, living.fleet());
    std::size_t of_half = 0;
    for (std::size_t s = 0; s < now.shape_count(); ++s) {
        if (now.demand(shape_index{s}).gpu[0] == 500) of_half += now.frequency(shape_index{s});
    }
    CHECK(static_cast<double>(of_half) < 0.1 * static_cast<double>(now.total_frequency()));
}
