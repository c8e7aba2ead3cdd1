// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/search/annealer.hpp"
#include "berth/allocate/search/detail/assignment_state.hpp"
#include "berth/allocate/search/search_space.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/run_control.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>

namespace berth::inline v0 {

/// How a local search goes on. The defaults end by themselves; a search with a budget or a deadline may want
/// `max_restarts` without end.
struct local_search_options {
    static constexpr std::size_t automatic = 0;                                          ///< for `patience`
    static constexpr std::size_t without_end = std::numeric_limits<std::size_t>::max();  ///< for `max_restarts`

    std::uint64_t seed = 1;  ///< of all random draws
    /// Proposals without a new best before the search returns to the best and perturbs it; automatic: 1000 plus 100 for
    /// each task.
    std::size_t patience = automatic;
    /// Perturbations in a row without a new best after which the search is complete.
    std::size_t max_restarts = 20;
    /// Moves of one perturbation.
    std::size_t shake = 3;
    /// Accepted proposals between two comparisons of all incremental values with a full recomputation; 0: never.
    std::size_t self_check_every = 0;
};

/// The state of a run of `local_search`, made by `local_search::start`: an `annealer` over slots of tasks. One thread
/// at a time; the problem must outlive it. Memory: O(tasks + counters).
template <class ObjectiveState, class Neighbourhood, class Acceptance, class Lists>
class local_search_state {
public:
    using values = typename ObjectiveState::values;                        ///< of the tiers
    static constexpr std::size_t tier_count = ObjectiveState::tier_count;  ///< of the objective

    /// See `local_search::start`.
    local_search_state(const problem& p, ObjectiveState start, const Neighbourhood& tried, const Acceptance& rule,
                       Lists lists, const local_search_options& options)
        : search_{state{p, std::move(start), std::move(lists), options.shake, options.self_check_every},
                  moves{tried},
                  rule,
                  {.seed = options.seed,
                   .max_evaluations = annealer_options::without_end,
                   .patience = options.patience == local_search_options::automatic
                                   ? 1000 + 100 * p.workload().task_count()
                                   : options.patience,
                   .max_restarts = options.max_restarts,
                   .max_idle = annealer_options::without_end}} {}

    /// Searches until the control ends the run, or `max_restarts` are used up. `control.max_evaluations` counts from
    /// the first call on. Polls every 256 evaluations. Allocates nothing, provided that terms and acceptance do not.
    template <class Control>
    stop_reason improve(Control& control) {
        return search_.improve(control);
    }

    /// `objective` is the best value of the last tier, infinite while a tier before it is above zero.
    [[nodiscard]] berth::progress progress() const { return search_.progress(); }
    /// Tier values of the best assignment.
    [[nodiscard]] const values& best_value() const noexcept { return search_.best_value(); }
    /// The best assignment.
    [[nodiscard]] std::span<const slot> best() const noexcept { return search_.state().best(); }
    /// Tasks on a node in the current assignment.
    [[nodiscard]] std::span<const task_index> tasks_on(node_index n) const noexcept {
        return search_.state().space().tasks_on(n);
    }
    /// The current assignment and its value.
    [[nodiscard]] const ObjectiveState& current() const noexcept { return search_.state().space().state(); }
    /// Deltas computed so far.
    [[nodiscard]] std::uint64_t evaluations() const noexcept { return search_.evaluations(); }
    /// Proposals carried out so far.
    [[nodiscard]] std::uint64_t accepted() const noexcept { return search_.accepted(); }
    /// The message of a failed self-check, else empty.
    [[nodiscard]] const std::string& disagreement() const noexcept { return search_.state().disagreement(); }

    /// Returns to the best assignment. O(tasks changed since).
    void return_to_best() { search_.restore(); }
    /// Carries out moves decided elsewhere; the result counts as the best. To call at the best assignment.
    void follow(task_moves all) {
        search_.state().follow(all);
        search_.follow();
    }
    /// Confines the search to a region, with a random stream of its own.
    void confine(const search_region& region, std::uint64_t seed) {
        search_.state().space().confine(region);
        search_.reseed(seed);
    }

private:
    using state = detail::assignment_state<ObjectiveState, Lists>;
    using moves = detail::neighbourhood_moves<Neighbourhood>;

    annealer<state, moves, Acceptance> search_;
};

}  // namespace berth::inline v0
