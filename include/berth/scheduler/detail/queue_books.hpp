// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/model/resources.hpp"
#include "berth/queue/shares/detail/wide_fraction.hpp"
#include "berth/queue/shares/fair_shares.hpp"
#include "berth/queue/shares/queue_turn.hpp"
#include "berth/queue/shares/time_based_weights.hpp"
#include "berth/scheduler/detail/queue_tree.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace berth::inline v0::detail {

/// Why a queue does not let a job start.
enum class queue_bar : std::uint8_t { none, limit, quota };

/// What each queue of a tree has, wants and is due, of every divided counter. Amounts of a queue include those of all
/// below it.
class queue_books {
public:
    explicit queue_books(const queue_tree& tree) : tree_{&tree} {}

    /// Follows the tree. True if it is another one: then nobody has or wants anything.
    [[nodiscard]] bool open() {
        if (version_ == tree_->version()) return false;
        version_ = tree_->version();
        counters_ = tree_->counters().size();
        const std::size_t cells = tree_->size() * counters_;
        for (flat<amount>* all : {&allocated_, &hard_, &leaving_, &waiting_, &fair_}) {
            all->clear();
            all->resize(cells, 0);
        }
        total_.assign(counters_, 0);
        children_.assign(tree_->size(), {});
        for (std::uint32_t q = 1; q < tree_->size(); ++q) children_[(*tree_)[q].parent].push_back(q);
        // The line of jobs without a queue is the youngest of all.
        std::vector<std::uint32_t>& first = children_[queue_tree::root];
        std::rotate(first.begin(), first.begin() + 1, first.end());
        by_depth_.clear();
        by_depth_.push_back(queue_tree::root);
        for (std::size_t i = 0; i < by_depth_.size(); ++i) {
            for (const std::uint32_t child : children_[by_depth_[i]]) by_depth_.push_back(child);
        }
        return true;
    }
    [[nodiscard]] std::size_t counters() const noexcept { return counters_; }
    [[nodiscard]] amount& total(std::size_t c) noexcept { return total_[c]; }

    /// A job of a leaf waits for this; for less with a negative sign.
    void wait(std::uint32_t leaf, std::span<const amount> of, amount sign = 1) noexcept {
        add(waiting_, leaf, of, sign);
    }
    /// A job of a leaf has this.
    void start(std::uint32_t leaf, std::span<const amount> of, bool hard) noexcept { take(leaf, of, hard, 1); }
    /// A job of a leaf has this no longer.
    void stop(std::uint32_t leaf, std::span<const amount> of, bool hard) noexcept { take(leaf, of, hard, -1); }

    /// A task of a leaf is to stop for another: what it has counts for that one, and against limits until it is gone.
    void leave(std::uint32_t leaf, std::span<const amount> of, amount sign = 1) noexcept {
        add(leaving_, leaf, of, sign);
    }

    /// All is told: computes what each queue is due.
    void close() {
        for (std::size_t c = 0; c < counters_; ++c) divide(c);
    }

    [[nodiscard]] std::span<const std::uint32_t> children(std::uint32_t q) const noexcept { return children_[q]; }
    [[nodiscard]] amount allocated(std::uint32_t q, std::size_t c) const noexcept { return at(allocated_, q, c); }
    [[nodiscard]] amount hard(std::uint32_t q, std::size_t c) const noexcept { return at(hard_, q, c); }
    [[nodiscard]] amount fair(std::uint32_t q, std::size_t c) const noexcept { return at(fair_, q, c); }
    [[nodiscard]] amount due(std::uint32_t q, std::size_t c) const noexcept {
        return std::min(tree_->limit(q, c), std::max(tree_->quota(q, c), fair(q, c)));
    }

    /// Whether the queues from a leaf up to the root let a job start that asks for this. What may not be stopped lives
    /// on guarantees alone.
    [[nodiscard]] queue_bar bar(std::uint32_t leaf, std::span<const amount> of, bool hard) const noexcept {
        for (std::uint32_t q = leaf; q != queue_tree::root; q = (*tree_)[q].parent) {
            for (std::size_t c = 0; c < counters_; ++c) {
                if (of[c] <= 0) continue;
                if (allocated(q, c) + at(leaving_, q, c) + of[c] > tree_->limit(q, c)) return queue_bar::limit;
            }
        }
        // Jobs without a queue are bound by no guarantee.
        if (!hard || leaf == queue_tree::unnamed) return queue_bar::none;
        for (std::uint32_t q = leaf; q != queue_tree::root; q = (*tree_)[q].parent) {
            for (std::size_t c = 0; c < counters_; ++c) {
                if (of[c] > 0 && this->hard(q, c) + of[c] > tree_->quota(q, c)) return queue_bar::quota;
            }
        }
        return queue_bar::none;
    }

