// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/concepts.hpp"
#include "berth/allocate/greedy/detail/pick_gpus.hpp"
#include "berth/core/random.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

// Length: one table of selections to choose from.

// Which GPUs of a node a task gets. When to use which:
//
//   tightest_gpu      keeps GPUs whole; the usual choice                      O(GPUs × wanted)
//   first_gpu         cheapest; fills GPUs in order                           O(GPUs)
//   loosest_gpu       spreads load over the GPUs of a node                    O(GPUs × wanted)
//   random_gpu        baseline                                                O(GPUs)
//   best_scored_gpu   the GPU that the score values most; FGD does this       O(GPUs) evaluations
//   gpu_scored_by     the same with another score than the node's             O(GPUs) evaluations
//
//   linked_gpus       the best connected GPUs (allocate/greedy/linked_gpus.hpp)    a search over sets of GPUs
//
// Your own is a lambda `gpu_mask(node_view, demand_view, gpu_mask fitting)`.

namespace berth::inline v0 {

/// A rule that picks `demand.gpus` GPUs out of `fitting`, which has at least that many.
///
/// 1. It depends on nothing but its arguments and what `on_place`/`on_remove` (optional, as for scores) recorded for
///    that node.
/// 2. With `static constexpr bool anonymous = true` it never depends on the node's position, so nodes of equal kind
///    with equal free counters get the same GPUs.
template <class D>
concept gpu_rule = requires(const D& d, const node_view& n, const demand_view& demand, gpu_mask fitting) {
    { d(n, demand, fitting) } -> std::same_as<gpu_mask>;
};

/// A selection that needs the score: `best(score, candidate, fitting)` returns the value and the GPUs. It calls the
/// score with `candidate.gpus` set; the candidate is the caller's scratch. Members `scope` and `anonymous` describe the
/// selection itself, as for scores; without them every node is evaluated at every arrival.
template <class D>
concept gpu_search = requires(const D& d, double (*score)(const candidate&), candidate c, gpu_mask fitting) {
    { d.best(score, c, fitting) } -> std::same_as<scored_gpus<double>>;
};

/// A GPU selection that is ready for use.
template <class D>
concept prepared_gpu_selection = gpu_rule<D> || gpu_search<D>;

/// Customisation point: which GPUs of a node a task gets. A rule, a search, or a description whose `prepare(problem)`
/// makes one. Write one when GPUs of a node differ in more than their free counters, for example by the links between
/// them:
///
/// ```
/// const auto highest = [](const node_view&, const demand_view& demand, gpu_mask fitting) {
///     while (gpu_count(fitting) > demand.gpus) fitting &= fitting - 1;
///     return fitting;
/// };
/// const greedy policy{best_fit{}, highest};
/// ```
///
/// A selection that returns GPUs outside `fitting`, another number than the task wants, or unlike GPUs for a task that
/// wants `same_model`, refuses the node.
template <class D>
concept gpu_selection = prepared_gpu_selection<D> || requires(const D& d, const problem& p) {
    { d.prepare(p) } -> prepared_gpu_selection;
};

/// A selection's member `scope`; without one, `shape` for a rule and `task` for a search.
template <prepared_gpu_selection D>
inline constexpr score_scope gpu_scope_of = [] {
    if constexpr (requires { D::scope; }) {
        return D::scope;
    } else {
        return gpu_rule<D> ? score_scope::shape : score_scope::task;
    }
}();

/// A selection's member `anonymous`; false without one.
template <prepared_gpu_selection D>
inline constexpr bool is_anonymous_selection = [] {
    if constexpr (requires { D::anonymous; }) {
        return D::anonymous;
    } else {
        return false;
    }
}();

/// The GPUs with the least room that still fit; lowest position on ties. Shares of a GPU stay together, whole GPUs stay
/// whole. A task on several GPUs gets GPUs of one model if enough of one fit: of the model with the least room. A task
/// that wants GPU memory gets a GPU of the smallest class of memory (doublings of its capacity) where it fits, then by
/// free share, then by free memory.
struct tightest_gpu {
    static constexpr bool anonymous = true;               ///< see `gpu_rule`
    static constexpr std::size_t node_counters_read = 0;  ///< see `prepared_score`

