// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/concepts.hpp"
#include "berth/core/random.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

// Which GPUs of a node a task gets. When to use which:
//
//   tightest_gpu      keeps GPUs whole; the usual choice                      O(GPUs × wanted)
//   first_gpu         cheapest; fills GPUs in order                           O(GPUs)
//   loosest_gpu       spreads load over the GPUs of a node                    O(GPUs × wanted)
//   random_gpu        baseline                                                O(GPUs)
//   best_scored_gpu   asks the score about every GPU; FGD does                O(GPUs) evaluations
//   gpu_scored_by     the same with another score than the node's             O(GPUs) evaluations
//
// Left out: topology-aware choice (NVLink islands); write one as a lambda `gpu_mask(node_view, demand_view, gpu_mask fitting)`.

namespace berth::inline v0 {

/// A value together with the GPUs it was reached with.
template <class Value>
struct scored_gpus {
    Value value{};
    gpu_mask gpus = 0;
};

/// A rule that picks `demand.gpus` GPUs out of those that fit, at least that many of which are given.
///
/// 1. It depends on nothing but its arguments and what `on_place`/`on_remove` (optional, as for scores) recorded for that node.
/// 2. With `static constexpr bool anonymous = true` it never looks at which node it is, so nodes of equal kind with equal free
///    counters get the same GPUs.
template <class D>
concept gpu_rule = requires(const D& d, const node_view& n, const demand_view& demand, gpu_mask fitting) {
    { d(n, demand, fitting) } -> std::same_as<gpu_mask>;
};

/// A way to pick GPUs that needs the score: `best(score, candidate, fitting)` returns the value and the GPUs. The score is
/// asked with `candidate.gpus` set; the candidate is the caller's scratch. Members `scope` and `anonymous` say what the choice itself looks at, as for scores; without
/// them every node is evaluated at every arrival.
template <class D>
concept gpu_search = requires(const D& d, double (*score)(const candidate&), candidate c, gpu_mask fitting) {
    { d.best(score, c, fitting) } -> std::same_as<scored_gpus<double>>;
};

template <class D>
concept prepared_gpu_selection = gpu_rule<D> || gpu_search<D>;

/// A device choice as users write it: a rule, a search, or a description whose `prepare(problem)` makes one.
template <class D>
concept gpu_selection = prepared_gpu_selection<D> || requires(const D& d, const problem& p) {
    { d.prepare(p) } -> prepared_gpu_selection;
};

template <prepared_gpu_selection D>
inline constexpr score_scope gpu_scope_of = [] {
    if constexpr (requires { D::scope; }) {
        return D::scope;
    } else {
        return gpu_rule<D> ? score_scope::shape : score_scope::task;
    }
}();

template <prepared_gpu_selection D>
inline constexpr bool is_anonymous_selection = [] {
    if constexpr (requires { D::anonymous; }) {
        return D::anonymous;
    } else {
        return false;
    }
}();

namespace detail {

/// The `wanted` GPUs that come first by `before(free share a, free share b)`, ties to the lowest position.
template <class Before>
[[nodiscard]] constexpr gpu_mask pick_gpus(const node_view& node, std::size_t wanted, gpu_mask fitting, Before before) {
    if (gpu_count(fitting) == wanted) return fitting;
    gpu_mask picked = 0;
    for (std::size_t k = 0; k < wanted; ++k) {
        std::size_t best = lowest_gpu(fitting);
        for (gpu_mask rest = fitting & (fitting - 1); rest != 0; rest &= rest - 1) {
            const std::size_t i = lowest_gpu(rest);
            if (before(node.free_share(i), node.free_share(best))) best = i;
        }
        picked |= gpu_mask{1} << best;
        fitting &= ~(gpu_mask{1} << best);
    }
    return picked;
}

/// True if an earlier GPU of the mask is like GPU i: same model and capacities, same counters left.
[[nodiscard]] constexpr bool repeats_earlier_gpu(const node_view& node, gpu_mask fitting, std::size_t i) {
    const auto alike = [&](std::size_t j) {
        if (node.free_share(i) != node.free_share(j) || node.model(i) != node.model(j)) return false;
        const auto capacity_i = node.fleet->capacity(node.fleet->gpu(node.index, i));
        const auto capacity_j = node.fleet->capacity(node.fleet->gpu(node.index, j));
        for (std::size_t r = 0; r < node.gpu_counters; ++r) {
            if (node.free_gpu(i)[r] != node.free_gpu(j)[r] || capacity_i[r] != capacity_j[r]) return false;
        }
        return true;
    };
    for (gpu_mask rest = fitting & first_gpus(i); rest != 0; rest &= rest - 1) {
        if (alike(lowest_gpu(rest))) return true;
    }
    return false;
}

/// For a task on one GPU: the GPU with the best value of what would be left of the node's shares, asking equal GPUs once. A later
/// GPU wins only by more than `margin`.
template <class Shares, class Value>
[[nodiscard]] constexpr scored_gpus<double> best_gpu_by_shares(const candidate& c, gpu_mask fitting, Shares shares,
                                                               double margin, Value value) {
    scored_gpus<double> found{};
    for (gpu_mask rest = fitting; rest != 0; rest &= rest - 1) {
        const std::size_t i = lowest_gpu(rest);
        if (repeats_earlier_gpu(c.node, fitting, i)) continue;
        const amount left = c.node.free_share(i);
        shares.replace(left, left - c.demand.gpu[0]);
        const double v = value(shares);
        shares.replace(left - c.demand.gpu[0], left);
        if (found.gpus == 0 || v > found.value + margin) found = {v, gpu_mask{1} << i};
    }
    return found;
}

}  // namespace detail

/// The GPUs with the least left that still fit; lowest position on ties. Shares of a GPU stay together, whole GPUs stay whole.
struct tightest_gpu {
    static constexpr bool anonymous = true;
    static constexpr std::size_t node_counters_read = 0;

