// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/search/acceptance.hpp"

#include <doctest/doctest.h>

using namespace berth;

namespace {

using two = tier_values<2>;

constexpr proposed_step<2> step(two delta, two now = {{0.0, 100.0}}, two best = {{0.0, 100.0}}) {
    return {delta, now, best};
}

}  // namespace

TEST_CASE("descent accepts proposals that are not worse, tier by tier") {
    xoshiro256 g{1};
    const auto walks = descent{}.start(two{});
    CHECK(walks.accepts(step({{0.0, -1.0}}), g));
    CHECK(walks.accepts(step({{0.0, 0.0}}), g));
    CHECK(walks.accepts(step({{-1.0, 50.0}}), g));
    CHECK_FALSE(walks.accepts(step({{0.0, 1.0}}), g));
    CHECK_FALSE(walks.accepts(step({{1.0, -50.0}}), g));
    CHECK_FALSE(descent{.sideways = false}.start(two{}).accepts(step({{0.0, 0.0}}), g));
}

TEST_CASE("late acceptance remembers the values of `length` proposals") {
    xoshiro256 g{1};
    auto late = late_acceptance{2}.start(two{{0.0, 100.0}});
    CHECK(late.accepts(step({{0.0, -10.0}}, {{0.0, 100.0}}), g));       // 90; memory: 90, 100
    CHECK(late.accepts(step({{0.0, 8.0}}, {{0.0, 90.0}}), g));          // 98 <= 100; memory: 90, 98
    CHECK_FALSE(late.accepts(step({{0.0, 1.0}}, {{0.0, 98.0}}), g));    // 99 > 90
    CHECK_FALSE(late.accepts(step({{1.0, -90.0}}, {{0.0, 98.0}}), g));  // a tier that matters more
    late.restarted({{5.0, 98.0}});
    CHECK(late.accepts(step({{5.0, 0.0}}, {{0.0, 98.0}}), g));
}

TEST_CASE("record to record stays close to the best in the last tier alone") {
    xoshiro256 g{1};
    const auto record = record_to_record{0.02}.start(two{});
    CHECK(record.accepts(step({{0.0, 2.0}}), g));
    CHECK_FALSE(record.accepts(step({{0.0, 2.1}}), g));
    CHECK_FALSE(record.accepts(step({{0.1, 0.0}}), g));
    CHECK(record.accepts(step({{0.0, -1.0}}, {{0.0, 150.0}}), g));
}

TEST_CASE("annealing takes worse steps less often as it cools, and begins again") {
    xoshiro256 g{1};
    auto cools = annealing{geometric_cooling{10.0, 0.1}, 20'000}.start(two{});
    int early = 0;
    int late = 0;
    for (int i = 0; i < 20'000; ++i) {
        const bool taken = cools.accepts(step({{0.0, 5.0}}), g);
        if (i < 2000) early += taken ? 1 : 0;
        if (i >= 17'000 && i < 19'000) late += taken ? 1 : 0;
    }
    CHECK(early > 900);  // exp(-0.5) to exp(-0.8) of 2000
    CHECK(late == 0);
    int again = 0;
    for (int i = 0; i < 2000; ++i) again += cools.accepts(step({{0.0, 5.0}}), g) ? 1 : 0;
    CHECK(again > 900);
    CHECK_FALSE(cools.accepts(step({{1.0, -5.0}}), g));
    CHECK(cools.accepts(step({{-1.0, 500.0}}), g));
}

TEST_CASE("annealing without a period cools once over the run, by the share of it that is used") {
    xoshiro256 g{1};
    auto cools = annealing{geometric_cooling{10.0, 0.1}}.start(two{});
    const auto taken = [&] {
        int count = 0;
        for (int i = 0; i < 2000; ++i) count += cools.accepts(step({{0.0, 5.0}}), g) ? 1 : 0;
        return count;
    };
    cools.elapsed(0.0);
    CHECK(taken() > 1100);  // exp(-0.5) of 2000
    cools.elapsed(0.5);     // a temperature of 1
    CHECK(taken() < 40);
    cools.elapsed(1.0);
    CHECK(taken() == 0);
    cools.elapsed(7.0);  // past the end it stays cold
    CHECK(taken() == 0);
    auto fixed = annealing{geometric_cooling{10.0, 0.1}, 1'000'000'000}.start(two{});
    fixed.elapsed(1.0);
    int count = 0;
    for (int i = 0; i < 2000; ++i) count += fixed.accepts(step({{0.0, 5.0}}), g) ? 1 : 0;
    CHECK(count > 1100);
    // A penalty passes the share on.
    auto inside = adaptive_penalty{annealing{geometric_cooling{10.0, 0.1}}}.start(two{});
    inside.elapsed(1.0);
    CHECK_FALSE(inside.accepts(step({{0.0, 5.0}}), g));
}

TEST_CASE("an adaptive penalty weighs tier 0 against tier 1 and rises while tier 0 is above zero") {
    xoshiro256 g{1};
    const adaptive_penalty rule{descent{}, 2.0, 2.0, 10};
    auto weighs = rule.start(two{});
    CHECK(weighs.accepts(step({{1.0, -2.5}}), g));
    CHECK_FALSE(weighs.accepts(step({{1.0, -1.5}}), g));
    for (int i = 0; i < 30; ++i) (void)weighs.accepts(step({{1.0, -1.0}}, {{3.0, 0.0}}), g);
    CHECK_FALSE(weighs.accepts(step({{1.0, -3.0}}, {{3.0, 0.0}}), g));  // the weight has risen
    for (int i = 0; i < 80; ++i) (void)weighs.accepts(step({{1.0, -1.0}}), g);
    CHECK(weighs.accepts(step({{1.0, -1.0}}), g));  // and fallen
    auto alone = adaptive_penalty{}.start(tier_values<1>{});
    CHECK(alone.accepts({{{-1.0}}, {}, {}}, g));
    CHECK_FALSE(alone.accepts({{{1.0}}, {}, {}}, g));
}

TEST_CASE("types that are not acceptance rules are rejected") {
    struct no_start {};
    struct no_accepts {
        [[nodiscard]] int start(two) const { return 0; }
    };
    static_assert(!acceptance<no_start> && !acceptance<no_accepts>);
    static_assert(acceptance<adaptive_penalty<annealing<adaptive_cooling>>> &&
                  acceptance<adaptive_penalty<adaptive_penalty<late_acceptance>>>);
}
