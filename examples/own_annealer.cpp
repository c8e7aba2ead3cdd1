// SPDX-License-Identifier: Apache-2.0
// An annealer over a state and moves of your own: the order of jobs on one GPU, where another model has to be loaded
// first. Minimises the sum of priority times finish.
#include "berth/search.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <utility>
#include <vector>

struct job {
    std::size_t model;
    double seconds;
    double priority;
};

/// A `berth::search_state`: the order as it stands, its value, and the best order so far.
struct job_order {
    std::vector<job> now;
    std::vector<job> best = now;

    struct move {  // two positions that exchange their jobs
        std::size_t a = 0;
        std::size_t b = 0;
    };
    [[nodiscard]] double value() const {
        constexpr double loading = 40.0;
        double time = 0.0;
        double sum = 0.0;
        for (std::size_t i = 0; i < now.size(); ++i) {
            time += now[i].seconds + (i == 0 || now[i].model != now[i - 1].model ? loading : 0.0);
            sum += now[i].priority * time;
        }
        return sum;
    }
    [[nodiscard]] double delta(const move& m) {
        const double before = value();
        apply(m);
        const double after = value();
        apply(m);
        return after - before;
    }
    void apply(const move& m) { std::swap(now[m.a], now[m.b]); }
    void keep() { best = now; }
    void restore() { now = best; }
};

/// `berth::search_moves`: any two positions.
struct exchange_two {
    [[nodiscard]] bool propose(const job_order& order, berth::xoshiro256& random, job_order::move& m) const {
        m.a = berth::bounded(random, static_cast<std::uint32_t>(order.now.size()));
        m.b = berth::bounded(random, static_cast<std::uint32_t>(order.now.size()));
        return m.a != m.b;
    }
};

int main() {
    std::vector<job> jobs;
    for (std::size_t i = 0; i < 40; ++i)
        jobs.push_back({i % 5, 10.0 + static_cast<double>(i * 7 % 23), 1.0 + static_cast<double>(i * 11 % 6)});
    const double as_queued = job_order{jobs}.value();

    const berth::run_control<> budget{.max_evaluations = 200'000};
    berth::annealer cooled{job_order{jobs}, exchange_two{}, berth::geometric_cooling{.first = 20'000.0, .last = 50.0}};
    (void)cooled.run(budget);
    berth::annealer unscaled{job_order{jobs}, exchange_two{}, berth::adaptive_cooling{}};  // no temperature to choose
    (void)unscaled.run(budget);

    std::printf("as queued %.0f, cooled %.0f, without a scale %.0f\n", as_queued, cooled.best_value(),
                unscaled.best_value());
    std::printf("models in turn:");
    for (const job& one : cooled.state().now) std::printf(" %zu", one.model);
    std::printf("\n");
    const bool agrees = cooled.state().value() == cooled.best_value();
    return agrees && cooled.best_value() < 0.6 * as_queued && unscaled.best_value() < 0.6 * as_queued ? 0 : 1;
}
