// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/search/annealer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

using namespace berth;

namespace {

/// Places of a quadratic assignment problem: flows between things times distances between their places.
struct layout {
    struct move {
        std::size_t a = 0;
        std::size_t b = 0;
    };
    std::size_t n;
    std::vector<double> flow;
    std::vector<double> distance;
    std::vector<std::size_t> place;
    std::vector<std::size_t> best;
    double cost = 0.0;

    layout(std::size_t size, std::uint64_t seed) : n{size} {
        xoshiro256 g{seed};
        for (std::size_t i = 0; i < n * n; ++i) flow.push_back(static_cast<double>(bounded(g, 10)));
        for (std::size_t i = 0; i < n * n; ++i) distance.push_back(static_cast<double>(bounded(g, 10)));
        place.resize(n);
        std::iota(place.begin(), place.end(), std::size_t{0});
        best = place;
        cost = cost_of(place);
    }
    [[nodiscard]] double cost_of(const std::vector<std::size_t>& at) const {
        double sum = 0.0;
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = 0; j < n; ++j) sum += flow[i * n + j] * distance[at[i] * n + at[j]];
        return sum;
    }
    [[nodiscard]] double least() const {
        std::vector<std::size_t> at(n);
        std::iota(at.begin(), at.end(), std::size_t{0});
        double lowest = cost_of(at);
        while (std::next_permutation(at.begin(), at.end())) lowest = std::min(lowest, cost_of(at));
        return lowest;
    }
    [[nodiscard]] double value() const { return cost; }
    [[nodiscard]] double delta(const move& m) const {
        std::vector<std::size_t> after = place;
        std::swap(after[m.a], after[m.b]);
        return cost_of(after) - cost;
    }
    void apply(const move& m) {
        cost += delta(m);
        std::swap(place[m.a], place[m.b]);
    }
    void keep() { best = place; }
    void restore() {
        place = best;
        cost = cost_of(place);
    }
};

struct exchange {
    [[nodiscard]] bool propose(layout& s, xoshiro256& random, layout::move& m) const {
        m.a = bounded(random, static_cast<std::uint32_t>(s.n));
        do m.b = bounded(random, static_cast<std::uint32_t>(s.n));
        while (m.a == m.b);
        return true;
    }
};

/// The same as whole steps.
struct exchange_steps {
    template <class Acceptor>
    [[nodiscard]] bool step(layout& s, Acceptor& acceptor) const {
        layout::move m;
        (void)exchange{}.propose(s, acceptor.random(), m);
        if (!acceptor.accepts(s.delta(m))) return false;
        s.apply(m);
        return true;
    }
};

/// A number that wants to be low, between 0 and 99; only its neighbours are in reach.
struct valley {
    using move = int;
    int now = 50;
    int kept = 50;
    [[nodiscard]] static int height(int x) { return (x - 30) * (x - 30); }
    [[nodiscard]] int value() const { return height(now); }
    [[nodiscard]] int delta(int step) const { return height(now + step) - height(now); }
    void apply(int step) { now += step; }
    void keep() { kept = now; }
    void restore() { now = kept; }
};
struct left_or_right {
    [[nodiscard]] bool propose(valley&, xoshiro256& random, int& m) const {
        m = random() >> 63U != 0 ? 1 : -1;
        return true;
    }
};

}  // namespace

