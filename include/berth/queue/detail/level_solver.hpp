// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <utility>

// Length: one linear algebra, which its steps share.

namespace berth::inline v0::detail {

/// Solves a level program whose jobs all can run somewhere: see `queue/level_program.hpp`.
///
/// Each constraint has a slack, and each variable and slack a partner in the dual program; their products go to 0
/// together. In this order: shares (jobs × models), excess of each job over the level, idle time of each job, idle GPUs
/// of each model, the level. Partners of the last four are prices: of a job's rate, of its time, of a model, of
/// nothing. Shares where a job cannot run stay out: 1 with a partner of 0.
class level_solver {
public:
    level_solver(std::span<const double> rates, std::span<const double> gpus, std::span<const std::uint32_t> capacity)
        : rates_{rates}, gpus_{gpus}, jobs_{gpus.size()}, models_{capacity.size()} {
        for (const std::uint32_t c : capacity) capacity_.push_back(c > 0 ? static_cast<double>(c) : 1.0);
        pairs_.resize(jobs_ * models_ + 2 * jobs_ + models_ + 1);
        rate_gap_.resize(jobs_);
        time_gap_.resize(jobs_);
        room_gap_.resize(models_);
        factors_.resize(jobs_ * models_ * models_);
        steps_.resize(jobs_ * models_);
        column_.resize(models_);
        center_.resize((models_ + 1) * (models_ + 1));
        right_.resize(models_ + 1);
        start();
    }

    /// The number of steps taken.
    std::size_t solve(double tolerance, std::size_t most) {
        std::size_t taken = 0;
        for (; taken < most; ++taken) {
            const double gap = products(0.0, 0.0);
            if (!(gap > tolerance * level_pair().x)) break;
            const double mean = gap / static_cast<double>(live_);
            measure_gaps();
            factor();
            // Straight towards products of 0, to see how far that leads; then towards smaller products, all alike.
            for (pair& p : pairs_) p.target = -p.x * p.s;
            direction();
            auto [primal, dual] = reach();
            const double ahead =
                products(std::min(1.0, primal), std::min(1.0, dual)) / static_cast<double>(live_) / mean;
            const double aim = ahead * ahead * ahead * mean;
            for (pair& p : pairs_) p.target = p.s > 0.0 ? aim - p.x * p.s - p.dx * p.ds : 0.0;
            direction();
            std::tie(primal, dual) = reach();
            primal = std::min(1.0, 0.99 * primal);
            dual = std::min(1.0, 0.99 * dual);
            if (!std::isfinite(level_pair().dx) || !(primal > 0.0) || !(dual > 0.0)) break;
            for (pair& p : pairs_) {
                p.x += primal * p.dx;
                p.s += dual * p.ds;
            }
        }
        return taken;
    }

    /// Makes shares feasible whatever was lost by rounding; computes level and bound from shares and prices alone.
    void certify() {
        flat<double> used(models_, 0.0);
        for (std::size_t j = 0; j < jobs_; ++j) {
            double time = 0.0;
            for (std::size_t m = 0; m < models_; ++m) time += share(j, m);
            for (std::size_t m = 0; m < models_; ++m) {
                if (time > 1.0) share_pair(j, m).x /= time;
                used[m] += gpus_[j] * share(j, m);
            }
        }
        level_ = 0.0;
        price_sum_ = 0.0;
        for (std::size_t j = 0; j < jobs_; ++j) {
            double rate = 0.0;
            for (std::size_t m = 0; m < models_; ++m) {
                if (used[m] > capacity_[m]) share_pair(j, m).x *= capacity_[m] / used[m];
                rate += at(j, m) * share(j, m);
            }
            if (j == 0 || rate < level_) level_ = rate;
            price_sum_ += excess(j).s;
        }
        bound_ = 0.0;
        for (std::size_t m = 0; m < models_; ++m) bound_ += capacity_[m] * model_price(m);
        for (std::size_t j = 0; j < jobs_; ++j) {
            double gain = 0.0;
            for (std::size_t m = 0; m < models_; ++m) {
                if (runs(j, m)) gain = std::max(gain, at(j, m) * job_price(j) - gpus_[j] * model_price(m));
            }
            bound_ += gain;
        }
    }
    [[nodiscard]] double level() const noexcept { return level_; }
    [[nodiscard]] double bound() const noexcept { return bound_; }
    [[nodiscard]] double share(std::size_t j, std::size_t m) const noexcept {
        return runs(j, m) ? pairs_[j * models_ + m].x : 0.0;
    }
    [[nodiscard]] double job_price(std::size_t j) const noexcept { return excess(j).s / price_sum_; }
    [[nodiscard]] double model_price(std::size_t m) const noexcept { return idle(m).s / price_sum_; }

private:
    struct pair {
        double x = 1.0;  // of the primal program
        double s = 0.0;  // its partner in the dual program
        double dx = 0.0;
        double ds = 0.0;
        double target = 0.0;  // the wanted change of their product
        [[nodiscard]] double ratio() const noexcept { return s / x; }
    };

