// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/search/change_log.hpp"
#include "berth/allocate/search/move_list.hpp"
#include "berth/allocate/search/search_space.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/random.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace berth::inline v0::detail {

/// The search state of `local_search`: an assignment under an objective, and the best that it has been. A move of it is
/// a list of moves of tasks.
template <class ObjectiveState, class Lists>
class assignment_state {
public:
    using move = move_list;                          ///< see `search_state`
    using values = typename ObjectiveState::values;  ///< of the tiers

    /// @param shake             moves of one perturbation
    /// @param self_check_every  changes between two self-checks; 0: none
    assignment_state(const problem& p, ObjectiveState start, Lists lists, std::size_t shake,
                     std::size_t self_check_every)
        : space_{p, std::move(start), std::move(lists)},
          log_{p.workload().task_count()},
          shake_{shake},
          self_check_every_{self_check_every} {
        best_.append(space_.state().assignment());
    }

    [[nodiscard]] auto& space() noexcept { return space_; }
    [[nodiscard]] const auto& space() const noexcept { return space_; }
    [[nodiscard]] std::span<const slot> best() const noexcept { return best_.view(); }
    [[nodiscard]] const std::string& disagreement() const noexcept { return disagreement_; }

    // See `search_state`.
    [[nodiscard]] values value() const { return space_.state().value(); }
    [[nodiscard]] std::uint64_t evaluations() const noexcept { return space_.evaluations(); }
    [[nodiscard]] bool done() const noexcept { return space_.tasks().empty() || !disagreement_.empty(); }
    void reserve(move_list& proposal) const { proposal.reserve(space_.longest_proposal()); }
    void weigh(double penalty) noexcept { space_.weigh(penalty); }
    [[nodiscard]] values delta(const move_list& proposal) { return space_.delta(proposal.view()); }
    void apply(const move_list& proposal) {
        space_.carry_out(proposal.view());
        for (std::size_t i = 0; i < proposal.size(); ++i) log_.note(proposal[i].task.value());
        ++applied_;
        if (self_check_every_ == 0 || applied_ % self_check_every_ != 0) return;
        if (const auto outcome = space_.state().self_check(); !outcome) disagreement_ = outcome.error().message;
    }
    void keep() {
        log_.take([this](std::size_t t) { best_[t] = space_.where(task_index{t}); });
    }
    void restore() {
        log_.take([this](std::size_t t) {
            const slot& kept = best_[t];
            if (space_.where(task_index{t}) == kept) return;
            const task_move r = space_.to(task_index{t}, kept);
            space_.carry_out({&r, 1});
        });
    }
    /// Moves a few tasks to random slots, at any cost.
    void perturb(xoshiro256& random) {
        for (std::size_t i = 0; i < shake_; ++i) {
            const task_index t = space_.any_task(random);
            if (!space_.where(t).placed()) continue;
            const slot target = space_.any_slot(t, random);
            if (!target.placed() || target == space_.where(t)) continue;
            const task_move r = space_.to(t, target);
            space_.carry_out({&r, 1});
            log_.note(t.value());
        }
    }
    /// Carries out moves decided elsewhere, also in the best. To call at the best.
    void follow(task_moves all) {
        for (const task_move& r : all) {
            space_.carry_out({&r, 1});
            best_[r.task.value()] = r.to;
        }
    }

private:
    search_space<ObjectiveState, Lists> space_;
    flat<slot> best_;
    change_log log_;
    std::size_t shake_;
    std::size_t self_check_every_;
    std::uint64_t applied_ = 0;
    std::string disagreement_;
};

/// A neighbourhood as the moves of an annealer.
template <class Neighbourhood>
struct neighbourhood_moves {
    Neighbourhood tried;  ///< proposes

    /// See `search_moves`.
    template <class State>
    [[nodiscard]] bool propose(State& s, xoshiro256& random, move_list& out) const {
        out.clear();
        return tried.propose(s.space(), random, out);
    }
};

}  // namespace berth::inline v0::detail