TEST_CASE("an annealer reaches the optimum of small quadratic assignment problems under every schedule") {
    const auto reaches = [](const auto& schedule, std::uint64_t seed) {
        annealer search{layout{7, seed}, exchange{}, schedule, {.seed = seed}};
        const double start = search.best_value();
        const auto why = search.run(run_control<>{.max_evaluations = 20'000});
        CHECK(why == stop_reason::budget_exhausted);
        CHECK(search.best_value() <= start);
        CHECK(search.state().value() == search.best_value());
        CHECK(search.state().cost_of(search.state().place) == search.best_value());
        return search.best_value() == search.state().least();
    };
    int by_factor = 0;
    int by_amount = 0;
    int inverse = 0;
    int adapted = 0;
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        by_factor += reaches(geometric_cooling{200.0, 2.0}, seed) ? 1 : 0;
        by_amount += reaches(linear_cooling{200.0, 2.0}, seed) ? 1 : 0;
        inverse += reaches(lundy_mees_cooling{200.0, 2.0}, seed) ? 1 : 0;
        adapted += reaches(adaptive_cooling{}, seed) ? 1 : 0;
    }
    CHECK(by_factor == 10);
    CHECK(by_amount == 10);
    CHECK(inverse == 10);
    CHECK(adapted == 10);
}

TEST_CASE("an annealer by hand: downhill to the bottom of a valley and no further") {
    annealer search{valley{}, left_or_right{}, constant_temperature{0.0}};
    (void)search.run(run_control<>{.max_evaluations = 200});
    CHECK(search.state().now == 30);
    CHECK(search.best_value() == 0);
    CHECK(search.accepted() == 20);
    CHECK(search.evaluations() == 200);
}

TEST_CASE("same seed and budget - same result and the same by whole steps") {
    const run_control<> budget{.max_evaluations = 5'000};
    annealer one{layout{12, 4}, exchange{}, geometric_cooling{100.0, 2.0}, {.seed = 9}};
    annealer two{layout{12, 4}, exchange{}, geometric_cooling{100.0, 2.0}, {.seed = 9}};
    annealer other{layout{12, 4}, exchange{}, geometric_cooling{100.0, 2.0}, {.seed = 10}};
    (void)one.run(budget);
    (void)two.run(budget);
    (void)other.run(budget);
    CHECK(one.state().place == two.state().place);
    CHECK(one.accepted() == two.accepted());
    CHECK(one.accepted() != other.accepted());
    CHECK(one.evaluations() == 5'000);
    annealer at_one{layout{12, 4}, exchange{}, constant_temperature{20.0}, {.seed = 9}};
    annealer by_steps{layout{12, 4}, exchange_steps{}, constant_temperature{20.0}, {.seed = 9}};
    at_one.begin_round(0.0, 3'000);
    while (at_one.advance()) {}
    by_steps.begin_round(0.0, 3'000);
    while (by_steps.advance()) {}
    CHECK(at_one.evaluations() == 3'000);
    CHECK(by_steps.evaluations() == 3'000);
    CHECK(at_one.accepted() > 100);
    CHECK(at_one.accepted() == by_steps.accepted());
    CHECK(at_one.state().place == by_steps.state().place);
}

TEST_CASE("how a round is divided changes nothing") {
    annealer one{layout{12, 4}, exchange{}, geometric_cooling{100.0, 2.0}, {.seed = 9}};
    auto two = one;
    for (int i = 0; i < 4; ++i) {
        one.begin_round(i / 4.0, 700);
        while (one.advance()) {}
        two.begin_round(i / 4.0, 700);
        int slices = 1;
        while (two.advance()) ++slices;
        CHECK(slices >= 3);
        CHECK(two.evaluations() == 700U * static_cast<unsigned>(i + 1));
        CHECK(one.state().place == two.state().place);
    }
}

TEST_CASE("an annealer without budget and clock cools over its own evaluations and completes") {
    annealer search{layout{10, 2}, exchange{}, geometric_cooling{100.0, 1.0}, {.max_evaluations = 10'000}};
    CHECK(search.run(run_control<>{}) == stop_reason::completed);
    CHECK(search.evaluations() >= 10'000);
    CHECK(search.evaluations() < 10'000 + 257);
    CHECK(search.temperature() < 1.1);
}

TEST_CASE("an annealer whose moves find nothing ends") {
    struct nothing {
        [[nodiscard]] bool propose(valley&, xoshiro256&, int&) const { return false; }
    };
    annealer search{valley{}, nothing{}, geometric_cooling{}, {.max_idle = 5'000}};
    CHECK(search.run(run_control<>{.max_evaluations = 100}) == stop_reason::completed);
    CHECK(search.evaluations() == 0);
    CHECK(search.state().now == 50);
}

TEST_CASE("patience returns to the best and perturbs it - restarts end the search") {
    struct shaken : valley {
        int shakes = 0;
        void perturb(xoshiro256&) {
            ++shakes;
            now = kept + 3;
        }
    };
    struct moves {
        [[nodiscard]] bool propose(shaken&, xoshiro256& random, int& m) const {
            m = random() >> 63U != 0 ? 1 : -1;
            return true;
        }
    };
    annealer search{shaken{},
                    moves{},
                    constant_temperature{0.0},
                    {.max_evaluations = annealer_options::without_end, .patience = 100, .max_restarts = 4}};
    CHECK(search.run(run_control<>{}) == stop_reason::completed);
    CHECK(search.state().shakes == 4);
    CHECK(search.state().now == 30);
}

TEST_CASE("an annealer stops within a millisecond's work and keeps the best") {
    struct stops {
        const int* at;
        [[nodiscard]] bool stop_requested() const { return *at >= 0; }
    };
    struct counted : layout {
        int* since_stop;
        explicit counted(int* since) : layout{20, 3}, since_stop{since} {}
        [[nodiscard]] double delta(const move& m) const {
            if (*since_stop >= 0) ++*since_stop;
            return layout::delta(m);
        }
    };
    struct moves {
        int* since_stop;
        int* proposals;
        [[nodiscard]] bool propose(counted& s, xoshiro256& random, layout::move& m) const {
            if (++*proposals == 5'000) *since_stop = 0;
            return exchange{}.propose(s, random, m);
        }
    };
    int since_stop = -1;
    int proposals = 0;
    annealer search{counted{&since_stop}, moves{&since_stop, &proposals}, geometric_cooling{100.0, 2.0}};
    const double start = search.best_value();
    CHECK(search.run(run_control<stops>{.stop = {&since_stop}}) == stop_reason::cancelled);
    CHECK(since_stop <= 256);
    CHECK(search.best_value() < start);
    CHECK(search.state().cost_of(search.state().place) == search.best_value());

    struct clock {
        double* now;
        [[nodiscard]] static bool stop_requested() { return false; }
        [[nodiscard]] bool deadline_reached() const { return (*now += 0.01) >= 1.0; }
        [[nodiscard]] double elapsed() const { return *now; }
    };
    double now = 0.0;
    annealer timed{layout{20, 3}, exchange{}, geometric_cooling{100.0, 2.0}};
    CHECK(timed.run(run_control<clock>{.stop = {&now}}) == stop_reason::deadline_reached);
    CHECK(timed.best_value() < start);
    CHECK(timed.temperature() < 2.2);  // it ends cold
}

TEST_CASE("an annealer under an acceptance rule: the best is decided tier by tier") {
    struct pair {
        using move = int;
        int now = 9;
        int kept = 9;
        [[nodiscard]] tier_values<2> value() const { return {{now > 5 ? 1.0 : 0.0, static_cast<double>(-now)}}; }
        [[nodiscard]] tier_values<2> delta(int step) const {
            pair after = *this;
            after.now += step;
            return after.value() - value();
        }
        void apply(int step) { now += step; }
        void keep() { kept = now; }
        void restore() { now = kept; }
    };
    struct moves {
        [[nodiscard]] bool propose(pair& s, xoshiro256& random, int& m) const {
            m = random() >> 63U != 0 ? 1 : -1;
            return s.now + m <= 9 && s.now + m >= 0;
        }
    };
    annealer search{pair{}, moves{}, annealing{geometric_cooling{5.0, 0.5}}};
    CHECK(search.progress().objective == std::numeric_limits<double>::infinity());
    annealer penal{pair{}, moves{}, adaptive_penalty{annealing{geometric_cooling{5.0, 0.5}}, 1.0}};
    (void)penal.run(run_control<>{.max_evaluations = 20'000});
    CHECK(penal.state().now == 5);
    CHECK(penal.progress().objective == -5.0);
    // From 9 to 6 tier 1 rises while tier 0 stays: descent does not go there.
    annealer strict{pair{}, moves{}, descent{}};
    (void)strict.run(run_control<>{.max_evaluations = 1'000});
    CHECK(strict.state().now == 9);
}

TEST_CASE("types that are no search states or moves") {
    struct no_keep {
        [[nodiscard]] double value() const { return 0.0; }
        void restore() {}
    };
    struct no_order {
        struct thing {};
        [[nodiscard]] thing value() const { return {}; }
        void keep() {}
        void restore() {}
    };
    struct no_move {
        [[nodiscard]] double value() const { return 0.0; }
        void keep() {}
        void restore() {}
    };
    struct no_propose {};
    static_assert(search_state<layout> && search_state<valley> && search_state<no_move>);
    static_assert(!search_state<no_keep> && !search_state<no_order> && !search_state<int>);
    static_assert(search_moves<exchange, layout> && search_moves<exchange_steps, layout>);
    static_assert(proposing_moves<exchange, layout> && !stepping_moves<exchange, layout>);
    static_assert(stepping_moves<exchange_steps, layout> && !proposing_moves<exchange_steps, layout>);
    static_assert(!search_moves<no_propose, layout> && !search_moves<exchange, valley>);
    static_assert(!search_moves<exchange, no_move>);
}