    [[nodiscard]] bool runs(std::size_t j, std::size_t m) const noexcept { return at(j, m) > 0.0; }
    [[nodiscard]] double at(std::size_t j, std::size_t m) const noexcept { return rates_[j * models_ + m]; }
    [[nodiscard]] pair& share_pair(std::size_t j, std::size_t m) noexcept { return pairs_[j * models_ + m]; }
    [[nodiscard]] pair& excess(std::size_t j) noexcept { return pairs_[jobs_ * models_ + j]; }
    [[nodiscard]] const pair& excess(std::size_t j) const noexcept { return pairs_[jobs_ * models_ + j]; }
    [[nodiscard]] pair& rest(std::size_t j) noexcept { return pairs_[jobs_ * (models_ + 1) + j]; }
    [[nodiscard]] pair& idle(std::size_t m) noexcept { return pairs_[jobs_ * (models_ + 2) + m]; }
    [[nodiscard]] const pair& idle(std::size_t m) const noexcept { return pairs_[jobs_ * (models_ + 2) + m]; }
    [[nodiscard]] pair& level_pair() noexcept { return pairs_[jobs_ * (models_ + 2) + models_]; }

    /// Half of everything to everyone; prices high enough that the dual program is feasible as well.
    void start() {
        double all_gpus = 0.0;
        for (const double g : gpus_) all_gpus += g;
        double slowness = 0.0;
        double lowest = 0.0;
        for (std::size_t m = 0; m < models_; ++m) idle(m).x = capacity_[m];
        for (std::size_t j = 0; j < jobs_; ++j) {
            double most = 0.0;
            double rate = 0.0;
            rest(j).x = 1.0;
            for (std::size_t m = 0; m < models_; ++m) {
                if (!runs(j, m)) continue;
                const double x = std::min(0.5 / static_cast<double>(models_), 0.5 * capacity_[m] / all_gpus);
                share_pair(j, m).x = x;
                rate += at(j, m) * x;
                most = std::max(most, at(j, m));
                rest(j).x -= x;
                idle(m).x -= gpus_[j] * x;
                ++live_;
            }
            excess(j).x = rate;
            rest(j).s = most;
            slowness += 1.0 / most;
            if (j == 0 || rate < lowest) lowest = rate;
        }
        level_pair() = {.x = 0.5 * lowest, .s = 1.0};
        for (std::size_t m = 0; m < models_; ++m) idle(m).s = static_cast<double>(jobs_) / (slowness * all_gpus);
        for (std::size_t j = 0; j < jobs_; ++j) {
            excess(j).x -= level_pair().x;
            excess(j).s = 2.0 / (rest(j).s * slowness);
            rest(j).s = excess(j).s * rest(j).s;
            for (std::size_t m = 0; m < models_; ++m) {
                if (runs(j, m)) share_pair(j, m).s = rest(j).s + gpus_[j] * idle(m).s - at(j, m) * excess(j).s;
            }
        }
        live_ += 2 * jobs_ + models_ + 1;
    }
    /// The sum of all products after a step.
    [[nodiscard]] double products(double primal, double dual) const noexcept {
        double sum = 0.0;
        for (const pair& p : pairs_) sum += (p.x + primal * p.dx) * (p.s + dual * p.ds);
        return sum;
    }
    /// How far the direction leads until something is 0.
    [[nodiscard]] std::pair<double, double> reach() const noexcept {
        double primal = 1e300;
        double dual = 1e300;
        for (const pair& p : pairs_) {
            if (p.dx < 0.0) primal = std::min(primal, -p.x / p.dx);
            if (p.ds < 0.0) dual = std::min(dual, -p.s / p.ds);
        }
        return {primal, dual};
    }
    /// What rounding has taken from the constraints.
    void measure_gaps() {
        for (std::size_t m = 0; m < models_; ++m) room_gap_[m] = capacity_[m] - idle(m).x;
        for (std::size_t j = 0; j < jobs_; ++j) {
            rate_gap_[j] = level_pair().x + excess(j).x;
            time_gap_[j] = 1.0 - rest(j).x;
            for (std::size_t m = 0; m < models_; ++m) {
                const double x = share(j, m);
                rate_gap_[j] -= at(j, m) * x;
                time_gap_[j] -= x;
                room_gap_[m] -= gpus_[j] * x;
            }
        }
    }
    /// Cholesky factors of each job's block H = diag(s/x) + (w/r) a aᵀ + (u/q) 1 1ᵀ, and the matrix of the models,
    /// which the blocks meet in. Everything is a sum of positive terms: near the optimum, differences would lose all
    /// digits.
    void factor() {
        const std::size_t side = models_ + 1;
        std::fill(center_.begin(), center_.end(), 0.0);
        double corner = level_pair().ratio();
        for (std::size_t j = 0; j < jobs_; ++j) {
            const double by_rate = excess(j).ratio();
            const double by_time = rest(j).ratio();
            double* const l = &factors_[j * models_ * models_];
            double straight = 0.0;
            double squares = 0.0;
            double crossed = 0.0;
            for (std::size_t k = 0; k < models_; ++k) {
                const bool live = runs(j, k);
                const double own = live ? share_pair(j, k).ratio() : 1.0;
                for (std::size_t m = 0; m <= k; ++m) {
                    double h = k == m ? own : 0.0;
                    if (live && runs(j, m)) h += by_rate * at(j, k) * at(j, m) + by_time;
                    for (std::size_t i = 0; i < m; ++i) h -= l[k * models_ + i] * l[m * models_ + i];
                    l[k * models_ + m] = k == m ? std::sqrt(std::max(h, own)) : h / l[m * models_ + m];
                }
                if (!live) continue;
                straight += 1.0 / own;
                squares += at(j, k) * at(j, k) / own;
                for (std::size_t m = 0; m < k; ++m) {
                    if (!runs(j, m)) continue;
                    const double apart = at(j, k) - at(j, m);
                    crossed += apart * apart / own / share_pair(j, m).ratio();
                }
            }
            for (std::size_t m = 0; m < side; ++m) {
                if (m < models_ && !runs(j, m)) continue;
                for (std::size_t k = 0; k < models_; ++k) {
                    const double all = m == models_ && runs(j, k) ? by_rate * at(j, k) : 0.0;
                    column_[k] = k == m ? gpus_[j] : all;
                }
                divide(j, column_.data());
                for (std::size_t k = 0; k < models_; ++k) {
                    if (!runs(j, k)) continue;
                    const double part = gpus_[j] * column_[k];
                    center_[k * side + m] += m == models_ ? -part : part;
                    if (m == models_) center_[m * side + k] -= part;
                }
            }
            // aᵀ M⁻¹ a, where H = M + by_rate · a aᵀ.
            const double without = (squares / by_time + crossed) / (1.0 / by_time + straight);
            corner += by_rate / (1.0 + by_rate * without);
        }
        for (std::size_t m = 0; m < models_; ++m) center_[m * side + m] += 1.0 / idle(m).ratio();
        center_[side * side - 1] = -corner;
    }
    /// x := H⁻¹ x for the block of a job.
    void divide(std::size_t j, double* x) const noexcept {
        const double* const l = &factors_[j * models_ * models_];
        for (std::size_t k = 0; k < models_; ++k) {
            for (std::size_t i = 0; i < k; ++i) x[k] -= l[k * models_ + i] * x[i];
            x[k] /= l[k * models_ + k];
        }
        for (std::size_t k = models_; k-- > 0;) {
            for (std::size_t i = k + 1; i < models_; ++i) x[k] -= l[i * models_ + k] * x[i];
            x[k] /= l[k * models_ + k];
        }
    }
    /// The change of all pairs that the targets ask for, to first order.
    void direction() {
        for (std::size_t m = 0; m < models_; ++m) right_[m] = idle(m).target / idle(m).s - room_gap_[m];
        right_[models_] = -level_pair().target / level_pair().x;
        for (std::size_t j = 0; j < jobs_; ++j) {
            const double by_time = (rest(j).target - rest(j).s * time_gap_[j]) / rest(j).x;
            const double by_rate = (excess(j).target + excess(j).s * rate_gap_[j]) / excess(j).x;
            double* const x = &steps_[j * models_];
            for (std::size_t m = 0; m < models_; ++m) {
                x[m] = runs(j, m) ? share_pair(j, m).target / share_pair(j, m).x - by_time + at(j, m) * by_rate : 0.0;
            }
            divide(j, x);
            double rate = 0.0;
            for (std::size_t m = 0; m < models_; ++m) {
                if (!runs(j, m)) continue;
                right_[m] += gpus_[j] * x[m];
                rate += at(j, m) * x[m];
            }
            right_[models_] += by_rate - excess(j).ratio() * rate;
        }
        eliminate();
        const double rise = right_[models_];
        for (std::size_t m = 0; m < models_; ++m) {
            idle(m).ds = right_[m];
            idle(m).dx = (idle(m).target - idle(m).x * right_[m]) / idle(m).s;
        }
        for (std::size_t j = 0; j < jobs_; ++j) {
            for (std::size_t m = 0; m < models_; ++m) {
                column_[m] = runs(j, m) ? at(j, m) * excess(j).ratio() * rise - gpus_[j] * right_[m] : 0.0;
            }
            divide(j, column_.data());
            double rate = 0.0;
            double time = 0.0;
            for (std::size_t m = 0; m < models_; ++m) {
                if (!runs(j, m)) continue;
                pair& p = share_pair(j, m);
                p.dx = steps_[j * models_ + m] + column_[m];
                p.ds = (p.target - p.s * p.dx) / p.x;
                rate += at(j, m) * p.dx;
                time += p.dx;
            }
            excess(j).dx = rate - rise - rate_gap_[j];
            excess(j).ds = (excess(j).target - excess(j).s * excess(j).dx) / excess(j).x;
            rest(j).dx = time_gap_[j] - time;
            rest(j).ds = (rest(j).target - rest(j).s * rest(j).dx) / rest(j).x;
        }
        level_pair().dx = rise;
        level_pair().ds = (level_pair().target - level_pair().s * rise) / level_pair().x;
    }
    /// Solves for `right_` by Gauss, with pivots.
    void eliminate() {
        const std::size_t side = models_ + 1;
        work_ = center_;
        double* const a = work_.data();
        for (std::size_t k = 0; k < side; ++k) {
            std::size_t pivot = k;
            for (std::size_t i = k + 1; i < side; ++i) {
                if (std::fabs(a[i * side + k]) > std::fabs(a[pivot * side + k])) pivot = i;
            }
            for (std::size_t c = 0; pivot != k && c < side; ++c) std::swap(a[k * side + c], a[pivot * side + c]);
            if (pivot != k) std::swap(right_[k], right_[pivot]);
            for (std::size_t i = k + 1; i < side; ++i) {
                const double part = a[i * side + k] / a[k * side + k];
                for (std::size_t c = k; c < side; ++c) a[i * side + c] -= part * a[k * side + c];
                right_[i] -= part * right_[k];
            }
        }
        for (std::size_t k = side; k-- > 0;) {
            for (std::size_t c = k + 1; c < side; ++c) right_[k] -= a[k * side + c] * right_[c];
            right_[k] /= a[k * side + k];
        }
    }

    std::span<const double> rates_;
    std::span<const double> gpus_;
    std::size_t jobs_;
    std::size_t models_;
    std::size_t live_ = 0;  // pairs that take part
    flat<double> capacity_;
    flat<pair> pairs_;
    flat<double> rate_gap_;  // of each job
    flat<double> time_gap_;
    flat<double> room_gap_;  // of each model
    flat<double> factors_;
    flat<double> steps_;
    flat<double> column_;
    flat<double> center_;
    flat<double> work_;
    flat<double> right_;
    double level_ = 0.0;
    double bound_ = 0.0;
    double price_sum_ = 1.0;
};

}  // namespace berth::inline v0::detail
