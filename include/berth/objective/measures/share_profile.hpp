// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/ledger.hpp"
#include "berth/model/resources.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0 {

/// The free shares of the healthy GPUs of one node, ascending, with prefix sums: how many GPUs have at least u free,
/// and the free share on the others, without a loop over tasks. A value on the stack; all costs are O(GPUs) at most.
class share_profile {
public:
    /// No GPU.
    share_profile() noexcept { below_[0] = 0; }
    /// A node as it stands.
    explicit share_profile(const node_view& node) noexcept {
        for (gpu_mask rest = node.healthy; rest != 0; rest &= rest - 1) {
            const amount share = node.free_share(lowest_gpu(rest));
            std::size_t at = size_++;
            for (; at > 0 && shares_[at - 1] > share; --at) shares_[at] = shares_[at - 1];
            shares_[at] = share;
        }
        below_[0] = 0;
        add_up(0);
    }

    /// Changes the free share of one GPU from `before`, which must occur, to `after`.
    void replace(amount before, amount after) noexcept {
        std::size_t at = 0;
        while (shares_[at] != before) ++at;
        const std::size_t from = at;
        for (; at > 0 && shares_[at - 1] > after; --at) shares_[at] = shares_[at - 1];
        for (; at + 1 < size_ && shares_[at + 1] < after; ++at) shares_[at] = shares_[at + 1];
        shares_[at] = after;
        add_up(at < from ? at : from);
    }
    /// Takes the demand's share from each of these GPUs of the node, which are healthy.
    void take(const node_view& node, const demand_view& demand, gpu_mask gpus) noexcept {
        for (; gpus != 0; gpus &= gpus - 1) {
            const amount share = node.free_share(lowest_gpu(gpus));
            replace(share, share - demand.gpu[0]);
        }
    }

    /// Number of healthy GPUs.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// The free shares, ascending.
    [[nodiscard]] std::span<const amount> ascending() const noexcept { return {shares_.data(), size_}; }
    /// Free thousandths in all.
    [[nodiscard]] amount total() const noexcept { return below_[size_]; }
    /// Number of GPUs with less than `share` free.
    [[nodiscard]] std::size_t short_of(amount share) const noexcept {
        std::size_t count = 0;
        for (std::size_t i = 0; i < size_; ++i) count += static_cast<std::size_t>(shares_[i] < share);
        return count;
    }
    /// Number of tasks of this share that fit on all GPUs but the `first` ones with the least free.
    [[nodiscard]] std::int64_t slots_from(std::size_t first, amount share) const noexcept {
        std::int64_t slots = 0;
        for (std::size_t i = first; i < size_; ++i) slots += shares_[i] / share;
        return slots;
    }
    /// Free thousandths on the `count` GPUs with the least free.
    [[nodiscard]] amount below(std::size_t count) const noexcept { return below_[count]; }

private:
    void add_up(std::size_t from) noexcept {
        for (std::size_t i = from; i < size_; ++i) below_[i + 1] = below_[i] + shares_[i];
    }

    std::size_t size_ = 0;
    std::array<amount, max_gpus_per_node> shares_;
    std::array<amount, max_gpus_per_node + 1> below_;
};

}  // namespace berth::inline v0
