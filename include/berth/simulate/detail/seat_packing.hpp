// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"

#include <cstddef>
#include <cstdint>

namespace berth::inline v0::detail {

/// Finds nodes for newcomers among jobs that keep theirs: the largest newcomer first, on the fullest nodes with room;
/// where there are none, smaller jobs leave the node where the fewest GPUs are theirs, and become newcomers. Jobs whose
/// sizes divide one another always find room if their number of GPUs does.
class seat_packing {
public:
    void begin(std::size_t nodes, std::uint32_t gpus_per_node, std::size_t jobs) {
        size_ = gpus_per_node;
        free_.assign(nodes, gpus_per_node);
        whole_.assign(nodes, nobody);
        node_.resize(jobs, nobody);
        seated_.clear();
        waiting_.clear();
    }
    void add(std::uint32_t job, std::uint32_t gpus) { wait({job, gpus}); }
    void keep(std::uint32_t job, std::uint32_t gpus, std::uint32_t node) {
        free_[node] -= gpus;
        node_[job] = node;
        seated_.push_back({job, gpus});
    }
    void keep_whole(std::uint32_t job, std::size_t node) noexcept {
        free_[node] = 0;
        whole_[node] = job;
    }
    /// False if somebody finds no room. O(newcomers · (nodes + jobs)).
    [[nodiscard]] bool run() {
        while (!waiting_.empty()) {
            const tenant next = waiting_.back();
            waiting_.pop_back();
            if (next.gpus <= size_) {
                const std::size_t node = find(next.gpus);
                if (node == free_.size()) return false;
                keep(next.job, next.gpus, static_cast<std::uint32_t>(node));
                continue;
            }
            for (std::uint32_t left = next.gpus; left > 0; left -= size_) {
                const std::size_t node = find(size_);
                if (node == free_.size()) return false;
                keep_whole(next.job, node);
            }
        }
        return true;
    }
    [[nodiscard]] std::uint32_t node(std::uint32_t job) const noexcept { return node_[job]; }
    [[nodiscard]] std::uint32_t whole(std::size_t node) const noexcept { return whole_[node]; }

private:
    static constexpr std::uint32_t nobody = ~std::uint32_t{0};
    struct tenant {
        std::uint32_t job;
        std::uint32_t gpus;
    };

    /// The largest is last; among equals who came first.
    void wait(tenant one) {
        waiting_.push_back(one);
        std::size_t k = waiting_.size() - 1;
        for (; k > 0 && waiting_[k - 1].gpus >= one.gpus; --k) waiting_[k] = waiting_[k - 1];
        waiting_[k] = one;
    }
    /// A node on which so many GPUs are free, if need be because smaller jobs left it.
    [[nodiscard]] std::size_t find(std::uint32_t gpus) {
        std::size_t best = free_.size();
        for (std::size_t n = 0; n < free_.size(); ++n) {
            if (free_[n] >= gpus && (best == free_.size() || free_[n] < free_[best])) best = n;
        }
        if (best != free_.size()) return best;
        smaller_.assign(free_.size(), 0);
        for (const tenant& one : seated_) {
            if (one.gpus < gpus) smaller_[node_[one.job]] += one.gpus;
        }
        for (std::size_t n = 0; n < free_.size(); ++n) {
            if (free_[n] + smaller_[n] < gpus) continue;
            if (best == free_.size() || smaller_[n] < smaller_[best]) best = n;
        }
        if (best != free_.size()) clear(static_cast<std::uint32_t>(best), gpus);
        return best;
    }
    /// Smaller jobs leave a node, the largest first, until so many GPUs are free.
    void clear(std::uint32_t node, std::uint32_t gpus) {
        while (free_[node] < gpus) {
            std::size_t leaves = seated_.size();
            for (std::size_t k = 0; k < seated_.size(); ++k) {
                if (node_[seated_[k].job] != node || seated_[k].gpus >= gpus) continue;
                if (leaves == seated_.size() || seated_[leaves].gpus < seated_[k].gpus) leaves = k;
            }
            const tenant one = seated_[leaves];
            free_[node] += one.gpus;
            seated_[leaves] = seated_.back();
            seated_.pop_back();
            wait(one);
        }
    }

    std::uint32_t size_ = 1;
    flat<std::uint32_t> free_{};     // GPUs of each node
    flat<std::uint32_t> whole_{};    // who has the whole node as one of several
    flat<std::uint32_t> node_{};     // of each job on one node
    flat<std::uint32_t> smaller_{};  // of each node: GPUs of jobs that may leave it
    flat<tenant> seated_{};          // who is on one node
    flat<tenant> waiting_{};         // newcomers, the smallest first
};

}  // namespace berth::inline v0::detail
