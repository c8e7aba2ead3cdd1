// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/model/gpu_links.hpp"
#include "berth/model/slot.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace berth::inline v0 {

/// How the GPUs of a node reach each other without a link of their own: the worst part of the way, the worst first. The
/// names are those of `nvidia-smi topo`.
enum class pcie_path : std::uint8_t {
    sys,    ///< between the sockets
    node,   ///< between the host bridges of one socket
    phb,    ///< over a host bridge
    pxb,    ///< over several switches
    pix,    ///< over one switch
    board,  ///< on one board
};

/// The score of a pair of GPUs after NVIDIA's go-gpuallocator: 10 for `sys` to 60 for `board`, and 100 for each NVLink.
[[nodiscard]] constexpr std::int32_t link_score(pcie_path path, std::size_t nvlinks) noexcept {
    return 10 * (static_cast<std::int32_t>(path) + 1) + 100 * static_cast<std::int32_t>(nvlinks);
}

/// How good the connection of every pair of GPUs of a node is: larger is better, 0 for no connection worth a name.
/// Whatever you measure will do: bandwidth, links, `link_score`.
class link_matrix {
public:
    static constexpr std::int32_t max_score = gpu_links::max_score;  ///< of a pair

    /// All pairs with score 0.
    ///
    /// @param gpus  0..64
    explicit link_matrix(std::size_t gpus = 0) : gpus_{gpus}, scores_(gpus * gpus) {
        BERTH_ASSERT(gpus <= 64, "berth: a node has at most 64 GPUs");
    }
    /// Sets the score of a pair, both ways.
    ///
    /// @param a, b   two GPUs
    /// @param score  0..`max_score`
    void set(std::size_t a, std::size_t b, std::int32_t score) {
        BERTH_ASSERT(a < gpus_ && b < gpus_ && a != b && score >= 0 && score <= max_score,
                     "berth: a link joins two GPUs of the node, with a score from 0 to a million");
        scores_[a * gpus_ + b] = score;
        scores_[b * gpus_ + a] = score;
    }
    /// The score of a pair; 0 for a GPU and itself.
    [[nodiscard]] std::int32_t operator()(std::size_t a, std::size_t b) const noexcept {
        return scores_[a * gpus_ + b];
    }
    /// The GPUs of the node.
    [[nodiscard]] std::size_t size() const noexcept { return gpus_; }
    /// The sum over all pairs of a set. O(k²).
    [[nodiscard]] std::int64_t score(gpu_mask set) const noexcept { return gpu_links{*this}.score(set); }
    /// The sum over all pairs of one GPU of each set.
    [[nodiscard]] std::int64_t between(gpu_mask one, gpu_mask other) const noexcept {
        return gpu_links{*this}.between(one, other);
    }
    /// A view of it.
    operator gpu_links() const noexcept { return {reinterpret_cast<const char*>(scores_.data()), gpus_}; }

private:
    std::size_t gpus_;
    std::vector<std::int32_t> scores_;
};

}  // namespace berth::inline v0