    [[nodiscard]] constexpr gpu_mask operator()(const node_view& node, const demand_view& demand,
                                                gpu_mask fitting) const {
        return detail::pick_gpus(node, demand.gpus, fitting, [](amount a, amount b) { return a < b; });
    }
};

/// The GPUs with the most left; lowest position on ties.
struct loosest_gpu {
    static constexpr bool anonymous = true;
    static constexpr std::size_t node_counters_read = 0;

    [[nodiscard]] constexpr gpu_mask operator()(const node_view& node, const demand_view& demand,
                                                gpu_mask fitting) const {
        return detail::pick_gpus(node, demand.gpus, fitting, [](amount a, amount b) { return a > b; });
    }
};

/// The lowest positions that fit.
struct first_gpu {
    static constexpr bool anonymous = true;
    static constexpr std::size_t node_counters_read = 0;

    [[nodiscard]] constexpr gpu_mask operator()(const node_view&, const demand_view& demand, gpu_mask fitting) const {
        gpu_mask picked = 0;
        for (std::size_t k = 0; k < demand.gpus; ++k, fitting &= fitting - 1) picked |= fitting & (~fitting + 1);
        return picked;
    }
};

/// Any GPUs that fit, by a hash of the seed, the node and what is left of its GPUs: a function of the node's state, so the
/// same state always gives the same GPUs.
struct random_gpu {
    std::uint64_t seed = 0;

    [[nodiscard]] constexpr gpu_mask operator()(const node_view& node, const demand_view& demand,
                                                gpu_mask fitting) const {
        std::uint64_t state = stream_seed(seed, node.index.value());
        for (const amount left : node.free_gpus) state = splitmix64(state ^ static_cast<std::uint64_t>(left));
        xoshiro256 generator{state};
        gpu_mask picked = 0;
        for (std::size_t k = 0; k < demand.gpus; ++k) {
            gpu_mask rest = fitting;
            for (std::uint32_t skip = bounded(generator, static_cast<std::uint32_t>(gpu_count(fitting))); skip > 0;
                 --skip) {
                rest &= rest - 1;
            }
            picked |= rest & (~rest + 1);
            fitting &= ~picked;
        }
        return picked;
    }
};

/// Asks the node's own score about every GPU that fits and keeps the best; lowest position on ties. Only for tasks on one GPU:
/// for several, the tightest are taken. A score that can do this faster offers `best_gpu(candidate, fitting)` itself.
struct best_scored_gpu {
    static constexpr score_scope scope = score_scope::shape;
    static constexpr bool anonymous = true;
    static constexpr std::size_t node_counters_read = 0;

