// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/detail/part_board.hpp"

#include "berth/allocate/greedy/scores/scarcity.hpp"
#include "berth/core/random.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

using namespace berth;
using namespace berth_test;
using berth::detail::part_board;

namespace {

constexpr std::size_t kinds = 5;

/// Two parts at prices of the node's kind.
struct priced {
    using part_values = std::array<double, 2>;
    static constexpr bool compares_nodes = false;

    std::array<double, kinds> price{};
    std::array<std::uint64_t, kinds> version{};

    double operator()(const candidate&) const { return 0.0; }
    [[nodiscard]] part_values parts(const candidate&) const { return {}; }
    [[nodiscard]] double combine(const part_values& p, node_index n, const part_range<part_values>&) const {
        return p[0] - price[n.value() % kinds] * p[1];
    }
    [[nodiscard]] static std::size_t price_classes() { return kinds; }
    [[nodiscard]] static std::size_t price_class(node_index n) { return n.value() % kinds; }
    [[nodiscard]] std::uint64_t price_version(std::size_t kind) const { return version[kind]; }
};
/// Two parts, each rescaled over the nodes that fit.
struct compared {
    using part_values = std::array<double, 2>;
    static constexpr bool compares_nodes = true;

    double operator()(const candidate&) const { return 0.0; }
    [[nodiscard]] part_values parts(const candidate&) const { return {}; }
    [[nodiscard]] double combine(const part_values& p, node_index, const part_range<part_values>& range) const {
        double sum = 0.0;
        for (std::size_t i = 0; i < 2; ++i) {
            const double span = range.greatest[i] - range.least[i];
            if (span > 0.0) sum += (p[i] - range.least[i]) / span;
        }
        return sum;
    }
};
static_assert(parted_score<priced> && parted_score<compared> && parted_score<scarcity_state>);
static_assert(!parted_score<scarcity>);

/// A score that follows prices without price_version.
struct silent : compared {
    static constexpr bool compares_nodes = false;
};
static_assert(!parted_score<silent>);

using rank_parts = std::vector<std::optional<std::array<double, 2>>>;

/// Two passes over everything: the range, then the first best value.
template <class Score>
std::optional<std::size_t> naive_best(const Score& score, const rank_parts& parts,
                                      std::span<const node_index> node_at) {
    constexpr double inf = std::numeric_limits<double>::infinity();
    part_range<std::array<double, 2>> range{.least = {inf, inf}, .greatest = {-inf, -inf}};
    for (const auto& p : parts) {
        for (std::size_t i = 0; p && i < 2; ++i) {
            range.least[i] = std::min(range.least[i], (*p)[i]);
            range.greatest[i] = std::max(range.greatest[i], (*p)[i]);
        }
    }
    std::optional<std::size_t> best;
    double value = 0.0;
    for (std::size_t r = 0; r < parts.size(); ++r) {
        if (!parts[r]) continue;
        const double v = score.combine(*parts[r], node_at[r], range);
        if (!best || v > value) {
            best = r;
            value = v;
        }
    }
    return best;
}

template <class Score, class Change>
void agrees_with_two_passes(Score score, Change change) {
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        CAPTURE(seed);
        xoshiro256 g{seed};
        const std::size_t nodes = 1 + below(g, seed % 3 == 0 ? 300 : 20);
        std::vector<node_index> node_at;
        for (std::size_t n = 0; n < nodes; ++n) node_at.emplace_back(n);
        for (std::size_t n = nodes; n > 1; --n) std::swap(node_at[n - 1], node_at[below(g, n)]);
        rank_parts parts(nodes);
        part_board<Score> board;
        std::vector<std::size_t> rank_of(nodes);
        for (std::size_t r = 0; r < nodes; ++r) rank_of[node_at[r].value()] = r;
        const auto draw = [&](std::size_t r) {
            parts[r].reset();
            if (chance(g, 70)) {
                parts[r] = {static_cast<double>(below(g, 6)), static_cast<double>(below(g, 6)) - 2.0};
            }
            board.put(r, node_at[r], parts[r] ? &*parts[r] : nullptr, score);
        };
        for (int start = 0; start < 2; ++start) {  // a board can be used again
            board.reset(nodes, score);
            for (std::size_t r = 0; r < nodes; ++r) draw(r);
            for (int step = 0; step < 100; ++step) {
                if (chance(g, 50)) change(score, g);
                board.refresh(score, node_at, rank_of);
                REQUIRE(board.values.best() == naive_best(score, parts, node_at).value_or(board.values.nowhere));
                for (std::size_t i = below(g, 4); i > 0; --i) draw(below(g, nodes));
            }
            for (std::size_t r = 0; r < nodes; ++r) {
                parts[r].reset();
                board.put(r, node_at[r], parts[r] ? &*parts[r] : nullptr, score);
            }
            board.refresh(score, node_at, rank_of);
            REQUIRE(board.values.best() == board.values.nowhere);
        }
    }
}

}  // namespace

TEST_CASE("a board of parts with prices equals two passes") {
    agrees_with_two_passes(priced{}, [](priced& score, xoshiro256& g) {
        const std::size_t kind = below(g, kinds);
        score.price[kind] = static_cast<double>(below(g, 5)) - 1.0;
        ++score.version[kind];
    });
}

TEST_CASE("a board of rescaled parts equals two passes") {
    agrees_with_two_passes(compared{}, [](compared&, xoshiro256&) {});
}
