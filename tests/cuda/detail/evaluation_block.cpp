// SPDX-License-Identifier: Apache-2.0
// The code of the kernel, run by threads of the host in turn, equals the plain evaluation in every layout.
#include "berth/cuda/detail/evaluation_block.hpp"

#include "berth/allocate/assignment/batch/packed_problem.hpp"
#include "berth/allocate/assignment/batch/population_evaluator.hpp"
#include "berth/core/random.hpp"
#include "berth/cuda/detail/evaluation_shape.hpp"
#include "berth/cuda/detail/evaluation_source.hpp"

#include "cuda/evaluation_cases.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

using namespace berth;
using namespace berth::detail::evaluation;
using namespace berth_test;

namespace {

template <class Source, gene Gene>
problem_sizes sizes_of(const Source& source) {
    return {source.tasks(),
            source.gpus(),
            sizeof(typename Source::word),
            sizeof(typename Source::unit),
            source.row_units(),
            source.fixed_units(),
            sizeof(Gene),
            Source::in_table};
}

/// All launches of a population, all blocks of a launch, in turn.
template <class Source, gene Gene>
evaluation_outcome run_blocks(const Source& source, const evaluation_shape& shape, const evaluation_case& c) {
    const std::vector<Gene> genes = c.genes_as<Gene>();
    evaluation_outcome all{std::vector<assignment_measures>(c.individuals),
                           std::vector<amount>(c.individuals * c.gpus)};
    std::vector<assignment_value> values(c.individuals);
    std::vector<typename Source::word> carried(c.individuals * c.gpus, 77);
    std::vector<std::uint64_t> sums(2 * c.individuals, 77);
    std::vector<sixteen_bytes> shared(shape.shared / 16 + 1, sixteen_bytes{{~0ULL, ~0ULL}});
    std::vector<tally> tallies(shape.threads());
    threads_in_turn team{tallies.data(), shape.threads()};
    std::size_t first = 0;
    do {
        const std::size_t last = first + shape.window < c.tasks ? first + shape.window : c.tasks;
        const evaluation_pass<Source, Gene> pass{source,
                                                 genes.data(),
                                                 c.individuals,
                                                 first,
                                                 last,
                                                 carried.data(),
                                                 sums.data(),
                                                 c.initial.data(),
                                                 c.weights.data(),
                                                 values.data(),
                                                 all.measures.data(),
                                                 all.loads.data()};
        for (std::size_t b = 0; b * shape.individuals < c.individuals; ++b) {
            auto* memory = reinterpret_cast<unsigned char*>(shared.data());
            if (shape.layout == evaluation_layout::few_gpus) {
                evaluation_block<Source, Gene, true, true, threads_in_turn>{pass, shape, b, memory, team}.run();
            } else if (shape.loads_shared) {
                evaluation_block<Source, Gene, false, true, threads_in_turn>{pass, shape, b, memory, team}.run();
            } else {
                evaluation_block<Source, Gene, false, false, threads_in_turn>{pass, shape, b, memory, team}.run();
            }
        }
        first = last;
    } while (first < c.tasks);
    for (std::size_t i = 0; i < c.individuals; ++i) CHECK(values[i] == all.measures[i].value);
    return all;
}

/// Devices with little of everything, so that small problems use every layout.
const device_limits large{132, 227 << 10U, 228 << 10U, 50 << 20U, 1 << 30U};
const device_limits no_lanes{4, 20 << 10U, 40 << 10U, 50 << 20U, 1 << 30U};
const device_limits small_cache{4, 20 << 10U, 40 << 10U, 2048, 1 << 30U};
const device_limits no_shared{4, 16, 40 << 10U, 50 << 20U, 1 << 30U};
const device_limits nothing{4, 16, 1024, 2048, 1 << 30U};

template <class Source, gene Gene>
void check_layouts(const Source& source, const evaluation_case& c, const evaluation_outcome& expected) {
    for (const device_limits& limits : {large, no_lanes, small_cache, no_shared, nothing}) {
        const auto sizes = sizes_of<Source, Gene>(source);
        const evaluation_shape shape = shape_for(sizes, c.individuals, limits);
        CAPTURE(static_cast<int>(shape.layout));
        CAPTURE(shape.individuals);
        CAPTURE(shape.loads_shared);
        CAPTURE(shape.window);
        CHECK(run_blocks<Source, Gene>(source, shape, c) == expected);
    }
}

void check_tables(const evaluation_case& c) {
    CAPTURE(c.tasks);
    CAPTURE(c.gpus);
    CAPTURE(c.individuals);
    const evaluation_outcome expected = plain_outcome(c);
    const auto packed = pack_assignments(c.problem());
    REQUIRE(packed);
    const auto wide = pack_assignments(c.problem(), {.narrow_words = false});
    REQUIRE(wide);
    if (packed->word_bits() == 32) {
        const table_source<std::uint32_t> source{packed->table<std::uint32_t>()};
        if (packed->gene_bits() == 16) check_layouts<table_source<std::uint32_t>, std::uint16_t>(source, c, expected);
        check_layouts<table_source<std::uint32_t>, std::uint32_t>(source, c, expected);
    }
    const table_source<std::uint64_t> source{wide->table<std::uint64_t>()};
    check_layouts<table_source<std::uint64_t>, std::uint16_t>(source, c, expected);
}

}  // namespace

