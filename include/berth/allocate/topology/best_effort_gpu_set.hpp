// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/topology/link_matrix.hpp"
#include "berth/model/slot.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace berth::inline v0 {

namespace detail {

/// Cuts all free GPUs into sets of k, in the order of go-gpuallocator, and keeps the cut with the highest sum of
/// scores.
class gpu_partition_search {
public:
    gpu_partition_search(const link_matrix& links, gpu_mask free, gpu_mask required, std::size_t k) noexcept
        : links_{links}, required_{required}, k_{k} {
        for (; free != 0; free &= free - 1) items_[count_++] = static_cast<std::uint8_t>(std::countr_zero(free));
        padding_ = (k - count_ % k) % k;
        for (std::size_t i = 0; i < padding_; ++i) items_[count_++] = blank;
    }
    [[nodiscard]] gpu_mask run() noexcept {
        cut(0, 0, 0);
        return best_set();
    }

private:
    static constexpr std::uint8_t blank = 64;
    static constexpr std::size_t most_items = 128;

    [[nodiscard]] bool has(std::size_t i) const noexcept { return taken_[i]; }
    // Takes the first item that is left, and every choice of partners for it.
    void cut(std::size_t first, std::size_t sets, std::int64_t sum) noexcept {
        while (first < count_ && has(first)) ++first;
        if (first == count_) {
            judge(sets, sum);
            return;
        }
        taken_[first] = true;
        choose(first + 1, first, 1, items_[first] == blank ? 0 : gpu_mask{1} << items_[first],
               items_[first] == blank ? 1 : 0, sets, sum);
        taken_[first] = false;
    }
    void choose(std::size_t from, std::size_t first, std::size_t chosen, gpu_mask set, std::size_t blanks,
                std::size_t sets, std::int64_t sum) noexcept {
        if (chosen == k_) {
            // A set has all of the padding or none.
            if (blanks != 0 && blanks != padding_) return;
            sets_[sets] = set;
            padded_[sets] = blanks != 0;
            cut(first + 1, sets + 1, sum + links_.score(set));
            return;
        }
        for (std::size_t i = from; i + (k_ - chosen) <= count_; ++i) {
            if (has(i)) continue;
            taken_[i] = true;
            const bool is_blank = items_[i] == blank;
            choose(i + 1, first, chosen + 1, is_blank ? set : set | gpu_mask{1} << items_[i],
                   blanks + (is_blank ? 1U : 0U), sets, sum);
            taken_[i] = false;
        }
    }
    void judge(std::size_t sets, std::int64_t sum) noexcept {
        if (sum <= best_sum_) return;
        bool possible = false;
        for (std::size_t s = 0; s < sets; ++s) possible = possible || (!padded_[s] && (required_ & ~sets_[s]) == 0);
        if (!possible) return;
        best_sum_ = sum;
        best_count_ = sets;
        best_sets_ = sets_;
        best_padded_ = padded_;
    }
    [[nodiscard]] gpu_mask best_set() const noexcept {
        gpu_mask best = 0;
        std::int64_t score = -1;
        for (std::size_t s = 0; s < best_count_; ++s) {
            if (best_padded_[s] || (required_ & ~best_sets_[s]) != 0 || links_.score(best_sets_[s]) <= score) continue;
            score = links_.score(best_sets_[s]);
            best = best_sets_[s];
        }
        return best;
    }

    const link_matrix& links_;
    gpu_mask required_;
    std::size_t k_;
    std::size_t count_ = 0;
    std::size_t padding_ = 0;
    std::array<std::uint8_t, most_items> items_{};
    std::array<bool, most_items> taken_{};
    std::array<gpu_mask, most_items> sets_{};
    std::array<bool, most_items> padded_{};
    std::array<gpu_mask, most_items> best_sets_{};
    std::array<bool, most_items> best_padded_{};
    std::size_t best_count_ = 0;
    std::int64_t best_sum_ = -1;
};

}  // namespace detail

/// The choice of NVIDIA's device plugin ("best effort" of go-gpuallocator), for those who want what they had: all free
/// GPUs are cut into sets of k with the highest sum of scores, and the best of these sets is taken. Good for whoever
/// asks for k next as well; `best_gpu_set` is better for the one who asks now.
///
/// @param links     of the node
/// @param free      GPUs that may be taken, at most 8
/// @param k         how many, 1 and more
/// @param required  GPUs that have to be among them
/// @return          the set; 0 if fewer are free, more are required, or a required one is not free
///
/// Tries every cut: at most 280 for 8 GPUs. Beyond 8 free GPUs it does not enumerate, and answers 0: use
/// `best_gpu_set`. Does not allocate. Deterministic, ties as there.
[[nodiscard]] inline gpu_mask best_effort_gpu_set(const link_matrix& links, gpu_mask free, std::size_t k,
                                                  gpu_mask required = 0) noexcept {
    const auto count = [](gpu_mask set) { return static_cast<std::size_t>(std::popcount(set)); };
    if (k == 0 || k > count(free) || count(required) > k || (required & ~free) != 0 || count(free) > 8) return 0;
    return detail::gpu_partition_search{links, free, required, k}.run();
}

}  // namespace berth::inline v0
