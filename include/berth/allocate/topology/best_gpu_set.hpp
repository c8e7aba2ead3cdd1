// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/gpu_links.hpp"
#include "berth/model/slot.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace berth::inline v0 {

/// Which of several GPU sets with the same score is taken.
enum class set_tie_break : std::uint8_t {
    lowest,  ///< the one with the smallest mask
    /// the one that leaves the best connected rest (the sum over its pairs), then the smallest mask: what comes next
    /// finds good sets, too
    best_rest,
};

namespace detail {

/// The most free GPUs that the exact search takes, and those of a half.
inline constexpr std::size_t most_searched_gpus = 16;
inline constexpr std::size_t half_of_searched_gpus = most_searched_gpus / 2;

/// All sets of a half, the small ones first; where the sets of each size begin.
struct sets_by_size {
    std::array<std::uint8_t, 1U << half_of_searched_gpus> sets{};
    std::array<std::size_t, half_of_searched_gpus + 2> first{};

    constexpr sets_by_size() noexcept {
        std::size_t next = 0;
        for (std::size_t size = 0; size <= half_of_searched_gpus; ++size) {
            first[size] = next;
            for (unsigned set = 0; set < sets.size(); ++set) {
                if (static_cast<std::size_t>(std::popcount(set)) == size) sets[next++] = static_cast<std::uint8_t>(set);
            }
        }
        first[half_of_searched_gpus + 1] = next;
    }
};
inline constexpr sets_by_size sized_sets{};

/// The exact search over the free GPUs, cut into two halves: for every part of the upper half the best part of the
/// lower half is found by sums that grow by one GPU at a time.
class gpu_set_search {
public:
    gpu_set_search(gpu_links links, gpu_mask free, gpu_mask required, std::size_t k, set_tie_break tie) noexcept
        : k_{k}, tie_{tie} {
        for (gpu_mask rest = free; rest != 0; rest &= rest - 1) {
            at_[count_] = static_cast<std::uint8_t>(std::countr_zero(rest));
            if ((required >> at_[count_] & 1U) != 0) required_ |= 1U << count_;
            ++count_;
        }
        low_ = count_ / 2;
        for (std::size_t a = 0; a < count_; ++a) {
            for (std::size_t b = 0; b < count_; ++b) {
                link_[a][b] = links(at_[a], at_[b]);
                to_all_[a] += link_[a][b];
            }
        }
    }
    [[nodiscard]] gpu_mask run() noexcept {
        sum_halves();
        const unsigned uppers = 1U << (count_ - low_);
        for (unsigned upper = 0; upper < uppers; ++upper) {
            const auto size = static_cast<std::size_t>(std::popcount(upper));
            if (size > k_ || size + low_ < k_ || (required_ >> low_ & ~upper) != 0) continue;
            join(upper, k_ - size);
        }
        gpu_mask set = 0;
        for (unsigned rest = best_; rest != 0; rest &= rest - 1)
            set |= gpu_mask{1} << at_[static_cast<std::size_t>(std::countr_zero(rest))];
        return set;
    }

private:
    void sum_halves() noexcept {
        for (unsigned set = 1; set < 1U << low_; ++set) {
            const auto last = static_cast<std::size_t>(std::countr_zero(set));
            const unsigned before = set & (set - 1);
            inner_low_[set] = inner_low_[before];
            for (unsigned rest = before; rest != 0; rest &= rest - 1) {
                inner_low_[set] += link_[last][static_cast<std::size_t>(std::countr_zero(rest))];
            }
        }
        for (unsigned set = 1; set < 1U << (count_ - low_); ++set) {
            const auto last = static_cast<std::size_t>(std::countr_zero(set));
            const unsigned before = set & (set - 1);
            inner_high_[set] = inner_high_[before];
            for (unsigned rest = before; rest != 0; rest &= rest - 1) {
                inner_high_[set] += link_[low_ + last][low_ + static_cast<std::size_t>(std::countr_zero(rest))];
            }
        }
    }
    // The best set whose upper half is this one.
    void join(unsigned upper, std::size_t lower_size) noexcept {
        std::array<std::int32_t, half_of_searched_gpus> to_upper{};
        for (std::size_t a = 0; a < low_; ++a) {
            for (unsigned rest = upper; rest != 0; rest &= rest - 1) {
                to_upper[a] += link_[a][low_ + static_cast<std::size_t>(std::countr_zero(rest))];
            }
        }
        // Sums that grow by one GPU for all sets of the others at once.
        for (std::size_t a = 0; a < low_; ++a) {
            const std::size_t sets = std::size_t{1} << a;
            for (std::size_t set = 0; set < sets; ++set) cross_[sets + set] = cross_[set] + to_upper[a];
        }
        const unsigned required = required_ & ((1U << low_) - 1U);
        const std::int32_t upper_sum = inner_high_[upper];
        for (std::size_t i = sized_sets.first[lower_size]; i < sized_sets.first[lower_size + 1]; ++i) {
            const unsigned lower = sized_sets.sets[i];
            if (lower >= 1U << low_) break;
            const std::int32_t sum = inner_low_[lower] + upper_sum + cross_[lower];
            if (sum >= best_sum_ && (required & ~lower) == 0) offer(upper << low_ | lower, sum);
        }
    }
    void offer(unsigned set, std::int32_t sum) noexcept {
        // The pairs of the rest are all pairs less those that touch the set.
        std::int64_t lost = 0;
        if (tie_ == set_tie_break::best_rest) {
            for (unsigned rest = set; rest != 0; rest &= rest - 1) {
                lost += to_all_[static_cast<std::size_t>(std::countr_zero(rest))];
            }
            lost -= sum;
        }
        if (sum == best_sum_ && (lost > best_lost_ || (lost == best_lost_ && set > best_))) return;
        best_sum_ = sum;
        best_lost_ = lost;
        best_ = set;
    }

