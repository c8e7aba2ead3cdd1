// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/matrix_view.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

// Length: prices, greedy choices and states share what is open.

namespace berth::inline v0 {

/// How good a choice of `round_assignment` is.
struct round_choice {
    double value = 0.0;  ///< the sum of what was chosen
    double bound = 0.0;  ///< that no choice exceeds
    bool best = false;   ///< true if no choice is better, up to the tolerance
};

/// Who runs on which GPU model in one round: each job on its GPUs of one model or not at all, the capacity of no model
/// exceeded, the sum of values as large as possible.
///
/// Lagrangian prices of the models bound what any choice can reach, and discard most options of most jobs. What remains
/// is decided exactly by dynamic programming over the GPUs that are left, without states that have lost more against
/// the bound than the best choice known. If these are more than `states`, the best choice found on the way stays, and
/// `bound` says how far it may be from the best. A few hundred jobs on three models of some tens of GPUs take well
/// below a millisecond. Deterministic. Keeps its memory from call to call.
class round_assignment {
public:
    std::size_t states = std::size_t{1} << 17U;  ///< kept at most, 32 bytes each
    double tolerance = 0.0;  ///< a choice is good enough if no other is better by more than this part

    /// Decides.
    ///
    /// @param values    what a job (row) on a model (column) is worth; 0 or less, or NaN: it may not run there
    /// @param gpus      that each job takes, 1 or more
    /// @param capacity  GPUs of each model
    /// @param chosen    one for each job; receives its model, or none
    round_choice choose(matrix_view<const double> values, std::span<const std::uint32_t> gpus,
                        std::span<const std::uint32_t> capacity, std::span<model_index> chosen) {
        BERTH_ASSERT(values.rows() == gpus.size() && values.cols() == capacity.size() && chosen.size() == gpus.size(),
                     "berth: a round_assignment has a row for each job and a column for each model");
        values_ = values;
        gpus_ = gpus;
        capacity_ = capacity;
        list();
        best_ = 0.0;
        best_of_.assign(gpus.size(), none);
        prices_.assign(capacity.size(), 0.0);
        double bound = search_prices();
        // The best choice loses least against the bound, so whatever is found within a small loss is best; the loss of
        // the best choice known is enough in any case.
        bool proven = bound - best_ <= slack(bound);
        for (double part = 1.0 / 16.0; !proven && part <= 1.0; part *= 2.0) {
            const double loss = part * (bound - best_) + 1e-12 * bound;
            if (!decide_rest(loss)) break;
            proven = part == 1.0 || bound - best_ <= loss;
        }
        if (proven) bound = std::min(bound, best_ + slack(bound));
        for (std::size_t j = 0; j < chosen.size(); ++j) {
            chosen[j] = best_of_[j] == none ? model_index{} : model_index{best_of_[j]};
        }
        return {best_, std::max(bound, best_), proven};
    }

private:
    static constexpr std::uint32_t none = ~std::uint32_t{0};
    struct option {
        double value;
        std::uint32_t job;
        std::uint32_t model;
        std::uint32_t gpus;
        double merit;  // of the current prices
    };

    [[nodiscard]] double slack(double bound) const noexcept { return std::max(1e-12, tolerance) * bound; }

