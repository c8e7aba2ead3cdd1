// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/model/resources.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace berth::inline v0::detail {

/// A 0-1 knapsack by depth-first search over items in falling order of profit per load, bounded by the free capacity
/// times the next item's rate (Horowitz, Sahni, "Computing partitions with applications to the knapsack problem",
/// 1974). Usually a few hundred nodes, where dynamic programming computes items × capacity cells, but exponential at
/// worst, hence `max_nodes`.
class knapsack_tree {
public:
    void start() noexcept { items_.clear(); }
    /// @param profit  above 0
    /// @param load    0 or more, at most the capacity
    void add(double profit, amount load) {
        const double rate = load > 0 ? profit / static_cast<double>(load) : 1e300;
        items_.push_back({rate, profit, static_cast<double>(load), static_cast<std::uint32_t>(items_.size())});
    }
    /// False if `max_nodes` did not suffice; the results are those of a choice that fits, maybe not a best one.
    [[nodiscard]] bool solve(amount capacity, std::uint64_t max_nodes) {
        std::sort(items_.begin(), items_.end(), [](const item& a, const item& b) {
            return a.rate != b.rate ? a.rate > b.rate : a.number < b.number;
        });
        const std::size_t n = items_.size();
        taken_.assign(n, 0);
        best_taken_.assign(n, 0);
        best_ = 0.0;
        double room = static_cast<double>(capacity);
        double profit = 0.0;
        std::uint64_t nodes = 0;
        std::size_t i = 0;
        for (;;) {
            // Forward: take what fits, as long as the rest can still beat the best.
            bool promising = true;
            for (; i < n; ++i) {
                if (++nodes > max_nodes) return false;
                if (items_[i].load > 0.0 && profit + room * items_[i].rate <= best_) {
                    promising = false;
                    break;
                }
                if (items_[i].load > room) continue;
                taken_[i] = 1;
                room -= items_[i].load;
                profit += items_[i].profit;
            }
            if (promising && profit > best_) {
                best_ = profit;
                std::copy(taken_.begin(), taken_.end(), best_taken_.begin());
            }
            // Back: leave out the last item taken, unless it has no load; such items come first and all stay.
            while (i > 0 && taken_[i - 1] == 0) --i;
            if (i == 0 || items_[i - 1].load == 0.0) return true;
            taken_[i - 1] = 0;
            room += items_[i - 1].load;
            profit -= items_[i - 1].profit;
        }
    }
    [[nodiscard]] double best() const noexcept { return best_; }
    /// After `solve`: calls `in(item)` for the items of every choice as good as `best`, `open(item)` for those that may
    /// be in one. What the linear relaxation loses when an item goes against it tells them apart.
    template <class In, class Open>
    void reduce(amount capacity, const In& in, const Open& open) const {
        double room = static_cast<double>(capacity);
        double highest = 0.0;
        std::size_t first_out = 0;
        for (; first_out < items_.size() && items_[first_out].load <= room; ++first_out) {
            room -= items_[first_out].load;
            highest += items_[first_out].profit;
        }
        const double rate = first_out < items_.size() ? items_[first_out].rate : 0.0;
        highest += room * rate;
        const double most = highest - best_ + 1e-9 * (1.0 + highest);
        for (std::size_t i = 0; i < items_.size(); ++i) {
            const item& it = items_[i];
            const double gain = it.profit - rate * it.load;
            if (i < first_out && gain > most) {
                in(std::size_t{it.number});
            } else if (i < first_out || -gain <= most) {
                open(std::size_t{it.number});
            }
        }
    }
    /// Calls `f(item)` for the items of a best choice, numbered in the order of `add`.
    template <class F>
    void chosen(const F& f) const {
        for (std::size_t i = 0; i < items_.size(); ++i) {
            if (best_taken_[i] != 0) f(std::size_t{items_[i].number});
        }
    }

private:
    struct item {
        double rate;
        double profit;
        double load;
        std::uint32_t number;
    };

    flat<item> items_;
    flat<unsigned char> taken_;
    flat<unsigned char> best_taken_;
    double best_ = 0.0;
};

}  // namespace berth::inline v0::detail
