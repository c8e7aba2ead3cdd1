// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/model/node_view.hpp"
#include "berth/model/slot.hpp"

#include <cstddef>
#include <cstdint>

namespace berth::inline v0::detail {

/// The free shares of the GPUs of a node, 16 bits each, those of unhealthy GPUs as 0: a state that is compared, and
/// changed by a placement, in a few instructions. Only of nodes with at most 8 GPUs whose free shares are in range.
struct packed_shares {
    static constexpr std::size_t most_gpus = 8;

    std::uint64_t low = 0;   ///< GPUs 0 to 3
    std::uint64_t high = 0;  ///< GPUs 4 to 7

    /// Packs a node's shares; false if they cannot be.
    [[nodiscard]] bool pack(const node_view& node) noexcept {
        const std::size_t gpus = node.gpu_count();
        if (gpus > most_gpus) return false;
        std::uint64_t out_of_range = 0;
        const auto word = [&](std::size_t first, std::size_t end) {
            std::uint64_t packed = 0;
            for (std::size_t i = end; i-- > first;) {
                const auto share = static_cast<std::uint64_t>(node.free_share(i));  // negative ones become huge
                out_of_range |= share >> 16U;
                packed = packed << 16U | ((node.healthy >> i & 1U) != 0 ? share : 0);
            }
            return packed;
        };
        low = word(0, gpus < 4 ? gpus : 4);
        high = gpus > 4 ? word(4, gpus) : 0;
        return out_of_range == 0;
    }
    /// Takes a share, which must be there, from each of these GPUs.
    void take(amount share, gpu_mask gpus) noexcept {
        for (; gpus != 0; gpus &= gpus - 1) {
            const std::size_t i = lowest_gpu(gpus);
            (i < 4 ? low : high) -= static_cast<std::uint64_t>(share) << (16 * (i % 4));
        }
    }
    /// The share of a GPU.
    [[nodiscard]] std::uint64_t operator[](std::size_t i) const noexcept {
        return (i < 4 ? low : high) >> (16 * (i % 4)) & 0xffff;
    }
    /// True if one of these GPUs has the share of GPU i.
    [[nodiscard]] bool repeats(gpu_mask gpus, std::size_t i) const noexcept {
        for (; gpus != 0; gpus &= gpus - 1) {
            if ((*this)[lowest_gpu(gpus)] == (*this)[i]) return true;
        }
        return false;
    }
    friend bool operator==(const packed_shares&, const packed_shares&) = default;
};

/// A cache of a measure of nodes by their free shares and two numbers that stand for the rest that it depends on,
/// because nodes pass through the same states again and again, and a placement leads to a state that was evaluated
/// before. A table of fixed size where later states replace earlier ones; keys are compared in full, so a value is
/// always right.
template <class Value>
class fragmentation_memo {
public:
    /// @param log_size  log2 of the number of states that it holds; above 0
    explicit fragmentation_memo(unsigned log_size) : entries_(std::size_t{1} << log_size), shift_{64U - log_size} {}

    /// The value of a state, from `make()` if it is not there.
    ///
    /// @param first  not the greatest number of 64 bits
    template <class Make>
    [[nodiscard]] const Value& find(const packed_shares& shares, std::uint64_t first, std::uint64_t second, Make make) {
        std::uint64_t hash = (shares.low ^ first * 0x9e3779b97f4a7c15ULL) * 0xff51afd7ed558ccdULL;
        hash ^= (shares.high ^ second * 0xc2b2ae3d27d4eb4fULL) * 0xc4ceb9fe1a85ec53ULL;
        hash = (hash ^ hash >> 32U) * 0x9e3779b97f4a7c15ULL;
        entry& at = entries_[hash >> shift_];
        if (!(at.shares == shares && at.first == first && at.second == second)) at = {shares, first, second, make()};
        return at.value;
    }

private:
    static constexpr std::uint64_t never = ~std::uint64_t{0};

    struct entry {
        packed_shares shares;
        std::uint64_t first = never;
        std::uint64_t second = 0;
        Value value{};
    };
    flat<entry> entries_;
    unsigned shift_;
};

}  // namespace berth::inline v0::detail
