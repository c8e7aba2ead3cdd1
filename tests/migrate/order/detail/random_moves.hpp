// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/migrate/order/detail/move_table.hpp"

#include "common/instances.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace berth_test {

/// Moves between a few counters whose start and end are feasible and tight.
struct random_moves {
    berth::detail::move_table moves;
    std::vector<berth::amount> free;
    std::vector<double> weight;

    random_moves(std::uint64_t seed, std::size_t count, std::size_t counters) : free(counters, 0) {
        berth::xoshiro256 g{seed};
        std::vector<berth::amount> at_end(counters, 0);
        const auto part = [&](std::vector<berth::amount>& change, berth::amount sign) {
            const std::size_t first = below(g, counters);
            const std::size_t touched = chance(g, 25) ? 2 : 1;
            for (std::size_t i = 0; i < touched && i < counters; ++i) {
                const auto demand = static_cast<berth::amount>(1 + below(g, 9));
                const std::size_t c = (first + i) % counters;
                moves.touches().push_back({static_cast<std::uint32_t>(c), demand});
                change[c] += sign * demand;
            }
            moves.end_part();
        };
        for (std::size_t m = 0; m < count; ++m) {
            part(at_end, 1);
            part(at_end, -1);
            weight.push_back(1.0 + static_cast<double>(below(g, 4)));
        }
        for (std::size_t c = 0; c < counters; ++c) {
            const auto spare = static_cast<berth::amount>(below(g, 4));
            free[c] = at_end[c] < 0 ? spare - at_end[c] : spare;
        }
    }

    /// As many moves come to each counter as leave it, each with what it has: hardly any room.
    static random_moves tight(std::uint64_t seed, std::size_t count, std::size_t counters) {
        berth::xoshiro256 g{seed};
        random_moves made{seed, 0, counters};
        std::vector<std::uint32_t> sources;
        for (std::size_t m = 0; m < count; ++m) sources.push_back(static_cast<std::uint32_t>(below(g, counters)));
        std::vector<std::uint32_t> targets = sources;
        berth::shuffle(g, std::span{targets});
        std::vector<berth::amount> at_end(counters, 0);
        for (std::size_t m = 0; m < count; ++m) {
            const auto demand = static_cast<berth::amount>(1 + below(g, 9));
            made.moves.touches().push_back({sources[m], demand});
            made.moves.end_part();
            made.moves.touches().push_back({targets[m], demand});
            made.moves.end_part();
            at_end[sources[m]] += demand;
            at_end[targets[m]] -= demand;
            made.weight.push_back(1.0 + static_cast<double>(below(g, 4)));
        }
        for (std::size_t c = 0; c < counters; ++c) {
            const auto spare = static_cast<berth::amount>(below(g, 2));
            made.free[c] = at_end[c] < 0 ? spare - at_end[c] : spare;
        }
        return made;
    }

    /// True if the broken ones out of the way, the order, and the broken ones at the end never overdraw a counter.
    [[nodiscard]] bool works(std::span<const std::uint32_t> order, std::span<const std::uint32_t> broken) const {
        if (order.size() + broken.size() != moves.size()) return false;
        std::vector<berth::amount> left = free;
        std::vector<char> seen(moves.size(), 0);
        const auto give = [&](std::size_t m) {
            for (const auto& t : moves.from(m)) left[t.counter] += t.demand;
        };
        const auto take = [&](std::size_t m) {
            for (const auto& t : moves.to(m)) left[t.counter] -= t.demand;
            bool fine = seen[m] == 0;
            seen[m] = 1;
            for (const auto& t : moves.to(m)) fine = fine && left[t.counter] >= 0;
            return fine;
        };
        for (const auto m : broken) give(m);
        for (const auto m : order) {
            if (!take(m)) return false;
            give(m);
        }
        for (const auto m : broken) {
            if (!take(m)) return false;
        }
        return true;
    }

    /// The least sum of weights of broken moves, by looking at every state that can be reached: each move at its source, away, or
    /// at its target. Moves may leave at any time.
    [[nodiscard]] double least_weight() const {
        std::size_t states = 1;
        for (std::size_t m = 0; m < moves.size(); ++m) states *= 3;
        const double never = std::numeric_limits<double>::infinity();
        std::vector<double> cost(states, never);
        std::vector<char> done(states, 0);
        cost[0] = 0.0;
        const std::size_t goal = states - 1;
        for (;;) {
            std::size_t at = states;
            for (std::size_t s = 0; s < states; ++s) {
                if (done[s] == 0 && cost[s] < never && (at == states || cost[s] < cost[at])) at = s;
            }
            if (at == states) return never;
            if (at == goal) return cost[at];
            done[at] = 1;
            std::vector<berth::amount> left = free;
            std::vector<std::size_t> digit(moves.size());
            std::size_t rest = at;
            for (std::size_t m = 0; m < moves.size(); ++m, rest /= 3) {
                digit[m] = rest % 3;
                if (digit[m] > 0) {
                    for (const auto& t : moves.from(m)) left[t.counter] += t.demand;
                }
                if (digit[m] == 2) {
                    for (const auto& t : moves.to(m)) left[t.counter] -= t.demand;
                }
            }
            std::size_t power = 1;
            for (std::size_t m = 0; m < moves.size(); ++m, power *= 3) {
                if (digit[m] == 2) continue;
                bool fits = true;
                for (const auto& t : moves.to(m)) fits = fits && left[t.counter] >= t.demand;
                const std::size_t there = at + (2 - digit[m]) * power;
                if (fits && cost[at] < cost[there]) cost[there] = cost[at];
                const double away = cost[at] + weight[m];
                if (digit[m] == 0 && away < cost[at + power]) cost[at + power] = away;
            }
        }
    }
};

}  // namespace berth_test
