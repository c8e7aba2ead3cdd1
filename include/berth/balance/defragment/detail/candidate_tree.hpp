// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/defragment/defragment_options.hpp"
#include "berth/balance/detail/stop_poll.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/objective/task_move.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace berth::inline v0::detail {

/// The candidates of a beam search. Each but the first follows from a parent: tasks are evicted from a node, and the
/// parent's first waiting task goes there. A level holds the candidates of one number of moves, as a heap.
class candidate_tree {
public:
    struct candidate {
        std::uint64_t key = 0;  ///< of the shapes that wait
        std::size_t parent = 0;
        node_index node{};     ///< target of the parent's first waiting task
        std::size_t used = 0;  ///< moves
        /// Share of the waiting tasks, less the largest piece left over; lowest is followed first
        amount shortage = 0;
        amount left = 0;  ///< among equals, highest is followed first
        std::size_t first_evicted = 0;
        std::size_t evicted = 0;
        std::size_t first_waiting = 0;
        std::size_t waiting = 0;
        std::size_t first_put = 0;
        std::size_t put = 0;
    };

    /// Empties the tree but for a first candidate, in which one task waits.
    void start(std::uint64_t key, std::size_t max_steps) {
        candidates_.clear();
        evicted_.clear();
        waiting_.clear();
        put_.clear();
        if (levels_.size() < max_steps + 1) levels_.resize(max_steps + 1);
        for (auto& level : levels_) level.clear();
        add({.key = key}, {});
    }
    void add(candidate d, std::span<const task_index> evicted) {
        d.first_evicted = evicted_.size();
        d.evicted = evicted.size();
        evicted_.append(evicted);
        candidates_.push_back(d);
        flat<std::size_t>& heap = levels_[d.used];
        heap.push_back(candidates_.size() - 1);
        const auto later = [this](std::size_t a, std::size_t b) { return followed_later(a, b); };
        std::push_heap(heap.begin(), heap.end(), position_order{later});
    }
    [[nodiscard]] const candidate& operator[](std::size_t d) const noexcept { return candidates_[d]; }
    /// Valid until the next `add`.
    [[nodiscard]] std::span<const task_index> evicted(std::size_t d) const noexcept {
        return evicted_.view().subspan(candidates_[d].first_evicted, candidates_[d].evicted);
    }
    /// Valid until the next `wait`.
    [[nodiscard]] std::span<task_index> waiting(std::size_t d) noexcept {
        return {waiting_.data() + candidates_[d].first_waiting, candidates_[d].waiting};
    }
    /// Valid until the next `put`.
    [[nodiscard]] std::span<const task_move> put(std::size_t d) const noexcept {
        return put_.view().subspan(candidates_[d].first_put, candidates_[d].put);
    }

    /// Begins the lists of a candidate; `wait` and `put` append to the one opened last.
    void open(std::size_t d) {
        candidates_[d].first_waiting = waiting_.size();
        candidates_[d].waiting = 0;
        candidates_[d].first_put = put_.size();
        candidates_[d].put = 0;
    }
    void wait(std::size_t d, task_index t) {
        waiting_.push_back(t);
        ++candidates_[d].waiting;
    }
    /// Drops all but the first `count` waiting tasks.
    void keep_waiting(std::size_t d, std::size_t count) {
        waiting_.resize(candidates_[d].first_waiting + count);
        candidates_[d].waiting = count;
    }
    void put(std::size_t d, const task_move& r) {
        put_.push_back(r);
        ++candidates_[d].put;
    }

    /// The candidates of a level to follow, best first; of those with equal keys only a few. To be called once for each
    /// level. Fewer if the poll interrupts it. O(log candidates of the level) for each that is looked at.
    [[nodiscard]] std::span<const std::size_t> choose(std::size_t level, const eviction_beam& beam, stop_poll& poll) {
        const auto later = [this](std::size_t a, std::size_t b) { return followed_later(a, b); };
        const position_order order{later};
        flat<std::size_t>& heap = levels_[level];
        chosen_.clear();
        while (!heap.empty() && chosen_.size() < beam.width && !poll.interrupted()) {
            std::pop_heap(heap.begin(), heap.end(), order);
            const std::size_t d = heap.back();
            heap.pop_back();
            std::size_t alike = 0;
            for (const std::size_t other : chosen_) alike += candidates_[other].key == candidates_[d].key ? 1 : 0;
            if (alike < beam.alternatives) chosen_.push_back(d);
        }
        return chosen_.view();
    }

private:
    [[nodiscard]] bool followed_later(std::size_t a, std::size_t b) const noexcept {
        const candidate& x = candidates_[a];
        const candidate& y = candidates_[b];
        if (x.shortage != y.shortage) return x.shortage > y.shortage;
        if (x.left != y.left) return x.left < y.left;
        return a > b;
    }

    flat<candidate> candidates_;
    std::vector<flat<std::size_t>> levels_;
    flat<task_index> evicted_;
    flat<task_index> waiting_;
    flat<task_move> put_;
    flat<std::size_t> chosen_;
};

}  // namespace berth::inline v0::detail
