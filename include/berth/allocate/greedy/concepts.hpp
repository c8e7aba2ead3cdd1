// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/workload.hpp"

#include <concepts>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

// Customisation points of greedy placement, all of them plain const structs or lambdas:
//
//   placement_score   how good one candidate is               allocate/greedy/scores/*.hpp, allocate/greedy/combine.hpp
//   gpu_selection     which GPUs of a node                    allocate/greedy/gpu_selection.hpp
//   tie_break         which of equally good nodes             allocate/greedy/tie_break.hpp
//   task_order        in which order a batch is placed        allocate/greedy/task_order.hpp

// Length: the customisation points of one floor, most of it their rules.

namespace berth::inline v0 {

/// How a placer finds the best node. Both give the same placements.
enum class node_scan : std::uint8_t {
    /// Keeps values of `score_scope::shape` per shape and repairs them where nodes changed, so that the cost of a
    /// placement hardly grows with the fleet. Evaluates every node if score or GPU selection is of `score_scope::task`.
    indexed,
    /// Evaluates every node at every arrival; for tests and as a baseline.
    exhaustive,
};

/// The memory that a placer may use for the values of nodes, unless told otherwise: 256 MiB. A value takes 8 bytes for
/// each node and distinct demand, 24 with `scarcity`.
inline constexpr std::size_t default_board_bytes = std::size_t{256} << 20U;

/// One task on one node with some of its GPUs, before it is placed there. It fits.
struct candidate {
    node_view node;       ///< the node and its free room, without the task
    demand_view demand;   ///< of the task
    gpu_mask gpus = 0;    ///< the GPUs it would get
    shape_index shape{};  ///< of the demand
    task_index task{};    ///< only meaningful for scores of `score_scope::task`

    /// The CPU that the task wants; 0 if no counter is CPU.
    [[nodiscard]] amount cpu() const noexcept { return node.fleet->roles().cpu_of(demand.node); }
    /// The GPU memory that the task wants on each of its GPUs; 0 if no counter is GPU memory.
    [[nodiscard]] amount gpu_memory() const noexcept { return node.fleet->roles().gpu_memory_of(demand.gpu); }
};

/// A value together with the GPUs that it belongs to.
template <class Value>
struct scored_gpus {
    Value value{};      ///< as the score yields it
    gpu_mask gpus = 0;  ///< GPUs of the candidate's node
};

/// What a score depends on, hence when a cached value must be computed again.
enum class score_scope : std::uint8_t {
    /// The node's own state and the demand's shape: equal shapes share values, recomputed when the node changes.
    shape,
    /// Anything else (the task itself, other nodes, the arrival): evaluated for every node at every arrival.
    task,
};

/// What became of a score's tables when nodes joined, left or changed their hardware.
enum class followed : std::uint8_t {
    kept,      ///< up to date; values of nodes that did not change stay
    revalued,  ///< up to date, but every value may be another
    outgrown,  ///< the score has to be prepared anew
};

/// The value of a candidate that the policy refuses although it fits. A score of several values (`tier_values`) refuses
/// with this in all of them.
/// Where a GPU rule selects the GPUs of a node, the score sees that selection only.
inline constexpr double not_admitted = -std::numeric_limits<double>::infinity();

/// What a score yields: a number, or several compared one after the other (`tiers`).
template <class V>
concept score_value =
    std::totally_ordered<V> && (std::floating_point<V> || std::integral<V> || requires { V::tier_count; });

/// A score that is ready for use: larger is better, `not_admitted` refuses.
///
/// 1. Read-only and deterministic; never NaN.
/// 2. With `static constexpr score_scope scope = score_scope::shape` the value depends on nothing but `candidate.node`,
///    `candidate.demand`, `candidate.gpus`, tables made by `prepare`, and what `on_place`/`on_remove` recorded for that
///    node. Without the member the scope is `task`, which is always right and never cached.
/// 3. With `static constexpr bool anonymous = true` the value depends on the kind and the free counters of nodes and
///    GPUs, never on their position: nodes of equal kind, and GPUs of one node, with equal free counters share a value,
///    and one evaluation serves them all.
/// 4. With `static constexpr bool looks_at_gpus = false` it does not depend on `candidate.gpus`, which may be empty:
///    GPUs are then selected on the winning node only.
/// 5. With `static constexpr std::size_t node_counters_read = k` only the first k host counters of node and demand
///    and, unless k is 0, the CPU matter to the value, so demands that differ in the others share values.
/// 6. Optional: `on_place(candidate)` after a placement and `on_remove(candidate)` after a removal, for scores with
///    counters of their own; `candidate.node` is the node afterwards. `on_remove` undoes `on_place` exactly (count in
///    integers), or a gang that failed leaves a trace. `on_settled()` comes after a decision that stands, once for a
///    whole gang: the moment to update estimates that depend on many nodes.
/// 7. Optional: `on_node(node_view)` after any change of a node's room, capacity or health, whoever made it, and
///    `follow(problem)`, or `follow(problem, changed nodes)` for tables by node, after nodes joined, left or changed
///    their hardware: it brings its tables up to date and yields a `followed`. On a `cluster`, a score with tables by
///    node has these two; one that is made by `prepare` without `follow` is prepared anew whenever the fleet changes.
///    If it also knows something of the past, such as prices, `memory()` yields that as a value and `recall(memory)`
///    goes on from it after the score was prepared anew.
template <class S>
concept prepared_score = requires(const S& s, const candidate& c) {
    { s(c) } -> score_value;
};

/// The least and greatest value of each part over the nodes that fit the arriving task.
template <class Parts>
struct part_range {
    Parts least{};     ///< per part
    Parts greatest{};  ///< per part

