// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/cost/concepts.hpp"
#include "berth/model/workload.hpp"

#include <concepts>
#include <cstddef>
#include <span>

// The slots that a local search draws. When to use which:
//
//   any_node       no list, every node equally often                        O(1) memory
//   cheapest_gpus  costs or times that differ between GPUs: the k lowest    O(tasks × k) memory, O(tasks × GPUs) once
//   listed_gpus    lists made elsewhere, such as `candidate_lists` by reduced cost
//
// Short lists make a search faster, but it finds no GPU outside them. Left out: lists that change during a search; run
// it again from its plan with other lists.

namespace berth::inline v0 {

/// Candidate GPUs of each task; a task with several GPUs may go to the nodes of its candidates. An empty list means all
/// nodes, also for tasks without GPU. `l.of(t)` is O(1) and valid while the lists live. Immutable.
template <class L>
concept gpu_lists = requires(const L& l, task_index t) {
    { l.of(t) } -> std::convertible_to<std::span<const gpu_index>>;
};

/// A description of candidate slots: `c.prepare(problem)` makes the lists of a run. Write one when costs do not tell
/// which GPUs suit a task, for example from racks or data locality:
///
/// ```
/// struct same_rack {
///     my_lists prepare(const problem& p) const;  // my_lists::of(task_index) -> std::span<const gpu_index>
/// };
/// ```
template <class C>
concept slot_candidates = std::copy_constructible<C> && requires(const C& c, const problem& p) {
    { c.prepare(p) } -> gpu_lists;
};

/// Every node for every task.
struct any_node {
    /// Empty lists.
    struct no_lists {
        /// Empty: all nodes.
        [[nodiscard]] static constexpr std::span<const gpu_index> of(task_index) noexcept { return {}; }
    };
    /// See `slot_candidates`.
    [[nodiscard]] static constexpr no_lists prepare(const problem&) noexcept { return {}; }
};

/// Lists that the caller owns, for example `candidate_lists`.
template <gpu_lists Lists>
struct listed_gpus {
    const Lists* lists;  ///< outlives the search

    /// See `gpu_lists`.
    struct view {
        const Lists* lists;  ///< of the caller
        /// The candidates of a task.
        [[nodiscard]] std::span<const gpu_index> of(task_index t) const { return lists->of(t); }
    };
    /// See `slot_candidates`.
    [[nodiscard]] view prepare(const problem&) const noexcept { return {lists}; }
};
template <class Lists>
listed_gpus(const Lists*) -> listed_gpus<Lists>;

namespace detail {

/// True if the GPU is healthy and of a model that the task accepts.
[[nodiscard]] inline bool admits(const problem& p, task_index t, gpu_index g) noexcept {
    const fleet& machines = p.fleet();
    const node_index n = machines.node_of(g);
    const std::size_t at = g.value() - machines.gpu(n, 0).value();
    return (machines.healthy_gpus(n) >> at & 1U) != 0 &&
           (p.workload().demand(t).accepted_models >> machines.model(g).value() & 1U) != 0;
}

}  // namespace detail

/// The `width` GPUs of least cost for each task, among the healthy ones of an accepted model, ties to the lower
/// position. Takes any `pair_cost`: costs, execution times. O(tasks × GPUs) to prepare, O(tasks × width) memory.
template <pair_cost Cost>
struct cheapest_gpus {
    Cost cost;               ///< of a pair of task and GPU
    std::size_t width = 16;  ///< length of a list

    /// See `gpu_lists`.
    class lists {
    public:
        /// See `slot_candidates`.
        lists(const cheapest_gpus& wanted, const problem& p)
            : width_{wanted.width < p.fleet().gpu_count() ? wanted.width : p.fleet().gpu_count()} {
            gpus_.resize(p.workload().task_count() * width_);
            sizes_.resize(p.workload().task_count());
            detail::flat<double> kept(width_);
            for (std::size_t t = 0; t < p.workload().task_count(); ++t) {
                gpu_index* list = gpus_.data() + t * width_;
                std::size_t size = 0;
                for (std::size_t g = 0; g < p.fleet().gpu_count(); ++g) {
                    if (!detail::admits(p, task_index{t}, gpu_index{g})) continue;
                    const auto value = static_cast<double>(wanted.cost(task_index{t}, gpu_index{g}));
                    if (size == width_ && (width_ == 0 || value >= kept[size - 1])) continue;
                    std::size_t at = size < width_ ? size++ : size - 1;
                    for (; at > 0 && value < kept[at - 1]; --at) {
                        kept[at] = kept[at - 1];
                        list[at] = list[at - 1];
                    }
                    kept[at] = value;
                    list[at] = gpu_index{g};
                }
                sizes_[t] = size;
            }
        }
        /// The candidates of a task, cheapest first.
        [[nodiscard]] std::span<const gpu_index> of(task_index t) const noexcept {
            return {gpus_.data() + t.value() * width_, sizes_[t.value()]};
        }

    private:
        std::size_t width_;
        detail::flat<std::size_t> sizes_;
        detail::flat<gpu_index> gpus_;
    };
    /// See `slot_candidates`.
    [[nodiscard]] lists prepare(const problem& p) const { return {*this, p}; }
};
template <class Cost>
cheapest_gpus(Cost) -> cheapest_gpus<Cost>;
template <class Cost>
cheapest_gpus(Cost, std::size_t) -> cheapest_gpus<Cost>;

static_assert(slot_candidates<any_node>);

}  // namespace berth::inline v0
