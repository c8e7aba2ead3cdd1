// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/result.hpp"
#include "berth/balance/defragment/detail/beam_eviction.hpp"
#include "berth/balance/defragment/detail/candidate_plan.hpp"
#include "berth/balance/defragment/detail/short_eviction.hpp"
#include "berth/migrate/order/migration_cost.hpp"
#include "berth/balance/movability.hpp"
#include "berth/balance/defragment/fragmentation_cost.hpp"
#include "berth/balance/defragment/eviction_plan.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

namespace berth::inline v0 {

/// How much may be moved for one task, and how long is looked.
struct defragment_options {
    std::size_t max_moves = 4;  ///< steps for one task; one that is parked takes two, out and in. At most 24
    bool park = false;                 ///< host memory may break cycles of tasks that wait for each other's place
    double step_price = 0.0;           ///< fragmentation that each step must save, in its policy's unit; 0: fewest steps first
    double least_share = 0.0;    ///< GPU thousandths that a task must want for each step; tasks without GPU are exempt
    std::size_t ways = 16;       ///< equally short ways that are compared by price and fragmentation
    detail::eviction_beam beam{};  ///< how wide chains of three steps and more are searched
    std::uint64_t max_evaluations = 20'000'000;  ///< for one task
};

template <class FragmentationCost, class Movable, class Cost>
class defragment_state;

/// Places a task that does not fit by moving few others: a node is chosen, tasks that are in the way go elsewhere, others in turn
/// make room for them. Fewest steps first, then least downtime and bytes by a cost model, then least fragmentation left behind.
///
/// - With a `step_price` what a step saves decides: of the ways that were found the one with the least fragmentation left behind plus
///   price · steps is taken, however many steps that are, and none at all if that sum is above zero: leaving the task out then
///   costs less. A task without GPU is placed even so.
/// - Up to two steps the search is complete: a way is found if there is one, and none shorter exists (tasks that go to several GPUs:
///   64 choices of GPUs on each node). Every task moves at most once.
/// - From three steps on a beam search over chains and repackings of several nodes.
/// - Every target has room when its step begins, with both ends held. In a full fleet tasks that would trade places wait for each
///   other for ever; `park` lets one of them wait in host memory.
///
/// ```
/// auto state = defragment{{.max_moves = 4}}.start(problem);
/// for (...) state.occupy(task, slot);                       // what runs
/// const eviction_plan r = state.make_room(task);                   // only an answer: nothing has changed
/// if (r.placed()) state.carry_out(task, r);                 // once it was done, or at once if it will be
/// ```
///
/// A description: immutable and shareable. Deterministic.
template <fragmentation_cost FragmentationCost = expected_fragmentation_cost, movability Movable = all_movable,
          migration_cost_model Cost = uniform_migration>
class defragment {
public:
    explicit defragment(defragment_options options = {}, FragmentationCost fragmentation = {}, Movable movable = {}, Cost cost = {})
        : options_{options}, fragmentation_{std::move(fragmentation)}, movable_{std::move(movable)}, cost_{std::move(cost)} {
        BERTH_ASSERT(options.ways > 0 && options.beam.width > 0 && options.beam.alternatives > 0,
                     "berth: defragment looks at one way, one candidate and one alternative at least");
        BERTH_ASSERT(options.step_price >= 0.0 && options.least_share >= 0.0,
                     "berth: the price and the least share of a step are not negative");
    }

    /// The state of a run over an empty fleet. O(nodes + tasks).
    [[nodiscard]] auto start(const problem& p) const {
        auto fragmentation = fragmentation_.prepare(p);
        return defragment_state<decltype(fragmentation), Movable, Cost>{p, options_, std::move(fragmentation), movable_, cost_};
    }
    [[nodiscard]] const defragment_options& options() const noexcept { return options_; }

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

/// Knows what runs where and answers how to make room. Kept in step by the caller, beside a placer or a ledger of its own. Not
/// thread-safe. What nodes offer is remembered from question to question and looked at again where nodes changed, so it
/// allocates less and less; memory O(shapes asked about × nodes).
template <class FragmentationCost, class Movable, class Cost>
class defragment_state {
public:
    defragment_state(const problem& p, const defragment_options& options, FragmentationCost fragmentation, Movable movable, Cost cost)
        : options_{options},
          candidate_{p, std::move(fragmentation), std::move(movable), std::move(cost), std::is_same_v<Movable, all_movable>},
          failed_at_(p.workload().shape_count()),
          long_{options.beam, p.workload().task_count()} {
        if (options_.max_moves > detail::eviction_order::longest) {
            options_.max_moves = detail::eviction_order::longest;
        }
    }

    /// A task runs there. False, and nothing changes, if some counter has no room for it.
    [[nodiscard]] bool occupy(task_index t, const slot& where) { return candidate_.fleet.add(t, where); }
    /// It is gone.
    void remove(task_index t) { candidate_.fleet.remove(t); }
    /// A move has begun: the task holds both ends and is not moved until it ends. False if the target has no room.
    [[nodiscard]] bool begin(const task_move& r) { return candidate_.fleet.begin(r); }
    void finish(task_index t) { candidate_.fleet.finish(t, true); }
    void cancel(task_index t) { candidate_.fleet.finish(t, false); }