    /// All that may be chosen, by job.
    void list() {
        options_.clear();
        first_.clear();
        for (std::uint32_t j = 0; j < gpus_.size(); ++j) {
            first_.push_back(static_cast<std::uint32_t>(options_.size()));
            for (std::uint32_t m = 0; m < capacity_.size(); ++m) {
                if (!(values_(j, m) > 0.0) || gpus_[j] > capacity_[m]) continue;
                options_.push_back({values_(j, m), j, m, gpus_[j], 0.0});
            }
        }
        first_.push_back(static_cast<std::uint32_t>(options_.size()));
    }
    /// The relaxed choice under the prices: its value, and what it uses.
    [[nodiscard]] double relax() {
        used_.assign(capacity_.size(), 0.0);
        double bound = 0.0;
        for (std::size_t m = 0; m < capacity_.size(); ++m) bound += prices_[m] * static_cast<double>(capacity_[m]);
        for (std::size_t j = 0; j < gpus_.size(); ++j) {
            double most = 0.0;
            std::uint32_t on = none;
            for (std::uint32_t o = first_[j]; o < first_[j + 1]; ++o) {
                const double profit = options_[o].value - prices_[options_[o].model] * options_[o].gpus;
                if (profit > most) {
                    most = profit;
                    on = options_[o].model;
                }
            }
            bound += most;
            if (on != none) used_[on] += gpus_[j];
        }
        return bound;
    }
    /// Lowers the bound by subgradients with Polyak's steps; `prices_` ends at the lowest.
    [[nodiscard]] double search_prices() {
        double lowest = relax();
        kept_ = prices_;
        fill();
        double pace = 1.0;
        int stale = 0;
        double bound = lowest;
        for (int round = 0; round < 200 && lowest - best_ > slack(lowest) && pace > 1e-3; ++round) {
            double square = 0.0;
            for (std::size_t m = 0; m < capacity_.size(); ++m) {
                double slope = static_cast<double>(capacity_[m]) - used_[m];
                if (slope > 0.0 && prices_[m] <= 0.0) slope = 0.0;
                used_[m] = slope;
                square += slope * slope;
            }
            if (square == 0.0) break;  // nothing binds: the relaxed choice is feasible and best
            const double step = pace * (bound - best_) / square;
            for (std::size_t m = 0; m < capacity_.size(); ++m) {
                prices_[m] = std::max(0.0, prices_[m] - step * used_[m]);
            }
            bound = relax();
            if (bound < lowest - 1e-4 * (lowest - best_)) {
                lowest = bound;
                kept_ = prices_;
                stale = 0;
                if (round % 4 == 0) fill();
            } else if (++stale == 6) {
                stale = 0;
                pace *= 0.5;
                prices_ = kept_;
                bound = relax();
                fill();
            }
        }
        prices_ = kept_;
        fill();
        return lowest;
    }
    /// A choice by profit for each GPU at the current prices; kept if it is the best so far.
    void fill() {
        order_.clear();
        for (std::uint32_t o = 0; o < options_.size(); ++o) {
            options_[o].merit = options_[o].value / options_[o].gpus - prices_[options_[o].model];
            order_.push_back(o);
        }
        std::sort(order_.begin(), order_.end(), [this](std::uint32_t a, std::uint32_t b) {
            return options_[a].merit != options_[b].merit ? options_[a].merit > options_[b].merit : a < b;
        });
        left_.clear();
        left_.append(capacity_);
        on_.assign(gpus_.size(), none);
        double value = 0.0;
        for (const std::uint32_t o : order_) {
            const option& it = options_[o];
            if (on_[it.job] != none || it.gpus > left_[it.model]) continue;
            on_[it.job] = it.model;
            left_[it.model] -= it.gpus;
            value += it.value;
        }
        if (value > best_) {
            best_ = value;
            best_of_.swap(on_);
        }
    }
    /// The best choice that loses no more than so much against the bound, if it is better than the best so far. False
    /// if there are too many states.
    [[nodiscard]] bool decide_rest(double loss) {
        left_.clear();
        left_.append(capacity_);
        on_.assign(gpus_.size(), none);
        open_.clear();
        double fixed = 0.0;
        for (std::uint32_t j = 0; j < gpus_.size(); ++j) {
            double most = 0.0;
            for (std::uint32_t o = first_[j]; o < first_[j + 1]; ++o) {
                options_[o].merit = options_[o].value - prices_[options_[o].model] * options_[o].gpus;
                most = std::max(most, options_[o].merit);
            }
            const std::uint32_t begin = first_[j];
            std::uint32_t end = begin;
            for (std::uint32_t o = begin; o < first_[j + 1]; ++o) {
                if (most - options_[o].merit <= loss) std::swap(options_[end++], options_[o]);
            }
            if (end == begin) continue;
            if (end == begin + 1 && most > loss) {
                const option& it = options_[begin];
                if (it.gpus > left_[it.model]) return true;  // no choice is better
                left_[it.model] -= it.gpus;
                on_[j] = it.model;
                fixed += it.value;
                continue;
            }
            open_.push_back({begin, end, most});
        }
        return search_states(fixed, loss);
    }
    /// Dynamic programming over the GPUs left, one job after the other. A state knows what it has lost.
    [[nodiscard]] bool search_states(double fixed, double loss) {
        std::uint64_t cells = 1;
        stride_.clear();
        for (const std::uint32_t left : left_) {
            stride_.push_back(cells);
            if (cells > (std::uint64_t{1} << 62U) / (left + std::uint64_t{1})) return false;
            cells *= left + std::uint64_t{1};
        }
        nodes_.clear();
        nodes_.push_back({0.0, fixed, cells - 1, none, none});
        std::size_t begin = 0;
        slots_.assign(std::max<std::size_t>(slots_.size(), 64), none);
        for (const open_job& job : open_) {
            const std::size_t end = nodes_.size();
            std::fill(slots_.begin(), slots_.end(), none);
            for (std::size_t n = begin; n < end; ++n) {
                const node from = nodes_[n];
                const auto parent = static_cast<std::uint32_t>(n);
                if (from.lost + job.most <= loss) {
                    enter({from.lost + job.most, from.value, from.cell, parent, none}, end);
                }
                for (std::uint32_t o = job.begin; o < job.end; ++o) {
                    const option& it = options_[o];
                    const double lost = from.lost + (job.most - it.merit);
                    if (lost > loss || count(from.cell, it.model) < it.gpus) continue;
                    enter({lost, from.value + it.value, from.cell - stride_[it.model] * it.gpus, parent, o}, end);
                }
                if (nodes_.size() > states) return false;
            }
            begin = end;
        }
        std::uint32_t top = none;
        for (std::size_t n = begin; n < nodes_.size(); ++n) {
            if (!(nodes_[n].value > best_)) continue;
            best_ = nodes_[n].value;
            top = static_cast<std::uint32_t>(n);
        }
        if (top == none) return true;
        for (; top != none; top = nodes_[top].parent) {
            if (nodes_[top].option != none) on_[options_[nodes_[top].option].job] = options_[nodes_[top].option].model;
        }
        best_of_.swap(on_);
        return true;
    }
    [[nodiscard]] std::uint64_t count(std::uint64_t cell, std::uint32_t model) const noexcept {
        return cell / stride_[model] % (left_[model] + std::uint64_t{1});
    }

