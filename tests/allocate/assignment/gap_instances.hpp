// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/cost/pair_costs.hpp"

#include "common/instances.hpp"
#include "common/skip.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace berth_test {

using berth::amount;

/// A generalised assignment problem that owns its tables: rows are tasks, columns GPUs.
struct gap_instance {
    std::vector<double> costs;
    std::vector<amount> loads;
    std::vector<amount> capacities;
    std::size_t tasks = 0;

    [[nodiscard]] std::size_t gpus() const { return capacities.size(); }
    [[nodiscard]] auto problem() const {
        return berth::assignment_problem{tasks, berth::matrix_cost{{costs.data(), tasks, gpus()}},
                                         berth::matrix_load{{loads.data(), tasks, gpus()}},
                                         std::span<const amount>{capacities}};
    }
};

/// Type D of the generalised assignment literature: loads 1..100, costs that fall with the load, tight capacities.
struct type_d : gap_instance {
    type_d(std::size_t gpu_count, std::size_t task_count, std::uint64_t seed, amount percent = 80) {
        tasks = task_count;
        berth::xoshiro256 g{seed};
        capacities.resize(gpu_count, 0);
        for (std::size_t i = 0; i < tasks * gpu_count; ++i) {
            loads.push_back(static_cast<amount>(1 + below(g, 100)));
            costs.push_back(static_cast<double>(111 - loads.back() + static_cast<amount>(below(g, 21)) - 10));
            capacities[i % gpu_count] += loads.back();
        }
        for (amount& capacity : capacities) capacity = capacity * percent / 100 / static_cast<amount>(gpu_count);
    }
};

/// Types A to E of the literature (Chu and Beasley 1997; Yagiura and others 2004), from our own generator.
[[nodiscard]] inline gap_instance gap_of_type(char type, std::size_t gpus, std::size_t tasks, std::uint64_t seed) {
    if (type == 'D') return type_d{gpus, tasks, seed};
    gap_instance made;
    made.tasks = tasks;
    berth::xoshiro256 g{seed};
    for (std::size_t i = 0; i < tasks * gpus; ++i) {
        if (type == 'E') {
            const double load = std::floor(1.0 - 10.0 * std::log(1.0 - berth::uniform01(g)));
            const double share = 10.0 * berth::uniform01(g);
            made.loads.push_back(static_cast<amount>(load));
            made.costs.push_back(std::floor(1000.0 / load - share));
        } else {
            made.loads.push_back(static_cast<amount>(5 + below(g, 21)));
            made.costs.push_back(static_cast<double>(10 + below(g, 41)));
        }
    }
    made.capacities.resize(gpus, 0);
    const auto m = static_cast<amount>(gpus);
    const bool loose = type == 'A' || type == 'B';
    for (std::size_t t = 0; t < tasks; ++t) {
        const auto row = made.costs.begin() + static_cast<std::ptrdiff_t>(t * gpus);
        const auto cheapest_at =
            static_cast<std::size_t>(std::min_element(row, row + static_cast<std::ptrdiff_t>(gpus)) - row);
        for (std::size_t i = 0; i < gpus; ++i) {
            if (!loose || i == cheapest_at) made.capacities[i] += made.loads[t * gpus + i];
        }
    }
    if (loose) {
        const amount fullest = *std::max_element(made.capacities.begin(), made.capacities.end());
        const amount capacity = 9 * static_cast<amount>(tasks) / m + 4 * fullest / 10;
        for (amount& each : made.capacities) each = type == 'A' ? capacity : capacity * 7 / 10;
    } else {
        for (amount& each : made.capacities) each = each * 8 / (10 * m);
    }
    return made;
}

/// Odd problems: few tasks, loads and capacities of 0, pairs that never fit, costs negative or fractional; by the seed.
[[nodiscard]] inline gap_instance odd_instance(std::size_t max_gpus, std::size_t max_tasks, std::uint64_t seed) {
    gap_instance made;
    berth::xoshiro256 g{seed};
    const std::size_t gpus = 1 + below(g, max_gpus);
    made.tasks = below(g, max_tasks + 1);
    const std::size_t largest = 1 + below(g, 20);
    const bool fractional = below(g, 3) == 0;
    const double lowest = below(g, 3) == 0 ? -20.0 : 0.0;
    amount sum = 0;
    for (std::size_t i = 0; i < made.tasks * gpus; ++i) {
        made.loads.push_back(static_cast<amount>(below(g, largest + 1)));
        const auto whole = static_cast<double>(below(g, 30));
        const double part = static_cast<double>(below(g, 64)) / 64.0;
        made.costs.push_back(lowest + whole + (fractional ? part : 0.0));
        sum += made.loads.back();
    }
    const auto m = static_cast<amount>(gpus);
    for (std::size_t i = 0; i < gpus; ++i) {
        const auto percent = static_cast<amount>(40 + below(g, 90));
        made.capacities.push_back(below(g, 12) == 0 ? 0 : sum * percent / (100 * m * m));
    }
    return made;
}

