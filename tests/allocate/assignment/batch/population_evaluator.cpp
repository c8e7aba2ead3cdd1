// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/batch/population_evaluator.hpp"

#include "berth/core/random.hpp"
#include "berth/core/thread_pool.hpp"
#include "berth/cost/pair_costs.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

using namespace berth;
using namespace berth_test;

static_assert(population_evaluator<threaded_evaluator<thread_pool>>);
static_assert(!population_evaluator<sequential>);
static_assert(!population_evaluation<tiled_evaluator>);
static_assert(gene<std::uint16_t> && gene<std::uint32_t> && !gene<std::uint64_t> && !gene<std::int16_t>);

namespace {

struct sizes {
    std::size_t tasks;
    std::size_t gpus;
    std::size_t individuals;
};

/// Tables that own themselves, and a population.
struct tables {
    std::vector<double> costs;
    std::vector<amount> loads;
    std::vector<amount> capacities;
    std::vector<std::uint32_t> genes;
    sizes size;

    tables(std::uint64_t seed, sizes s, std::uint32_t most_cost, std::uint32_t most_load, double cost_step = 1.0)
        : size{s} {
        xoshiro256 g{seed};
        for (std::size_t i = 0; i < s.tasks * s.gpus; ++i) {
            const double units = static_cast<double>(bounded(g, most_cost)) - static_cast<double>(most_cost / 3);
            costs.push_back(units * cost_step);
            loads.push_back(static_cast<amount>(bounded(g, most_load)));
        }
        const std::size_t fair = (s.tasks + 1) * most_load / 2 / (s.gpus > 0 ? s.gpus : 1);
        for (std::size_t i = 0; i < s.gpus; ++i) {
            capacities.push_back(static_cast<amount>(bounded(g, static_cast<std::uint32_t>(2 * fair + 1))));
        }
        for (std::size_t i = 0; i < s.tasks * s.individuals; ++i) {
            genes.push_back(bounded(g, static_cast<std::uint32_t>(s.gpus)));
        }
    }
    [[nodiscard]] assignment_problem<matrix_cost, matrix_load> problem() const {
        return {size.tasks, matrix_cost{{costs.data(), size.tasks, size.gpus}},
                matrix_load{{loads.data(), size.tasks, size.gpus}}, capacities};
    }
    template <gene Gene>
    [[nodiscard]] std::vector<Gene> as() const {
        std::vector<Gene> all;
        for (const std::uint32_t g : genes) all.push_back(static_cast<Gene>(g));
        return all;
    }
};

/// Values and loads of a population.
struct outcome {
    std::vector<assignment_value> values;
    std::vector<amount> loads;
    bool operator==(const outcome&) const = default;
};

/// From the definition, in doubles and 64-bit integers.
outcome naive(const tables& i) {
    outcome o;
    for (std::size_t k = 0; k < i.size.individuals; ++k) {
        double cost = 0.0;
        std::vector<amount> carried(i.size.gpus, 0);
        for (std::size_t t = 0; t < i.size.tasks; ++t) {
            const std::size_t g = i.genes[k * i.size.tasks + t];
            cost += i.costs[t * i.size.gpus + g];
            carried[g] += i.loads[t * i.size.gpus + g];
        }
        amount excess = 0;
        for (std::size_t g = 0; g < i.size.gpus; ++g) {
            excess += carried[g] > i.capacities[g] ? carried[g] - i.capacities[g] : 0;
        }
        o.values.push_back({cost, excess});
        o.loads.insert(o.loads.end(), carried.begin(), carried.end());
    }
    return o;
}

template <gene Gene, population_evaluator Evaluator>
outcome evaluate(const Evaluator& evaluator, const packed_problem& p, const tables& i) {
    auto state = evaluator.prepare(p);
    const std::vector<Gene> genes = i.as<Gene>();
    const population_view<Gene> population{genes.data(), i.size.individuals, i.size.tasks};
    outcome o{std::vector<assignment_value>(i.size.individuals), std::vector<amount>(i.size.individuals * i.size.gpus)};
    state.evaluate(population, o.values, {o.loads.data(), i.size.individuals, i.size.gpus});
    // Again, on the same state and without loads.
    std::vector<assignment_value> again(i.size.individuals);
    state.evaluate(population, again);
    CHECK(again == o.values);
    return o;
}

/// Every path on every gene width gives this outcome.
void check_all_paths(const packed_problem& p, const tables& i, const outcome& expected, thread_pool& pool) {
    const auto check = [&](const auto& evaluator) {
        if (p.gene_bits() == 16) CHECK(evaluate<std::uint16_t>(evaluator, p, i) == expected);
        CHECK(evaluate<std::uint32_t>(evaluator, p, i) == expected);
    };
    check(scalar_evaluator{});
    check(tiled_evaluator{});
    check(tiled_evaluator{{.individuals = 1}});
    check(tiled_evaluator{{.individuals = 7}});
    check(tiled_evaluator{{.individuals = 64}});
    check(threaded_evaluator{&pool});
    check(threaded_evaluator{&pool, {.individuals = 3}});
}

constexpr sizes shapes[] = {{1, 1, 1},    {1, 1, 0},     {0, 3, 2},   {1, 5, 9},    {5, 1, 9},
                            {13, 7, 1},   {13, 7, 2},    {13, 7, 33}, {40, 19, 65}, {97, 3, 130},
                            {129, 64, 5}, {300, 11, 17}, {64, 500, 3}};

}  // namespace