    template <class Score>
    [[nodiscard]] constexpr auto best(const Score& score, candidate& c, gpu_mask fitting) const {
        using value = decltype(score(c));
        if constexpr (requires { score.best_gpu(c, fitting); }) {
            if (c.demand.gpus == 1) return static_cast<scored_gpus<value>>(score.best_gpu(c, fitting));
        }
        if (c.demand.gpus != 1) {
            c.gpus = tightest_gpu{}(c.node, c.demand, fitting);
            return scored_gpus<value>{score(c), c.gpus};
        }
        scored_gpus<value> found{};
        for (gpu_mask rest = fitting; rest != 0; rest &= rest - 1) {
            if constexpr (is_anonymous<Score>) {
                if (detail::repeats_earlier_gpu(c.node, fitting, lowest_gpu(rest))) continue;
            }
            c.gpus = rest & (~rest + 1);
            const value v = score(c);
            if (found.gpus == 0 || v > found.value) found = {v, c.gpus};
        }
        return found;
    }
};

/// As `best_scored_gpu`, by a score of its own: `gpu_scored_by{fgd{}}`.
template <class Score>
struct gpu_scored_by {
    static_assert(placement_score<Score>,
                  "berth: gpu_scored_by{score} asks a score: double(const candidate&), or a description "
                  "whose prepare(problem) makes one");
    static_assert(
        !detail::is_parted<prepared<Score>>,
        "berth: a score made of parts (a weighted_sum with rescaled{...}, or scarcity) cannot choose a GPU within a "
        "node by itself; use best_scored_gpu, or leave rescaled out here");

    Score score;

    struct prepared_choice {
        static constexpr score_scope scope = scope_of<prepared<Score>>;
        static constexpr bool anonymous = is_anonymous<prepared<Score>>;
        static constexpr std::size_t node_counters_read = node_counters_read_by<prepared<Score>>;

        prepared<Score> score;

        template <class NodeScore>
        [[nodiscard]] constexpr auto best(const NodeScore& node_score, candidate& c, gpu_mask fitting) const {
            c.gpus = c.demand.gpus == 1 ? best_scored_gpu{}.best(score, c, fitting).gpus
                                        : tightest_gpu{}(c.node, c.demand, fitting);
            return scored_gpus<decltype(node_score(c))>{node_score(c), c.gpus};
        }
        constexpr void on_place(const candidate& c) { notify_place(score, c); }
        constexpr void on_remove(const candidate& c) { notify_remove(score, c); }
        constexpr void on_settled() { notify_settled(score); }
    };
    [[nodiscard]] constexpr prepared_choice prepare(const problem& p) const { return {prepare_score(score, p)}; }
};
template <class Score>
gpu_scored_by(Score) -> gpu_scored_by<Score>;

static_assert(gpu_selection<tightest_gpu> && gpu_selection<loosest_gpu> && gpu_selection<first_gpu> &&
              gpu_selection<random_gpu> && gpu_selection<best_scored_gpu>);

/// The ready form of a device choice.
template <gpu_selection D>
[[nodiscard]] constexpr auto prepare_devices(const D& devices, const problem& p) {
    if constexpr (requires { devices.prepare(p); }) {
        return devices.prepare(p);
    } else {
        return devices;
    }
}

/// Applies a device choice to a candidate whose GPUs are open. What is left in `c.gpus` has no meaning.
template <prepared_gpu_selection D, class Score>
[[nodiscard]] constexpr auto choose_gpus(const D& devices, const Score& score, candidate& c, gpu_mask fitting) {
    c.gpus = 0;
    if (c.demand.gpus == 0) return scored_gpus<decltype(score(c))>{score(c), gpu_mask{0}};
    if constexpr (gpu_rule<D>) {
        c.gpus = devices(c.node, c.demand, fitting);
        return scored_gpus<decltype(score(c))>{score(c), c.gpus};
    } else {
        return static_cast<scored_gpus<decltype(score(c))>>(devices.best(score, c, fitting));
    }
}

}  // namespace berth::inline v0
