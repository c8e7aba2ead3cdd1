// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"

#include <cstdint>

namespace berth::inline v0::detail {

/// Pairing heaps over jobs, by position: each job is in one heap at most, and each heap is its root. The order is a
/// callable `before(a, b)`, a total order that does not change while jobs are in heaps. Insertion is O(1), removal of
/// any job O(log jobs), amortised. Nothing but `resize` allocates.
class job_heap {
public:
    static constexpr std::uint32_t none = ~std::uint32_t{0};

    void resize(std::size_t jobs) {
        if (links_.size() < jobs) links_.resize(jobs, {});
    }
    template <class Before>
    void insert(std::uint32_t& root, std::uint32_t job, const Before& before) {
        links_[job] = {};
        root = root == none ? job : meld(root, job, before);
    }
    template <class Before>
    void erase(std::uint32_t& root, std::uint32_t job, const Before& before) {
        const std::uint32_t children = merge(links_[job].child, before);
        if (job == root) {
            root = children;
        } else {
            const record at = links_[job];
            (links_[at.previous].child == job ? links_[at.previous].child : links_[at.previous].next) = at.next;
            if (at.next != none) links_[at.next].previous = at.previous;
            if (children != none) root = meld(root, children, before);
        }
        links_[job] = {};
    }
    /// Appends all jobs of a heap, in no particular order. O(jobs).
    void list(std::uint32_t root, flat<std::uint32_t>& out) const {
        if (root == none) return;
        const std::size_t first = out.size();
        out.push_back(root);
        for (std::size_t i = first; i < out.size(); ++i) {
            for (std::uint32_t c = links_[out[i]].child; c != none; c = links_[c].next) out.push_back(c);
        }
    }

private:
    struct record {
        std::uint32_t child = none;
        std::uint32_t next = none;      // sibling
        std::uint32_t previous = none;  // sibling, or the parent of a first child
    };

    /// Both are roots: without siblings.
    template <class Before>
    std::uint32_t meld(std::uint32_t a, std::uint32_t b, const Before& before) {
        if (before(b, a)) {
            const std::uint32_t swapped = a;
            a = b;
            b = swapped;
        }
        const std::uint32_t first = links_[a].child;
        links_[b].next = first;
        links_[b].previous = a;
        if (first != none) links_[first].previous = b;
        links_[a].child = b;
        return a;
    }
    /// One heap of a list of siblings: pairs from the left, then from the right.
    template <class Before>
    std::uint32_t merge(std::uint32_t first, const Before& before) {
        std::uint32_t pairs = none;  // a list by `next`, the last pair first
        while (first != none) {
            const std::uint32_t a = first;
            const std::uint32_t b = links_[a].next;
            first = b == none ? none : links_[b].next;
            links_[a].next = links_[a].previous = none;
            std::uint32_t one = a;
            if (b != none) {
                links_[b].next = links_[b].previous = none;
                one = meld(a, b, before);
            }
            links_[one].next = pairs;
            pairs = one;
        }
        std::uint32_t all = none;
        while (pairs != none) {
            const std::uint32_t one = pairs;
            pairs = links_[one].next;
            links_[one].next = none;
            all = all == none ? one : meld(all, one, before);
        }
        return all;
    }

    flat<record> links_;
};

}  // namespace berth::inline v0::detail
