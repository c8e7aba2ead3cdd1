// SPDX-License-Identifier: Apache-2.0
// A cost model over your own types: features are projections, a cost is a sum of named terms, and any lambda is a term.
#include "berth/search.hpp"

#include <cstdio>
#include <string>
#include <vector>

struct job {
    std::string name;
    double gigabytes, gflop;
    int gpu_demand;  // thousandths of a GPU
};
struct card {
    std::string model;
    double gflops, celsius, watts;
};

int main() {
    const std::vector<job> jobs{
        {"train", 40, 90'000, 1000}, {"embed", 5, 8'000, 500}, {"render", 2, 30'000, 600}, {"infer", 1, 900, 250}};
    const std::vector<card> cards{
        {"hot and fast", 900, 81, 400}, {"cool and fast", 800, 55, 400}, {"frugal", 300, 48, 70}};

    using berth::column, berth::columns, berth::cost_term, berth::feature_row;
    const auto tasks = extract(jobs, columns{column{"data", &job::gigabytes}, column{"compute", &job::gflop},
                                             column{"output", [](const job&) { return 0.0; }}});
    const auto gpus =
        extract(cards, columns{column{"speed", &card::gflops}, column{"watts", &card::watts},
                               column{"over 70 C", [](const card& c) { return c.celsius > 70 ? c.celsius - 70 : 0; }}});
    if (!tasks || !gpus) return std::puts((tasks ? gpus : tasks).error().message.c_str()), 1;

    const berth::weighted_terms cost{
        cost_term{"seconds", 1.0, berth::execution_time{.seconds_per_input_gb = 1.0 / 12}},
        cost_term{"energy", 0.002, [](feature_row t, feature_row g) { return g[1] * t[1] / g[0]; }},
        cost_term{"heat", 5.0, [](feature_row, feature_row g) { return g[2]; }}};

    const auto fleet = berth::make_fleet(cards);  // each card is a node of its own
    const auto work = berth::make_workload(jobs, *fleet);
    const berth::greedy policy{berth::cost_score{berth::bound_cost{cost, tasks->view(), gpus->view()}}};
    const berth::plan plan = policy.run({*fleet, *work});
    for (std::size_t t = 0; t < jobs.size(); ++t) {
        const berth::slot where = plan.assignment[t];
        std::printf("%-7s", jobs[t].name.c_str());
        if (!where.placed()) {
            std::puts("waits");
            continue;
        }
        double parts[3] = {};
        cost.split(tasks->row(t), gpus->row(where.node.value()), parts);
        std::printf("on %-14s", cards[where.node.value()].model.c_str());
        for (std::size_t i = 0; i < cost.size; ++i)
            std::printf(" %s %.1f", std::string{cost.names()[i]}.c_str(), parts[i]);
        std::puts("");
    }
}
