// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/random.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/migrate/order/detail/move_table.hpp"
#include "berth/migrate/order/detail/order_run.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// An order of moves, and those that have to be broken for it.
struct move_order {
    flat<std::uint32_t> order;   ///< of those that go directly
    flat<std::uint32_t> broken;  ///< these leave before and come after all others
    double cost = 0.0;           ///< the sum of their prices
    bool found = false;
    bool proven = false;  ///< no cheaper set exists
};

/// Decides exactly whether moves can be ordered without breaking any, by trying all orders of up to 16 of them. Each set of moves
/// that went already is looked at once. The answer is exact unless the budget of looks is spent.
class order_oracle {
public:
    static constexpr std::size_t most_moves = 16;

    order_oracle(const move_table& moves, std::span<const amount> free)
        : moves_{&moves}, visited_(std::size_t{1} << moves.size(), 0) {
        free_at_start_.append(free);
    }

    /// Looks that are left; at 0 answers mean nothing.
    [[nodiscard]] std::size_t budget() const noexcept { return budget_; }
    void set_budget(std::size_t looks) noexcept { budget_ = looks; }

    /// With `broken` (a bit for each move) out of the way. On success `order` has the others.
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
    flat<amount> free_at_start_;
    flat<amount> free_;
    flat<std::uint32_t> visited_;
    std::uint32_t stamp_ = 0;
    std::uint32_t all_ = 0;
    std::size_t budget_ = 0;
};

/// Finds a cheap set of moves to break so that all others can be ordered: the weighted feedback vertex set, with sums of room in
/// place of arcs. Greedy first, by what breaking a move helps for its price. Up to 16 moves: exact, all cheaper sets are tried. More:
/// iterated greedy, a few broken moves are mended and greedy goes on from there with shaken choices, keeping what is not worse.
/// Deterministic. O(effort) moves are put in order, or ten million looks for the proof.
class cycle_search {
public:
    /// `price` of breaking each move, above zero; infinite: it cannot be.
    cycle_search(const move_table& moves, std::span<const amount> free, std::span<const double> price,
                   std::uint64_t seed)
        : moves_{&moves}, free_{free}, price_{price}, run_{moves, free}, random_{seed}, dice_(moves.size(), 0) {}

    [[nodiscard]] move_order find(std::size_t effort) {
        if (run_.finish_all(price_, order_run::no_limit, 0.0, dice_.view())) keep();
        if (best_.found && best_.broken.empty()) {
            best_.proven = true;
            return best_;
        }
        if (moves_->size() <= order_oracle::most_moves) {
            prove();
        } else if (best_.found) {
            improve(effort);
        } else {
            find_any(effort);
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
        order_oracle oracle{*moves_, free_};
        oracle.set_budget(10'000'000);
        by_price_ = sorted_positions(moves_->size(), [&](std::size_t a, std::size_t b) {
            return price_[a] != price_[b] ? price_[a] < price_[b] : a < b;
        });
        flat<std::uint32_t> order;
        if (oracle.orders(0, order)) {
            keep(0, 0.0, order);
        } else {
            extend(oracle, 0, 0, 0.0, order);
        }
        best_.proven = best_.found && oracle.budget() > 0;
    }
    /// Tries every set that adds some of the moves from position `next` on to `broken`, and is cheaper than the best.
    void extend(order_oracle& oracle, std::size_t next, std::uint32_t broken, double cost,  // NOLINT(misc-no-recursion)
                flat<std::uint32_t>& order) {
        for (std::size_t i = next; i < by_price_.size(); ++i) {
            const std::size_t m = by_price_[i];
            const double more = cost + price_[m];
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
    /// Until some order is found, with a tenth of the effort.
    void find_any(std::size_t effort) {
        for (std::size_t spent = 0; spent < effort / 10 && !best_.found; spent += moves_->size()) {
            roll();
            const double noise = any_noise();
            run_.restart();
            if (run_.finish_all(price_, order_run::no_limit, noise, dice_.view())) keep();
        }
        if (best_.found) improve(effort);
    }
    void improve(std::size_t effort) {
        flat<std::uint32_t> current;
        current.append(best_.broken.view());
        double cost = best_.cost;
        for (std::size_t spent = 0; spent < effort && !best_.broken.empty(); spent += moves_->size()) {
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
            for (std::size_t i = mended; i < current.size(); ++i) run_.break_move(current[i], price_[current[i]]);
            if (!run_.finish_all(price_, cost, noise, dice_.view())) continue;
            cost = run_.cost();
            current.clear();
            current.append(run_.broken());
            if (cost < best_.cost) keep();
        }
    }

    const move_table* moves_;
    std::span<const amount> free_;
    std::span<const double> price_;
    order_run run_;
    xoshiro256 random_;
    flat<std::uint32_t> dice_;
    flat<std::size_t> by_price_;
    move_order best_;
};

}  // namespace berth::inline v0::detail
