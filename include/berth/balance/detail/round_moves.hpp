// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/balance_round.hpp"
#include "berth/balance/detail/gpus_by_load.hpp"
#include "berth/balance/projected_state.hpp"

#include <cstddef>

namespace berth::inline v0::detail {

/// The moves chosen in one round, entered in all that has to know of them. Borrows the balancer's state.
///
/// @tparam Budget  a `move_budget_state`
template <class Budget>
class round_moves {
public:
    round_moves(projected_state& now, gpus_by_load& by_load, Budget& budget, balance_round& out) noexcept
        : now_{now}, by_load_{by_load}, budget_{budget}, out_{out} {}

    [[nodiscard]] std::size_t count() const noexcept { return out_.chosen.size(); }
    void enter(const chosen_move& c) {
        now_.move_task(c.move);
        by_load_.update(now_, c.move);
        budget_.spend(c.move, c.estimate);
        out_.chosen.push_back(c);
    }
    /// Undoes the moves after the first so many, the last one first.
    void undo(std::size_t kept) {
        while (out_.chosen.size() > kept) {
            const chosen_move& last = out_.chosen.back();
            now_.undo_move(last.move);
            by_load_.update(now_, last.move);
            budget_.refund(last.move, last.estimate);
            out_.chosen.pop_back();
        }
    }

private:
    projected_state& now_;
    gpus_by_load& by_load_;
    Budget& budget_;
    balance_round& out_;
};

}  // namespace berth::inline v0::detail
