// SPDX-License-Identifier: Apache-2.0
// A score of your own: as a lambda, as a struct whose values the library caches, and combined with other scores.
#include "berth/place.hpp"

#include <cstdio>
#include <string>
#include <vector>

struct card {  // a bare GPU is a node of its own
    std::string model;
    double price;  // per hour
};
struct job {
    int gpu_demand;
};
/// Prefers cheaper cards. `prepare` is called once per run. `score_scope::shape` promises that the value depends on the
/// node alone, so a node is scored again only after it has changed.
struct cheapest {
    const std::vector<card>* cards;

    struct state {
        static constexpr berth::score_scope scope = berth::score_scope::shape;
        std::vector<double> price;
        double operator()(const berth::candidate& c) const { return -price[c.node.index.value()]; }
    };
    state prepare(const berth::problem&) const {
        state ready;
        for (const card& c : *cards) ready.price.push_back(c.price);
        return ready;
    }
};

int main() {
    std::vector<card> cards;
    for (int i = 0; i < 1000; ++i) cards.push_back({i % 4 == 3 ? "L4" : "A100", i % 4 == 3 ? 0.8 : 3.2});
    std::vector<job> jobs;
    for (int i = 0; i < 600; ++i) jobs.push_back({250 + 250 * (i % 3)});
    const auto fleet = berth::make_fleet(cards);
    const auto work = berth::make_workload(jobs, *fleet);
    const auto run = [&](const char* name, const auto& score) {
        berth::plan plan = berth::greedy{score}.run({*fleet, *work});
        std::vector<double> bill(cards.size());
        for (const berth::slot& s : plan.assignment) bill[s.node.value()] = cards[s.node.value()].price;
        double sum = 0.0;
        for (const double price : bill) sum += price;
        std::printf("%-22s %5.0f an hour, scored %zu\n", name, sum, std::size_t{plan.counters.evaluations});
        return plan;
    };
    const auto lambda = run("lambda", [&](const berth::candidate& c) { return -cards[c.node.index.value()].price; });
    const auto kept = run("struct", cheapest{&cards});
    run("best fit", berth::best_fit{});
    run("price, then best fit", berth::tiers{cheapest{&cards}, berth::best_fit{}});
    run("best fit + 20 x price", berth::weighted_sum{berth::weighted{1.0, berth::best_fit{}},  //
                                                     berth::weighted{20.0, cheapest{&cards}}});
    const bool fewer = kept.counters.evaluations * 10 < lambda.counters.evaluations;
    return fewer && kept.assignment == lambda.assignment ? 0 : 1;
}
