// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/migrate/order/detail/move_table.hpp"
#include "berth/migrate/order/detail/order_control.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// Decides whether up to 16 moves can be ordered without breaking any, by depth-first search over the sets of moves
/// that went already; each set is visited once. Exact unless the budget of visits is spent, or the control has stopped.
class order_oracle {
public:
    static constexpr std::size_t max_moves = 16;

    order_oracle(const move_table& moves, std::span<const amount> free, order_control& control)
        : moves_{&moves}, control_{&control}, visited_(std::size_t{1} << moves.size(), 0) {
        free_at_start_.append(free);
    }

    /// Visits that are left; at 0 the answers mean nothing.
    [[nodiscard]] std::size_t budget() const noexcept { return budget_; }
    void set_budget(std::size_t visits) noexcept { budget_ = visits; }

    /// With `broken` (a bit for each move) away from both ends. On success `order` has the other moves.
    bool orders(std::uint32_t broken, flat<std::uint32_t>& order) {
        free_.clear();
        free_.append(free_at_start_.view());
        order.clear();
        ++stamp_;
        all_ = static_cast<std::uint32_t>((std::uint64_t{1} << moves_->size()) - 1);
        for (std::size_t m = 0; m < moves_->size(); ++m) {
            if ((broken >> m & 1U) != 0) give(m);
        }
        return go(broken, order);
    }

private:
    void give(std::size_t m) {
        for (const counter_touch& t : moves_->from(m)) free_[t.counter] += t.demand;
    }
    [[nodiscard]] bool has_room(std::size_t m) const noexcept {
        for (const counter_touch& t : moves_->to(m)) {
            if (free_[t.counter] < t.demand) return false;
        }
        return true;
    }
    /// True if all that still comes to the target counters of a move fits there.
    [[nodiscard]] bool harmless(std::size_t m, std::uint32_t gone) const noexcept {
        for (const counter_touch& t : moves_->to(m)) {
            amount incoming = 0;
            for (std::size_t other = 0; other < moves_->size(); ++other) {
                if ((gone >> other & 1U) != 0) continue;
                for (const counter_touch& u : moves_->to(other)) {
                    if (u.counter == t.counter) incoming += u.demand;
                }
            }
            if (free_[t.counter] < incoming) return false;
        }
        return true;
    }
    bool go(std::uint32_t gone, flat<std::uint32_t>& order) {  // NOLINT(misc-no-recursion)
        if (gone == all_) return true;
        if (budget_ == 0) return false;
        --budget_;
        if (control_->work(4)) budget_ = 0;
        std::uint32_t ready = 0;
        for (std::size_t m = 0; m < moves_->size(); ++m) {
            if ((gone >> m & 1U) != 0 || !has_room(m)) continue;
            ready |= std::uint32_t{1} << m;
            if (harmless(m, gone)) {
                ready = std::uint32_t{1} << m;
                break;
            }
        }
        for (std::size_t m = 0; m < moves_->size(); ++m) {
            const std::uint32_t next = gone | std::uint32_t{1} << m;
            if ((ready >> m & 1U) == 0 || visited_[next] == stamp_) continue;
            visited_[next] = stamp_;
            for (const counter_touch& t : moves_->to(m)) free_[t.counter] -= t.demand;
            give(m);
            order.push_back(static_cast<std::uint32_t>(m));
            if (go(next, order)) return true;
            order.pop_back();
            for (const counter_touch& t : moves_->to(m)) free_[t.counter] += t.demand;
            for (const counter_touch& t : moves_->from(m)) free_[t.counter] -= t.demand;
        }
        return false;
    }

    const move_table* moves_;
    order_control* control_;
    flat<amount> free_at_start_;
    flat<amount> free_;
    flat<std::uint32_t> visited_;
    std::uint32_t stamp_ = 0;
    std::uint32_t all_ = 0;
    std::size_t budget_ = 0;
};

}  // namespace berth::inline v0::detail
