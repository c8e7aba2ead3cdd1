// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/batch/evaluate_tile.hpp"
#include "berth/allocate/assignment/detail/forbidden_pairs.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/cost/concepts.hpp"

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

// Length: the table, what chooses its unit, and the two ways to fill it.

namespace berth::inline v0 {

/// How a problem is packed.
struct packing_options {
    /// Unit of costs, which are rounded to multiples of it, 0 or more. 0: chosen from the costs, see `packed_problem`.
    double cost_unit = 0.0;
    /// Uses 32-bit words where they suffice. False: never, for tests and measurements.
    bool narrow_words = true;
};

class packed_problem;

namespace detail {
/// `pack_assignments` for finite costs.
template <pair_cost Cost, load_source Load>
[[nodiscard]] result<packed_problem> pack_finite(const assignment_problem<Cost, Load>& p,
                                                 const packing_options& options);
}  // namespace detail

/// Packs a problem: three passes over all pairs, 4 or 8 bytes for each. A pair of infinite cost is forbidden: it gets a
/// load beyond the capacity, as in a `priced_problem`.
///
/// @return  an error for a cost that is not a number or -inf, a load or capacity below 0, a load beyond 32 bits, or a
///          unit that is not finite, below 0 or too small for the costs
template <pair_cost Cost, load_source Load>
[[nodiscard]] result<packed_problem> pack_assignments(const assignment_problem<Cost, Load>& p,
                                                      const packing_options& options = {});

/// An assignment problem packed for the evaluation of whole populations: cost and load of a pair in one word, a row of
/// words for each task. Immutable; shared between threads and evaluators.
///
/// **Costs** are whole multiples of a unit, counted from the cheapest GPU of each task, so that sums are integers:
/// equal for any order, any tile, any number of threads, and on a device. The default unit is the largest power of two
/// of which all costs are multiples (so 1 or more for whole numbers), or, if that is too small, the smallest power of
/// two with which
///
/// - the costs of one task span fewer than 2^32 - 1 units, and those of all tasks together are less than 2^52.
///
/// In the first case, always met by whole numbers below these limits, costs are exact; in the second each is off by at
/// most half a unit, a 2^32th of the widest span. `exact_costs()` and `cost_unit()` tell which.
///
/// **Words** have 32 bits, 16 for the cost and 16 for the load, if the costs of every task span fewer than 65,535
/// units, every load is at most 65,535, and the largest loads of all tasks together stay below 2^32; otherwise 64 bits,
/// 32 and 32. If only fractions of costs need 64, a unit of about the widest span / 65,000 trades them for speed.
class packed_problem {
public:
    [[nodiscard]] std::size_t tasks() const noexcept { return tasks_; }  ///< number of tasks
    /// Number of GPUs.
    [[nodiscard]] std::size_t gpus() const noexcept { return capacities_.size(); }
    /// One for each GPU; valid while the problem lives.
    [[nodiscard]] std::span<const amount> capacities() const noexcept { return capacities_.view(); }
    /// The cost of one unit.
    [[nodiscard]] double cost_unit() const noexcept { return unit_; }
    /// True if no cost was rounded.
    [[nodiscard]] bool exact_costs() const noexcept { return exact_; }
    /// Bits of a word, 32 or 64.
    [[nodiscard]] std::size_t word_bits() const noexcept { return narrow_ ? 32 : 64; }
    /// 16 if a 16-bit gene can name every GPU, 32 otherwise.
    [[nodiscard]] std::size_t gene_bits() const noexcept { return gpus() <= max_narrow_gpus ? 16 : 32; }

    /// Largest number of GPUs for genes of 16 bits.
    static constexpr std::size_t max_narrow_gpus = std::numeric_limits<std::uint16_t>::max();

