// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/search/complete_start.hpp"
#include "berth/allocate/search/detail/partition_rounds.hpp"
#include "berth/allocate/search/local_search.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/parallelism.hpp"
#include "berth/core/random.hpp"
#include "berth/core/run_control.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// How a partitioned search is cut up. None of this depends on the number of threads, so the plan does not either.
struct partition_options {
    std::uint64_t seed = 1;          ///< of the cuts and of the parts' searches
    std::size_t parts = 4;           ///< searched at the same time, above 0; each has a copy of the search's state
    std::size_t nodes_per_part = 0;  ///< drawn anew for every round; 0: all nodes, in equal parts
    std::uint64_t max_round_evaluations = 200'000;  ///< of each part
    std::size_t patience = 100;  ///< rounds in a row without an improvement before the search is complete
};

/// A local search on several threads: every round cuts the nodes, with the tasks on them, at random into disjoint
/// parts, searches each part by itself, and applies the moves of all parts to every copy of the state. Works for any
/// objective: if the gains of the parts do not add up (the makespan, groups over several parts) and the sum is a loss,
/// only the best part's moves are kept.
///
/// When to use: many tasks. Parts of a few hundred nodes stay in the cache, which gains more than the second thread.
/// Not with short candidate lists, which rarely name a node of the same part. Memory: `parts` times that of a local
/// search, about 80 bytes a task.
///
/// Never worse than its start; anytime; the same plan for any parallelism. A rule that cools does so over the whole
/// run, not over a round.
template <class Search = local_search<>>
class partitioned_search {
public:
    /// @param search   of each part
    /// @param options  see `partition_options`
    explicit partitioned_search(Search search = Search{}, const partition_options& options = {})
        : search_{std::move(search)}, options_{options} {
        BERTH_ASSERT(options_.parts > 0, "berth: a partitioned search has at least one part");
    }

    /// @param from     a slot or `unplaced` for every task; gaps are completed (`complete_start`)
    /// @param threads  run the parts
    /// @param control  parts poll stop and clock every 256 evaluations, the budget is shared out to rounds and exceeded
    ///                 by one proposal of each part at most; the observer is called between rounds
    template <parallelism Parallelism, class... Tiers, class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] plan run(const problem& p, const objective<Tiers...>& goal, std::span<const slot> from,
                           Parallelism&& threads, run_control<Stop, Observer> control = {}) const {
        const assignment given = complete_start(p, from);
        using state_type = decltype(search_.start(p, goal, given));
        std::vector<state_type> states;
        states.reserve(options_.parts);
        states.push_back(search_.start(p, goal, given));
        while (states.size() < options_.parts) states.push_back(states.front());
        detail::partition_rounds<state_type> run{p, states, given, options_.seed, options_.nodes_per_part};
        notify::begin(control.observer, run.progress());
        stop_reason stopped = stop_reason::completed;
        for (std::size_t idle = 0; idle < options_.patience;) {
            stopped = control.check(run.evaluations());
            if (stopped != stop_reason::completed) break;
            const std::uint64_t left = (control.max_evaluations - run.evaluations()) / options_.parts;
            const std::uint64_t budget = left < options_.max_round_evaluations ? left : options_.max_round_evaluations;
            const bool better = run.round(threads, control, budget > 0 ? budget : 1);
            if (!run.disagreement().empty()) break;
            idle = better ? 0 : idle + 1;
            if (better) notify::step(control.observer, run.progress());
        }
        notify::end(control.observer, run.progress());
        plan plan = Search::plan_of(p, goal, given, states.front(), stopped);
        plan.counters.evaluations = run.evaluations();
        plan.counters.accepted = run.accepted();
        plan.disagreement = run.disagreement();
        if (!plan.disagreement.empty()) plan.stopped = stop_reason::cancelled;
        return plan;
    }

private:
    Search search_;
    partition_options options_;
};
partitioned_search() -> partitioned_search<>;
template <class Search>
partitioned_search(Search) -> partitioned_search<Search>;
template <class Search>
partitioned_search(Search, partition_options) -> partitioned_search<Search>;

}  // namespace berth::inline v0
