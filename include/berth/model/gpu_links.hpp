// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/slot.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace berth::inline v0 {

/// How good the connection of every pair of GPUs of a node is: larger is better, 0 for no connection worth a name. A
/// view: of a `fleet` valid until it changes or ends, of a `link_matrix` as long as that lives.
class gpu_links {
public:
    static constexpr std::int32_t max_score = 1'000'000;  ///< of a pair, so that no sum overflows

    /// Nothing is known.
    constexpr gpu_links() = default;
    /// Scores as bytes of `std::int32_t`, the pair (a, b) at a * gpus + b: symmetric, 0 to `max_score`.
    constexpr gpu_links(const char* scores, std::size_t gpus) noexcept : scores_{scores}, gpus_{gpus} {}

    /// True if links of the node are known.
    [[nodiscard]] constexpr bool known() const noexcept { return gpus_ != 0; }
    /// The GPUs of the node; 0 if nothing is known.
    [[nodiscard]] constexpr std::size_t size() const noexcept { return gpus_; }
    /// The score of a pair; 0 for a GPU and itself.
    [[nodiscard]] std::int32_t operator()(std::size_t a, std::size_t b) const noexcept {
        std::int32_t score = 0;
        std::memcpy(&score, scores_ + sizeof score * (a * gpus_ + b), sizeof score);
        return score;
    }
    /// The sum over all pairs of a set. O(k²).
    [[nodiscard]] std::int64_t score(gpu_mask set) const noexcept {
        std::int64_t sum = 0;
        for (gpu_mask rest = set; rest != 0; rest &= rest - 1) {
            const auto a = static_cast<std::size_t>(std::countr_zero(rest));
            sum += between(gpu_mask{1} << a, rest & (rest - 1));
        }
        return sum;
    }
    /// The sum over all pairs of one GPU of each set.
    [[nodiscard]] std::int64_t between(gpu_mask one, gpu_mask other) const noexcept {
        std::int64_t sum = 0;
        for (; one != 0; one &= one - 1) {
            const auto a = static_cast<std::size_t>(std::countr_zero(one));
            for (gpu_mask rest = other; rest != 0; rest &= rest - 1) {
                sum += (*this)(a, static_cast<std::size_t>(std::countr_zero(rest)));
            }
        }
        return sum;
    }

private:
    const char* scores_ = nullptr;
    std::size_t gpus_ = 0;
};

}  // namespace berth::inline v0
