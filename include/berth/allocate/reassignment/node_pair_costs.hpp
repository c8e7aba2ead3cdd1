// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/random.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0 {

/// What a move costs by the nodes it goes from and to: any matrix, kept as one row for each distinct row and one column for each distinct
/// column. Costs that follow from racks and zones, as they do in practice, take as much memory as there are pairs of racks.
///
/// ```
/// node_pair_costs costs{nodes};
/// for (...) costs.add_row(row);   // once for each node, in order
/// costs.finish();
/// ```
class node_pair_costs {
public:
    node_pair_costs() = default;
    explicit node_pair_costs(std::size_t nodes) : nodes_{nodes} {}

    /// The costs from the next node to all nodes. O(nodes) unless rows collide.
    void add_row(std::span<const std::uint32_t> row) {
        BERTH_ASSERT(row.size() == nodes_ && row_of_.size() < nodes_,
                     "berth: a row for each node, a cost to each node");
        std::uint64_t hash = 0;
        for (const std::uint32_t cost : row) hash = splitmix64(hash ^ cost);
        row_of_.push_back(find(row, hash));
    }
    /// After the last row: equal columns become one. O(distinct rows × nodes) unless columns collide.
    void finish() {
        BERTH_ASSERT(row_of_.size() == nodes_ && column_of_.empty(), "berth: a row for each node, finished once");
        const std::size_t rows = hashes_.size();
        node_pair_costs turned{rows};
        detail::flat<std::uint32_t> column(rows);
        for (std::size_t n = 0; n < nodes_; ++n) {
            for (std::size_t r = 0; r < rows; ++r) column[r] = costs_[r * nodes_ + n];
            std::uint64_t hash = 0;
            for (const std::uint32_t cost : column) hash = splitmix64(hash ^ cost);
            column_of_.push_back(turned.find(column.view(), hash));
        }
        columns_ = turned.hashes_.size();
        costs_.clear();
        for (std::size_t r = 0; r < rows; ++r) {
            for (std::size_t c = 0; c < columns_; ++c) costs_.push_back(turned.costs_[c * rows + r]);
        }
    }

    [[nodiscard]] std::size_t node_count() const noexcept { return nodes_; }
    /// Whether there is a cost for each pair of nodes.
    [[nodiscard]] bool finished() const noexcept { return column_of_.size() == nodes_; }
    /// The largest cost of all.
    [[nodiscard]] std::uint32_t largest() const noexcept {
        std::uint32_t most = 0;
        for (const std::uint32_t cost : costs_) most = cost > most ? cost : most;
        return most;
    }
    [[nodiscard]] std::uint32_t operator()(node_index from, node_index to) const noexcept {
        return costs_[row_of_[from.value()] * columns_ + column_of_[to.value()]];
    }

private:
    [[nodiscard]] std::uint32_t find(std::span<const std::uint32_t> row, std::uint64_t hash) {
        for (std::size_t r = hashes_.size(); r-- > 0;) {
            if (hashes_[r] != hash) continue;
            bool equal = true;
            for (std::size_t n = 0; n < nodes_ && equal; ++n) equal = costs_[r * nodes_ + n] == row[n];
            if (equal) return static_cast<std::uint32_t>(r);
        }
        hashes_.push_back(hash);
        costs_.append(row);
        return static_cast<std::uint32_t>(hashes_.size() - 1);
    }

    std::size_t nodes_ = 0;
    std::size_t columns_ = 0;
    detail::flat<std::uint64_t> hashes_;  // of the distinct rows
    detail::flat<std::uint32_t> costs_;
    detail::flat<std::uint32_t> row_of_;
    detail::flat<std::uint32_t> column_of_;
};

}  // namespace berth::inline v0
