// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/migrate/order/detail/move_table.hpp"
#include "berth/migrate/order/detail/order_control.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// The moves that are dropped, and what is left of every counter once all others have happened. A dropped move keeps
/// its source, so that other moves may have to be dropped with it.
class move_drops {
public:
    /// Starts with nothing dropped. The table must outlive it.
    void begin(const move_table& moves, std::span<const amount> free) {
        moves_ = &moves;
        at_end_.clear();
        at_end_.append(free);
        for (std::size_t m = 0; m < moves.size(); ++m) settle_end(m, +1);
        dropped_.assign(moves.size(), 0);
        reasons_.assign(moves.size(), drop_reason::cycle);
        list_arrivals();
    }

    [[nodiscard]] bool dropped(std::size_t m) const noexcept { return dropped_[m] != 0; }
    [[nodiscard]] drop_reason reason(std::size_t m) const noexcept { return reasons_[m]; }
    /// What is left of every counter at the end: not negative once it is consistent, except where no arrival is left to
    /// drop.
    [[nodiscard]] std::span<const amount> at_end() const noexcept { return at_end_.view(); }

    /// Drops one move, and leaves the others for `make_consistent`.
    void drop(std::size_t m, drop_reason why) {
        dropped_[m] = 1;
        reasons_[m] = why;
        settle_end(m, -1);
    }
    /// Drops arrivals until no counter is below zero at the end.
    void make_consistent(drop_reason why) {
        for (std::size_t c = 0; c < at_end_.size(); ++c) {
            while (at_end_[c] < 0) {
                const std::size_t m = arrival_to_drop(c);
                if (m == moves_->size()) break;
                drop_with_others(m, why);
            }
        }
    }
    /// Drops a move and what cannot happen without it. Returns how many.
    std::size_t drop_with_others(std::size_t m, drop_reason why) {
        drop(m, why);
        return follow(m, why);
    }
    /// How many would be dropped with a move, itself included.
    [[nodiscard]] std::size_t would_drop(std::size_t m) {
        trail_.clear();
        const std::size_t count = drop_with_others(m, drop_reason::cycle);
        trail_.push_back(static_cast<std::uint32_t>(m));
        for (const std::uint32_t back : trail_) {
            dropped_[back] = 0;
            settle_end(back, +1);
        }
        return count;
    }
    /// Drops the move of a group that takes the fewest others with it, of the first 256.
    void drop_cheapest(std::span<const std::uint32_t> group, drop_reason why, order_control& control) {
        constexpr std::size_t max_tried = 256;
        std::size_t best = group[0];
        std::size_t fewest = 0;
        for (std::size_t i = 0; i < group.size() && i < max_tried && !control.work(1 + fewest); ++i) {
            const std::size_t count = would_drop(group[i]);
            if (i == 0 || count < fewest) {
                best = group[i];
                fewest = count;
            }
        }
        drop_with_others(best, why);
    }

private:
    /// Adds (or takes back) what a move does to the final state.
    void settle_end(std::size_t m, int sign) {
        for (const counter_touch& t : moves_->from(m)) at_end_[t.counter] += sign * t.demand;
        for (const counter_touch& t : moves_->to(m)) at_end_[t.counter] -= sign * t.demand;
    }
    /// Lists for every counter the moves that come there.
    void list_arrivals() {
        arrival_ends_.assign(at_end_.size(), 0);
        for (std::size_t m = 0; m < moves_->size(); ++m) {
            for (const counter_touch& t : moves_->to(m)) ++arrival_ends_[t.counter];
        }
        for (std::size_t c = 1; c < arrival_ends_.size(); ++c) arrival_ends_[c] += arrival_ends_[c - 1];
        arrivals_.assign(arrival_ends_.empty() ? 0 : arrival_ends_.back(), 0);
        flat<std::uint32_t> at;
        at.append(arrival_ends_.view());
        for (std::size_t m = moves_->size(); m > 0; --m) {
            for (const counter_touch& t : moves_->to(m - 1))
                arrivals_[--at[t.counter]] = static_cast<std::uint32_t>(m - 1);
        }
    }
    /// Drops what cannot happen because a move stays where it is. Returns the number, itself included.
    std::size_t follow(std::size_t m, drop_reason why) {
        std::size_t count = 1;
        stack_.clear();
        stack_.push_back(static_cast<std::uint32_t>(m));
        while (!stack_.empty()) {
            const std::size_t next = stack_.back();
            stack_.pop_back();
            for (const counter_touch& t : moves_->from(next)) {
                while (at_end_[t.counter] < 0) {
                    const std::size_t other = arrival_to_drop(t.counter);
                    if (other == moves_->size()) break;
                    drop(other, why);
                    trail_.push_back(static_cast<std::uint32_t>(other));
                    stack_.push_back(static_cast<std::uint32_t>(other));
                    ++count;
                }
            }
        }
        return count;
    }
    /// The smallest arrival that makes enough room, or the largest.
    [[nodiscard]] std::size_t arrival_to_drop(std::size_t c) const noexcept {
        std::size_t best = moves_->size();
        amount best_demand = 0;
        for (std::uint32_t i = c == 0 ? 0 : arrival_ends_[c - 1]; i < arrival_ends_[c]; ++i) {
            const std::size_t m = arrivals_[i];
            if (dropped_[m] != 0) continue;
            amount demand = 0;
            for (const counter_touch& t : moves_->to(m)) demand = t.counter == c ? t.demand : demand;
            const bool enough = demand >= -at_end_[c];
            const bool best_enough = best_demand >= -at_end_[c];
            if (best == moves_->size() || (enough && (!best_enough || demand < best_demand)) ||
                (!enough && !best_enough && demand > best_demand)) {
                best = m;
                best_demand = demand;
            }
        }
        return best;
    }

    const move_table* moves_ = nullptr;
    flat<amount> at_end_;
    flat<std::uint8_t> dropped_;
    flat<drop_reason> reasons_;
    flat<std::uint32_t> arrival_ends_;
    flat<std::uint32_t> arrivals_;
    flat<std::uint32_t> stack_;
    flat<std::uint32_t> trail_;
};

}  // namespace berth::inline v0::detail