    /// Whether sibling `a`, whose next job asks for `next_a`, goes before sibling `b`.
    [[nodiscard]] bool goes_first(std::uint32_t a, std::span<const amount> next_a, std::uint32_t b,
                                  std::span<const amount> next_b) const {
        list_uses(a, next_a, uses_a_);
        list_uses(b, next_b, uses_b_);
        return goes_before(queue_turn{uses_a_.view(), (*tree_)[a].priority, age(a)},
                           queue_turn{uses_b_.view(), (*tree_)[b].priority, age(b)});
    }
    /// How far a queue is above what it is due: its largest share of it, in counters that are asked for.
    [[nodiscard]] wide_fraction excess(std::uint32_t q, std::span<const amount> asked) const noexcept {
        wide_fraction most{0, 1};
        for (std::size_t c = 0; c < counters_; ++c) {
            if (asked[c] <= 0 || allocated(q, c) <= 0) continue;
            most = std::max(most, wide_fraction{allocated(q, c), due(q, c)});
        }
        return most;
    }

private:
    [[nodiscard]] static std::size_t age(std::uint32_t q) noexcept {
        return q == queue_tree::unnamed ? ~std::size_t{0} : q;
    }
    [[nodiscard]] amount at(const flat<amount>& of, std::uint32_t q, std::size_t c) const noexcept {
        return of[q * counters_ + c];
    }
    void add(flat<amount>& to, std::uint32_t leaf, std::span<const amount> of, amount sign) noexcept {
        for (std::uint32_t q = leaf; q != queue_tree::root; q = (*tree_)[q].parent) {
            for (std::size_t c = 0; c < counters_; ++c) to[q * counters_ + c] += sign * of[c];
        }
    }
    void take(std::uint32_t leaf, std::span<const amount> of, bool hard, amount sign) noexcept {
        add(allocated_, leaf, of, sign);
        if (hard) add(hard_, leaf, of, sign);
    }
    void list_uses(std::uint32_t q, std::span<const amount> next, flat<queue_use>& uses) const {
        uses.clear();
        for (std::size_t c = 0; c < counters_; ++c)
            uses.push_back({allocated(q, c), next[c], tree_->quota(q, c), fair(q, c), due(q, c)});
    }
    /// One counter, from the root down: the share of a queue is the total of those below it.
    void divide(std::size_t c) {
        // What a queue wants is what those below it want, each within its limit.
        want_.assign(tree_->size(), 0);
        for (std::size_t i = by_depth_.size(); i-- > 1;) {
            const std::uint32_t q = by_depth_[i];
            if (tree_->is_leaf(q)) want_[q] = allocated(q, c) + at(waiting_, q, c);
            want_[q] = std::min(want_[q], tree_->limit(q, c));
            want_[(*tree_)[q].parent] += want_[q];
        }
        const auto& counter = tree_->counters()[c];
        const amount unit = counter.is == divided_counter::kind::gpu ? whole_gpu : 1;
        for (const std::uint32_t q : by_depth_) {
            if (children_[q].empty()) continue;
            claims_.clear();
            used_.clear();
            bool usage = false;
            for (const std::uint32_t child : children_[q]) {
                const queue_record& r = (*tree_)[child];
                claims_.push_back({.quota = tree_->quota(child, c),
                                   .limit = tree_->limit(child, c),
                                   .weight = r.weight,
                                   .priority = r.priority,
                                   .want = want_[child]});
                usage = usage || r.usage == r.usage;
                used_.push_back(r.usage == r.usage ? r.usage : 0.0);
            }
            // Who used more than its part of what there was gets less of what is over.
            if (usage) shift_by_use();
            parts_.assign(claims_.size(), 0);
            divide_fairly(q == queue_tree::root ? total_[c] : fair(q, c), unit, claims_, parts_);
            for (std::size_t i = 0; i < parts_.size(); ++i) fair_[children_[q][i] * counters_ + c] = parts_[i];
        }
    }

    /// Among siblings of one priority that want more than they are guaranteed, as what is over is divided.
    void shift_by_use() {
        std::vector<std::uint8_t> done(claims_.size(), 0);
        std::vector<std::size_t> group;
        std::vector<queue_claim> shifted;
        std::vector<double> used;
        for (std::size_t first = 0; first < claims_.size(); ++first) {
            group.clear(), shifted.clear(), used.clear();
            for (std::size_t i = first; i < claims_.size(); ++i) {
                const queue_claim& one = claims_[i];
                if (done[i] != 0 || one.priority != claims_[first].priority) continue;
                if (done[first] != 0) break;
                if (one.want <= one.quota || one.weight <= 0.0) continue;
                group.push_back(i);
                shifted.push_back(one);
                used.push_back(used_[i]);
            }
            time_based_weights(shifted, used, 1.0);
            for (std::size_t k = 0; k < group.size(); ++k) {
                claims_[group[k]].weight = shifted[k].weight;
                done[group[k]] = 1;
            }
        }
    }

    const queue_tree* tree_;
    std::uint64_t version_ = 0;
    std::size_t counters_ = 0;
    flat<amount> allocated_;
    flat<amount> hard_;
    flat<amount> leaving_;
    flat<amount> waiting_;
    flat<amount> fair_;
    flat<amount> total_;
    std::vector<std::vector<std::uint32_t>> children_;
    // Scratch.
    mutable flat<queue_use> uses_a_;
    mutable flat<queue_use> uses_b_;
    std::vector<amount> want_;
    std::vector<std::uint32_t> by_depth_;
    std::vector<queue_claim> claims_;
    std::vector<double> used_;
    std::vector<amount> parts_;
};

}  // namespace berth::inline v0::detail