    /// The GPUs picked.
    [[nodiscard]] constexpr gpu_mask operator()(const node_view& node, const demand_view& demand,
                                                gpu_mask fitting) const {
        return detail::pick_gpus(node, demand, fitting, detail::less_room{});
    }
};

/// The GPUs with the most room; lowest position on ties. A task on several GPUs gets GPUs of one model if enough of one
/// fit. Of equal free shares, a task that wants GPU memory gets the most free memory.
struct loosest_gpu {
    static constexpr bool anonymous = true;               ///< see `gpu_rule`
    static constexpr std::size_t node_counters_read = 0;  ///< see `prepared_score`

    /// The GPUs picked.
    [[nodiscard]] constexpr gpu_mask operator()(const node_view& node, const demand_view& demand,
                                                gpu_mask fitting) const {
        return detail::pick_gpus(node, demand, fitting, detail::more_room{});
    }
};

/// The lowest positions that fit; of one model if the task wants `same_model`.
struct first_gpu {
    static constexpr bool anonymous = true;               ///< see `gpu_rule`
    static constexpr std::size_t node_counters_read = 0;  ///< see `prepared_score`

    /// The GPUs picked.
    [[nodiscard]] constexpr gpu_mask operator()(const node_view& node, const demand_view& demand,
                                                gpu_mask fitting) const {
        if (demand.same_model) fitting = detail::like_gpu(node, fitting, lowest_gpu(fitting));
        gpu_mask picked = 0;
        for (std::size_t k = 0; k < demand.gpus; ++k, fitting &= fitting - 1) picked |= fitting & (~fitting + 1);
        return picked;
    }
};

/// Any GPUs that fit, by a hash of the seed, the node and the free room of its GPUs: a function of the node's state, so
/// the same state always gives the same GPUs.
struct random_gpu {
    std::uint64_t seed = 0;  ///< any number

    /// The GPUs picked.
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
            if (demand.same_model && k == 0) fitting = detail::like_gpu(node, fitting, lowest_gpu(rest));
            picked |= rest & (~rest + 1);
            fitting &= ~picked;
        }
        return picked;
    }
};

/// Evaluates the node's own score on every GPU that fits and keeps the best; lowest position on ties. Only for tasks on
/// one GPU: for several, the tightest are taken. A score that can do this faster offers `best_gpu(candidate, fitting)`
/// itself.
struct best_scored_gpu {
    static constexpr score_scope scope = score_scope::shape;  ///< see `gpu_search`
    static constexpr bool anonymous = true;                   ///< see `gpu_search`
    static constexpr std::size_t node_counters_read = 0;      ///< see `prepared_score`

    /// The best value and its GPUs.
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

/// As `best_scored_gpu`, by a score of its own: `gpu_scored_by{fgd{}}`. A score made of parts compares the GPUs of a
/// node by its `operator()`: without prices, and unstretched.
template <class Score>
struct gpu_scored_by {
    static_assert(placement_score<Score>,
                  "berth: gpu_scored_by{score} takes a score: double(const candidate&), or a description "
                  "whose prepare(problem) makes one");
    Score score;  ///< values GPUs, not nodes

    /// The ready form: a `gpu_search` with the properties and the notifications of its score.
    struct prepared_selection {
        static constexpr score_scope scope = scope_of<prepared<Score>>;                            ///< the score's
        static constexpr bool anonymous = is_anonymous<prepared<Score>>;                           ///< the score's
        static constexpr std::size_t node_counters_read = node_counters_read_by<prepared<Score>>;  ///< the score's

        static constexpr bool follows_cluster = detail::follows_cluster<prepared<Score>>;  ///< the score's

        prepared<Score> score;  ///< values GPUs, not nodes