TEST_CASE("every path equals a naive evaluation of whole costs - 16 and 16 bits") {
    thread_pool pool{4};
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        for (const sizes& s : shapes) {
            CAPTURE(seed);
            CAPTURE(s.tasks);
            CAPTURE(s.gpus);
            CAPTURE(s.individuals);
            const tables i{seed, s, 1000, 100};
            const packed_problem packed = need(pack_assignments(i.problem()));
            CHECK(packed.word_bits() == 32);
            CHECK(packed.exact_costs());
            check_all_paths(packed, i, naive(i), pool);
        }
    }
}

TEST_CASE("every path equals a naive evaluation of whole costs - 32 and 32 bits") {
    thread_pool pool{3};
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        for (const sizes& s : shapes) {
            CAPTURE(seed);
            CAPTURE(s.tasks);
            CAPTURE(s.gpus);
            CAPTURE(s.individuals);
            const tables i{seed, s, 1'000'000'000, 1'000'000};
            const packed_problem packed = need(pack_assignments(i.problem(), {.narrow_words = seed % 2 == 0}));
            CHECK(packed.exact_costs());
            check_all_paths(packed, i, naive(i), pool);
        }
    }
}

TEST_CASE("narrow and wide words agree, and so do quarters of a cost") {
    thread_pool pool{2};
    const tables i{9, {61, 17, 50}, 5000, 90, 0.25};
    const packed_problem narrow = need(pack_assignments(i.problem()));
    const packed_problem wide = need(pack_assignments(i.problem(), {.narrow_words = false}));
    CHECK(narrow.word_bits() == 32);
    CHECK(narrow.cost_unit() == 0.25);
    CHECK(wide.word_bits() == 64);
    check_all_paths(narrow, i, naive(i), pool);
    check_all_paths(wide, i, naive(i), pool);
}

