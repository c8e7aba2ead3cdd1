// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>

namespace berth::inline v0::detail {

/// What a free part of a GPU is worth to a mix of tasks that are packed as well as they can be, as a part of a GPU.
///
/// The fewest GPUs that hold the mix, where a pattern may be used on a fraction of a GPU (cutting stock): the dual
/// price y_u of a task of share u is the part of a GPU that it takes up in the best patterns. A free part g is worth
/// the most Σ y_u over tasks that fit into it together. A task costs the GPU that it is put on at least y_u, and just
/// that where it completes a best pattern. Of tasks of 810, 470 and few of 160, a rest of 190 is worth nothing (there
/// are far more such rests than tasks for them), and one of 530 half a GPU.
///
/// Patterns are generated one by one (Gilmore and Gomory) by a knapsack over the thousandths of a GPU. Of more than
/// `most_sizes` different shares, near ones count as the greatest of them. If the iteration is cut short, prices are
/// scaled so that no pattern is worth more than a GPU. O(iterations · (1000 · sizes + sizes²)); some 40 iterations for
/// 20 sizes. Sums, products and quotients only, so the same everywhere.
class share_worth {
public:
    static constexpr std::size_t most_sizes = 64;

    /// Numbers of tasks by their share of a GPU.
    class task_counts {
    public:
        task_counts() : of_(static_cast<std::size_t>(whole_gpu) + 1, 0.0) {}
        /// Adds tasks of a share of 1..1000; others do not matter.
        void add(amount share, double tasks) {
            if (share >= 1 && share <= whole_gpu) of_[static_cast<std::size_t>(share)] += tasks;
        }

    private:
        friend class share_worth;
        flat<double> of_;
    };

    /// @param mix  tasks in any number; without any, no free part is worth anything
    explicit share_worth(const task_counts& mix) : worth_(static_cast<std::size_t>(whole_gpu) + 1, 0.0) {
        take_sizes(mix);
        if (sizes_.empty()) return;
        start();
        const std::size_t most_rounds = 16 * sizes_.size() + 64;
        fill();
        for (std::size_t round = 0; round < most_rounds && worth_.back() > 1.0 + tolerance && improve(); ++round)
            fill();
        const double most = worth_.back();
        for (double& worth : worth_) worth /= most;
    }

    /// The worth of a free share of a GPU, 0 to 1.
    /// @param free  0..1000
    [[nodiscard]] double operator()(amount free) const noexcept { return worth_[static_cast<std::size_t>(free)]; }

private:
    static constexpr double tolerance = 1e-7;
    static constexpr std::uint32_t none = ~std::uint32_t{0};

    struct task_size {
        std::size_t share;
        double tasks;
        double price;  // y
        double gpus;   // that have the pattern of this row of the basis
    };

    void take_sizes(const task_counts& mix) {
        std::size_t different = 0;
        for (const double tasks : mix.of_) different += tasks > 0.0 ? 1 : 0;
        // Steps of which 1/2, 1/4, ... of a GPU are the upper ends.
        const auto step = [](std::size_t share) {
            return (share * most_sizes + static_cast<std::size_t>(whole_gpu) - 1) / static_cast<std::size_t>(whole_gpu);
        };
        for (std::size_t share = 1; share < mix.of_.size(); ++share) {
            if (!(mix.of_[share] > 0.0)) continue;
            if (different > most_sizes && !sizes_.empty() && step(sizes_.back().share) == step(share)) {
                sizes_.back().share = share;
                sizes_.back().tasks += mix.of_[share];
            } else {
                sizes_.push_back({.share = share, .tasks = mix.of_[share], .price = 0.0, .gpus = 0.0});
            }
        }
    }
    /// Patterns of one kind of task each.
    void start() {
        const std::size_t k = sizes_.size();
        inverse_.assign(k * k, 0.0);
        column_.resize(k);
        last_.resize(worth_.size());
        for (std::size_t i = 0; i < k; ++i) {
            const auto fit = static_cast<double>(static_cast<std::size_t>(whole_gpu) / sizes_[i].share);
            inverse_[i * k + i] = 1.0 / fit;
            sizes_[i].gpus = sizes_[i].tasks / fit;
            sizes_[i].price = 1.0 / fit;
        }
    }
    /// The worth of every free share at these prices.
    void fill() {
        for (std::size_t free = 1; free < worth_.size(); ++free) {
            double best = worth_[free - 1];
            std::uint32_t last = none;
            for (std::size_t i = 0; i < sizes_.size() && sizes_[i].share <= free; ++i) {
                const double with = worth_[free - sizes_[i].share] + sizes_[i].price;
                if (!(with > best)) continue;
                best = with;
                last = static_cast<std::uint32_t>(i);
            }
            worth_[free] = best;
            last_[free] = last;
        }
    }
    /// The pattern that is worth the most takes the place of another: a step of the simplex method. False if it has no
    /// place to take, which rounding errors alone could bring about.
    [[nodiscard]] bool improve() {
        const std::size_t k = sizes_.size();
        column_.assign(k, 0.0);
        for (std::size_t free = worth_.size() - 1; free > 0;) {
            const std::uint32_t i = last_[free];
            if (i == none) {
                --free;
                continue;
            }
            free -= sizes_[i].share;
            for (std::size_t row = 0; row < k; ++row) column_[row] += inverse_[row * k + i];
        }
        std::size_t out = k;
        double gpus = 0.0;
        for (std::size_t row = 0; row < k; ++row) {
            if (!(column_[row] > 1e-9) || (out < k && !(sizes_[row].gpus < gpus * column_[row]))) continue;
            out = row;
            gpus = sizes_[row].gpus / column_[row];
        }
        if (out == k) return false;
        for (std::size_t i = 0; i < k; ++i) inverse_[out * k + i] /= column_[out];
        for (std::size_t row = 0; row < k; ++row) {
            if (row == out) continue;
            const double left = sizes_[row].gpus - column_[row] * gpus;
            sizes_[row].gpus = left > 0.0 ? left : 0.0;
            for (std::size_t i = 0; i < k; ++i) inverse_[row * k + i] -= column_[row] * inverse_[out * k + i];
        }
        sizes_[out].gpus = gpus;
        for (std::size_t i = 0; i < k; ++i) {
            double price = 0.0;
            for (std::size_t row = 0; row < k; ++row) price += inverse_[row * k + i];
            sizes_[i].price = price > 0.0 ? price : 0.0;
        }
        return true;
    }

    flat<double> worth_;        // by free share
    flat<task_size> sizes_;     // ascending by share
    flat<double> inverse_;      // of the basis, by row
    flat<double> column_;       // of the pattern that enters
    flat<std::uint32_t> last_;  // by free share: the size that was added last
};

}  // namespace berth::inline v0::detail
