// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/random.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/migrate/order/detail/move_table.hpp"
#include "berth/migrate/order/detail/order_control.hpp"
#include "berth/migrate/order/detail/order_oracle.hpp"
#include "berth/migrate/order/detail/order_run.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// An order of moves, and the moves that are broken for it.
struct move_order {
    flat<std::uint32_t> order;   ///< of the moves that go directly
    flat<std::uint32_t> broken;  ///< these leave before and come after all others
    double cost = 0.0;           ///< the sum of their weights
    bool found = false;
    bool proven = false;  ///< no cheaper set exists
};

/// Finds a light set of cycle-breaking moves: moves to break so that all others can be ordered. This is the weighted
/// feedback vertex set with sums of free amounts in place of arcs. Greedy first, by what breaking a move helps for its
/// weight. Then, up to 16 moves: exact, all lighter sets are tried. More: iterated greedy, which mends a few broken
/// moves, lets greedy go on with shaken choices, and keeps what is not heavier. Deterministic. O(budget) moves are put
/// in order, or ten million sets visited for the proof. After a stop the best order so far; if there is none yet,
/// greedy with choices as they come.
class cycle_search {
public:
    /// @param weight  of breaking each move, above zero; infinite: never broken
    cycle_search(const move_table& moves, std::span<const amount> free, std::span<const double> weight,
                 std::uint64_t seed, order_control& control)
        : moves_{&moves},
          control_{&control},
          free_{free},
          weight_{weight},
          run_{moves, free, control},
          random_{seed},
          dice_(moves.size(), 0) {}

    /// @param max_evaluations  moves that are put in order after greedy
    [[nodiscard]] move_order find(std::size_t max_evaluations) {
        if (run_.finish_all(weight_, order_run::no_limit, 0.0, dice_.view())) keep();
        if (best_.found && best_.broken.empty()) {
            best_.proven = true;
            return best_;
        }
        if (moves_->size() <= order_oracle::max_moves) {
            prove();
        } else if (best_.found) {
            improve(max_evaluations);
            control_->budget_spent();
        } else {
            find_any(max_evaluations);
            control_->budget_spent();
        }
        return best_;
    }

private:
    void keep() {
        best_.found = true;
        best_.cost = run_.cost();
        best_.broken.clear();
        best_.broken.append(run_.broken());
        best_.order.clear();
        best_.order.append(run_.first());
        for (std::size_t i = run_.last().size(); i > 0; --i) best_.order.push_back(run_.last()[i - 1]);
    }

    void prove() {
        if (control_->stopped()) return;
        order_oracle oracle{*moves_, free_, *control_};
        oracle.set_budget(10'000'000);
        by_weight_ = sorted_positions(moves_->size(), [&](std::size_t a, std::size_t b) {
            return weight_[a] != weight_[b] ? weight_[a] < weight_[b] : a < b;
        });
        flat<std::uint32_t> order;
        if (oracle.orders(0, order)) {
            keep(0, 0.0, order);
        } else {
            extend(oracle, 0, 0, 0.0, order);
        }
        if (oracle.budget() == 0) control_->budget_spent();
        best_.proven = best_.found && oracle.budget() > 0;
    }
    /// Tries every set that adds some of the moves from position `next` on to `broken`, and is lighter than the best.
    void extend(order_oracle& oracle, std::size_t next, std::uint32_t broken, double cost,  // NOLINT(misc-no-recursion)
                flat<std::uint32_t>& order) {
        for (std::size_t i = next; i < by_weight_.size(); ++i) {
            const std::size_t m = by_weight_[i];
            const double more = cost + weight_[m];
            if (!(more < (best_.found ? best_.cost - 1e-9 * best_.cost : order_run::no_limit))) return;
            if (oracle.budget() == 0) return;
            const std::uint32_t set = broken | std::uint32_t{1} << m;
            if (oracle.orders(set, order)) {
                keep(set, more, order);
            } else {
                extend(oracle, i + 1, set, more, order);
            }
        }
    }
    void keep(std::uint32_t broken, double cost, const flat<std::uint32_t>& order) {
        best_.found = true;
        best_.cost = cost;
        best_.order.clear();
        best_.order.append(order.view());
        best_.broken.clear();
        for (std::size_t m = 0; m < moves_->size(); ++m) {
            if ((broken >> m & 1U) != 0) best_.broken.push_back(static_cast<std::uint32_t>(m));
        }
    }

    void roll() {
        for (std::size_t m = 0; m < dice_.size(); ++m) dice_[m] = static_cast<std::uint32_t>(random_() >> 32U);
    }
    [[nodiscard]] double any_noise() {
        constexpr double noises[] = {0.0, 0.004, 0.016, 0.05};
        return noises[bounded(random_, 4)];
    }
    /// Until some order is found, with a tenth of the budget.
    void find_any(std::size_t max_evaluations) {
        for (std::size_t spent = 0; spent < max_evaluations / 10 && !best_.found && !control_->stopped();
             spent += moves_->size()) {
            control_->evaluated(moves_->size());
            roll();
            const double noise = any_noise();
            run_.restart();
            if (run_.finish_all(weight_, order_run::no_limit, noise, dice_.view(), false)) keep();
        }
        if (best_.found) improve(max_evaluations);
    }
    void improve(std::size_t max_evaluations) {
        flat<std::uint32_t> current;
        current.append(best_.broken.view());
        double cost = best_.cost;
        for (std::size_t spent = 0; spent < max_evaluations && !best_.broken.empty() && !control_->stopped();
             spent += moves_->size()) {
            control_->evaluated(moves_->size());
            roll();
            const double noise = any_noise();
            const std::size_t mended = 1 + bounded(random_, 3);
            for (std::size_t i = 0; i < mended && i < current.size(); ++i) {
                const std::size_t at = i + bounded(random_, static_cast<std::uint32_t>(current.size() - i));
                const std::uint32_t m = current[at];
                current[at] = current[i];
                current[i] = m;
            }
            run_.restart();
            for (std::size_t i = mended; i < current.size(); ++i) run_.break_move(current[i], weight_[current[i]]);
            if (!run_.finish_all(weight_, cost, noise, dice_.view(), false)) continue;
            cost = run_.cost();
            current.clear();
            current.append(run_.broken());
            if (cost < best_.cost) keep();
        }
    }

    const move_table* moves_;
    order_control* control_;
    std::span<const amount> free_;
    std::span<const double> weight_;
    order_run run_;
    xoshiro256 random_;
    flat<std::uint32_t> dice_;
    flat<std::size_t> by_weight_;
    move_order best_;
};

}  // namespace berth::inline v0::detail
