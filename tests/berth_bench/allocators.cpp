// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/allocators.hpp"

#include "berth_bench/general_search.hpp"
#include "support/gap_instance.hpp"
#include "support/search_run.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

bench::search_run run(const bench::named_allocator& allocator, const bench::gap_instance& instance,
                      const berth::priced_problem& problem, std::size_t threads) {
    bench::progress_line quiet{bench::progress_line::mode::off};
    return bench::run_search(allocator, instance, problem, {.evaluations = 50'000, .seed = 5, .threads = threads},
                             quiet, allocator.name);
}

}  // namespace

TEST_CASE("all allocators of the program are there, under their names") {
    for (const char* name :
         {"greedy", "local_search", "genetic", "portfolio", "exact", "general_search", "textbook_genetic"}) {
        INFO(name);
        CHECK(bench::find_allocator(name) != nullptr);
    }
    CHECK(bench::find_allocator(bench::default_allocator()) != nullptr);
    CHECK(bench::find_allocator("Greedy") == nullptr);
    CHECK(bench::find_allocator("") == nullptr);
    CHECK(bench::allocator_names().size() == bench::allocators().size());
    for (const auto& a : bench::allocators()) {
        CHECK_FALSE(a.summary.empty());
        for (const auto& b : bench::allocators()) CHECK((&a == &b || a.name != b.name));
    }
}

TEST_CASE("every allocator keeps its budget and repeats itself for any number of threads") {
    const auto instance = bench::generate_gap_instance('d', 6, 40, 3);
    const berth::priced_problem problem{instance.problem()};
    for (const auto& allocator : bench::allocators()) {
        INFO(allocator.name);
        const auto first = run(allocator, instance, problem, 1);
        CHECK(first.fault == "");
        CHECK(first.refused == "");
        CHECK(first.verdict.complete);
        CHECK((first.verdict.feasible() || allocator.name == "textbook_genetic" || allocator.name == "general_search"));
        for (const std::size_t threads : {std::size_t{1}, std::size_t{3}}) {
            const auto again = run(allocator, instance, problem, threads);
            CHECK(again.plan.gpu_of == first.plan.gpu_of);
            CHECK(again.plan.evaluations == first.plan.evaluations);
        }
    }
}

TEST_CASE("the general search is never worse than its start") {
    const auto instance = bench::generate_gap_instance('d', 10, 200, 1);
    const berth::priced_problem problem{instance.problem()};
    const auto good = bench::general_search{}.run(problem, {}, {.max_evaluations = 100'000});
    const auto after = bench::general_search{.seed = 2}.run(problem, good.gpu_of, {.max_evaluations = 1'000});
    CHECK_FALSE(berth::better(good, after));
}