    /// Equal in every part.
    friend bool operator==(const part_range&, const part_range&) = default;
};

/// A score that combines parts, where the parts obey the rules of `prepared_score` and the combination may change at
/// any time: a placer keeps the parts and only combines them again. `scarcity`, a `weighted_sum` with `rescaled`
/// scores, and `tiers` and sums with such a score are. Write one when a value depends on all nodes, but only through a
/// few numbers.
///
/// 1. `parts(candidate)` yields a `std::array` of numbers; `combine(parts, node, range)` is the value: finite, cheap,
///    larger is better, of the type of the score's values.
/// 2. With `compares_nodes` the combination reads `range`. It may follow prices, and does without `compares_nodes`:
/// then
///    nodes are in `price_classes()` classes, `price_class(node)` is that of a node, and `price_version(class)` grows
///    whenever the combination changes for nodes of that class, and never falls. The number of classes stays; where a
///    node's class changes, the node has changed.
/// 3. The score itself (`operator()`) compares the GPUs of one node and refuses candidates. It does not follow prices.
/// 4. Optional: `best_parts(candidate, fitting)` sets `candidate.gpus` to what `best_scored_gpu` picks from those that
///    fit, and yields the parts there; for a score that refuses no candidate and finds both in one look.
template <class S>
concept parted_score = prepared_score<S> && requires(const S& s, const candidate& c, typename S::part_values parts) {
    { s.parts(c) } -> std::same_as<typename S::part_values>;
    { s.combine(parts, node_index{}, part_range<typename S::part_values>{}) } -> score_value;
    { S::compares_nodes } -> std::convertible_to<bool>;
    requires S::compares_nodes || requires {
        { s.price_classes() } -> std::convertible_to<std::size_t>;
        { s.price_class(node_index{}) } -> std::convertible_to<std::size_t>;
        { s.price_version(std::size_t{}) } -> std::convertible_to<std::uint64_t>;
    };
};

/// Customisation point: how good a candidate is. Either a `prepared_score` itself or a description whose
/// `prepare(problem)` makes one. Descriptions are const and can be shared between runs and threads. Write one when none
/// of `allocate/greedy/scores/`, nor a combination of them, prefers the nodes that you prefer:
///
/// ```
/// const auto most_gpus = [](const candidate& c) { return static_cast<double>(c.node.gpu_count()); };
/// const greedy policy{most_gpus};
/// ```
///
/// `examples/own_score.cpp` is a complete one with an index.
template <class S>
concept placement_score = prepared_score<S> || requires(const S& s, const problem& p) {
    { s.prepare(p) } -> prepared_score;
};

/// The ready form of a score: what its `prepare` makes, or a copy.
template <placement_score S>
[[nodiscard]] constexpr auto prepare_score(const S& score, const problem& p) {
    if constexpr (requires { score.prepare(p); }) {
        return score.prepare(p);
    } else {
        return score;
    }
}
/// The type of the ready form of a score.
template <placement_score S>
using prepared = decltype(prepare_score(std::declval<const S&>(), std::declval<const problem&>()));

/// A score's member `scope`; `task` without one.
template <prepared_score S>
inline constexpr score_scope scope_of = [] {
    if constexpr (requires { S::scope; }) {
        return S::scope;
    } else {
        return score_scope::task;
    }
}();

/// A score's member `anonymous`; false without one.
template <prepared_score S>
inline constexpr bool is_anonymous = [] {
    if constexpr (requires { S::anonymous; }) {
        return S::anonymous;
    } else {
        return false;
    }
}();

/// A score's member `looks_at_gpus`; true without one.
template <prepared_score S>
inline constexpr bool looks_at_gpus = [] {
    if constexpr (requires { S::looks_at_gpus; }) {
        return S::looks_at_gpus;
    } else {
        return true;
    }
}();

/// The member `node_counters_read` of a score or a GPU selection; all counters without one.
template <class T>
inline constexpr std::size_t node_counters_read_by = [] {
    if constexpr (requires { T::node_counters_read; }) {
        return T::node_counters_read;
    } else {
        return std::numeric_limits<std::size_t>::max();
    }
}();

/// Calls `on_place` if the score has it.
template <class S>
constexpr void notify_place(S& score, const candidate& c) {
    if constexpr (requires { score.on_place(c); }) score.on_place(c);
}
/// Calls `on_remove` if the score has it.
template <class S>
constexpr void notify_remove(S& score, const candidate& c) {
    if constexpr (requires { score.on_remove(c); }) score.on_remove(c);
}
/// Calls `follow` if the score or GPU selection has it.
///
/// @tparam Stateless  true if the ready form is the description itself, which has no tables of the fleet
template <bool Stateless, class S>
[[nodiscard]] constexpr followed notify_fleet(S& score, const problem& p, std::span<const node_index> changed) {
    if constexpr (requires { score.follow(p, changed); }) {
        return score.follow(p, changed);
    } else if constexpr (requires { score.follow(p); }) {
        return score.follow(p);
    } else {
        return Stateless ? followed::kept : followed::outgrown;
    }
}
/// The memory of a score that has none.
struct no_memory {};
/// What a score knows of the past and not from the nodes as they stand: its `memory()`, if it has one.
template <class S>
[[nodiscard]] constexpr auto memory_of(const S& score) {
    if constexpr (requires { score.memory(); }) {
        return score.memory();
    } else {
        return no_memory{};
    }
}
/// Gives a score that was prepared anew the memory of one that was there before: its `recall(memory)`.
template <class S, class Memory>
constexpr void recall_memory(S& score, const Memory& before) {
    if constexpr (requires { score.recall(before); }) score.recall(before);
}
/// Calls `on_node` if the score or GPU selection has it.
template <class S>
constexpr void notify_node(S& score, const node_view& node) {
    if constexpr (requires { score.on_node(node); }) score.on_node(node);
}
/// Calls `on_settled` if the score or GPU selection has it.
template <class S>
constexpr void notify_settled(S& score) {
    if constexpr (requires { score.on_settled(); }) score.on_settled();
}

namespace detail {

/// False for a score or GPU selection that counts placements by itself: on a cluster it would miss those of others. A
/// combination says it for its members.
template <class S>
inline constexpr bool follows_cluster = [] {
    if constexpr (requires { S::follows_cluster; }) {
        return S::follows_cluster;
    } else {
        return !requires(S& s, const candidate& c) { s.on_place(c); } ||
               requires(S& s, const node_view& n) { s.on_node(n); };
    }
}();

}  // namespace detail

}  // namespace berth::inline v0