    struct node {
        double lost;   // against the bound
        double value;  // of all that is chosen
        std::uint64_t cell;
        std::uint32_t parent;
        std::uint32_t option;
    };
    /// Adds a state of the current job, whose states begin at `layer`; of two with the same GPUs left, the better
    /// stays.
    void enter(const node& made, std::size_t layer) {
        std::size_t at = slot_of(made.cell);
        while (slots_[at] != none && nodes_[slots_[at]].cell != made.cell) at = (at + 1) & (slots_.size() - 1);
        if (slots_[at] != none) {
            if (made.value > nodes_[slots_[at]].value) nodes_[slots_[at]] = made;
            return;
        }
        slots_[at] = static_cast<std::uint32_t>(nodes_.size());
        nodes_.push_back(made);
        if (2 * (nodes_.size() - layer) < slots_.size()) return;
        slots_.assign(2 * slots_.size(), none);
        for (std::size_t n = layer; n < nodes_.size(); ++n) {
            at = slot_of(nodes_[n].cell);
            while (slots_[at] != none) at = (at + 1) & (slots_.size() - 1);
            slots_[at] = static_cast<std::uint32_t>(n);
        }
    }
    [[nodiscard]] std::size_t slot_of(std::uint64_t cell) const noexcept {
        return static_cast<std::size_t>((cell * 0x9E3779B97F4A7C15ULL) >> 32U) & (slots_.size() - 1);
    }

    struct open_job {
        std::uint32_t begin;  // of its options
        std::uint32_t end;
        double most;  // its profit at best
    };
    matrix_view<const double> values_;
    std::span<const std::uint32_t> gpus_;
    std::span<const std::uint32_t> capacity_;
    detail::flat<option> options_;
    detail::flat<std::uint32_t> first_;
    detail::flat<std::uint32_t> order_;
    detail::flat<double> prices_;
    detail::flat<double> kept_;
    detail::flat<double> used_;
    detail::flat<std::uint32_t> left_;
    detail::flat<std::uint32_t> on_;
    detail::flat<std::uint32_t> best_of_;
    double best_ = 0.0;
    detail::flat<open_job> open_;
    detail::flat<std::uint64_t> stride_;
    detail::flat<node> nodes_;
    detail::flat<std::uint32_t> slots_;  // positions in nodes_ by cell
};

}  // namespace berth::inline v0
