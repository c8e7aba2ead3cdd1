// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/batch/packed_problem.hpp"
#include "berth/allocate/assignment/lagrangian_bound.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/rounded.hpp"
#include "berth/cuda/detail/pair_rows.hpp"
#include "berth/model/resources.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace berth::inline v0::detail::rows {

/// Summary of the costs of a row on the GPUs that the task fits; merging is associative and commutative.
struct row_survey {
    std::uint64_t fitting = 0;
    std::uint64_t sum = 0;
    std::uint64_t least = ~std::uint64_t{0};
    std::uint64_t most = 0;

    /// Average cost of a task above its least, in 256ths of a unit.
    [[nodiscard]] BERTH_HD std::uint64_t spread() const noexcept {
        return fitting == 0 ? 0 : (sum << 8U) / fitting - (least << 8U);
    }
};
struct merge_surveys {
    [[nodiscard]] BERTH_HD row_survey operator()(const row_survey& a, const row_survey& b) const noexcept {
        return {a.fitting + b.fitting, a.sum + b.sum, a.least < b.least ? a.least : b.least,
                a.most > b.most ? a.most : b.most};
    }
};
template <class Word>
[[nodiscard]] BERTH_HD row_survey survey_row(const packed_table<Word>& table, std::size_t t, std::size_t first,
                                             std::size_t step) noexcept {
    row_survey all;
    for (std::size_t g = first; g < table.gpus; g += step) {
        const Word word = table.words[t * table.gpus + g];
        if (static_cast<amount>(packing<Word>::load(word)) > table.capacities[g]) continue;
        const std::uint64_t cost = packing<Word>::cost(word);
        all = merge_surveys{}(all, {1, cost, cost, cost});
    }
    return all;
}

/// The sums over all rows.
struct table_survey {
    std::uint64_t spread = 0;
    std::uint64_t most = 0;
    std::uint64_t unplaceable = 0;  // tasks that fit nowhere
};

/// How least costs become integers whose sum cannot overflow: rounded down, so that a bound stays valid.
struct cost_counting {
    double scale = 1.0;  // counts per unit, a power of two
    double most = 0.0;   // counts of one row

    [[nodiscard]] BERTH_HD std::uint64_t operator()(double least) const noexcept {
        const double counts = product_of(least, scale);
        return static_cast<std::uint64_t>(counts < most ? counts : most);
    }
};
[[nodiscard]] inline cost_counting counting_of(const table_survey& survey, std::size_t tasks) noexcept {
    cost_counting count;
    const double sum = static_cast<double>(survey.most) + static_cast<double>(tasks) + 1.0;
    while (count.scale < 0x1p30 && sum * count.scale < 0x1p60) count.scale *= 2.0;
    count.most = std::floor(0x1p62 / static_cast<double>(tasks + 1));
    return count;
}

/// The bound of a packed problem. `rows.survey(out)` fills a `table_survey`, `rows.price(prices, count, sum, loads)`
/// adds up the least reduced costs of all rows and the loads on their GPUs; both return false if they fail.
template <class Rows>
[[nodiscard]] lagrangian_bound bound_by(Rows& rows, const packed_problem& p, const bound_options& options) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const std::size_t gpus = p.gpus();
    lagrangian_bound bound{.value = 0.0, .rounded = 0.0, .prices = std::vector<double>(gpus, 0.0), .iterations = 0};
    table_survey survey;
    if (p.tasks() == 0 || !rows.survey(survey)) return bound;
    if (survey.unplaceable > 0) {
        bound.value = infinity;
        bound.rounded = infinity;
        return bound;
    }
    const cost_counting count = counting_of(survey, p.tasks());
    flat<amount> loads(gpus, 0);
    const auto evaluate = [&](dual_point& at) {
        std::uint64_t sum = 0;
        for (amount& load : loads) load = 0;
        if (!rows.price(at.prices.view(), count, sum, loads)) return false;
        at.value = 0.0;
        for (std::size_t g = 0; g < gpus; ++g) {
            const auto capacity = static_cast<double>(p.capacities()[g]);
            at.value -= at.prices[g] * capacity;
            at.excess[g] = static_cast<double>(loads[g]) - capacity;
        }
        const double least = static_cast<double>(sum) / count.scale;
        at.magnitude = least - at.value;
        at.value += least;
        return true;
    };
    const dual_point best =
        ascend_by(gpus, static_cast<double>(survey.spread) / 256.0, options, bound.iterations, evaluate);
    const std::int64_t base = p.word_bits() == 32 ? p.table<std::uint32_t>().base : p.table<std::uint64_t>().base;
    const double above = static_cast<double>(base);
    bound.value = (above + best.value) * p.cost_unit();
    bound.rounded = bound.value;
    if (p.exact_costs() && p.cost_unit() >= 1.0) {
        bound.rounded = (above + round_bound(best.value, best.magnitude, p.tasks() + gpus)) * p.cost_unit();
    }
    for (std::size_t g = 0; g < gpus; ++g) bound.prices[g] = best.prices[g] * p.cost_unit();
    return bound;
}

}  // namespace berth::inline v0::detail::rows
