// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/concepts.hpp"
#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/allocate/greedy/placer.hpp"
#include "berth/allocate/greedy/scores/scarcity.hpp"
#include "berth/allocate/greedy/task_order.hpp"
#include "berth/allocate/greedy/tie_break.hpp"
#include "berth/allocate/plan.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/run_control.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

namespace berth::inline v0 {

template <class Score, class GpuSelection, class Ties, node_scan Scan>
class cluster_placer;
struct cluster_placer_options;
class cluster;

/// Whether a batch run explains every task that it left out (`plan::explanations`), at the moment it was left out.
/// O(nodes) for each such task.
enum class explain_left_out : bool { no, yes };

/// Greedy placement: each task goes to the node with the best score, on the GPUs that the GPU selection picks there;
/// the tie break decides between equals. Work conserving: no task is refused while a node fits, unless the score yields
/// `not_admitted`. Placed tasks never move.
///
/// ```
/// const greedy policy{};                                     // the default, scarcity
/// const greedy packing{best_fit{}, tightest_gpu{}};
/// const plan plan = packing.run(problem, largest_first{});   // a batch
/// auto placer = policy.start(problem);                       // one task at a time
/// ```
///
/// A description: immutable and shareable; `start` makes the state of a run. Same input, same plan.
///
/// @tparam Score         a `placement_score`
/// @tparam GpuSelection  a `gpu_selection`; default: the score's own (`default_gpu_selection_of`)
/// @tparam Ties          a `tie_break`
template <class Score = scarcity, class GpuSelection = default_gpu_selection_of<Score>, class Ties = lowest_index,
          node_scan Scan = node_scan::indexed>
class greedy {
    static_assert(placement_score<Score>,
                  "berth: the first argument of greedy is a score: a function of a const candidate& "
                  "that yields a number, or a description whose prepare(problem) makes one");
    static_assert(
        gpu_selection<GpuSelection>,
        "berth: the second argument of greedy is a GPU selection: gpu_mask(const node_view&, const demand_view&, "
        "gpu_mask fitting), or one of allocate/greedy/gpu_selection.hpp");
    static_assert(tie_break<Ties>,
                  "berth: the third argument of greedy is a tie break: it has a const member rank(fleet) "
                  "that returns a std::vector<node_index>, first choice first");

public:
    /// The defaults of all three.
    constexpr greedy() = default;
    /// A policy from its parts.
    constexpr explicit greedy(Score score, GpuSelection selection = {}, Ties ties = {})
        : score_{std::move(score)}, gpu_selection_{std::move(selection)}, ties_{std::move(ties)} {}

    /// The same policy with an evaluation of every node for every task.
    [[nodiscard]] constexpr auto exhaustive() const {
        return greedy<Score, GpuSelection, Ties, node_scan::exhaustive>{score_, gpu_selection_, ties_};
    }

    /// The state of a run over an empty fleet. O(nodes + shapes) plus what the score prepares.
    ///
    /// @param p  outlives the placer
    [[nodiscard]] auto start(const problem& p) const {
        auto score = prepare_score(score_, p);
        auto selection = prepare_gpu_selection(gpu_selection_, p);
        return placer<decltype(score), decltype(selection), Scan>{p, std::move(score), std::move(selection),
                                                                  ties_.rank(p.fleet())};
    }

    /// The state of a run on a living cluster. Include `allocate/greedy/cluster_placer.hpp`.
    ///
    /// @param lender   outlives the placer
    /// @param options  `cluster_placer_options`, and a known mix: see `cluster_placer`
    template <class Cluster, class... Options>
        requires std::is_same_v<Cluster, cluster>
    [[nodiscard]] auto start(Cluster& lender, const Options&... options) const {
        return cluster_placer<Score, GpuSelection, Ties, Scan>{*this, lender, options...};
    }
    [[nodiscard]] const Score& score() const noexcept { return score_; }                     ///< the score
    [[nodiscard]] const GpuSelection& selection() const noexcept { return gpu_selection_; }  ///< the GPU selection
    [[nodiscard]] const Ties& ties() const noexcept { return ties_; }                        ///< the tie break

