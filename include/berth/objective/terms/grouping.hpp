// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/objective/concepts.hpp"
#include "berth/objective/detail/group_places.hpp"
#include "berth/objective/place_of.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0 {

namespace detail {

/// Pairs of tasks of one group, counted when both have a place and the places are equal (`Together`) or differ.
template <bool Together>
class group_pairs {
public:
    group_pairs(place_of what, const problem& p, std::span<const slot> start) : groups_{what, p, start} {
        for (std::size_t g = 0; g < p.workload().group_count(); ++g) {
            const group_index group{g};
            std::int64_t together = 0;
            groups_.each_place(group, [&](group_places::place, std::int64_t tasks) { together += pairs(tasks); });
            pairs_ += Together ? together : pairs(groups_.placed(group, {})) - together;
        }
    }
    /// Over the assignment as it stands. O(1).
    [[nodiscard]] double value() const noexcept { return static_cast<double>(pairs_); }
    /// The change of the value if these moves happened at once.
    [[nodiscard]] double delta(task_moves all) const { return static_cast<double>(change(all)); }
    /// Carries the moves out.
    void apply(task_moves all) {
        pairs_ += change(all);
        for (const task_move& r : all) groups_.apply(r);
    }

private:
    [[nodiscard]] static constexpr std::int64_t pairs(std::int64_t tasks) noexcept { return tasks * (tasks - 1) / 2; }

    /// Move by move, each after those before it.
    [[nodiscard]] std::int64_t change(task_moves all) const {
        std::int64_t sum = 0;
        for (std::size_t i = 0; i < all.size(); ++i) {
            const task_move& r = all[i];
            const group_index g = groups_.group(r);
            const group_places::place from = groups_.at(r.from);
            const group_places::place to = groups_.at(r.to);
            if (from == to || !g.valid()) continue;
            sum += mates(r, g, to, all.first(i)) - mates(r, g, from, all.first(i));
        }
        return sum;
    }
    /// The number of tasks of its group that make a pair with the task when it is in a place.
    [[nodiscard]] std::int64_t mates(const task_move& r, group_index g, group_places::place where,
                                     task_moves done) const {
        if (where == group_places::nowhere) return 0;
        const group_places::place now = groups_.at(r.from);
        const std::int64_t together = groups_.count(g, where, done) - (where == now ? 1 : 0);
        if (Together) return together;
        return groups_.placed(g, done) - (now != group_places::nowhere ? 1 : 0) - together;
    }

    group_places groups_;
    std::int64_t pairs_ = 0;
};

}  // namespace detail

/// Anti-affinity: the number of pairs of tasks of one group in the same place; 0 when no two tasks of a group share a
/// place. A task whose node has no domain of the level counts as unplaced. Exact; deterministic. A delta is O(1) per
/// move.
struct spread_of_groups {
    place_of place{};  ///< nodes or the domains of a level

    /// The term in plans and in the self-check.
    [[nodiscard]] static constexpr const char* name() noexcept { return "spread"; }
    /// The state of a run that starts with this assignment; allocates all its memory here. O(tasks + fleet).
    [[nodiscard]] detail::group_pairs<true> prepare(const problem& p, std::span<const slot> start) const {
        return {place, p, start};
    }
};

/// Co-location: the number of pairs of tasks of one group in different places; 0 when every group is together. Exact;
/// deterministic. A delta is O(1) per move.
struct colocation_of_groups {
    place_of place{};  ///< nodes or the domains of a level

    /// The term in plans and in the self-check.
    [[nodiscard]] static constexpr const char* name() noexcept { return "co-location"; }
    /// The state of a run that starts with this assignment; allocates all its memory here. O(tasks + fleet).
    [[nodiscard]] detail::group_pairs<false> prepare(const problem& p, std::span<const slot> start) const {
        return {place, p, start};
    }
};

static_assert(term<spread_of_groups> && term<colocation_of_groups>);

}  // namespace berth::inline v0