        /// The node's value with the GPUs that `score` prefers.
        template <class NodeScore>
        [[nodiscard]] constexpr auto best(const NodeScore& node_score, candidate& c, gpu_mask fitting) const {
            c.gpus = c.demand.gpus == 1 ? best_scored_gpu{}.best(score, c, fitting).gpus
                                        : tightest_gpu{}(c.node, c.demand, fitting);
            return scored_gpus<decltype(node_score(c))>{node_score(c), c.gpus};
        }
        /// Passed on to the score.
        constexpr void on_place(const candidate& c) { notify_place(score, c); }
        /// Passed on to the score.
        constexpr void on_remove(const candidate& c) { notify_remove(score, c); }
        /// Passed on to the score.
        constexpr void on_node(const node_view& node) { notify_node(score, node); }
        /// Passed on to the score.
        constexpr void on_settled() { notify_settled(score); }
        /// Passed on to the score.
        [[nodiscard]] constexpr followed follow(const problem& p, std::span<const node_index> changed) {
            return notify_fleet<std::is_same_v<prepared<Score>, Score>>(score, p, changed);
        }
        /// The score's.
        [[nodiscard]] constexpr auto memory() const { return memory_of(score); }
        /// Passed on to the score.
        template <class Memory>
        constexpr void recall(const Memory& before) {
            recall_memory(score, before);
        }
    };
    /// The ready form for a problem.
    [[nodiscard]] constexpr prepared_selection prepare(const problem& p) const { return {prepare_score(score, p)}; }
};
template <class Score>
gpu_scored_by(Score) -> gpu_scored_by<Score>;

static_assert(gpu_selection<tightest_gpu> && gpu_selection<loosest_gpu> && gpu_selection<first_gpu> &&
              gpu_selection<random_gpu> && gpu_selection<best_scored_gpu>);

/// The ready form of a GPU selection: what its `prepare` makes, or a copy.
template <gpu_selection D>
[[nodiscard]] constexpr auto prepare_gpu_selection(const D& selection, const problem& p) {
    if constexpr (requires { selection.prepare(p); }) {
        return selection.prepare(p);
    } else {
        return selection;
    }
}

namespace detail {

/// `choose_gpus` without an optional: false if the selection refuses.
template <prepared_gpu_selection D, class Score, class Value>
[[nodiscard]] constexpr bool try_gpus(const D& selection, const Score& score, candidate& c, gpu_mask fitting,
                                      scored_gpus<Value>& found) {
    const auto valid = [&](gpu_mask gpus) {
        return (gpus & ~fitting) == 0 && has_exactly(gpus, c.demand.gpus) &&
               (!c.demand.same_model || c.node.fleet->one_model({c.node.index, gpus}));
    };
    c.gpus = 0;
    if (c.demand.gpus == 0) {
        found = {score(c), gpu_mask{0}};
        return true;
    }
    if constexpr (gpu_rule<D>) {
        c.gpus = selection(c.node, c.demand, fitting);
        if (!valid(c.gpus)) return false;  // before the score sees GPUs that do not exist
        found = {score(c), c.gpus};
        return true;
    } else {
        found = static_cast<scored_gpus<Value>>(selection.best(score, c, fitting));
        return valid(found.gpus);
    }
}

}  // namespace detail

/// Applies a GPU selection to a candidate whose GPUs are open. What is left in `c.gpus` has no meaning.
///
/// @param fitting  GPUs that fit, at least as many as the task wants
/// @return  value and GPUs; nothing if the selection returns GPUs outside `fitting` or another number than the task
///                wants
template <prepared_gpu_selection D, class Score>
[[nodiscard]] constexpr auto choose_gpus(const D& selection, const Score& score, candidate& c, gpu_mask fitting) {
    scored_gpus<decltype(score(c))> found{};
    return detail::try_gpus(selection, score, c, fitting, found) ? std::optional{found} : std::nullopt;
}

namespace detail {

/// A score's member type `default_gpu_selection`; `tightest_gpu` without one.
template <class Score>
struct default_gpu_selection {
    using type = tightest_gpu;
};
template <class Score>
    requires requires { typename Score::default_gpu_selection; }
struct default_gpu_selection<Score> {
    using type = typename Score::default_gpu_selection;
};

}  // namespace detail

/// The GPU selection of `greedy{score}`: the score's member type `default_gpu_selection`, or `tightest_gpu`.
template <class Score>
using default_gpu_selection_of = typename detail::default_gpu_selection<Score>::type;

}  // namespace berth::inline v0
