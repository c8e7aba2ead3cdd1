// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/batch/packed_problem.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/allocate/assignment/warm_start.hpp"
#include "berth/allocate/genetic/detail/island.hpp"
#include "berth/core/config.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/run_control.hpp"
#include "berth/model/resources.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// The state of a run of `genetic`: islands with their populations. Made by `genetic::start`; owns all memory of the
/// run, so that generations allocate nothing. The problem outlives it. Neither copied nor moved.
template <class Genetic>
class genetic_run {
public:
    /// As `genetic::start`.
    genetic_run(const Genetic& description, const priced_problem& p, warm_start start)
        : description_{description}, p_{&p}, start_(complete_start(p, start)) {
        BERTH_ASSERT(description.validate(p).has_value(),
                     "berth: genetic needs a problem that validate(problem) accepts");
        if constexpr (!detail::island<Genetic>::moves) {
            if (auto packed = pack_assignments(p.tables()); packed) packed_.emplace(std::move(*packed));
        }
        islands_.reserve(description.islands.count);
        for (std::size_t i = 0; i < description.islands.count; ++i) {
            islands_.emplace_back(description_, p, start_, packed_ ? &*packed_ : nullptr, i);
        }
    }
    genetic_run(const genetic_run&) = delete;
    genetic_run& operator=(const genetic_run&) = delete;

    /// One round: the next member of every island while populations are incomplete, else one generation of every
    /// island, and copies sent to the next island if they are due.
    ///
    /// @param budget  evaluations, divided among the islands; improvement ends when they are used up
    void step(std::uint64_t budget = std::numeric_limits<std::uint64_t>::max()) {
        const std::uint64_t share = budget / islands_.size() > 0 ? budget / islands_.size() : 1;
        if (introduced_ < description_.members()) {
            description_.threads->for_each(islands_.size(), [this, share](std::size_t i) {
                const bool given = i == 0 && introduced_ == 0;
                islands_[i].introduce(introduced_, given ? warm_start{start_} : warm_start{}, share);
            });
            ++introduced_;
            return;
        }
        description_.threads->for_each(islands_.size(),
                                       [this, share](std::size_t i) { islands_[i].generation(generations_, share); });
        ++generations_;
        if (islands_.size() > 1 && generations_ % description_.islands.interval == 0) send_copies();
    }

    /// Rounds until control ends the run, the best answer is proven to be the best there is, or there have been
    /// `max_generations`. Can be called again to go on.
    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(run_control<Stop, Observer> control = {}) {
        const std::size_t limit = generation_limit(control);
        notify::begin(control.observer, seen(limit));
        stop_reason reason = control.check(evaluations());
        if (introduced_ == 0) step(reason == stop_reason::completed ? control.max_evaluations : 0);
        while ((reason = control.check(evaluations())) == stop_reason::completed) {
            if (proven() || (limit > 0 && generations_ >= limit)) break;
            step(control.max_evaluations - evaluations());
            notify::step(control.observer, seen(limit));
        }
        notify::end(control.observer, seen(limit));
        assignment_plan answer = plan();
        answer.stopped = reason;
        return answer;
    }

    /// Generations made.
    [[nodiscard]] std::size_t generations() const noexcept { return generations_; }
    /// Individuals and moves evaluated so far, over all islands.
    [[nodiscard]] std::uint64_t evaluations() const noexcept {
        std::uint64_t sum = 0;
        for (const auto& island : islands_) sum += island.evaluations();
        return sum;
    }
    /// The members of an island, ranked, once all have been introduced.
    [[nodiscard]] const population& members(std::size_t island = 0) const noexcept {
        return islands_[island].members();
    }
    /// The best answer so far, its cost recomputed; O(tasks).
    [[nodiscard]] assignment_plan plan() const {
        gpu_assignment genes;
        if (introduced_ == 0) {
            genes = start_;
            genes.resize(p_->tasks(), gpu_index{0});
        } else {
            for (const gpu_gene g : best().best_genes()) genes.push_back(gpu_index{g});
        }
        assignment_plan answer = p_->plan_of(std::move(genes));
        if (!start_.empty()) {
            // Recomputed costs differ from those of the islands in their last digits.
            if (assignment_plan given = p_->plan_of(start_); better(given, answer)) answer = std::move(given);
        }
        answer.evaluations = evaluations();
        for (const auto& island : islands_) answer.accepted += island.accepted();
        return answer;
    }

private:
    using island_type = detail::island<Genetic>;

    [[nodiscard]] const island_type& best() const noexcept {
        const island_type* first = &islands_[0];
        for (const island_type& island : islands_) {
            const bool same_excess = island.best_excess() == first->best_excess();
            if (same_excess ? island.best_cost() < first->best_cost() : island.best_excess() < first->best_excess()) {
                first = &island;
            }
        }
        return *first;
    }
    [[nodiscard]] bool proven() const noexcept {
        const island_type& found = best();
        const double bound = p_->bound().rounded;
        const bool near =
            found.best_excess() == 0 && found.best_cost() <= bound + 1e-9 * (bound < 0.0 ? -bound : bound);
        if (!near || !p_->has_whole_costs()) return near;
        return p_->meets_bound(plan());
    }
    [[nodiscard]] progress seen(std::size_t limit) const {
        const bool feasible = introduced_ > 0 && best().best_excess() == 0;
        return {generations_, limit, evaluations(),
                feasible ? best().best_cost() : std::numeric_limits<double>::infinity()};
    }
    template <class Stop, class Observer>
    [[nodiscard]] std::size_t generation_limit(const run_control<Stop, Observer>& control) const noexcept {
        const bool endless =
            std::same_as<Stop, never_stop> && control.max_evaluations == std::numeric_limits<std::uint64_t>::max();
        return description_.max_generations > 0 || !endless ? description_.max_generations : Genetic::usual_generations;
    }
    void send_copies() {
        // Copies replace the worst half at most and only the best half is sent, so every island sends what it had
        // before.
        for (std::size_t i = 0; i < islands_.size(); ++i) {
            islands_[(i + 1) % islands_.size()].receive(islands_[i].members(), description_.islands.copies);
        }
        for (island_type& island : islands_) island.rank();
    }

    Genetic description_;
    const priced_problem* p_;
    gpu_assignment start_;
    std::optional<packed_problem> packed_;
    std::vector<island_type> islands_;
    std::size_t introduced_ = 0;  // members of every island
    std::size_t generations_ = 0;
};

}  // namespace berth::inline v0
