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

namespace berth::inline v0 {

/// How good a choice of `round_assignment` is.
struct round_choice {
    double value = 0.0;  ///< the sum of what was chosen
    double bound = 0.0;  ///< that no choice exceeds
    bool best = false;   ///< true if no choice is better, up to rounding
};

/// Who runs on which GPU model in one round: each job on its GPUs of one model or not at all, the capacity of no model
/// exceeded, the sum of values as large as possible.
///
/// Lagrangian prices of the models bound what any choice can reach, and discard most options of most jobs; what remains
/// is decided exactly by dynamic programming over the GPUs that are left. Where its table would be larger than `table`,
/// the best choice found on the way stays, and `bound` says how far it may be from the best. A few hundred jobs on three
/// models of some tens of GPUs take well below a millisecond. Deterministic. Keeps its memory from call to call.
class round_assignment {
public:
    std::size_t table = std::size_t{1} << 22U;  ///< entries of the table (GPUs left × jobs) at most

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
        bool proven = bound - best_ <= slack(bound);
        if (!proven) {
            proven = decide_rest(bound);
            if (proven) bound = best_;
        }
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

    [[nodiscard]] static double slack(double bound) noexcept { return 1e-12 * bound; }

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
    /// Keeps only options that a better choice could have, and finds the best of these. False if the table is too large.
    [[nodiscard]] bool decide_rest(double bound) {
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
            const double least = most - (bound - best_) - slack(bound);  // a lower profit leaves less than the best
            std::uint32_t kept = first_[j];
            std::uint32_t end = first_[j];
            for (std::uint32_t o = first_[j]; o < first_[j + 1]; ++o) {
                if (options_[o].merit >= least) std::swap(options_[end++], options_[o]);
            }
            if (end == kept) continue;
            if (end == kept + 1 && least > 0.0) {
                const option& it = options_[kept];
                if (it.gpus > left_[it.model]) return true;  // no choice is better
                left_[it.model] -= it.gpus;
                on_[j] = it.model;
                fixed += it.value;
                continue;
            }
            open_.push_back({j, kept, end});
        }
        return fill_table(fixed);
    }
    /// Dynamic programming over the GPUs left, one job after the other.
    [[nodiscard]] bool fill_table(double fixed) {
        std::size_t cells = 1;
        stride_.assign(capacity_.size(), 0);
        for (std::size_t m = 0; m < capacity_.size(); ++m) {
            stride_[m] = cells;
            if (left_[m] >= table / cells) return false;
            cells *= left_[m] + std::size_t{1};
        }
        if (!open_.empty() && cells > table / open_.size()) return false;
        totals_.assign(cells, fixed);
        taken_.assign(cells * open_.size(), 0);
        counts_.assign(capacity_.size(), 0);
        for (std::size_t i = 0; i < open_.size(); ++i) {
            char* const taken = taken_.data() + i * cells;
            for (std::uint32_t m = 0; m < capacity_.size(); ++m) counts_[m] = left_[m];
            for (std::size_t cell = cells; cell-- > 0;) {
                double most = totals_[cell];
                for (std::uint32_t o = open_[i].begin; o < open_[i].end; ++o) {
                    const option& it = options_[o];
                    if (counts_[it.model] < it.gpus) continue;
                    const double value = totals_[cell - stride_[it.model] * it.gpus] + it.value;
                    if (value > most) {
                        most = value;
                        taken[cell] = static_cast<char>(o - open_[i].begin + 1);
                    }
                }
                totals_[cell] = most;
                for (std::size_t m = 0; m < capacity_.size() && counts_[m]-- == 0; ++m) counts_[m] = left_[m];
            }
        }
        if (!(totals_[cells - 1] > best_)) return true;
        best_ = totals_[cells - 1];
        std::size_t cell = cells - 1;
        for (std::size_t i = open_.size(); i-- > 0;) {
            const auto taken = static_cast<std::uint32_t>(taken_[i * cells + cell]);
            if (taken == 0) continue;
            const option& it = options_[open_[i].begin + taken - 1];
            on_[it.job] = it.model;
            cell -= stride_[it.model] * it.gpus;
        }
        best_of_.swap(on_);
        return true;
    }

    struct open_job {
        std::uint32_t job;
        std::uint32_t begin;
        std::uint32_t end;
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
    detail::flat<std::size_t> stride_;
    detail::flat<std::uint32_t> counts_;
    detail::flat<double> totals_;
    detail::flat<char> taken_;
};

}  // namespace berth::inline v0
