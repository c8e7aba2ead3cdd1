// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/detail/node_classes.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/math.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/workload.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// Market-clearing prices of GPU and CPU per class of nodes (Lagrangian prices of capacity, approximately): the demand
/// of the mix is distributed over the free room, each group of tasks over the classes that admit it in proportion to
/// supply · exp(-price / elasticity), and prices rise where demand exceeds supply (a damped logit tâtonnement). Total
/// demand is set equal to total supply, so that no horizon is needed. The supply-weighted mean of the GPU prices is
/// zero before the lowest are raised to -0.5: a lower price would reward the loss of room more than
/// `expected_fragmentation` charges it.
///
/// CPU is counted in GPU thousandths at the rate of the mix, so that the two supplies compare. Prices are rounded to
/// 1/64, so that neither the last bits of exp and log nor negligible changes reach the nodes. O(iterations · classes
/// · groups).
class fluid_market {
public:
    fluid_market(const problem& p, const node_classes& classes, const ledger& empty, double cpu_per_gpu)
        : size_{classes.size()}, gpu_raw_(size_, 0.0), cpu_raw_(size_, 0.0), gpu_(size_, 0.0), cpu_(size_, 0.0) {
        const workload& work = p.workload();
        double total = 0.0;
        for (std::size_t s = 0; s < work.shape_count(); ++s) {
            const demand_view demand = work.demand(shape_index{s});
            const class_set admits = demand.total_share() == 0 ? 0 : classes.fitting(empty, demand);
            if (admits == 0) continue;
            const auto share = static_cast<double>(demand.total_share());
            const double cpu = cpu_per_gpu > 0.0 ? static_cast<double>(work.roles().cpu_of(demand.node)) *
                                                       static_cast<double>(whole_gpu) / cpu_per_gpu
                                                 : 0.0;
            const auto count = static_cast<double>(work.frequency(shape_index{s}));
            wanted_ |= admits;
            group& g = find(admits, bin_of(cpu / share));
            g.share += count * share;
            g.cpu += count * cpu;
            total += count * share;
        }
        const flat<group> found = groups_;
        groups_.clear();
        for (const std::size_t i : sorted_positions(found.size(), [&](std::size_t a, std::size_t b) {
                 return found[a].admits != found[b].admits ? found[a].admits < found[b].admits
                                                           : found[a].bin < found[b].bin;
             })) {
            const group& g = found[i];
            groups_.push_back({g.admits, g.bin, g.share / total, g.cpu / total});
            if (sets_.empty() || sets_.back().admits != g.admits) sets_.push_back({g.admits, groups_.size() - 1});
            group_set& set = sets_.back();
            set.last = groups_.size();
            set.share += groups_.back().share;
            set.cpu += groups_.back().cpu;
        }
        gpu_load_.resize(size_);
        cpu_load_.resize(size_);
        weight_.resize(size_ * bins);
        for (std::size_t b = 0; b < bins; ++b) ratio_[b] = ratio_of(b);
    }

    /// Clears the market for the free room, starting from the last prices.
    /// @param gpu_supply  free GPU thousandths per class.
    /// @param cpu_supply  free CPU per class, in GPU thousandths at the rate of the mix.
    void clear(std::span<const double> gpu_supply, std::span<const double> cpu_supply) {
        if (groups_.empty()) return;  // nobody wants GPU: nothing is scarce
        double demand = 0.0;
        for (class_set rest = wanted_; rest != 0; rest &= rest - 1) demand += gpu_supply[lowest_gpu(rest)];
        for (int i = warm_ ? 60 : 400; i > 0; --i) step(gpu_supply, cpu_supply, demand);
        warm_ = true;
        round_prices();
    }

    /// The prices of a class before rounding: where the next clearing starts.
    struct raw_prices {
        double gpu = 0.0;
        double cpu = 0.0;
    };
    [[nodiscard]] raw_prices raw(std::size_t c) const noexcept { return {gpu_raw_[c], cpu_raw_[c]}; }
    /// Goes on from prices that were cleared before.
    void set_raw(std::size_t c, raw_prices prices) noexcept {
        gpu_raw_[c] = prices.gpu;
        cpu_raw_[c] = prices.cpu;
        warm_ = true;
    }
    void round_prices() noexcept {
        for (std::size_t c = 0; c < size_; ++c) {
            gpu_[c] = detail::round((gpu_raw_[c] < lowest ? lowest : gpu_raw_[c]) * steps) / steps;
            cpu_[c] = detail::round(cpu_raw_[c] * steps) / steps;
        }
    }

    [[nodiscard]] double gpu_price(std::size_t c) const noexcept { return gpu_[c]; }
    [[nodiscard]] double cpu_price(std::size_t c) const noexcept { return cpu_[c]; }

private:
    static constexpr std::size_t bins = 10;  // of CPU per GPU, half an octave each
    static constexpr double lowest_ratio = 0.125;
    static constexpr double elasticity = 0.7;  // how strongly tasks avoid a price
    static constexpr double damping = 0.3;
    static constexpr double steps = 64.0;      // of a price
    static constexpr double limit = 4.0;       // of a price
    static constexpr double lowest = -0.5;     // of a GPU price that nodes see
    static constexpr double cpu_slack = 1.15;  // CPU load above the supply before CPU gets a price

    struct group {
        class_set admits;
        std::size_t bin;
        double share;
        double cpu;
    };