TEST_CASE("costs with any fractions are off by at most half a unit for each task, and all paths still agree") {
    thread_pool pool{4};
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        const tables i{seed, {37, 23, 41}, 1'000'000, 3000, 0.0123456789};
        for (const double unit : {0.0, 12.5}) {
            CAPTURE(seed);
            CAPTURE(unit);
            const packed_problem packed = need(pack_assignments(i.problem(), {.cost_unit = unit}));
            CHECK(packed.word_bits() == (unit > 0.0 ? 32 : 64));
            CHECK_FALSE(packed.exact_costs());
            const outcome truth = naive(i);
            outcome first = evaluate<std::uint32_t>(scalar_evaluator{}, packed, i);
            for (std::size_t k = 0; k < i.size.individuals; ++k) {
                const double off = std::abs(first.values[k].cost - truth.values[k].cost);
                CHECK(off <= 0.5 * packed.cost_unit() * static_cast<double>(i.size.tasks) + 1e-9);
                CHECK(first.values[k].excess == truth.values[k].excess);
            }
            CHECK(first.loads == truth.loads);
            check_all_paths(packed, i, first, pool);
        }
    }
}

TEST_CASE("loads that add up beyond 32 bits take wide words") {
    thread_pool pool{2};
    const std::size_t tasks = 3;
    const std::vector<double> costs{1, 2, 3, 4, 5, 6};
    const amount most = std::numeric_limits<std::uint32_t>::max();
    const std::vector<amount> loads(6, most);
    const std::vector<amount> capacities{10, max_amount};
    const packed_problem p = need(pack_assignments(
        assignment_problem{tasks, matrix_cost{{costs.data(), 3, 2}}, matrix_load{{loads.data(), 3, 2}}, capacities}));
    CHECK(p.word_bits() == 64);
    const std::vector<std::uint16_t> genes{0, 0, 0, 1, 1, 1};
    std::vector<assignment_value> values(2);
    tiled_evaluator{}.prepare(p).evaluate(population_view<std::uint16_t>{genes.data(), 2, 3}, values);
    CHECK(values[0] == assignment_value{9.0, 3 * most - 10});
    CHECK(values[1] == assignment_value{12.0, 0});

    // 16-bit loads of so many tasks that one GPU may carry 2^32.
    const auto free = [](task_index, gpu_index) { return 0.0; };
    const auto full = [](task_index, gpu_index) { return amount{65'535}; };
    const std::vector<amount> one{0};
    CHECK(need(pack_assignments(assignment_problem{std::size_t{65'537}, free, full, one})).word_bits() == 32);
    CHECK(need(pack_assignments(assignment_problem{std::size_t{65'538}, free, full, one})).word_bits() == 64);
    const packed_problem brim = need(pack_assignments(assignment_problem{std::size_t{65'537}, free, full, one}));
    const std::vector<std::uint32_t> zeros(2 * 65'537, 0);
    tiled_evaluator{}.prepare(brim).evaluate(population_view<std::uint32_t>{zeros.data(), 2, 65'537}, values);
    CHECK(values[1] == assignment_value{0.0, amount{65'535} * 65'537});
}

TEST_CASE("genes of 32 bits name GPUs beyond 65535") {
    const std::size_t gpus = 70'000;
    const auto cost = [](task_index t, gpu_index g) { return static_cast<double>(t.value() + g.value() % 1000); };
    const auto load = [](task_index, gpu_index g) { return static_cast<amount>(g.value() % 7); };
    const std::vector<amount> capacities(gpus, 3);
    const packed_problem p = need(pack_assignments(assignment_problem{std::size_t{2}, cost, load, capacities}));
    CHECK(p.gene_bits() == 32);
    const std::vector<std::uint32_t> genes{69'999, 69'999, 65'536, 0};
    std::vector<assignment_value> values(2);
    tiled_evaluator{}.prepare(p).evaluate(population_view<std::uint32_t>{genes.data(), 2, 2}, values);
    CHECK(values[0] == assignment_value{999.0 + 1000.0, 2 * (69'999 % 7) - 3});
    CHECK(values[1] == assignment_value{536.0 + 1.0, 0});
}

TEST_CASE("less excess is better, then less cost") {
    CHECK(better(assignment_value{9.0, 0}, assignment_value{1.0, 1}));
    CHECK(better(assignment_value{1.0, 1}, assignment_value{2.0, 1}));
    CHECK_FALSE(better(assignment_value{1.0, 1}, assignment_value{1.0, 1}));
}