    [[nodiscard]] const slot& where(task_index t) const noexcept { return candidate_.fleet.where(t); }
    /// A slot or `unplaced` for every task; of a task in flight where it comes from.
    [[nodiscard]] std::span<const slot> slots() const noexcept { return candidate_.fleet.slots(); }
    [[nodiscard]] const berth::ledger& ledger() const noexcept { return candidate_.fleet.ledger(); }

    /// How a task that is not placed could be. Changes nothing.
    [[nodiscard]] eviction_plan make_room(task_index t) { return make_room(t, options_.max_moves); }
    /// The same with fewer steps than the options allow.
    [[nodiscard]] eviction_plan make_room(task_index t, std::size_t max_moves) {
        BERTH_ASSERT(!where(t).placed() && !candidate_.fleet.in_flight(t), "berth: make_room for a task that is placed");
        eviction_plan answer;
        const demand_view demand = candidate_.fleet.work().demand(t);
        std::size_t steps = std::min(max_moves, options_.max_moves);
        candidate_.ask(t, steps, options_.park, options_.step_price);
        if (place_directly(t, answer)) return answer;
        if (!some_node_could(demand)) {
            answer.outcome = eviction_outcome::no_node;
            answer.proven = true;
            return answer;
        }
        if (options_.least_share > 0.0 && demand.gpus > 0) {
            const double most = static_cast<double>(demand.total_share()) / options_.least_share;
            if (most < static_cast<double>(steps)) steps = static_cast<std::size_t>(most);
        }
        if (steps == 0) {
            answer.outcome = eviction_outcome::not_worth;
            return answer;
        }
        failure& before = failed_at_[candidate_.fleet.work().shape(t).value()];
        if (before.answers(steps, candidate_.fleet.changes().now())) {
            answer.outcome = before.outcome;
            answer.proven = before.proven;
            return answer;
        }
        candidate_.ask(t, steps, options_.park, options_.step_price);
        const bool complete =
            short_.run(candidate_, std::min<std::size_t>(steps, 2), options_.ways, options_.max_evaluations);
        if (!candidate_.found_shortest() && steps > 2) long_.run(candidate_, options_.max_evaluations);
        answer.evaluations = candidate_.evaluations;
        if (candidate_.found() && candidate_.worth()) {
            answer.proven = complete && candidate_.best_steps() <= (candidate_.priced() ? 1U : 3U);
            candidate_.report(answer);
            return answer;
        }
        if (candidate_.found()) answer.outcome = eviction_outcome::not_worth;
        answer.proven = complete && !candidate_.found() && steps <= 2;
        before = {candidate_.fleet.changes().now(), steps, answer.outcome, answer.proven};
        return answer;
    }

    /// Takes note that a eviction_plan was carried out.
    void carry_out(task_index t, const eviction_plan& r) {
        for (const migration_step& s : r.plan.steps) {
            if (s.from.placed()) candidate_.fleet.remove(s.task);
        }
        bool fits = true;
        for (const migration_step& s : r.plan.steps) {
            if (s.to.placed()) fits = candidate_.fleet.add(s.task, s.to) && fits;
        }
        fits = candidate_.fleet.add(t, r.where) && fits;
        BERTH_ASSERT(fits, "berth: carry_out of a rescue that is out of date");
        (void)fits;
    }

private:
    using candidate = detail::candidate_plan<FragmentationCost, Movable, Cost>;
    struct failure {
        std::uint64_t at = 0;
        std::size_t steps = 0;
        eviction_outcome outcome = eviction_outcome::not_found;
        bool proven = false;

        /// What failed with more steps fails with fewer.
        [[nodiscard]] bool answers(std::size_t most, std::uint64_t now) const noexcept {
            return at == now && (steps == most || (steps > most && outcome == eviction_outcome::not_found));
        }
    };

    bool place_directly(task_index t, eviction_plan& answer) {
        double least = 0.0;
        for (const node_index n : candidate_.table.of(candidate_.fleet.work().shape(t), candidate_.fleet).direct) {
            const auto offer = candidate_.best_slot(t, n);
            if (answer.where.placed() && offer.fragmentation >= least) continue;
            answer.where = offer.where;
            least = offer.fragmentation;
        }
        if (!answer.where.placed()) return false;
        answer.outcome = eviction_outcome::fits;
        answer.fragmentation = least;
        answer.proven = true;
        return true;
    }
    [[nodiscard]] bool some_node_could(const demand_view& demand) const {
        const fleet& machines = candidate_.fleet.machines();
        for (std::size_t n = 0; n < machines.node_count(); ++n) {
            if (detail::eviction_table::could_host(demand, node_index{n}, machines)) return true;
        }
        return false;
    }

    defragment_options options_;
    candidate candidate_;
    detail::flat<failure> failed_at_;
    detail::short_eviction<candidate> short_;
    detail::beam_eviction<candidate> long_;
};

}  // namespace berth::inline v0
