// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/search/island_run.hpp"

#include "berth/core/thread_pool.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

using answer = berth::island_answer<std::uint32_t, double>;

/// Looks for the value 0 of the sum of squared distances from a hidden vector; draws one gene at a time.
constexpr std::size_t genes = 12;
double value_of(const std::vector<std::uint32_t>& all) {
    double sum = 0.0;
    for (std::size_t i = 0; i < all.size(); ++i) {
        const double apart = static_cast<double>(all[i]) - static_cast<double>(berth::splitmix64(i) % 50);
        sum += apart * apart;
    }
    return sum;
}
constexpr auto random_steps = [](const berth::island_turn& now, const answer& from) {
    berth::xoshiro256 random{now.seed};
    answer best = from;
    best.evaluations = 0;
    while (best.evaluations < now.max_evaluations) {
        auto changed = best.genes;
        changed[berth::bounded(random, genes)] = berth::bounded(random, 50);
        ++best.evaluations;
        if (const double value = value_of(changed); value < best.value) best = {changed, value, best.evaluations};
    }
    return best;
};
const berth::island_options small{.seed = 3, .islands = 5, .turn_evaluations = 20};
answer start() {
    const std::vector<std::uint32_t> zeros(genes, 0);
    return {zeros, value_of(zeros), 0};
}

}  // namespace

TEST_CASE("island_run: better than its start, the same for any number of threads, budget kept") {
    std::vector<answer> found;
    for (const std::size_t n : {1U, 2U, 4U}) {
        berth::thread_pool threads{n};
        berth::island_run<std::uint32_t, double> run{small, start()};
        const auto outcome = run.improve(random_steps, threads, berth::run_control<>{.max_evaluations = 3000});
        CHECK(outcome.stopped == berth::stop_reason::budget_exhausted);
        CHECK(outcome.best.evaluations >= 3000);
        CHECK(outcome.best.evaluations <= 3000 + small.islands);
        CHECK(outcome.best.value == value_of(outcome.best.genes));
        CHECK(outcome.best.value < start().value / 10);
        found.push_back(outcome.best);
    }
    CHECK(found[0].genes == found[1].genes);
    CHECK(found[0].genes == found[2].genes);
}

TEST_CASE("island_run: an island takes the answer of the one before it if that is better") {
    berth::island_run<std::uint32_t, double> run{{.seed = 1, .islands = 3, .patience = 2}, start()};
    // Only island 0 finds something, once.
    const auto only_first = [](const berth::island_turn& now, const answer& from) {
        answer next = from;
        next.evaluations = 1;
        if (now.island == 0 && now.round == 0) next = {std::vector<std::uint32_t>(genes, 20), 5.0, 1};
        return next;
    };
    const auto outcome = run.improve(only_first);
    CHECK(outcome.stopped == berth::stop_reason::completed);
    CHECK(outcome.best.value == 5.0);
    CHECK(outcome.island == 0);
    CHECK(run.rounds() == 3);
    CHECK(run.value(1) == 5.0);
    CHECK(run.value(2) == 5.0);
    CHECK(outcome.best.genes == std::vector<std::uint32_t>(genes, 20));
}

TEST_CASE("island_run: saved after any round and restored, it goes on to the same answer") {
    const berth::run_control<> control{.max_evaluations = 2000};
    std::vector<std::vector<berth::byte_box>> saved;
    berth::island_run<std::uint32_t, double> run{small, start()};
    const auto outcome = run.improve(random_steps, berth::sequential{}, control, [&](const auto& now) {
        saved.emplace_back(small.islands);
        for (std::size_t i = 0; i < small.islands; ++i) now.save(i, saved.back()[i]);
        return true;
    });
    REQUIRE(saved.size() == 20);
    for (const auto& boxes : saved) {
        berth::island_run<std::uint32_t, double> again{small, start()};
        for (std::size_t i = 0; i < small.islands; ++i) REQUIRE(again.restore(i, boxes[i]));
        const auto same = again.improve(random_steps, berth::sequential{}, control);
        CHECK(same.best.genes == outcome.best.genes);
        CHECK(same.best.evaluations == outcome.best.evaluations);
    }
    berth::island_run<std::uint32_t, double> again{small, start()};
    for (std::size_t length = 0; length < saved[0][0].size(); length += 3)
        CHECK_FALSE(again.restore(0, std::span{saved[0][0]}.first(length)));
    CHECK_FALSE(again.restore(1, saved[0][0]));
    berth::island_run<std::uint32_t, double> shorter{small, {{1, 2}, 3.0, 0}};
    const auto refused = shorter.restore(0, saved[0][0]);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message == "field genes: 12, expected 2");
}

TEST_CASE("island_run: a hook that says no ends it") {
    berth::island_run<std::uint32_t, double> run{small, start()};
    const auto outcome = run.improve(random_steps, berth::sequential{}, berth::run_control<>{},
                                     [](const auto& now) { return now.rounds() < 4; });
    CHECK(outcome.stopped == berth::stop_reason::cancelled);
    CHECK(run.rounds() == 4);
}