    /// Places a whole workload. A gang is placed, at least its `min_tasks` members or none, when the order reaches
    /// its first member.
    ///
    /// @param order    a `task_order`; entries that are no task of the workload, or were listed before, are skipped and
    ///                 counted in `run_counters::skipped`
    /// @param control  polled between tasks; `max_evaluations` counts scored candidates
    template <class Order = arrival_order, class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] plan run(const problem& p, const Order& order = {}, run_control<Stop, Observer> control = {}) const {
        check_order<Order>();
        auto placer = start(p);
        return run_with(placer, order(p), control, nullptr);
    }
    /// The same with explanations. A function of its own, so that who wants none does not compile them.
    ///
    /// @param explain  whether to fill `plan::explanations`
    template <class Order, class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] plan run(const problem& p, const Order& order, run_control<Stop, Observer> control,
                           explain_left_out explain) const {
        check_order<Order>();
        auto placer = start(p);
        return run_with(placer, order(p), control,
                        explain == explain_left_out::yes ? &explain_to<decltype(placer)> : nullptr);
    }

private:
    /// Adds the explanation of a task to a plan.
    template <class Placer>
    using explainer = std::type_identity_t<void (*)(const Placer& placer, task_index task, plan& plan)>;

    template <class Order>
    static constexpr void check_order() noexcept {
        static_assert(task_order<Order>,
                      "berth: the second argument of run is an order: a function of a const problem& that returns a "
                      "std::vector<task_index>; a list at hand becomes one as [&](const problem&) { return list; }");
    }
    template <class Placer>
    static void explain_to(const Placer& placer, task_index task, plan& plan) {
        plan.explanations.push_back(placer.explain(task));
    }

    template <class Placer, class Control>
    static plan run_with(Placer& placer, const std::vector<task_index>& order, Control& control,
                         explainer<Placer> explain) {
        const workload& work = placer.problem().workload();
        plan plan;
        plan.assignment = assignment(work.task_count());
        detail::flat<std::uint8_t> task_seen(work.task_count());
        detail::flat<std::uint8_t> gang_seen(work.group_count());
        progress progress{.done = 0, .total = order.size()};
        const auto place = [&](task_index task) {
            if (!task.valid() || task.value() >= work.task_count() || task_seen[task.value()]++ != 0) {
                ++plan.counters.skipped;
                return;
            }
            const group_index group = work.group(task);
            if (group.valid() && work.is_gang(group)) {
                if (gang_seen[group.value()]++ == 0) place_gang(placer, group, plan, control, explain);
                return;
            }
            const slot where = placer.place(task);
            plan.assignment[task.value()] = where;
            if (where.placed()) {
                ++plan.counters.placed;
            } else {
                leave_out(placer, task, plan, explain);
            }
        };
        notify::begin(control.observer, progress);
        for (const task_index task : order) {
            plan.stopped = control.check(placer.evaluations());
            if (plan.stopped != stop_reason::completed) break;
            place(task);
            ++progress.done;
            progress.evaluations = placer.evaluations();
            notify::step(control.observer, progress);
        }
        plan.counters.evaluations = placer.evaluations();
        progress.evaluations = placer.evaluations();
        notify::end(control.observer, progress);
        return plan;
    }

    template <class Placer>
    [[gnu::noinline]] static void leave_out(const Placer& placer, task_index task, plan& plan,
                                            explainer<Placer> explain) {
        plan.left_out.push_back(task);
        ++plan.counters.rejected;
        if (explain != nullptr) explain(placer, task, plan);
    }
    template <class Placer, class Control>
    [[gnu::noinline]] static void place_gang(Placer& placer, group_index group, plan& plan, const Control& control,
                                             explainer<Placer> explain) {
        const workload& work = placer.problem().workload();
        const auto members = work.members(group);
        const gang_options options{.min_tasks = work.min_tasks(group), .same_model = work.same_model(group)};
        const gang_placement found = placer.place_gang(members, options, control);
        if (found.outcome == gang_outcome::undecided) plan.undecided_gangs.push_back(group);
        for (std::size_t i = 0; i < members.size(); ++i) {
            if (!found.slots[i].placed()) {
                leave_out(placer, members[i], plan, explain);
                continue;
            }
            plan.assignment[members[i].value()] = found.slots[i];
            ++plan.counters.placed;
        }
    }

    Score score_{};
    GpuSelection gpu_selection_{};
    Ties ties_{};
};
greedy() -> greedy<>;
template <class Score, class GpuSelection = default_gpu_selection_of<Score>, class Ties = lowest_index>
greedy(Score, GpuSelection = {}, Ties = {}) -> greedy<Score, GpuSelection, Ties>;

static_assert(std::is_same_v<decltype(greedy{}), greedy<scarcity, best_scored_gpu>>);

}  // namespace berth::inline v0
