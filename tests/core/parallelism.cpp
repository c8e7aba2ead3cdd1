// SPDX-License-Identifier: Apache-2.0
#include "berth/core/parallelism.hpp"

#include "berth/core/thread_pool.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <vector>

using berth::parallelism;
using berth::sequential;
using berth::thread_pool;

namespace {

struct minimal {
    void for_each(std::size_t n, void (*f)(std::size_t)) {
        for (std::size_t i = 0; i < n; ++i) f(i);
    }
    unsigned concurrency() { return 1; }
};
struct no_loop {
    std::size_t concurrency() const { return 1; }
};
struct no_concurrency {
    template <class F>
    void for_each(std::size_t, F&&) {}
};
struct concurrency_is_text {
    template <class F>
    void for_each(std::size_t, F&&) {}
    const char* concurrency() const { return "many"; }
};
struct hidden {
private:
    template <class F>
    void for_each(std::size_t, F&&) {}
    std::size_t concurrency() const { return 1; }
};

}  // namespace

static_assert(parallelism<sequential> && parallelism<const sequential> && parallelism<thread_pool> &&
              parallelism<minimal>);
static_assert(!parallelism<const thread_pool>, "a pool changes while it runs");
static_assert(!parallelism<no_loop> && !parallelism<no_concurrency> && !parallelism<concurrency_is_text> &&
              !parallelism<hidden>);
static_assert(!parallelism<int>);

namespace {

constexpr std::size_t sum_of_squares(std::size_t n) {
    std::size_t sum = 0;
    sequential{}.for_each(n, [&](std::size_t i) { sum += i * i; });
    return sum;
}
static_assert(sum_of_squares(4) == 14);
static_assert(sum_of_squares(0) == 0);
static_assert(sequential{}.concurrency() == 1);

std::size_t calls_of_a_function = 0;
void plain_function(std::size_t) { ++calls_of_a_function; }

}  // namespace

TEST_CASE("sequential: iterations run in order") {
    std::vector<std::size_t> seen;
    sequential{}.for_each(5, [&](std::size_t i) { seen.push_back(i); });
    CHECK(seen == std::vector<std::size_t>{0, 1, 2, 3, 4});
}

TEST_CASE("thread_pool: every iteration runs once, for pools of any size") {
    for (std::size_t threads = 0; threads <= 4; ++threads) {
        CAPTURE(threads);
        thread_pool pool{threads};
        CHECK(pool.concurrency() == (threads == 0 ? 1 : threads));
        for (const std::size_t n : {0U, 1U, 2U, 3U, 64U, 1000U}) {
            std::vector<int> calls(n, 0);
            pool.for_each(n, [&](std::size_t i) { ++calls[i]; });
            CHECK(calls == std::vector<int>(n, 1));
        }
    }
}

TEST_CASE("thread_pool: results do not depend on the number of threads") {
    const auto compute = [](auto&& runner) {
        std::vector<std::uint64_t> out(5000);
        runner.for_each(out.size(), [&](std::size_t i) {
            std::uint64_t x = i + 1;
            for (int k = 0; k < 20; ++k) x = x * 6364136223846793005ULL + 1442695040888963407ULL;
            out[i] = x;
        });
        return out;
    };
    const auto expected = compute(sequential{});
    for (std::size_t threads = 1; threads <= 4; ++threads) CHECK(compute(thread_pool{threads}) == expected);
}

TEST_CASE("thread_pool: many short loops in a row") {
    thread_pool pool{4};
    std::vector<std::size_t> sums(3, 0);
    for (std::size_t round = 0; round < 3000; ++round) {
        pool.for_each(sums.size(), [&](std::size_t i) { sums[i] += round * (i + 1); });
    }
    constexpr std::size_t total = 3000 * 2999 / 2;
    CHECK(sums == std::vector<std::size_t>{total, 2 * total, 3 * total});
}

TEST_CASE("thread_pool: accepts the same callables as sequential") {
    thread_pool pool{2};
    calls_of_a_function = 0;
    pool.for_each(1, plain_function);
    pool.for_each(1, &plain_function);
    CHECK(calls_of_a_function == 2);

    std::vector<int> out(100, 0);
    const auto constant = [&](std::size_t i) { out[i] += 1; };
    pool.for_each(out.size(), constant);
    struct counter {
        std::vector<int>* out;
        void operator()(std::size_t i) { (*out)[i] += 1; }
    };
    counter stateful{&out};
    pool.for_each(out.size(), stateful);
    pool.for_each(out.size(), counter{&out});
    pool.for_each(out.size(), [&, only_moves = std::make_unique<int>(1)](std::size_t i) { out[i] += *only_moves; });
    CHECK(out == std::vector<int>(100, 4));
}

TEST_CASE("thread_pool: unused pools, and several pools at once") {
    { thread_pool idle{3}; }
    thread_pool first{2};
    thread_pool second{3};
    std::vector<int> out(10, 0);
    first.for_each(10, [&](std::size_t i) { out[i] = 1; });
    second.for_each(10, [&](std::size_t i) { out[i] += 1; });
    CHECK(out == std::vector<int>(10, 2));
}