    /// The groups of all bins with the same classes.
    struct group_set {
        class_set admits;
        std::size_t first;
        std::size_t last = 0;
        double share = 0.0;
        double cpu = 0.0;
    };

    [[nodiscard]] static std::size_t bin_of(double ratio) noexcept {
        const double b = detail::floor(2.0 * detail::log2((ratio < 1e-3 ? 1e-3 : ratio) / lowest_ratio));
        return b <= 0.0 ? 0 : b >= static_cast<double>(bins) ? bins - 1 : static_cast<std::size_t>(b);
    }
    [[nodiscard]] static double clamped(double value, double least, double most) noexcept {
        return value < least ? least : most < value ? most : value;
    }
    /// CPU per GPU of the middle of a bin.
    [[nodiscard]] static double ratio_of(std::size_t bin) noexcept {
        const double middle = lowest_ratio * detail::exp2((static_cast<double>(bin) + 0.5) / 2.0);
        return middle < 4.0 ? middle : 4.0;
    }
    [[nodiscard]] group& find(class_set admits, std::size_t bin) {
        for (group& g : groups_) {
            if (g.admits == admits && g.bin == bin) return g;
        }
        groups_.push_back({admits, bin, 0.0, 0.0});
        return groups_.back();
    }

    /// How much of a group the classes attract, by bin; CPU rarely has a price, and without one bins do not differ.
    void weigh(std::span<const double> gpu_supply) {
        cpu_priced_ = 0;
        for (class_set rest = wanted_; rest != 0; rest &= rest - 1) {
            const std::size_t c = lowest_gpu(rest);
            if (cpu_raw_[c] != 0.0) cpu_priced_ |= class_set{1} << c;
            weight_[c] = weight(gpu_supply[c], gpu_raw_[c] + cpu_raw_[c] * ratio_[0]);
        }
        if (cpu_priced_ == 0) return;
        for (class_set rest = wanted_; rest != 0; rest &= rest - 1) {
            const std::size_t c = lowest_gpu(rest);
            const bool priced = (cpu_priced_ >> c & 1U) != 0;
            for (std::size_t b = 1; b < bins; ++b) {
                weight_[b * size_ + c] =
                    priced ? weight(gpu_supply[c], gpu_raw_[c] + cpu_raw_[c] * ratio_[b]) : weight_[c];
            }
        }
    }
    [[nodiscard]] static double weight(double supply, double price) noexcept {
        return (supply + 1e-3) * detail::exp(-price / elasticity);
    }

    void step(std::span<const double> gpu_supply, std::span<const double> cpu_supply, double demand) {
        weigh(gpu_supply);
        gpu_load_.assign(size_, 0.0);
        cpu_load_.assign(size_, 0.0);
        double* const gpu_load = gpu_load_.data();
        double* const cpu_load = cpu_load_.data();
        const auto distribute = [&](class_set admits, const double* weight, double share, double cpu_share) {
            double all = 0.0;
            for (class_set rest = admits; rest != 0; rest &= rest - 1) all += weight[lowest_gpu(rest)];
            if (!(all > 0.0)) return;
            const double gpu = demand * share / all;
            const double cpu = demand * cpu_share / all;
            for (class_set rest = admits; rest != 0; rest &= rest - 1) {
                const std::size_t c = lowest_gpu(rest);
                gpu_load[c] += gpu * weight[c];
                cpu_load[c] += cpu * weight[c];
            }
        };
        for (const group_set& set : sets_) {
            if ((set.admits & cpu_priced_) == 0) {
                distribute(set.admits, weight_.data(), set.share, set.cpu);
                continue;
            }
            for (std::size_t i = set.first; i < set.last; ++i) {
                const group& g = groups_[i];
                distribute(g.admits, weight_.data() + g.bin * size_, g.share, g.cpu);
            }
        }
        double mean = 0.0;
        double supply = 0.0;
        for (class_set rest = wanted_; rest != 0; rest &= rest - 1) {
            const std::size_t c = lowest_gpu(rest);
            const double gpu_excess = detail::log((gpu_load_[c] + 1.0) / (gpu_supply[c] + 1.0));
            const double cpu_excess = detail::log((cpu_load_[c] + 1.0) / (cpu_slack * cpu_supply[c] + 1.0));
            gpu_raw_[c] += damping * elasticity * gpu_excess;
            cpu_raw_[c] = clamped(cpu_raw_[c] + damping * elasticity * cpu_excess, 0.0, limit);
            mean += gpu_supply[c] * gpu_raw_[c];
            supply += gpu_supply[c];
        }
        mean /= supply > 1.0 ? supply : 1.0;
        for (class_set rest = wanted_; rest != 0; rest &= rest - 1) {
            double& price = gpu_raw_[lowest_gpu(rest)];
            price = clamped(price - mean, -limit, limit);
        }
    }

    std::size_t size_;
    flat<group> groups_;  // ascending by classes, then by bin
    flat<group_set> sets_;
    class_set wanted_ =
        0;  // classes that some task of the mix accepts; the others have no price and no part in the mean
    flat<double> gpu_raw_;
    flat<double> cpu_raw_;
    flat<double> gpu_;
    flat<double> cpu_;
    flat<double> gpu_load_;
    flat<double> cpu_load_;
    flat<double> weight_;               // by bin
    class_set cpu_priced_ = 0;          // classes whose CPU has a price
    std::array<double, bins> ratio_{};  // CPU per GPU of each bin
    bool warm_ = false;
};

}  // namespace berth::inline v0::detail