    /// The table for kernels; empty unless `Word` has `word_bits()`.
    template <class Word>
    [[nodiscard]] detail::packed_table<Word> table() const noexcept {
        if constexpr (sizeof(Word) == 4) {
            return {narrow_words_.data(), capacities_.data(), tasks_, gpus(), base_, unit_};
        } else {
            return {wide_words_.data(), capacities_.data(), tasks_, gpus(), base_, unit_};
        }
    }

private:
    template <pair_cost Cost, load_source Load>
    friend result<packed_problem> detail::pack_finite(const assignment_problem<Cost, Load>& p,
                                                      const packing_options& options);
    packed_problem() = default;

    template <class Word, class Cost, class Load>
    void fill(detail::flat<Word>& words, const assignment_problem<Cost, Load>& p,
              const detail::flat<double>& cheapest) {
        words.reserve(tasks_ * gpus());
        for (std::size_t t = 0; t < tasks_; ++t) {
            const std::int64_t least = units(cheapest[t]);
            base_ += least;
            for (std::size_t g = 0; g < gpus(); ++g) {
                const auto cost = static_cast<double>(p.cost(task_index{t}, gpu_index{g}));
                const std::int64_t whole = units(cost);
                exact_ = exact_ && static_cast<double>(whole) * unit_ == cost;
                words.push_back(detail::packing<Word>::pack(
                    static_cast<std::uint64_t>(whole - least),
                    static_cast<std::uint64_t>(static_cast<amount>(p.load(task_index{t}, gpu_index{g})))));
            }
        }
    }
    [[nodiscard]] std::int64_t units(double cost) const noexcept {
        return static_cast<std::int64_t>(std::llround(cost / unit_));
    }

    std::size_t tasks_ = 0;
    detail::flat<amount> capacities_;
    detail::flat<std::uint32_t> narrow_words_;
    detail::flat<std::uint64_t> wide_words_;
    std::int64_t base_ = 0;
    double unit_ = 1.0;
    bool narrow_ = true;
    bool exact_ = true;
};

namespace detail {

/// Extremes of a problem that choose unit and words of its table.
struct packing_needs {
    double span = 0.0;   ///< the widest of one task's costs
    double sum = 0.0;    ///< of every task's largest cost, all taken positive
    double grain = 0.0;  ///< the largest power of two of which all costs are multiples; 0 if all are 0
    amount most_load = 0;
    double loads = 0.0;  ///< of all tasks, each with its largest

