// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/objective/measures/expected_fragmentation.hpp"
#include "berth/objective/measures/share_profile.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace berth::inline v0::detail {

/// A cache of `expected_fragmentation` by model, CPU and free shares, because nodes of one kind pass through the same
/// states again and again. A table of fixed size where later states replace earlier ones; keys are compared in full, so
/// a value is always right. Nodes with more than 8 GPUs are computed every time.
class fragmentation_memo {
public:
    fragmentation_memo() : entries_(std::size_t{1} << log_size) {}

    [[nodiscard]] expected_fragmentation::value operator()(const expected_fragmentation& fragmentation,
                                                           const node_view& node, const share_profile& shares,
                                                           amount cpu) {
        const auto ascending = shares.ascending();
        if (ascending.empty() || ascending.size() > max_gpus) return fragmentation(node, shares, cpu);
        key k{};
        k.model = node.model(0).value();
        k.gpus = ascending.size();
        k.cpu = cpu;
        for (std::size_t i = 0; i < ascending.size(); ++i) k.shares[i] = ascending[i];
        std::uint64_t hash = k.model * 0x9e3779b97f4a7c15ULL + k.gpus;
        hash = (hash ^ static_cast<std::uint64_t>(cpu)) * 0xff51afd7ed558ccdULL;
        for (const amount share : ascending) {
            hash = ((hash ^ (hash >> 29U)) + static_cast<std::uint64_t>(share)) * 0xc4ceb9fe1a85ec53ULL;
        }
        entry& at = entries_[hash >> (64U - log_size)];
        if (!(at.state == k)) at = {k, fragmentation(node, shares, cpu)};
        return at.value;
    }

private:
    static constexpr std::size_t max_gpus = 8;
    static constexpr unsigned log_size = 14;

    struct key {
        std::size_t model = 0;
        std::size_t gpus = 0;  // 0: empty
        amount cpu = 0;
        std::array<amount, max_gpus> shares{};
        friend bool operator==(const key&, const key&) = default;
    };
    struct entry {
        key state;
        expected_fragmentation::value value;
    };
    flat<entry> entries_;
};

}  // namespace berth::inline v0::detail
