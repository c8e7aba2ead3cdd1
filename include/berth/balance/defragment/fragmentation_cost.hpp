// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/ledger.hpp"
#include "berth/model/task_mix.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/measures/expected_fragmentation.hpp"
#include "berth/objective/measures/fragmentation.hpp"
#include "berth/objective/measures/share_profile.hpp"

#include <concepts>

namespace berth::inline v0 {

// How much of a node is unusable as it stands: how `defragment` chooses among plans of equally many steps.
//
//   expected_fragmentation_cost  expected unusable GPU share, the term of `scarcity`: the default
//   mix_fragmentation_cost       GPU share that a task of the mix could not use, the measure of `fgd`
//   no_fragmentation_cost        nothing is lost: the first plan found is taken

/// How much of a node is unusable as it stands. `w.prepare(problem)` yields a function of a `node_view` that returns a
/// cost, in a unit of your choice, read-only and deterministic. Write one where free pieces have another value to you:
///
/// ```
/// struct broken_gpus {   // GPUs that are partly used
///     auto prepare(const berth::problem&) const {
///         return [](const berth::node_view& n) {
///             double count = 0.0;
///             for (std::size_t g = 0; g < n.gpu_count(); ++g)
///                 count += n.free_share(g) > 0 && n.free_share(g) < berth::whole_gpu ? 1.0 : 0.0;
///             return count;
///         };
///     }
/// };
/// auto state = berth::defragment{berth::defragment_options{}, broken_gpus{}}.start(problem);
/// ```
template <class W>
concept fragmentation_cost = std::copy_constructible<W> && requires(const W& w, const problem& p, const node_view& n) {
    { w.prepare(p)(n) } -> std::convertible_to<double>;
};

/// GPU thousandths that are expected to become unusable (`expected_fragmentation`).
struct expected_fragmentation_cost {
    fragmentation_weights weights{};  ///< of `expected_fragmentation`

    /// The measure of one workload.
    struct state {
        expected_fragmentation of;  ///< the measure
        /// Expected unusable GPU thousandths of the node.
        [[nodiscard]] double operator()(const node_view& node) const noexcept { return of(node).fragmentation; }
    };
    /// Costs what building `expected_fragmentation` costs.
    [[nodiscard]] state prepare(const problem& p) const { return {expected_fragmentation{p, weights}}; }
};

/// GPU thousandths that a task of the workload's mix could not use (`fragmentation`).
struct mix_fragmentation_cost {
    double coverage = 0.95;  ///< part of the tasks that the mix covers, 0 to 1

    /// Costs what building the mix costs.
    [[nodiscard]] fragmentation prepare(const problem& p) const {
        return fragmentation{p, typical_mix(p.workload(), coverage)};
    }
};

/// 0 for every node.
struct no_fragmentation_cost {
    /// A function that returns 0.
    struct state {
        /// Always 0.
        [[nodiscard]] constexpr double operator()(const node_view&) const noexcept { return 0.0; }
    };
    /// O(1).
    [[nodiscard]] static constexpr state prepare(const problem&) noexcept { return {}; }
};

static_assert(fragmentation_cost<expected_fragmentation_cost> && fragmentation_cost<mix_fragmentation_cost> &&
              fragmentation_cost<no_fragmentation_cost>);

}  // namespace berth::inline v0
