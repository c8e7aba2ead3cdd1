// SPDX-License-Identifier: Apache-2.0
#pragma once

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

/// How wide a long search looks.
struct eviction_beam {
    std::size_t width = 100;  ///< candidates followed for each number of moves
    std::size_t alternatives =
        2;  ///< of candidates in which tasks of the same shapes wait, and of evictions of the same shapes
};

/// The candidates of a long search. Each but the first follows from a parent: tasks are evicted from a node, and the parent's first
/// waiting task goes there. A level holds the candidates of one number of moves.
class candidate_tree {
public:
    struct candidate {
        std::uint64_t key = 0;  ///< of the shapes that wait
        std::size_t parent = 0;
        node_index node{};  ///< where the parent's first waiting task goes
        std::size_t used = 0;
        amount lacks = 0;  ///< what waits, less the largest piece left over; least is followed first
        amount left = 0;   ///< on equal terms, most is followed first
        std::size_t first_evicted = 0;
        std::size_t evicted = 0;
        std::size_t first_waiting = 0;
        std::size_t waiting = 0;
        std::size_t first_put = 0;
        std::size_t put = 0;
    };

    /// Empty, with a first candidate in which one task waits.
    void start(std::uint64_t key, std::size_t most_steps) {
        candidates_.clear();
        evicted_.clear();
        waiting_.clear();
        put_.clear();
        if (levels_.size() < most_steps + 1) levels_.resize(most_steps + 1);
        for (auto& level : levels_) level.clear();
        add({.key = key}, {});
    }
    void add(candidate d, std::span<const task_index> evicted) {
        d.first_evicted = evicted_.size();
        d.evicted = evicted.size();
        evicted_.append(evicted);
        levels_[d.used].push_back(candidates_.size());
        candidates_.push_back(d);
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

    /// What waits and what is put is said of one candidate after the other.
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
    /// Of those that wait the first few go on waiting.
    void keep_waiting(std::size_t d, std::size_t count) {
        waiting_.resize(candidates_[d].first_waiting + count);
        candidates_[d].waiting = count;
    }
    void put(std::size_t d, const task_move& r) {
        put_.push_back(r);
        ++candidates_[d].put;
    }

    /// The candidates of a level that are followed: of those with equal keys only a few. Call it once; O(candidates of the level).
    [[nodiscard]] std::span<const std::size_t> choose(std::size_t level, const eviction_beam& beam) {
        const auto later = [this](std::size_t a, std::size_t b) {
            const candidate& x = candidates_[a];
            const candidate& y = candidates_[b];
            if (x.lacks != y.lacks) return x.lacks > y.lacks;
            if (x.left != y.left) return x.left < y.left;
            return a > b;
        };
        const position_order order{later};
        flat<std::size_t>& heap = levels_[level];
        std::make_heap(heap.begin(), heap.end(), order);
        chosen_.clear();
        while (!heap.empty() && chosen_.size() < beam.width) {
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
    flat<candidate> candidates_;
    std::vector<flat<std::size_t>> levels_;
    flat<task_index> evicted_;
    flat<task_index> waiting_;
    flat<task_move> put_;
    flat<std::size_t> chosen_;
};

}  // namespace berth::inline v0::detail
