// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/defragment/defragment_options.hpp"
#include "berth/balance/defragment/detail/beam_eviction.hpp"
#include "berth/balance/defragment/detail/eviction_context.hpp"
#include "berth/balance/defragment/detail/eviction_order.hpp"
#include "berth/balance/defragment/detail/eviction_table.hpp"
#include "berth/balance/defragment/detail/short_eviction.hpp"
#include "berth/balance/defragment/eviction_plan.hpp"
#include "berth/balance/detail/stop_poll.hpp"
#include "berth/balance/movability.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/run_control.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace berth::inline v0::detail {

/// The search for room on a fleet that someone else keeps: the nodes that are known to offer something, what failed,
/// and the short and the long search. Shared by `defragment_state`, which keeps the fleet itself, and
/// `cluster_defragment`.
///
/// @tparam Context  an `eviction_context`
template <class Context>
class eviction_search {
    using movability_type = typename Context::movability_type;

public:
    template <class Source, class FragmentationCost, class Cost>
    eviction_search(const Source& source, const defragment_options& options, FragmentationCost fragmentation,
                    movability_type movable, Cost cost)
        : options_{options},
          context_{source, std::move(fragmentation), std::move(movable), std::move(cost),
                   std::is_same_v<movability_type, all_movable>},
          failed_at_(fleet().work().shape_count()),
          long_{options.beam, fleet().work().task_count()} {
        options_.max_steps = std::min(options_.max_steps, eviction_order::max_moves);
    }

    [[nodiscard]] auto& fleet() noexcept { return context_.fleet; }
    [[nodiscard]] const auto& fleet() const noexcept { return context_.fleet; }
    [[nodiscard]] std::size_t max_steps() const noexcept { return options_.max_steps; }
    [[nodiscard]] std::size_t table_bytes() const noexcept { return context_.table.bytes(); }

    /// Room for nodes, tasks and demands that came; what is remembered of demands that went is dropped.
    void follow(std::size_t max_table_bytes) {
        const workload& work = fleet().work();
        fleet().follow();
        context_.table.follow(work, fleet().machines().node_count(), max_table_bytes);
        if (failed_at_.size() < work.shape_count()) failed_at_.resize(work.shape_count());
        long_.resize(work.task_count());
    }
    /// Another fragmentation cost: what was not worth it may be now.
    template <class FragmentationCost>
    void set_fragmentation(FragmentationCost fragmentation) {
        context_.set_fragmentation(std::move(fragmentation));
        failed_at_.assign(failed_at_.size(), {});
    }

    /// Answers a question about a task, or about a demand alone: `root` is not valid then. Changes nothing.
    ///
    /// @param shape  the demand; not valid if the task does not wait
    template <class Stop, class Observer>
    [[nodiscard]] eviction_plan make_room(task_index root, shape_index shape, std::size_t max_steps,
                                          const run_control<Stop, Observer>& control) {
        notify::begin(control.observer, progress{0, 1});
        context_.poll = stop_poll{control, options_.max_evaluations};
        eviction_plan answer;
        const bool in_options = control.max_evaluations >= options_.max_evaluations;
        answer.outcome = eviction_outcome::not_waiting;
        if (shape.valid()) search(root, shape, std::min(max_steps, options_.max_steps), in_options, answer);
        answer.evaluations = context_.poll.evaluations();
        answer.stopped = context_.poll.reason();
        context_.poll = {};  // the control ends here
        notify::end(control.observer, progress{1, 1, answer.evaluations, answer.fragmentation});
        return answer;
    }

private:
    struct failure {
        std::uint64_t at = 0;
        std::size_t steps = 0;
        eviction_outcome outcome = eviction_outcome::not_found;
        bool proven = false;
        std::uint32_t generation = 0;

        /// What failed with more steps fails with fewer.
        [[nodiscard]] bool answers(std::size_t max_steps, std::uint64_t now, std::uint32_t demand) const noexcept {
            return at == now && generation == demand &&
                   (steps == max_steps || (steps > max_steps && outcome == eviction_outcome::not_found));
        }
    };

    /// @param in_options  the budget is that of the options, so that a failure would repeat
    void search(task_index root, shape_index shape, std::size_t steps, bool in_options, eviction_plan& answer) {
        answer.outcome = eviction_outcome::not_found;
        const demand_view demand = fleet().work().demand(shape);
        context_.begin(root, shape, steps, options_);
        if (place_directly(answer)) return;
        if (!some_node_could(demand)) {
            answer.outcome = eviction_outcome::no_node;
            answer.proven = true;
            return;
        }
        if (options_.min_share_per_step > 0.0 && demand.gpus > 0) {
            const double most = static_cast<double>(demand.total_share()) / options_.min_share_per_step;
            if (most < static_cast<double>(steps)) steps = static_cast<std::size_t>(most);
        }
        if (steps == 0) {
            answer.outcome = eviction_outcome::not_worth;
            return;
        }
        failure& before = failed_at_[shape.value()];
        const std::uint32_t generation = fleet().work().generation(shape);
        if (before.answers(steps, fleet().changes().now(), generation)) {
            answer.outcome = before.outcome;
            answer.proven = before.proven;
            return;
        }
        context_.begin(root, shape, steps, options_);
        const bool complete = short_.run(context_, std::min<std::size_t>(steps, 2), options_.max_candidates);
        if (!context_.found_shortest() && steps > 2) long_.run(context_);
        if (context_.found() && context_.worth()) {
            answer.proven = complete && context_.best().steps <= (context_.steps_cost() ? 1U : 3U);
            context_.report(answer);
            return;
        }
        if (context_.found()) answer.outcome = eviction_outcome::not_worth;
        answer.proven = complete && !context_.found() && steps <= 2;
        const stop_reason why = context_.poll.reason();
        if (why == stop_reason::completed || (why == stop_reason::budget_exhausted && in_options)) {
            before = {fleet().changes().now(), steps, answer.outcome, answer.proven, generation};
        }
    }
    bool place_directly(eviction_plan& answer) {
        const task_index t = context_.root();
        double least = 0.0;
        for (const node_index n : context_.evictions(t).direct) {
            if (answer.where.placed() && context_.poll.interrupted(8)) break;
            const auto offer = context_.best_slot(t, n);
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
        const berth::fleet& machines = fleet().machines();
        for (std::size_t n = 0; n < machines.node_count(); ++n) {
            if (eviction_table::could_host(demand, node_index{n}, machines)) return true;
        }
        return false;
    }

    defragment_options options_;
    Context context_;
    flat<failure> failed_at_;
    short_eviction<Context> short_;
    beam_eviction<Context> long_;
};

}  // namespace berth::inline v0::detail
