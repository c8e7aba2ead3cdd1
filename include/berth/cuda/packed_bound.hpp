// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/batch/packed_problem.hpp"
#include "berth/allocate/assignment/lagrangian_bound.hpp"
#include "berth/core/flat.hpp"
#include "berth/cuda/detail/packed_pricing.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0 {

namespace detail::rows {

/// Visits the rows of a packed table one after the other.
template <class Word>
struct host_rows {
    packed_table<Word> table;

    [[nodiscard]] bool survey(table_survey& all) const noexcept {
        for (std::size_t t = 0; t < table.tasks; ++t) {
            const row_survey row = survey_row(table, t, 0, 1);
            all.spread += row.spread();
            all.most += row.most;
            all.unplaceable += row.fitting == 0 ? 1 : 0;
        }
        return true;
    }
    [[nodiscard]] bool price(std::span<const double> prices, const cost_counting& count, std::uint64_t& sum,
                             flat<amount>& loads) const noexcept {
        const priced_rows<packed_pairs<Word>> rows{{table.words, table.gpus}, table.capacities, prices.data()};
        for (std::size_t t = 0; t < table.tasks; ++t) {
            const priced_gpu least = lowest<cheaper>(rows, t, 0, 1);
            sum += count(least.reduced);
            loads[least.gpu] += least.load;
        }
        return true;
    }
};

}  // namespace detail::rows

/// The Lagrangian bound of a packed problem, and its prices: `bound_assignments` on a table of 4 or 8 bytes for every
/// pair instead of 16.
///
/// Every task's least cost is rounded down to multiples of 2^-30 of a unit (of more where the costs of all tasks are
/// huge), so that sums are of integers and equal on a device bit for bit (`cuda/lagrangian_bound.cuh`). The value
/// bounds the costs as packed. It differs from that of `bound_assignments` by a few millionths, because the ascent
/// rounds differently.
///
/// O(iterations × tasks × GPUs). Deterministic.
[[nodiscard]] inline lagrangian_bound bound_packed(const packed_problem& p, const bound_options& options = {}) {
    if (p.word_bits() == 32) {
        detail::rows::host_rows<std::uint32_t> rows{p.table<std::uint32_t>()};
        return detail::rows::bound_by(rows, p, options);
    }
    detail::rows::host_rows<std::uint64_t> rows{p.table<std::uint64_t>()};
    return detail::rows::bound_by(rows, p, options);
}

}  // namespace berth::inline v0