TEST_CASE("every layout equals the definition on random problems") {
    xoshiro256 random{11};
    for (std::uint64_t round = 0; round < 25; ++round) {
        const std::size_t tasks = 1 + bounded(random, 90);
        const std::size_t gpus = 1 + bounded(random, 40);
        const std::size_t individuals = bounded(random, 70);
        check_tables(evaluation_case{round, tasks, gpus, individuals});
    }
}

TEST_CASE("every layout equals the definition at the edges") {
    check_tables(evaluation_case{1, 1, 1, 1});
    check_tables(evaluation_case{2, 257, 1, 3});
    check_tables(evaluation_case{3, 129, 7, 33});
    check_tables(evaluation_case{4, 5, 1500, 9});
    check_tables(evaluation_case{5, 300, 3, 0});
    check_tables(evaluation_case{6, 64, 130, 128});
    check_tables(evaluation_case{7, 40, 5, 20, 4'000'000'000U, 4'000'000'000U});
}

TEST_CASE("the devices of these tests use every layout") {
    const problem_sizes sizes{129, 7, 4, 4, 7, 0, 2, true};
    CHECK(shape_for(sizes, 33, large).layout == evaluation_layout::few_gpus);
    CHECK(shape_for(sizes, 33, no_lanes).layout == evaluation_layout::many_gpus);
    CHECK(shape_for(sizes, 33, small_cache).layout == evaluation_layout::large_table);
    CHECK(shape_for(sizes, 33, small_cache).loads_shared);
    CHECK(shape_for(sizes, 33, small_cache).window == 64);
    CHECK(!shape_for(sizes, 33, no_shared).loads_shared);
    CHECK(!shape_for(sizes, 33, nothing).loads_shared);
    CHECK(shape_for(sizes, 33, nothing).window == 64);
}

TEST_CASE("an individual of no tasks costs the base of the table") {
    const evaluation_case c{1, 0, 0, 3};
    check_tables(c);
}

TEST_CASE("features equal their functor in every layout") {
    xoshiro256 random{12};
    for (std::uint64_t round = 0; round < 12; ++round) {
        const evaluation_case c{round, 1 + bounded(random, 150), 1 + bounded(random, 60), 1 + bounded(random, 80)};
        const feature_tables tables{c};
        // A row is one float longer than the features, so that lanes read from different banks.
        std::vector<float> spread;
        for (std::size_t g = 0; g < c.gpus; ++g) {
            spread.insert(spread.end(), {tables.gpus[2 * g], tables.gpus[2 * g + 1], -1.0F});
        }
        const feature_source<distance_pair> source{distance_pair{},
                                                   tables.tasks.data(),
                                                   spread.data(),
                                                   c.capacities.data(),
                                                   c.tasks,
                                                   c.gpus,
                                                   2,
                                                   feature_source<distance_pair>::pitch_of(2),
                                                   0.5};
        const evaluation_outcome expected = tables.outcome(c);
        check_layouts<feature_source<distance_pair>, std::uint16_t>(source, c, expected);
        check_layouts<feature_source<distance_pair>, std::uint32_t>(source, c, expected);
    }
}

TEST_CASE("loads agree with the tiled evaluator of the host") {
    const evaluation_case c{21, 77, 13, 45};
    const auto packed = pack_assignments(c.problem());
    REQUIRE(packed);
    auto tiled = tiled_evaluator{}.prepare(*packed);
    const auto genes = c.genes_as<std::uint16_t>();
    std::vector<assignment_value> values(c.individuals);
    std::vector<amount> loads(c.individuals * c.gpus);
    tiled.evaluate(population_view<std::uint16_t>{genes.data(), c.individuals, c.tasks}, values,
                   {loads.data(), c.individuals, c.gpus});
    const table_source<std::uint32_t> source{packed->table<std::uint32_t>()};
    const auto sizes = sizes_of<table_source<std::uint32_t>, std::uint16_t>(source);
    const auto all = run_blocks<table_source<std::uint32_t>, std::uint16_t>(source, shape_for(sizes, 45, large), c);
    CHECK(all.loads == loads);
    for (std::size_t i = 0; i < c.individuals; ++i) CHECK(all.measures[i].value == values[i]);
}
