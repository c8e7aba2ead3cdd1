// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/mig/mig_positions.hpp"
#include "berth/core/config.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// How many empty GPUs a number of slices needs.
struct mig_gpus_needed {
    std::size_t enough = 0;  ///< on so many they fit
    std::size_t least = 0;   ///< on fewer they do not, as far as is proven; equal to `enough` where that is optimal
};

namespace detail {

/// Maximises c·w over w >= 0 where the sum over j of rows[i][j]·w[j] is at most 1 for every i, by the simplex method
/// from w = 0 (Bland's rule, so it ends). Small problems: every step touches the whole table.
class packing_program {
public:
    /// @param rows  numbers from 0 on; every w[j] has a row with a number above 0
    packing_program(const std::vector<std::vector<std::uint8_t>>& rows, std::span<const std::size_t> c)
        : rows_{rows.size()}, columns_{c.size()}, table_((rows_ + 1) * (columns_ + 1), 0.0) {
        for (std::size_t i = 0; i < rows_; ++i) {
            for (std::size_t j = 0; j < columns_; ++j) at(i, j) = rows[i][j];
            at(i, columns_) = 1.0;
            basic_.push_back(columns_ + i);
        }
        for (std::size_t j = 0; j < columns_; ++j) {
            at(rows_, j) = -static_cast<double>(c[j]);
            free_.push_back(j);
        }
        while (step()) {}
    }
    /// The largest c·w.
    [[nodiscard]] double value() const noexcept { return table_[rows_ * (columns_ + 1) + columns_]; }
    /// What one more of the bound of row i is worth: how often pattern i is used.
    [[nodiscard]] double price(std::size_t i) const noexcept {
        const auto where = std::ranges::find(free_, columns_ + i);
        if (where == free_.end()) return 0.0;
        return table_[rows_ * (columns_ + 1) + static_cast<std::size_t>(where - free_.begin())];
    }

private:
    static constexpr double tiny = 1e-9;
    [[nodiscard]] double& at(std::size_t i, std::size_t j) noexcept { return table_[i * (columns_ + 1) + j]; }
    bool step() noexcept {
        std::size_t enters = columns_;
        for (std::size_t j = 0; j < columns_; ++j) {
            if (at(rows_, j) < -tiny && (enters == columns_ || free_[j] < free_[enters])) enters = j;
        }
        if (enters == columns_) return false;
        std::size_t leaves = rows_;
        for (std::size_t i = 0; i < rows_; ++i) {
            if (at(i, enters) <= tiny) continue;
            if (leaves == rows_) {
                leaves = i;
                continue;
            }
            const double a = at(i, columns_) * at(leaves, enters);
            const double b = at(leaves, columns_) * at(i, enters);
            if (a < b - tiny || (a <= b + tiny && basic_[i] < basic_[leaves])) leaves = i;
        }
        if (leaves == rows_) return false;
        pivot(leaves, enters);
        return true;
    }
    void pivot(std::size_t r, std::size_t c) noexcept {
        const double by = 1.0 / at(r, c);
        for (std::size_t i = 0; i <= rows_; ++i) {
            if (i == r) continue;
            const double factor = at(i, c) * by;
            if (factor == 0.0) continue;
            for (std::size_t j = 0; j <= columns_; ++j) {
                if (j != c) at(i, j) -= factor * at(r, j);
            }
            at(i, c) = -factor;
        }
        for (std::size_t j = 0; j <= columns_; ++j) {
            if (j != c) at(r, j) *= by;
        }
        at(r, c) = by;
        std::swap(basic_[r], free_[c]);
    }

    std::size_t rows_;
    std::size_t columns_;
    std::vector<double> table_;       // the last row: reduced costs; the last column: values
    std::vector<std::size_t> basic_;  // of each row; columns_ + i is the slack of row i
    std::vector<std::size_t> free_;   // of each column
};

/// Packs slices onto empty GPUs by the sets that fit on one: bins of a few patterns.
class mig_packing {
public:
    mig_packing(const mig_positions& positions, std::span<const std::size_t> slices)
        : patterns_{positions.sets()}, left_(slices.begin(), slices.end()) {
        for ([[maybe_unused]] std::size_t p = 0; p < left_.size(); ++p) {
            BERTH_ASSERT(left_[p] == 0 || std::ranges::any_of(patterns_, [&](const auto& set) { return set[p] > 0; }),
                         "berth: slices of profiles that the positions were made for");
        }
    }

