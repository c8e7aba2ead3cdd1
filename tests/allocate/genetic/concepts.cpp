// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/genetic/concepts.hpp"

#include "berth/allocate/genetic/crossover/gpu_bundle.hpp"
#include "berth/allocate/genetic/genetic.hpp"

#include "allocate/genetic/support.hpp"

#include <doctest/doctest.h>

using namespace berth;
using namespace berth_test;

// The least that each concept promises.
namespace {

struct least_start {
    void operator()(individual&, std::size_t, xoshiro256&) const {}
};
struct least_selection {
    std::size_t operator()(const population&, xoshiro256&) const { return 0; }
};
struct least_crossover {
    void operator()(const parents& two, std::span<gpu_gene> child, xoshiro256&) const {
        for (std::size_t t = 0; t < child.size(); ++t) child[t] = two.better[t];
    }
};
struct counting_crossover {
    struct state {
        std::uint64_t calls = 0;
        std::uint64_t operator()(const parents& two, std::span<gpu_gene> child, xoshiro256&) {
            for (std::size_t t = 0; t < child.size(); ++t) child[t] = two.other[t];
            return ++calls;
        }
    };
    state prepare(const priced_problem&) const { return {}; }
};
struct least_mutation {
    void operator()(std::span<gpu_gene>, xoshiro256&) const {}
};
struct least_repair {
    double value(double cost, amount excess) const { return cost + static_cast<double>(excess); }
};
struct least_improvement {
    std::uint64_t operator()(individual&, xoshiro256&, std::uint64_t) const { return 1; }
};
struct least_replacement {
    static constexpr std::size_t usual_population = 5;
    std::size_t children(std::size_t) const { return 1; }
    void operator()(population&) const {}
};

static_assert(initialisation<least_start> && parent_selection<least_selection> && crossover<least_crossover> &&
              crossover<counting_crossover> && mutation<least_mutation> && repair<least_repair> &&
              improvement<least_improvement> && replacement<least_replacement>);
static_assert(!crossover<least_mutation> && !mutation<least_crossover> && !repair<least_improvement> &&
              !improvement<least_repair> && !parent_selection<least_start> && !initialisation<least_selection>);

struct returns_the_child {
    std::vector<gpu_gene> operator()(const parents&, xoshiro256&) const { return {}; }
};
struct forgets_the_position {
    void operator()(const population&, xoshiro256&) const {}
};
struct needs_to_change {
    std::uint64_t calls = 0;
    void operator()(std::span<gpu_gene>, xoshiro256&) { ++calls; }
};
struct no_usual_population {
    std::size_t children(std::size_t) const { return 1; }
    void operator()(population&) const {}
};
struct forgets_the_count {
    void operator()(individual&, xoshiro256&, std::uint64_t) const {}
};
static_assert(!crossover<returns_the_child> && !parent_selection<forgets_the_position> && !mutation<needs_to_change> &&
              !replacement<no_usual_population> && !improvement<forgets_the_count>);
static_assert(!detail::repairs<no_repair> && detail::repairs<price_repair::state>);
static_assert(!detail::improves_children<no_improvement> && detail::improves_children<candidate_descent::state>);

}  // namespace

TEST_CASE("minimal models of the policy concepts run") {
    const type_d d{4, 20, 1};
    const priced_problem p{d.problem()};
    const auto least = genetic<>{.max_generations = 5}
                           .with_initialisation(least_start{})
                           .with_selection(least_selection{})
                           .with_crossover(least_crossover{})
                           .with_mutation(least_mutation{})
                           .with_repair(least_repair{})
                           .with_improvement(least_improvement{})
                           .with_replacement(least_replacement{})
                           .with_evaluator(scalar_evaluator{});
    static_assert(assignment_allocator<decltype(least)>);
    check_plan(d, least.run(p));
    check_plan(d, least.with_improvement(no_improvement{}).run(p));
    check_plan(d, least.with_crossover(counting_crossover{}).run(p));
}

TEST_CASE("lambdas are policies") {
    const type_d d{4, 20, 1};
    const priced_problem p{d.problem()};
    const auto mine = textbook_genetic{.population = 20, .max_generations = 30}
                          .with_crossover([](const parents& two, std::span<gpu_gene> child, xoshiro256& random) {
                              for (std::size_t t = 0; t < child.size(); ++t) {
                                  const bool other = (random() & 1U) != 0;
                                  child[t] = other ? two.other[t] : two.better[t];
                              }
                          })
                          .with_mutation([](std::span<gpu_gene> child, xoshiro256& random) {
                              const std::size_t t = bounded(random, static_cast<std::uint32_t>(child.size()));
                              child[t] = static_cast<gpu_gene>(bounded(random, 4));
                          });
    check_plan(d, mine.run(p));
}

namespace {

template <class X, class M, class R, class I, class W>
void crossed(const gap_instance& d, const priced_problem& p, X x, M m, R r, I i, W w) {
    const auto g = genetic<>{.seed = 3, .population = 8, .max_generations = 6, .restart_after = 3}
                       .with_initialisation(random_start{})
                       .with_crossover(x)
                       .with_mutation(m)
                       .with_repair(r)
                       .with_improvement(i)
                       .with_replacement(w);
    const assignment_plan plan = g.run(p);
    check_plan(d, plan);
    CHECK(plan.gpu_of == g.run(p).gpu_of);
}

}  // namespace

TEST_CASE("policies combine freely") {
    const type_d d{5, 30, 2};
    const priced_problem p{d.problem()};
    crossed(d, p, uniform_crossover{}, reset_mutation{}, no_repair{}, no_improvement{}, steady_state{});
    crossed(d, p, one_point{}, no_mutation{}, penalty_only{}, candidate_descent{}, generational{});
    crossed(d, p, two_point{}, swap_mutation{}, price_repair{}, no_improvement{}, generational{});
    crossed(d, p, path_relinking{}, candidate_mutation{}, penalty_only{}, no_improvement{}, generational{});
    crossed(d, p, gpu_bundle{}, reset_mutation{}, no_repair{}, candidate_descent{}, steady_state{});
}
