// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/defragment/defragment_options.hpp"
#include "berth/balance/defragment/defragment_state.hpp"
#include "berth/balance/defragment/fragmentation_cost.hpp"
#include "berth/balance/movability.hpp"
#include "berth/core/config.hpp"
#include "berth/migrate/order/migration_cost.hpp"
#include "berth/model/workload.hpp"

#include <type_traits>
#include <utility>

namespace berth::inline v0 {

class cluster;
template <class FragmentationCost, class Movable, class Cost>
class cluster_defragment;

/// Makes room for a task that fits nowhere by moving few others: tasks leave a node for other nodes, where others in
/// turn may make room for them. Fewest steps first, then least downtime and fewest bytes by a cost model, then least
/// fragmentation left behind.
///
/// - With a `step_cost` the plan with the lowest growth of fragmentation plus `step_cost` · steps is taken, however
///   many its steps, and none if that sum is above zero: leaving the task out costs less. Tasks without GPU are placed
///   even so.
/// - Up to two steps the search is complete: a plan is found if there is one, and there is none with fewer steps (for
///   tasks on several GPUs: among 64 choices of GPUs on each node). Every task moves at most once.
/// - A task of a gang is not parked, and stays on its GPU model if the gang wants `same_model`.
/// - For three steps and more a beam search over chains and repackings of several nodes.
/// - Every target has room when its step begins, with both ends held. In a full fleet, tasks that would trade slots
///   wait for each other for ever; `park` lets one of them wait in host memory.
///
/// ```
/// auto state = defragment{{.max_steps = 4}}.start(problem);
/// for (...) state.occupy(task, slot);                       // what runs
/// const eviction_plan r = state.make_room(task);            // changes nothing
/// if (r.placed()) state.carry_out(task, r);                 // once it was done, or at once if it will be
/// ```
///
/// Complete example: `examples/defragment.cpp`. An immutable description. Deterministic.
template <fragmentation_cost FragmentationCost = expected_fragmentation_cost, movability Movable = all_movable,
          migration_cost_model Cost = uniform_migration>
class defragment {
public:
    /// @param options        limits of one question
    /// @param fragmentation  ranks plans of equally many steps, or is weighed against their cost
    /// @param movable        which moves are allowed
    /// @param cost           downtime and bytes of a move
    explicit defragment(defragment_options options = {}, FragmentationCost fragmentation = {}, Movable movable = {},
                        Cost cost = {})
        : options_{options},
          fragmentation_{std::move(fragmentation)},
          movable_{std::move(movable)},
          cost_{std::move(cost)} {
        BERTH_ASSERT(options.max_candidates > 0 && options.beam.width > 0 && options.beam.alternatives > 0,
                     "berth: defragment compares one candidate and follows one alternative at least");
        BERTH_ASSERT(options.step_cost >= 0.0 && options.min_share_per_step >= 0.0,
                     "berth: the cost of a step and the share per step are not negative");
    }

    /// The state for one fleet, empty at first. O(nodes + tasks).
    [[nodiscard]] auto start(const problem& p) const {
        auto fragmentation = fragmentation_.prepare(p);
        return defragment_state<decltype(fragmentation), Movable, Cost>{p, options_, std::move(fragmentation), movable_,
                                                                        cost_};
    }
    /// The state on a living cluster. Include `balance/defragment/cluster_defragment.hpp`.
    ///
    /// @param lender   outlives the state
    /// @param options  `cluster_defragment_options`, and a known mix: see `cluster_defragment`
    template <class Cluster, class... Options>
        requires std::is_same_v<Cluster, cluster>
    [[nodiscard]] auto start(Cluster& lender, const Options&... options) const {
        return cluster_defragment<FragmentationCost, Movable, Cost>{*this, lender, options...};
    }
    /// The options that it was made with.
    [[nodiscard]] const defragment_options& options() const noexcept { return options_; }
    /// The fragmentation cost that it was made with.
    [[nodiscard]] const FragmentationCost& fragmentation() const noexcept { return fragmentation_; }
    /// The movability policy that it was made with.
    [[nodiscard]] const Movable& movable() const noexcept { return movable_; }
    /// The cost model that it was made with.
    [[nodiscard]] const Cost& cost() const noexcept { return cost_; }

private:
    defragment_options options_;
    FragmentationCost fragmentation_;
    Movable movable_;
    Cost cost_;
};
defragment() -> defragment<>;
defragment(defragment_options) -> defragment<>;
template <class W>
defragment(defragment_options, W) -> defragment<W>;
template <class W, class M>
defragment(defragment_options, W, M) -> defragment<W, M>;
template <class W, class M, class C>
defragment(defragment_options, W, M, C) -> defragment<W, M, C>;

}  // namespace berth::inline v0