    [[nodiscard]] bool fits(double unit) const noexcept {
        return std::floor(span / unit) + 1.0 < 0x1.0p32 && sum / unit < 0x1.0p52;
    }
    void see(double cost) noexcept {
        if (cost == 0.0 || (grain > 0.0 && std::floor(cost / grain) * grain == cost)) return;
        int exponent = 0;
        const double mantissa = std::frexp(std::abs(cost), &exponent);
        const auto bits = static_cast<std::uint64_t>(std::ldexp(mantissa, 53));
        grain = std::ldexp(1.0, exponent - 53 + std::countr_zero(bits));
    }
    [[nodiscard]] double unit() const noexcept {
        if (grain == 0.0) return 1.0;
        if (fits(grain)) return grain;
        int exponent = -1000;
        while (!fits(std::ldexp(1.0, exponent))) ++exponent;
        return std::ldexp(1.0, exponent);
    }
};

template <pair_cost Cost, load_source Load>
[[nodiscard]] result<packed_problem> pack_finite(const assignment_problem<Cost, Load>& p,
                                                 const packing_options& options) {
    const std::size_t gpus = p.capacities.size();
    if (gpus == 0 && p.tasks > 0) return refuse(error_code::invalid_value, {"the problem has tasks, but no GPU"});
    for (std::size_t g = 0; g < gpus; ++g) {
        if (p.capacities[g] < 0) {
            return refuse(error_code::invalid_value,
                          {"capacity of GPU ", g, " is ", p.capacities[g], ", expected 0 or more"});
        }
    }
    if (!(options.cost_unit >= 0.0) || !std::isfinite(options.cost_unit)) {
        return refuse(error_code::invalid_value, {"the unit of costs is not a finite number from 0 on"});
    }

    detail::packing_needs needs;
    detail::flat<double> cheapest;
    cheapest.reserve(p.tasks);
    for (std::size_t t = 0; t < p.tasks; ++t) {
        double least = std::numeric_limits<double>::infinity();
        double most = -std::numeric_limits<double>::infinity();
        amount most_load = 0;
        for (std::size_t g = 0; g < gpus; ++g) {
            const auto cost = static_cast<double>(p.cost(task_index{t}, gpu_index{g}));
            const auto load = static_cast<amount>(p.load(task_index{t}, gpu_index{g}));
            if (!std::isfinite(cost)) {
                return refuse(error_code::invalid_value, {"cost of task ", t, " on GPU ", g,
                                                          std::isnan(cost) ? ": not a number" : ": minus infinity"});
            }
            if (load < 0 || load > amount{std::numeric_limits<std::uint32_t>::max()}) {
                return refuse(error_code::invalid_value, {"load of task ", t, " on GPU ", g, " is ", load},
                              {", expected 0..", std::numeric_limits<std::uint32_t>::max()});
            }
            least = cost < least ? cost : least;
            most = cost > most ? cost : most;
            most_load = load > most_load ? load : most_load;
            needs.see(cost);
        }
        cheapest.push_back(least);
        needs.span = most - least > needs.span ? most - least : needs.span;
        needs.sum += std::abs(most) > std::abs(least) ? std::abs(most) : std::abs(least);
        needs.most_load = most_load > needs.most_load ? most_load : needs.most_load;
        needs.loads += static_cast<double>(most_load);
    }
    if (!std::isfinite(needs.sum) || !std::isfinite(needs.span)) {
        return refuse(error_code::invalid_value, {"the costs of all tasks together are too large to add up"});
    }
    if (options.cost_unit > 0.0 && !needs.fits(options.cost_unit)) {
        return refuse(error_code::invalid_value,
                      {"the unit of costs is too small: the costs of one task span 2^32 units or more, or those of all "
                       "tasks together 2^52; 0 chooses a unit that fits"});
    }

    packed_problem packed;
    packed.tasks_ = p.tasks;
    packed.capacities_.append(p.capacities);
    packed.unit_ = options.cost_unit > 0.0 ? options.cost_unit : needs.unit();
    constexpr auto most = detail::packing<std::uint32_t>::most;
    packed.narrow_ = options.narrow_words && std::floor(needs.span / packed.unit_) + 1.0 <= static_cast<double>(most) &&
                     needs.most_load <= static_cast<amount>(most) && needs.loads < 0x1.0p32;
    if (packed.narrow_) {
        packed.fill(packed.narrow_words_, p, cheapest);
    } else {
        packed.fill(packed.wide_words_, p, cheapest);
    }
    return packed;
}

}  // namespace detail

template <pair_cost Cost, load_source Load>
[[nodiscard]] result<packed_problem> pack_assignments(const assignment_problem<Cost, Load>& p,
                                                      const packing_options& options) {
    const auto infinite = [&p](task_index t, gpu_index g) {
        return static_cast<double>(p.cost(t, g)) == std::numeric_limits<double>::infinity();
    };
    bool any = false;
    for (std::size_t t = 0; t < p.tasks && !any; ++t) {
        for (std::size_t g = 0; g < p.capacities.size() && !any; ++g) any = infinite(task_index{t}, gpu_index{g});
    }
    if (!any) return detail::pack_finite(p, options);
    const detail::forbidden_pairs pairs = detail::forbidden_pairs::of(p);
    const auto cost = [&](task_index t, gpu_index g) {
        return infinite(t, g) ? pairs.highest[t.value()] : static_cast<double>(p.cost(t, g));
    };
    const auto load = [&](task_index t, gpu_index g) {
        return infinite(t, g) ? pairs.capacities[g.value()] + 1 : static_cast<amount>(p.load(t, g));
    };
    return detail::pack_finite(assignment_problem{p.tasks, cost, load, pairs.capacities.view()}, options);
}

}  // namespace berth::inline v0