/// The optimum by enumeration; infinite if nothing fits.
inline double cheapest(const gap_instance& d, std::vector<amount>& room, std::size_t t = 0) {
    if (t == d.tasks) return 0.0;
    double best = std::numeric_limits<double>::infinity();
    for (std::size_t g = 0; g < room.size(); ++g) {
        const std::size_t at = t * room.size() + g;
        if (room[g] < d.loads[at]) continue;
        room[g] -= d.loads[at];
        best = std::min(best, d.costs[at] + cheapest(d, room, t + 1));
        room[g] += d.loads[at];
    }
    return best;
}
[[nodiscard]] inline double cheapest(const gap_instance& d) {
    auto room = d.capacities;
    return cheapest(d, room);
}

/// The optimum by enumeration that leaves out branches whose tasks, each on its cheapest GPU, already cost too much. For instances
/// with a few tasks more than `cheapest` can do. Shares nothing with the library.
class pruned_enumeration {
public:
    explicit pruned_enumeration(const gap_instance& d) : d_{&d}, room_{d.capacities}, rest_(d.tasks + 1, 0.0) {
        for (std::size_t t = d.tasks; t-- > 0;) {
            const auto row = d.costs.begin() + static_cast<std::ptrdiff_t>(t * d.gpus());
            rest_[t] = rest_[t + 1] + *std::min_element(row, row + static_cast<std::ptrdiff_t>(d.gpus()));
        }
        search(0, 0.0);
    }
    [[nodiscard]] double optimum() const { return best_; }

private:
    void search(std::size_t t, double cost) {
        if (cost + rest_[t] > best_ - 1e-9) return;
        if (t == d_->tasks) {
            best_ = cost;
            return;
        }
        for (std::size_t g = 0; g < room_.size(); ++g) {
            const std::size_t at = t * room_.size() + g;
            if (room_[g] < d_->loads[at]) continue;
            room_[g] -= d_->loads[at];
            search(t + 1, cost + d_->costs[at]);
            room_[g] += d_->loads[at];
        }
    }

    const gap_instance* d_;
    std::vector<amount> room_;
    std::vector<double> rest_;
    double best_ = std::numeric_limits<double>::infinity();
};

/// Checks a plan: a GPU for every task, cost and excess recomputed from the instance.
inline void check_plan(const gap_instance& d, const berth::assignment_plan& plan) {
    REQUIRE(plan.gpu_of.size() == d.tasks);
    auto room = d.capacities;
    double cost = 0.0;
    for (std::size_t t = 0; t < d.tasks; ++t) {
        REQUIRE(plan.gpu_of[t].valid());
        REQUIRE(plan.gpu_of[t].value() < d.gpus());
        const std::size_t at = t * d.gpus() + plan.gpu_of[t].value();
        cost += d.costs[at];
        room[plan.gpu_of[t].value()] -= d.loads[at];
    }
    amount excess = 0;
    for (const amount left : room) excess += left < 0 ? -left : 0;
    CHECK(plan.cost == doctest::Approx(cost));
    CHECK(plan.excess == excess);
    CHECK(plan.feasible() == (excess == 0));
    if (plan.feasible()) CHECK(plan.cost >= plan.lower_bound - 1e-6 * (1.0 + std::abs(plan.cost)));
}

/// A public instance: GPUs, tasks, then costs and loads GPU by GPU, then capacities. Nothing if it is not there (skipped).
[[nodiscard]] inline std::optional<gap_instance> public_gap(const std::string& name) {
    const auto path = external_data("gap/" + name + ".txt");
    if (!path) return std::nullopt;
    std::ifstream file{*path};
    gap_instance read;
    std::size_t gpus = 0;
    file >> gpus >> read.tasks;
    read.costs.resize(gpus * read.tasks);
    read.loads.resize(gpus * read.tasks);
    read.capacities.resize(gpus);
    for (std::size_t g = 0; g < gpus; ++g) {
        for (std::size_t t = 0; t < read.tasks; ++t) file >> read.costs[t * gpus + g];
    }
    for (std::size_t g = 0; g < gpus; ++g) {
        for (std::size_t t = 0; t < read.tasks; ++t) file >> read.loads[t * gpus + g];
    }
    for (amount& capacity : read.capacities) file >> capacity;
    REQUIRE(file);
    return read;
}

}  // namespace berth_test
