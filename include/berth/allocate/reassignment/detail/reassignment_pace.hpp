// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/reassignment/detail/reassignment_cooling.hpp"
#include "berth/allocate/reassignment/reassignment_problem.hpp"
#include "berth/core/index.hpp"

#include <cstddef>

namespace berth::inline v0::detail {

/// What it costs on average to move a task to some other node, without the groups' part. Every task to one node, which
/// is spread over all of them. O(tasks).
[[nodiscard]] inline double average_move_cost(const reassignment_problem& p) noexcept {
    constexpr std::size_t stride = 7919;  // prime, so that few fleets have a common divisor
    double sum = 0.0;
    for (std::size_t t = 0; t < p.task_count(); ++t) {
        const task_index task{t};
        const node_index to{(p.initial(task).value() + 1 + t * stride % (p.node_count() - 1)) % p.node_count()};
        sum += static_cast<double>(p.task_weight()) * static_cast<double>(p.move_cost(task)) +
               static_cast<double>(p.pair_weight()) * static_cast<double>(p.pair_cost(p.initial(task), to));
    }
    return sum / static_cast<double>(p.task_count());
}

/// Where an island stands in its cooling schedule: how fast a run goes through it depends on what decides the cost.
///
/// Where loads and balances can reach their bound, moves are all that is left to save, and only temperatures about
/// their cost save them. A hot phase scatters tasks that then have to find home, so a run first tries whether loads
/// settle without one: a short cooling that begins at the temperature of moves. A scout then hurries once through the
/// whole schedule. If loads settle in either, the rest of the run cools from that temperature on, slowly. If not, it
/// goes through the whole schedule in the time that is left.
class reassignment_pace {
public:
    /// @param cooling  the schedule
    /// @param colder   see `reassignment_cooling::temperature`
    /// @param scout    it hurries through the schedule first
    reassignment_pace(const reassignment_problem& p, const reassignment_cooling& cooling, double colder,
                      bool scout) noexcept
        : slow_from_{scout ? scouted : trial} {
        if (p.task_count() == 0 || p.node_count() < 2) return;
        const double warm = warmth * average_move_cost(p);
        if (warm > 0.0) moves_from_ = cooling.share_at(warm, colder);
    }

    /// The point of the schedule for a round.
    ///
    /// @param share  of the run that is used, 0 to 1; not less than in the call before
    [[nodiscard]] double at(double share) const noexcept {
        if (!(moves_from_ < 1.0)) return share;
        const auto of_moves = [this](double part) { return moves_from_ + (1.0 - moves_from_) * part; };
        if (settled_) return of_moves((share - since_) / (1.0 - since_));
        if (share < trial) return of_moves(share / trial);
        if (share < slow_from_) return (share - trial) / (slow_from_ - trial);
        return (share - slow_from_) / (1.0 - slow_from_);
    }
    /// Whether loads have settled, before a round.
    ///
    /// @param share      see `at`
    /// @param load_gap   cost of loads and balances above the bound
    /// @param move_cost  cost of all moves
    void look(double share, double load_gap, double move_cost) noexcept {
        const bool late = share >= slow_from_ && at(share) > moves_from_;  // slow enough as it is
        if (!settled_ && !late && load_gap < small * move_cost) settle(share);
    }
    /// Cools from the temperature of moves on, for the rest of the run.
    void settle(double share) noexcept {
        settled_ = true;
        since_ = share;
    }
    [[nodiscard]] bool settled() const noexcept { return settled_; }

private:
    static constexpr double warmth = 0.25;  // temperature over what a move costs
    static constexpr double trial = 0.04;   // of the run
    static constexpr double scouted = 0.1;  // of the run: a scout has been through
    static constexpr double small = 0.25;   // of the move cost: loads have settled

    double moves_from_ = 1.0;  // of the schedule
    double slow_from_ = trial;
    double since_ = 0.0;  // of the run
    bool settled_ = false;
};

}  // namespace berth::inline v0::detail
