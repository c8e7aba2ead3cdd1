// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"

#include <cstddef>

namespace berth::inline v0::detail {

/// A 0-1 knapsack by dynamic programming that keeps all its rows, to compute the best profit with any item left out or
/// forced in. Items have a positive profit and a load of 0 or more. A row has the rooms that can matter only: no more
/// than the items before it can fill, no less than those after it leave.
///
/// O(items × capacity) time and memory, reused from one knapsack to the next.
class knapsack_rows {
public:
    void start(std::size_t capacity) {
        capacity_ = capacity;
        items_.clear();
    }
    void add(double profit, std::size_t load) {
        BERTH_ASSERT(profit > 0.0 && load <= capacity_,
                     "berth: an item of a knapsack has a profit above 0 and fits alone");
        items_.push_back({profit, load, 0, 0, false});
    }
    /// Computes the rows; to call after the last `add` and before what follows.
    ///
    /// @param most_extra  the highest load in a call of `with_extra`, at most the capacity
    void fill(std::size_t most_extra = 0) {
        const std::size_t n = items_.size();
        std::size_t before = 0;
        for (std::size_t k = 0; k < n; ++k) {
            items_[k].before = before;
            before += items_[k].load;
        }
        total_ = before;
        std::size_t after = 0;
        for (std::size_t k = n; k-- > 0;) {
            items_[k].after = after;
            after += items_[k].load;
        }
        if (forward_.size() < (n + 1) * stride()) forward_.resize((n + 1) * stride());
        forward_[0] = 0.0;
        for (std::size_t k = 0; k < n; ++k) {
            const item& it = items_[k];
            const std::size_t had = least(it.before);
            const std::size_t last = least(it.before + it.load);
            const std::size_t first = lower(last, it.after + most_extra);
            const double* from = forward_.data() + k * stride();
            double* to = from_row(forward_, k + 1);
            std::size_t w = first;
            for (; w < it.load && w <= last; ++w) to[w] = from[w < had ? w : had];
            if (w <= had) {
                const std::size_t end = (had < last ? had : last) + 1;
                offer(from + w, from + (w - it.load), to + w, it.profit, end - w);
                w = end;
            }
            for (const double all = from[had]; w <= last; ++w) {
                const double with = from[w - it.load] + it.profit;
                to[w] = with > all ? with : all;
            }
        }
        best_ = at(n, capacity_);
    }
    [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
    [[nodiscard]] double best() const noexcept { return best_; }

    /// Calls `f(item)` for the items of a best choice, the last one first.
    template <class F>
    void chosen(const F& f) const {
        std::size_t room = capacity_;
        for (std::size_t k = items_.size(); k-- > 0;) {
            if (at(k + 1, room) == at(k, room)) continue;
            room -= items_[k].load;
            f(k);
        }
    }
    /// The best profit with one more item, which is not in the list.
    [[nodiscard]] double with_extra(double profit, std::size_t load) const noexcept {
        return profit + at(items_.size(), capacity_ - load);
    }

    /// Prepares `without` and `with`; to call after `fill`.
    void look_back() {
        chosen([this](std::size_t k) { items_[k].in = true; });
        const std::size_t n = items_.size();
        if (backward_.size() < (n + 1) * stride()) backward_.resize((n + 1) * stride());
        // Room w is at position capacity - w, so that `others` reads both rows in the same direction.
        from_row(backward_, n)[capacity_] = 0.0;
        for (std::size_t k = n; k-- > 0;) {
            const item& it = items_[k];
            const std::size_t had = capacity_ - least(it.after);
            const std::size_t first = capacity_ - least(it.after + it.load);
            const std::size_t last = capacity_ - lower(capacity_ - first, it.before);
            const double* from = backward_.data() + (k + 1) * stride();
            double* to = from_row(backward_, k);
            const std::size_t fits = capacity_ - it.load + 1;  // positions below have room for the item
            std::size_t w = first;
            for (const double all = from[had]; w < had && w < fits && w <= last; ++w) {
                const double with = from[w + it.load] + it.profit;
                to[w] = with > all ? with : all;
            }
            const std::size_t end = fits < last + 1 ? fits : last + 1;
            if (w < end) {
                offer(from + w, from + w + it.load, to + w, it.profit, end - w);
                w = end;
            }
            for (; w <= last; ++w) to[w] = from[w > had ? w : had];
        }
    }
    /// The best profit with an item left out.
    [[nodiscard]] double without(std::size_t k) const noexcept {
        return items_[k].in ? others(items_[k], k, capacity_) : best_;
    }
    /// The best profit with an item forced in.
    [[nodiscard]] double with(std::size_t k) const noexcept {
        return items_[k].in ? best_ : items_[k].profit + others(items_[k], k, capacity_ - items_[k].load);
    }

private:
    struct item {
        double profit;
        std::size_t load;
        std::size_t before;  // load of all items before it
        std::size_t after;   // and after it
        bool in;             // the best choice
    };

    [[nodiscard]] std::size_t stride() const noexcept { return capacity_ + 1; }
    [[nodiscard]] double* from_row(flat<double>& rows, std::size_t k) const noexcept {
        return rows.data() + k * stride();
    }
    [[nodiscard]] std::size_t least(std::size_t load) const noexcept { return load < capacity_ ? load : capacity_; }
    /// The least room of a row that ends at `last`, if so much load may follow.
    [[nodiscard]] std::size_t lower(std::size_t last, std::size_t follows) const noexcept {
        const std::size_t room = follows < capacity_ ? capacity_ - follows : 0;
        return room < last ? room : last;
    }
    /// The best profit of the first k items within a room.
    [[nodiscard]] double at(std::size_t k, std::size_t room) const noexcept {
        const std::size_t most = least(k < items_.size() ? items_[k].before : total_);
        return forward_[k * stride() + (room < most ? room : most)];
    }
    /// Vectorised by compilers at -O2, too: an even number of steps in a loop of its own.
    static void offer(const double* __restrict without, const double* __restrict before, double* __restrict to,
                      double profit, std::size_t size) noexcept {
        const std::size_t even = size / 4 * 4;
        for (std::size_t w = 0; w < even; ++w) {
            const double with = before[w] + profit;
            to[w] = with > without[w] ? with : without[w];
        }
        for (std::size_t w = even; w < size; ++w) {
            const double with = before[w] + profit;
            to[w] = with > without[w] ? with : without[w];
        }
    }
    /// The best profit of all items but the k-th within a room.
    [[nodiscard]] double others(const item& it, std::size_t k, std::size_t room) const noexcept {
        const double* before = forward_.data() + k * stride();
        const double* after = backward_.data() + (k + 1) * stride();
        if (room >= it.before + it.after) return before[it.before] + after[capacity_ - it.after];
        const std::size_t first = room > it.after ? room - it.after : 0;
        const std::size_t end = (room < it.before ? room : it.before) + 1;
        return largest_sum(before + first, after + (capacity_ - room) + first, end - first);
    }
    /// Of the pairs of two rows. Four at a time, as the comparisons of one chain wait for each other.
    [[nodiscard]] static double largest_sum(const double* a, const double* b, std::size_t size) noexcept {
        double best[4] = {0.0, 0.0, 0.0, 0.0};
        std::size_t w = 0;
        for (; w + 4 <= size; w += 4) {
            for (std::size_t i = 0; i < 4; ++i) {
                const double sum = a[w + i] + b[w + i];
                best[i] = sum > best[i] ? sum : best[i];
            }
        }
        for (; w < size; ++w) {
            const double sum = a[w] + b[w];
            best[0] = sum > best[0] ? sum : best[0];
        }
        const double low = best[0] > best[1] ? best[0] : best[1];
        const double high = best[2] > best[3] ? best[2] : best[3];
        return low > high ? low : high;
    }

    std::size_t capacity_ = 0;
    std::size_t total_ = 0;
    double best_ = 0.0;
    flat<item> items_;
    flat<double> forward_{1, 0.0};
    flat<double> backward_;
};

}  // namespace berth::inline v0::detail