    std::size_t k_;
    set_tie_break tie_;
    std::size_t count_ = 0;  // free GPUs
    std::size_t low_ = 0;    // of them in the lower half
    unsigned required_ = 0;  // by position among the free ones
    std::array<std::uint8_t, most_searched_gpus> at_{};
    std::array<std::array<std::int32_t, most_searched_gpus>, most_searched_gpus> link_{};
    std::array<std::int64_t, most_searched_gpus> to_all_{};
    std::array<std::int32_t, 1U << half_of_searched_gpus> inner_low_{};
    std::array<std::int32_t, 1U << half_of_searched_gpus> inner_high_{};
    std::array<std::int32_t, 1U << half_of_searched_gpus> cross_{};
    std::int32_t best_sum_ = -1;
    std::int64_t best_lost_ = 0;
    unsigned best_ = 0;
};

/// For more free GPUs than the exact search takes: a set that grows by the best GPU from every start, mended by swaps.
[[nodiscard]] inline gpu_mask grow_gpu_set(gpu_links links, gpu_mask free, gpu_mask required, std::size_t k) noexcept {
    gpu_mask best = 0;
    std::int64_t best_score = -1;
    const auto gain = [&](gpu_mask set, std::size_t gpu) { return links.between(set, gpu_mask{1} << gpu); };
    for (gpu_mask starts = required != 0 ? gpu_mask{1} << std::countr_zero(required) : free; starts != 0;
         starts &= starts - 1) {
        gpu_mask set = required | (starts & -starts);
        while (static_cast<std::size_t>(std::popcount(set)) < k) {
            std::size_t chosen = 64;
            for (gpu_mask rest = free & ~set; rest != 0; rest &= rest - 1) {
                const auto gpu = static_cast<std::size_t>(std::countr_zero(rest));
                if (chosen == 64 || gain(set, gpu) > gain(set, chosen)) chosen = gpu;
            }
            set |= gpu_mask{1} << chosen;
        }
        for (bool better = true; better;) {
            better = false;
            for (gpu_mask out = set & ~required; out != 0 && !better; out &= out - 1) {
                const gpu_mask kept = set & ~(out & -out);
                const auto leaving = static_cast<std::size_t>(std::countr_zero(out));
                for (gpu_mask in = free & ~set; in != 0 && !better; in &= in - 1) {
                    const auto entering = static_cast<std::size_t>(std::countr_zero(in));
                    if (gain(kept, entering) <= gain(kept, leaving)) continue;
                    set = kept | gpu_mask{1} << entering;
                    better = true;
                }
            }
        }
        const std::int64_t score = links.score(set);
        if (score > best_score || (score == best_score && set < best)) {
            best_score = score;
            best = set;
        }
    }
    return best;
}

}  // namespace detail

/// The k free GPUs of a node that are connected best: the highest sum of scores over all pairs of the set.
///
/// @param links     of the node
/// @param free      GPUs that may be taken
/// @param k         how many, 1..64
/// @param required  GPUs that have to be among them
/// @param tie       which of several best sets
/// @return          the set; 0 if fewer are free, more are required, or a required one is not free
///
/// Exact up to 16 free GPUs and for k = 1 and 2 (with `best_rest` a single GPU is the one whose links the rest misses
/// least); beyond, a local search. O(2^free) additions up to 16 free GPUs: under a microsecond for 8, some ten for 16.
/// Does not allocate. Deterministic.
[[nodiscard]] inline gpu_mask best_gpu_set(gpu_links links, gpu_mask free, std::size_t k, gpu_mask required = 0,
                                           set_tie_break tie = set_tie_break::best_rest) noexcept {
    const auto count = [](gpu_mask set) { return static_cast<std::size_t>(std::popcount(set)); };
    if (links.size() < 64) free &= (gpu_mask{1} << links.size()) - 1;
    if (k == 0 || k > count(free) || count(required) > k || (required & ~free) != 0) return 0;
    if (k == count(free)) return free;
    if (count(free) <= detail::most_searched_gpus) return detail::gpu_set_search{links, free, required, k, tie}.run();
    return detail::grow_gpu_set(links, free, required, k);
}

}  // namespace berth::inline v0
