// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"

#include <cstddef>

namespace berth::inline v0::detail {

/// A 0-1 knapsack by dynamic programming that keeps all its rows, to compute the best profit with any item left out or
/// forced in. Items have a positive profit and a load of 0 or more.
///
/// O(items × capacity) time and memory, reused from one knapsack to the next.
class knapsack_rows {
public:
    void start(std::size_t capacity) {
        width_ = capacity + 1;
        items_.clear();
        if (forward_.size() < width_) forward_.resize(width_);
        for (std::size_t w = 0; w < width_; ++w) forward_[w] = 0.0;
    }
    void add(double profit, std::size_t load) {
        BERTH_ASSERT(profit > 0.0 && load < width_, "berth: an item of a knapsack has a profit above 0 and fits alone");
        const std::size_t k = items_.size();
        items_.push_back({profit, load});
        if (forward_.size() < (k + 2) * width_) forward_.resize((k + 2) * width_);
        const double* before = forward_.data() + k * width_;
        double* after = forward_.data() + (k + 1) * width_;
        offer(before, after, profit, load);
    }
    [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
    [[nodiscard]] double best() const noexcept { return last(width_ - 1); }

    /// Calls `f(item)` for the items of a best choice, the last one first.
    template <class F>
    void chosen(const F& f) const {
        std::size_t room = width_ - 1;
        for (std::size_t k = items_.size(); k-- > 0;) {
            if (forward_[(k + 1) * width_ + room] == forward_[k * width_ + room]) continue;
            room -= items_[k].load;
            f(k);
        }
    }
    /// The best profit with one more item, which is not in the list.
    [[nodiscard]] double with_extra(double profit, std::size_t load) const noexcept {
        return profit + last(width_ - 1 - load);
    }

    /// Prepares `without` and `with`; to call after the last `add`.
    void look_back() {
        if (backward_.size() < (items_.size() + 1) * width_) backward_.resize((items_.size() + 1) * width_);
        double* after = backward_.data() + items_.size() * width_;
        for (std::size_t w = 0; w < width_; ++w) after[w] = 0.0;
        for (std::size_t k = items_.size(); k-- > 0;) {
            double* before = backward_.data() + k * width_;
            const std::size_t load = items_[k].load;
            offer(after, before, items_[k].profit, load);
            after = before;
        }
    }
    /// The best profit with an item left out.
    [[nodiscard]] double without(std::size_t k) const noexcept { return others(k, width_); }
    /// The best profit with an item forced in.
    [[nodiscard]] double with(std::size_t k) const noexcept {
        return items_[k].profit + others(k, width_ - items_[k].load);
    }

private:
    struct item {
        double profit;
        std::size_t load;
    };

    /// Computes a row from the previous one. In two loops, so that compilers vectorise at -O2, too.
    void offer(const double* __restrict from, double* __restrict to, double profit, std::size_t load) const noexcept {
        for (std::size_t w = 0; w < load; ++w) to[w] = from[w];
        const std::size_t rest = width_ - load;
        const std::size_t even = rest / 4 * 4;
        const double* without = from + load;
        double* after = to + load;
        for (std::size_t w = 0; w < even; ++w) {
            const double with = from[w] + profit;
            after[w] = with > without[w] ? with : without[w];
        }
        for (std::size_t w = even; w < rest; ++w) {
            const double with = from[w] + profit;
            after[w] = with > without[w] ? with : without[w];
        }
    }
    [[nodiscard]] double last(std::size_t room) const noexcept { return forward_[items_.size() * width_ + room]; }
    [[nodiscard]] double others(std::size_t k, std::size_t rooms) const noexcept {
        const double* before = forward_.data() + k * width_;
        const double* after = backward_.data() + (k + 1) * width_;
        double best = 0.0;
        for (std::size_t w = 0; w < rooms; ++w) {
            const double sum = before[w] + after[rooms - 1 - w];
            best = sum > best ? sum : best;
        }
        return best;
    }

    std::size_t width_ = 1;
    flat<item> items_;
    flat<double> forward_{1, 0.0};
    flat<double> backward_;
};

}  // namespace berth::inline v0::detail
