// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/random.hpp"
#include "berth/core/result.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0 {

/// The cost of a move by its old and new node: any matrix, stored as one row for each distinct row and one column for
/// each distinct column. Costs that follow from racks and zones take as much memory as there are pairs of racks.
///
/// ```
/// node_pair_costs costs{nodes};
/// for (...) costs.add_row(row);   // once for each node, in order
/// costs.finish();
/// ```
class node_pair_costs {
public:
    /// Of no nodes, and finished.
    node_pair_costs() = default;
    /// Expects a row for each of `nodes` nodes.
    explicit node_pair_costs(std::size_t nodes) : nodes_{nodes} {}

    /// Of that many nodes, all moves free of cost; finished. O(nodes).
    [[nodiscard]] static node_pair_costs none(std::size_t nodes) {
        node_pair_costs costs{nodes};
        if (nodes == 0) return costs;
        costs.row_of_.resize(nodes, 0);
        costs.column_of_.resize(nodes, 0);
        costs.costs_.push_back(0);
        costs.hashes_.push_back(0);
        costs.columns_ = 1;
        return costs;
    }

    /// Adds the costs from the next node to all nodes. O(nodes) unless hashes of rows collide. A row of the wrong
    /// length and one too many are not added; `validate` names the first such row.
    void add_row(std::span<const std::uint32_t> row) {
        if (row.size() != nodes_ || row_of_.size() == nodes_ || malformed_) {
            if (!malformed_) malformed_size_ = row.size();
            malformed_ = true;
            return;
        }
        std::uint64_t hash = 0;
        for (const std::uint32_t cost : row) hash = splitmix64(hash ^ cost);
        row_of_.push_back(find(row, hash));
    }
    /// After the last row: merges equal columns. Does nothing while rows are missing, or if called again.
    /// O(distinct rows × nodes) unless hashes of columns collide.
    void finish() {
        if (row_of_.size() != nodes_ || !column_of_.empty()) return;
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

    /// Number of nodes.
    [[nodiscard]] std::size_t node_count() const noexcept { return nodes_; }
    /// True if there is a cost for each pair of nodes.
    [[nodiscard]] bool finished() const noexcept { return column_of_.size() == nodes_; }
    /// Success, or which row is malformed or missing. `make_reassignment_problem` calls it.
    [[nodiscard]] result<void> validate() const {
        if (malformed_ && row_of_.size() == nodes_) {
            return detail::refuse(error_code::inconsistent, {"pair costs: more rows than the ", nodes_, " nodes"});
        }
        if (malformed_) {
            return detail::refuse(error_code::inconsistent, {"pair costs: row ", row_of_.size(), " has ",
                                                             malformed_size_, " costs, expected ", nodes_});
        }
        if (row_of_.size() != nodes_) {
            return detail::refuse(error_code::inconsistent, {"pair costs: they are not finished, there are ",
                                                             row_of_.size(), " rows, expected ", nodes_});
        }
        if (!finished()) return detail::refuse(error_code::inconsistent, {"pair costs: they are not finished"});
        return {};
    }
    /// The largest cost, 0 without nodes.
    [[nodiscard]] std::uint32_t largest() const noexcept {
        std::uint32_t most = 0;
        for (const std::uint32_t cost : costs_) most = cost > most ? cost : most;
        return most;
    }
    /// The cost of a move from one node to another. Finished costs and nodes below `node_count()` only: unchecked.
    /// O(1).
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
    std::size_t malformed_size_ = 0;  // of the first malformed row
    bool malformed_ = false;
    detail::flat<std::uint64_t> hashes_;  // of the distinct rows
    detail::flat<std::uint32_t> costs_;
    detail::flat<std::uint32_t> row_of_;
    detail::flat<std::uint32_t> column_of_;
};

}  // namespace berth::inline v0
