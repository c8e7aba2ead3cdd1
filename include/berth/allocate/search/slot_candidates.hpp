// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/cost/concepts.hpp"
#include "berth/model/workload.hpp"

#include <concepts>
#include <cstddef>
#include <span>

// Where a local search looks for a place. When to use which:
//
//   any_node       anything: no list, every node equally often                  O(1) memory
//   cheapest_gpus  costs or times that differ from GPU to GPU: the k lowest     O(tasks × k) memory, O(tasks × GPUs) once
//   listed_gpus    lists made elsewhere, such as `candidate_lists` by reduced cost
//
// Short lists make a search faster where the lists are right and blind where they are not. Left out: lists that a search changes
// while it runs; run it again with other lists, warm.

namespace berth::inline v0 {

/// For each task a few GPUs that are worth trying, the node of each being the place to try for a task with several GPUs. An
/// empty list stands for all nodes (so it is for tasks without a GPU). Immutable.
template <class L>
concept gpu_lists = requires(const L& l, task_index t) {
    { l.of(t) } -> std::convertible_to<std::span<const gpu_index>>;
};

/// Where a search looks: lists, or a description that makes them for a problem.
template <class C>
concept slot_candidates = std::copy_constructible<C> && requires(const C& c, const problem& p) {
    { c.prepare(p) } -> gpu_lists;
};

/// Every node, whatever the task.
struct any_node {
    struct no_lists {
        [[nodiscard]] static constexpr std::span<const gpu_index> of(task_index) noexcept { return {}; }
    };
    [[nodiscard]] static constexpr no_lists prepare(const problem&) noexcept { return {}; }
};

/// Lists that somebody else owns, for example `candidate_lists`.
template <gpu_lists Lists>
struct listed_gpus {
    const Lists* lists;  ///< outlives the search

    struct view {
        const Lists* lists;
        [[nodiscard]] std::span<const gpu_index> of(task_index t) const { return lists->of(t); }
    };
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

/// The `width` GPUs where a pair costs least, of those that are healthy and of an accepted model, ties to the lower position.
/// Takes any `pair_cost`: costs, execution times.
template <pair_cost Cost>
struct cheapest_gpus {
    Cost cost;
    std::size_t width = 16;

    class lists {
    public:
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
        [[nodiscard]] std::span<const gpu_index> of(task_index t) const noexcept {
            return {gpus_.data() + t.value() * width_, sizes_[t.value()]};
        }

    private:
        std::size_t width_;
        detail::flat<std::size_t> sizes_;
        detail::flat<gpu_index> gpus_;
    };
    [[nodiscard]] lists prepare(const problem& p) const { return {*this, p}; }
};
template <class Cost>
cheapest_gpus(Cost) -> cheapest_gpus<Cost>;
template <class Cost>
cheapest_gpus(Cost, std::size_t) -> cheapest_gpus<Cost>;

static_assert(slot_candidates<any_node>);

}  // namespace berth::inline v0