    [[nodiscard]] mig_gpus_needed run() {
        std::size_t taken = 0;
        std::size_t least = 0;
        if (states() > most_states) {
            const packing_program program{patterns_, left_};
            least = static_cast<std::size_t>(std::ceil(program.value() - rounding));
            for (std::size_t i = 0; i < patterns_.size(); ++i) {
                taken += take(patterns_[i], static_cast<std::size_t>(program.price(i) + rounding));
            }
        }
        while (states() > most_states) taken += take(largest(), 1);
        const std::size_t enough = taken + exact();
        return {enough, taken == 0 ? enough : least};
    }

private:
    static constexpr std::size_t most_states = 20'000;
    static constexpr double rounding = 1e-6;

    /// Takes away what so many GPUs with this set hold; returns how many of them there were slices for.
    std::size_t take(const std::vector<std::uint8_t>& set, std::size_t gpus) {
        for (std::size_t p = 0; p < left_.size(); ++p) {
            if (set[p] > 0) gpus = std::min(gpus, left_[p] / set[p]);
        }
        for (std::size_t p = 0; p < left_.size(); ++p) left_[p] -= gpus * set[p];
        return gpus;
    }
    /// The set with the most slices among those that are left.
    [[nodiscard]] const std::vector<std::uint8_t>& largest() const {
        const std::vector<std::uint8_t>* most = nullptr;
        std::size_t slices = 0;
        for (const std::vector<std::uint8_t>& set : patterns_) {
            std::size_t sum = 0;
            bool fits = true;
            for (std::size_t p = 0; p < left_.size() && fits; ++p) {
                fits = set[p] <= left_[p];
                sum += set[p];
            }
            if (!fits || sum <= slices) continue;
            slices = sum;
            most = &set;
        }
        return *most;
    }
    /// Different rests, up to the limit.
    [[nodiscard]] std::size_t states() const {
        std::size_t product = 1;
        for (const std::size_t n : left_) {
            product *= n + 1;
            if (product > most_states) break;
        }
        return product;
    }
    /// The fewest GPUs for what is left: one more than the best of what a set leaves, over all sets.
    [[nodiscard]] std::size_t exact() const {
        std::vector<std::size_t> stride(left_.size());
        std::size_t size = 1;
        for (std::size_t p = 0; p < left_.size(); ++p) {
            stride[p] = size;
            size *= left_[p] + 1;
        }
        std::vector<std::size_t> fewest(size, size);
        fewest[0] = 0;
        std::vector<std::size_t> count(left_.size(), 0);
        for (std::size_t state = 1; state < size; ++state) {
            for (std::size_t p = 0; p < left_.size(); ++p) count[p] = state / stride[p] % (left_[p] + 1);
            for (const std::vector<std::uint8_t>& set : patterns_) {
                std::size_t before = state;
                bool fits = true;
                for (std::size_t p = 0; p < left_.size() && fits; ++p) {
                    fits = set[p] <= count[p];
                    before -= set[p] * stride[p];
                }
                if (fits && before != state) fewest[state] = std::min(fewest[state], fewest[before] + 1);
            }
        }
        return fewest[size - 1];
    }

    std::vector<std::vector<std::uint8_t>> patterns_;
    std::vector<std::size_t> left_;
};

}  // namespace detail

/// The fewest empty GPUs on which slices fit, whatever order they come in: how many GPUs to switch to MIG mode for
/// slices that wait.
///
/// A bin packing with few patterns (Gilmore and Gomory, Operations Research 9, 1961): the linear program over the sets
/// that fit on one GPU, rounded down, and the rest exactly.
///
/// @param positions  of the board, made for the profiles that are asked for
/// @param slices     how many of each profile of the board; 0 of those that `positions` was not made for
/// @return           `enough`, optimal while the product of (slices + 1) over the profiles is at most 20,000 (6 slices
///                   of each of five profiles); beyond, at most a few GPUs above `least`, the bound of the program
///
/// O(20,000 x sets x profiles) at most, milliseconds; allocates. Deterministic.
[[nodiscard]] inline mig_gpus_needed fewest_mig_gpus(const mig_positions& positions,
                                                     std::span<const std::size_t> slices) {
    BERTH_ASSERT(slices.size() == positions.board().profiles().size(), "berth: a number for each profile of the board");
    return detail::mig_packing{positions, slices}.run();
}

}  // namespace berth::inline v0
