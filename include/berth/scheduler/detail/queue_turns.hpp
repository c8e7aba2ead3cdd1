// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/model/resources.hpp"
#include "berth/scheduler/detail/queue_books.hpp"
#include "berth/scheduler/detail/queue_tree.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace berth::inline v0::detail {

/// Whose turn it is: at each level of a tree of queues a tournament between siblings, by what the next job of each asks
/// for. A change of one leaf costs O(depth × log(siblings)).
class queue_turns {
public:
    static constexpr std::uint32_t nobody = ~std::uint32_t{0};

    queue_turns(const queue_tree& tree, const queue_books& books) : tree_{&tree}, books_{&books} {}

    /// Begins anew: no leaf has a job.
    void open() {
        const std::size_t queues = tree_->size();
        place_.resize(queues, 0);
        winners_.resize(queues);
        has_.assign(queues, 0);
        next_.clear();
        next_.resize(queues * books_->counters(), 0);
        for (std::uint32_t q = 0; q < queues; ++q) {
            const auto children = books_->children(q);
            winners_[q].assign(2 * children.size(), nobody);
            for (std::size_t i = 0; i < children.size(); ++i)
                place_[children[i]] = static_cast<std::uint32_t>(children.size() + i);
        }
    }
    /// The next job of a leaf asks for this.
    void set(std::uint32_t leaf, std::span<const amount> of) {
        has_[leaf] = 1;
        put(leaf, of);
        follow(leaf);
    }
    /// A leaf has no job to start.
    void clear(std::uint32_t leaf) {
        has_[leaf] = 0;
        follow(leaf);
    }
    /// What a leaf has is another amount.
    void follow(std::uint32_t q) {
        for (; q != queue_tree::root; q = (*tree_)[q].parent) {
            const std::uint32_t parent = (*tree_)[q].parent;
            std::vector<std::uint32_t>& w = winners_[parent];
            std::size_t i = place_[q];
            w[i] = has_[q] != 0 ? q : nobody;
            for (i /= 2; i > 0; i /= 2) w[i] = better(w[2 * i], w[2 * i + 1]);
            const std::uint32_t best = w[1];
            has_[parent] = best != nobody ? 1 : 0;
            if (best != nobody) put(parent, next(best));
        }
    }
    /// The leaf whose turn it is, or nobody.
    [[nodiscard]] std::uint32_t leaf() const noexcept {
        std::uint32_t q = queue_tree::root;
        if (has_[q] == 0) return nobody;
        while (!winners_[q].empty()) q = winners_[q][1];
        return q;
    }

private:
    [[nodiscard]] std::span<const amount> next(std::uint32_t q) const noexcept {
        return next_.view().subspan(q * books_->counters(), books_->counters());
    }
    void put(std::uint32_t q, std::span<const amount> of) noexcept {
        for (std::size_t c = 0; c < of.size(); ++c) next_[q * books_->counters() + c] = of[c];
    }
    [[nodiscard]] std::uint32_t better(std::uint32_t a, std::uint32_t b) const {
        if (a == nobody || b == nobody) return a == nobody ? b : a;
        return books_->goes_first(a, next(a), b, next(b)) ? a : b;
    }

    const queue_tree* tree_;
    const queue_books* books_;
    std::vector<std::vector<std::uint32_t>> winners_;  // of each queue with others below it, a tree as an array
    std::vector<std::uint32_t> place_;                 // of each queue in that of its parent
    std::vector<std::uint8_t> has_;
    flat<amount> next_;
};

}  // namespace berth::inline v0::detail
