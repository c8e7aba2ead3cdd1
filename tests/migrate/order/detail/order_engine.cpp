// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/order/detail/order_engine.hpp"

#include "berth/testing/check_migration.hpp"

#include "migrate/bare_gpus.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

using berth::amount;
using berth::migration_plan;
using berth::order_options;
using berth::uniform_migration;
using berth::detail::migration_estimates;
using berth::detail::order_control;
using berth::detail::order_engine;
using berth_test::bare_gpus;
using berth_test::below;

namespace {

constexpr uniform_migration equal_cost{};

migration_plan order(const bare_gpus& in, const berth::assignment& from, const berth::assignment& to,
                     const order_options& options) {
    order_control control;
    migration_plan plan =
        order_engine{in.problem(), migration_estimates::of(equal_cost), options, control}.run(from, to, {});
    const auto checked = berth::check_migration(in.problem(), from, to, plan, {}, options);
    if (!checked) FAIL(checked.error().message);
    return plan;
}

/// A few tasks on a few GPUs, both placements with room for all.
struct tiny {
    std::vector<amount> sizes;
    std::vector<int> from;
    std::vector<int> to;
    static constexpr amount memory = 80;
    std::size_t gpus;

    explicit tiny(std::uint64_t seed) : gpus{2 + seed % 3} {
        berth::xoshiro256 g{seed};
        std::vector<amount> left_from(gpus, memory);
        std::vector<amount> left_to(gpus, memory);
        for (std::size_t tries = 0; tries < 40 && sizes.size() < 6; ++tries) {
            const auto size = static_cast<amount>(20 + below(g, 41));
            const std::size_t a = below(g, gpus);
            const std::size_t b = below(g, gpus);
            if (left_from[a] < size || left_to[b] < size) continue;
            left_from[a] -= size;
            left_to[b] -= size;
            sizes.push_back(size);
            from.push_back(static_cast<int>(a));
            to.push_back(static_cast<int>(b));
        }
    }

    /// The fewest tasks that have to wait in host memory, by breadth-first search over all states: every task at its source, away, or at
    /// its target. Only moves that wait nowhere hold both ends, so one move at a time is the most that matters.
    [[nodiscard]] std::size_t fewest_parks() const {
        std::size_t states = 1;
        for (std::size_t t = 0; t < sizes.size(); ++t) states *= 3;
        std::vector<std::size_t> parks(states, states);
        parks[0] = 0;
        // Parks only grow, so that levels of equal parks are done one after the other.
        for (std::size_t level = 0; level <= sizes.size(); ++level) {
            bool changed = true;
            while (changed) {
                changed = false;
                for (std::size_t s = 0; s < states; ++s) {
                    if (parks[s] == level) changed = expand(s, parks) || changed;
                }
            }
        }
        return parks[states - 1];
    }

private:
    bool expand(std::size_t state, std::vector<std::size_t>& parks) const {
        std::vector<amount> left(gpus, memory);
        std::vector<std::size_t> digit(sizes.size());
        std::size_t rest = state;
        for (std::size_t t = 0; t < sizes.size(); ++t, rest /= 3) {
            digit[t] = rest % 3;
            if (digit[t] == 0) left[static_cast<std::size_t>(from[t])] -= sizes[t];
            if (digit[t] == 2) left[static_cast<std::size_t>(to[t])] -= sizes[t];
        }
        bool changed = false;
        const auto reach = [&](std::size_t next, std::size_t cost) {
            if (cost >= parks[next]) return;
            parks[next] = cost;
            changed = true;
        };
        std::size_t power = 1;
        for (std::size_t t = 0; t < sizes.size(); ++t, power *= 3) {
            if (digit[t] == 2) continue;
            const bool fits = from[t] == to[t] || left[static_cast<std::size_t>(to[t])] >= sizes[t];
            if (fits) reach(state + (2 - digit[t]) * power, parks[state]);
            if (digit[t] == 0) reach(state + power, parks[state] + 1);
        }
        return changed;
    }
};

}  // namespace

TEST_CASE("order engine: as few cycle-breaking moves as the best of all states of six tasks") {
    std::size_t broken = 0;
    for (std::uint64_t seed = 0; seed < 250; ++seed) {
        CAPTURE(seed);
        const tiny each{seed};
        const bare_gpus in{each.gpus, tiny::memory, each.sizes};
        const auto plan = order(in, in.on(each.from), in.on(each.to), {.staging = false});
        CHECK(plan.dropped.empty());
        CHECK(plan.proven);
        CHECK(plan.stopped == berth::stop_reason::completed);
        CHECK(plan.extra_steps == each.fewest_parks());
        broken += plan.extra_steps;
    }
    CHECK(broken > 100);
}

TEST_CASE("order engine: a move that can wait nowhere is dropped only if nothing else helps") {
    // An exchange of two, and host memory for the small task only: it is parked although both weigh the same.
    const bare_gpus in{2, 80, {70, 45}};
    const auto from = in.on({0, 1});
    const auto to = in.on({1, 0});
    const auto parked = order(in, from, to, {.staging = false, .host_memory = {0, 50'000'000'000}});
    CHECK(parked.dropped.empty());
    CHECK(parked.extra_steps == 1);
    CHECK(order(in, from, to, {.staging = false, .host_memory = {0, 0}}).dropped.size() == 2);
}

TEST_CASE("order engine: the search of a large group keeps to its budget") {
    std::vector<amount> sizes;
    std::vector<int> from;
    std::vector<int> to;
    for (int i = 0; i < 60; ++i) {
        sizes.push_back(45 + i % 30);
        from.push_back(i);
        to.push_back((i + 1) % 60);
    }
    const bare_gpus in{60, 80, sizes};
    for (const std::uint64_t budget : {0U, 1000U, 5000U}) {
        const auto plan = order(in, in.on(from), in.on(to), {.max_evaluations = budget});
        CHECK(plan.extra_steps == 1);
        CHECK_FALSE(plan.proven);
        CHECK(plan.stopped == berth::stop_reason::budget_exhausted);
        CHECK(plan.evaluations <= budget + 60);
        CHECK(plan.evaluations + 60 >= budget);
    }
}
