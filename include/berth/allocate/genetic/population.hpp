// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/genetic/individual.hpp"
#include "berth/core/byte_box.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/model/resources.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace berth::inline v0 {

/// Number of genes in which two assignments differ. O(tasks), four genes at a time.
[[nodiscard]] inline std::size_t hamming_distance(std::span<const gpu_gene> a, std::span<const gpu_gene> b) noexcept {
    BERTH_ASSERT(a.size() == b.size(), "berth: a distance is between assignments of the same tasks");
    constexpr std::uint64_t low = 0x7fff'7fff'7fff'7fffULL;
    constexpr std::uint64_t ones = 0x0001'0001'0001'0001ULL;
    constexpr std::size_t block = 0x8000;  // words until a lane of the count could overflow
    std::size_t distance = 0;
    std::size_t i = 0;
    while (i + 4 <= a.size()) {
        std::uint64_t lanes = 0;
        for (std::size_t words = 0; words < block && i + 4 <= a.size(); ++words, i += 4) {
            std::uint64_t x = 0;
            std::uint64_t y = 0;
            std::memcpy(&x, a.data() + i, sizeof x);
            std::memcpy(&y, b.data() + i, sizeof y);
            const std::uint64_t differing = x ^ y;
            lanes += ((((differing & low) + low) | differing) >> 15U) & ones;
        }
        for (; lanes != 0; lanes >>= 16U) distance += lanes & 0xffffU;
    }
    for (; i < a.size(); ++i) distance += a[i] != b[i] ? 1 : 0;
    return distance;
}

/// The members of one island and the children of one generation. Between generations members are ranked: 0 is the best,
/// `size() - 1` the worst. Values come from the repair policy; lower is better. Positions are unchecked.
class population {
public:
    /// Of no members.
    population() = default;
    /// A population of `size` members and `children` children, with genes for `tasks` tasks. Allocates all memory.
    population(std::size_t tasks, std::size_t size, std::size_t children)
        : tasks_{tasks}, size_{size}, genes_((size + children) * tasks) {
        for (std::size_t row = 0; row < size + children; ++row) {
            entries_.push_back({0.0, 0.0, 0, static_cast<std::uint32_t>(row)});
        }
    }

    /// Number of genes of a member.
    [[nodiscard]] std::size_t tasks() const noexcept { return tasks_; }
    /// Number of members.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// Number of children of a generation.
    [[nodiscard]] std::size_t children() const noexcept { return entries_.size() - size_; }

    /// The genes of a member.
    [[nodiscard]] std::span<const gpu_gene> genes(std::size_t i) const noexcept { return row(i); }
    /// The value of a member by the repair policy; lower is better.
    [[nodiscard]] double value(std::size_t i) const noexcept { return entries_[i].value; }
    /// The cost of a member.
    [[nodiscard]] double cost(std::size_t i) const noexcept { return entries_[i].cost; }
    /// Load of a member beyond capacities, over all GPUs.
    [[nodiscard]] amount excess(std::size_t i) const noexcept { return entries_[i].excess; }

    /// The genes of a child.
    [[nodiscard]] std::span<const gpu_gene> child_genes(std::size_t j) const noexcept { return row(size_ + j); }
    /// The value of a child.
    [[nodiscard]] double child_value(std::size_t j) const noexcept { return entries_[size_ + j].value; }
    /// The cost of a child.
    [[nodiscard]] double child_cost(std::size_t j) const noexcept { return entries_[size_ + j].cost; }
    /// The excess of a child.
    [[nodiscard]] amount child_excess(std::size_t j) const noexcept { return entries_[size_ + j].excess; }

    /// Child `j` becomes member `i`, and the member becomes child `j`. O(1).
    void exchange(std::size_t i, std::size_t j) noexcept {
        std::swap(entries_[i], entries_[size_ + j]);
        ++exchanges_;
    }
    /// Number of calls of `exchange`.
    [[nodiscard]] std::uint64_t exchanges() const noexcept { return exchanges_; }

    /// The genes of a member, to be written. For code that fills a population.
    [[nodiscard]] std::span<gpu_gene> mutable_genes(std::size_t i) noexcept {
        return {genes_.data() + entries_[i].row * tasks_, tasks_};
    }
    /// The genes of a child, to be written.
    [[nodiscard]] std::span<gpu_gene> mutable_child_genes(std::size_t j) noexcept { return mutable_genes(size_ + j); }
    /// Sets value, cost and excess of a member. `rank` has to follow.
    void set(std::size_t i, double value, double cost, amount excess) noexcept {
        entries_[i].value = value;
        entries_[i].cost = cost;
        entries_[i].excess = excess;
    }
    /// Sets value, cost and excess of a child.
    void set_child(std::size_t j, double value, double cost, amount excess) noexcept {
        set(size_ + j, value, cost, excess);
    }
    /// Number of children from `j` on that are contiguous in memory, at least 1: they can be evaluated together.
    [[nodiscard]] std::size_t adjacent_children(std::size_t j) const noexcept {
        std::size_t count = 1;
        while (j + count < children() && entries_[size_ + j + count].row == entries_[size_ + j].row + count) ++count;
        return count;
    }
    /// Restores the order of the members after some were exchanged or set: by value, ties by position in memory, which
    /// is as deterministic as the run. Children are put in the order of memory. O(n log n) for n members and children.
    void rank() noexcept {
        std::sort(entries_.begin(), entries_.begin() + size_, [](const entry& a, const entry& b) {
            return a.value != b.value ? a.value < b.value : a.row < b.row;
        });
        std::sort(entries_.begin() + size_, entries_.end(),
                  [](const entry& a, const entry& b) { return a.row < b.row; });
    }

    /// Appends all members and children with their places in memory, which order equal ones.
    void save(byte_writer& out) const {
        out.put(exchanges_);
        out.put_all(entries_.view());
        out.put_all(genes_.view());
    }
    /// Becomes what a population of the same sizes saved. False, and in any state, if the bytes are not of that form.
    [[nodiscard]] bool restore(byte_reader& in) {
        exchanges_ = in.get<std::uint64_t>();
        in.get_all(std::span{entries_.data(), entries_.size()});
        in.get_all(std::span{genes_.data(), genes_.size()});
        detail::flat<std::uint8_t> seen(entries_.size());
        for (const entry& one : entries_) {
            if (one.row >= seen.size() || seen[one.row] != 0) return false;
            seen[one.row] = 1;
        }
        return in.complete();
    }

private:
    struct entry {
        double value;
        double cost;
        amount excess;
        std::uint32_t row;
    };

    [[nodiscard]] std::span<const gpu_gene> row(std::size_t i) const noexcept {
        return {genes_.data() + entries_[i].row * tasks_, tasks_};
    }

    std::size_t tasks_ = 0;
    std::size_t size_ = 0;
    std::uint64_t exchanges_ = 0;
    detail::flat<gpu_gene> genes_;
    detail::flat<entry> entries_;
};

}  // namespace berth::inline v0
